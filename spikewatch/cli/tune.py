"""`spikewatch tune`: settings that would have been better, each with its effect."""

import argparse
import os
from pathlib import Path

from spikewatch.cli import files, progress
from spikewatch.cli.options import Subparsers, add_command, add_config, add_recording, span

_DETAILS = """\
Replays the past, and looks for a budget, floors, weights and windows that would have told the same incidents with fewer
false alarms, the noisiest series first. Nothing is changed: it shows each setting with its effect and its reason, and a
change of the configuration that keeps your comments.

INPUT is a counts file, a tickets file, or the word store for the configured store, as for backtest. Labels say what was
real (kind incident) and what was not (false_alarm, expected); those of the store are used with --labels and without.

A value is proposed only where it wins on weeks on which it was not chosen. That needs 3 judged weeks, after 14 days that
are learnt from, and 3 labelled incidents or 3 labelled false alarms; with less it says so and proposes nothing. An
incident lost counts as much as 10 false alarms, and 15 minutes of delay as much as one."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "tune",
        shared=shared,
        summary="propose settings from the past, each with its effect",
        details=_DETAILS,
        example="spikewatch tune tickets.csv.gz --config spikewatch.yaml --labels labels.csv",
    )
    add_config(parser)
    add_recording(parser)
    parser.add_argument(
        "--format",
        choices=("table", "yaml", "html"),
        default="table",
        help="yaml: the whole configuration as proposed; html: a page for a browser (default: %(default)s)",
    )
    parser.add_argument("--out", metavar="F", type=Path, help="write here instead of standard output")
    return parser


def call(args: argparse.Namespace) -> int:
    """Search, and write what is proposed."""
    files.require_place(args.out)
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.REPLAY)
    since, until = span(args, zone=config.timezone)
    from spikewatch.app import tuning

    tuning.require_elsewhere(args.out, file=args.config)
    files.warn(f"note: {note}" for note in config.notes)
    with progress.shown("tune") as on_progress:
        proposed = tuning.propose(
            args.input,
            config=config,
            file=args.config,
            since=since,
            until=until,
            gaps=args.gaps,
            labels=args.labels,
            say=files.note,
            on_progress=on_progress,
        )
    files.write(tuning.rendered(proposed, output_format=args.format, say=files.note), out=args.out)
    return 0
