"""A blindness as a value and in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from spikewatch.core.blindness import BlindNotice, Cause, begun, ended, removed
from spikewatch.core.incidents import Phase
from spikewatch.core.outbox import Delivery, plan
from spikewatch.core.settings import Language
from spikewatch.core.wording import render
from spikewatch.core.wording.untrusted import width
from tests.core.agreed import as_agreed
from tests.factories import delivery

GOLDEN = Path(__file__).parent / "golden"
TOKYO = ZoneInfo("Asia/Tokyo")
SINCE = datetime(2026, 11, 20, 0, 45, tzinfo=UTC)
NOTICED = SINCE + timedelta(minutes=16)
UNTIL = SINCE + timedelta(hours=3, minutes=5)

BLIND = begun("desk", Cause.UNREACHABLE, since=SINCE, at=NOTICED)
CASES = {
    "blind": BLIND,
    "blind_refused": begun("desk", Cause.REFUSED, since=SINCE, at=NOTICED),
    "seeing": ended(BLIND, until=UNTIL, tickets=214, incidents=1, at=UNTIL + timedelta(minutes=1)),
    "unwatched": removed(BLIND, at=UNTIL),
    "seeing_quiet": ended(BLIND, until=UNTIL, tickets=1, incidents=0, at=UNTIL),
}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", CASES)
def test_a_blindness_reads_as_it_was_agreed(name: str, language: Language) -> None:
    message = render(CASES[name], language=language, zone=TOKYO)

    assert as_agreed(message) == (GOLDEN / f"{name}.{language}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_said_in_every_language(cause: Cause, language: Language) -> None:
    notice = begun("desk", cause, since=SINCE, at=NOTICED)

    message = render(notice, language=language, zone=TOKYO)
    alone = render(notice, language=language, zone=TOKYO, plain=4)

    others = [other for other in Cause if other is not cause]
    texts = {
        render(begun("desk", o, since=SINCE, at=NOTICED), language=language, zone=TOKYO).text for o in others
    }
    assert message.text not in texts
    assert alone.text == message.text
    assert alone.blocks == ()


def test_only_going_blind_calls_people() -> None:
    urgent = {name: render(case, language=Language.EN, zone=TOKYO).urgent for name, case in CASES.items()}

    assert urgent == {
        "blind": True,
        "blind_refused": True,
        "seeing": False,
        "unwatched": False,
        "seeing_quiet": False,
    }


def test_the_name_of_a_source_cannot_mention_or_link_or_grow() -> None:
    hostile = begun("<!channel> https://evil.example " + "x" * 500, Cause.CLOCK, since=SINCE, at=NOTICED)

    message = render(hostile, language=Language.EN, zone=TOKYO)

    assert "<" not in message.text
    assert "https://" not in message.text
    assert width(str(message.blocks[0]["text"])) < 300


def test_a_blindness_is_named_by_where_it_began_and_its_end_is_the_same_message() -> None:
    again = begun("desk", Cause.LIMITED, since=SINCE, at=NOTICED + timedelta(hours=1))
    seeing = CASES["seeing"]

    assert again.key == BLIND.key
    assert seeing.incident == BLIND.incident
    assert seeing.key != BLIND.key
    assert (BLIND.facts.revision, BLIND.facts.phase) == (1, Phase.OPEN)
    assert (seeing.facts.revision, seeing.facts.phase) == (2, Phase.RESOLVED)


def test_a_blindness_concerns_the_whole_company_and_is_never_merged() -> None:
    channels: dict[str | None, str] = {None: "#ops"}

    blind = plan([BLIND], receiver="slack", channel_of=channels.__getitem__, now=NOTICED)[0]

    assert blind.channel == "#ops"
    assert blind.merged_into is None


@pytest.mark.parametrize("name", CASES)
def test_a_delivery_of_either_kind_comes_back_from_json_as_it_was(name: str) -> None:
    adapter = TypeAdapter(Delivery)
    blind = plan([CASES[name]], receiver="slack", channel_of=lambda _: "#ops", now=NOTICED)[0]
    surge = replace(delivery(), channel="#ops")

    back = [adapter.validate_json(adapter.dump_json(each)) for each in (blind, surge)]

    assert back == [blind, surge]
    assert isinstance(back[0].notice, BlindNotice)
    assert not isinstance(back[1].notice, BlindNotice)
