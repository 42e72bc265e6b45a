"""`spikewatch backtest`: recorded counts through the live code, under one configuration or compared under two."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from spikewatch.cli import files, progress
from spikewatch.cli.options import (
    CONFIG_VARIABLE,
    Subparsers,
    add_command,
    add_recording,
    named_by_environment,
    span,
)
from spikewatch.errors import GateNotMet, Mistake

if TYPE_CHECKING:
    from spikewatch.config import Config

_DETAILS = """\
INPUT is a counts file (timestamp,service,category,count) or a tickets file (id,created_at,service,category and
optionally updated_at,status), plain or gzip, or the word store for the configured store. For a file, a
configuration with only `timezone:` in it is complete.

A time needs its UTC offset; a bare date means midnight in the configuration's time zone. What precedes --since is
history only; without it judging starts once 14 days are known. Two runs give the same bytes.

Kinds of label are incident, expected and false_alarm; an empty service or category means all. What is labelled
incident or expected is not learnt from as normal, from recorded_at on, else from its end: nothing looks ahead.

--format html writes one page with every incident, its chart and its reasons; it opens from disk and loads nothing.

--diff A B replays the same record under both and says which incidents B loses, gains, tells earlier or later. Two
incidents are the same where they overlap in time and series. With --max-lost or --max-new it is a gate: exit status 3
where B loses or gains more than that."""

_EXAMPLE = """\
spikewatch backtest tickets.csv.gz --config spikewatch.yaml --since 2026-05-01 --format html --out backtest.html
  spikewatch backtest --diff spikewatch.yaml new.yaml counts.csv --max-lost 0 --max-new 5"""

_ENDED_BY = 128
"""Exit status of a process that ends by a signal, less the signal's number."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "backtest",
        shared=shared,
        summary="replay recorded counts or tickets through the live code",
        details=_DETAILS,
        example=_EXAMPLE,
    )
    named = named_by_environment()
    settings = parser.add_mutually_exclusive_group(required=named is None)
    settings.add_argument(
        "--config",
        metavar="F",
        type=Path,
        default=named,
        help=f"the configuration, a YAML file (default: {CONFIG_VARIABLE} of the environment)",
    )
    settings.add_argument(
        "--diff", metavar=("A", "B"), nargs=2, type=Path, help="two configurations: what B would change"
    )
    add_recording(parser)
    parser.add_argument(
        "--max-lost",
        metavar="N",
        type=_count,
        help="with --diff: exit status 3 where B loses more incidents than N",
    )
    parser.add_argument(
        "--max-new",
        metavar="N",
        type=_count,
        help="with --diff: exit status 3 where B gains more incidents than N",
    )
    parser.add_argument(
        "--format",
        choices=("table", "jsonl", "html"),
        default="table",
        help="jsonl: one line an incident; html: one page (default: %(default)s)",
    )
    parser.add_argument("--out", metavar="F", type=Path, help="write here instead of standard output")
    return parser


def call(args: argparse.Namespace) -> int:
    """Replay once or twice, and write what came of it."""
    if args.diff is None and (args.max_lost is not None or args.max_new is not None):
        raise Mistake("--max-lost and --max-new compare two configurations: name them with --diff A B")
    if args.format == "html" and args.out is None and sys.stdout.isatty():
        raise Mistake("a page is for a browser: name a file for it with --out backtest.html")
    files.require_place(args.out)
    with _told_when_interrupted():
        return _backtest(args) if args.diff is None else _difference(args)


def _backtest(args: argparse.Namespace) -> int:
    config = _loaded(args.config)
    since, until = span(args, zone=config.timezone)
    from spikewatch.app import replaying

    with progress.shown("replay") as on_progress:
        lines = replaying.backtest(
            args.input,
            config=config,
            config_name=args.config.name,
            since=since,
            until=until,
            gaps=args.gaps,
            labels=args.labels,
            output_format=args.format,
            say=files.note,
            on_progress=on_progress,
        )
    files.write(lines, out=args.out)
    return 0


def _difference(args: argparse.Namespace) -> int:
    before, after = (_loaded(file) for file in args.diff)
    since, until = span(args, zone=after.timezone)
    from spikewatch.app import replaying
    from spikewatch.lab.comparing import Gate, Shift

    asked = (
        ("--max-lost", Shift.LOST, args.max_lost),
        ("--max-new", Shift.GAINED, args.max_new),
    )
    names = [file.name for file in args.diff]
    if names[0] == names[1]:
        names = [str(file) for file in args.diff]
    with progress.shown("replay both") as on_progress:
        found = replaying.difference(
            args.input,
            before=replaying.Named(before, names[0]),
            after=replaying.Named(after, names[1]),
            gates=[Gate(option, shift, most) for option, shift, most in asked if most is not None],
            since=since,
            until=until,
            gaps=args.gaps,
            labels=args.labels,
            output_format=args.format,
            say=files.note,
            on_progress=on_progress,
        )
    files.write(found.lines, out=args.out)
    if found.unmet:
        raise GateNotMet("\n".join(f"gate not met: {line}" for line in found.unmet))
    return 0


def _loaded(file: Path) -> "Config":
    from spikewatch.config import Purpose, load

    config = load(file, env=os.environ, purpose=Purpose.REPLAY)
    files.warn(f"note: {note}" for note in config.notes)
    return config


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of incidents; write 0 or more")
    return int(text)


@contextmanager
def _told_when_interrupted() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        files.warn(["interrupted: nothing was written"])
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(_ENDED_BY + number)
