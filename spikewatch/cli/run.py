"""`spikewatch run`: the daemon."""

import argparse
import os

from spikewatch.cli.options import Subparsers, add_command, add_config


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "run",
        shared=shared,
        summary="watch: poll the help desk, judge, tell Slack and Prometheus",
        details="Runs until SIGTERM or Ctrl-C and then ends with status 0. Secrets come from the environment\n"
        "(SPIKEWATCH_<NAME>_CLIENT_SECRET, SPIKEWATCH_SLACK_BOT_TOKEN) or from files that *_file keys name.\n"
        "SPIKEWATCH_METRICS_LISTEN wins over metrics.listen.",
        example="SPIKEWATCH_DESK_CLIENT_SECRET=... spikewatch run --config spikewatch.yaml",
    )
    add_config(parser)
    return parser


def call(args: argparse.Namespace) -> int:
    """Run the daemon until it is told to stop."""
    from spikewatch.app import running

    return running.run(args.config, env=os.environ)
