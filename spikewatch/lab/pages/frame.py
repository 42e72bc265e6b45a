"""The frame of a page: its style, its script, and the policy that allows these and nothing else.

Services, categories and labels are typed by people; `name` makes them one visible line before they are shown.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from xml.etree.ElementTree import Element, tostring

from spikewatch.core.markup import node
from spikewatch.core.wording.untrusted import harmless

_NAME_LIMIT = 80


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


def with_contents(header: Element, main: Element, *, label: str) -> Sequence[Element]:
    """Return the body of a page: its header, links to each named section of the rest, and the rest."""
    links = [
        node("li", None, node("a", {"href": f"#{section.get('id')}"}, section.findtext("h2")))
        for section in main.iterfind("section[@id]")
    ]
    return [header, node("nav", {"aria-label": label}, node("ul", None, links)), main]


def _part(file: str) -> str:
    return files(__package__).joinpath(file).read_text("utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
