"""Tickets, series and panels: what has been counted, for the whole fleet at once.

A ticket counts once, in the bucket of its creation, under its current service and category. A panel is a snapshot of such
counts on one grid; a bucket that is unknown is not zero.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.timegrid import Grid, Span, aware, bucket_number, bucket_start

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

ALL = "*"
"""Stands for every category, or every service; no legal name of one."""

NO_CATEGORY = "uncategorised"
"""What a ticket without a category counts under, unless the configuration says otherwise."""

LATE_AFTER = timedelta(minutes=15)
"""A ticket is late when its bucket ended this long below the committed watermark before it was first seen."""


class SeriesKey(NamedTuple):
    """Which tickets a series counts; `*` as category is the whole service, `*` twice the whole fleet."""

    service: str
    category: str

    @property
    def is_rollup(self) -> bool:
        """Tell whether the series sums others."""
        return self.category == ALL

    @property
    def is_fleet(self) -> bool:
        """Tell whether the series sums everything."""
        return self.service == ALL

    def __str__(self) -> str:
        """Return the series as people write it: `payments/login`."""
        return f"{self.service}/{self.category}"


FLEET = SeriesKey(ALL, ALL)


Attributes: TypeAlias = tuple[str, ...]
"""What a source knows of a ticket that may decide where it counts, as words in order: `brand:21`, `tag:vip`; no text."""


@lru_cache(maxsize=8192)
def attributes_id(attributes: Attributes) -> int:
    """Return the number of a set of attributes: 64 bits, the same everywhere; a million sets collide once in 10 million."""
    digest = blake2b("\0".join(attributes).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One inquiry as a source knows it now.

    version     grows with every change at the source; an older one never replaces a newer one
    counted     False once it is deleted, spam or merged away: it stays known, and counts nowhere
    attributes  what its service and category were made of; None where the source keeps nothing of the kind
    """

    id: str
    created_at: datetime
    service: str
    category: str
    version: int
    counted: bool = True
    attributes: Attributes | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Bring the instant to UTC and refuse names that cannot be told from a roll-up."""
        object.__setattr__(self, "created_at", aware(self.created_at))
        if ALL in (self.service, self.category) or not self.service or not self.category:
            message = f"ticket {self.id}: {self.service!r}/{self.category!r} is no legal service and category"
            raise ValueError(message)

    @property
    def series(self) -> SeriesKey:
        """The series it counts in."""
        return SeriesKey(self.service, self.category)


def is_late(created_at: datetime, *, step: timedelta, watermark: datetime | None) -> bool:
    """Tell whether a ticket first seen now is late: history may count it, the live window must not.

    watermark  the committed one before this page; None while the source has never caught up, when nothing is late
    """
    if watermark is None:
        return False
    bucket = bucket_number(created_at, step)
    return bucket_start(bucket, step) + step + LATE_AFTER < watermark


class TicketState(NamedTuple):
    """Where a ticket counts, as a store remembers it.

    second      of its creation, since the epoch
    series      the one it counted in last; None where it never counted
    late        as it was when first seen; never changes
    attributes  number of those that it counted by last; None where it never counted, or by none
    """

    second: int
    version: int
    series: SeriesKey | None
    counted: bool
    late: bool
    attributes: int | None = None


def remember(state: TicketState | None, ticket: Ticket, *, late: bool) -> TicketState:
    """Return what is known of a ticket now: the same state where the source says nothing newer.

    A ticket that counts no more keeps its series and attributes, for what is left of it may not name one.

    late  whether it is late if this is its first sight
    """
    if state is not None and ticket.version < state.version:
        return state
    second = int(ticket.created_at.timestamp() // 1)
    last_series = state.series if state else None
    series = ticket.series if ticket.counted else last_series
    attributes = state.attributes if state else None
    if ticket.counted:
        attributes = None if ticket.attributes is None else attributes_id(ticket.attributes)
    return TicketState(
        second, ticket.version, series, ticket.counted, state.late if state else late, attributes
    )


@dataclass(frozen=True)
class Roster:
    """All series in one stable order: leaves by name, then a roll-up a service, then the fleet.

    keys        (n_series,)
    services    (n_services,) names in order
    service_of  (n_series,) index into services; -1 for the fleet
    """

    keys: tuple[SeriesKey, ...]

    @classmethod
    def of(cls, leaves: Iterable[SeriesKey]) -> Self:
        """Return the roster of these leaves and their roll-ups; empty where there are none.

        >>> [str(key) for key in Roster.of([SeriesKey("shop", "b"), SeriesKey("shop", "a")]).keys]
        ['shop/a', 'shop/b', 'shop/*', '*/*']
        """
        ordered = sorted(set(leaves))
        services = sorted({key.service for key in ordered})
        rollups = [SeriesKey(service, ALL) for service in services]
        return cls((*ordered, *rollups, *([FLEET] if ordered else [])))

    def with_(self, named: Iterable[SeriesKey]) -> "Roster":
        """Return the roster with these series too; itself where it has them all.

        A roll-up of a service that has no category here comes with an empty one, for a service is the sum of some.
        """
        missing = [key for key in named if key not in self.rows and not key.is_fleet]
        if not missing:
            return self
        leaves = {*self.keys[: self.n_leaves], *(key for key in missing if not key.is_rollup)}
        bare = {key.service for key in missing if key.is_rollup} - {key.service for key in leaves}
        return Roster.of([*leaves, *(SeriesKey(service, NO_CATEGORY) for service in bare)])

    def __len__(self) -> int:
        """Count the series, roll-ups included."""
        return len(self.keys)

    @cached_property
    def services(self) -> tuple[str, ...]:
        """The services, by name."""
        return tuple(sorted({key.service for key in self.keys if not key.is_fleet}))

    @cached_property
    def rows(self) -> Mapping[SeriesKey, int]:
        """The row of each series."""
        return {key: row for row, key in enumerate(self.keys)}

    @cached_property
    def service_of(self) -> Ints:
        """The (n_series,) index of each series' service, -1 for the fleet."""
        place = {service: index for index, service in enumerate(self.services)}
        return np.array([place.get(key.service, -1) for key in self.keys], dtype=np.int64)

    @cached_property
    def n_leaves(self) -> int:
        """How many series are no roll-ups; they come first."""
        return sum(not key.is_rollup for key in self.keys)

    @cached_property
    def first_leaves(self) -> Ints:
        """The (n_services,) row of each service's first leaf; its others follow."""
        return np.flatnonzero(np.diff(self.service_of[: self.n_leaves], prepend=-1))

    def rows_in(self, other: "Roster") -> Ints:
        """Return for each series here its row in the other roster, -1 where it has none."""
        return np.array([other.rows.get(key, -1) for key in self.keys], dtype=np.int64)

    def roll_up(self, leaves: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return (n_series, m) from leaf rows (n_leaves, m): the roll-ups are added below as sums."""
        totals = np.zeros((len(self.services), leaves.shape[1]), dtype=leaves.dtype)
        if len(self):
            totals = np.add.reduceat(leaves, self.first_leaves, axis=0, dtype=leaves.dtype)
        fleet = totals.sum(axis=0, keepdims=True, dtype=leaves.dtype) if len(self) else totals
        return np.concatenate([leaves, totals, fleet])


class CountRow(NamedTuple):
    """Tickets of one series in one bucket, as a store or a file holds them.

    tickets  all that count there now
    late     how many of them were late: history, not the live window
    """

    bucket: int
    series: SeriesKey
    tickets: int
    late: int = 0


@dataclass(frozen=True)
class Cells:
    """Counts as a store holds them, in columns: one entry for a series and a bucket, in no particular order.

    A million of them are a few arrays; iterating makes rows of them.

    row      (n,) of the series in the roster
    bucket   (n,) bucket numbers
    tickets  (n,) all that count there now
    late     (n,) how many of them were late: history, not the live window
    """

    roster: Roster
    row: Ints
    bucket: Ints
    tickets: Ints
    late: Ints

    def __len__(self) -> int:
        """Count the entries."""
        return len(self.row)

    def __iter__(self) -> Iterator[CountRow]:
        """Yield the entries as rows."""
        columns = (self.row.tolist(), self.bucket.tolist(), self.tickets.tolist(), self.late.tolist())
        for row, bucket, tickets, late in zip(*columns, strict=True):
            yield CountRow(bucket, self.roster.keys[row], tickets, late)


@dataclass(frozen=True)
class Panel:
    """Counts of all series on one gapless grid.

    counts  (n_series, n_buckets) int, >= 0; roll-ups included
    known   (n_services, n_buckets) bool; False is unknown, not zero
    masked  (n_series, n_buckets) bool; True is known, and not learnt from; None where that is nothing
    """

    roster: Roster
    grid: Grid
    counts: NDArray[np.integer]
    known: Bools
    masked: Bools | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit the roster and the grid."""
        if self.counts.shape != (len(self.roster), self.grid.length):
            message = f"counts {self.counts.shape} do not fit {len(self.roster)} series x {self.grid.length}"
            raise ValueError(message)
        if self.known.shape != (len(self.roster.services), self.grid.length):
            message = f"known {self.known.shape} does not fit {len(self.roster.services)} services"
            raise ValueError(message)
        if self.masked is not None and self.masked.shape != self.counts.shape:
            message = f"masked {self.masked.shape} does not fit counts {self.counts.shape}"
            raise ValueError(message)

    @cached_property
    def known_rows(self) -> Bools:
        """The (n_series, n_buckets) known flags; the fleet is known where any service is."""
        if not len(self.roster):
            return np.zeros((0, self.grid.length), dtype=np.bool_)
        whole = self.known.any(axis=0, keepdims=True)
        return np.concatenate([self.known, whole])[self.roster.service_of]

    @cached_property
    def learnt_rows(self) -> Bools:
        """The (n_series, n_buckets) flags of what is learnt from: known, and not masked."""
        return self.known_rows if self.masked is None else self.known_rows & ~self.masked

    def cut(self, first: int, stop: int) -> "Panel":
        """Return the panel of buckets `[first, stop)`, which must lie on its grid (views, no copies)."""
        left, right = first - self.grid.first, stop - self.grid.first
        if left < 0 or right > self.grid.length:
            message = f"buckets [{first}, {stop}) are not on the grid [{self.grid.first}, {self.grid.stop})"
            raise ValueError(message)
        grid = Grid(self.grid.step, first, stop - first)
        masked = None if self.masked is None else self.masked[:, left:right]
        return Panel(self.roster, grid, self.counts[:, left:right], self.known[:, left:right], masked)


def build_panel(
    roster: Roster,
    grid: Grid,
    rows: Iterable[tuple[int, int, int]] | Ints,
    *,
    known: Bools,
    dtype: type[np.integer] = np.int64,
) -> Panel:
    """Return the panel of (row of the roster, bucket number, tickets) triples; several for one cell add up.

    rows   the triples one by one, or as an array (n, 3)
    known  (n_services, n_buckets)
    dtype  of the counts; a narrow one keeps long histories small
    """
    if isinstance(rows, np.ndarray):
        cells = rows
    else:
        cells = np.fromiter((number for row in rows for number in row), dtype=np.int64).reshape(-1, 3)
    # summed up in place: at eight weeks of 10,000 series every copy would be another 54 MB
    counts = np.zeros((len(roster), grid.length), dtype=dtype)
    place = cells[:, 1] - grid.first
    inside = (place >= 0) & (place < grid.length) & (cells[:, 0] >= 0)
    leaves, services = counts[: roster.n_leaves], counts[roster.n_leaves : -1]
    np.add.at(leaves, (cells[inside, 0], place[inside]), cells[inside, 2].astype(dtype))
    known_services = np.asarray(known, dtype=np.bool_)
    if len(roster):
        np.add.reduceat(leaves, roster.first_leaves, axis=0, dtype=dtype, out=services)
        if not known_services.all():
            counts *= _of_service(roster, known_services)
        services.sum(axis=0, dtype=dtype, out=counts[-1])
    return Panel(roster, grid, counts, known_services)


def _of_service(roster: Roster, known: Bools) -> Bools:
    if not len(roster):
        return np.zeros((0, known.shape[1]), dtype=np.bool_)
    return np.concatenate([known, np.ones((1, known.shape[1]), dtype=np.bool_)])[roster.service_of]


@dataclass(frozen=True, slots=True)
class Gap:
    """A span that is unknown for one service, or for all."""

    span: Span
    service: str | None = None


def known_buckets(
    roster: Roster,
    grid: Grid,
    *,
    since: datetime | None,
    until: datetime | None,
    gaps: Sequence[Gap] = (),
) -> Bools:
    """Return (n_services, n_buckets): known from the first whole bucket at `since` to the watermark `until`, less the gaps.

    A bucket that a gap only touches is unknown; a bucket that the watermark has not passed is unknown.
    """
    known = np.zeros((len(roster.services), grid.length), dtype=np.bool_)
    if since is not None and until is not None:
        first = grid.column(since)
        if bucket_start(grid.first + first, grid.step) < since:
            first += 1
        last = grid.column(until)
        known[:, max(0, first) : max(0, last)] = True
    for gap in gaps:
        if gap.span.start == gap.span.end:
            continue
        touched = slice(
            max(0, grid.column(gap.span.start)),
            max(0, grid.column(gap.span.end - timedelta(microseconds=1)) + 1),
        )
        affected = [index for index, name in enumerate(roster.services) if gap.service in (None, name)]
        known[affected, touched] = False
    return known
