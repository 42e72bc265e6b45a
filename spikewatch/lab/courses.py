"""Courses: what a replay saw of series in one window over time, cut out of assessments, joined, and picked from."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from spikewatch.core.counts import Bools, Floats, Ints
from spikewatch.core.scoring import Assessment
from spikewatch.core.timegrid import seconds


@dataclass(frozen=True, slots=True)
class Course:
    """One series in one window over time; all arrays are (n,), one entry a judged bucket, oldest first.

    Of several series all but `at` are (n_series, n).

    at         end of the bucket, which is the end of the window, in seconds since 1970
    observed   tickets in the window's known buckets
    expected   tickets the baseline expected there
    deviation  standard deviation of the tickets that the baseline allows for
    upper      the largest count that would not have alerted
    score      1 is the alert threshold
    judged     False where too little of the window is known, or the series is still being learnt
    """

    at: Ints
    observed: Ints
    expected: Floats
    deviation: Floats
    upper: Ints
    score: Floats
    judged: Bools

    @classmethod
    def cut(cls, assessment: Assessment, rows: int | Ints, *, window: int, upper: Ints) -> "Course":
        """Return the course of one row, or of several, in a window (by place); `upper` is of its shape.

        All is copied: a view would hold on to the whole fleet.
        """
        return cls(
            at=(assessment.first + 1 + np.arange(assessment.n_judged)) * seconds(assessment.step),
            observed=np.array(assessment.observed[rows, window]),
            expected=np.array(assessment.expected[rows, window]),
            deviation=np.sqrt(assessment.variance[rows, window]),
            upper=upper,
            score=np.array(assessment.score[rows, window]),
            judged=np.array(assessment.judged[rows, window]),
        )

    @classmethod
    def joined(cls, parts: Sequence["Course"]) -> "Course":
        """Return successive parts of one series as one."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    def of(self, place: int) -> "Course":
        """Return one of several series."""
        return Course(self.at, *(values[place] for values in self._lines()))

    def at_places(self, places: Ints) -> "Course":
        """Return some entries of one series."""
        return Course(self.at[places], *(values[places] for values in self._lines()))

    def _lines(self) -> Sequence[np.ndarray]:
        return [getattr(self, each.name) for each in fields(self) if each.name != "at"]
