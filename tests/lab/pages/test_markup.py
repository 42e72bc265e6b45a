"""Whatever people typed elsewhere is shown as text: it opens no element, ends no attribute and loads nothing."""

from html.parser import HTMLParser
from xml.etree.ElementTree import tostring

from hypothesis import given
from hypothesis import strategies as st

from spikewatch.lab.pages.markup import name, node, page

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
    shown = name(typed)

    seen = read(tostring(node("p", {"title": shown}, shown), encoding="unicode", method="html"))

    assert seen.tags == ["p"]
    assert "".join(seen.texts) == shown
    assert seen.attributes == [("title", shown)]


def test_text_follows_elements_in_the_order_given() -> None:
    written = tostring(node("p", None, "a", node("b"), "c", None, ["d", node("i")], "e"), method="html")

    assert written == b"<p>a<b></b>cd<i></i>e</p>"


def test_a_page_may_load_nothing_and_runs_its_own_script_alone() -> None:
    written = page(title=name(NASTY), language="en", body=[node("main", None, name(NASTY))])

    seen = read(written)

    assert seen.tags.count("script") == 1
    assert not {"link", "img", "iframe"} & set(seen.tags)
    assert not [each for each, _ in seen.attributes if each in ("src", "onerror", "onclick", "style")]
    assert "unsafe" not in written
    assert any(value.startswith("default-src 'none'") for _, value in seen.attributes if value)
