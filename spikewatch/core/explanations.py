"""Explanations as values: why one series alerted at one bucket, or did not, in every part and at every gate.

An incident keeps the one it opened on, so that it can be told after what is normal has moved. `explaining` makes them.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from spikewatch.core.counts import SeriesKey
from spikewatch.core.events import Event
from spikewatch.core.rules import RuleMet
from spikewatch.core.scoring import Reading, WhyNot
from spikewatch.core.settings import ModelName, SeriesRule


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
class Turning:
    """Where the decision turns: from the smallest budget and the smallest weight on the bucket alerts, all else being equal.

    Each has three significant digits; None where none does, up to the most that a setting takes.

    window_minutes         the window that decides then; None where a floor holds back every window that rises
    false_alarms_per_week  of the whole fleet
    weight                 of the series, beside the week's cut-offs as they are; None of the whole fleet, too
    """

    window_minutes: int | None
    false_alarms_per_week: float | None
    weight: float | None


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
class RulePart:
    """One static rule of the series, with what it counts at the bucket."""

    counted: RuleMet
    origin: str

    @property
    def is_met(self) -> bool:
        """Tell whether its limit is reached, so that it alerts."""
        return self.counted.observed >= self.counted.tickets


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
    rules       its static rules: any that is met alerts, whatever the windows say
    turning     from which budget and weight on it alerts; None where none has a say in it, or that was not kept
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
    rules: tuple[RulePart, ...] = ()
    turning: Turning | None = None

    @property
    def rule_met(self) -> RuleMet | None:
        """The static rule that alerts; None where none does."""
        return next((part.counted for part in self.rules if part.is_met), None)

    @property
    def leading(self) -> WindowPart:
        """The window that decided."""
        return self.windows[self.lead]

    @property
    def why(self) -> WhyNot:
        """Why the series did not alert, or that it did."""
        return self.leading.why if self.rule_met is None else WhyNot.ALERTS
