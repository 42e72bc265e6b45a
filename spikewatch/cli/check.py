"""`spikewatch check`: every mistake in a configuration, and every effective value."""

import argparse
import os

from spikewatch.cli import files
from spikewatch.cli.options import Subparsers, add_command, add_config


class _PrintSchema(argparse.Action):
    """Prints the schema and ends, as `--version` does: it needs no configuration."""

    def __call__(self, parser: argparse.ArgumentParser, *_given: object) -> None:
        """Print it."""
        from spikewatch.config import schema

        print(schema.text(), end="")
        parser.exit()


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "check",
        shared=shared,
        summary="find every mistake in a configuration",
        details="Tells all mistakes at once, each with its line and a remedy, and ends with status 2 if there are any.\n"
        "Nothing is contacted; --diff reads the store. A missing secret is only noted: it may exist where the daemon runs.",
        example="spikewatch check --config spikewatch.yaml --diff",
    )
    add_config(parser)
    parser.add_argument(
        "--diff",
        action="store_true",
        help="show what would change against the configuration that the daemon runs with, as its store knows it",
    )
    parser.add_argument(
        "--against", metavar="F", help="show what would change against another file instead of the daemon"
    )
    parser.add_argument(
        "--schema", action=_PrintSchema, nargs=0, help="print the JSON Schema of configurations, for editors"
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="show every effective value and where it came from (file:line or default)",
    )
    return parser


def call(args: argparse.Namespace) -> int:
    """Load the file as the daemon would; raises Mistake with everything that is wrong."""
    from rich.cells import cell_len

    from spikewatch.config import Purpose, explain, load

    config = load(args.config, env=os.environ, purpose=Purpose.CHECK)
    files.warn(f"note: {note}" for note in config.notes)
    if args.diff or args.against:
        from spikewatch.app import comparing

        files.write(comparing.compared(config, against=args.against, env=os.environ), out=None)
        return 0
    if not args.explain:
        print(f"{args.config}: no mistakes")
        return 0
    values = explain(config)
    width = max(cell_len(value.path) for value in values)
    files.write(
        (
            f"{value.path}{' ' * (width - cell_len(value.path))}  {value.value}  [{value.origin}]"
            for value in values
        ),
        out=None,
    )
    return 0
