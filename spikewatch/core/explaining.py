"""Explanations: why one series alerted at one bucket, or did not, in every part and at every gate.

Read off the same assessment, baseline and limits that judged it; nothing is worked out a second way. Gates are those of
the window that decided: it alerts where all of them hold. Numbers are told to nine significant digits, factors to six:
beyond that they depend on which other series were fitted along, so that one surge would be explained in two ways by the
daemon and a backtest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import numpy as np

from spikewatch.core.baseline import Baseline
from spikewatch.core.baseline.fitting import LEARNED_AFTER_HOURS
from spikewatch.core.baseline.model import WARM_DAYS
from spikewatch.core.calendars import Calendar
from spikewatch.core.counts import Cells, SeriesKey
from spikewatch.core.events import Event
from spikewatch.core.explanations import (
    Explanation,
    Gate,
    GateName,
    Learned,
    Likeness,
    Needed,
    Normal,
    RulePart,
    WindowPart,
)
from spikewatch.core.incidents import JOIN_WITHIN, REOPEN_FOR, Incident
from spikewatch.core.scoring import Assessment, WhyNot, why_not
from spikewatch.core.settings import SeriesRule
from spikewatch.core.surges import Surge
from spikewatch.core.tails import largest_normal, surprise_of
from spikewatch.core.timegrid import HOUR, bucket_end, bucket_start, seconds
from spikewatch.core.turning import turning
from spikewatch.core.windows import EVIDENCE_SHARE, LEAST_KNOWN_SHARE, SUBSIDES_FROM, left_to_surprise

Part = TypeVar("Part", Gate, Normal, WindowPart)

HOURS_A_DAY = 24
AROUND = timedelta(hours=1)
"""An incident that began this soon after an instant, or ended this shortly before it, still has to do with it."""

_HELD_BACK = frozenset({WhyNot.MIN_TICKETS, WhyNot.MIN_RATIO, WhyNot.SUBSIDED})
NOT_JUDGED = frozenset({WhyNot.DISABLED, WhyNot.LEARNING, WhyNot.EVENT, WhyNot.UNKNOWN})


def explain(
    assessment: Assessment,
    baseline: Baseline,
    *,
    series: SeriesKey,
    learned: Learned,
    rule: SeriesRule,
    late: int = 0,
) -> Explanation:
    """Explain the newest bucket of an assessment; series and rule are of its roster."""
    row, column = assessment.limits.roster.rows[series], assessment.n_judged - 1
    windows = tuple(
        _window(assessment, baseline, row, place, column) for place in range(len(assessment.windows))
    )
    lead = _nearest(windows)
    bucket = assessment.first + column
    return Explanation(
        series=series,
        at=bucket_end(bucket, assessment.step),
        step=assessment.step,
        windows=tuple(map(_told, windows)),
        lead=lead,
        gates=tuple(map(_told, _gates(assessment, baseline, windows, row, lead, learned=learned, rule=rule))),
        needed=_needed(assessment, windows, row, lead),
        normal=_told(_normal(baseline, row, bucket, assessment.step)),
        learned=learned,
        rule=rule,
        cutoff=_nine(assessment.limits.cutoff[row]),
        calibrated=assessment.limits.tail is not None,
        sharing=int((assessment.limits.enabled & baseline.learned).sum()),
        late=late,
        events=_events(baseline.calendar, series, bucket, assessment),
        rules=_rules(assessment, row, rule),
        turning=turning(assessment, row),
    )


def _rules(assessment: Assessment, row: int, rule: SeriesRule) -> tuple[RulePart, ...]:
    counted = assessment.counted
    if counted is None:
        return ()
    column, origin = assessment.n_judged - 1, rule.origin.get("rules", "default")
    return tuple(RulePart(counted.told(place, column), origin) for place in counted.rules.of_row.get(row, ()))


def _events(calendar: Calendar, series: SeriesKey, bucket: int, assessment: Assessment) -> tuple[Event, ...]:
    begin = bucket_start(bucket + 1 - assessment.windows[-1], assessment.step)
    end = bucket_end(bucket, assessment.step)
    return tuple(
        event
        for event in calendar.events
        if event.concerns(series) and event.span.start < end and event.span.end > begin
    )


def learned_by(baseline: Baseline, series: SeriesKey) -> Learned:
    """Return what the baseline of a roster was learnt from."""
    learnt, row = baseline.learnt, baseline.roster.rows[series]
    if learnt is None:
        return Learned(0.0, None, 0.0)
    age = int(learnt.age_hours[row])
    return Learned(
        known_days=int(learnt.known_hours[row]) / HOURS_A_DAY,
        first_ticket=bucket_start(learnt.until - age, HOUR) if age else None,
        age_days=age / HOURS_A_DAY,
    )


def late_tickets(cells: Cells, series: SeriesKey) -> int:
    """Return how many tickets of a series, or of what it sums, came too late to be judged."""
    keys = cells.roster.keys
    rows = [
        row
        for row, key in enumerate(keys)
        if series.is_fleet or key == series or (series.is_rollup and key.service == series.service)
    ]
    return int(cells.late[np.isin(cells.row, rows)].sum())


def around(
    incidents: Sequence[Incident], series: SeriesKey, *, at: datetime
) -> tuple[tuple[Incident, Surge | None], ...]:
    """Return the incidents of a series' service at about an instant, each with the series' own surge if it has one."""
    found = []
    for incident in incidents:
        ended = incident.resolved_at or incident.closed_at
        near = incident.started_at <= at + AROUND and (ended is None or ended >= at - AROUND)
        services = {incident.service, *(surge.series.service for surge in incident.surges)}
        if near and (series.is_fleet or series.service in services):
            own = next((surge for surge in incident.surges if surge.series == series), None)
            found.append((incident, own))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Joining:
    """Where a new rise of a series would belong at an instant: it opens no incident of its own.

    until  up to when it reopens a resolved one; None where that is still open
    """

    incident: Incident
    until: datetime | None = None


def joining(
    incidents: Sequence[tuple[Incident, Surge | None]], series: SeriesKey, *, at: datetime
) -> Joining | None:
    """Return the incident that a rise of a series at an instant would join or reopen; None where it opens one."""
    service = None if series.is_fleet else series.service
    for incident, _ in sorted(incidents, key=lambda pair: pair[0].service is None):
        known = incident.service in {service, None} and incident.merged_into is None
        if not known or incident.opened_at > at:
            continue
        if incident.resolved_at is None or incident.resolved_at > at:
            if at - incident.last_surging <= JOIN_WITHIN:
                return Joining(incident)
        elif at - incident.resolved_at <= REOPEN_FOR:
            return Joining(incident, incident.resolved_at + REOPEN_FOR)
    return None


def _window(assessment: Assessment, baseline: Baseline, row: int, place: int, column: int) -> WindowPart:
    reading = assessment.reading(row, column, window=place)
    if reading is None:  # pragma: no cover -- a window that is named has a reading
        message = f"window {place} of series {row} has no reading"
        raise AssertionError(message)
    observed = assessment.observed[row, place, [column]]
    expected = assessment.expected[row, place, [column]]
    variance = assessment.variance[row, place, [column]]
    counted = float(assessment.surprise[row, place, column])
    newest = slice(
        assessment.windows[-1] + column - assessment.windows[place], assessment.windows[-1] + column
    )
    stop = assessment.first + column + 1
    whole = baseline.expect(stop - assessment.windows[place], stop, assessment.step).mean[row]
    known = assessment.mean[row, newest]
    muted = (
        np.zeros(len(known), dtype=np.bool_) if assessment.muted is None else assessment.muted[row, newest]
    )
    return WindowPart(
        reading=reading,
        why=why_not(assessment, row, place, column),
        surprise=float(surprise_of(observed, expected, variance)[0]),
        counted=counted,
        evidence=min(EVIDENCE_SHARE * float(assessment.evidence[row, column]), counted),
        deviation=float(np.sqrt(variance[0])),
        known_share=float(known.sum() / whole.sum()),
        unknown_buckets=int(((known < whole * (1 - 1e-9)) & ~muted).sum()),
    )


def _nearest(windows: Sequence[WindowPart]) -> int:
    """Return the place of the window that decided: one that alerts, else one that was held back, else the highest score."""

    def rank(place: int) -> tuple[bool, bool, bool, float, float, int]:
        part = windows[place]
        return (
            part.why is WhyNot.ALERTS,
            part.why in _HELD_BACK,
            part.why not in NOT_JUDGED,
            part.reading.score,
            part.surprise,
            place,
        )

    return max(range(len(windows)), key=rank)


def _gates(
    assessment: Assessment,
    baseline: Baseline,
    windows: Sequence[WindowPart],
    row: int,
    lead: int,
    *,
    learned: Learned,
    rule: SeriesRule,
) -> Sequence[Gate]:
    part, column = windows[lead], assessment.n_judged - 1
    observed, expected = part.reading.observed, part.reading.expected
    cutoff = float(assessment.limits.cutoff[row])
    evidence = EVIDENCE_SHARE * float(assessment.evidence[row, column])
    total = part.surprise + min(evidence, part.surprise)
    least_age = LEARNED_AFTER_HOURS / HOURS_A_DAY
    is_old = bool(baseline.learned[row]) or learned.age_days >= least_age
    gates = [
        Gate(GateName.HISTORY, learned.known_days, WARM_DAYS, learned.known_days >= WARM_DAYS),
        Gate(GateName.LEARNED, learned.age_days, least_age, is_old),
        Gate(GateName.ENABLED, float(rule.enabled), 1.0, rule.enabled, origin=rule.origin["enabled"]),
        Gate(GateName.KNOWN, part.known_share, LEAST_KNOWN_SHARE, part.known_share >= LEAST_KNOWN_SHARE),
        Gate(GateName.UNUSUAL, total, cutoff, total >= cutoff, origin="detection.false_alarms_per_week"),
        Gate(
            GateName.MIN_TICKETS,
            observed,
            rule.min_tickets,
            observed >= rule.min_tickets,
            origin=rule.origin["min_tickets"],
        ),
        Gate(
            GateName.MIN_RATIO,
            observed / expected,
            rule.min_ratio,
            observed >= rule.min_ratio * expected,
            origin=rule.origin["min_ratio"],
        ),
    ]
    if _subsides(assessment, lead):
        needed = _left(assessment, row) / 2
        shorter = windows[lead - 1].counted
        gates.append(Gate(GateName.STILL_RISING, shorter, needed, shorter >= needed))
    return gates


def _subsides(assessment: Assessment, place: int) -> bool:
    return place > 0 and assessment.windows[place] * assessment.step >= SUBSIDES_FROM


def _left(assessment: Assessment, row: int) -> float:
    """Return what a window must surprise by itself, given the evidence over time."""
    rows, newest = np.array([row]), assessment.n_judged - 1
    return float(left_to_surprise(assessment.limits.cutoff[rows], assessment.evidence[rows, newest])[0])


def _needed(assessment: Assessment, windows: Sequence[WindowPart], row: int, lead: int) -> Needed | None:
    part = windows[lead]
    match part.why:
        case WhyNot.NORMAL | WhyNot.MIN_TICKETS | WhyNot.MIN_RATIO:
            return Needed(part.reading.window_minutes, part.reading.upper + 1)
        case WhyNot.SUBSIDED:
            shorter = windows[lead - 1]
            usual = largest_normal(
                np.array([shorter.reading.expected]),
                np.array([shorter.deviation**2]),
                cutoff=np.array([_left(assessment, row) / 2]),
            )
            return Needed(shorter.reading.window_minutes, int(usual[0]) + 1)
        case _:
            return None


def _normal(baseline: Baseline, row: int, bucket: int, step: timedelta) -> Normal:
    calendar, per_hour = baseline.calendar, int(HOUR / step)
    local = calendar.local(bucket, bucket + 1, step)
    slot = int(local.slot[0])
    place = (baseline.roster.service_of[row], int(local.off[0]), local.bucket_of_day[0])
    within = float(baseline.within[place])
    day = _day(calendar, bucket, step)
    level, today = _factors(baseline, row)
    an_hour = float(baseline.slot_mean[row, slot])
    expected = float(baseline.expect(bucket, bucket + 1, step).mean[row, 0])
    plain = replace(baseline, calendar=replace(calendar, events=()))
    ordinary = float(plain.expect(bucket, bucket + 1, step).mean[row, 0])
    return Normal(
        day=day,
        kind=_kind(calendar, day),
        like_weekday=slot // HOURS_A_DAY,
        hour=slot % HOURS_A_DAY,
        shape=_six(an_hour / (level * today)),
        level=level,
        today=today,
        of_day=ordinary * per_hour / (an_hour * within),
        event=expected / ordinary,
        within=within,
        bucket=expected,
        dispersion=float(baseline.dispersion[row]),
        day_spread=float(baseline.day_spread[row]),
        model=baseline.name,
        modelled=bool(baseline.modelled[row]),
    )


def _factors(baseline: Baseline, row: int) -> tuple[float, float]:
    """Return level and factor of the day; 1 where there are none, as for a series that had no ticket yet."""
    factors = baseline.factors
    if factors is None:
        return 1.0, 1.0
    level, today = _six(factors.level[row]), _six(factors.today[row])
    return (level, today) if level * today else (1.0, 1.0)


def _day(calendar: Calendar, bucket: int, step: timedelta) -> date:
    """Return the local date of a bucket, that of the middle of its hour as in the calendar's slots."""
    middle = bucket_start(bucket * seconds(step) // seconds(HOUR), HOUR) + HOUR / 2
    return middle.astimezone(calendar.zone).date()


def _kind(calendar: Calendar, day: date) -> Likeness:
    if calendar.like_weekday(day) == day.weekday():
        return Likeness.ORDINARY
    return Likeness.DAY_OFF if calendar.is_off(day) else Likeness.AFTER_DAYS_OFF


def _told(part: Part) -> Part:
    """Return a part of an explanation with the numbers that it holds itself to nine significant digits."""
    held = {each.name: getattr(part, each.name) for each in fields(part)}
    told: dict[str, Any] = {name: _nine(value) for name, value in held.items() if isinstance(value, float)}
    return replace(part, **told)


def _nine(number: float) -> float:
    """Return a number with nine significant digits."""
    return float(f"{number:.9g}")


def _six(number: float) -> float:
    """Return a number with six significant digits."""
    return float(f"{number:.6g}")
