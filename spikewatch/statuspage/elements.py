"""The pieces that the page is built of: links, instants, lists of facts, tables."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias
from xml.etree.ElementTree import Element

from spikewatch.core.markup import Attributes, node
from spikewatch.core.wording.untrusted import harmless

NAME_LIMIT = 120

Part: TypeAlias = Element | str | None


def link(text: str, address: str, attributes: Attributes | None = None) -> Element:
    """Return a link; the address is one that `is_link` let through, or one of this page's own."""
    return node("a", {"href": address, **(attributes or {})}, text)


def moment(instant: datetime, text: str) -> Element:
    """Return an instant in words, for machines too."""
    return node("time", {"datetime": instant.isoformat()}, text)


def facts_of(pairs: Iterable[tuple[str, Part]]) -> Element:
    """Return named facts as a list; what is None is left out."""
    rows = [
        node("div", None, node("dt", None, name), node("dd", None, value))
        for name, value in pairs
        if value is not None
    ]
    return node("dl", None, *rows)


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[Part]]) -> Element:
    """Return a table whose first column names the rows; it scrolls in itself where the screen is too narrow."""
    head = node("tr", None, *(node("th", {"scope": "col"}, name) for name in heads))
    body = [
        node("tr", None, node("th", {"scope": "row"}, first), *(node("td", None, cell) for cell in rest))
        for first, *rest in rows
    ]
    made = node(
        "table", None, node("caption", None, caption), node("thead", None, head), node("tbody", None, body)
    )
    return node("div", {"class": "wide", "tabindex": "0", "role": "region", "aria-label": caption}, made)


def name_of(text: str) -> str:
    """Return what somebody typed somewhere else as one visible line."""
    return harmless(text, limit=NAME_LIMIT)
