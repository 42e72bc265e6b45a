"""`spikewatch status`: open incidents, data age, queue."""

import argparse
import os

from spikewatch.cli import files
from spikewatch.cli.options import Subparsers, add_command, add_config

_DETAILS = """\
Reads the store; the daemon may be running or not. With --live it asks the daemon itself instead, at metrics.listen and
over TLS where that is on, as a health check of a container does."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "status",
        shared=shared,
        summary="show open incidents, data age, budget spent and the queue",
        details=_DETAILS,
        example="spikewatch status --config spikewatch.yaml --json",
    )
    add_config(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object instead of text")
    form.add_argument(
        "--live", action="store_true", help="ask the running daemon whether it is alive: status 0, else 1"
    )
    return parser


def call(args: argparse.Namespace) -> int:
    """Print what the store says."""
    if args.live:
        from spikewatch.app import probing

        print(probing.answer(args.config, env=os.environ))
        return 0
    from spikewatch.app import standing

    files.write(standing.status(args.config, env=os.environ, as_json=args.json), out=None)
    return 0
