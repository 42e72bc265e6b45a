"""Charts of lab data frames, drawn without a display and without any global state of matplotlib.

A chart shows itself in a notebook, and gives its PNG to whoever wants a file. Japanese words need a Japanese font: where
none is installed, the words of a chart are English, and a title that cannot be drawn says so.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spikewatch.adapters.charts.fonts import installed_fonts, is_drawable, writable
from spikewatch.core.counts import Bools, Floats
from spikewatch.core.settings import Language

DOTS_PER_INCH = 80

_UNDRAWABLE: Final = "a Japanese font, such as Noto Sans CJK JP, would show this title"

_SIZE: Final = (9.0, 3.0)
_OBSERVED, _EXPECTED, _UPPER, _SHADE = "#1f4e79", "#009e73", "#d55e00", "#f5cfb5"

_HOURS_A_DAY: Final = 24


@dataclass(frozen=True, slots=True)
class Words:
    """The words that charts are lettered with."""

    observed: str
    expected: str
    deviation: str
    upper: str
    incident: str
    unknown: str
    tickets: str
    weekdays: tuple[str, ...]


WORDS: Final = {
    Language.EN: Words(
        observed="observed",
        expected="expected",
        deviation="expected ± 1 standard deviation",
        upper="upper limit",
        incident="incident",
        unknown="unknown",
        tickets="tickets",
        weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    ),
    Language.JA: Words(
        observed="実績",
        expected="予測",
        deviation="予測 ± 標準偏差",
        upper="上限",
        incident="インシデント",
        unknown="不明",
        tickets="件数",
        weekdays=("月", "火", "水", "木", "金", "土", "日"),
    ),
}


@dataclass(frozen=True, slots=True)
class Lettering:
    """What a chart is lettered with: its words, and the fonts that hold their signs."""

    words: Words
    fonts: tuple[str, ...]

    def drawable(self, text: str) -> str:
        """Return the text, or what to do about it where the fonts lack one of its signs."""
        return text if is_drawable(text, self.fonts) else _UNDRAWABLE


def lettering(language: Language, *, installed: Collection[str]) -> Lettering:
    """Return what to letter with when these font families are installed.

    >>> lettering(Language.JA, installed=["DejaVu Sans"]).words.upper
    'upper limit'
    >>> lettering(Language.JA, installed=["IPAexGothic", "DejaVu Sans"]).fonts
    ('DejaVu Sans', 'IPAexGothic')
    """
    written, fonts = writable(language, installed=installed)
    return Lettering(WORDS[written], fonts)


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished drawing."""

    figure: Figure

    def png(self, *, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
        """Return the drawing as a PNG, which names neither a program nor an instant."""
        stream = BytesIO()
        self.figure.savefig(stream, format="png", dpi=dots_per_inch, metadata={"Software": None})
        return stream.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()


def counts_chart(counts: pd.DataFrame, *, title: str = "", language: Language = Language.EN) -> Chart:
    """Draw the frame of `counts_frame`: tickets a bucket, with what is unknown hatched."""
    letters = letters_of(language)
    figure, axes = canvas(title, letters)
    starts, values = instants(counts.index), floats(counts["observed"])
    axes.step(starts, values, where="post", color=_OBSERVED, linewidth=1.2, label=letters.words.observed)
    for place, (first, last) in enumerate(_runs(np.isnan(values))):
        axes.axvspan(
            starts[first],
            starts[min(last + 1, len(starts) - 1)],
            facecolor="none",
            edgecolor="#999999",
            hatch="///",
            linewidth=0,
            label=letters.words.unknown if place == 0 else None,
        )
    return dated(figure, axes, pd.DatetimeIndex(counts.index), letters)


def course_chart(
    course: pd.DataFrame,
    *,
    incidents: pd.DataFrame | None = None,
    title: str = "",
    language: Language = Language.EN,
) -> Chart:
    """Draw the frame of `course_frame`: what was observed against what was expected, and the upper limit.

    incidents  the frame of `incidents_frame`, or some of its rows: each is shaded from its start to its end
    """
    letters = letters_of(language)
    words = letters.words
    figure, axes = canvas(title, letters)
    at, expected, deviation = (
        instants(course.index),
        floats(course["expected"]),
        floats(course["deviation"]),
    )
    low = np.maximum(expected - deviation, 0.0)
    axes.fill_between(
        at, low, expected + deviation, color=_EXPECTED, alpha=0.2, linewidth=0, label=words.deviation
    )
    axes.plot(at, expected, color=_EXPECTED, linewidth=1.2, label=words.expected)
    axes.plot(at, floats(course["upper"]), color=_UPPER, linewidth=1.0, linestyle="--", label=words.upper)
    axes.plot(at, floats(course["observed"]), color=_OBSERVED, linewidth=1.4, label=words.observed)
    if incidents is not None:
        _shade(axes, incidents, course, label=words.incident)
    return dated(figure, axes, pd.DatetimeIndex(course.index), letters)


def week_shape_chart(shape: pd.DataFrame, *, title: str = "", language: Language = Language.EN) -> Chart:
    """Draw the frame of `week_shape_frame`: the 168 hours of a normal week."""
    letters = letters_of(language)
    words = letters.words
    figure, axes = canvas(title, letters)
    slots = np.append(shape.index.to_numpy(dtype=np.float64), float(len(shape)))
    expected, deviation = _closed(shape["expected"]), _closed(shape["deviation"])
    low = np.maximum(expected - deviation, 0.0)
    axes.fill_between(
        slots,
        low,
        expected + deviation,
        step="post",
        color=_EXPECTED,
        alpha=0.2,
        linewidth=0,
        label=words.deviation,
    )
    axes.step(slots, expected, where="post", color=_EXPECTED, linewidth=1.4, label=words.expected)
    axes.set_xlim(0, len(shape))
    axes.set_xticks(range(0, len(shape), _HOURS_A_DAY), [])
    noon = range(_HOURS_A_DAY // 2, len(shape), _HOURS_A_DAY)
    axes.set_xticks(noon, words.weekdays[: len(noon)], minor=True)
    axes.tick_params(axis="x", which="minor", length=0)
    return lettered(figure, axes, letters)


def letters_of(language: Language) -> Lettering:
    """Return what to letter with on this machine."""
    return lettering(language, installed=installed_fonts())


def canvas(title: str, letters: Lettering) -> tuple[Figure, Axes]:
    """Return an empty chart of the usual size with its title."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(letters.drawable(title), loc="left", fontsize=10, fontfamily=letters.fonts)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _shade(axes: Axes, incidents: pd.DataFrame, course: pd.DataFrame, *, label: str) -> None:
    """Shade what each incident and the course have in common."""
    first, last = course.index.min(), course.index.max()
    started, ended = (
        incidents["started"].clip(lower=first),
        incidents["resolved"].fillna(last).clip(upper=last),
    )
    common = pd.DataFrame({"started": started, "ended": ended})[started < ended]
    spans = zip(instants(common["started"]), instants(common["ended"]), strict=True)
    for place, (start, end) in enumerate(spans):
        axes.axvspan(start, end, color=_SHADE, alpha=0.5, linewidth=0, label=label if place == 0 else None)


def dated(
    figure: Figure, axes: Axes, index: pd.DatetimeIndex, letters: Lettering, *, unit: str | None = None
) -> Chart:
    """Give the chart an axis of local time, from the first instant to the last."""
    if len(index):
        locator = AutoDateLocator(tz=index.tz, minticks=4, maxticks=10)  # type: ignore[no-untyped-call]  # matplotlib.dates has no types
        formatter = ConciseDateFormatter(locator, tz=index.tz)  # type: ignore[no-untyped-call]  # as above
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(formatter)
        axes.set_xlim(*instants(index)[[0, -1]])
    return lettered(figure, axes, letters, unit=unit)


def lettered(figure: Figure, axes: Axes, letters: Lettering, *, unit: str | None = None) -> Chart:
    """Give the chart its legend and the unit of its values, tickets unless another is named."""
    axes.set_ylim(bottom=0)
    axes.set_ylabel(unit or letters.words.tickets, fontfamily=letters.fonts)
    axes.tick_params(which="both", labelsize=8, labelfontfamily=letters.fonts)
    figure.legend(
        loc="outside lower center", ncols=5, frameon=False, prop={"family": list(letters.fonts), "size": 8}
    )
    return Chart(figure)


def instants(index: pd.Index | pd.Series) -> NDArray[np.datetime64]:
    """Return instants the way matplotlib takes them: in UTC, without saying so."""
    return pd.DatetimeIndex(index).tz_convert("UTC").tz_localize(None).to_numpy()


def floats(column: pd.Series) -> Floats:
    """Return the values of a column, NaN where they are missing."""
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _closed(column: pd.Series) -> Floats:
    """Return the values with the last one repeated, so that its step is drawn to its end."""
    values = floats(column)
    return np.append(values, values[-1:])


def _runs(flags: Bools) -> Iterator[tuple[int, int]]:
    """Yield the first and last place of each run of True."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    for first, stop in edges.reshape(-1, 2).tolist():
        yield first, stop - 1
