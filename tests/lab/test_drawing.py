"""Charts come out as pictures without a display and without a warning, in any language and with any gap."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from matplotlib.dates import num2date
from matplotlib.figure import Figure

from spikewatch.adapters.charts.fonts import JAPANESE_FONTS
from spikewatch.core.settings import Language
from spikewatch.lab.drawing import (
    WORDS,
    Chart,
    counts_chart,
    course_chart,
    lettering,
    week_shape_chart,
)

TOKYO = ZoneInfo("Asia/Tokyo")
PNG = b"\x89PNG\r\n\x1a\n"


def hours(number: int) -> pd.DatetimeIndex:
    return pd.date_range("2026-11-02", periods=number, freq="1h", tz=TOKYO)


def counts(*observed: int | None) -> pd.DataFrame:
    values = pd.array(observed, dtype="Int64")
    return pd.DataFrame({"observed": values, "known": ~values.isna()}, index=hours(len(observed)))


def course(*observed: int) -> pd.DataFrame:
    length = len(observed)
    return pd.DataFrame(
        {
            "observed": pd.array(observed, dtype="Int64"),
            "expected": np.full(length, 4.0),
            "deviation": np.full(length, 2.0),
            "upper": pd.array([9] * length, dtype="Int64"),
            "score": np.zeros(length),
        },
        index=hours(length),
    )


def incidents(*spans: tuple[str, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "started": pd.DatetimeIndex([start for start, _ in spans], tz=TOKYO),
            "resolved": pd.DatetimeIndex([end for _, end in spans], tz=TOKYO),
        }
    )


def legend(chart: Chart) -> list[str]:
    return [text.get_text() for text in chart.figure.legends[0].get_texts()]


def shaded(figure: Figure) -> list[tuple[str, str]]:
    """From when to when incidents are shaded, in local time."""
    spans = [
        patch.get_extents().transformed(figure.axes[0].transData.inverted())
        for patch in figure.axes[0].patches
    ]
    return [
        (f"{num2date(span.x0, tz=TOKYO):%d %H:%M}", f"{num2date(span.x1, tz=TOKYO):%d %H:%M}")  # type: ignore[no-untyped-call]  # matplotlib.dates has no types
        for span in spans
    ]


def test_every_chart_is_a_picture_that_a_notebook_can_show() -> None:
    shape = pd.DataFrame(
        {"expected": np.ones(168), "deviation": np.ones(168)}, index=pd.RangeIndex(168, name="slot")
    )

    charts = [counts_chart(counts(3, 4)), course_chart(course(3, 4)), week_shape_chart(shape)]

    assert all(chart._repr_png_().startswith(PNG) for chart in charts)


def test_the_same_frame_gives_the_same_bytes() -> None:
    assert course_chart(course(3, 4, 5)).png() == course_chart(course(3, 4, 5)).png()


def test_what_is_unknown_is_hatched_and_named() -> None:
    assert legend(counts_chart(counts(1, None, None, 4, None))) == ["observed", "unknown"]
    assert legend(counts_chart(counts(1, 2))) == ["observed"]


def test_hours_stand_at_their_local_time() -> None:
    chart = counts_chart(counts(*range(25)))

    left, right = chart.figure.axes[0].get_xlim()

    assert f"{num2date(left, tz=TOKYO):%m-%d %H:%M}" == "11-02 00:00"  # type: ignore[no-untyped-call]  # matplotlib.dates has no types
    assert f"{num2date(right, tz=TOKYO):%m-%d %H:%M}" == "11-03 00:00"  # type: ignore[no-untyped-call]  # as above


def test_an_incident_is_shaded_as_far_as_the_course_goes() -> None:
    found = incidents(
        ("2026-11-01 20:00", "2026-11-02 01:00"),
        ("2026-11-02 03:00", "2026-11-02 04:30"),
        ("2026-11-02 09:00", None),
        ("2026-11-05 09:00", None),
    )

    chart = course_chart(course(*[4] * 12), incidents=found)

    assert shaded(chart.figure) == [
        ("02 00:00", "02 01:00"),
        ("02 03:00", "02 04:30"),
        ("02 09:00", "02 11:00"),
    ]
    assert legend(chart).count("incident") == 1


def test_a_course_without_incidents_needs_no_shade() -> None:
    assert "incident" not in legend(course_chart(course(1, 2), incidents=incidents()))


def test_an_empty_frame_gives_an_empty_chart() -> None:
    assert counts_chart(counts()).png().startswith(PNG)


@pytest.mark.parametrize("language", Language)
def test_a_japanese_title_never_draws_boxes(language: Language) -> None:
    """A missing sign would be a warning, and warnings are errors."""
    chart = course_chart(course(1, 2), title="ログイン", language=language)

    assert chart.png().startswith(PNG)


@pytest.mark.parametrize("font", JAPANESE_FONTS)
def test_japanese_words_are_used_where_a_japanese_font_is_installed(font: str) -> None:
    letters = lettering(Language.JA, installed=["DejaVu Sans", font])

    assert letters.words == WORDS[Language.JA]
    assert letters.fonts == ("DejaVu Sans", font)


def test_a_title_that_cannot_be_drawn_says_what_would_help() -> None:
    letters = lettering(Language.JA, installed=["DejaVu Sans"])

    assert letters.words == WORDS[Language.EN]
    assert letters.drawable("ログイン") == "a Japanese font, such as Noto Sans CJK JP, would show this title"
    assert letters.drawable("Login – 5 m") == "Login – 5 m"


@pytest.mark.parametrize("minutes", [30, 230, 250, 295, 400, 5_000, 7_000, 90_000])
def test_a_span_of_any_length_gets_its_dates_without_a_warning(minutes: int) -> None:
    index = pd.date_range("2026-11-02", periods=3, freq=f"{minutes // 2}min", tz=TOKYO)
    values = pd.array([1, 2, 3], dtype="Int64")

    chart = counts_chart(pd.DataFrame({"observed": values, "known": True}, index=index))

    assert chart.png().startswith(PNG)
