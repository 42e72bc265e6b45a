import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.cli.frame import command_line
from spikewatch.core.counts import ALL, FLEET, SeriesKey
from spikewatch.core.events import LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Part, Reason
from spikewatch.core.rules import RuleMet
from spikewatch.core.settings import Language
from spikewatch.core.wording import Links, Message, Search, render, render_reply
from spikewatch.core.wording.catalogue import CATALOGUES, ENGLISH, JAPANESE
from spikewatch.core.wording.commands import explain_command
from spikewatch.core.wording.names import incident_name
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.replies import render as render_replies
from spikewatch.core.wording.untrusted import clip, harmless, width
from spikewatch.sandbox.block_rules import wrong_blocks
from tests.core.agreed import as_agreed
from tests.factories import OPENED, STARTED, course, grouped, notice, reading

GOLDEN = Path(__file__).parent / "golden"
TOKYO = ZoneInfo("Asia/Tokyo")
LIVING_MARKUP = re.compile(
    r"<(?:https?://[^|<>\s]+\|[^<>|]+|!date\^\d+\^[^|<>]+\|[^<>]+|@[UW][A-Z0-9]{7,20})>"
)
LOGIN, REFUND = SeriesKey("payments", "login"), SeriesKey("payments", "refund")
ENDED = STARTED + timedelta(minutes=95)


def company() -> dict[str, Any]:
    parts = tuple(
        Part(SeriesKey(name, ALL), reading(observed, expected=expected), share)
        for name, observed, expected, share in (
            ("payments", 100, 16.0, 0.5),
            ("orders", 80, 14.0, 0.4),
            ("account", 40, 10.0, 0.1),
        )
    )
    lead = reading(220, expected=40.0, upper=61)
    return {
        "service": None,
        "lead_series": FLEET,
        "lead": lead,
        "peak": lead,
        "parts": parts,
        "severity": Severity.CRITICAL,
        "excess": 180.0,
    }


TANAKA = Handling(acknowledged_by="U0TANAKA1", acknowledged_at=OPENED + timedelta(minutes=5))
FALSE_ALARM = Handling(
    acknowledged_by="田中 *太郎*",
    acknowledged_at=OPENED,
    snoozed_by="田中",
    snoozed_until=OPENED + timedelta(hours=2),
    dismissed_by="田中 *太郎*",
    dismissed_at=OPENED + timedelta(minutes=20),
    verdict=Verdict(
        LabelKind.FALSE_ALARM, "田中 *太郎*", OPENED + timedelta(minutes=20), note="<!channel> 配信"
    ),
)
LINKS = Links(
    searches={
        "desk": Search(
            "https://acme.zendesk.com/agent/search/1?type=ticket&q={query}",
            since="type:ticket created>={since}",
            service='brand:"{name}"',
            category='custom_field_7:"{name}"',
            unnamed="uncategorised",
        )
    },
    grafana="https://grafana.example.com",
)

CASES: Mapping[str, Notice] = {
    "opened": notice(runbook="https://wiki.example.com/login?a=1&b=2", course=course()),
    "growing": notice(Reason.CHANGED, growing=True, lead=reading(70), revision=2, excess=120.0),
    "ebbing": notice(Reason.CHANGED, ebbing=True, lead=reading(8), handling=TANAKA, revision=3, excess=140.0),
    "acknowledged": notice(Reason.ACKNOWLEDGED, handling=TANAKA, growing=True, revision=2),
    "false_alarm": notice(Reason.DISMISSED, handling=FALSE_ALARM, revision=4),
    "gap": notice(Reason.CHANGED, course=course(5, 7, None, None, 8, 6, 5, 9, 20, 42), revision=2),
    "by_rule": notice(
        lead=reading(18, expected=0.3, upper=4), rule=RuleMet(15, 60, 18, critical=False), chance_weeks=0.0
    ),
    "raised": notice(
        Reason.RAISED,
        severity=Severity.CRITICAL,
        lead=reading(58),
        peak=reading(58),
        excess=137.0,
        chance_weeks=130.0,
        data_until=OPENED + timedelta(minutes=30),
        revision=2,
    ),
    "joined": notice(Reason.JOINED, **grouped(more=27), revision=3),
    "changed": notice(Reason.CHANGED, lead=reading(18, expected=0.3, upper=4), excess=30.0, revision=4),
    "reopened": notice(Reason.REOPENED, data_until=OPENED + timedelta(hours=20), revision=5),
    "resolved": notice(
        Reason.RESOLVED,
        phase=Phase.RESOLVED,
        resolved_at=ENDED,
        data_until=ENDED,
        peak=reading(58),
        excess=263.0,
        revision=6,
    ),
    "merged": notice(Reason.MERGED, phase=Phase.CLOSED, merged_into="INC-9", revision=7),
    "merged_owned": notice(
        Reason.MERGED,
        phase=Phase.CLOSED,
        merged_into="INC-9",
        revision=7,
        handling=TANAKA,
    ),
    "company": notice(**company()),
}


REPLIES: Mapping[str, tuple[Notice, ...]] = {
    "raised": (
        notice(Reason.RAISED, severity=Severity.CRITICAL, lead=reading(58), revision=2, joined=(REFUND,)),
    ),
    "joined": (notice(Reason.JOINED, **grouped(), joined=(LOGIN, REFUND), revision=3),),
    "joined_services": (notice(Reason.JOINED, **company(), joined=(SeriesKey("account", ALL),), revision=3),),
    "acknowledged": (CASES["acknowledged"],),
    "handed_back": (notice(Reason.HANDED_BACK, revision=4),),
    "snoozed": (
        notice(
            Reason.SNOOZED,
            handling=Handling(snoozed_by="suzuki", snoozed_until=OPENED + timedelta(hours=14)),
            revision=4,
        ),
    ),
    "labelled": (
        notice(
            Reason.LABELLED,
            handling=Handling(verdict=Verdict(LabelKind.EXPECTED, "suzuki", OPENED, note="春の配信")),
            revision=4,
        ),
    ),
    "dismissed": (CASES["false_alarm"],),
    "unmuted": (notice(Reason.UNMUTED, lead=reading(58), revision=5),),
    "reopened": (CASES["reopened"],),
    "resolved": (CASES["resolved"],),
    "folded": (
        CASES["acknowledged"],
        notice(Reason.RAISED, severity=Severity.CRITICAL, lead=reading(58), revision=3),
        CASES["resolved"],
    ),
}


def walk(value: object) -> Iterator[Mapping[str, object]]:
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from walk(inner)


def text_of(element: object) -> str:
    assert isinstance(element, Mapping)
    return str(element["text"])


def wrong_picture(message: Message, block: Mapping[str, object]) -> list[str]:
    """Say what is wrong with a chart, or with the block of a picture that is to be drawn."""
    if block["type"] == "data_visualization":
        return list(wrong_blocks([block]))
    if block["type"] != "image":
        return [f"unknown block {block['type']}"]
    lacks = message.picture is None or message.picture.block != block["block_id"]
    return [*wrong_blocks([{**block, "slack_file": {"id": "F1"}}]), *(["nothing to draw"] if lacks else [])]


def check_message(message: Message) -> list[str]:
    """Say everything about a message that Slack would refuse, or that could call people or hide a link."""
    wrong = []
    names = [str(block["block_id"]) for block in message.blocks]
    size = len(json.dumps(message.blocks, ensure_ascii=False))
    tables = [block for block in message.blocks if block["type"] == "table"]
    wrong += ["text is empty or too long to be edited"] * (not 0 < width(message.text) <= 4_000)
    wrong += ["text has markup"] * bool(re.search("[<>]", message.text))
    wrong += ["block ids repeat or are too long"] * (
        len(set(names)) < len(names) or max(map(width, names), default=0) > 255
    )
    wrong += [f"blocks hold {size} characters"] * (size > 13_200)
    wrong += ["too many blocks or tables"] * (len(message.blocks) > 50 or len(tables) > 1)
    for block in message.blocks:
        match block["type"]:
            case "header":
                wrong += ["header"] * (not 1 <= width(text_of(block["text"])) <= 150)
            case "section" if "fields" in block:
                fields = block["fields"]
                assert isinstance(fields, list)
                wrong += ["fields"] * (not 1 <= len(fields) <= 10 or len(fields) % 2 == 1)
                wrong += ["field length"] * any(not 1 <= width(text_of(field)) <= 2_000 for field in fields)
            case "section":
                wrong += ["section"] * (not 1 <= width(text_of(block["text"])) <= 3_000)
            case "context":
                elements = block["elements"]
                assert isinstance(elements, list)
                wrong += ["context"] * (not 1 <= len(elements) <= 10)
            case "table":
                rows = block["rows"]
                assert isinstance(rows, list)
                cells = [text_of(cell) for row in rows for cell in row]
                wrong += ["table"] * (len(rows) > 100 or not all(cells) or sum(map(width, cells)) > 10_000)
            case _:
                wrong += wrong_picture(message, block)
    for element in walk(message.blocks):
        if element.get("type") == "mrkdwn":
            rest = LIVING_MARKUP.sub("", str(element["text"]))
            wrong += [f"markup in {element['text']}"] * bool(re.search("[<>]", rest))
            wrong += ["mrkdwn without verbatim"] * (element.get("verbatim") is not True)
        if element.get("type") == "plain_text":
            wrong += ["plain_text would turn names of emoji into emoji"] * (element.get("emoji") is not False)
    return wrong


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", CASES)
def test_messages_read_as_they_were_agreed(name: str, language: Language) -> None:
    message = render(CASES[name], language=language, zone=TOKYO, links=LINKS)

    assert as_agreed(message) == (GOLDEN / f"{name}.{language}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", REPLIES)
def test_replies_read_as_they_were_agreed(name: str, language: Language) -> None:
    *earlier, last = REPLIES[name]

    message = render_reply(last, earlier=earlier, language=language, zone=TOKYO)

    assert as_agreed(message) == (GOLDEN / f"reply_{name}.{language}.json").read_text(encoding="utf-8")
    assert check_message(message) == []
    assert check_message(render_reply(last, earlier=earlier, language=language, zone=TOKYO, plain=4)) == []


def test_every_reason_has_a_reply_or_a_message_that_reads_as_agreed() -> None:
    seen = {told.reason for told in (*CASES.values(), *(last for *_, last in REPLIES.values()))}

    assert seen == set(Reason)


@pytest.mark.parametrize("plain", range(5))
@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", CASES)
def test_every_message_is_within_slacks_limits(name: str, language: Language, plain: int) -> None:
    message = render(CASES[name], language=language, zone=TOKYO, plain=plain, links=LINKS)

    assert check_message(message) == []


NASTY = st.one_of(
    st.text(min_size=1, max_size=300),
    st.sampled_from(
        [
            "<!channel>",
            "<@U1>",
            "<http://evil.example|click>",
            "&lt;!here&gt;",
            "&" * 500,
            "*_~`",
            ":rotating_light:",
            "\u202egnp.exe",
            "\u200b\u200d",
            "\x00\n\r",
            "👨‍👩‍👧‍👦" * 100,
            "ﾊﾝｶｸ" * 100,
            "\ud800",
            "{0} {name}",
            "مرحبا",
        ]
    ),
).filter(lambda name: name != ALL)


@given(
    service=NASTY,
    categories=st.lists(NASTY, max_size=10),
    more=st.integers(0, 400),
    observed=st.integers(0, 10**7),
    expected=st.one_of(st.floats(0, 10**6), st.sampled_from([float("nan"), -1.0, float("inf")])),
    chance=st.floats(),
    excess=st.floats(),
    runbook=st.one_of(st.none(), NASTY, st.just("https://a.example/|x"), st.just("javascript:alert(1)")),
    reason=st.sampled_from(Reason),
    language=st.sampled_from(Language),
    plain=st.integers(0, 4),
    counts=st.lists(st.one_of(st.none(), st.integers(0, 10**6)), max_size=48),
    week_ago=st.booleans(),
    who=NASTY,
)
def test_no_name_and_no_number_can_break_a_message(
    *,
    service: str,
    categories: list[str],
    more: int,
    observed: int,
    expected: float,
    chance: float,
    excess: float,
    runbook: str | None,
    reason: Reason,
    language: Language,
    plain: int,
    counts: list[int | None],
    week_ago: bool,
    who: str,
) -> None:
    lead = reading(observed, expected=expected)
    parts = tuple(Part(SeriesKey(service, category), lead, 0.5) for category in categories)
    stated = notice(
        reason,
        service=service,
        lead_series=SeriesKey(service, ALL),
        lead=lead,
        parts=parts,
        more=more,
        chance_weeks=chance,
        excess=excess,
        runbook=runbook,
        joined=tuple(part.series for part in parts),
        course=course(*counts, week_ago=None if week_ago else [None] * (len(counts) or 10)),
        handling=Handling(
            who, OPENED, who, OPENED, verdict=Verdict(LabelKind.EXPECTED, who, OPENED, note=who)
        ),
    )

    message = render(stated, language=language, zone=TOKYO, plain=plain, links=LINKS)
    reply = render_reply(stated, earlier=(stated,), language=language, zone=TOKYO, plain=plain)

    assert (check_message(message), check_message(reply)) == ([], [])
    assert message == render(stated, language=language, zone=TOKYO, plain=plain, links=LINKS)
    assert isinstance(message.blocks, tuple)
    (as_agreed(message) + as_agreed(reply)).encode()


@given(text=st.text(), limit=st.integers(1, 80))
def test_harmless_text_is_one_short_visible_line_without_a_link(text: str, limit: int) -> None:
    shown = harmless(text, limit=limit)

    assert 1 <= width(shown) <= limit
    assert not re.search(r"[<>\n\r\x00-\x1f\u202a-\u202e\u2066-\u2069\u200b]|://", shown)


def test_a_family_of_emoji_is_not_cut_into_a_lone_joiner() -> None:
    assert clip("👨‍👩‍👧‍👦", 4) == "👨…"


@pytest.mark.parametrize("name", [field for field in asdict(ENGLISH) if field not in ("language", "numbers")])
def test_a_phrase_is_filled_by_the_same_names_in_both_languages(name: str) -> None:
    def fields(pattern: str) -> set[str]:
        return {field for _, field, _, _ in Formatter().parse(pattern) if field}

    assert fields(getattr(JAPANESE, name)) == fields(getattr(ENGLISH, name))


def test_every_language_has_a_catalogue_and_every_phrase_is_there() -> None:
    empty = {
        (language, name)
        for language in Language
        for name, phrase in asdict(CATALOGUES[language]).items()
        if phrase == "" and not name.endswith("_joint")
    }

    assert empty == set()


def said(told: Notice, language: Language) -> Message:
    return render(told, language=language, zone=TOKYO)


@pytest.mark.parametrize(
    ("language", "head", "text"),
    [
        (
            Language.EN,
            "Ticket surge: payments / login, now 7.0 times the usual (began 09:45 JST)",
            "7.0 times). It began at 09:45 JST. Severity",
        ),
        (
            Language.JA,
            "問い合わせ急増: payments / login、現在は平常の7.0倍（09:45 JST に開始）",
            "7.0倍）。09:45 JST に始まりました。重大度",
        ),
    ],
)
def test_the_multiple_is_of_now_and_never_reads_as_measured_since_the_beginning(
    language: Language, head: str, text: str
) -> None:
    message = said(notice(), language)

    assert text_of(message.blocks[0]["text"]) == head
    assert text in message.text


@pytest.mark.parametrize(
    ("language", "head"),
    [
        (Language.EN, "Subsiding: payments / login, now 1.3 times the usual (began 09:45 JST)"),
        (Language.JA, "収束中: payments / login、現在は平常の1.3倍（09:45 JST に開始）"),
    ],
)
def test_what_subsides_is_not_headed_as_a_surge(language: Language, head: str) -> None:
    message = said(CASES["ebbing"], language)

    assert text_of(message.blocks[0]["text"]) == head


@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.parametrize("language", Language)
def test_the_notification_of_a_reply_names_the_incident_first_and_has_one_colon(
    name: str, language: Language
) -> None:
    told = [replace(each, facts=replace(each.facts, handling=_without_note(each))) for each in REPLIES[name]]

    text = render_replies(told, language=language, zone=TOKYO).text

    assert text.startswith(incident_name(told[-1].facts, CATALOGUES[language]))
    assert text.count(": ") == 1


def _without_note(told: Notice) -> Handling:
    handling = told.facts.handling
    verdict = None if handling.verdict is None else replace(handling.verdict, note=None)
    return replace(handling, verdict=verdict)


@pytest.mark.parametrize(
    ("language", "now", "then"),
    [
        (
            Language.EN,
            "By chance this would happen about once in nine weeks.",
            "By chance its peak would happen about once in nine weeks.",
        ),
        (
            Language.JA,
            "偶然でここまで増えるのは、およそ9週に1度です。",
            "ピーク時ほどの増加が偶然に起こるのは、およそ9週に1度です。",
        ),
    ],
)
def test_after_the_peak_the_chance_is_said_to_be_that_of_the_peak(
    language: Language, now: str, then: str
) -> None:
    below: dict[str, Any] = {"lead": reading(30), "peak": reading(58)}

    def lead_of(told: Notice) -> str:
        return text_of(said(told, language).blocks[1]["text"])

    assert now in lead_of(notice())
    assert now in lead_of(notice(Reason.CHANGED, **below, growing=True))
    assert then in lead_of(notice(Reason.CHANGED, **below))
    assert now in lead_of(notice(Reason.CHANGED, lead=reading(58), peak=reading(58)))


@pytest.mark.parametrize(
    ("language", "words"),
    [(Language.EN, "suzuki closed it by hand"), (Language.JA, "suzuki が手動で終了しました")],
)
def test_what_was_closed_without_a_verdict_says_so_once(language: Language, words: str) -> None:
    closed = Handling(dismissed_by="suzuki", dismissed_at=OPENED)
    told = notice(Reason.DISMISSED, handling=closed, revision=4)

    reply = render_replies([told], language=language, zone=TOKYO)
    lead = text_of(said(told, language).blocks[1]["text"])

    assert words in reply.text
    assert words in lead
    assert words in said(told, language).text


@pytest.mark.parametrize(
    ("weeks", "english", "japanese"),
    [
        (float("inf"), "less than once in ten years", "10年に1度未満"),
        (520, "less than once in ten years", "10年に1度未満"),
        (519, "about once in 10 years", "およそ10年に1度"),
        (104, "about once in two years", "およそ2年に1度"),
        (9, "about once in nine weeks", "およそ9週に1度"),
        (1.5, "about once in two weeks", "およそ2週に1度"),
        (1, "about once a week", "およそ週に1度"),
        (0.3, "about three times a week", "週に3度ほど"),
        (0.01, "often", "頻繁にあること"),
        (0, None, None),
        (float("nan"), None, None),
    ],
)
def test_a_chance_is_said_in_words(weeks: float, english: str | None, japanese: str | None) -> None:
    assert Phrases(ENGLISH, TOKYO).chance(weeks) == english
    assert Phrases(JAPANESE, TOKYO).chance(weeks) == japanese


@pytest.mark.parametrize(
    ("minutes", "english"), [(0, "0 min"), (45, "45 min"), (60, "1 h"), (95, "1 h 35 min"), (3060, "2 d 3 h")]
)
def test_a_duration_is_said_in_its_two_largest_units(minutes: int, english: str) -> None:
    assert Phrases(ENGLISH, TOKYO).duration(timedelta(minutes=minutes)) == english


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (0.0, "almost none"),
        (0.99, "almost none"),
        (1.0, "about 1"),
        (1.44, "about 1.4"),
        (6.2, "about 6"),
        (1234.0, "about 1,234"),
    ],
)
def test_the_usual_is_said_as_exactly_as_it_means_something(expected: float, said: str) -> None:
    assert Phrases(ENGLISH, TOKYO).usual(reading(expected=expected)) == said


def test_no_ratio_is_said_where_less_than_one_ticket_is_normal() -> None:
    message = render(notice(lead=reading(18, expected=0.99)), language=Language.JA, zone=TOKYO)

    assert "倍" not in message.text
    assert "平常はほぼ0件" in message.text


def test_the_day_is_said_when_it_is_not_the_day_of_the_data() -> None:
    after_midnight = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)

    message = render(notice(data_until=after_midnight), language=Language.EN, zone=TOKYO)

    assert "began at 2026-11-20 09:45 JST" in message.text


def test_a_zone_without_a_name_is_said_as_an_offset() -> None:
    assert (
        "began at 04:45 UTC+04." in render(notice(), language=Language.EN, zone=ZoneInfo("Asia/Dubai")).text
    )


def test_an_address_that_could_break_out_of_its_link_is_shown_as_text() -> None:
    message = render(notice(runbook="https://a.example/|<!channel>"), language=Language.EN, zone=TOKYO)

    assert "Runbook: https[:]//a.example/|‹!channel›" in json.dumps(message.blocks, ensure_ascii=False)


@pytest.mark.parametrize("reason", [Reason.OPENED, Reason.RAISED, Reason.REOPENED])
def test_what_needs_attention_now_is_urgent(reason: Reason) -> None:
    assert render(notice(reason), language=Language.EN, zone=TOKYO).urgent


def test_a_surge_that_is_over_when_it_is_first_told_is_not_urgent() -> None:
    assert not render(CASES["resolved"], language=Language.EN, zone=TOKYO).urgent


def test_the_plainest_message_says_everything_in_its_text() -> None:
    message = render(CASES["joined"], language=Language.EN, zone=TOKYO, plain=4)

    assert message.blocks == ()
    assert all(word in message.text for word in ("payments", "login 42", "09:45 JST", "INC-7"))


def test_each_revision_has_block_ids_of_its_own() -> None:
    ids = [
        {
            str(block["block_id"])
            for block in render(notice(revision=n), language=Language.EN, zone=TOKYO).blocks
        }
        for n in (1, 2)
    ]

    assert ids[0].isdisjoint(ids[1])


@pytest.mark.parametrize(
    "series",
    [
        SeriesKey("payments", "login"),
        SeriesKey("payments", ALL),
        FLEET,
        SeriesKey("決済", "ログイン できない"),
        SeriesKey("it's", 'a "quote"; $(rm -rf ~) `x` & | \\ !'),
        SeriesKey("-v", "--help"),
    ],
)
def test_the_command_that_explains_reaches_the_program_as_the_names_are(series: SeriesKey) -> None:
    command = explain_command(series, at=OPENED)

    assert command is not None
    called = command_line().parse_args(
        [*shlex.split(command)[1:2], "--config", "c.yaml", *shlex.split(command)[2:]]
    )
    assert (called.service, called.category or ALL) == series
    assert datetime.fromisoformat(called.at) == OPENED


@pytest.mark.parametrize("name", ["two\nlines", "<!channel>", "https://evil.example", "x" * 301, "\u202egnp"])
def test_no_command_is_offered_for_a_name_that_cannot_be_shown_as_it_is(name: str) -> None:
    assert explain_command(SeriesKey("payments", name), at=OPENED) is None


def test_only_what_is_open_offers_its_explanation() -> None:
    def shown(case: str) -> str:
        return json.dumps(render(CASES[case], language=Language.EN, zone=TOKYO).blocks)

    assert [case for case in CASES if "spikewatch explain" in shown(case)] == [
        case for case, told in CASES.items() if told.facts.phase is Phase.OPEN
    ]
