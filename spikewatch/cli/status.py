"""`spikewatch status`: open incidents, data age, queue."""

import argparse
import os

from spikewatch.cli import files
from spikewatch.cli.options import Subparsers, add_command, add_config


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "status",
        shared=shared,
        summary="show open incidents, data age, budget spent and the queue",
        details="Reads the store; the daemon may be running or not.",
        example="spikewatch status --config spikewatch.yaml --json",
    )
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    return parser


def call(args: argparse.Namespace) -> int:
    """Print what the store says."""
    from spikewatch.app import standing

    files.write(standing.status(args.config, env=os.environ, as_json=args.json), out=None)
    return 0
