"""A page stands by itself: it loads nothing, and runs its own script alone."""

from spikewatch.core.markup import node
from spikewatch.lab.pages.frame import name, page
from tests.core.test_markup import NASTY, read


def test_a_page_may_load_nothing_and_runs_its_own_script_alone() -> None:
    written = page(title=name(NASTY), language="en", body=[node("main", None, name(NASTY))])

    seen = read(written)

    assert seen.tags.count("script") == 1
    assert not {"link", "img", "iframe"} & set(seen.tags)
    assert not [each for each, _ in seen.attributes if each in ("src", "onerror", "onclick", "style")]
    assert "unsafe" not in written
    assert any(value.startswith("default-src 'none'") for _, value in seen.attributes if value)
