"""The pages in a real Chromium, opened from disk: they filter, sort, complain of nothing, and anybody can use them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from spikewatch.core.settings import Language
from spikewatch.lab.comparing import Gate, Shift
from spikewatch.lab.pages import Setting, backtest_page, diff_page
from tests.lab.pages.reviews import TOKYO, difference, reviewed
from tests.servers import require

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = require("chromium", "chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as files: a backtest in both languages, and a difference."""
    place, review = tmp_path_factory.mktemp("pages"), reviewed()
    comparison, before, after = difference()
    for language in Language:
        setting = Setting(language, TOKYO)
        (place / f"backtest-{language}.html").write_text(backtest_page(review, setting), "utf-8")
        page = diff_page(
            comparison, before=before, after=after, setting=setting, gates=[Gate("--max-lost", Shift.LOST, 9)]
        )
        (place / f"diff-{language}.html").write_text(page, "utf-8")
    return place


@pytest.fixture
def said(page: Page) -> list[str]:
    """Whatever the page says on the console, or fails with."""
    lines: list[str] = []

    def note(message: ConsoleMessage) -> None:
        lines.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: lines.append(str(error)))
    page.on("request", lambda request: lines.append(request.url) if request.url[:5] != "file:" else None)
    return lines


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield context.new_page()
    context.close()


def shown(page: Page) -> list[str]:
    """The ids of the incidents that can be seen, in order."""
    ids: list[str] = page.eval_on_selector_all(
        ".incident", "all => all.filter(each => !each.hidden).map(each => each.id)"
    )
    return ids


def test_incidents_are_filtered_and_sorted(page: Page, folder: Path, said: list[str]) -> None:
    page.goto((folder / "backtest-en.html").as_uri())
    everything = shown(page)

    page.get_by_label("All services").select_option("shop")
    of_the_shop = shown(page)
    page.get_by_label("All services").select_option("")
    page.get_by_label("Order").select_option("newest first")
    newest_first = shown(page)
    page.locator("[data-find=incidents]").fill("nothing is called so")

    assert 0 < len(of_the_shop) < len(everything)
    assert newest_first == everything[::-1]
    assert shown(page) == []
    assert page.get_by_text("Nothing matches these filters.").is_visible()
    assert page.locator("output[data-shown=incidents]").inner_text() == f"0 of {len(everything)} shown"
    assert said == []


def test_labels_and_severity_filter_together(page: Page, folder: Path) -> None:
    page.goto((folder / "backtest-en.html").as_uri())

    page.get_by_label("Any label").select_option("right")
    right = page.eval_on_selector_all(
        ".incident", "all => all.filter(each => !each.hidden).map(each => each.dataset.label)"
    )
    page.get_by_label("Any severity").select_option("critical")

    assert set(right) == {"right"}
    assert len(shown(page)) <= len(right)


def test_categories_are_found_and_sorted_by_any_column(page: Page, folder: Path) -> None:
    page.goto((folder / "backtest-en.html").as_uri())
    rows = page.locator("#categories tbody tr")
    categories = rows.locator("td").first

    page.get_by_role("button", name="Category").click()
    first = categories.inner_text()
    page.get_by_role("button", name="Category").click()
    last = categories.inner_text()
    page.get_by_role("button", name="Tickets").last.click()
    busiest = categories.inner_text()
    page.locator("[data-find=categories]").fill("refund")

    assert (first, last, busiest) == ("crash", "refund", "parcel")
    assert rows.filter(visible=True).count() == 1
    assert page.locator("#categories [aria-sort=descending]").count() == 1


def test_a_cell_of_the_calendar_leads_to_its_incident_even_if_it_was_filtered_away(
    page: Page, folder: Path
) -> None:
    page.goto((folder / "backtest-en.html").as_uri())
    page.locator("[data-find=incidents]").fill("nothing is called so")
    cell = page.locator(".week td a").first

    cell.click()

    target = (cell.get_attribute("href") or "").removeprefix("#")
    assert target in shown(page)
    assert page.locator(f"[id='{target}']").is_visible()


def test_without_a_script_everything_is_there(browser: Browser, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()

    plain.goto((folder / "backtest-en.html").as_uri())

    assert plain.get_by_text("Filters and sorting need JavaScript").is_visible()
    assert plain.locator("[data-find=incidents]").is_hidden()
    assert plain.locator("article .chart").first.is_visible()
    context.close()


def test_changes_are_filtered(page: Page, folder: Path, said: list[str]) -> None:
    page.goto((folder / "diff-en.html").as_uri())

    page.get_by_label("Any change").select_option("lost")

    assert set(
        page.eval_on_selector_all(
            ".incident", "all => all.filter(each => !each.hidden).map(each => each.dataset.change)"
        )
    ) == {"lost"}
    assert said == []


@pytest.mark.parametrize(
    ("file", "scheme"),
    [("backtest-en", "light"), ("backtest-ja", "dark"), ("diff-en", "dark"), ("diff-ja", "light")],
)
def test_nothing_keeps_anybody_from_using_it(browser: Browser, folder: Path, file: str, scheme: str) -> None:
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light", bypass_csp=True)
    page = context.new_page()
    page.goto((folder / f"{file}.html").as_uri())
    page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    context.close()


def test_it_fits_a_phone(browser: Browser, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 800})
    page = context.new_page()

    page.goto((folder / "backtest-ja.html").as_uri())

    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    context.close()


def test_the_words_of_a_chart_can_be_read_on_a_phone(browser: Browser, folder: Path) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 800})
    page = context.new_page()
    page.goto((folder / "backtest-ja.html").as_uri())
    page.locator(".chart").first.scroll_into_view_if_needed()

    heights: list[float] = page.eval_on_selector_all(
        ".chart:first-of-type text",
        "all => all.slice(0, 9).map(each => parseFloat(getComputedStyle(each).fontSize)"
        " * each.ownerSVGElement.getBoundingClientRect().width / 640)",
    )

    assert heights
    assert min(heights) >= 8.0
    context.close()


def test_everything_is_reached_and_used_by_keyboard_alone(page: Page, folder: Path) -> None:
    page.goto((folder / "backtest-en.html").as_uri())

    page.locator("nav a[href='#incidents']").press("Enter")
    jumped = page.evaluate("location.hash")
    page.get_by_role("button", name="Category").press("Enter")
    ascending = page.locator("#categories tbody td").first.inner_text()
    page.get_by_role("button", name="Category").press("Space")
    descending = page.locator("#categories tbody td").first.inner_text()
    page.get_by_label("All services").press("s")
    of_the_shop = shown(page)
    page.locator("[data-find=incidents]").press_sequentially("nothing is called so")

    assert jumped == "#incidents"
    assert (ascending, descending) == ("crash", "refund")
    assert of_the_shop
    assert page.locator("[data-nothing=incidents]").is_visible()


def test_reasons_unfold_by_keyboard(page: Page, folder: Path) -> None:
    page.goto((folder / "backtest-en.html").as_uri())
    folded = page.locator("details.why").first

    folded.locator("summary").press("Enter")

    assert folded.get_by_text("surprise and evidence").is_visible()
