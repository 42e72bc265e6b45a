"""A refused configuration: told once, edited while it changes, mended at the end; words name file, line and remedy."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.core.incidents import Phase
from spikewatch.core.misconfiguration import SHOWN, ConfigNotice, mended, refused
from spikewatch.core.settings import Language
from spikewatch.core.wording import render
from tests.factories import OPENED

TOKYO = ZoneInfo("Asia/Tokyo")
LATER = OPENED + timedelta(minutes=7)
WRONG = ("watch.yaml:16: detection.min_ratio: 0.5 would alert on falls; use 1.0 or more",)


def told(problems: tuple[str, ...] = WRONG, *, before: ConfigNotice | None = None) -> ConfigNotice:
    notice = refused(before, file="watch.yaml", problems=problems, restart=False, at=OPENED)
    assert notice is not None
    return notice


def test_the_same_mistakes_are_told_once_and_others_in_the_same_message() -> None:
    first = told()
    again = refused(first, file="watch.yaml", problems=WRONG, restart=False, at=LATER)
    other = told(("watch.yaml:3: polll: is no known key",), before=first)

    assert again is None
    assert other.incident == first.incident
    assert (first.facts.revision, other.facts.revision) == (1, 2)
    assert first.key != other.key
    assert other.facts.since == OPENED


def test_what_is_mended_resolves_the_message_and_a_new_mistake_has_one_of_its_own() -> None:
    whole = mended(told(), at=LATER)
    new = refused(whole, file="watch.yaml", problems=WRONG, restart=False, at=LATER)

    assert whole.facts.phase is Phase.RESOLVED
    assert not whole.lasts
    assert new is not None
    assert new.incident != whole.incident


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("plain", range(5))
def test_a_message_names_the_mistakes_the_rest_and_the_remedy(language: Language, plain: int) -> None:
    many = tuple(f"watch.yaml:{line}: key: is wrong <!channel>" for line in range(1, SHOWN + 4))

    message = render(told(many), language=language, zone=TOKYO, plain=plain)

    said = str(message.blocks) if message.blocks else message.text
    assert message.urgent
    assert "watch.yaml:1: key" in said
    assert "<!channel>" not in said
    if message.blocks:
        assert f"watch.yaml:{SHOWN}:" in said
        assert f"watch.yaml:{SHOWN + 1}:" not in said
        assert "spikewatch check --config watch.yaml" in said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (Language.EN, "The configuration is in force again. From 10:00 JST to 10:07 JST"),
        (Language.JA, "設定の反映を再開しました。10:00 JST から 10:07 JST まで"),
    ],
)
def test_the_end_says_how_long_changes_were_refused(language: Language, said: str) -> None:
    message = render(mended(told(), at=LATER), language=language, zone=TOKYO)

    assert message.text.startswith(said)
    assert not message.urgent


def test_the_longest_lines_stay_within_what_a_block_takes() -> None:
    many = tuple("x" * 5_000 for _ in range(9))

    message = render(told(many), language=Language.JA, zone=TOKYO)

    assert len(message.text) <= 3_000
    assert max(len(str(block["text"])) for block in message.blocks) <= 3_000
