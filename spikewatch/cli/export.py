"""`spikewatch export`: what the store holds, as files."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from spikewatch.cli import files, progress
from spikewatch.cli.options import Subparsers, add_command, add_config
from spikewatch.errors import Mistake

_DETAILS = """\
Without further options: a backup of the whole store (counts, tickets by id, time and dimensions, incidents, acts,
labels, silences, messages and where they stand), into a new folder, or a .tar.gz or a .zip if the name ends so.
spikewatch import makes a store of it, on SQLite or PostgreSQL, on which a daemon goes on as if nothing had happened.

With --counts-only: a counts file that spikewatch backtest reads, and beside it, where something is unknown, a file of the
same name with .gaps.csv for its --gaps. With --labels-only: a labels file. With --incidents-only: one JSON object a
line, as of backtest. These go to standard output without --out, and are packed if the name ends in .gz.

Works beside a running daemon; a file appears only when it is complete."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "export",
        shared=shared,
        summary="write what the store holds as files: a backup, or counts, labels and incidents",
        details=_DETAILS,
        example="spikewatch export --config spikewatch.yaml --out backup.tar.gz",
    )
    add_config(parser)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--counts-only", action="store_true", help="a counts file, as backtest reads it")
    only.add_argument("--labels-only", action="store_true", help="a labels file, as labels import reads it")
    only.add_argument(
        "--incidents-only", action="store_true", help="one JSON object a line, an incident each"
    )
    parser.add_argument("--out", metavar="F", type=Path, help="the new folder or file; needed for a backup")
    return parser


def call(args: argparse.Namespace) -> int:
    """Write a backup, or one of the listings."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.REPLAY)
    from spikewatch.app import exporting

    if args.labels_only:
        files.write(exporting.labels(config), out=args.out)
    elif args.incidents_only:
        files.write(exporting.incidents(config), out=args.out)
    elif args.counts_only:
        with progress.shown("export") as on_progress:
            counted = exporting.counts(config, on_progress=on_progress)
            files.write(counted.lines, out=args.out)
        _write_gaps(counted.gaps, beside=args.out)
    else:
        if args.out is None:
            raise Mistake("export: a backup needs --out; name a new folder, a .tar.gz or a .zip")
        with progress.shown("export") as on_progress:
            said = exporting.back_up(config, out=args.out, on_progress=on_progress)
        print(said)
    return 0


def _write_gaps(gaps: Sequence[str], *, beside: Path | None) -> None:
    """Write what is unknown beside a counts file, and say how to hand it over."""
    if not gaps:
        return
    if beside is None:
        files.warn(["note: some of it is unknown rather than quiet; with --out a file says what"])
        return
    name = beside.name.removesuffix(".gz").removesuffix(".csv")
    where = beside.with_name(f"{name}.gaps.csv")
    files.write(gaps, out=where)
    files.warn([f"note: some of it is unknown rather than quiet; add --gaps {where} to a backtest"])
