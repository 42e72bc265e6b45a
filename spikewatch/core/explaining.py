"""Explanations: why one series alerted at one bucket, or did not, in every part and at every gate.

Read off the same assessment, baseline and limits that judged it; nothing is worked out a second way. Gates are those of
the window that decided: it alerts where all of them hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

import numpy as np

from spikewatch.core.baseline import Baseline, History
from spikewatch.core.baseline.fitting import LEARNED_AFTER_HOURS
from spikewatch.core.baseline.model import WARM_DAYS
from spikewatch.core.calendars import Calendar
from spikewatch.core.counts import Cells, SeriesKey
from spikewatch.core.events import Event
from spikewatch.core.incidents import Incident
from spikewatch.core.scoring import (
    EVIDENCE_SHARE,
    LEAST_KNOWN_SHARE,
    SUBSIDES_FROM,
    Assessment,
    Reading,
    WhyNot,
    largest_normal,
    left_to_surprise,
    surprise_of,
    why_not,
)
from spikewatch.core.settings import ModelName, SeriesRule
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import HOUR, bucket_end, bucket_start, seconds

HOURS_A_DAY = 24
AROUND = timedelta(hours=1)
"""An incident that began this soon after an instant, or ended this shortly before it, still has to do with it."""

_HELD_BACK = frozenset({WhyNot.MIN_TICKETS, WhyNot.MIN_RATIO, WhyNot.SUBSIDED})
NOT_JUDGED = frozenset({WhyNot.DISABLED, WhyNot.LEARNING, WhyNot.EVENT, WhyNot.UNKNOWN})


class GateName(StrEnum):
    """A condition that every alert fulfils, in the order in which they are asked."""

    HISTORY = "history"
    LEARNED = "learned"
    ENABLED = "enabled"
    KNOWN = "known"
    UNUSUAL = "unusual"
    MIN_TICKETS = "min_tickets"
    MIN_RATIO = "min_ratio"
    STILL_RISING = "still_rising"


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition of an alert.

    value, limit  days of history, and since the first ticket; 1 or 0 for enabled; known share of what the window expects;
                  surprise and evidence together against the cut-off; tickets; a multiple of what was expected; the
                  surprise of the next shorter window against half of what this one needs
    holds         whether the value reaches the limit
    origin        the setting that the limit comes from; None where it is no setting
    """

    name: GateName
    value: float
    limit: float
    holds: bool
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Needed:
    """A count that would have alerted, or that was missing."""

    window_minutes: int
    tickets: int


@dataclass(frozen=True, slots=True)
class WindowPart:
    """One window: its reading, why it did not alert, and what its score is made of.

    surprise         -log10 of the chance of at least that many tickets, >= 0
    counted          what of it counts once the rise has subsided
    evidence         what the odds of surging over time add to that
    deviation        standard deviation of the count that was expected
    known_share      of the expectation that is known and not muted, in [0, 1]
    unknown_buckets  how many of its buckets are unknown, or known in part; muted ones are not counted
    """

    reading: Reading
    why: WhyNot
    surprise: float
    counted: float
    evidence: float
    deviation: float
    known_share: float
    unknown_buckets: int


class Likeness(StrEnum):
    """Why a day behaves like some weekday."""

    ORDINARY = "ordinary"
    DAY_OFF = "day_off"
    AFTER_DAYS_OFF = "after_days_off"


@dataclass(frozen=True, slots=True)
class Normal:
    """What was expected in the bucket, and what that is made of.

    bucket = shape x level x today x of_day x event x within / buckets an hour

    day           local date of the bucket
    like_weekday  weekday whose normal it follows, Monday is 0
    hour          local hour of its time-of-week slot
    shape         tickets an hour usual in that slot
    level         how high the last days were against the whole history
    today         how busy the last hours were against that
    of_day        what the kind of day adds to that, 1 on an ordinary day
    event         what the calendar's events multiply that by, 1 without any
    within        share of the bucket in its hour, 1 is an even one
    bucket        tickets expected in the bucket
    dispersion    variance over mean within a day
    day_spread    relative variation that a whole day shares
    modelled      False where the series was too sparse for the model, so that `seasonal_zscore` stands in
    """

    day: date
    kind: Likeness
    like_weekday: int
    hour: int
    shape: float
    level: float
    today: float
    of_day: float
    event: float
    within: float
    bucket: float
    dispersion: float
    day_spread: float
    model: ModelName
    modelled: bool


@dataclass(frozen=True, slots=True)
class Learned:
    """What there was to learn from.

    known_days    days of history in which something is known
    first_ticket  when the series' first hour with a ticket began; None where the history holds none
    age_days      from then to the end of what is learnt from
    """

    known_days: float
    first_ticket: datetime | None
    age_days: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one series alerted at one bucket, or did not.

    at          end of the bucket
    lead        place of the window that decided: the highest score of those that alert, else of those held back, else of all
    gates       of that window
    needed      what would have alerted, or was missing; None where no count would have, or where it alerted
    cutoff      surprise and evidence together at which the series alerts
    calibrated  whether the cut-off comes from the fleet's own past; else it is provisional
    sharing     how many series share the budget
    late        tickets in the longest window that came too late to be judged
    events      what the calendar announced for the series, or for parts of it, in the longest window
    """

    series: SeriesKey
    at: datetime
    step: timedelta
    windows: tuple[WindowPart, ...]
    lead: int
    gates: tuple[Gate, ...]
    needed: Needed | None
    normal: Normal
    learned: Learned
    rule: SeriesRule
    cutoff: float
    calibrated: bool
    sharing: int
    late: int
    events: tuple[Event, ...] = ()

    @property
    def leading(self) -> WindowPart:
        """The window that decided."""
        return self.windows[self.lead]

    @property
    def why(self) -> WhyNot:
        """Why the series did not alert, or that it did."""
        return self.leading.why


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
        windows=windows,
        lead=lead,
        gates=tuple(_gates(assessment, baseline, windows, row, lead, learned=learned, rule=rule)),
        needed=_needed(assessment, windows, row, lead),
        normal=_normal(baseline, row, bucket, assessment.step),
        learned=learned,
        rule=rule,
        cutoff=float(assessment.limits.cutoff[row]),
        calibrated=assessment.limits.tail is not None,
        sharing=int((assessment.limits.enabled & baseline.learned).sum()),
        late=late,
        events=_events(baseline.calendar, series, bucket, assessment),
    )


def _events(calendar: Calendar, series: SeriesKey, bucket: int, assessment: Assessment) -> tuple[Event, ...]:
    begin = bucket_start(bucket + 1 - assessment.windows[-1], assessment.step)
    end = bucket_end(bucket, assessment.step)
    return tuple(
        event
        for event in calendar.events
        if event.concerns(series) and event.span.start < end and event.span.end > begin
    )


def learned_from(history: History, series: SeriesKey, *, learn_until: int) -> Learned:
    """Return what there was to learn from before that hour."""
    hourly = history.before(learn_until, hours=history.hourly.grid.length).hourly
    row = hourly.roster.rows.get(series)
    if row is None:
        return Learned(0.0, None, 0.0)
    known_days = float(hourly.known_rows[row].sum()) / HOURS_A_DAY
    seen = np.flatnonzero(hourly.counts[row])
    if not len(seen):
        return Learned(known_days, None, 0.0)
    age = (hourly.grid.length - int(seen[0])) / HOURS_A_DAY
    return Learned(known_days, bucket_start(hourly.grid.first + int(seen[0]), HOUR), age)


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
    factors = baseline.factors
    level, today = (1.0, 1.0) if factors is None else (float(factors.level[row]), float(factors.today[row]))
    an_hour = float(baseline.slot_mean[row, slot])
    expected = float(baseline.expect(bucket, bucket + 1, step).mean[row, 0])
    plain = replace(baseline, calendar=replace(calendar, events=()))
    ordinary = float(plain.expect(bucket, bucket + 1, step).mean[row, 0])
    return Normal(
        day=day,
        kind=_kind(calendar, day),
        like_weekday=slot // HOURS_A_DAY,
        hour=slot % HOURS_A_DAY,
        shape=an_hour / (level * today),
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


def _day(calendar: Calendar, bucket: int, step: timedelta) -> date:
    """Return the local date of a bucket, that of the middle of its hour as in the calendar's slots."""
    middle = bucket_start(bucket * seconds(step) // seconds(HOUR), HOUR) + HOUR / 2
    return middle.astimezone(calendar.zone).date()


def _kind(calendar: Calendar, day: date) -> Likeness:
    if calendar.like_weekday(day) == day.weekday():
        return Likeness.ORDINARY
    return Likeness.DAY_OFF if calendar.is_off(day) else Likeness.AFTER_DAYS_OFF
