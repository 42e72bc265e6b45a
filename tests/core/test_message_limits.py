"""Slack's limits, for whatever can be told: any name, any rung, with buttons, marks and a mention, in both languages."""

import json
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.blindness import Cause, begun, ended
from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.events import LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.misconfiguration import mended, refused
from spikewatch.core.notices import Notice, Part, Reason
from spikewatch.core.outbox import Told
from spikewatch.core.recaps import recap_of
from spikewatch.core.rules import RuleMet
from spikewatch.core.settings import Language
from spikewatch.core.weekly import (
    Accuracy,
    Blind,
    Line,
    Noise,
    Volume,
    Week,
    Weekly,
    notice_of_week,
)
from spikewatch.core.wording import Links, Message, Search, marked, render, render_reply
from spikewatch.core.wording.rungs import TEXT_ONLY
from spikewatch.core.wording.untrusted import width
from spikewatch.sandbox.block_rules import wrong_blocks
from tests.factories import OPENED, STARTED, course, facts, notice, reading

TOKYO = ZoneInfo("Asia/Tokyo")
MOST_IN_ALL = 13_200
"""Signs of all blocks together, beyond which Slack refuses a message."""

MOST_TEXT = 4_000
"""Signs of the text, beyond which Slack refuses an edit."""

LONG = "長い名前のカテゴリ👩‍👩‍👧‍👦&<>" * 40
NAMES = st.one_of(
    st.text(min_size=1, max_size=200),
    st.sampled_from([LONG, "&" * 400, "\ud800", "\u202e<!channel>", "\x00", "{0}{name}", "👨‍👩‍👧‍👦" * 80]),
)
LINKS = Links(
    searches={
        desk: Search(
            "https://acme.zendesk.com/agent/search/1?q={query}",
            since="created>={since}",
            service='brand:"{name}"',
            category='field:"{name}"',
            unnamed="none",
        )
        for desk in ("desk", "shop", LONG)
    },
    grafana="https://grafana.example.com",
)


def surge(names: Sequence[str], reason: Reason, *, company: bool) -> Notice:
    """A surge of everything that its message may hold at most."""
    service, *others = names
    series = [
        SeriesKey(name, ALL) if company else SeriesKey(service, name) for name in (others or [service])[:10]
    ]
    return notice(
        reason,
        incident=names[-1],
        service=None if company else service,
        severity=Severity.CRITICAL,
        lead_series=SeriesKey(ALL, ALL) if company else SeriesKey(service, ALL),
        lead=reading(10**7, expected=10**6),
        parts=tuple(Part(each, reading(10**6, expected=10.0**5), 1.0) for each in series),
        more=390,
        joined=tuple(series),
        rule=RuleMet(15, 60, 10**6, critical=True),
        runbook=f"https://wiki.example.com/{'x' * 1_900}",
        handling=Handling(
            names[0],
            OPENED,
            names[0],
            OPENED,
            verdict=Verdict(LabelKind.EXPECTED, names[0], OPENED, names[-1]),
        ),
        course=course(*range(40)),
        phase=Phase.RESOLVED if reason is Reason.RESOLVED else Phase.OPEN,
    )


def week(names: Sequence[str]) -> Told:
    """A week of which there is something to say in every list."""
    span = Week(2026, 20).span(TOKYO)
    series = [SeriesKey(names[0], name) for name in names]
    lines = [
        Line(
            name,
            names[0],
            Severity.CRITICAL,
            STARTED,
            OPENED,
            None,
            None,
            tuple(series[:3]),
            9,
            40,
            6.2,
            15,
            30.0,
            None,
        )
        for name in names
    ]
    weekly = Weekly(
        week=Week(2026, 20),
        span=span,
        until=span.end,
        incidents=tuple(lines),
        accuracy=Accuracy(real=2, false_alarms=1, unlabelled=1, known=3, found=2),
        budget=1.0,
        typical=timedelta(minutes=8),
        slowest=timedelta(hours=1),
        noisiest=tuple(Noise(each, 9, 9) for each in series),
        volumes=tuple(Volume(each, 10**6, 10.0**5, 10**4) for each in dict.fromkeys(series)),
        blind=tuple(Blind(name, OPENED, None) for name in names),
    )  # fmt: skip
    return notice_of_week(weekly, at=OPENED)


def others(names: Sequence[str]) -> Sequence[Told]:
    """Whatever else there is to tell."""
    blind = begun(names[0], Cause.UNREACHABLE, since=STARTED, at=OPENED)
    missed = [facts(incident=name, service=name, phase=Phase.RESOLVED) for name in names]
    wrong = refused(None, file=names[0], problems=tuple(names), restart=False, at=OPENED)
    assert wrong is not None
    return (
        blind,
        ended(blind, until=OPENED, tickets=10**6, incidents=40, at=OPENED),
        recap_of(missed, receiver="slack", channel=f"#{names[0]}", since=STARTED, at=OPENED),
        wrong,
        mended(wrong, at=OPENED),
        week(names),
    )


def mistakes(message: Message) -> list[str]:
    """Everything about a message that Slack would refuse, with a mention below it."""
    called = {"type": "section", "block_id": "sw.mention", "text": {"type": "mrkdwn", "text": "<!here>"}}
    blocks = [
        {**block, "slack_file": {"id": "F1"}} if block["type"] == "image" else dict(block)
        for block in message.blocks
    ]
    found = list(wrong_blocks([*blocks, called] if blocks else []))
    size = len(json.dumps(blocks, ensure_ascii=False))
    found += [f"text of {width(message.text)}"] * (not 1 <= width(message.text) <= MOST_TEXT)
    found += [f"{size} signs in all"] * (size > MOST_IN_ALL)
    return found


names = st.lists(NAMES, min_size=1, max_size=12, unique=True)
languages, rungs = st.sampled_from(Language), st.integers(0, TEXT_ONLY)


@given(
    names=names,
    reason=st.sampled_from(Reason),
    company=st.booleans(),
    language=languages,
    rung=rungs,
    other=NAMES,
)
def test_slack_takes_a_surge_with_all_that_it_can_hold(
    names: list[str], reason: Reason, language: Language, rung: int, other: str, *, company: bool
) -> None:
    told = surge(names, reason, company=company)

    message = render(told, language=language, zone=TOKYO, plain=rung, links=LINKS, controls=True)
    message = marked(
        message,
        language=language,
        zone=TOKYO,
        test=True,
        fallback_for=other,
        late=timedelta(days=400),
        told_by=other,
    )
    reply = render_reply(told, earlier=(told, told), language=language, zone=TOKYO, plain=rung)

    assert (mistakes(message), mistakes(reply)) == ([], [])


@given(names=names, place=st.integers(0, 5), language=languages, rung=rungs)
def test_slack_takes_whatever_else_there_is_to_tell(
    names: list[str], place: int, language: Language, rung: int
) -> None:
    told = others(names)[place]

    message = marked(
        render(told, language=language, zone=TOKYO, plain=rung), language=language, zone=TOKYO, test=True
    )

    assert mistakes(message) == []


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("rung", range(TEXT_ONLY + 1))
def test_slack_takes_the_longest_there_is(language: Language, rung: int) -> None:
    names = [f"{number} {LONG}" for number in range(12)]
    messages = [render(each, language=language, zone=TOKYO, plain=rung) for each in others(names)]
    messages += [
        render(
            surge(names, reason, company=company),
            language=language,
            zone=TOKYO,
            plain=rung,
            links=LINKS,
            controls=True,
        )
        for reason in Reason
        for company in (False, True)
    ]

    assert [found for message in messages if (found := mistakes(message))] == []
