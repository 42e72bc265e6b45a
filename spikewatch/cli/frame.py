"""The frame of every command: its options, its errors, its exit status."""

import argparse
import os
import sys
from collections.abc import Sequence
from types import TracebackType

from spikewatch import __version__
from spikewatch.cli import (
    acts,
    backfill,
    backtest,
    check,
    demo,
    doctor,
    explain,
    export,
    init,
    labels,
    notify,
    outbox,
    prom,
    report,
    restore,
    run,
    sandbox,
    silence,
    status,
    tune,
)
from spikewatch.errors import SpikewatchError

_COMMANDS = (
    demo,
    sandbox,
    init,
    check,
    doctor,
    backfill,
    run,
    status,
    explain,
    *acts.COMMANDS,
    silence,
    labels,
    outbox,
    notify,
    backtest,
    report,
    export,
    restore,
    tune,
    prom,
)
_FAULT = 1
_MISUSE = 2
_INTERRUPTED = 130

_EPILOG = """\
first steps:
  spikewatch demo                              the story on simulated data: no account, no network
  spikewatch init                              write a commented spikewatch.yaml
  spikewatch check --config spikewatch.yaml    find every mistake in it
  spikewatch doctor --config spikewatch.yaml   look live at all that it names
  spikewatch run --config spikewatch.yaml      watch

exit status: 0 done, 1 a fault at run time, 2 wrong usage, configuration or input, 3 a gate was not met
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; whatever goes wrong is told in plain lines on standard error."""
    parser = command_line()
    args = parser.parse_args(argv)
    if args.call is None:
        parser.print_help(sys.stderr)
        return _MISUSE
    sys.excepthook = sys.__excepthook__ if args.debug else _tell_a_bug
    try:
        done: int = args.call(args)
        sys.stdout.flush()
    except SpikewatchError as error:
        if args.debug:
            raise
        return _told(error)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _reader_is_gone()
    return done


def command_line() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    debug = argparse.ArgumentParser(add_help=False)
    debug.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show a traceback when something fails",
    )
    parser = argparse.ArgumentParser(
        prog="spikewatch",
        description="Notices when customers write to support more than they should, and tells Slack and Prometheus.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[debug],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"spikewatch {__version__}")
    parser.set_defaults(call=None, debug=False)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        added = command.add(subparsers, shared=debug)
        added.set_defaults(call=command.call)
    return parser


def _told(error: SpikewatchError) -> int:
    for line in str(error).splitlines():
        print(f"spikewatch: {line}", file=sys.stderr)
    return error.exit_status


def _tell_a_bug(kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    """Say in one line what Python would say in fifty; the interpreter then ends with status 1."""
    print(
        f"spikewatch: this is a bug: {kind.__name__}: {error}\n"
        "spikewatch: run the command again with --debug and report what it says",
        file=sys.stderr,
    )


def _reader_is_gone() -> int:
    """`spikewatch ... | head` is no failure; what is still buffered must not complain when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
