"""Markup: pages are trees of elements, so that nothing that came from a help desk is ever read as HTML.

Services, categories and labels are typed by people; `name` makes them one visible line before they are shown.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

from spikewatch.core.wording.untrusted import harmless

Child: TypeAlias = "Element | str | Sequence[Element | str | None] | None"
Attributes: TypeAlias = Mapping[str, str | float | None]

_NAME_LIMIT = 80


def node(tag: str, attributes: Attributes | None = None, *children: Child) -> Element:
    """Return an element; attributes and children that are None are left out.

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


def name(text: str) -> str:
    """Return a name that people typed as one visible line."""
    return harmless(text, limit=_NAME_LIMIT)


def page(*, title: str, language: str, body: Sequence[Element]) -> str:
    """Return a whole page that needs nothing beside itself, and may load nothing: style and script stand in it."""
    style, script = _part("page.css"), _part("page.js")
    policy = (
        f"default-src 'none'; style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    root = node(
        "html",
        {"lang": language},
        node(
            "head",
            None,
            node("meta", {"charset": "utf-8"}),
            node("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
            node("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
            node("meta", {"name": "color-scheme", "content": "light dark"}),
            node("title", None, title),
            node("style", None, style),
        ),
        node("body", None, *body, node("script", None, script)),
    )
    return "<!DOCTYPE html>\n" + tostring(root, encoding="unicode", method="html")


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


def _part(file: str) -> str:
    return files(__package__).joinpath(file).read_text("utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
