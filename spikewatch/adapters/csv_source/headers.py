"""What a file holds, told by its header; and what is wrong with a header that tells nothing."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from spikewatch.errors import Mistake


class Kind(StrEnum):
    """What a file holds, told by its header."""

    COUNTS = "counts"
    TICKETS = "tickets"
    GAPS = "gaps"
    LABELS = "labels"


REQUIRED: Mapping[Kind, tuple[str, ...]] = {
    Kind.COUNTS: ("timestamp", "service", "category", "count"),
    Kind.TICKETS: ("id", "created_at", "service", "category"),
    Kind.GAPS: ("start", "end", "service"),
    Kind.LABELS: ("start", "end", "service", "category", "kind"),
}
"""Columns that have to be there."""


_OPTIONAL: Mapping[Kind, tuple[str, ...]] = {
    Kind.TICKETS: ("updated_at", "status"),
    Kind.LABELS: ("recorded_at",),
}

_OPEN = frozenset({Kind.LABELS})
"""Kinds whose files may hold further columns, which are ignored."""

INPUTS = (Kind.COUNTS, Kind.TICKETS)
"""What can be counted."""


def expected(kinds: Sequence[Kind]) -> str:
    """Return the headers that would be right, in words."""
    return " or ".join(",".join(REQUIRED[kind]) for kind in kinds)


def kind_of(file: Path, columns: Sequence[str], *, among: Sequence[Kind] = INPUTS) -> Kind:
    """Return what a file with this header holds; raise Mistake where that is none of these."""
    for kind in among:
        if _fits(kind, columns) and len(set(columns)) == len(columns):
            return kind
    raise Mistake(f"{file}:1: {_why_unknown(columns, among)}")


def _fits(kind: Kind, columns: Sequence[str]) -> bool:
    known = {*REQUIRED[kind], *_OPTIONAL.get(kind, ())}
    return set(REQUIRED[kind]) <= set(columns) and (kind in _OPEN or set(columns) <= known)


def _why_unknown(columns: Sequence[str], among: Sequence[Kind]) -> str:
    given = ",".join(columns)
    wrong = f"the header is {given!r}; expected {expected(among)}"
    for kind in Kind:
        if kind not in among and _fits(kind, columns):
            hint = f"this is a {kind} file" if kind in INPUTS else f"a {kind} file belongs to --{kind}"
            return f"{wrong} ({hint})"
    if len(columns) == 1 and any(sign in given for sign in ";\t"):
        return f"{wrong}, separated by commas"
    kind = max(among, key=lambda kind: len(set(REQUIRED[kind]) & set(columns)))
    return f"{wrong}{_difference(columns, kind)}"


def _difference(columns: Sequence[str], kind: Kind) -> str:
    known = (*REQUIRED[kind], *_OPTIONAL.get(kind, ()))
    if len(set(columns)) < len(columns):
        return " (a column stands twice)"
    if not set(columns) & set(known):
        return ""
    said = [f"{name!r} is missing" for name in REQUIRED[kind] if name not in columns]
    for name in columns:
        if name not in known and kind not in _OPEN:
            near = get_close_matches(name, [other for other in known if other not in columns], n=1)
            said.append(f"{name!r} is unknown" + (f", did you mean {near[0]}?" if near else ""))
    return f" ({'; '.join(said)})"
