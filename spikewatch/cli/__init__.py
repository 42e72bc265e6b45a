"""The command line: parses, calls, prints. One module a command, each with `add` and `call`.

Nothing heavy is imported before a command runs, so that `--help` and `check` answer at once. Results go to standard
output, everything else to standard error. Exit status: 0 done, 1 a fault, 2 a mistake in usage or files, 3 a gate not met.
"""

from spikewatch.cli.frame import main

__all__ = ["main"]
