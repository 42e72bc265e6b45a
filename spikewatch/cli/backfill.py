"""`spikewatch backfill`: history, fetched at once."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spikewatch.cli import files
from spikewatch.cli.options import Subparsers, add_command, add_config

if TYPE_CHECKING:
    from spikewatch.ingest import Progress

_STOPPED = 130


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "backfill",
        shared=shared,
        summary="fetch history, resumable, with progress and time left",
        details="Reads what is not in the store yet, and nothing twice. Ctrl-C, SIGTERM or a power cut cost one page at\n"
        "most, and the same command goes on (status 130 until all is there). A running daemon fetches by itself,\n"
        "beside its polls.",
        example="spikewatch backfill --config spikewatch.yaml --weeks 12",
    )
    add_config(parser)
    parser.add_argument(
        "--weeks",
        type=_weeks,
        metavar="N",
        help="how far back (default: `history` of the configuration); more than was read goes further back",
    )
    return parser


def _weeks(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        message = f"{text!r} is no number of weeks; use one such as 8"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def call(args: argparse.Namespace) -> int:
    """Fetch, show how far it is, and say what is there."""
    from spikewatch.app import fetching

    with _shown() as show:
        is_all, lines = fetching.backfill(args.config, env=os.environ, weeks=args.weeks, on_progress=show)
    files.write(lines, out=None)
    return 0 if is_all else _STOPPED


@contextmanager
def _shown() -> Iterator["Callable[[str, Progress], None] | None"]:
    """Yield what draws a bar for each source; None where nobody sits at a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as bars
    from rich.console import Console

    from spikewatch.app.waiting import in_words

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TextColumn("{task.fields[says]}"),
    )
    with bars.Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, bars.TaskID] = {}

        def show(source: str, progress: "Progress") -> None:
            if source not in tasks:
                tasks[source] = bar.add_task(source, total=1.0, says="")
            rate = f"{progress.tickets} tickets, {progress.tickets_per_minute:.0f} a minute"
            bar.update(tasks[source], completed=progress.fraction, says=f"{rate}{in_words(progress.left)}")

        yield show
