"""A course as an inline SVG: tickets as columns, what is usual as a band, the week before as a line; gaps stay gaps.

The drawing names no colour of its own: `STYLE` stands once in the page around it, and follows light and dark. It has no
ids, so that a page may hold many, and no text but numbers and times that is not handed in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, tostring
from zoneinfo import ZoneInfo

from spikewatch.core.courses import Course
from spikewatch.core.timegrid import Span

WIDTH, HEIGHT = 440, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 8, 20, 26
_MOST_LABELS = 6
_STEPS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 180, 360, 720, 1440))
_ROUND = (1, 2, 4, 5, 6, 8, 10)

STYLE = """\
.course{--tickets:#4a6d94;--out:#b42318;--usual:#2e8b57;--before:#7a5c22;--unknown:#6b7280;--line:#d5d9e0;--ink:#1c2430}
@media (prefers-color-scheme:dark){.course{--tickets:#7fa5d0;--out:#ff8a7a;--usual:#5fc48c;--before:#d9b36c;
--unknown:#9aa3b2;--line:#3a4353;--ink:#e8ecf3}}
svg.course{display:block;width:100%;max-width:40rem;height:auto}
.course text{fill:var(--ink);font:13px system-ui,sans-serif}
.course .newest{font-weight:700}
.course .grid{stroke:var(--line);stroke-width:1;fill:none}
.course .band{fill:var(--usual);fill-opacity:.2}
.course .expected{fill:none;stroke:var(--usual);stroke-width:1.5}
.course .before{fill:none;stroke:var(--before);stroke-width:1.5;stroke-dasharray:4 3}
.course .surge{fill:var(--out);fill-opacity:.1}
.course .columns{fill:var(--tickets)}
.course .out{fill:var(--out)}
.course .unknown{fill:var(--unknown);fill-opacity:.14;stroke:var(--unknown);stroke-dasharray:2 3}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.3rem 0 0;padding:0;list-style:none;font-size:.8rem}
.legend svg{width:1.3rem;height:.8rem;margin-right:.35rem;vertical-align:-.05rem}
"""
"""The rules of a chart and its legend, for the style sheet of the page that holds them."""


@dataclass(frozen=True, slots=True)
class Legend:
    """What the marks of a chart are called, in one language."""

    tickets: str
    out: str
    usual: str
    week_ago: str
    unknown: str


def markup(course: Course, *, said: str, zone: ZoneInfo, surge: Span | None = None) -> str:
    """Return a chart as text; see `drawn`."""
    return tostring(drawn(course, said=said, zone=zone, surge=surge), encoding="unicode", method="html")


def drawn(course: Course, *, said: str, zone: ZoneInfo, surge: Span | None = None) -> Element:
    """Return a chart as an element of the page; the same course gives the same drawing.

    said   in words what it shows, for those who cannot see it
    surge  a span that is shaded, as far as it is on the chart
    """
    plane = _Plane(len(course), _top(course))
    svg = Element("svg", {"class": "course", "viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img"})
    svg.set("aria-label", said)
    _grid(svg, plane)
    if surge is not None:
        _shade(svg, plane, course, surge)
    _path(svg, "band", plane.band(course.low, course.high))
    _columns(svg, plane, course)
    _path(svg, "before", "".join(plane.steps(course.week_ago)))
    _path(svg, "expected", "".join(plane.steps(course.expected)))
    _unknown(svg, plane, course)
    _times(svg, plane, course, zone)
    _newest(svg, plane, course)
    return svg


def legend(course: Course, words: Legend) -> Element:
    """Return the list that says what the marks in the chart of a course mean; what is not in it is left out."""
    made = Element("ul", {"class": "legend course"})
    pairs = list(zip(course.observed, course.high, strict=True))
    marks = (
        ("columns", words.tickets, True),
        ("out", words.out, any(seen is not None and seen > high for seen, high in pairs)),
        ("band", words.usual, True),
        ("before", words.week_ago, any(seen is not None for seen in course.week_ago)),
        ("unknown", words.unknown, course.has_gaps),
    )
    for kind, name, is_there in marks:
        if is_there:
            item = SubElement(made, "li")
            swatch = SubElement(item, "svg", {"viewBox": "0 0 20 12", "aria-hidden": "true"})
            line = "M0 6H20" if kind == "before" else "M1 1H19V11H1Z"
            _path(swatch, kind, line)
            swatch.tail = name
    return made


@dataclass(frozen=True, slots=True)
class _Plane:
    """Where points and counts lie on the drawing."""

    points: int
    top: int

    def x(self, place: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * place / self.points

    def y(self, tickets: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * tickets / self.top

    def steps(self, values: Sequence[float | None]) -> Iterator[str]:
        """Yield a stairway through the values, broken where there is none."""
        for is_there, run in groupby(enumerate(values), key=lambda item: item[1] is not None):
            if is_there:
                for number, (place, value) in enumerate(run):
                    begins = "" if number else f"M{self.x(place):.1f} "
                    y = self.y(value or 0.0)
                    yield f"{begins}{y:.1f}" if begins else f"V{y:.1f}"
                    yield f"H{self.x(place + 1):.1f}"

    def band(self, low: Sequence[float], high: Sequence[float]) -> str:
        upper = "".join(self.steps(high))
        back = (
            f"V{self.y(value):.1f}H{self.x(place):.1f}" for place, value in reversed(list(enumerate(low)))
        )
        return f"{upper}{''.join(back)}Z"

    def box(self, begins: float, ends: float, tickets: float) -> str:
        left, right, foot = self.x(begins), self.x(ends), self.y(0)
        return f"M{left:.1f} {foot:.1f}V{self.y(tickets):.1f}H{right:.1f}V{foot:.1f}Z"


def _top(course: Course) -> int:
    """Return a round number that nothing in the course exceeds."""
    values = (*course.observed, *course.high, *course.week_ago)
    highest = max(1.0, *(value for value in values if value is not None))
    power: int = 10 ** (len(str(int(highest))) - 1)
    return next(leading * power for leading in (*_ROUND, 20) if leading * power >= highest)


def _path(parent: Element, kind: str, line: str) -> None:
    if line:
        SubElement(parent, "path", {"class": kind, "d": line})


def _text(parent: Element, text: str, *, x: float, y: float, anchor: str, kind: str | None = None) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    SubElement(parent, "text", place | ({"class": kind} if kind else {})).text = text


def _grid(svg: Element, plane: _Plane) -> None:
    lines = (0, plane.top / 2, plane.top) if plane.top % 2 == 0 else (0, plane.top)
    for tickets in lines:
        y = plane.y(tickets)
        _path(svg, "grid", f"M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}")
        _text(svg, f"{tickets:,.0f}", x=_LEFT - 5, y=y + 4, anchor="end")


def _shade(svg: Element, plane: _Plane, course: Course, surge: Span) -> None:
    begins, ends = (
        min(max((instant - course.start) / course.width, 0.0), float(len(course)))
        for instant in (surge.start, surge.end)
    )
    if begins < ends:
        _path(svg, "surge", plane.box(begins, ends, plane.top))


def _columns(svg: Element, plane: _Plane, course: Course) -> None:
    seen = list(zip(course.observed, course.high, strict=True))
    for kind, is_out in (("columns", False), ("out", True)):
        columns = (
            plane.box(place + 0.08, place + 0.92, tickets)
            for place, (tickets, high) in enumerate(seen)
            if tickets and (tickets > high) is is_out
        )
        _path(svg, kind, "".join(columns))


def _unknown(svg: Element, plane: _Plane, course: Course) -> None:
    """Mark what is unknown, so that it does not look like nothing."""
    for is_gap, run in groupby(enumerate(course.observed), key=lambda item: item[1] is None):
        places = [place for place, _ in run]
        if is_gap:
            begins, ends = places[0], places[-1] + 1
            _path(svg, "unknown", plane.box(begins, ends, plane.top))
            _text(svg, "?", x=plane.x((begins + ends) / 2), y=plane.y(plane.top / 2) + 4, anchor="middle")


def _times(svg: Element, plane: _Plane, course: Course, zone: ZoneInfo) -> None:
    edges = [(course.start + place * course.width).astimezone(zone) for place in range(len(course) + 1)]
    for place in _labelled(edges):
        x = plane.x(place)
        _path(svg, "grid", f"M{x:.1f} {plane.y(0):.1f}v4")
        at_edge = place == len(course)
        _text(svg, f"{edges[place]:%H:%M}", x=x, y=HEIGHT - 7, anchor="end" if at_edge else "middle")


def _labelled(edges: Sequence[datetime]) -> Sequence[int]:
    """Return the few edges that get a time: on round hours where there are any."""
    lasts = edges[-1] - edges[0]
    step = next((each for each in _STEPS if lasts / each <= _MOST_LABELS), _STEPS[-1])
    minutes = step // timedelta(minutes=1)
    round_ones = [place for place, edge in enumerate(edges) if (60 * edge.hour + edge.minute) % minutes == 0]
    return round_ones[:: -(-len(round_ones) // (_MOST_LABELS + 1))] if round_ones else (0, len(edges) - 1)


def _newest(svg: Element, plane: _Plane, course: Course) -> None:
    """Write the newest number above its column: it is what the words say."""
    tickets = course.observed[-1]
    if tickets is not None:
        x = min(plane.x(len(course) - 0.5), WIDTH - _RIGHT)
        _text(svg, f"{tickets:,}", x=x, y=plane.y(tickets) - 4, anchor="middle", kind="newest")
