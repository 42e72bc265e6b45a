"""The status page: what it says first, what it never lets through, and that a browser and a reader get along with it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from playwright.sync_api import Browser, sync_playwright

from spikewatch.app.waiting import Reason
from spikewatch.core.counts import SeriesKey
from spikewatch.core.events import LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.incidents import Severity
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.settings import Language
from spikewatch.core.timegrid import Span
from spikewatch.statuspage import POLICY, Queue, SourceAge, Spent, Standing, Waits, render, starting
from spikewatch.statuspage.page import MOST_IN_FULL
from spikewatch.statuspage.style import STYLE
from spikewatch.statuspage.words import WORDS
from tests.servers import require
from tests.statuspage.desks import MINUTE, NOW, busy, over, rising, single, standing

NASTY = (
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "</style><img src=x onerror=alert(1)>",
    "{name}%s &amp; &lt;",
    "\u202eevil\x00\x1b[31m",
    "javascript:alert(1)",
)
KNOWN_TAGS = """
    html head meta title style body header h1 h2 h3 p nav ul li a main section article div span dl dt dd time table
    caption thead tbody tr th td code figure figcaption svg path text
"""


class Parsed(HTMLParser):
    """The elements and the text of a page, as a browser would see them."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(f" {text} " for text in self.texts if text != STYLE).split())


def shown(desk: Standing, language: Language = Language.EN, *, after: timedelta = timedelta(0)) -> Parsed:
    return Parsed(render(desk, language=language, now=NOW + after))


def test_a_quiet_desk_says_so_first() -> None:
    page = shown(standing())

    assert page.text.index("Nothing is surging") < page.text.index("How the daemon stands")
    assert "Read up to Age zendesk 10:01 JST 2 min ago Judged up to 10:00 JST (3 min ago)" in page.text
    assert "Nothing is silenced at the moment" in page.text


def test_an_incident_is_told_with_its_count_owner_and_what_drives_it() -> None:
    page = shown(standing(rising()))

    assert "1 surge is going on" in page.text
    assert "payments (login and 5 more) Critical Growing INC-7" in page.text
    assert "100 tickets in the last 15 min, about 16 expected (6.3 times)" in page.text
    assert "Owner 佐藤, since 10:01 JST" in page.text
    assert "login 42 about 6 7.0 times 46%" in page.text
    assert "spikewatch explain --at 2026-11-20T10:00:00+09:00 payments" in page.text


def test_its_links_lead_to_tickets_graph_and_runbook() -> None:
    links = [attributes["href"] or "" for tag, attributes in shown(standing(rising())).tags if tag == "a"]

    hosts = [link.split("/")[2] for link in links if link.startswith("https")]
    assert hosts == ["acme.zendesk.com", "grafana.example.com", "wiki.example.com"]


def test_the_title_counts_what_is_going_on() -> None:
    assert "<title>(2) spikewatch status</title>" in render(busy(), language=Language.EN, now=NOW).decode()
    assert (
        "<title>spikewatch status</title>" in render(standing(over()), language=Language.EN, now=NOW).decode()
    )


def test_what_is_over_is_listed_below() -> None:
    page = shown(standing(over()))

    assert "Nothing is surging" in page.text
    assert "INC-6 ショップ / 配送状況の問い合わせ 07:45 JST 09:25 JST (38 min ago)" in page.text


@pytest.mark.parametrize(
    ("handling", "said"),
    [
        (Handling(), "Owner Nobody yet"),
        (Handling(snoozed_by="a", snoozed_until=NOW + 30 * MINUTE), "Nobody yet, snoozed until 10:33 JST"),
        (Handling(snoozed_by="a", snoozed_until=NOW - MINUTE), "Owner Nobody yet Usual"),
        (Handling(dismissed_by="sato", dismissed_at=NOW), "Closed by hand"),
        (Handling(verdict=Verdict(LabelKind.INCIDENT, "sato", NOW)), "Real incident (sato)"),
    ],
)
def test_what_people_did_is_told(handling: Handling, said: str) -> None:
    assert said in shown(standing(rising(handling=handling))).text


def test_a_source_that_is_not_read_is_told_first_of_all() -> None:
    behind = SourceAge("warehouse", NOW - 21 * MINUTE, 20 * MINUTE)

    page = shown(standing(rising(), sources=(behind,)))

    assert page.text.index("warehouse cannot be read") < page.text.index("1 surge is going on")
    assert "21 min ago behind" in page.text


def test_a_source_is_in_time_to_the_last_moment() -> None:
    in_time = SourceAge("warehouse", NOW - 20 * MINUTE, 20 * MINUTE)

    assert "cannot be read" not in shown(standing(sources=(in_time,))).text


def test_a_page_that_is_not_renewed_says_so_while_it_ages() -> None:
    assert "cannot be renewed" not in shown(standing(), after=5 * MINUTE).text
    assert "This page is 6 min old and cannot be renewed." in shown(standing(), after=6 * MINUTE).text


def test_judging_that_does_not_work_is_told() -> None:
    desk = standing(turned_at=NOW - 12 * MINUTE)

    assert "Judging has not worked for 12 min" in shown(desk).text


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("reason", Reason)
def test_whatever_detection_waits_for_has_words(language: Language, reason: Reason) -> None:
    waits = Waits(reason.value, known_days=3, needed_days=14, fraction=0.42, left=12 * MINUTE)

    page = shown(standing(waits=waits), language)

    assert WORDS[language].waits_title in page.text
    assert WORDS[language].quiet not in page.text
    assert "{" not in page.text


def test_history_that_is_being_read_says_how_far_it_is() -> None:
    waits = Waits("backfill", fraction=0.42, left=12 * MINUTE)

    assert "reading older tickets, 42 % done, about 12 min left" in shown(standing(waits=waits)).text


def test_the_budget_is_told_and_when_it_is_overspent() -> None:
    assert "over the budget" not in shown(standing(spent=Spent(1, 1, 1.0))).text
    assert "Not labelled real 2 over the budget" in shown(standing(spent=Spent(3, 2, 1.0))).text


def test_messages_that_wait_are_told_with_the_oldest() -> None:
    queue = Queue(waiting=2, oldest=NOW - 4 * MINUTE, given_up=1)

    assert "Waiting 2 Oldest of them 09:59 JST (4 min ago) Given up 1" in shown(standing(queue=queue)).text


def test_a_storm_is_cut_short() -> None:
    storm = tuple(single(incident=f"INC-{number}") for number in range(MOST_IN_FULL + 3))

    page = shown(standing(*storm))

    assert len([tag for tag, _ in page.tags if tag == "article"]) == MOST_IN_FULL
    assert "3 more: spikewatch status lists them" in page.text


def test_what_is_over_and_has_no_place_is_counted() -> None:
    calm = tuple(
        replace(over(), facts=replace(over().facts, incident=f"INC-{number}"))
        for number in range(MOST_IN_FULL + 2)
    )

    page = shown(standing(*calm))

    assert page.text.count("INC-") == MOST_IN_FULL
    assert "2 more: spikewatch status lists them" in page.text
    assert "more:" not in shown(standing(*calm[:MOST_IN_FULL])).text


@pytest.mark.parametrize("language", Language)
def test_nothing_is_left_untranslated_or_unfilled(language: Language) -> None:
    text = shown(busy(), language).text

    assert "{" not in text
    assert ("Owner" in text) is (language is Language.EN)


def test_the_page_of_a_daemon_that_starts_says_so() -> None:
    assert "Starting." in Parsed(starting(Language.EN)).text
    assert "起動中" in Parsed(starting(Language.JA)).text


def test_the_same_facts_give_the_same_bytes() -> None:
    assert render(busy(), language=Language.JA, now=NOW) == render(busy(), language=Language.JA, now=NOW)


def named(name: str) -> Standing:
    """A desk on which everything that somebody else wrote is that name."""
    series = SeriesKey(name or "?", name or "?")
    handled = Handling(
        acknowledged_by=name,
        acknowledged_at=NOW,
        verdict=Verdict(LabelKind.EXPECTED, name, NOW, note=name),
    )
    incident = rising(
        incident=name or "1", service=series.service, lead_series=series, handling=handled, runbook=name
    )
    incident = replace(incident, tickets={name: name, "desk": "https://desk.example.com/"}, graph=name)
    return standing(
        incident,
        sources=(SourceAge(name, NOW - timedelta(days=1), MINUTE),),
        silences=(
            Silence(Matcher(name, name, Severity.CRITICAL), Span(NOW, NOW + MINUTE), name, name, number=1),
        ),
    )


@given(st.text(max_size=40) | st.sampled_from(NASTY))
@profile(max_examples=60)
def test_a_name_is_never_anything_but_text(name: str) -> None:
    for language in Language:
        page = shown(named(name), language)

        assert {tag for tag, _ in page.tags} <= set(KNOWN_TAGS.split())
        assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on")]
        links = [attributes["href"] or "" for tag, attributes in page.tags if tag == "a"]
        assert all(re.match(r"\?lang=|/|https://desk\.example\.com/", link) for link in links)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e]", page.text)


def test_the_policy_allows_the_style_sheet_and_no_script() -> None:
    page = render(busy(), language=Language.EN, now=NOW).decode()

    assert f"<style>{STYLE}</style>" in page
    assert "script" not in page
    assert "style=" not in page
    assert POLICY.startswith("default-src 'none'; style-src 'sha256-")


# -- in a real browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = require("chromium", "chromium", "chromium-headless-shell")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(program), args=["--no-sandbox"])
        yield launched
        launched.close()


def served(folder: Path, desk: Standing, language: Language) -> str:
    """The page as a file, with its policy as the server would send it."""
    page = render(desk, language=language, now=NOW).decode()
    policy = POLICY.replace("; frame-ancestors 'none'", "")  # a header may say this, a file may not
    head = f'<head><meta http-equiv="Content-Security-Policy" content="{policy}">'
    file = folder / "page.html"
    file.write_text(page.replace("<head>", head, 1), encoding="utf-8")
    return file.as_uri()


@pytest.mark.servers
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", Language)
def test_everybody_can_read_it(browser: Browser, tmp_path: Path, language: Language, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 375, "height": 700},
        color_scheme="dark" if scheme == "dark" else "light",
        bypass_csp=True,
    )
    page = context.new_page()
    page.goto(served(tmp_path, busy(), language))

    found = Axe().run(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    context.close()

    assert found.violations_count == 0, found.generate_report()
    assert width == 375


@pytest.mark.servers
def test_the_browser_follows_the_policy_without_a_complaint(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))

    page.goto(served(tmp_path, named(NASTY[0]), Language.EN))
    back = page.locator(".incident").count(), page.locator("svg.course").count()
    context.close()

    assert complaints == []
    assert back == (1, 1)
