"""Static rules: so many tickets of a series within a span alert, whatever is normal there.

They look at counts alone, from the first bucket on, and stand beside the budget of false alarms: no calibration knows them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import numpy as np

from spikewatch.core.counts import Bools, Floats, Ints
from spikewatch.core.settings import RuleSeverity, SeriesRule
from spikewatch.core.timegrid import seconds

UNMET_SCORE = 0.6
"""Most that a rule scores below its limit: less than what keeps a surge going, so that only the limit itself does."""

MOST_SCORE = 100.0
"""No score is higher, whatever it comes of."""


@dataclass(frozen=True, slots=True)
class RuleMet:
    """A static rule of a series whose limit is reached.

    tickets   its limit
    observed  tickets within its span, at least the limit
    critical  whether it makes the incident critical
    """

    tickets: int
    within_minutes: int
    observed: int
    critical: bool


@dataclass(frozen=True)
class StaticRules:
    """The static rules of a roster; all (n_rules,).

    row       of the series that each counts
    within_s  its span in seconds
    tickets   its limit
    critical  whether it makes an incident critical
    """

    row: Ints
    within_s: Ints
    tickets: Ints
    critical: Bools
    of_row: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Places of a row's rules."""

    @classmethod
    def of(cls, rules: Sequence[SeriesRule]) -> "StaticRules | None":
        """Return the rules of all series (n_series,); None where there is none."""
        found = [(row, rule) for row, each in enumerate(rules) for rule in each.rules]
        if not found:
            return None
        of_row: dict[int, tuple[int, ...]] = {}
        for place, (row, _) in enumerate(found):
            of_row[row] = (*of_row.get(row, ()), place)
        return cls(
            row=np.array([row for row, _ in found], dtype=np.int64),
            within_s=np.array([seconds(rule.within) for _, rule in found], dtype=np.int64),
            tickets=np.array([rule.tickets for _, rule in found], dtype=np.int64),
            critical=np.array([rule.severity is RuleSeverity.CRITICAL for _, rule in found], dtype=np.bool_),
            of_row=of_row,
        )

    def counted(
        self, counts: Ints, *, step: timedelta, n_judged: int, muted: Bools | None = None
    ) -> "Counted":
        """Return what the rules count at each of the last `n_judged` buckets.

        counts  (n_series, n_buckets) oldest first, 0 where nothing can be judged
        muted   like counts: True where an event mutes the series, whose rules then count nothing; None: nowhere
        """
        widths = np.maximum(1, self.within_s // seconds(step))
        sums = np.cumsum(counts[self.row], axis=1)
        sums = np.concatenate([np.zeros((len(sums), 1), dtype=np.int64), sums], axis=1)
        stops = np.arange(counts.shape[1] - n_judged, counts.shape[1])[None, :] + 1
        starts = np.maximum(stops - widths[:, None], 0)
        observed = sums[:, stops[0]] - np.take_along_axis(sums, starts, axis=1)
        if muted is not None:
            observed = np.where(muted[self.row, -n_judged:], 0, observed)
        return Counted(self, widths, observed)


@dataclass(frozen=True)
class Counted:
    """What each rule counts at each judged bucket.

    widths    (n_rules,) spans in buckets
    observed  (n_rules, n_judged) tickets in the span
    """

    rules: StaticRules
    widths: Ints
    observed: Ints

    @cached_property
    def met(self) -> Bools:
        """(n_rules, n_judged) True where the limit is reached."""
        return np.asarray(self.observed >= self.rules.tickets[:, None])

    @cached_property
    def score(self) -> Floats:
        """(n_rules, n_judged) tickets over the limit, 1 and more where it is reached, at most `UNMET_SCORE` elsewhere."""
        share = self.observed / self.rules.tickets[:, None]
        return np.where(self.met, np.minimum(share, MOST_SCORE), UNMET_SCORE * share)

    def until(self, column: int) -> "Counted":
        """Return the same as it was when this judged bucket was the newest."""
        return Counted(self.rules, self.widths, self.observed[:, : column + 1])

    def highest(self, n_series: int) -> Floats:
        """Return (n_series, n_judged) the highest score of each series' rules, 0 without any."""
        scores = np.zeros((n_series, self.observed.shape[1]))
        np.maximum.at(scores, self.rules.row, self.score)
        return scores

    def raised(self, score: Floats, widths: Sequence[int]) -> Floats:
        """Return scores (n_series, n_windows, n_judged), at least those of the rules that are met over just that window."""
        raised = score.copy()
        for place, width in enumerate(widths):
            for rule in np.flatnonzero(self.widths == width):
                row, met = self.rules.row[rule], self.met[rule]
                raised[row, place, met] = np.maximum(raised[row, place, met], self.score[rule, met])
        return raised

    def nearest(self, row: int, column: int) -> int | None:
        """Return the place of the rule of a row that comes nearest to its limit, or exceeds it most."""
        places = self.rules.of_row.get(row, ())
        score = self.score[:, column]
        return max(places, key=lambda place: (float(score[place]), -place), default=None)

    def met_by(self, row: int, column: int) -> RuleMet | None:
        """Return a rule of a row whose limit is reached: a critical one before others, then the most exceeded."""
        places = [place for place in self.rules.of_row.get(row, ()) if self.met[place, column]]
        if not places:
            return None
        score = self.score[:, column]
        return self.told(max(places, key=lambda p: (bool(self.rules.critical[p]), float(score[p]))), column)

    def told(self, place: int, column: int) -> RuleMet:
        """Return a rule with what it counts."""
        rules = self.rules
        return RuleMet(
            tickets=int(rules.tickets[place]),
            within_minutes=int(rules.within_s[place]) // 60,
            observed=int(self.observed[place, column]),
            critical=bool(rules.critical[place]),
        )

    def lowered(self, upper: Ints, rows: Ints, *, width: int) -> Ints:
        """Return the largest counts (n,) of rows (n,) that would not alert in a window, with the rules over that window."""
        bound = upper.copy()
        place_of = {int(row): place for place, row in enumerate(rows)}
        for rule in np.flatnonzero(self.widths == width):
            place = place_of.get(int(self.rules.row[rule]))
            if place is not None:
                bound[place] = min(int(bound[place]), int(self.rules.tickets[rule]) - 1)
        return bound
