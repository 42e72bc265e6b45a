"""`tune` shows a change that a person can review, keeps their comments, and never touches their file."""

from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from spikewatch.app.tuning import Format, Proposed, propose, proposed_text, rendered, require_elsewhere
from spikewatch.config import Purpose, load
from spikewatch.config.reading import read
from spikewatch.core.counts import SeriesKey
from spikewatch.core.settings import CategorySettings, ServiceSettings
from spikewatch.errors import Mistake
from spikewatch.lab.knobs import Change, Target
from spikewatch.lab.searching import Proposal
from spikewatch.lab.yardstick import Effect
from tests import noisy_desk

CONFIG = """\
# the desk in Tokyo
timezone: Asia/Tokyo
bucket: 30m
detection:
  windows: [30m, 1h, 3h]  # agreed in May
# told nowhere yet
"""


class Case:
    """A folder with counts, labels and a configuration."""

    def __init__(self, folder: Path, *, weeks: int = noisy_desk.WEEKS, text: str = CONFIG) -> None:
        self.counts, self.labels = noisy_desk.write(folder, weeks=weeks)
        self.file = folder / "spikewatch.yaml"
        self.file.write_text(text, encoding="utf-8")
        self.said: list[str] = []

    @cached_property
    def proposed(self) -> Proposed:
        config = load(self.file, env={}, purpose=Purpose.REPLAY)
        return propose(str(self.counts), config=config, file=self.file, labels=self.labels)

    def tune(self, output_format: Format) -> list[str]:
        return list(rendered(self.proposed, output_format=output_format, say=self.said.append))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("tune"))


@pytest.fixture(scope="module")
def table(case: Case) -> list[str]:
    return case.tune("table")


def proposal(*path: str, after: float) -> Proposal:
    target = Target(SeriesKey("pay", "login"), (), alarms=3)
    return Proposal(Change(path, 5, after), target, Effect(3, 0, 0, None), gain=3.0, wins=3, weeks=3)


def test_the_table_tells_what_was_judged_then_each_setting_with_effect_and_reason(table: list[str]) -> None:
    assert table[0].startswith(
        "judged: 3.0 weeks, 2026-04-20 00:00 to 2026-05-11 00:00; 6 incidents are labelled"
    )
    assert "false alarms (" in table[1]
    assert "6 of 6 real incidents told; the budget allows 1" in table[1]
    first = next(place for place, line in enumerate(table) if line.startswith("  1  services.mail."))
    assert " -> " in table[first]
    assert "effect  saves " in table[first + 1]
    assert "loses no incident" in table[first + 1]
    assert "weeks on which it was not chosen" in table[first + 2]


def test_the_diff_adds_lines_and_takes_none_away(table: list[str], case: Case) -> None:
    diff = table[table.index(f"--- {case.file}") :]

    assert diff[1] == f"+++ {case.file}"
    assert [line for line in diff[2:] if line.startswith("-")] == []
    assert "+services:" in diff
    assert case.file.read_text(encoding="utf-8") == CONFIG


def test_the_whole_file_keeps_the_comments_and_can_be_loaded(case: Case) -> None:
    lines = case.tune("yaml")

    kept = iter(lines)
    assert all(any(line == other for other in kept) for line in CONFIG.splitlines())
    values: Any = read("\n".join(lines)).values
    assert values["services"]["mail"]
    assert any(line.startswith("proposed: ") for line in case.said)


def test_the_page_stands_alone_and_is_well_formed(case: Case) -> None:
    page = "\n".join(case.tune("html"))

    class Tags(HTMLParser):
        stack: list[str] = []  # noqa: RUF012 -- one page is read once

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert not {"src", "href"} & {name for name, _ in attrs}
            if tag != "meta":
                self.stack.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.stack.pop() == tag

    reader = Tags()
    reader.feed(page)

    assert reader.stack == []
    assert "<ins>+services:</ins>" in page
    assert "services.mail." in page


def test_too_little_history_proposes_nothing_and_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    short = Case(tmp_path, weeks=1)

    assert short.tune("table")[0].startswith("too little history: 1.0 weeks can be judged and 3 are needed")
    assert short.tune("yaml") == CONFIG.splitlines()


def test_a_category_known_by_a_glob_takes_the_globs_settings_along() -> None:
    text = 'services:\n  pay:\n    categories:\n      "log*": {critical_score: 5}\n'
    services = {"pay": ServiceSettings(categories={"log*": CategorySettings(critical_score=5)})}
    path = ("services", "pay", "categories", "login")

    found = proposed_text(
        text,
        [proposal(*path, "min_tickets", after=9), proposal(*path, "weight", after=0.5)],
        services=services,
    )

    assert (
        found
        == f"{text}      login:\n        critical_score: 5\n        min_tickets: 9\n        weight: 0.5\n"
    )


def test_the_result_never_replaces_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "spikewatch.yaml"

    require_elsewhere(tmp_path / "proposed.yaml", file=file)
    with pytest.raises(Mistake, match="is the configuration itself; name another file"):
        require_elsewhere(tmp_path / "." / "spikewatch.yaml", file=file)
