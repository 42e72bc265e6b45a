"""`spikewatch report`: the week in figures."""

import argparse
import os
from pathlib import Path

from spikewatch.cli import files
from spikewatch.cli.options import Subparsers, add_command, add_config

_DETAILS = """\
Shows incidents with their labels, precision and recall, the budget asked and spent, delays until told, the noisiest
series, what customers wrote about by service and category (against what was expected when the week began, and against the
week before), and when sources could not be read. Weeks begin on Monday, in the configuration's time zone.

Precision is the share of labelled incidents that were real; recall the share of known incidents (labels of kind incident,
by hand or imported) that were told. Markdown lists the first rows of each table, html and json have all; slack is the
message that the daemon tells by itself every week (see `report` in the configuration)."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "report",
        shared=shared,
        summary="show a week: incidents, precision, budget, what customers wrote about",
        details=_DETAILS,
        example="spikewatch report --config spikewatch.yaml --week 2026-W46 --format html --out week.html",
    )
    add_config(parser)
    parser.add_argument("--week", metavar="W", help="such as 2026-W46 (default: the last one that is over)")
    parser.add_argument(
        "--format",
        choices=("markdown", "slack", "html", "json"),
        default="markdown",
        help="how to show it (default: %(default)s)",
    )
    parser.add_argument("--language", choices=("ja", "en"), help="instead of the configuration's")
    parser.add_argument("--out", metavar="F", type=Path, help="write here instead of standard output")
    return parser


def call(args: argparse.Namespace) -> int:
    """Gather the week and write it."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.REPLAY)
    from spikewatch.app.reporting.forms import Form
    from spikewatch.app.reporting.on_demand import report
    from spikewatch.core.settings import Language

    lines = report(
        config,
        week=args.week,
        form=Form(args.format),
        language=None if args.language is None else Language(args.language),
    )
    files.write(lines, out=args.out)
    return 0
