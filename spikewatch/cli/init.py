"""`spikewatch init`: a commented starter configuration."""

import argparse
from contextlib import suppress
from pathlib import Path

from spikewatch.cli.options import Subparsers, add_command
from spikewatch.errors import Mistake, unwritten

_STANDARD_OUTPUT = Path("-")


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "init",
        shared=shared,
        summary="write a commented starter configuration",
        details="Every key is explained where it stands; what is commented out shows its default. A configuration is\n"
        "never overwritten; the JSON Schema beside it, which has editors complete keys and mark mistakes, is renewed.",
        example="spikewatch init spikewatch.yaml",
    )
    parser.add_argument(
        "path",
        nargs="?",
        metavar="PATH",
        type=Path,
        default=Path("spikewatch.yaml"),
        help="default: %(default)s; - is standard output",
    )
    return parser


def call(args: argparse.Namespace) -> int:
    """Write the starter; raises Mistake where something stands already."""
    from spikewatch.config import schema, starter

    path: Path = args.path
    if path == _STANDARD_OUTPUT:
        print(starter.text(), end="")
        return 0
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter.text())
        (path.parent / schema.NAME).write_text(schema.text(), encoding="utf-8")
    except FileExistsError:
        raise Mistake(
            f"{path}: stands already and is not overwritten; name another file or move it away"
        ) from None
    except OSError as error:
        with suppress(OSError):
            path.unlink()  # half of it would be in the way of the next try
        raise unwritten(path, error) from error
    print(f"{path} is written. Next: edit it, then spikewatch check --config {path}")
    return 0
