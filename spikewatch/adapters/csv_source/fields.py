"""Single fields of a row: text into instants, counts and names, or ValueError with what would be right."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.events import LabelKind

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
_MOST = 1_000_000_000
_MOST_DIGITS = 100


def require_text(row: Sequence[str], *, columns: Sequence[str]) -> None:
    """Raise ValueError where a field holds what is no text: a NUL character, which a database refuses."""
    if "\0" not in "".join(row):
        return
    column, text = next((column, text) for column, text in zip(columns, row, strict=True) if "\0" in text)
    message = f"{column}: {text!r} holds a NUL character, which no store keeps; export the file again"
    raise ValueError(message)


def instant(text: str, *, column: str) -> datetime:
    """Return the aware instant that the text names.

    >>> instant("2026-05-11T10:00:00+09:00", column="timestamp").isoformat()
    '2026-05-11T10:00:00+09:00'
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        message = f"{column}: {text!r} is no time; write it as 2026-05-11T10:00:00+09:00"
        raise ValueError(message) from None
    if found.tzinfo is None:
        whole = found.isoformat()
        message = f"{column}: {text!r} has no UTC offset; write {whole}+09:00, or {whole}Z for UTC"
        raise ValueError(message)
    if not _EARLIEST <= found < _LATEST:
        message = f"{column}: {text!r} is not between 1990 and 2100; check the year"
        raise ValueError(message)
    return found


def tickets(text: str) -> int:
    """Return the count of a row.

    >>> tickets("12")
    12
    """
    stripped = text.strip()
    is_whole = stripped.isascii() and stripped.isdigit() and len(stripped) <= _MOST_DIGITS
    if is_whole and int(stripped) <= _MOST:
        return int(stripped)
    message = f"count: {text!r} {_why_no_count(stripped)}"
    raise ValueError(message)


def _why_no_count(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        return "is no number; write digits only, such as 3"
    if number < 0:
        return "is negative; a count is 0 or more"
    if number > _MOST:
        return f"is more than {_MOST}; check the number"
    if number % 1:
        return "is fractional; a count is a whole number of tickets"
    return "is no whole number in digits; write it without point, sign or exponent, such as 3"


def label_kind(text: str) -> LabelKind:
    """Return the kind of a label.

    >>> label_kind("false_alarm").value
    'false_alarm'
    """
    try:
        return LabelKind(text.strip())
    except ValueError:
        message = f"kind: {text!r} is no kind of label; write {', '.join(LabelKind)}"
        raise ValueError(message) from None


def ident(text: str) -> str:
    """Return the id of a ticket, as it stands."""
    if not text.strip():
        message = "id is empty; every ticket needs one"
        raise ValueError(message)
    return text


def series(service: str, category: str) -> SeriesKey:
    """Return the series of a row; both names are taken as they stand."""
    for column, name in (("service", service), ("category", category)):
        if not name.strip():
            message = f"{column} is empty; write its name, such as uncategorised"
            raise ValueError(message)
        if name == ALL:
            message = f"{column}: '*' means all and is no name; leave such sums out, they are made here"
            raise ValueError(message)
    return SeriesKey(service, category)
