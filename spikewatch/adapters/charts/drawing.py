"""A course as a PNG: tickets as columns, what is usual as a band, the week before as a line; gaps stay gaps.

Two columns differ by more than their colour: one that stands out of the band is hatched too.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikewatch.adapters.charts.fonts import installed_fonts, is_drawable, writable
from spikewatch.core.courses import Course
from spikewatch.core.settings import Language
from spikewatch.core.wording import Picture

DOTS_PER_INCH = 110

_SIZE: Final = (8.6, 3.1)
_COLUMN, _OUT, _BAND, _EXPECTED, _BEFORE, _UNKNOWN = (
    "#5b7fa6",
    "#c0392b",
    "#2e8b57",
    "#2e8b57",
    "#8a6d3b",
    "#999999",
)


@dataclass(frozen=True, slots=True)
class _Words:
    tickets: str
    out: str
    usual: str
    week_ago: str
    unknown: str
    time: str
    day: str

    @property
    def order(self) -> tuple[str, ...]:
        """What a legend names, the most important first."""
        return self.tickets, self.out, self.usual, self.week_ago, self.unknown


_WORDS: Final = {
    Language.EN: _Words(
        "tickets", "above the usual", "usual", "a week ago", "unknown", "time ({zone})", "%d %b"
    ),
    Language.JA: _Words(
        "件数", "平常より多い", "平常の範囲", "先週の同時刻", "不明", "時刻（{zone}）", "%m/%d"
    ),
}


def draw(picture: Picture) -> bytes:
    """Return a picture as a PNG with the fonts of this machine."""
    return drawn(picture, fonts=installed_fonts())


def drawn(picture: Picture, *, fonts: Collection[str]) -> bytes:
    """Return a picture as a PNG, which names neither a program nor an instant.

    fonts  families that are installed; without a Japanese one the words are English
    """
    language, families = writable(picture.language, installed=fonts)
    words, course = _WORDS[language], picture.course
    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if is_drawable(picture.title, families):
        axes.set_title(picture.title, loc="left", fontsize=10, fontfamily=families, parse_math=False)
    _band(axes, course, label=words.usual)
    _columns(axes, course, words)
    _week_ago(axes, course, label=words.week_ago)
    _unknown(axes, course, label=words.unknown)
    _dated(axes, picture, day=words.day)
    zone = course.start.astimezone(picture.zone).tzname() or "UTC"
    axes.set_xlabel(words.time.format(zone=zone), fontsize=8, fontfamily=families, loc="right")
    axes.set_ylabel(words.tickets, fontsize=8, fontfamily=families)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_ylim(0, 1.12 * max(1.0, axes.get_ylim()[1]))
    axes.grid(visible=True, axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, labelfontfamily=families)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda place: words.order.index(labels[place]))
    figure.legend(
        [handles[place] for place in order],
        [labels[place] for place in order],
        loc="outside lower center",
        ncols=5,
        frameon=False,
        prop={"family": list(families), "size": 8},
    )
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return stream.getvalue()


def _edges(course: Course) -> list[float]:
    """Return where the points begin, and where the last one ends, as matplotlib counts days."""
    return [_day(start) for start in (*course.starts, course.start + len(course) * course.width)]


def _day(instant: datetime) -> float:
    return float(date2num(instant))  # type: ignore[no-untyped-call]  # matplotlib.dates has no types


def _band(axes: Axes, course: Course, *, label: str) -> None:
    edges = _edges(course)
    high, low = (_closed(course.high), _closed(course.low))
    axes.fill_between(edges, low, high, step="post", color=_BAND, alpha=0.18, linewidth=0, label=label)
    axes.step(edges, _closed(course.expected), where="post", color=_EXPECTED, linewidth=0.9)


def _columns(axes: Axes, course: Course, words: _Words) -> None:
    """Draw tickets as columns, those above the band in a manner of their own."""
    width = course.width / timedelta(days=1)
    for out in (False, True):
        chosen = [
            (start, tickets)
            for start, tickets, high in zip(_edges(course), course.observed, course.high, strict=False)
            if tickets is not None and (tickets > high) is out
        ]
        if not chosen and out:
            continue
        axes.bar(
            [start for start, _ in chosen],
            [tickets for _, tickets in chosen],
            width=0.86 * width,
            align="edge",
            color=_OUT if out else _COLUMN,
            edgecolor="white",
            hatch="///" if out else None,
            linewidth=0,
            label=words.out if out else words.tickets,
        )
    _value(axes, course)


def _value(axes: Axes, course: Course) -> None:
    """Write the newest number above its column: it is what the message says."""
    newest = course.observed[-1] if len(course) else None
    if newest is not None:
        middle = _day(course.starts[-1] + 0.43 * course.width)
        axes.annotate(f"{newest:,}", (middle, newest), ha="center", va="bottom", fontsize=9, weight="bold")


def _week_ago(axes: Axes, course: Course, *, label: str) -> None:
    if all(tickets is None for tickets in course.week_ago):
        return
    values = [float("nan") if tickets is None else float(tickets) for tickets in course.week_ago]
    axes.step(
        _edges(course),
        _closed(values),
        where="post",
        color=_BEFORE,
        linewidth=1.3,
        linestyle="--",
        label=label,
    )


def _unknown(axes: Axes, course: Course, *, label: str) -> None:
    """Hatch what is unknown, so that it does not look like nothing."""
    edges, first = _edges(course), True
    for place, tickets in enumerate(course.observed):
        if tickets is None:
            axes.axvspan(
                edges[place],
                edges[place + 1],
                facecolor="none",
                edgecolor=_UNKNOWN,
                hatch="xx",
                alpha=0.5,
                linewidth=0,
                label=label if first else None,
            )
            first = False


def _dated(axes: Axes, picture: Picture, *, day: str) -> None:
    edges = _edges(picture.course)
    locator = AutoDateLocator(tz=picture.zone, maxticks=10)  # type: ignore[no-untyped-call]  # as above
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]  # as above
        locator,
        tz=picture.zone,
        formats=["%Y", day, day, "%H:%M", "%H:%M", "%H:%M"],
        zero_formats=["", "%Y", day, day, "%H:%M", "%H:%M"],
        show_offset=False,
    )
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)
    axes.set_xlim(edges[0], edges[-1])


def _closed(values: Sequence[float]) -> list[float]:
    """Return the values with the last one repeated, so that its step is drawn to its end."""
    return [*values, *values[-1:]]
