"""The frame of every command: its options, its errors, its exit status."""

import argparse
import errno
import io
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
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
from spikewatch.errors import NO_ROOM, Fault, SpikewatchError

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
_SILENT = logging.NullHandler()
_UNWRITTEN = frozenset({*NO_ROOM, errno.EIO})
"""How writing results fails where they find no room, or their device fails."""

_OPTION = re.compile(r"--[a-z-]+")
_NEGATIVE = re.compile(r"-\d")

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
    _give_streams()
    parser = command_line()
    args = parser.parse_args(_with_negatives(sys.argv[1:] if argv is None else argv))
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
    except OSError as error:
        if args.debug or error.errno not in _UNWRITTEN or error.filename is not None:
            raise
        return _no_room(error)
    return done


def _with_negatives(argv: Sequence[str]) -> list[str]:
    """Return the words of a command line; what begins with a minus and a digit is the value of the option before it.

    Left alone, it would pass for an option, and the option before it for one without a value.
    """
    words: list[str] = []
    for word in argv:
        if words and _OPTION.fullmatch(words[-1]) and _NEGATIVE.match(word):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def _give_streams() -> None:
    """Have streams that take whatever is said: a closed one takes it to nowhere, one without Unicode as escapes."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 -- it stays open
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors="backslashreplace")  # a name in Japanese is no reason to fail
    # a vendor's library says in its own words what is told in ours below; a daemon has handlers, and logs it
    logging.getLogger("spikewatch").addHandler(_SILENT)


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
    """`spikewatch ... | head` is no failure."""
    _drop_output()
    return 0


def _no_room(error: OSError) -> int:
    _drop_output()
    return _told(Fault(f"the results cannot be written: {error.strerror}; make room, or send them elsewhere"))


def _drop_output() -> None:
    """Let what is still buffered go nowhere: it must not complain when the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
