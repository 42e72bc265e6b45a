"""The detector: the settings of detection with all that follows from them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

from spikewatch.calibrating import Rehearsal, replayed_peaks
from spikewatch.core.baseline import Baseline, History, cutoff_hour, fit, recent_hour
from spikewatch.core.budget import limits_of, rules_of
from spikewatch.core.calendars import Calendar
from spikewatch.core.calibration import VERSION, Calibration, Tail
from spikewatch.core.counts import Panel, Roster, SeriesKey
from spikewatch.core.events import Mask
from spikewatch.core.explaining import explain, learned_by
from spikewatch.core.explanations import Explanation
from spikewatch.core.scoring import Assessment, Limits
from spikewatch.core.settings import DetectionSettings, SeriesRule, ServiceSettings, rule_for
from spikewatch.core.timegrid import HOUR, bucket_start, seconds
from spikewatch.core.windows import remembered_from

WEEK_HOURS = 7 * 24

CALIBRATED_AHEAD_HOURS = 24
"""A week's calibration looks at nothing newer than this before the week, so that it is ready when the week begins."""


@dataclass(frozen=True)
class Detector:
    """The settings of detection with everything that follows from them.

    history  how far back a baseline learns, a whole number of hours
    name     makes the id of a new incident from its number, service and opening
    masks    what labels say is not learnt from; the calendar's events are added
    """

    calendar: Calendar
    step: timedelta
    history: timedelta
    detection: DetectionSettings
    services: dict[str, ServiceSettings]
    name: Callable[[int, str | None, datetime], str]
    masks: tuple[Mask, ...] = ()

    @property
    def longest(self) -> int:
        """The longest window in buckets."""
        return max(1, self.detection.windows[-1] // self.step)

    def reach(self, first: int) -> int:
        """Return the first bucket that judging from bucket `first` on looks at."""
        return remembered_from(first, longest=self.longest, step=self.step)

    def epoch_of(self, bucket: int) -> int:
        """Return the epoch (hour number) whose baseline judges a bucket."""
        return bucket * seconds(self.step) // 3600

    def epochs(self, first: int, until: int) -> list[tuple[int, int]]:
        """Return the spans of the buckets `[first, until)` that have one baseline each; none where there are no buckets."""
        per_hour = 3600 // seconds(self.step)
        edges = [first, *range((first // per_hour + 1) * per_hour, until, per_hour), until]
        return list(pairwise(edges)) if first < until else []

    def first_hour(self, epoch: int) -> int:
        """Return the first hour that the baseline of an epoch learns from."""
        return self.last_hour(epoch) - self.history // HOUR

    def last_hour(self, epoch: int) -> int:
        """Return the hour before which the baseline of an epoch learns."""
        return cutoff_hour(epoch, longest_window=self.detection.windows[-1])

    def fit(self, history: History, *, epoch: int) -> Baseline:
        """Return the baseline of an epoch; history beyond its reach is left out, and so are hours known by then as odd."""
        past = history.before(recent_hour(epoch), hours=recent_hour(epoch) - self.first_hour(epoch))
        return fit(
            past.without(self.masks_known(epoch)),
            calendar=self.calendar,
            model=self.detection.model,
            epoch=epoch,
            learn_until=self.last_hour(epoch),
        )

    def masks_known(self, epoch: int) -> tuple[Mask, ...]:
        """Return the masks that were known when the hour of an epoch began."""
        now = bucket_start(epoch, HOUR)
        announced = (event.mask for event in self.calendar.events)
        return tuple(mask for mask in (*announced, *self.masks) if mask.known_from <= now)

    def week_of(self, epoch: int) -> int:
        """Return the week (since the epoch, in UTC) whose calibration judges an hour."""
        return epoch // WEEK_HOURS

    def calibrated_hours(self, week: int) -> tuple[int, int]:
        """Return the hours `[first, stop)` that the calibration of a week is made of: it can be made a day ahead."""
        stop = week * WEEK_HOURS - CALIBRATED_AHEAD_HOURS
        return stop - self.history // HOUR, stop

    def calibrate(self, history: History, panel_of: Callable[[int, int], Panel], *, week: int) -> Calibration:
        """Return the calibration of a week from a replay of the past; history beyond its reach is left out.

        panel_of  returns the counts of buckets `[first, stop)` with the roster of the history, late tickets left out
        """
        first, stop = self.calibrated_hours(week)
        rehearsal = Rehearsal(
            calendar=self.calendar,
            model=self.detection.model,
            windows=self.detection.windows,
            rules=self.rules(history.hourly.roster),
        )
        past = history.before(stop, hours=stop - first).without(self.masks_known(stop))
        peaks = replayed_peaks(past, rehearsal, hours=stop - first, panel_of=panel_of)
        return Calibration(week, self.standing, peaks)

    @property
    def learning(self) -> tuple[object, ...]:
        """All that a baseline depends on beside counts and labels."""
        longest = self.detection.windows[-1]
        return (self.calendar, self.step, self.history, self.detection.model, longest, self.masks)

    @cached_property
    def standing(self) -> str:
        """A digest of all that a calibration depends on beside counts and labels: a new label tells on the next one."""
        aside = {"rules", "runbook", "channel", "critical_score"}
        words = [
            f"version {VERSION}",
            self.detection.model_dump_json(exclude={"false_alarms_per_week", "critical_score"}),
            *(
                f"{name}:{rule.model_dump_json(exclude={**dict.fromkeys(aside, True), 'categories': {'__all__': aside}})}"
                for name, rule in sorted(self.services.items())
            ),
            str((self.calendar.zone.key, sorted(self.calendar.days_off), self.history, self.step)),
            *map(repr, self.calendar.events),
        ]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()

    def rules(self, roster: Roster) -> tuple[SeriesRule, ...]:
        """Return the rule of each series."""
        return rules_of(roster, detection=self.detection, services=self.services)

    def explain(
        self, assessment: Assessment, baseline: Baseline, series: SeriesKey, *, column: int
    ) -> Explanation:
        """Return why a series did or did not alert at a judged bucket; late tickets are not looked for."""
        return explain(
            assessment.until(column),
            baseline,
            series=series,
            learned=learned_by(baseline, series),
            rule=rule_for(*series, detection=self.detection, services=self.services),
        )

    def limits(
        self, baseline: Baseline, *, tail: Tail | None = None, rules: Sequence[SeriesRule] | None = None
    ) -> Limits:
        """Return what each series must reach.

        tail   of the fleet's past; without it the cut-offs are provisional
        rules  those of the baseline's roster, where they were kept
        """
        return limits_of(baseline, detection=self.detection, services=self.services, rules=rules, tail=tail)


def said_aloud(number: int, _service: str | None, _opened_at: datetime) -> str:
    """Return the id of an incident in life: short enough to be said on the phone."""
    return f"SW-{number}"
