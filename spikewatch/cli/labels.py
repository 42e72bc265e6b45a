"""`spikewatch labels`: what is known about the past."""

import argparse
import os
from pathlib import Path

from spikewatch.cli import files
from spikewatch.cli.acts import user
from spikewatch.cli.options import Subparsers, add_actions, add_command, add_config, instant
from spikewatch.errors import Mistake

_DETAILS = """\
Kinds are incident, expected and false_alarm. What is labelled incident or expected is not learnt from as normal, from
the moment it is labelled on. Without --service or --category all are meant. Verdicts on incidents are labels too: change
them with spikewatch confirm, expected or false-alarm. Works beside a running daemon.

A file to import has the columns start,end,service,category,kind and optionally recorded_at; other columns are ignored,
so that an export of a status page or of a pager needs only these names. It is taken whole or not at all; a label that is
there already is not kept twice."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "labels",
        shared=shared,
        summary="say what is known about the past: incidents, expected rises, false alarms",
        details=_DETAILS,
        example="spikewatch labels add --config spikewatch.yaml incident --start 2026-11-02T10:00:00+09:00"
        " --end 2026-11-02T12:30:00+09:00 --service payments",
    )
    actions = add_actions(parser)
    new = actions.add_parser("add", parents=[shared], help="label a span", allow_abbrev=False)
    add_config(new)
    new.add_argument("kind", choices=("incident", "expected", "false_alarm"), help="what it was")
    new.add_argument("--start", required=True, metavar="T", help="a time with its offset, or a date")
    new.add_argument("--end", required=True, metavar="T", help="the first instant after it")
    new.add_argument("--service", metavar="NAME", help="the service it is about (default: all)")
    new.add_argument("--category", metavar="NAME", help="the category it is about (default: all)")
    new.add_argument("--note", metavar="TEXT", help="what to remember about it")
    new.add_argument("--by", metavar="NAME", help="who says so (default: the user of this shell)")
    shown = actions.add_parser("list", parents=[shared], help="show all labels", allow_abbrev=False)
    add_config(shown)
    shown.add_argument("--json", action="store_true", help="one JSON array instead of text")
    gone = actions.add_parser("remove", parents=[shared], help="drop a label", allow_abbrev=False)
    add_config(gone)
    gone.add_argument("number", metavar="NUMBER", type=int, help="its number, as list shows it")
    taken = actions.add_parser(
        "import", parents=[shared], help="take over the labels of a CSV file", allow_abbrev=False
    )
    add_config(taken)
    taken.add_argument("file", metavar="FILE", type=Path, help="a CSV file, plain or gzip")
    taken.add_argument("--by", metavar="NAME", help="who says so (default: the user of this shell)")
    return parser


def call(args: argparse.Namespace) -> int:
    """Add, show, drop or import labels."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.CHECK)
    from spikewatch.app import labels
    from spikewatch.core.events import LabelKind

    match args.action:
        case "list":
            files.write(labels.listed(config, as_json=args.json), out=None)
        case "remove":
            print(labels.remove(config, number=args.number))
        case "import":
            print(labels.bring_in(config, file=args.file, author=args.by or user()))
        case _:
            start = instant(args.start, option="--start", zone=config.timezone)
            end = instant(args.end, option="--end", zone=config.timezone)
            if start is None or end is None:
                raise Mistake("a label needs --start and --end")
            said = labels.add(
                config,
                start=start,
                end=end,
                kind=LabelKind(args.kind),
                author=args.by or user(),
                service=args.service,
                category=args.category,
                note=args.note,
            )
            print(said)
    return 0
