import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from rich.console import Console

from spikewatch.adapters.clock import ManualClock
from spikewatch.core.settings import Language
from spikewatch.sandbox.block_rules import wrong_blocks
from spikewatch.sandbox.chat import Chat, ChatMessage, Fault
from spikewatch.sandbox.screen import draw, markup

START = datetime(2026, 11, 20, 0, 45, tzinfo=UTC)
DIRECT = build_opener(ProxyHandler({}))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def chat(clock: ManualClock) -> Iterator[Chat]:
    with Chat(clock=clock, channels=("support", "payments")) as running:
        yield running


def call(
    chat: Chat, method: str, *, token: str = "xoxb-sandbox", **arguments: object
) -> tuple[int, Mapping[str, Any]]:
    request = Request(
        chat.url + method,
        data=json.dumps(arguments).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with DIRECT.open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, {**json.load(error), "retry_after": error.headers.get("Retry-After")}


def header(name: str, *, text: str = "Ticket surge") -> dict[str, Any]:
    return {"type": "header", "block_id": name, "text": {"type": "plain_text", "text": text}}


def test_it_says_who_the_bot_is(chat: Chat) -> None:
    status, body = call(chat, "auth.test")

    assert (status, body["ok"], body["bot_id"]) == (200, True, "B0BOT")


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-other", "invalid_auth")])
def test_only_its_own_token_opens_it(chat: Chat, token: str, error: str) -> None:
    assert call(chat, "auth.test", token=token)[1]["error"] == error


def test_a_message_is_kept_as_it_was_posted(chat: Chat) -> None:
    metadata = {"event_type": "spikewatch", "event_payload": {"key": "k"}}

    _, body = call(
        chat, "chat.postMessage", channel="#support", text="hello", blocks=[header("h")], metadata=metadata
    )

    [message] = chat.messages
    assert (message.channel, message.ts) == (body["channel"], body["ts"])
    assert (message.text, message.blocks, message.metadata) == ("hello", (header("h"),), metadata)
    assert message.posted_at == START


def test_messages_of_one_instant_have_different_names(chat: Chat) -> None:
    first = call(chat, "chat.postMessage", channel="support", text="a")[1]["ts"]
    second = call(chat, "chat.postMessage", channel="payments", text="b")[1]["ts"]

    assert first < second


def test_an_edit_replaces_text_and_blocks_and_keeps_metadata(chat: Chat, clock: ManualClock) -> None:
    metadata = {"event_type": "spikewatch", "event_payload": {"key": "k"}}
    _, body = call(
        chat, "chat.postMessage", channel="support", text="a", blocks=[header("h")], metadata=metadata
    )
    clock.advance(timedelta(minutes=1))

    call(chat, "chat.update", channel=body["channel"], ts=body["ts"], text="b")

    [message] = chat.messages
    assert (message.text, message.blocks, message.metadata) == ("b", (), metadata)
    assert message.edited_at == START + timedelta(minutes=1)
    assert chat.times_edited(message) == 1


def test_a_deleted_message_cannot_be_edited(chat: Chat) -> None:
    _, body = call(chat, "chat.postMessage", channel="support", text="a")
    chat.delete(chat.messages[0])

    _, answer = call(chat, "chat.update", channel=body["channel"], ts=body["ts"], text="b")

    assert answer["error"] == "message_not_found"


def test_history_is_newest_first_in_pages_since_an_instant_and_shows_metadata_only_when_asked(
    chat: Chat, clock: ManualClock
) -> None:
    metadata = {"event_type": "spikewatch", "event_payload": {"key": "k"}}
    for text in ("a", "b", "c"):
        call(chat, "chat.postMessage", channel="support", text=text, metadata=metadata)
        clock.advance(timedelta(minutes=1))
    oldest = str((START + timedelta(seconds=30)).timestamp())

    _, first = call(chat, "conversations.history", channel="C00000001", oldest=oldest, limit=1)
    cursor = first["response_metadata"]["next_cursor"]
    _, second = call(
        chat,
        "conversations.history",
        channel="C00000001",
        oldest=oldest,
        cursor=cursor,
        include_all_metadata=True,
    )

    assert [message["text"] for message in first["messages"]] == ["c"]
    assert "metadata" not in first["messages"][0]
    assert [message["text"] for message in second["messages"]] == ["b"]
    assert second["messages"][0]["metadata"] == metadata


@pytest.mark.parametrize("method", ["conversations.history", "chat.update"])
def test_reading_and_editing_take_an_id_and_no_name(chat: Chat, method: str) -> None:
    assert call(chat, method, channel="#support", ts="1.0", text="a")[1]["error"] == "channel_not_found"


def test_channels_are_listed_with_their_ids(chat: Chat) -> None:
    listed = call(chat, "conversations.list")[1]["channels"]

    assert [(channel["id"], channel["name"]) for channel in listed] == [
        ("C00000001", "support"),
        ("C00000002", "payments"),
    ]


def test_a_channel_that_is_gone_is_not_found(chat: Chat) -> None:
    chat.close_channel("#support")

    assert call(chat, "chat.postMessage", channel="#support", text="a")[1]["error"] == "channel_not_found"


def test_a_second_post_within_a_second_is_limited_until_the_second_is_over(
    chat: Chat, clock: ManualClock
) -> None:
    call(chat, "chat.postMessage", channel="support", text="a")

    limited = call(chat, "chat.postMessage", channel="support", text="b")
    elsewhere = call(chat, "chat.postMessage", channel="payments", text="c")
    clock.advance(timedelta(seconds=1))
    later = call(chat, "chat.postMessage", channel="support", text="d")

    assert (limited[0], limited[1]["error"], limited[1]["retry_after"]) == (429, "ratelimited", "1")
    assert (elsewhere[1]["ok"], later[1]["ok"]) == (True, True)


def test_long_texts_are_refused_and_edits_are_stricter(chat: Chat) -> None:
    _, body = call(chat, "chat.postMessage", channel="support", text="x" * 40_000)

    edit = call(chat, "chat.update", channel=body["channel"], ts=body["ts"], text="x" * 4_001)
    post = call(chat, "chat.postMessage", channel="payments", text="x" * 40_001)

    assert body["ok"]
    assert (edit[1]["error"], post[1]["error"]) == ("msg_too_long", "msg_too_long")


@pytest.mark.parametrize(
    ("blocks", "pointer"),
    [
        ([header(f"h{n}") for n in range(51)], "/blocks]"),
        ([header("same"), header("same")], "/blocks]"),
        ([header("h", text="x" * 151)], "/blocks/0/text/text]"),
        ([header("h", text="")], "/blocks/0/text/text]"),
        ([{"type": "header", "block_id": "h", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/text]"),
        ([{"type": "section", "block_id": "s"}], "/blocks/0]"),
        (
            [{"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "x" * 3_001}}],
            "/blocks/0/text/text]",
        ),
        (
            [{"type": "section", "block_id": "s", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
            "/blocks/0/fields]",
        ),
        (
            [{"type": "section", "block_id": "s", "fields": [{"type": "mrkdwn", "text": "x" * 2_001}]}],
            "/blocks/0/fields/0/text]",
        ),
        ([{"type": "context", "block_id": "c", "elements": []}], "/blocks/0/elements]"),
        (
            [{"type": "table", "block_id": "t", "rows": [[{"type": "raw_text", "text": ""}]]}],
            "/blocks/0/rows]",
        ),
        (
            [{"type": "table", "block_id": n, "rows": [[{"type": "raw_text", "text": "x"}]]} for n in "ab"],
            "/blocks]",
        ),
        ([{"type": "alert", "block_id": "a"}], "/blocks/0/type]"),
        ([{"type": "divider", "block_id": "d" * 256}], "/blocks/0/block_id]"),
    ],
)
def test_blocks_that_slack_refuses_are_refused_with_a_pointer(
    chat: Chat, blocks: list[dict[str, Any]], pointer: str
) -> None:
    _, body = call(chat, "chat.postMessage", channel="support", text="a", blocks=blocks)

    assert body["error"] == "invalid_blocks"
    assert body["errors"][0].endswith(pointer)
    assert chat.messages == ()


def test_blocks_at_their_limits_are_taken() -> None:
    blocks = [header(f"h{n}", text="x" * 150) for n in range(50)]

    assert list(wrong_blocks(blocks)) == []


def test_blocks_that_are_too_much_together_are_refused(chat: Chat) -> None:
    sections = [
        {"type": "section", "block_id": f"s{n}", "text": {"type": "mrkdwn", "text": "x" * 3_000}}
        for n in range(5)
    ]

    assert (
        call(chat, "chat.postMessage", channel="support", text="a", blocks=sections)[1]["error"]
        == "msg_blocks_too_long"
    )


def test_metadata_of_another_shape_is_refused(chat: Chat) -> None:
    _, body = call(chat, "chat.postMessage", channel="support", text="a", metadata={"key": "k"})

    assert body["error"] == "invalid_metadata_format"


def test_nothing_to_say_is_refused(chat: Chat) -> None:
    assert call(chat, "chat.postMessage", channel="support")[1]["error"] == "no_text"


def test_an_unknown_method_is_said_to_be_unknown(chat: Chat) -> None:
    assert call(chat, "chat.dance")[1]["error"] == "unknown_method"


def test_faults_are_met_one_call_each_and_then_all_is_well(chat: Chat) -> None:
    chat.fail("auth.test", Fault(status=503, body='{"ok": false}'), Fault(status=500, body='{"ok": false}'))

    assert [call(chat, "auth.test")[0] for _ in range(3)] == [503, 500, 200]


def test_a_connection_dropped_after_the_work_leaves_the_message(chat: Chat) -> None:
    chat.fail("chat.postMessage", Fault(drop_after=True))

    with pytest.raises(OSError, match="closed connection"):
        call(chat, "chat.postMessage", channel="support", text="a")

    assert [message.text for message in chat.messages] == ["a"]


def test_a_connection_dropped_before_the_work_leaves_nothing(chat: Chat) -> None:
    chat.fail("chat.postMessage", Fault(drop_before=True))

    with pytest.raises(OSError, match="closed connection"):
        call(chat, "chat.postMessage", channel="support", text="a")

    assert chat.messages == ()


def test_whoever_looks_on_is_told_of_every_change(clock: ManualClock) -> None:
    seen: list[str] = []
    all_seen = Event()

    def look(message: ChatMessage) -> None:
        seen.append(message.text)
        if len(seen) == 2:
            all_seen.set()

    with Chat(clock=clock, on_change=look) as chat:
        _, body = call(chat, "chat.postMessage", channel="support", text="a")
        call(chat, "chat.update", channel=body["channel"], ts=body["ts"], text="b")

        assert all_seen.wait(5)
    assert seen == ["a", "b"]


def test_every_request_is_noted(chat: Chat) -> None:
    call(chat, "chat.postMessage", channel="support", text="a")

    assert [(noted.method, noted.arguments["text"]) for noted in chat.calls] == [("chat.postMessage", "a")]


def drawn(message: ChatMessage, *, edited: int = 0) -> str:
    with open("/dev/null", "w", encoding="utf-8") as nowhere:  # noqa: PTH123 -- rich wants an open file
        console = Console(record=True, width=100, file=nowhere)
        console.print(draw(message, edited=edited, language=Language.EN))
        return console.export_text()


def test_the_screen_draws_header_fields_table_and_context_within_its_width() -> None:
    blocks = (
        header("h", text="問い合わせ急増: 決済"),
        {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": ":red_circle: *42件*"}},
        {"type": "section", "block_id": "f", "fields": [{"type": "mrkdwn", "text": "*状態*\n発生中"}]},
        {"type": "table", "block_id": "t", "rows": [[{"text": "カテゴリ"}], [{"text": "ログイン" * 40}]]},
        {"type": "divider", "block_id": "d"},
        {"type": "image", "block_id": "i"},
        {"type": "context", "block_id": "c", "elements": [{"type": "plain_text", "text": "INC-7"}]},
    )
    message = ChatMessage("C1", "support", "1.0", "text", blocks, None, START)

    shown = drawn(message, edited=2)

    assert all(
        part in shown
        for part in ("#support", "問い合わせ急増: 決済", "🔴 42件", "発生中", "カテゴリ", "[image]", "INC-7")
    )
    assert "edited 2 times" in shown


def test_the_screen_draws_a_message_without_blocks_by_its_text() -> None:
    message = ChatMessage("C1", "support", "1.0", "R&amp;D is &lt;fine&gt;", (), None, START)

    assert "R&D is <fine>" in drawn(message)


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("<!date^0^{time}|09:45 JST>", "09:45 JST"),
        ("<https://a.example/x|Runbook>", "Runbook"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("<!subteam^S1> <@U1> <!here>", "@S1 @U1 @here"),
        (":large_orange_circle: *a* `b` &amp;", "🟠 a b &"),
    ],
)
def test_the_screen_resolves_markup(written: str, seen: str) -> None:
    assert markup(written).plain == seen
