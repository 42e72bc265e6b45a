"""Tables of a page: services and categories with their alerts, labels and budget, and the controls that filter them."""

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from spikewatch.core.markup import node
from spikewatch.lab.pages.frame import name
from spikewatch.lab.pages.setting import Setting, number
from spikewatch.lab.tallies import Said, Tallies, Tally


def services(tallies: Tallies, setting: Setting) -> Element:
    """Return the services, noisiest first."""
    words = setting.words
    rows = [
        _row(each, [setting.service(None if each.series.is_fleet else each.series.service)], tallies)
        for each in tallies.services
    ]
    return section(
        "services",
        words.by_service,
        node("p", {"class": "small"}, words.asked_help),
        _table("services", [words.service], rows, tallies, setting),
    )


def categories(tallies: Tallies, setting: Setting) -> Element:
    """Return all categories, noisiest first, with a field to find some."""
    words = setting.words
    rows = [
        _row(each, [name(each.series.service), name(each.series.category)], tallies)
        for each in tallies.categories
    ]
    return section(
        "categories",
        f"{words.by_category} ({len(rows)})",
        controls(
            field(words.find, node("input", {"type": "search", "data-find": "categories"})),
            node(
                "label",
                {"class": "check"},
                node("input", {"type": "checkbox", "data-alerting": "categories"}),
                words.only_alerting,
            ),
            node("output", {"data-shown": "categories", "data-phrase": words.shown, "aria-live": "polite"}),
        ),
        _table("categories", [words.service, words.category], rows, tallies, setting),
    )


def section(identifier: str, title: str, *parts: Element | Sequence[Element] | None) -> Element:
    """Return a section with its heading."""
    heading = f"{identifier}-title"
    return node(
        "section", {"id": identifier, "aria-labelledby": heading}, node("h2", {"id": heading}, title), *parts
    )


def controls(*fields: Element) -> Element:
    """Return fields that work with the script only, and are hidden without it."""
    return node("div", {"class": "controls", "hidden": ""}, *fields)


def field(label: str, control: Element) -> Element:
    """Return a control with its label."""
    return node("label", None, node("span", None, label), control)


def choice(what: str, all_of: str, options: Iterable[tuple[str, str]]) -> Element:
    """Return a choice that filters by an attribute; the first option filters nothing."""
    return node(
        "select",
        {"data-filter": what, "aria-label": all_of},
        node("option", {"value": ""}, all_of),
        [node("option", {"value": value}, text) for value, text in options],
    )


def sortable(
    identifier: str, head: Sequence[tuple[str, bool]], rows: Iterable[Element], *, sort_by: str
) -> Element:
    """Return a table that the script lets people sort; a column is a number or words."""
    return node(
        "div",
        {"class": "wide", "tabindex": "0", "role": "group", "aria-labelledby": f"{identifier}-title"},
        node(
            "table",
            {"class": "sortable", "data-rows": identifier, "data-sort-by": sort_by},
            node(
                "thead",
                None,
                node(
                    "tr",
                    None,
                    [
                        node("th", {"scope": "col", "class": "number" if is_number else None}, title)
                        for title, is_number in head
                    ],
                ),
            ),
            node("tbody", None, list(rows)),
        ),
    )


def cells(words: Sequence[str], numbers: Sequence[float], *, shown: Sequence[str] | None = None) -> Element:
    """Return a row: words, then numbers; a number of 0 is pale. The first word names the row."""
    texts = [number(value) for value in numbers] if shown is None else shown
    return node(
        "tr",
        {"data-text": " ".join(words).lower()},
        node("th", {"scope": "row"}, words[0]),
        [node("td", None, word) for word in words[1:]],
        [
            node("td", {"class": "number" if value else "number zero", "data-value": f"{value:.10g}"}, text)
            for value, text in zip(numbers, texts, strict=True)
        ],
    )


def _table(
    identifier: str, first: Sequence[str], rows: Iterable[Element], tallies: Tallies, setting: Setting
) -> Element:
    words = setting.words
    said = [words.said[each] for each in Said] if tallies.labelled else []
    numbers = [words.alerts, words.critical, *said, words.asked, words.spent, words.tickets]
    head = [(word, False) for word in first] + [(word, True) for word in numbers]
    return sortable(identifier, head, rows, sort_by=words.sort_by)


def _row(counted: Tally, called: Sequence[str], tallies: Tallies) -> Element:
    said = [counted.said.get(each, 0) for each in Said] if tallies.labelled else []
    numbers = [counted.alerts, counted.critical, *said, counted.asked, counted.spent, counted.tickets]
    row = cells(called, numbers)
    row.set("data-alerts", str(counted.alerts))
    return row
