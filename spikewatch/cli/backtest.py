"""`spikewatch backtest`: recorded counts through the live code."""

import argparse
import os
from pathlib import Path

from spikewatch.cli import files, progress
from spikewatch.cli.options import Subparsers, add_command, add_config, instant
from spikewatch.errors import Mistake

_DETAILS = """\
INPUT is a counts file (timestamp,service,category,count) or a tickets file (id,created_at,service,category and
optionally updated_at,status), plain or gzip, or the word store for the configured store. For a file, a
configuration with only `timezone:` in it is complete.

A time needs its UTC offset; a bare date means midnight in the configuration's time zone. What precedes --since is
history only; without it judging starts once 14 days are known. Two runs give the same bytes.

Kinds of label are incident, expected and false_alarm; an empty service or category means all. What is labelled
incident or expected is not learnt from as normal, from recorded_at on, else from its end: nothing looks ahead."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "backtest",
        shared=shared,
        summary="replay recorded counts or tickets through the live code",
        details=_DETAILS,
        example="spikewatch backtest tickets.csv.gz --config spikewatch.yaml --since 2026-05-01 --format jsonl",
    )
    parser.add_argument("input", metavar="INPUT", help="a counts file, a tickets file, or store")
    add_config(parser)
    parser.add_argument("--since", metavar="T", help="judge from here on")
    parser.add_argument("--until", metavar="T", help="stop here (default: the end of the last row's bucket)")
    parser.add_argument(
        "--gaps", metavar="F", type=Path, help="spans that are unknown, a CSV file: start,end,service"
    )
    parser.add_argument(
        "--labels",
        metavar="F",
        type=Path,
        help="what is known about the past, a CSV file: start,end,service,category,kind[,recorded_at]",
    )
    parser.add_argument(
        "--format",
        choices=("table", "jsonl"),
        default="table",
        help="jsonl: one line an incident (default: %(default)s)",
    )
    parser.add_argument("--out", metavar="F", type=Path, help="write here instead of standard output")
    return parser


def call(args: argparse.Namespace) -> int:
    """Replay, and write one line an incident."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.REPLAY)
    since = instant(args.since, option="--since", zone=config.timezone)
    until = instant(args.until, option="--until", zone=config.timezone)
    if since is not None and until is not None and until <= since:
        raise Mistake(f"--until {args.until} is not after --since {args.since}; name a later time")
    from spikewatch.app import replaying

    files.warn(f"note: {note}" for note in config.notes)
    with progress.shown("replay") as on_progress:
        lines = replaying.backtest(
            args.input,
            config=config,
            since=since,
            until=until,
            gaps=args.gaps,
            labels=args.labels,
            output_format=args.format,
            say=lambda line: files.warn([f"note: {line}"]),
            on_progress=on_progress,
        )
    files.write(lines, out=args.out)
    return 0
