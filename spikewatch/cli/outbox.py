"""`spikewatch outbox`: what is on its way to people."""

import argparse
import os

from spikewatch.cli import files
from spikewatch.cli.options import Subparsers, add_actions, add_command, add_config

_DETAILS = """\
Shows each message that waits, is under way, is held back (and by which silence, maintenance window, snooze or route) or
was given up, with the reason of its last failure. Works beside a running daemon."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "outbox",
        shared=shared,
        summary="show messages that wait, are held back or were given up",
        details=_DETAILS,
        example="spikewatch outbox list --config spikewatch.yaml",
    )
    actions = add_actions(parser)
    shown = add_command(
        actions,
        "list",
        shared=shared,
        summary="show what has not been told",
        example="spikewatch outbox list --config spikewatch.yaml --all",
    )
    add_config(shown)
    shown.add_argument("--all", action="store_true", help="the newest that were told as well")
    shown.add_argument("--json", action="store_true", help="one JSON array instead of text")
    again = add_command(
        actions,
        "retry",
        shared=shared,
        summary="try a message again at once",
        example="spikewatch outbox retry --config spikewatch.yaml all",
    )
    add_config(again)
    again.add_argument("key", metavar="KEY", help="its key, as list shows it, or all: every one given up")
    gone = add_command(
        actions,
        "drop",
        shared=shared,
        summary="give a message up for good",
        example="spikewatch outbox drop --config spikewatch.yaml all",
    )
    add_config(gone)
    gone.add_argument("key", metavar="KEY", help="its key, as list shows it, or all: every one given up")
    return parser


def call(args: argparse.Namespace) -> int:
    """Show, retry or drop deliveries."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.CHECK)
    from spikewatch.app import outbox

    match args.action:
        case "list":
            files.write(outbox.listed(config, everything=args.all, as_json=args.json), out=None)
        case "retry":
            print(outbox.retry(config, key=args.key))
        case _:
            print(outbox.drop(config, key=args.key))
    return 0
