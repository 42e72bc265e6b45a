"""A course as a drawing: what is on it, that gaps stay gaps, and that it is small."""

from datetime import timedelta
from xml.etree.ElementTree import Element, fromstring
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.svg import HEIGHT, WIDTH, Legend, drawn, legend, markup
from spikewatch.core.timegrid import Span
from tests.factories import OPENED, course

TOKYO = ZoneInfo("Asia/Tokyo")
MINUTE = timedelta(minutes=1)
WORDS = Legend("tickets", "above", "usual", "a week ago", "unknown")
MOST_BYTES = 30_000


def kinds(svg: Element) -> list[str]:
    return [part.get("class", "") for part in svg.iter("path") if part.get("class") != "grid"]


def texts(svg: Element) -> list[str]:
    return [part.text or "" for part in svg.iter("text")]


def line(svg: Element, kind: str) -> str:
    return next(part.get("d", "") for part in svg.iter("path") if part.get("class") == kind)


def test_columns_above_the_band_are_drawn_in_a_manner_of_their_own() -> None:
    svg = drawn(course(6, 6, 40), said="said", zone=TOKYO)

    assert line(svg, "columns").count("M") == 2
    assert line(svg, "out").count("M") == 1


def test_a_gap_is_marked_and_has_no_column() -> None:
    svg = drawn(course(6, None, None, 6, None, 7), said="said", zone=TOKYO)

    assert line(svg, "columns").count("M") == 3
    assert kinds(svg).count("unknown") == 2
    assert texts(svg).count("?") == 2


def test_nothing_is_no_gap() -> None:
    svg = drawn(course(0, 0, 6), said="said", zone=TOKYO)

    assert "unknown" not in kinds(svg)
    assert line(svg, "columns").count("M") == 1


def test_the_newest_count_stands_above_its_column() -> None:
    assert "1,234" in texts(drawn(course(6, 6, 1234), said="said", zone=TOKYO))


def test_times_are_local_and_round() -> None:
    shape = course(*range(24), until=OPENED)

    times = [text for text in texts(drawn(shape, said="said", zone=TOKYO)) if ":" in text]

    assert times == ["04:00", "05:00", "06:00", "07:00", "08:00", "09:00", "10:00"]


def test_it_tells_in_words_what_it_shows() -> None:
    svg = drawn(course(), said='42 in "15" min <now>', zone=TOKYO)

    assert (svg.get("role"), svg.get("aria-label")) == ("img", '42 in "15" min <now>')
    assert "<now>" not in markup(course(), said="<now>", zone=TOKYO).replace('"<now>"', "")


@pytest.mark.parametrize(
    ("start", "end", "is_shaded"),
    [(-60, 0, True), (-900, 900, True), (0, 30, False), (-900, -800, False), (-30, -30, False)],
)
def test_a_surge_is_shaded_as_far_as_it_is_on_the_chart(start: int, end: int, *, is_shaded: bool) -> None:
    surge = Span(OPENED + start * MINUTE, OPENED + end * MINUTE)

    svg = drawn(course(), said="said", zone=TOKYO, surge=surge)

    assert ("surge" in kinds(svg)) is is_shaded


def test_the_legend_names_only_what_is_there() -> None:
    def named(*observed: int | None) -> list[str]:
        made = legend(course(*observed), WORDS)
        return [mark.tail or "" for mark in made.iter("svg")]

    assert named(5, 6) == ["tickets", "usual", "a week ago"]
    assert named(5, None, 60) == ["tickets", "above", "usual", "a week ago", "unknown"]


@given(st.lists(st.none() | st.integers(0, 10**9), min_size=1, max_size=48), st.integers(5, 720))
def test_every_course_fits_its_frame_and_is_small(observed: list[int | None], minutes: int) -> None:
    shape = course(*observed, width=minutes * MINUTE, week_ago=tuple(reversed(observed)))

    text = markup(shape, said="said", zone=TOKYO)
    places = [float(part.get("y", "0")) for part in fromstring(text).iter("text")]  # noqa: S314 -- our own

    assert len(text) < MOST_BYTES
    assert all(0 <= place <= HEIGHT for place in places)
    assert f'viewBox="0 0 {WIDTH} {HEIGHT}"' in text
