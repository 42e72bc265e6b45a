from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.charts.drawing import draw, drawn
from spikewatch.adapters.charts.fonts import installed_fonts, writable
from spikewatch.core.courses import Course
from spikewatch.core.settings import Language
from spikewatch.core.wording import Picture
from tests.factories import course

TOKYO = ZoneInfo("Asia/Tokyo")
PNG = b"\x89PNG\r\n\x1a\n"


def picture(shown: Course, *, title: str = "Tickets", language: Language = Language.EN) -> Picture:
    return Picture("b", shown, title, title, language, TOKYO)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    "shown",
    [
        course(),
        course(5, None, None, 8, 42),
        course(None, None),
        course(0, 0, 0),
        course(7, week_ago=[None]),
        course(*range(48), width=timedelta(hours=2)),
    ],
    ids=["surge", "gap", "all unknown", "nothing", "new", "days"],
)
def test_every_course_can_be_drawn(shown: Course, language: Language) -> None:
    assert draw(picture(shown, language=language)).startswith(PNG)


def test_the_same_picture_has_the_same_bytes_and_names_no_program() -> None:
    first, second = draw(picture(course())), draw(picture(course()))

    assert first == second
    assert b"matplotlib" not in first.lower()


def test_a_gap_does_not_look_like_no_tickets() -> None:
    assert draw(picture(course(5, None, 8))) != draw(picture(course(5, 0, 8)))


def test_the_week_before_is_drawn_where_it_is_known() -> None:
    assert draw(picture(course(5, 8, week_ago=[3, 4]))) != draw(picture(course(5, 8, week_ago=[None, None])))


def test_without_a_japanese_font_the_words_are_english() -> None:
    assert writable(Language.JA, installed=["DejaVu Sans"]) == (Language.EN, ("DejaVu Sans",))
    plain = ["DejaVu Sans"]

    japanese = drawn(picture(course(), title="件数", language=Language.JA), fonts=plain)
    english = drawn(picture(course(), title="件数"), fonts=plain)

    assert japanese == english


def test_signs_that_mean_something_to_a_typesetter_are_drawn_as_they_are() -> None:
    assert draw(picture(course(), title=r"$\frac{1}{$ _x_ ^")).startswith(PNG)


def test_fonts_that_are_there_are_known() -> None:
    assert "DejaVu Sans" in installed_fonts()
