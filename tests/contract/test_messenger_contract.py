"""What every messenger does, whatever is behind it; what one cannot do it says, and refuses in the same way as any other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.alertmanager.messenger import AlertmanagerMessenger
from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.mail.messenger import MailMessenger
from spikewatch.adapters.mail.settings import Encryption
from spikewatch.adapters.memory import MemoryMessenger
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.adapters.webhook.messenger import WebhookMessenger
from spikewatch.core.outbox import Receipt
from spikewatch.core.settings import Language
from spikewatch.core.wording import Message, Source
from spikewatch.ports import Abilities, MessageGone, Messenger
from spikewatch.sandbox.chat import Chat
from tests.factories import notice
from tests.receiving import HttpDesk, SmtpDesk, spoken

START = datetime(2026, 11, 20, 0, 45, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")


@dataclass
class Desk:
    """A messenger, a look at what its channel shows, and a person who deletes messages there where that is possible."""

    messenger: Messenger
    texts: Callable[[], list[str]]
    thread: Callable[[Receipt], list[str]]
    clock: ManualClock
    remove: Callable[[Receipt], None] = lambda _: None


@contextmanager
def memory(clock: ManualClock, abilities: Abilities | None = None) -> Iterator[Desk]:
    kept = MemoryMessenger(abilities=abilities or Abilities())
    yield Desk(
        kept,
        lambda: [posted.message.text for posted in kept.messages("#support")],
        lambda root: [posted.message.text for posted in kept.replies(root)],
        clock,
        kept.remove,
    )


@contextmanager
def slack(clock: ManualClock) -> Iterator[Desk]:
    with Chat(clock=clock) as chat:

        def remove(receipt: Receipt) -> None:
            [message] = [each for each in chat.messages if each.ts == receipt.message]
            chat.delete(message)

        def thread(root: Receipt) -> list[str]:
            return [each.text for each in chat.messages if each.thread_ts == root.message]

        messenger = SlackMessenger(token="xoxb-sandbox", url=chat.url)
        yield Desk(messenger, lambda: [message.text for message in chat.roots], thread, clock, remove)


@contextmanager
def webhook(clock: ManualClock) -> Iterator[Desk]:
    with HttpDesk() as server:

        def texts() -> list[str]:
            newest = {each.json["incident"]["id"]: each.json["text"] for each in server.requests}
            return list(newest.values())

        yield Desk(WebhookMessenger(name="hook", url=server.url, clock=clock), texts, lambda _: [], clock)


@contextmanager
def alertmanager(clock: ManualClock) -> Iterator[Desk]:
    with HttpDesk() as server:

        def texts() -> list[str]:
            posted = [alert for each in server.requests for alert in each.json]
            newest = {each["labels"]["incident"]: each["annotations"]["description"] for each in posted}
            return list(newest.values())

        messenger = AlertmanagerMessenger(name="pager", url=server.url, clock=clock)
        yield Desk(messenger, texts, lambda _: [], clock)


@contextmanager
def mail(clock: ManualClock) -> Iterator[Desk]:
    with SmtpDesk() as server:
        messenger = MailMessenger(
            name="team",
            host="127.0.0.1",
            port=server.port,
            sender="spikewatch@example.com",
            to=["oncall@example.com"],
            clock=clock,
            encryption=Encryption.NONE,
        )

        def thread(root: Receipt) -> list[str]:
            first = root.message.split(" ")[0]
            return [spoken(each) for each in server.mails if each["In-Reply-To"] == first]

        yield Desk(
            messenger,
            lambda: [spoken(each) for each in server.mails if each["In-Reply-To"] is None],
            thread,
            clock,
        )


MAKERS = {
    "memory": memory,
    "memory without anything": lambda clock: memory(
        clock, Abilities(edits=False, replies=False, finds=False)
    ),
    "slack": slack,
    "webhook": webhook,
    "alertmanager": alertmanager,
    "mail": mail,
}


EDITS = ["memory", "slack", "webhook", "alertmanager"]
REPLIES = ["memory", "slack", "mail"]
FINDS = ["memory", "slack"]


@pytest.fixture(params=list(MAKERS))
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with MAKERS[request.param](ManualClock(START)) as made:
        yield made


def message(text: str, *, key: str) -> Message:
    """A message about an incident of its own."""
    return Message(text, source=Source(notice(key=key, incident=key), Language.EN, TOKYO))


def post(desk: Desk, text: str, *, key: str) -> Receipt:
    receipt = desk.messenger.post(message(text, key=key), channel="#support", key=key)
    desk.clock.advance(timedelta(seconds=2))
    return receipt


def test_a_messenger_has_a_name(desk: Desk) -> None:
    assert desk.messenger.name


def test_what_is_posted_stands_in_the_channel(desk: Desk) -> None:
    post(desk, "hello", key="k")

    assert desk.texts() == ["hello"]


def test_two_posts_are_two_messages_with_receipts_of_their_own(desk: Desk) -> None:
    first, second = post(desk, "a", key="1"), post(desk, "b", key="2")

    assert first != second
    assert desk.texts() == ["a", "b"]


@pytest.mark.parametrize("desk", EDITS, indirect=True)
def test_an_edit_changes_its_message_in_place_and_may_be_repeated(desk: Desk) -> None:
    first = post(desk, "a", key="1")
    post(desk, "b", key="2")

    desk.messenger.edit(first, message("changed", key="1"))
    desk.messenger.edit(first, message("changed", key="1"))

    assert desk.texts() == ["changed", "b"]


@pytest.mark.parametrize("desk", FINDS, indirect=True)
def test_a_message_is_found_by_its_key_even_after_an_edit(desk: Desk) -> None:
    posted = post(desk, "a", key="1")
    post(desk, "b", key="2")
    desk.messenger.edit(posted, message("changed", key="1"))

    assert desk.messenger.find(channel="#support", key="1", since=START) == posted


def test_a_key_that_was_never_posted_is_not_found(desk: Desk) -> None:
    post(desk, "a", key="1")

    assert desk.messenger.find(channel="#support", key="2", since=START) is None


@pytest.mark.parametrize("desk", FINDS, indirect=True)
def test_a_message_that_a_person_deleted_is_not_found_and_cannot_be_edited(desk: Desk) -> None:
    posted = post(desk, "a", key="1")
    desk.remove(posted)

    assert desk.messenger.find(channel="#support", key="1", since=START) is None
    with pytest.raises(MessageGone):
        desk.messenger.edit(posted, message("changed", key="1"))


def reply(desk: Desk, root: Receipt, text: str, *, key: str) -> Receipt:
    receipt = desk.messenger.reply(root, message(text, key=key), key=key)
    desk.clock.advance(timedelta(seconds=2))
    return receipt


@pytest.mark.parametrize("desk", REPLIES, indirect=True)
def test_replies_stand_below_their_message_in_order_and_not_beside_it(desk: Desk) -> None:
    root, other = post(desk, "a", key="1"), post(desk, "b", key="2")

    reply(desk, root, "first", key="3")
    reply(desk, root, "second", key="4")

    assert (desk.thread(root), desk.thread(other)) == (["first", "second"], [])
    assert desk.texts() == ["a", "b"]


@pytest.mark.parametrize("desk", FINDS, indirect=True)
def test_a_reply_is_found_by_its_key_below_its_message_alone(desk: Desk) -> None:
    root, other = post(desk, "a", key="1"), post(desk, "b", key="2")
    replied = reply(desk, root, "first", key="3")

    found = [
        desk.messenger.find(channel="#support", key=key, since=START, root=below)
        for key, below in (("3", root), ("3", other), ("4", root), ("3", None))
    ]

    assert found == [replied, None, None, None]


@pytest.mark.parametrize("desk", FINDS, indirect=True)
def test_nothing_can_be_said_below_a_message_that_a_person_deleted(desk: Desk) -> None:
    root = post(desk, "a", key="1")
    desk.remove(root)

    with pytest.raises(MessageGone):
        desk.messenger.reply(root, message("late", key="2"), key="2")


def test_what_a_messenger_says_it_cannot_do_it_refuses_as_the_port_says(desk: Desk) -> None:
    root, able = post(desk, "a", key="1"), desk.messenger.abilities

    if not able.edits:
        with pytest.raises(MessageGone):
            desk.messenger.edit(root, message("changed", key="1"))
    if not able.replies:
        with pytest.raises(MessageGone):
            desk.messenger.reply(root, message("more", key="2"), key="2")
    if not able.finds:
        assert desk.messenger.find(channel="#support", key="1", since=START) is None

    assert desk.texts() == ["a"]


@pytest.mark.parametrize("desk", ["webhook", "alertmanager", "mail"], indirect=True)
def test_what_is_sent_twice_under_one_key_is_the_same_where_nobody_can_look(desk: Desk) -> None:
    first, second = post(desk, "a", key="1"), post(desk, "a", key="1")

    assert first == second


@pytest.mark.parametrize("able", [EDITS, REPLIES, FINDS])
def test_the_lists_above_are_what_the_messengers_say(able: list[str]) -> None:
    ability = {id(EDITS): "edits", id(REPLIES): "replies", id(FINDS): "finds"}[id(able)]
    said = set()
    for name, make in MAKERS.items():
        with make(ManualClock(START)) as made:
            said |= {name} if getattr(made.messenger.abilities, ability) else set()

    assert said == set(able)
