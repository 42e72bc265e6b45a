"""From the store to an explanation: the same reading, baseline and limits as the daemon's, at one bucket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches

from spikewatch.core.baseline import Baseline, History
from spikewatch.core.counts import ALL, Roster, SeriesKey
from spikewatch.core.courses import Course
from spikewatch.core.explaining import Joining, around, explain, joining, late_tickets, learned_by
from spikewatch.core.explanations import Explanation
from spikewatch.core.incidents import Incident
from spikewatch.core.muting import Silence, maintenance
from spikewatch.core.oncall import MaintenanceSettings
from spikewatch.core.scoring import assess
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import HOUR, bucket_end, bucket_number, bucket_start
from spikewatch.coverage import Coverage
from spikewatch.cycle import Detector, load_history, load_panel
from spikewatch.errors import Fault, Mistake
from spikewatch.picturing import Album
from spikewatch.ports import SourceState, Store

_REMEMBERED = timedelta(days=7)
"""An incident that is closed and opened longer ago has nothing to do with the instant any more."""

_RARELY_EMPTY = timedelta(days=1)
"""A history whose first day holds no ticket has been shortened."""

_LISTED = 3


@dataclass(frozen=True)
class Look:
    """An explanation with what the store says around it.

    judged_until  the daemon has judged everything before; None before its first time
    calibration   whether the week's calibration is kept: None where it is not, False where it was made under other settings
    incidents     of the series' service at about that time, each with the series' own surge if it has one
    course        the series over the hours before, in points as long as the window that decided; None where it is dropped
    kept          what an incident that opened on the series then has kept of its judgement
    silences      and maintenance windows that kept an incident of this series alone quiet then
    joining       the incident that a new rise would have belonged to; None where it would have opened one
    """

    explanation: Explanation
    sources: Mapping[str, SourceState]
    judged_until: datetime | None
    calibration: bool | None
    incidents: tuple[tuple[Incident, Surge | None], ...]
    course: Course | None = None
    kept: Explanation | None = None
    silences: tuple[Silence, ...] = ()
    joining: Joining | None = None

    @property
    def is_judged(self) -> bool:
        """Whether the daemon has judged the bucket."""
        return self.judged_until is not None and self.explanation.at <= self.judged_until


def look(
    store: Store,
    detector: Detector,
    *,
    service: str,
    category: str | None,
    at: datetime | None,
    now: datetime,
    kept_for: timedelta | None = None,
    windows: Sequence[MaintenanceSettings] = (),
) -> Look:
    """Explain a series at the newest bucket that had ended at an instant, or at the newest one judged.

    service   `*` is the whole fleet
    category  None is the whole service
    kept_for  how long the store keeps counts; None where it keeps them all
    windows   of maintenance, as configured now

    Raises Fault where the store has nothing to tell yet, and Mistake where it never counted the series or does not know
    the instant.
    """
    sources = store.source_states()
    coverage = Coverage.of(store, sources)
    since, mark = coverage.whole
    roster = store.roster()
    if not sources or not len(roster):
        raise Fault(
            "the store holds no tickets yet: start `spikewatch run`, which reads the help desk, and wait"
        )
    if since is None or mark is None:
        raise Fault(
            "the help desk has not been read to the end yet, so nothing was judged:"
            " wait until `spikewatch status` says how far it has been read"
        )
    series = _series(roster, service=service, category=category)
    if not series.is_fleet:
        since, mark = coverage.of_service(series.service)
    if since is None or mark is None:
        raise Fault(
            f"a source of {series.service!r} has not been read to the end yet, so it was not judged:"
            " wait until `spikewatch status` says how far it has been read"
        )
    judged = store.judge_state().judged_until
    stop = bucket_number(mark, detector.step)
    newest = stop if judged is None else min(judged, stop)
    bucket = newest - 1 if at is None else bucket_number(at, detector.step) - 1
    _require_known(bucket, detector, since=since, mark=mark, at=at, now=now)
    end = bucket_end(bucket, detector.step)
    incidents = around(store.incidents(since=end - _REMEMBERED), series, at=end)
    kept = _kept(incidents, series, at=end)
    judged_until = None if judged is None else bucket_start(judged, detector.step)
    if kept_for is not None and since < now - kept_for:
        forgotten = _forgotten(bucket, detector, since=since, oldest=store.stats().oldest)
        if forgotten is not None and kept is not None:
            return Look(
                kept,
                sources,
                judged_until,
                None,
                incidents,
                kept=kept,
                silences=_silences(store, detector, series, windows=windows, at=end),
                joining=joining(incidents, series, at=end),
            )
        if forgotten is not None:
            raise forgotten
    epoch = detector.epoch_of(bucket)
    history = load_history(store, detector, epoch=epoch)
    explanation, calibration, baseline = _explained(
        store, detector, history, series, bucket=bucket, sources=sources
    )
    return Look(
        explanation=explanation,
        sources=sources,
        judged_until=judged_until,
        calibration=calibration,
        incidents=incidents,
        kept=kept,
        silences=_silences(store, detector, series, windows=windows, at=end),
        joining=joining(incidents, series, at=end),
        course=Album(store, baseline, detector.step, since=since, until=mark).course(
            series,
            stop=bucket + 1,
            window=timedelta(minutes=explanation.leading.reading.window_minutes),
        ),
    )


def _silences(
    store: Store,
    detector: Detector,
    series: SeriesKey,
    *,
    windows: Sequence[MaintenanceSettings],
    at: datetime,
) -> tuple[Silence, ...]:
    """Return what kept an incident of a series alone quiet at an instant."""
    planned = maintenance(windows, zone=detector.calendar.zone, at=at)
    every = (*store.silences(ending_after=at), *planned)
    return tuple(each for each in every if each.span.holds(at) and each.matcher.covers(series))


def _kept(
    incidents: Sequence[tuple[Incident, Surge | None]], series: SeriesKey, *, at: datetime
) -> Explanation | None:
    """Return what an incident that opened on the series at that instant has kept."""
    kept = (incident.explained for incident, _ in incidents)
    return next((found for found in kept if found and (found.series, found.at) == (series, at)), None)


def _explained(
    store: Store,
    detector: Detector,
    history: History,
    series: SeriesKey,
    *,
    bucket: int,
    sources: Mapping[str, SourceState],
) -> tuple[Explanation, bool | None, Baseline]:
    """Return the explanation, how the week's calibration stands, and the baseline of the hour."""
    epoch = detector.epoch_of(bucket)
    panel = load_panel(store, detector, first=bucket, until=bucket + 1, sources=sources)
    baseline = detector.fit(history, epoch=epoch).for_roster(panel.roster)
    kept = store.calibration(week=detector.week_of(epoch))
    rules = detector.rules(panel.roster)
    limits = detector.limits(baseline, tail=None if kept is None else kept.tail, rules=rules)
    assessment = assess(panel, baseline, limits, first=bucket, windows=detector.detection.windows)
    explanation = explain(
        assessment,
        baseline,
        series=series,
        learned=learned_by(baseline, series),
        rule=rules[panel.roster.rows[series]],
        late=late_tickets(store.counts(first=bucket + 1 - detector.longest, stop=bucket + 1), series),
    )
    return explanation, None if kept is None else kept.settings == detector.standing, baseline


def _series(roster: Roster, *, service: str, category: str | None) -> SeriesKey:
    """Return the series of a service and a category, as they were typed."""
    key = SeriesKey(service, category or ALL)
    if key in roster.rows:
        return key
    if service == ALL:
        raise Mistake(f"category {category!r} belongs to a service: name the service in place of '*'")
    whole = {str(key): key for key in roster.keys if not key.is_fleet}.get(service)
    if category is None and whole is not None:
        words = f"{whole.service!r}" if whole.is_rollup else f"{whole.service!r} {whole.category!r}"
        raise Mistake(f"service {service!r} was never counted; write {words}, in words of their own")
    if service not in roster.services:
        raise Mistake(f"service {service!r} was never counted; {_instead(service, roster.services)}")
    known = [key.category for key in roster.keys if key.service == service and not key.is_rollup]
    raise Mistake(
        f"{service!r} never had a ticket of category {category!r}; {_instead(category or ALL, known)}"
    )


def _instead(name: str, known: list[str] | tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=_LISTED, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    listed = ", ".join(map(repr, known[:_LISTED]))
    return f"there is {listed}" + (f" and {len(known) - _LISTED} more" if len(known) > _LISTED else "")


def _require_known(
    bucket: int,
    detector: Detector,
    *,
    since: datetime,
    mark: datetime,
    at: datetime | None,
    now: datetime,
) -> None:
    """Refuse a bucket before the history or after the watermark."""
    step = detector.step
    end = bucket_end(bucket, step)
    said = _local(at or end, detector)
    if end > mark:
        why = (
            "lies in the future"
            if at is not None and at > now
            else "has not been read from the help desk yet"
        )
        latest = _local(bucket_start(bucket_number(mark, step), step), detector)
        raise Mistake(f"--at {said}: {why}; the newest bucket that is known ended at {latest}")
    if bucket_start(bucket, step) < since:
        raise Mistake(f"--at {said}: history begins at {_local(since, detector)}; name a later time")


def _forgotten(
    bucket: int, detector: Detector, *, since: datetime, oldest: datetime | None
) -> Mistake | None:
    """Return why a bucket cannot be explained any more whose baseline would be learnt from counts that were dropped."""
    if oldest is None or oldest - since < _RARELY_EMPTY:
        return None
    earliest = oldest + detector.history + detector.detection.windows[-1] + HOUR
    end = bucket_end(bucket, detector.step)
    if end >= earliest:
        return None
    return Mistake(
        f"--at {_local(end, detector)}: the counts that told what was normal then are dropped (retention.counts);"
        f" name a time from {_local(earliest, detector)} on"
    )


def _local(instant: datetime, detector: Detector) -> str:
    return instant.astimezone(detector.calendar.zone).isoformat(timespec="minutes")
