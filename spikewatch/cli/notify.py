"""`spikewatch notify`: samples of what on-call will see."""

import argparse
import os

from spikewatch.cli.options import Subparsers, add_actions, add_command, add_config

_DETAILS = """\
Sends a message of every kind to Slack and to every other receiver, each marked as a test: an incident that opens, grows,
is raised, taken over, snoozed, judged, resolved, comes back and is merged, with its replies; a source that is not read and
is read again; a recap; a configuration that is refused and mended; the last week in figures. Nobody is called by name, and
nothing is stored. It takes about half a minute a receiver."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "notify",
        shared=shared,
        summary="send a sample of each message, marked as a test",
        details=_DETAILS,
        example="spikewatch notify test --config spikewatch.yaml --channel '#sandbox'",
    )
    actions = add_actions(parser)
    test = add_command(
        actions,
        "test",
        shared=shared,
        summary="send the samples",
        example="spikewatch notify test --config spikewatch.yaml --receiver slack",
    )
    add_config(test)
    test.add_argument("--channel", metavar="C", help="a channel of Slack, in place of all that is configured")
    test.add_argument("--receiver", metavar="R", help="the name of one receiver, or slack")
    return parser


def call(args: argparse.Namespace) -> int:
    """Send the samples and say what was done."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.RUN)
    from spikewatch.app import sampling

    for line in sampling.samples(config, channel=args.channel, receiver=args.receiver):
        print(line, flush=True)
    return 0
