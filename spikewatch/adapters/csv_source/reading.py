"""Counts, tickets, gaps and labels files into arrays and values.

counts   timestamp,service,category,count                      a bucket's start; several rows for one bucket add up
tickets  id,created_at,service,category[,updated_at,status]    of rows with one id the newest counts
gaps     start,end,service                                     unknown, not zero; an empty service means all
labels   start,end,service,category,kind[,recorded_at]         empty names mean all; other columns are ignored
"""

from array import array
from dataclasses import dataclass
from datetime import timedelta
from os import PathLike
from pathlib import Path

import numpy as np

from spikewatch.adapters.csv_source import fields
from spikewatch.adapters.csv_source.headers import INPUTS, REQUIRED, Kind, expected, kind_of
from spikewatch.adapters.csv_source.lines import Complaints, Table, opened
from spikewatch.core.counts import Gap, Ints, SeriesKey
from spikewatch.core.events import Label
from spikewatch.core.settings import format_duration
from spikewatch.core.timegrid import HOUR, Span, aware
from spikewatch.errors import Mistake

_DELETED = "deleted"
_ENOUGH_STAMPS = 50
_WIDTHS = tuple(timedelta(minutes=width) for width in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60))


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What a counts or tickets file holds; for tickets each one counts 1 at its creation.

    series     by name, no roll-ups
    series_of  (n,) index into series
    stamp      (n,) int64, seconds since the epoch, in file order
    count      (n,) int64, >= 0
    """

    kind: Kind
    series: tuple[SeriesKey, ...]
    series_of: Ints
    stamp: Ints
    count: Ints

    @property
    def flatters(self) -> bool:
        """Tell whether a replay knows more than a live run would: a ticket under its final category from the start."""
        return self.kind is Kind.TICKETS


def read_input(path: str | PathLike[str]) -> Recorded:
    """Return what a counts or tickets file holds, whole.

    Raises Mistake with up to twenty lines of what is wrong with it.
    """
    file = Path(path)
    with opened(file, expected=expected(INPUTS)) as table:
        kind = kind_of(file, table.columns)
        complaints = Complaints(file)
        found = _read_counts(table, complaints) if kind is Kind.COUNTS else _read_tickets(table, complaints)
    complaints.settle()
    if not len(found.stamp):
        raise Mistake(f"{file}: there is no ticket below the header; nothing can be replayed")
    return found


def read_gaps(path: str | PathLike[str]) -> tuple[Gap, ...]:
    """Return the gaps of a file in file order; a file with a header alone holds none.

    Raises Mistake with up to twenty lines of what is wrong with it.
    """
    file = Path(path)
    gaps: list[Gap] = []
    with opened(file, expected=expected((Kind.GAPS,))) as table:
        kind_of(file, table.columns, among=(Kind.GAPS,))
        start, end, service = (table.columns.index(name) for name in REQUIRED[Kind.GAPS])
        complaints = Complaints(file)
        for line, row in table.rows(complaints):
            try:
                gaps.append(_gap(row[start], row[end], row[service]))
            except ValueError as error:
                complaints.add(line, str(error))
    complaints.settle()
    return tuple(gaps)


def read_labels(path: str | PathLike[str]) -> tuple[Label, ...]:
    """Return the labels of a file in file order; a file with a header alone holds none.

    Raises Mistake with up to twenty lines of what is wrong with it.
    """
    file = Path(path)
    labels: list[Label] = []
    with opened(file, expected=expected((Kind.LABELS,))) as table:
        kind_of(file, table.columns, among=(Kind.LABELS,))
        columns = [table.columns.index(name) for name in REQUIRED[Kind.LABELS]]
        recorded = table.columns.index("recorded_at") if "recorded_at" in table.columns else None
        complaints = Complaints(file)
        for line, row in table.rows(complaints):
            try:
                recorded_at = "" if recorded is None else row[recorded]
                labels.append(_label(*(row[column] for column in columns), recorded_at=recorded_at))
            except ValueError as error:
                complaints.add(line, str(error))
    complaints.settle()
    return tuple(labels)


def finest_step(recorded: Recorded) -> timedelta | None:
    """Return the width on whose multiples every stamp of a counts file lies; None for tickets and below 50 stamps."""
    stamps = np.unique(recorded.stamp)
    if recorded.kind is not Kind.COUNTS or len(stamps) < _ENOUGH_STAMPS:
        return None
    return timedelta(seconds=int(np.gcd.reduce(stamps)))


def require_step(recorded: Recorded, *, step: timedelta, file: str | PathLike[str]) -> None:
    """Raise Mistake when the grid is finer than the data, and say which width fits."""
    finest = finest_step(recorded)
    if finest is None or step >= finest:
        return
    said = f"{file}: the counts are {format_duration(finest)} wide"
    fits = next((width for width in _WIDTHS if width >= finest), None)
    if fits is None:
        raise Mistake(f"{said}, too coarse for detection; export buckets of {format_duration(HOUR)} or less")
    raise Mistake(
        f"{said}, so bucket: {format_duration(step)} is too fine; use bucket: {format_duration(fits)}"
    )


def _gap(start: str, end: str, service: str) -> Gap:
    return Gap(_span(start, end, what="gap"), service if service.strip() else None)


def _label(start: str, end: str, service: str, category: str, kind: str, *, recorded_at: str) -> Label:
    return Label(
        span=_span(start, end, what="label"),
        service=service if service.strip() else None,
        category=category if category.strip() else None,
        kind=fields.label_kind(kind),
        recorded_at=aware(fields.instant(recorded_at, column="recorded_at")) if recorded_at.strip() else None,
    )


def _span(start: str, end: str, *, what: str) -> Span:
    begin, stop = aware(fields.instant(start, column="start")), aware(fields.instant(end, column="end"))
    if stop <= begin:
        message = f"end: {end!r} is not after start {start!r}; a {what} lasts longer than nothing"
        raise ValueError(message)
    return Span(begin, stop)


# -- what the rows say


class _Series:
    """Numbers for series in the order in which they appear."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[str, str], int] = {}

    def number(self, service: str, category: str) -> int:
        number = self.numbers.get((service, category))
        if number is None:
            number = self.numbers[fields.series(service, category)] = len(self.numbers)
        return number

    def recorded(self, kind: Kind, *, numbers: Ints, stamp: Ints, count: Ints) -> Recorded:
        """Return the record with its series, those that rows refer to, by name."""
        keys = [SeriesKey(*names) for names in self.numbers]
        used = sorted((keys[number], number) for number in np.unique(numbers).tolist())
        place = np.zeros(len(keys), dtype=np.int64)
        for new, (_, old) in enumerate(used):
            place[old] = new
        return Recorded(kind, tuple(key for key, _ in used), place[numbers], stamp, count)


def _read_counts(table: Table, complaints: Complaints) -> Recorded:
    when, service, category, count = (table.columns.index(name) for name in REQUIRED[Kind.COUNTS])
    series, seen = _Series(), dict[str, int]()
    numbers, stamps, counts = array("q"), array("q"), array("q")
    for line, row in table.rows(complaints):
        try:
            stamp = seen.get(row[when])
            if stamp is None:
                stamp = seen[row[when]] = int(fields.instant(row[when], column="timestamp").timestamp() // 1)
            number, tickets = series.number(row[service], row[category]), fields.tickets(row[count])
        except ValueError as error:
            complaints.add(line, str(error))
        else:
            numbers.append(number)
            stamps.append(stamp)
            counts.append(tickets)
    return series.recorded(Kind.COUNTS, numbers=_ints(numbers), stamp=_ints(stamps), count=_ints(counts))


def _read_tickets(table: Table, complaints: Complaints) -> Recorded:
    """Keep one row an id: a later one replaces it when its `updated_at` is not older."""
    columns = {name: place for place, name in enumerate(table.columns)}
    ident, when, service, category = (columns[name] for name in REQUIRED[Kind.TICKETS])
    updated, status = columns.get("updated_at"), columns.get("status")
    series, rows = _Series(), dict[str, int]()
    numbers, stamps, versions = array("q"), array("q"), array("d")
    counted = array("b")
    for line, row in table.rows(complaints):
        try:
            stamp = int(fields.instant(row[when], column="created_at").timestamp() // 1)
            number = series.number(row[service], row[category])
            version = _version(row[updated]) if updated is not None else 0.0
            place = rows.setdefault(fields.ident(row[ident]), len(stamps))
        except ValueError as error:
            complaints.add(line, str(error))
            continue
        counts_now = status is None or row[status].strip().lower() != _DELETED
        if place == len(stamps):
            numbers.append(number)
            stamps.append(stamp)
            versions.append(version)
            counted.append(counts_now)
        elif version >= versions[place]:
            numbers[place], stamps[place], versions[place], counted[place] = (
                number,
                stamp,
                version,
                counts_now,
            )
    keep = np.asarray(counted, dtype=np.bool_)
    kept = _ints(numbers)[keep]
    return series.recorded(
        Kind.TICKETS, numbers=kept, stamp=_ints(stamps)[keep], count=np.ones(len(kept), dtype=np.int64)
    )


def _version(text: str) -> float:
    """Return an `updated_at` as a number that grows with it; an empty one is older than any other."""
    return fields.instant(text, column="updated_at").timestamp() if text.strip() else 0.0


def _ints(numbers: "array[int]") -> Ints:
    return np.array(numbers, dtype=np.int64)
