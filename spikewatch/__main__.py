"""`python -m spikewatch`, the same as `spikewatch`."""

import sys

INTERRUPTED = 130


def main() -> int:
    """Run one command and return its exit status; an interruption ends it without a word, while it is loaded too."""
    try:
        from spikewatch.cli import main as run  # noqa: PLC0415 -- loading takes a moment, in which Ctrl-C may come

        return run()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
