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
the moment it is labelled on. Without --service or --category all are meant; a name under which no ticket has counted is
refused, for it is rarely meant: --new keeps one that is still to come. Verdicts on incidents are labels too: change
them with spikewatch confirm, expected or false-alarm. Works beside a running daemon.

A file to import has the columns start,end,service,category,kind and optionally recorded_at; other columns are ignored.
It is taken whole or not at all; a label that is there already is not kept twice.

An export of a pager or of a status page is read with --from; incidents that are not over yet are left out.
  pagerduty   created_on (or created_at), resolved_on (or resolved_at), optionally service_name, description (or title)
  statuspage  started_at (or created_at), resolved_at, optionally components, name, impact (maintenance: expected)
Names in service_name and components are services here; say --map "Checkout API=payments" where they differ, "X=*" for all
services, "X=" to leave X out."""


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
    new = add_command(
        actions,
        "add",
        shared=shared,
        summary="label a span",
        example="spikewatch labels add --config spikewatch.yaml incident --start 2026-11-02 --end 2026-11-03 --by sato",
    )
    add_config(new)
    new.add_argument("kind", choices=("incident", "expected", "false_alarm"), help="what it was")
    new.add_argument("--start", required=True, metavar="T", help="a time with its offset, or a date")
    new.add_argument("--end", required=True, metavar="T", help="the first instant after it")
    new.add_argument("--service", metavar="NAME", help="the service it is about (default: all)")
    new.add_argument("--category", metavar="NAME", help="the category it is about (default: all)")
    new.add_argument(
        "--new", action="store_true", help="the names may be ones that no ticket has counted under"
    )
    new.add_argument("--note", metavar="TEXT", help="what to remember about it")
    new.add_argument("--by", metavar="NAME", help="who says so (default: the user of this shell)")
    shown = add_command(
        actions,
        "list",
        shared=shared,
        summary="show all labels",
        example="spikewatch labels list --config spikewatch.yaml --json",
    )
    add_config(shown)
    shown.add_argument("--json", action="store_true", help="one JSON array instead of text")
    gone = add_command(
        actions,
        "remove",
        shared=shared,
        summary="drop a label",
        example="spikewatch labels remove --config spikewatch.yaml 1",
    )
    add_config(gone)
    gone.add_argument("number", metavar="NUMBER", type=int, help="its number, as list shows it")
    taken = add_command(
        actions,
        "import",
        shared=shared,
        summary="take over the labels of a CSV file",
        example="spikewatch labels import --config spikewatch.yaml labels.csv",
    )
    add_config(taken)
    taken.add_argument("file", metavar="FILE", type=Path, help="a CSV file, plain or gzip")
    taken.add_argument(
        "--from",
        dest="form",
        choices=("statuspage", "pagerduty"),
        help="whose export it is (default: a labels file)",
    )
    taken.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="THEIRS=OURS",
        help="what a name of the export is called here; * means all services",
    )
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
        case "import" if args.form:
            from spikewatch.adapters.csv_source import Form

            said = labels.bring_in_export(
                config,
                file=args.file,
                form=Form(args.form),
                author=args.by or user(),
                names=_names(args.map),
            )
            files.write(said, out=None)
        case "import":
            if args.map:
                raise Mistake("--map is about names in an export; say --from statuspage or --from pagerduty")
            print(labels.bring_in(config, file=args.file, author=args.by or user(), say=files.note))
        case _:
            start = instant(args.start, option="--start", zone=config.timezone)
            end = instant(args.end, option="--end", zone=config.timezone)
            if start is None or end is None:
                raise Mistake("a label needs --start and --end")
            added = labels.add(
                config,
                start=start,
                end=end,
                kind=LabelKind(args.kind),
                author=args.by or user(),
                service=args.service,
                category=args.category,
                note=args.note,
                is_new=args.new,
            )
            print(added)
    return 0


def _names(given: list[str]) -> dict[str, str | None]:
    """Return what names of an export are called here; None: all services."""
    names: dict[str, str | None] = {}
    for each in given:
        theirs, is_pair, ours = each.partition("=")
        if not is_pair or not theirs.strip():
            raise Mistake(f"--map {each!r}: write THEIRS=OURS, such as 'Checkout API=payments'")
        names[theirs.strip()] = None if ours.strip() == "*" else ours.strip()
    return names
