"""The yardstick: what a replay is worth, week by week, by what people said about the past.

A false alarm is an incident that nobody called real. Where hardly anybody said what was real, the alerts that nobody called
wrong count as real, so that nothing is given up on silence. A real incident that is not told is worth `LOST` false alarms,
and so is one that is told very late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

import numpy as np

from spikewatch.core.counts import Floats, Ints
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.incidents import Incident
from spikewatch.core.timegrid import WEEK, Span, aware
from spikewatch.lab.replay import Replayed
from spikewatch.lab.tallies import Said, is_about, said_of

LOST = 10.0
"""False alarms that an incident which is not told any more may cost."""

ALARM_MINUTES = 15.0
"""Minutes that an incident may be told later for each false alarm less."""

LEAST_SAID = 3
"""Labelled incidents, or labelled false alarms, that say something: two may be one odd night."""

LEAST_WEEKS = 3
"""Judged weeks: with two, what is chosen on one is tried on one other, and chance decides."""


@dataclass(frozen=True)
class Outcome:
    """What one replay comes to.

    alarms   (n_weeks,) false alarms by the week they opened in
    minutes  (n_real,) from the beginning of each real incident to its message, >= 0; infinite where there was none
    week     (n_real,) the week each began in
    """

    alarms: Ints
    minutes: Floats
    week: Ints

    @property
    def cost(self) -> Floats:
        """(n_weeks,) what the false alarms and the real incidents of each week cost, in false alarms."""
        late = np.minimum(self.minutes / ALARM_MINUTES, LOST)
        of_week = np.bincount(self.week, weights=late, minlength=len(self.alarms))
        return self.alarms.astype(np.float64) + of_week

    @property
    def false_alarms(self) -> int:
        """Of all weeks."""
        return int(self.alarms.sum())

    @property
    def told(self) -> int:
        """Real incidents that were told."""
        return int(np.isfinite(self.minutes).sum())


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change comes to.

    saved  false alarms less; negative where there are more
    lost   real incidents that are not told any more
    found  real incidents that are told now
    delay  minutes that a real incident told before and after is told later, median; None where there is none
    """

    saved: int
    lost: int
    found: int
    delay: float | None


def effect(before: Outcome, after: Outcome) -> Effect:
    """Return what a change came to."""
    was, is_now = np.isfinite(before.minutes), np.isfinite(after.minutes)
    both = was & is_now
    later = (after.minutes[both] - before.minutes[both]).tolist()
    return Effect(
        saved=before.false_alarms - after.false_alarms,
        lost=int((was & ~is_now).sum()),
        found=int((~was & is_now).sum()),
        delay=median(later) if later else None,
    )


@dataclass(frozen=True)
class Yardstick:
    """What ought to have been told in the judged time.

    real        incidents, each of one or several labels that belong together, by their beginning
    said_real   how many incidents were labelled real
    said_false  how many alerts of the replay were labelled false, or expected
    """

    judged_from: datetime
    judged_until: datetime
    real: tuple[tuple[Label, ...], ...]
    said_real: int
    said_false: int

    @classmethod
    def of(cls, replayed: Replayed, labels: Sequence[Label]) -> "Yardstick":
        """Return the yardstick that labels make for the judged time of a replay."""
        inside = [
            label
            for label in labels
            if aware(label.span.start) < replayed.judged_until
            and aware(label.span.end) > replayed.judged_from
        ]
        real = _together([label for label in inside if label.kind is LabelKind.INCIDENT])
        told = [incident for incident in replayed.incidents if incident.merged_into is None]
        said = [said_of(incident, inside, until=replayed.judged_until) for incident in told]
        stick = cls(
            replayed.judged_from,
            replayed.judged_until,
            real,
            said_real=len(real),
            said_false=sum(each in (Said.WRONG, Said.EXPECTED) for each in said),
        )
        if stick.said_real >= LEAST_SAID:
            return stick
        unsaid = [
            Label(
                Span(incident.started_at, incident.last_surging + _INSTANT),
                incident.service,
                None,
                LabelKind.INCIDENT,
            )
            for incident, each in zip(told, said, strict=True)
            if each is Said.UNLABELLED
        ]
        return replace(stick, real=tuple(sorted((*real, *((label,) for label in unsaid)), key=_begin)))

    @property
    def n_weeks(self) -> int:
        """Weeks that are told apart; a last part of half a week or more is one too."""
        return round((self.judged_until - self.judged_from) / WEEK)

    @property
    def is_enough(self) -> bool:
        """Whether anybody has said enough about what was right or wrong."""
        return max(self.said_real, self.said_false) >= LEAST_SAID

    @property
    def is_cautious(self) -> bool:
        """Whether alerts that nobody called wrong count as real, for hardly anybody said what was."""
        return self.said_real < LEAST_SAID

    def outcome(self, replayed: Replayed) -> Outcome:
        """Return what a replay comes to."""
        alarms = np.zeros(self.n_weeks, dtype=np.int64)
        minutes = np.full(len(self.real), np.inf)
        for incident in replayed.incidents:
            about = self.about(incident)
            for place in about:
                after = (incident.opened_at - _begin(self.real[place])) / _MINUTE
                minutes[place] = min(minutes[place], max(after, 0.0))
            if not about and incident.merged_into is None:
                alarms[self.week_of(incident.opened_at)] += 1
        week = np.array([self.week_of(_begin(labels)) for labels in self.real], dtype=np.int64)
        return Outcome(alarms, minutes, week)

    def about(self, incident: Incident) -> Sequence[int]:
        """Return the places of the real incidents that an incident tells of; none where it is a false alarm."""
        return [
            place
            for place, labels in enumerate(self.real)
            if any(is_about(label, incident, until=self.judged_until) for label in labels)
        ]

    def week_of(self, instant: datetime) -> int:
        """Return the number of the week of an instant since judging began; what is outside belongs to the nearest."""
        return min(max((instant - self.judged_from) // WEEK, 0), self.n_weeks - 1)


_MINUTE = timedelta(minutes=1)
_INSTANT = timedelta(microseconds=1)


def _begin(labels: Sequence[Label]) -> datetime:
    return min(aware(label.span.start) for label in labels)


def _together(labels: Sequence[Label]) -> tuple[tuple[Label, ...], ...]:
    """Return labels grouped: those of one service that overlap are about one incident."""
    groups: list[list[Label]] = []
    for label in sorted(labels, key=lambda label: (label.service or "", aware(label.span.start))):
        last = groups[-1] if groups else []
        if (
            last
            and last[0].service == label.service
            and aware(label.span.start) < max(aware(each.span.end) for each in last)
        ):
            last.append(label)
        else:
            groups.append([label])
    return tuple(sorted((tuple(group) for group in groups), key=_begin))
