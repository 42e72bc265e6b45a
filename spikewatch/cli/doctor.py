"""`spikewatch doctor`: live checks of everything a configuration names, each with its remedy."""

import argparse
import json
import logging
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

from spikewatch.cli import files
from spikewatch.cli.options import Subparsers, add_command, add_config

if TYPE_CHECKING:
    from spikewatch.app.doctor import Finding

_GATE_NOT_MET = 3
_WIDEST, _NARROWEST = 120, 60
_MARKS = {"ok": "✓", "warn": "!", "fail": "✗", "skip": "·"}
_COLOURS = {"ok": "32", "warn": "33", "fail": "31;1", "skip": "2"}

_DETAILS = """\
Signs in to every source, runs a query or reads a page, tries the rules of services and categories on the newest
tickets, looks up every channel in Slack, and looks at the store, the port, the clock and what stands beside. Each
finding says what to do. Works beside a running daemon. Nothing is changed or posted, no secret is shown, and it
ends within a minute whatever does not answer.

Status 0: nothing fails (warnings may be left); 3: a check failed; 2: the configuration is wrong, see `check`."""


def add(subparsers: Subparsers, *, shared: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = add_command(
        subparsers,
        "doctor",
        shared=shared,
        summary="look live at all that a configuration names, and say what to do",
        details=_DETAILS,
        example="spikewatch doctor --config spikewatch.yaml",
    )
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument(
        "--tickets",
        type=_tickets,
        default=1000,
        metavar="N",
        help="try the rules on so many of the newest tickets in the store (default: %(default)s)",
    )
    return parser


def _tickets(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        message = f"{text!r} is no number of tickets; use one such as 1000"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def call(args: argparse.Namespace) -> int:
    """Look at everything, print the findings, and tell whether a check failed."""
    from spikewatch.config import Purpose, load

    config = load(args.config, env=os.environ, purpose=Purpose.CHECK)
    from spikewatch.app import doctor

    logging.getLogger("spikewatch").addHandler(logging.NullHandler())  # the findings say it all
    with _busy():
        findings = doctor.examine(config, path=args.config, tickets=args.tickets)
    failed = doctor.count_of(findings, doctor.Result.FAIL)
    warned = doctor.count_of(findings, doctor.Result.WARN)
    if args.json:
        told = [finding.as_json() for finding in findings]
        document = {"good": not failed, "failed": failed, "warned": warned, "findings": told}
        files.write([json.dumps(document, ensure_ascii=False)], out=None)
    else:
        files.write(_lines(findings), out=None)
        files.write(["", _verdict(len(findings), failed=failed, warned=warned)], out=None)
    return _GATE_NOT_MET if failed else 0


@contextmanager
def _busy() -> Iterator[None]:
    """Show at a terminal that something goes on."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status("looking around, up to a minute"):
        yield


def _lines(findings: Sequence["Finding"]) -> Iterator[str]:
    """Yield a heading a part, a line a finding and one for its remedy; longer ones are folded below themselves."""
    width = max(len(finding.check) for finding in findings)
    for place, (part, group) in enumerate(groupby(findings, key=lambda finding: finding.part)):
        if place:
            yield ""
        yield _painted(part, "1")
        for finding in group:
            mark = _painted(_mark(finding.result.value), _COLOURS[finding.result.value])
            blank = " " * (len(_mark(finding.result.value)) + 3)
            first, *rest = _folded(finding.says, width=width, less=len(blank))
            yield f"  {mark} {finding.check:<{width}}  {first}"
            yield from (f"{blank}{'':<{width}}  {line}" for line in rest)
            if finding.remedy:
                first, *rest = _folded(finding.remedy, width=width, less=len(blank) + 3)
                yield f"{blank}{'':<{width}}  {_arrow()} {first}"
                yield from (f"{blank}{'':<{width}}  {' ' * len(_arrow())} {line}" for line in rest)


def _folded(text: str, *, width: int, less: int) -> Sequence[str]:
    """Return the text in lines that fit the terminal; elsewhere in one, so that it can be searched."""
    if not sys.stdout.isatty():
        return [text]
    columns = min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)
    return textwrap.wrap(
        text, columns - width - less - 2, break_long_words=False, break_on_hyphens=False
    ) or [""]


def _mark(result: str) -> str:
    return _MARKS[result] if _is_pretty() else f"{result:<4}"


def _arrow() -> str:
    return "→" if _is_pretty() else "->"


def _is_pretty() -> bool:
    return sys.stdout.isatty() and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _painted(text: str, colour: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"


def _verdict(checks: int, *, failed: int, warned: int) -> str:
    warnings = f", {warned} to look at" if warned else ""
    if failed:
        return _painted(f"{failed} of {checks} checks failed{warnings}", _COLOURS["fail"])
    return _painted(f"all {checks} checks passed{warnings}", _COLOURS["warn" if warned else "ok"])
