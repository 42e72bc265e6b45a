"""Events: spans in which some series are not as usual, because the calendar announced it or somebody labelled it.

An announced event multiplies what is expected, or mutes judging; its hours, and those of labels, are not learnt from. A
bucket that an event touches belongs to it. A roll-up follows its parts: it expects what they add up to, is judged without
those that are muted, and does not learn from an hour that it could only learn bent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from spikewatch.core.counts import Bools, Floats, Ints, Panel, Roster, SeriesKey
from spikewatch.core.timegrid import Grid, Span, aware

_INSTANT = timedelta(microseconds=1)

UNHEARD_FACTOR = 1.3
"""What an event whose factor is to be learnt begins with, where none of its name came before: what campaigns often bring."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Hours that a service, a category or everything (None) is not learnt from.

    known_from  before this nobody could know, so nothing is masked
    """

    span: Span
    service: str | None
    category: str | None
    known_from: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """What the calendar announces for a service, a category or everything (None).

    factor       what is expected is multiplied by it, > 0; None: not judged
    learns       whether the factor is learnt from hours in which an event of that name was on
    learnt_from  how many such hours there were
    """

    name: str
    span: Span
    service: str | None
    category: str | None
    factor: float | None
    learns: bool = False
    learnt_from: int = 0

    @property
    def mask(self) -> Mask:
        """Its hours are not learnt from, from its beginning on."""
        return Mask(self.span, self.service, self.category, self.span.start)

    def concerns(self, series: SeriesKey) -> bool:
        """Tell whether it changes how a series is judged, by itself or as a part of a roll-up."""
        return (series.is_fleet or self.service in (None, series.service)) and (
            series.is_rollup or self.category in (None, series.category)
        )


class LabelKind(StrEnum):
    """What somebody said about a span of the past."""

    INCIDENT = "incident"
    EXPECTED = "expected"
    FALSE_ALARM = "false_alarm"


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody said about a service, a category or everything (None).

    recorded_at  when they said so; None: as soon as it was over
    """

    span: Span
    service: str | None
    category: str | None
    kind: LabelKind
    recorded_at: datetime | None = None

    @property
    def mask(self) -> Mask | None:
        """The hours that are not learnt from; None for a false alarm, whose tickets were ordinary."""
        if self.kind is LabelKind.FALSE_ALARM:
            return None
        return Mask(self.span, self.service, self.category, self.recorded_at or self.span.end)


def masked_hours(masks: Iterable[Mask], panel: Panel) -> Bools | None:
    """Return (n_series, n_buckets) what is not learnt from; None where that is nothing.

    A roll-up is masked where anything that it sums is.
    """
    leaves = np.zeros((panel.roster.n_leaves, panel.grid.length), dtype=np.bool_)
    for mask in masks:
        columns = touched(mask.span, panel.grid)
        if columns.start < columns.stop:
            leaves[leaves_of(panel.roster, mask), columns] = True
    return np.asarray(panel.roster.roll_up(leaves), dtype=np.bool_) if leaves.any() else None


def expected_factor(events: Sequence[Event], roster: Roster, grid: Grid, mean: Floats) -> Floats | None:
    """Return (n_series, n_buckets) what the expectation is to be multiplied by; None where that is 1 everywhere.

    mean  (n_series, n_buckets) what is expected without events, > 0
    """
    if not events:
        return None
    factors = np.ones((roster.n_leaves, grid.length))
    for event in events:
        columns = touched(event.span, grid)
        if event.factor is not None and columns.start < columns.stop:
            factors[leaves_of(roster, event), columns] *= event.factor
    return None if (factors == 1.0).all() else _with_rollups(factors, roster, mean)


def kept_share(events: Sequence[Event], roster: Roster, grid: Grid, mean: Floats) -> Floats | None:
    """Return (n_series, n_buckets) the share of the expectation that is judged: 0 is muted; None where nothing is.

    mean  (n_series, n_buckets) what is expected, > 0
    """
    if not events:
        return None
    kept = np.ones((roster.n_leaves, grid.length))
    for event in events:
        columns = touched(event.span, grid)
        if event.factor is None and columns.start < columns.stop:
            kept[leaves_of(roster, event), columns] = 0.0
    return None if kept.all() else _with_rollups(kept, roster, mean)


def _with_rollups(leaves: Floats, roster: Roster, mean: Floats) -> Floats:
    """Return (n_series, n_buckets) from what holds for the leaves: of a roll-up, what holds for its parts on average."""
    parts = mean[: roster.n_leaves]
    whole = np.asarray(roster.roll_up(parts), dtype=np.float64)
    share = np.asarray(roster.roll_up(parts * leaves), dtype=np.float64) / whole
    share[: roster.n_leaves] = leaves
    return share


def touched(span: Span, grid: Grid) -> slice:
    """Return the columns that a span touches; an empty slice where it touches none."""
    if aware(span.end) <= aware(span.start):
        return slice(0, 0)
    first, last = grid.column(span.start), grid.column(span.end - _INSTANT)
    return slice(max(0, first), max(0, min(last + 1, grid.length)))


def leaves_of(roster: Roster, found: Mask | Event) -> Ints:
    """Return the rows of the leaves that a mask or an event is about."""
    return np.array(
        [
            row
            for row, key in enumerate(roster.keys[: roster.n_leaves])
            if found.service in (None, key.service) and found.category in (None, key.category)
        ],
        dtype=np.int64,
    )
