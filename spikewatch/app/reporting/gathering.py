"""The figures of a week out of the store: read a day at a time, so that memory does not grow with the fleet."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from spikewatch.config import Config
from spikewatch.core.baseline import Baseline
from spikewatch.core.blindness import BlindNotice
from spikewatch.core.counts import Bools, Cells, Floats, Ints, Roster
from spikewatch.core.incidents import Incident
from spikewatch.core.labels import Noted
from spikewatch.core.outbox import Stage
from spikewatch.core.timegrid import Grid, Span, bucket_number
from spikewatch.core.weekly import (
    Accuracy,
    Blind,
    Line,
    Volume,
    Week,
    Weekly,
    accuracy_of,
    delays_of,
    label_of,
    noise_of,
)
from spikewatch.coverage import Coverage
from spikewatch.cycle import Detector, labelled, load_history
from spikewatch.ports import Store

MOST_SERIES = 3
LONGEST_INCIDENT = timedelta(days=7)
"""An incident that opened so long before a span may still be the one that found what is known to have happened in it."""

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


def gather(
    store: Store, week: Week, *, config: Config, detector_at: Callable[[datetime], Detector]
) -> Weekly:
    """Return the figures of a week, as far as it is known.

    detector_at  the detector of the configuration, with the calendar around an instant
    """
    span = week.span(config.timezone)
    labels, detector = store.labels(), detector_at(span.start)
    incidents = _incidents(store, span)
    opened = [each for each in incidents if span.holds(each.opened_at) and each.merged_into is None]
    lines = tuple(_line(store, incident, labels) for incident in opened)
    typical, slowest = delays_of(lines)
    coverage = Coverage.of(store)
    until = span.start if coverage.until is None else max(span.start, min(span.end, coverage.until))
    return Weekly(
        week=week,
        span=span,
        until=until,
        incidents=lines,
        accuracy=accuracy_of(incidents, labels, span=span),
        budget=config.detection.false_alarms_per_week,
        typical=typical,
        slowest=slowest,
        noisiest=noise_of((incident, label_of(incident, labels)) for incident in opened),
        volumes=tuple(
            _volumes(store, Span(span.start, until), week, coverage, config=config, detector=detector)
        ),
        blind=tuple(_blind(store, span)),
    )


def recent_accuracy(store: Store, *, now: datetime, reach: timedelta) -> Accuracy:
    """Return how often the incidents opened within a reach before now were right."""
    span = Span(now - reach, now)
    return accuracy_of(_incidents(store, span), store.labels(), span=span)


def _incidents(store: Store, span: Span) -> Sequence[Incident]:
    """Return the incidents that may have to do with a span."""
    return [
        each for each in store.incidents(since=span.start - LONGEST_INCIDENT) if each.opened_at < span.end
    ]


def _line(store: Store, incident: Incident, labels: Sequence[Noted]) -> Line:
    strongest = sorted(incident.surges, key=lambda surge: -surge.peak.score)
    peak = strongest[0].peak
    told = (
        each.sending_since
        for each in store.deliveries_of(incident.id)
        if each.stage is Stage.SENT and each.sending_since is not None
    )
    return Line(
        incident=incident.id,
        service=incident.service,
        severity=incident.severity,
        started_at=incident.started_at,
        opened_at=incident.opened_at,
        resolved_at=incident.resolved_at,
        told_at=min(told, default=None),
        series=tuple(surge.series for surge in strongest[:MOST_SERIES]),
        more=max(0, len(strongest) - MOST_SERIES),
        observed=peak.observed,
        expected=round(peak.expected, 1),
        window_minutes=peak.window_minutes,
        excess=round(incident.excess, 1),
        label=label_of(incident, labels),
    )


def _blind(store: Store, span: Span) -> Iterator[Blind]:
    """Yield what was told of sources that could not be read in a span."""
    told: dict[str, BlindNotice] = {}
    for delivery in store.deliveries():
        notice = delivery.notice
        if isinstance(notice, BlindNotice) and notice.facts.revision >= _revision(told.get(notice.incident)):
            told[notice.incident] = notice
    for notice in told.values():
        facts = notice.facts
        if facts.since < span.end and (facts.until is None or facts.until > span.start):
            yield Blind(facts.source, facts.since, facts.until)


def _revision(notice: BlindNotice | None) -> int:
    return 0 if notice is None else notice.facts.revision


def _volumes(
    store: Store, span: Span, week: Week, coverage: Coverage, *, config: Config, detector: Detector
) -> list[Volume]:
    """Return how much came of every series, beside what was expected when the week began and the week before."""
    step = config.bucket
    baseline = _baseline(store, span.start, detector=labelled(detector, store))
    now = _totals(store, span, coverage, step=step, baseline=baseline)
    reach = span.end - span.start
    earlier = week.before.span(config.timezone)
    before = _totals(store, Span(earlier.start, min(earlier.end, earlier.start + reach)), coverage, step=step)
    roster = now.roster.with_(before.roster.keys)
    tickets, earlier_tickets = now.tickets(roster), before.tickets(roster)
    known_before = before.whole(roster)
    expected = now.expected(roster)
    volumes = [
        Volume(
            series=key,
            tickets=int(tickets[row]),
            expected=None
            if expected is None or not np.isfinite(expected[row])
            else round(float(expected[row]), 1),
            before=int(earlier_tickets[row]) if known_before[row] else None,
        )
        for row, key in enumerate(roster.keys)
        if tickets[row] or earlier_tickets[row]
    ]
    return sorted(volumes, key=lambda each: (-each.tickets, each.series))


def _baseline(store: Store, start: datetime, *, detector: Detector) -> Baseline | None:
    """Return what was normal when the week began; None where nothing could be learnt by then."""
    epoch = -(-bucket_number(start, _MINUTE) // 60)
    baseline = detector.fit(load_history(store, detector, epoch=epoch), epoch=epoch)
    return baseline if baseline.learned.any() else None


class _Totals:
    """Sums of a span over the series of a roster."""

    def __init__(self, roster: Roster, counted: Ints, known: Bools, expected: Floats | None) -> None:
        self.roster = roster
        self._counted = counted
        self._known = known
        self._expected = expected

    def tickets(self, wanted: Roster) -> Ints:
        """Return (n_series,) how many came; a roll-up is the sum of its leaves."""
        return np.asarray(self._taken(wanted, self._counted, other=0), dtype=np.int64)

    def whole(self, wanted: Roster) -> Bools:
        """Return (n_series,) whether all of the span is known."""
        return np.asarray(self._taken(wanted, self._known, other=bool(self._known.all())), dtype=np.bool_)

    def expected(self, wanted: Roster) -> Floats | None:
        """Return (n_series,) what was expected, not a number where nothing is learnt; None where nothing is at all."""
        if self._expected is None:
            return None
        return np.asarray(self._taken(wanted, self._expected, other=np.nan), dtype=np.float64)

    def _taken(self, wanted: Roster, values: Ints | Bools | Floats, *, other: float) -> Ints | Bools | Floats:
        if not len(self.roster):
            return np.full(len(wanted), other)
        rows = wanted.rows_in(self.roster)
        return np.where(rows >= 0, values[rows], other)


def _totals(
    store: Store, span: Span, coverage: Coverage, *, step: timedelta, baseline: Baseline | None = None
) -> _Totals:
    roster = store.roster()
    counted = np.zeros(roster.n_leaves, dtype=np.int64)
    expected = np.zeros(len(roster))
    known = np.ones(len(roster), dtype=np.bool_)
    normal = None if baseline is None else baseline.for_roster(roster)
    for grid in _days(span, step):
        cells = store.counts(first=grid.first, stop=grid.stop)
        np.add.at(counted, _rows(cells, roster), cells.tickets)
        seen = _known_rows(coverage.known(roster, grid), roster)
        known &= seen.all(axis=1)
        if normal is not None:
            expected += (normal.expect(grid.first, grid.stop, step).mean * seen).sum(axis=1)
    return _Totals(
        roster,
        np.asarray(roster.roll_up(counted[:, None]))[:, 0] if len(roster) else counted,
        known,
        None if normal is None else np.where(normal.learned, expected, np.nan),
    )


def _rows(cells: Cells, roster: Roster) -> Ints:
    return cells.row if cells.roster.keys == roster.keys else cells.roster.rows_in(roster)[cells.row]


def _known_rows(services: Bools, roster: Roster) -> Bools:
    """Return (n_series, n_buckets) from what is known of each service; the fleet is known where all of it is."""
    if not len(roster):
        return np.zeros((0, services.shape[1]), dtype=np.bool_)
    padded = np.concatenate([services, services.all(axis=0, keepdims=True)])
    return np.asarray(padded[roster.service_of], dtype=np.bool_)


def _days(span: Span, step: timedelta) -> Iterator[Grid]:
    whole = Grid.between(span.start, span.end, step)
    width = _DAY // step
    for first in range(whole.first, whole.stop, width):
        yield Grid(step, first, min(width, whole.stop - first))
