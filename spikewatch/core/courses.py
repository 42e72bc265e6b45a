"""Courses: how a series went over the last hours, beside what is usual and beside the same hours a week ago.

What a message and `explain` show as a picture. A point whose tickets are unknown is a gap, never a zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from spikewatch.core.timegrid import HOUR

WIDTHS = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 15, 20, 30, 60, 120, 180, 360, 720))
"""How much time a point may sum up."""

MOST_POINTS = 48
ONE_LOOK = 20
"""So many points are taken in at one look, and fit into a small chart."""

BAND = 2.0
"""Half the height of the usual band, in standard deviations: about 19 of 20 quiet points lie in it."""

LEAST_WIDTH = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Course:
    """One series over the last hours, in points of `width`; the last point ends where the data end.

    observed  tickets in each point, oldest first; None where some of it is unknown
    expected  what the baseline expects there, >= 0
    spread    standard deviation around that, >= 0
    week_ago  tickets in the same points a week earlier; None where unknown
    """

    start: datetime
    width: timedelta
    observed: tuple[int | None, ...]
    expected: tuple[float, ...]
    spread: tuple[float, ...]
    week_ago: tuple[int | None, ...]

    def __post_init__(self) -> None:
        """Refuse lines of different length or without a point, and numbers that cannot be drawn."""
        lengths = {len(self.observed), len(self.expected), len(self.spread), len(self.week_ago)}
        if len(lengths) > 1 or not self.observed:
            message = f"the lines of a course have {sorted(lengths)} points"
            raise ValueError(message)
        if not all(math.isfinite(value) and value >= 0 for value in (*self.expected, *self.spread)):
            message = "a course expects numbers from 0 on"
            raise ValueError(message)

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.observed)

    @property
    def starts(self) -> tuple[datetime, ...]:
        """When each point begins."""
        return tuple(self.start + place * self.width for place in range(len(self)))

    @property
    def low(self) -> tuple[float, ...]:
        """Lower edge of what is usual, >= 0."""
        return tuple(
            max(mean - BAND * spread, 0.0) for mean, spread in zip(self.expected, self.spread, strict=True)
        )

    @property
    def high(self) -> tuple[float, ...]:
        """Upper edge of what is usual."""
        return tuple(mean + BAND * spread for mean, spread in zip(self.expected, self.spread, strict=True))

    @property
    def has_gaps(self) -> bool:
        """Tell whether something in it is unknown."""
        return None in self.observed

    def last(self, points: int) -> "Course":
        """Return the newest points of it."""
        cut = max(0, len(self) - points)
        return Course(
            start=self.start + cut * self.width,
            width=self.width,
            observed=self.observed[cut:],
            expected=self.expected[cut:],
            spread=self.spread[cut:],
            week_ago=self.week_ago[cut:],
        )


def point_width(window: timedelta, *, step: timedelta, lasted: timedelta) -> timedelta:
    """Return how much time a point sums up: a window that alerts, or more so that half of one look shows the time before.

    window  of the reading that the picture goes with
    step    of the counts; a point is a multiple of it
    lasted  since the rise began

    >>> point_width(timedelta(minutes=15), step=timedelta(minutes=5), lasted=timedelta(minutes=20))
    datetime.timedelta(seconds=900)
    >>> point_width(timedelta(minutes=15), step=timedelta(minutes=5), lasted=timedelta(hours=9))
    datetime.timedelta(seconds=3600)
    """
    wanted = max(LEAST_WIDTH, min(window, HOUR), lasted * 2 / ONE_LOOK)
    fitting = [width for width in WIDTHS if width % step == timedelta(0)] or [step]
    return next((width for width in fitting if width >= wanted), fitting[-1])


def course_of(
    counts: Sequence[int],
    known: Sequence[bool],
    *,
    mean: Sequence[float],
    variance: Sequence[float],
    day_spread: float,
    week_ago: Sequence[int],
    known_week_ago: Sequence[bool],
    end: datetime,
    step: timedelta,
    width: timedelta,
) -> Course:
    """Sum buckets up into points of `width`, the last of which ends at `end`; what does not fill a point is left out.

    counts, known, mean, variance, week_ago, known_week_ago  one value a bucket, oldest first
    day_spread  relative variation that a whole day shares, so that neighbouring buckets vary together
    """
    size = width // step
    points = len(counts) // size
    cut = len(counts) - points * size
    spans = [slice(cut + place * size, cut + (place + 1) * size) for place in range(points)]
    expected = [sum(mean[span]) for span in spans]
    return Course(
        start=end - points * width,
        width=width,
        observed=tuple(int(sum(counts[span])) if all(known[span]) else None for span in spans),
        expected=tuple(round(number, 3) for number in expected),
        spread=tuple(
            round(math.sqrt(sum(variance[span]) + (day_spread * number) ** 2), 3)
            for span, number in zip(spans, expected, strict=True)
        ),
        week_ago=tuple(int(sum(week_ago[span])) if all(known_week_ago[span]) else None for span in spans),
    )
