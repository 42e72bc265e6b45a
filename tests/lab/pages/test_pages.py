"""A page says everything that was found, in both languages, from names that nobody can vouch for, and loads nothing."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from spikewatch.core.counts import SeriesKey
from spikewatch.core.markup import node
from spikewatch.core.settings import Language
from spikewatch.core.timegrid import Span
from spikewatch.lab.comparing import Gate, Shift
from spikewatch.lab.courses import Course
from spikewatch.lab.pages import Setting, backtest_page, diff_page
from spikewatch.lab.pages.charts import MOST_POINTS, chart
from spikewatch.lab.pages.tables import cells
from tests.lab.pages.reviews import TOKYO, difference, reviewed
from tests.simulated_desk import JUDGED, STEP, Desk, Surge

EN, JA = Setting(Language.EN, TOKYO), Setting(Language.JA, TOKYO)
NASTY = SeriesKey("pay<script>alert(1)</script>", '"><img src=x onerror=alert(1)>')


class Reader(HTMLParser):
    """What a browser would make of a page: elements with their class, and names that stand on it."""

    def __init__(self) -> None:
        super().__init__()
        self.starts: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.starts.append((tag, dict(attrs)))

    def count(self, tag: str, kind: str | None = None) -> int:
        return sum(tag == each and kind in (None, of.get("class")) for each, of in self.starts)

    def values(self, attribute: str) -> Sequence[str]:
        return [of[attribute] or "" for _, of in self.starts if attribute in of]


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


@pytest.fixture(scope="module")
def english() -> str:
    return backtest_page(reviewed(), EN)


def test_every_incident_stands_on_the_page_with_its_chart_and_its_gates(english: str) -> None:
    review, seen = reviewed(), read(english)

    assert seen.count("article") == len(review.tallies.incidents) >= 4
    for incident in review.tallies.incidents:
        assert incident.id in seen.values("id")
        assert f"{incident.id}-0-title" in seen.values("id")
    assert seen.count("details", "why") == len(review.tallies.incidents)
    assert "min_tickets" in english
    assert "still open" in english


def test_each_name_on_the_page_is_there_once_and_each_link_leads_to_one(english: str) -> None:
    seen = read(english)

    names, links = seen.values("id"), seen.values("href")

    assert len(names) == len(set(names))
    assert {link.removeprefix("#") for link in links} <= set(names)
    assert set(seen.values("aria-labelledby")) <= set(names)


@pytest.mark.parametrize("setting", [EN, JA])
def test_a_page_begins_with_links_to_its_parts_so_that_incidents_are_one_step_away(setting: Setting) -> None:
    comparison, before, after = difference()
    pages = [
        backtest_page(reviewed(), setting),
        diff_page(comparison, before=before, after=after, setting=setting),
    ]

    for page in pages:
        contents = page[page.index("<nav") : page.index("</nav>")]
        parts = re.findall(r'<section id="([^"]*)"', page)
        assert re.findall(r'href="#([^"]*)"', contents) == parts
        assert "incidents" in parts
        assert page.index("<nav") < page.index("<section")
    assert re.search(rf'href="#categories">{setting.words.by_category} \(\d+\)</a>', pages[0])


def test_the_line_of_what_does_not_alert_has_one_name_everywhere(english: str) -> None:
    assert "no alert up to</li>" in english
    assert "no alert below" not in english


def test_a_page_is_the_same_again_and_loads_nothing(english: str) -> None:
    assert backtest_page(reviewed(), EN) == english
    assert not re.search(r"(src|href)=\"(?!#)", english)
    assert "url(" not in english
    assert "@import" not in english


def test_labels_say_what_was_right_wrong_and_missed(english: str) -> None:
    assert "Labelled incidents that nothing was opened for" in english
    assert {"right", "wrong", "unlabelled"} == set(read(english).values("data-label"))


def test_without_labels_the_page_says_how_it_counts() -> None:
    page = backtest_page(reviewed(labels=()), EN)

    assert "No labels were given" in page
    assert set(read(page).values("data-label")) == {""}


def test_the_calendar_has_a_cell_an_hour_and_shows_what_was_not_judged(english: str) -> None:
    seen = read(english)
    weeks = seen.count("table", "week")

    assert weeks == 1
    assert seen.count("td", "un") + seen.count("td", "on") >= 1
    opened = sum(seen.count("td", f"o{number}") for number in (1, 2, 3))
    assert opened >= 3


def test_an_incident_over_the_full_hour_shades_both_hours_even_where_these_begin_at_half_past() -> None:
    half_past, review = Setting(Language.EN, ZoneInfo("Asia/Kolkata")), reviewed()
    opened = (JUDGED + timedelta(hours=6)).replace(minute=20)
    short = replace(review.tallies.incidents[0], started_at=opened, opened_at=opened)
    short = replace(short, resolved_at=opened + timedelta(minutes=20))
    later = (opened + timedelta(minutes=20)).astimezone(half_past.zone)

    page = backtest_page(replace(review, tallies=replace(review.tallies, incidents=(short,))), half_past)

    assert f"{later:%Y-%m-%d} {later.hour}:00: under way" in read(page).values("title")
    assert read(page).count("td", "on") == 1


def test_a_week_says_what_of_its_budget_was_spent_where_there_are_labels(english: str) -> None:
    (week,) = reviewed().tallies.weeks

    assert 0 < week.spent < week.opened
    assert f"{week.opened} incidents · {week.spent} not labelled real" in english
    assert "incidents · " not in backtest_page(reviewed(labels=()), EN)


def test_large_numbers_are_sorted_by_all_their_digits() -> None:
    row = cells(["shop"], [123_457, 0.0])

    assert [cell.get("data-value") for cell in row if cell.get("data-value")] == ["123457", "0"]


def test_japanese_is_japanese_throughout() -> None:
    page = backtest_page(reviewed(), JA)

    body = page[page.index("<main") : page.index("</main>")]
    latin = set(re.findall(r"[A-Za-z]{4,}", re.sub(r"<[^>]*>", " ", body)))
    names = {
        "login",
        "payments",
        "refund",
        "parcel",
        "shop",
        "crash",
        "labels",
        "JavaScript",
        "Asia",
        "Tokyo",
    }
    assert '<html lang="ja">' in page
    assert latin <= names | {"tickets", "ratio", "detection", "false", "alarms", "week", "weight"}


def test_names_from_outside_are_shown_and_never_run() -> None:
    desk = Desk.simulated(Surge(NASTY, JUDGED - timedelta(days=10), tickets=5, buckets=900)).with_(
        Surge(NASTY, JUDGED + timedelta(hours=4), tickets=60, buckets=3)
    )
    review = reviewed(recording=desk.recording(until=JUDGED + timedelta(hours=12)))

    page = backtest_page(review, EN)

    seen = read(page)
    assert any("alert(1)" in text for text in seen.values("data-service"))
    assert seen.count("script") == 1
    assert seen.count("img") == 0
    assert not seen.values("onerror")


def test_an_empty_result_is_told_with_what_to_do() -> None:
    quiet = reviewed(recording=Desk.steady().recording(until=JUDGED + timedelta(hours=6)))
    nothing = replace(quiet, tallies=replace(quiet.tallies, judged_until=quiet.tallies.judged_from, weeks=()))

    assert "Nothing rose above its threshold" in backtest_page(quiet, EN)
    assert "needs 14 known days" in backtest_page(nothing, EN)


def test_the_difference_shows_both_sides_and_what_came_of_the_gates() -> None:
    comparison, before, after = difference()
    gates = [Gate("--max-lost", Shift.LOST, 0), Gate("--max-new", Shift.GAINED, 0)]

    page = diff_page(comparison, before=before, after=after, setting=EN, gates=gates)

    assert comparison.count(Shift.LOST) >= 1
    assert read(page).count("article") == len(comparison.pairs)
    assert set(read(page).values("data-change")) == {pair.shift.value for pair in comparison.pairs}
    assert f"Not met: lost {comparison.count(Shift.LOST)} &gt; --max-lost 0" in page
    assert "--max-new" not in page


def test_no_difference_is_told_so() -> None:
    comparison, before, _ = difference()
    same = replace(comparison, pairs=())

    page = diff_page(
        same, before=before, after=before, setting=EN, gates=[Gate("--max-new", Shift.GAINED, 5)]
    )

    assert "Both say the same" in page
    assert "Every gate is met." in page


def course(*, points: int, unknown: Sequence[int] = ()) -> Course:
    at = int(JUDGED.timestamp()) + np.arange(points) * int(STEP.total_seconds())
    judged = np.ones(points, dtype=np.bool_)
    judged[list(unknown)] = False
    flat = np.full(points, 3)
    return Course(at, np.arange(points), flat * 1.0, flat * 0.5, flat * 3, flat * 0.1, judged)


def drawn(of: Course) -> Sequence[tuple[str, str]]:
    span = Span(JUDGED, JUDGED + timedelta(hours=1))
    svg = chart(of, surge=span, marks=[], title="t", zone=TOKYO, identifier="i")
    return [(part.get("class", ""), part.get("d", "")) for part in node("g", None, svg).iter("path")]


def test_what_is_unknown_breaks_every_line() -> None:
    kinds = [kind for kind, _ in drawn(course(points=20, unknown=[7, 8]))]

    for kind in ("band", "expected", "upper", "observed"):
        assert kinds.count(kind) == 2


def test_a_chart_of_a_long_incident_keeps_its_highest_point_and_few_others() -> None:
    (line,) = [d for kind, d in drawn(course(points=2000)) if kind == "observed"]

    points = line.removeprefix("M").split("L")
    assert len(points) <= MOST_POINTS
    heights = [float(point.split()[1]) for point in points]
    assert min(heights) < 18


def test_a_chart_without_anything_known_is_empty_and_stands() -> None:
    assert "observed" not in [kind for kind, _ in drawn(course(points=3, unknown=[0, 1, 2]))]
