"""`spikewatch import`: a store made of what `export` wrote."""

import argparse
import os
from pathlib import Path

from spikewatch.cli import progress
from spikewatch.cli.options import Subparsers, add_command, add_config

_DETAILS = """\
Takes the folder, .tar.gz or .zip that spikewatch export wrote and fills the store that the configuration names, all or
nothing: on SQLite or PostgreSQL, whichever it came from. An archive of an older spikewatch is brought up to date. The
next spikewatch run goes on from there: open incidents keep their messages, and nothing is told twice.

No daemon may run on the store meanwhile. A store that holds anything is refused, unless --replace says that all of it may
go."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "import",
        shared=shared,
        summary="fill an empty store with what export wrote",
        details=_DETAILS,
        example="spikewatch import --config spikewatch.yaml backup.tar.gz",
    )
    parser.add_argument("archive", metavar="ARCHIVE", type=Path, help="a folder, a .tar.gz or a .zip")
    add_config(parser)
    parser.add_argument(
        "--replace", action="store_true", help="drop all that the store holds before; there is no way back"
    )
    return parser


def call(args: argparse.Namespace) -> int:
    """Fill the store and say with what."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.REPLAY)
    from spikewatch.app import exporting

    with progress.shown("import") as on_progress:
        said = exporting.bring_back(
            config, archive=args.archive, replace_all=args.replace, on_progress=on_progress
        )
    print(said)
    return 0
