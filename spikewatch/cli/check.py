"""`spikewatch check`: every mistake in a configuration, and every effective value."""

import argparse
import os

from spikewatch.cli import files
from spikewatch.cli.options import Subparsers, add_command, add_config


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "check",
        shared=shared,
        summary="find every mistake in a configuration",
        details="Tells all mistakes at once, each with its line and a remedy, and ends with status 2 if there are any.\n"
        "Nothing is contacted. A missing secret is only noted, for it may exist where the daemon runs.",
        example="spikewatch check --config spikewatch.yaml --explain",
    )
    add_config(parser)
    parser.add_argument(
        "--explain",
        action="store_true",
        help="show every effective value and where it came from (file:line or default)",
    )
    return parser


def call(args: argparse.Namespace) -> int:
    """Load the file as the daemon would; raises Mistake with everything that is wrong."""
    from spikewatch.config import Purpose, explain, load

    config = load(args.config, env=os.environ, purpose=Purpose.CHECK)
    files.warn(f"note: {note}" for note in config.notes)
    if not args.explain:
        print(f"{args.config}: no mistakes")
        return 0
    values = explain(config)
    width = max(len(value.path) for value in values)
    files.write((f"{value.path:<{width}}  {value.value}  [{value.origin}]" for value in values), out=None)
    return 0
