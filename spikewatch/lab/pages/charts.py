"""Charts of a page: a series around an incident as inline SVG, drawn from what was judged; colours are the page's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

import numpy as np

from spikewatch.core.courses import BAND
from spikewatch.core.markup import node
from spikewatch.core.timegrid import Span
from spikewatch.lab.courses import Course

WIDTH: Final = 640
HEIGHT: Final = 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 6, 10, 20

MOST_POINTS: Final = 150
"""More than the pixels of a chart can tell apart; of those that fall together the highest stays."""

_TICKS = tuple(timedelta(hours=hours) for hours in (0.5, 1, 2, 3, 6, 12, 24, 48, 168))
_MOST_TICKS = 8
_MOST_RULES = 5


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant worth a line, with a word for it."""

    at: datetime
    word: str


def chart(
    course: Course, *, surge: Span, marks: Sequence[Mark], title: str, zone: ZoneInfo, identifier: str
) -> Element:
    """Return the chart: tickets in the window, the usual band, what would not alert, and when it surged.

    identifier  unique on the page
    """
    kept = _thinned(course)
    canvas = _Canvas.of(kept)
    label = f"{identifier}-title"
    return node(
        "svg",
        {
            "viewBox": f"0 0 {WIDTH} {HEIGHT}",
            "class": "chart",
            "role": "img",
            "aria-labelledby": label,
        },
        node("title", {"id": label}, title),
        canvas.shade(surge),
        list(canvas.grid(zone)),
        list(canvas.band(kept)),
        list(canvas.lines(kept, kept.upper.astype(np.float64), "upper")),
        list(canvas.lines(kept, kept.expected, "expected")),
        list(canvas.lines(kept, kept.observed.astype(np.float64), "observed")),
        [canvas.mark(each) for each in marks],
    )


@dataclass(frozen=True, slots=True)
class _Canvas:
    """From seconds and tickets to the picture."""

    first: float
    last: float
    most: float

    @classmethod
    def of(cls, course: Course) -> "_Canvas":
        known = course.judged
        most = max(
            [
                1.0,
                *course.observed[known].tolist(),
                *course.upper[known].tolist(),
                *(course.expected + BAND * course.deviation)[known].tolist(),
            ]
        )
        return cls(float(course.at[0]), float(max(course.at[-1], course.at[0] + 1)), most * 1.05)

    def x(self, at: float) -> float:
        share = min(1.0, max(0.0, (at - self.first) / (self.last - self.first)))
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, tickets: float) -> float:
        return _TOP + (1 - tickets / self.most) * (HEIGHT - _TOP - _BOTTOM)

    def shade(self, surge: Span) -> Element:
        left, right = self.x(surge.start.timestamp()), self.x(surge.end.timestamp())
        box = {"x": left, "y": _TOP, "width": max(1.0, right - left), "height": HEIGHT - _TOP - _BOTTOM}
        return node("rect", {"class": "surge", **box})

    def grid(self, zone: ZoneInfo) -> Iterator[Element]:
        for tickets in _round_numbers(self.most):
            height = self.y(tickets)
            yield node("path", {"class": "rule", "d": f"M{_LEFT} {height:.1f}H{WIDTH - _RIGHT}"})
            yield node("text", {"class": "end", "x": _LEFT - 5, "y": height + 4}, f"{tickets:g}")
        for at in _instants(self.first, self.last, zone):
            place, local = self.x(at.timestamp()), at.astimezone(zone)
            style = "%H:%M" if local.hour or local.minute else "%m-%d"
            yield node("path", {"class": "rule", "d": f"M{place:.1f} {_TOP}V{HEIGHT - _BOTTOM}"})
            yield node("text", {"class": "middle", "x": place, "y": HEIGHT - 5}, f"{local:{style}}")

    def band(self, course: Course) -> Iterator[Element]:
        low = np.maximum(course.expected - BAND * course.deviation, 0.0)
        high = course.expected + BAND * course.deviation
        for run in _known_runs(course):
            there = [f"{self.x(course.at[place]):.1f} {self.y(high[place]):.1f}" for place in run]
            back = [f"{self.x(course.at[place]):.1f} {self.y(low[place]):.1f}" for place in reversed(run)]
            yield node("path", {"class": "band", "d": f"M{'L'.join([*there, *back])}Z"})

    def lines(self, course: Course, values: np.ndarray, kind: str) -> Iterator[Element]:
        """Yield one line for each stretch without a gap; a single point is a dot."""
        for run in _known_runs(course):
            points = [f"{self.x(course.at[place]):.1f} {self.y(values[place]):.1f}" for place in run]
            yield node("path", {"class": kind, "d": f"M{'L'.join(points)}{'h.1' if len(run) == 1 else ''}"})

    def mark(self, mark: Mark) -> Element:
        place = self.x(mark.at.timestamp())
        return node(
            "g",
            {"class": "mark"},
            node("path", {"d": f"M{place:.1f} {_TOP}V{HEIGHT - _BOTTOM}"}),
            node("text", {"class": "end", "x": place - 4, "y": _TOP + 9}, mark.word),
        )


def _thinned(course: Course) -> Course:
    stride = -(-len(course.at) // MOST_POINTS)
    if stride == 1:
        return course
    groups = range(0, len(course.at), stride)
    kept = np.array([start + int(np.argmax(course.observed[start : start + stride])) for start in groups])
    return course.at_places(kept)


def _known_runs(course: Course) -> Iterator[list[int]]:
    for known, run in groupby(range(len(course.at)), key=lambda place: bool(course.judged[place])):
        if known:
            yield list(run)


def _round_numbers(most: float) -> list[float]:
    """Return up to six round numbers from 0 on.

    >>> _round_numbers(47.0)
    [0.0, 10.0, 20.0, 30.0, 40.0]
    """
    power = 10.0 ** np.floor(np.log10(most))
    step = next(part * power for part in (0.2, 0.5, 1.0, 2.0) if most / (part * power) <= _MOST_RULES)
    step = max(step, 1.0)
    return [float(number * step) for number in range(int(most / step) + 1)]


def _instants(first: float, last: float, zone: ZoneInfo) -> Iterator[datetime]:
    every = next(
        (tick for tick in _TICKS if (last - first) / tick.total_seconds() <= _MOST_TICKS), _TICKS[-1]
    )
    begin = datetime.fromtimestamp(first, UTC).astimezone(zone)
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    at = midnight
    while at.timestamp() <= last - 0.02 * (last - first):
        if at.timestamp() >= first + 0.02 * (last - first):
            yield at
        at += every
