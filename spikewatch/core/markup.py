"""Markup: a page is a tree of elements, so that nothing that came from a help desk is ever read as HTML.

Text is escaped by the library that writes the tree; nothing is ever pasted in.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias
from xml.etree.ElementTree import Element

Child: TypeAlias = "Element | str | Sequence[Element | str | None] | None"
Attributes: TypeAlias = Mapping[str, str | float | None]


def node(tag: str, attributes: Attributes | None = None, *children: Child) -> Element:
    """Return an element; attributes and children that are None are left out.

    >>> from xml.etree.ElementTree import tostring
    >>> tostring(node("a", {"href": "#x", "title": None}, "1 < 2"), encoding="unicode", method="html")
    '<a href="#x">1 &lt; 2</a>'
    """
    element = Element(
        tag, {key: _text(value) for key, value in (attributes or {}).items() if value is not None}
    )
    for child in children:
        for part in [child] if child is None or isinstance(child, str | Element) else child:
            _append(element, part)
    return element


def _append(element: Element, part: Element | str | None) -> None:
    if part is None:
        return
    if isinstance(part, Element):
        element.append(part)
    elif len(element):
        element[-1].tail = (element[-1].tail or "") + part
    else:
        element.text = (element.text or "") + part


def _text(value: str | float) -> str:
    """Return an attribute: numbers in one decimal, without a needless zero."""
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
