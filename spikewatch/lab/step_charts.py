"""Charts of the steps of a decision, and of what settings were tried: colours that everybody can tell apart, in English."""

from typing import Final

import numpy as np
import pandas as pd

from spikewatch.core.settings import Language
from spikewatch.lab.drawing import Chart, canvas, dated, floats, instants, lettered, letters_of

_BLUE, _GREEN, _ORANGE, _VERMILLION, _PURPLE, _BLACK = (
    "#0072b2",
    "#009e73",
    "#e69f00",
    "#d55e00",
    "#cc79a7",
    "#000000",
)
"""Okabe and Ito's colours, which differ in lightness too."""

_OF_WINDOW: Final = (
    (_BLUE, "-"),
    (_ORANGE, "--"),
    (_GREEN, "-."),
    (_PURPLE, ":"),
    (_VERMILLION, "-"),
    (_BLACK, "--"),
)

_LEAST_CHANCE: Final = 1e-12


def scores_chart(windows: pd.DataFrame, *, title: str = "") -> Chart:
    """Draw the scores of the frame of `steps.windows_frame`, a line a window, and the threshold."""
    letters = letters_of(Language.EN)
    figure, axes = canvas(title, letters)
    at = pd.DatetimeIndex(windows.index.unique("at"))
    for place, window in enumerate(windows.index.unique("window")):
        colour, style = _OF_WINDOW[place % len(_OF_WINDOW)]
        scores = floats(windows["score"].xs(window, level="window"))
        axes.plot(instants(at), scores, color=colour, linestyle=style, linewidth=1.5, label=str(window))
    axes.axhline(1, color=_VERMILLION, linewidth=1.0, label="alert threshold")
    return dated(figure, axes, at, letters, unit="score")


def weight_chart(windows: pd.DataFrame, *, window: str, title: str = "") -> Chart:
    """Draw what one window of the frame of `steps.windows_frame` weighs: surprise, evidence on top, and what is needed."""
    letters = letters_of(Language.EN)
    figure, axes = canvas(title, letters)
    part = windows.xs(window, level="window")
    at = pd.DatetimeIndex(part.index)
    axes.stackplot(
        instants(at),
        floats(part["surprise"]),
        floats(part["evidence"]),
        colors=[_BLUE, _ORANGE],
        alpha=0.8,
        linewidth=0,
        labels=[f"surprise of the {window} window", "evidence over time"],
    )
    axes.plot(
        instants(at), floats(part["needed"]), color=_BLACK, linestyle="--", linewidth=1.2, label="needed"
    )
    return dated(figure, axes, at, letters, unit="-log10 of the chance")


def chance_chart(chances: pd.DataFrame, *, observed: int, upper: int, title: str = "") -> Chart:
    """Draw the frame of `steps.chance_frame`: how soon a count becomes improbable, and where this one stands."""
    letters = letters_of(Language.EN)
    figure, axes = canvas(title, letters)
    shown = chances.where(chances >= _LEAST_CHANCE)
    tickets = shown.index.to_numpy(dtype=np.float64)
    axes.plot(
        tickets, floats(shown["poisson"]), color=_ORANGE, linestyle="--", label="if tickets were independent"
    )
    axes.plot(tickets, floats(shown["detector"]), color=_BLUE, label="as they really vary")
    axes.axvline(upper, color=_VERMILLION, linestyle=":", label="upper limit")
    axes.axvline(observed, color=_BLACK, linewidth=1.0, label="observed")
    axes.set_xlabel("tickets in the window", fontsize=9)
    axes.set_xlim(0, max(tickets[-1], observed * 1.05))
    chart = lettered(figure, axes, letters, unit="chance of at least so many")
    axes.set_yscale("log")
    axes.set_ylim(_LEAST_CHANCE, 1.5)
    return chart


def budget_chart(budget: pd.DataFrame, *, title: str = "") -> Chart:
    """Draw the frame of `steps.budget_frame`: fewer false alarms ask for more tickets."""
    letters = letters_of(Language.EN)
    figure, axes = canvas(title, letters)
    axes.plot(
        budget.index.to_numpy(dtype=np.float64),
        floats(budget["alert_at"]),
        color=_BLUE,
        marker="o",
        clip_on=False,
        label="the window alerts at",
    )
    axes.set_xscale("log")
    axes.set_xticks(list(budget.index), [f"{value:g}" for value in budget.index])
    axes.minorticks_off()
    axes.set_xlabel("false_alarms_per_week, over the whole fleet", fontsize=9)
    return lettered(figure, axes, letters)


def outcomes_chart(outcomes: pd.DataFrame, *, title: str = "") -> Chart:
    """Draw the frame of `trying.outcomes_frame`: real incidents told, and false alarms, for each of some settings."""
    letters = letters_of(Language.EN)
    figure, axes = canvas(title, letters)
    places = np.arange(len(outcomes))
    told = axes.bar(places - 0.2, floats(outcomes["told"]), 0.38, color=_BLUE, label="real incidents told")
    false = axes.bar(
        places + 0.2, floats(outcomes["false_alarms"]), 0.38, color=_ORANGE, hatch="//", label="false alarms"
    )
    for bars in (told, false):
        axes.bar_label(
            bars, fontsize=8, padding=2, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        )
    real = float(outcomes["real"].max())
    axes.axhline(real, color=_BLACK, linestyle="--", linewidth=1.0, label="real incidents")
    axes.set_xticks(places, list(outcomes.index))
    axes.grid(visible=False, axis="x")
    axes.set_axisbelow(True)
    axes.margins(y=0.15)
    return lettered(figure, axes, letters, unit="incidents")
