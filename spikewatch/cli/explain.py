"""`spikewatch explain`: why a series did or did not alert."""

import argparse
import os

from spikewatch.cli import files
from spikewatch.cli.options import Subparsers, add_command, add_config, instant

_DETAILS = """\
Says first whether SERVICE and CATEGORY alerted, what decided it, and what would have had to be different: how many
tickets, which floor, which false_alarms_per_week, which weight (by the week's cut-offs as they are); then every number
and every gate behind it. SERVICE alone is the whole service, '*' the whole fleet. Only the store is read; the
daemon may be running or not.

--at T explains the newest bucket that had ended at T, so the `opened_at` of an incident names the bucket that opened
it. A time needs its UTC offset; a bare date means midnight in the configuration's time zone. Without it, the newest
bucket that was judged. Counts are those of today: a ticket that was moved to another category since counts there.

--format png draws the chart that a message shows, up to the instant: send it into a file (> chart.png)."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "explain",
        shared=shared,
        summary="show why a series did or did not alert: every part and every gate",
        details=_DETAILS,
        example="spikewatch explain --config spikewatch.yaml payments login --at 2026-11-02T14:30:00+09:00",
    )
    add_config(parser)
    parser.add_argument("service", metavar="SERVICE", help="a service, or '*' for the whole fleet")
    parser.add_argument(
        "category", metavar="CATEGORY", nargs="?", help="one of its categories (default: all)"
    )
    parser.add_argument("--at", metavar="T", help="the time to explain (default: the newest judged)")
    parser.add_argument(
        "--format",
        choices=("text", "json", "png"),
        default="text",
        help="json: one object; png: the chart of the hours before (default: %(default)s)",
    )
    return parser


def call(args: argparse.Namespace) -> int:
    """Print the explanation."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.REPLAY)
    at = instant(args.at, option="--at", zone=config.timezone)
    from spikewatch.app import explaining

    if args.format == "png":
        chart = explaining.png(config, service=args.service, category=args.category, at=at)
        files.write_bytes(chart, what="a PNG")
        return 0
    lines = explaining.explain(
        config, service=args.service, category=args.category, at=at, output_format=args.format
    )
    files.write(lines, out=None)
    return 0
