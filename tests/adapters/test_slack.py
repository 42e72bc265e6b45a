from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.adapters.slack.settings import SlackSettings
from spikewatch.core.outbox import Receipt
from spikewatch.core.wording import Message
from spikewatch.ports import (
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    MessageGone,
    OutcomeUnknown,
    PortError,
    Unavailable,
)
from spikewatch.sandbox.chat import Chat, Fault

START = datetime(2026, 11, 20, 0, 45, tzinfo=UTC)
HELLO = Message("hello", blocks=({"type": "divider", "block_id": "d"},))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def chat(clock: ManualClock) -> Iterator[Chat]:
    with Chat(clock=clock, channels=("support", "payments")) as running:
        yield running


@pytest.fixture
def slack(chat: Chat) -> SlackMessenger:
    return messenger(chat)


def messenger(chat: Chat, *, mention: str | None = None, timeout_s: int = 10) -> SlackMessenger:
    return SlackMessenger(token="xoxb-sandbox", url=chat.url, mention=mention, timeout_s=timeout_s)


def says(error: str, *, status: int = 200) -> Fault:
    return Fault(status=status, body=f'{{"ok": false, "error": "{error}"}}')


def test_a_post_carries_its_key_and_lets_slack_guess_nothing(chat: Chat, slack: SlackMessenger) -> None:
    slack.post(HELLO, channel="#support", key="k")

    sent = chat.calls[0].arguments
    assert sent["metadata"] == {"event_type": "spikewatch", "event_payload": {"key": "k"}}
    assert (sent["parse"], sent["link_names"], sent["unfurl_links"], sent["unfurl_media"]) == (
        "none",
        False,
        False,
        False,
    )


def test_an_edit_sends_everything_and_lets_slack_guess_nothing(chat: Chat, slack: SlackMessenger) -> None:
    receipt = slack.post(HELLO, channel="#support", key="k")

    slack.edit(receipt, Message("text only"))

    sent = chat.calls[-1].arguments
    assert (sent["text"], sent["blocks"], sent["parse"], sent["link_names"]) == (
        "text only",
        [],
        "none",
        False,
    )
    assert chat.messages[0].metadata is not None


FAILURES = [
    (says("ratelimited", status=429), Unavailable, "rate_limited"),
    (says("rate_limited"), Unavailable, "rate_limited"),
    (says("message_limit_exceeded"), Unavailable, "rate_limited"),
    (says("internal_error"), OutcomeUnknown, "unknown"),
    (says("fatal_error"), OutcomeUnknown, "unknown"),
    (says("request_timeout"), OutcomeUnknown, "unknown"),
    (says("invalid_auth", status=500), OutcomeUnknown, "unknown"),
    (Fault(status=502, body="<html>bad gateway</html>"), OutcomeUnknown, "unknown"),
    (Fault(status=503, body=""), OutcomeUnknown, "unknown"),
    (
        Fault(body="<html>please log in</html>", headers={"Content-Type": "text/html"}),
        OutcomeUnknown,
        "unknown",
    ),
    (Fault(body=""), OutcomeUnknown, "unknown"),
    (Fault(body="[1, 2]"), OutcomeUnknown, "unknown"),
    (Fault(body='"ok"'), OutcomeUnknown, "unknown"),
    (Fault(body='{"ok": true}'), OutcomeUnknown, "unknown"),
    (Fault(body='{"ok": true', headers={"Content-Length": "100"}), OutcomeUnknown, "unknown"),
    (Fault(drop_before=True), OutcomeUnknown, "unknown"),
    (Fault(drop_after=True), OutcomeUnknown, "unknown"),
    (says("invalid_auth"), CredentialsRefused, "auth"),
    (says("token_revoked"), CredentialsRefused, "auth"),
    (says("missing_scope"), CredentialsRefused, "auth"),
    (says("not_in_channel"), ChannelRefused, "channel"),
    (says("is_archived"), ChannelRefused, "channel"),
    (says("restricted_action_read_only_channel"), ChannelRefused, "channel"),
    (says("ekm_access_denied"), ChannelRefused, "channel"),
    (says("invalid_blocks"), ContentRefused, "content"),
    (says("msg_too_long"), ContentRefused, "content"),
    (says("something_new"), ContentRefused, "content"),
]


@pytest.mark.parametrize(("fault", "kind", "reason"), FAILURES)
def test_a_failed_post_is_translated(
    chat: Chat, slack: SlackMessenger, fault: Fault, kind: type[PortError], reason: str
) -> None:
    chat.fail("chat.postMessage", fault)

    with pytest.raises(kind) as caught:
        slack.post(HELLO, channel="#support", key="k")

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (says("internal_error"), Unavailable),
        (Fault(status=504, body=""), Unavailable),
        (Fault(drop_after=True), Unavailable),
        (says("ratelimited", status=429), Unavailable),
        (says("message_not_found"), MessageGone),
        (says("cant_update_message"), MessageGone),
        (says("edit_window_closed"), MessageGone),
        (says("is_inactive"), MessageGone),
        (says("block_mismatch"), ContentRefused),
        (says("token_expired"), CredentialsRefused),
    ],
)
def test_a_failed_edit_is_translated_and_never_of_unknown_outcome(
    chat: Chat, slack: SlackMessenger, fault: Fault, kind: type[PortError]
) -> None:
    receipt = slack.post(HELLO, channel="#support", key="k")
    chat.fail("chat.update", fault)

    with pytest.raises(kind):
        slack.edit(receipt, HELLO)


@pytest.mark.parametrize(
    ("stated", "wish"),
    [
        ("30", timedelta(seconds=30)),
        ("1.5", timedelta(seconds=1.5)),
        ("0", timedelta(0)),
        ("", None),
        ("soon", None),
        ("inf", None),
    ],
)
def test_any_retry_after_is_understood(
    chat: Chat, slack: SlackMessenger, stated: str, wish: timedelta | None
) -> None:
    chat.fail(
        "chat.postMessage", Fault(429, {"Retry-After": stated}, '{"ok": false, "error": "ratelimited"}')
    )

    with pytest.raises(Unavailable) as caught:
        slack.post(HELLO, channel="#support", key="k")

    assert caught.value.retry_after == wish


def test_slack_being_down_means_that_nothing_was_sent(clock: ManualClock) -> None:
    with Chat(clock=clock) as chat:
        slack = messenger(chat)

    with pytest.raises(Unavailable) as caught:
        slack.post(HELLO, channel="#support", key="k")

    assert caught.value.reason == "connect"


def test_silence_after_a_post_leaves_its_outcome_unknown(chat: Chat) -> None:
    chat.fail("chat.postMessage", Fault(delay_s=30))
    hasty = messenger(chat, timeout_s=1)

    with pytest.raises(OutcomeUnknown, match="in time"):
        hasty.post(HELLO, channel="#support", key="k")


def test_silence_after_an_edit_is_a_timeout(chat: Chat) -> None:
    hasty = messenger(chat, timeout_s=1)
    receipt = hasty.post(HELLO, channel="#support", key="k")
    chat.fail("chat.update", Fault(delay_s=30))

    with pytest.raises(Unavailable) as caught:
        hasty.edit(receipt, HELLO)

    assert caught.value.reason == "timeout"


def test_a_refusal_names_the_block_that_was_refused(slack: SlackMessenger) -> None:
    with pytest.raises(ContentRefused, match=r"invalid_blocks: unsupported type: alert .*/blocks/0/type"):
        slack.post(Message("a", blocks=({"type": "alert", "block_id": "a"},)), channel="#support", key="k")


def test_a_lost_message_is_found_on_a_later_page_of_a_busy_channel(
    slack: SlackMessenger, clock: ManualClock
) -> None:
    lost = slack.post(HELLO, channel="#support", key="wanted")
    for number in range(250):
        clock.advance(timedelta(seconds=1))
        slack.post(HELLO, channel="#support", key=str(number))

    assert slack.find(channel="#support", key="wanted", since=START) == lost


def test_of_several_copies_the_oldest_is_found(slack: SlackMessenger, clock: ManualClock) -> None:
    first = slack.post(HELLO, channel="#support", key="k")
    clock.advance(timedelta(seconds=2))
    slack.post(HELLO, channel="#support", key="k")

    assert slack.find(channel="#support", key="k", since=START) == first


def test_a_clock_that_is_ahead_of_slacks_by_minutes_still_finds_the_message(slack: SlackMessenger) -> None:
    lost = slack.post(HELLO, channel="#support", key="k")

    assert slack.find(channel="#support", key="k", since=START + timedelta(minutes=4)) == lost


@pytest.mark.parametrize("channel", ["#support", "support", "C00000001"])
def test_a_channel_is_found_by_its_name_and_by_its_id(slack: SlackMessenger, channel: str) -> None:
    posted = slack.post(HELLO, channel=channel, key="k")

    assert slack.find(channel=channel, key="k", since=START) == posted


@pytest.mark.parametrize("error", ["missing_scope", "not_in_channel", "channel_not_found"])
def test_a_history_that_may_not_be_read_is_a_refusal_of_the_channel(
    chat: Chat, slack: SlackMessenger, error: str
) -> None:
    chat.fail("conversations.history", says(error))

    with pytest.raises(ChannelRefused):
        slack.find(channel="#support", key="k", since=START)


def test_looking_in_a_channel_that_nobody_knows_is_a_refusal_of_the_channel(slack: SlackMessenger) -> None:
    with pytest.raises(ChannelRefused, match="invite it there"):
        slack.find(channel="#nowhere", key="k", since=START)


@pytest.mark.parametrize(
    "fault", [Fault(drop_before=True), says("internal_error"), Fault(status=503, body="")]
)
def test_a_look_that_fails_may_work_later(chat: Chat, slack: SlackMessenger, fault: Fault) -> None:
    chat.fail("conversations.history", fault)

    with pytest.raises(Unavailable):
        slack.find(channel="#support", key="k", since=START)


@pytest.mark.parametrize(
    ("mention", "markup"),
    [("here", "<!here>"), ("S0ONCALL", "<!subteam^S0ONCALL>"), ("U0TANAKA", "<@U0TANAKA>")],
)
def test_an_urgent_post_calls_people_and_its_edit_does_not(chat: Chat, mention: str, markup: str) -> None:
    calling = messenger(chat, mention=mention)
    urgent = Message("hello", blocks=HELLO.blocks, urgent=True)

    receipt = calling.post(urgent, channel="#support", key="k")
    posted = chat.messages[0].blocks
    calling.edit(receipt, urgent)

    assert posted[-1]["text"]["text"] == markup
    assert chat.messages[0].blocks == HELLO.blocks


def test_an_urgent_post_of_text_alone_calls_people_in_its_text(chat: Chat) -> None:
    messenger(chat, mention="here").post(Message("hello", urgent=True), channel="#support", key="k")

    assert chat.messages[0].text == "hello <!here>"


def test_what_is_not_urgent_calls_nobody(chat: Chat) -> None:
    messenger(chat, mention="here").post(HELLO, channel="#support", key="k")

    assert chat.messages[0].blocks == HELLO.blocks


def test_a_proxy_in_the_environment_is_not_used_for_this_machine(
    chat: Chat, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Chat(clock=clock) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)

        messenger(chat).post(HELLO, channel="#support", key="k")

        assert (len(chat.messages), len(proxy.calls)) == (1, 0)


def test_a_message_never_names_the_token(slack: SlackMessenger) -> None:
    with pytest.raises(PortError) as caught:
        slack.edit(Receipt("C00000001", "1.0"), HELLO)

    assert "xoxb" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://slack.example.com/api/", "ftp://127.0.0.1/", "nonsense"])
def test_an_address_that_would_expose_the_token_is_a_mistake(url: str) -> None:
    with pytest.raises(ValidationError, match="https://"):
        SlackSettings(channel="#support", url=url)


def test_the_sandboxs_address_is_taken_and_ends_with_a_slash() -> None:
    assert (
        SlackSettings(channel="#support", url="http://127.0.0.1:8080/api").url == "http://127.0.0.1:8080/api/"
    )


def test_a_mention_that_slack_does_not_know_is_a_mistake() -> None:
    with pytest.raises(ValidationError):
        SlackSettings(channel="#support", mention="@tanaka")
