"""Whatever people typed elsewhere is shown as text: it opens no element, ends no attribute and loads nothing."""

from html.parser import HTMLParser
from xml.etree.ElementTree import tostring

from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.markup import node
from spikewatch.core.wording.untrusted import harmless

NASTY = "</script><script>alert(1)</script> \"'><img src=x onerror=alert(1)> \u202e&amp; https://evil.example"


class Reader(HTMLParser):
    """Takes note of what a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


@given(st.one_of(st.just(NASTY), st.text()))
def test_a_name_stays_one_text_and_one_attribute(typed: str) -> None:
    shown = harmless(typed, limit=80)

    seen = read(tostring(node("p", {"title": shown}, shown), encoding="unicode", method="html"))

    assert seen.tags == ["p"]
    assert "".join(seen.texts) == shown
    assert seen.attributes == [("title", shown)]


def test_text_follows_elements_in_the_order_given() -> None:
    written = tostring(node("p", None, "a", node("b"), "c", None, ["d", node("i")], "e"), method="html")

    assert written == b"<p>a<b></b>cd<i></i>e</p>"
