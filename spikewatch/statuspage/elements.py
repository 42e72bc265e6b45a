"""The pieces that a page is built of. Text is escaped by the library that writes the tree; nothing is ever pasted in."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement

from spikewatch.core.wording.untrusted import harmless

NAME_LIMIT = 120

Part: TypeAlias = Element | str | None


def element(tag: str, *parts: Part, kind: str | None = None, **attributes: str) -> Element:
    """Return an element with these parts in it; None is left out.

    kind        its class
    attributes  an underscore becomes a hyphen

    >>> from xml.etree.ElementTree import tostring
    >>> tostring(element("p", "R&D ", element("b", "<now>"), kind="note"), encoding="unicode", method="html")
    '<p class="note">R&amp;D <b>&lt;now&gt;</b></p>'
    """
    made = Element(tag, {name.replace("_", "-"): value for name, value in attributes.items()})
    if kind is not None:
        made.set("class", kind)
    for part in parts:
        add(made, part)
    return made


def add(parent: Element, part: Part) -> None:
    """Put a part at the end of an element."""
    if isinstance(part, Element):
        parent.append(part)
    elif part is not None and len(parent):
        parent[-1].tail = (parent[-1].tail or "") + part
    elif part is not None:
        parent.text = (parent.text or "") + part


def link(text: str, address: str, **attributes: str) -> Element:
    """Return a link; the address is one that `is_link` let through, or one of this page's own."""
    return node('a', {'href': address, **attributes}, text)


def moment(instant: datetime, text: str) -> Element:
    """Return an instant in words, for machines too."""
    return node('time', {'datetime': instant.isoformat()}, text)


def facts_of(pairs: Iterable[tuple[str, Part]]) -> Element:
    """Return named facts as a list; what is None is left out."""
    rows = [
        node('div', None, node('dt', None, name), node('dd', None, value))
        for name, value in pairs
        if value is not None
    ]
    return node('dl', None, *rows)


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[Part]]) -> Element:
    """Return a table whose first column names the rows; it scrolls in itself where the screen is too narrow."""
    head = node('tr', None, *(node('th', {'scope': 'col'}, name) for name in heads))
    made = node('table', None, node('caption', None, caption), node('thead', None, head))
    body = SubElement(made, "tbody")
    for first, *rest in rows:
        body.append(node('tr', None, node('th', {'scope': 'row'}, first), *(node('td', None, cell) for cell in rest)))
    return node('div', {'class': 'wide', 'tabindex': '0', 'role': 'region', 'aria-label': caption}, made)


def name_of(text: str) -> str:
    """Return what somebody typed somewhere else as one visible line."""
    return harmless(text, limit=NAME_LIMIT)
