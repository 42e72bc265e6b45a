"""How a command is declared, and options that several commands share."""

import argparse
import os
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from spikewatch.errors import Mistake

if TYPE_CHECKING:
    from typing import TypeAlias

    Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 -- argparse names it so
else:
    Subparsers = object

CONFIG_VARIABLE = "SPIKEWATCH_CONFIG"


def add_command(
    subparsers: Subparsers,
    name: str,
    *,
    shared: argparse.ArgumentParser,
    summary: str,
    details: str = "",
    example: str,
) -> argparse.ArgumentParser:
    """Add a command, or one action of a command, with its help: a summary for the list, details and an example."""
    return subparsers.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.\n\n{details}".rstrip(),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
        allow_abbrev=False,
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add `--config F`, which must be given unless SPIKEWATCH_CONFIG names a file."""
    named = named_by_environment()
    parser.add_argument(
        "--config",
        required=named is None,
        default=named,
        metavar="F",
        type=Path,
        help=f"the configuration, a YAML file (default: {CONFIG_VARIABLE} of the environment)",
    )


def named_by_environment() -> Path | None:
    """Return the configuration that the environment names; None where it names none."""
    named = os.environ.get(CONFIG_VARIABLE, "").strip()
    return Path(named) if named else None


def add_actions(parser: argparse.ArgumentParser) -> "Subparsers":
    """Let a command do several things, one of which must be named."""
    return parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)


def add_recording(parser: argparse.ArgumentParser) -> None:
    """Add INPUT, what else is known about it, and which part of it is judged; `span` reads the latter."""
    parser.add_argument("input", metavar="INPUT", help="a counts file, a tickets file, or store")
    parser.add_argument("--since", metavar="T", help="judge from here on")
    parser.add_argument("--until", metavar="T", help="stop here (default: the end of the last row's bucket)")
    parser.add_argument(
        "--gaps", metavar="F", type=Path, help="spans that are unknown, a CSV file: start,end,service"
    )
    parser.add_argument(
        "--labels",
        metavar="F",
        type=Path,
        help="what is known about the past, a CSV file: start,end,service,category,kind[,recorded_at]",
    )


def span(args: argparse.Namespace, *, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Return which part of a recording is judged. Raises Mistake where it ends before it begins."""
    since = instant(args.since, option="--since", zone=zone)
    until = instant(args.until, option="--until", zone=zone)
    if since is not None and until is not None and until <= since:
        raise Mistake(f"--until {args.until} is not after --since {args.since}; name a later time")
    return since, until


def duration(text: str) -> timedelta:
    """Return the duration that an option names; argparse tells what is wrong with it."""
    from spikewatch.core.settings import parse_duration

    if text.startswith("-"):
        raise argparse.ArgumentTypeError(f"{text!r} is before now; write a span such as 30m or 2h")
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not isinstance(found, timedelta) or found <= timedelta(0):
        raise argparse.ArgumentTypeError(f"{text!r} is no time at all; write a span such as 30m or 2h")
    return found


def instant(text: str | None, *, option: str, zone: ZoneInfo) -> datetime | None:
    """Return the instant that an option names; a bare date is local midnight.

    Raises Mistake for a time without an offset, and for one that no help desk has seen.
    """
    if text is None:
        return None
    from spikewatch.core.settings import FIRST_YEAR, LAST_YEAR

    try:
        day = date.fromisoformat(text)
    except ValueError:
        found = _with_offset(text, option=option, zone=zone)
    else:
        found = datetime(day.year, day.month, day.day, tzinfo=zone)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Mistake(
            f"{option}: {text!r} is no time of a help desk; write one from {FIRST_YEAR} to {LAST_YEAR}"
        )
    return found


def _with_offset(text: str, *, option: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"{option}: {text!r} is no time; write 2026-05-11 or 2026-05-11T10:00:00+09:00"
        raise Mistake(message) from None
    if found.tzinfo is None:
        local = found.replace(tzinfo=zone).isoformat()
        message = f"{option}: {text!r} has no UTC offset; write {local}, or a date for local midnight"
        raise Mistake(message)
    return found
