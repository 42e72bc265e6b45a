"""What every messenger does, whatever is behind it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMessenger
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.core.outbox import Receipt
from spikewatch.core.wording import Message
from spikewatch.ports import MessageGone, Messenger
from spikewatch.sandbox.chat import Chat

START = datetime(2026, 11, 20, 0, 45, tzinfo=UTC)


@dataclass
class Desk:
    """A messenger, a look at what its channel shows, and a person who deletes messages there."""

    messenger: Messenger
    texts: Callable[[], list[str]]
    thread: Callable[[Receipt], list[str]]
    remove: Callable[[Receipt], None]
    clock: ManualClock


@pytest.fixture(params=["memory", "slack"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    clock = ManualClock(START)
    if request.param == "memory":
        memory = MemoryMessenger()
        yield Desk(
            memory,
            lambda: [posted.message.text for posted in memory.messages("#support")],
            lambda root: [posted.message.text for posted in memory.replies(root)],
            memory.remove,
            clock,
        )
        return
    with Chat(clock=clock) as chat:
        slack = SlackMessenger(token="xoxb-sandbox", url=chat.url)

        def remove(receipt: Receipt) -> None:
            [message] = [each for each in chat.messages if each.ts == receipt.message]
            chat.delete(message)

        def thread(root: Receipt) -> list[str]:
            return [each.text for each in chat.messages if each.thread_ts == root.message]

        yield Desk(slack, lambda: [message.text for message in chat.roots], thread, remove, clock)


def post(desk: Desk, text: str, *, key: str) -> Receipt:
    receipt = desk.messenger.post(Message(text), channel="#support", key=key)
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


def test_an_edit_changes_its_message_in_place_and_may_be_repeated(desk: Desk) -> None:
    first = post(desk, "a", key="1")
    post(desk, "b", key="2")

    desk.messenger.edit(first, Message("changed"))
    desk.messenger.edit(first, Message("changed"))

    assert desk.texts() == ["changed", "b"]


def test_a_message_is_found_by_its_key_even_after_an_edit(desk: Desk) -> None:
    posted = post(desk, "a", key="1")
    post(desk, "b", key="2")
    desk.messenger.edit(posted, Message("changed"))

    assert desk.messenger.find(channel="#support", key="1", since=START) == posted


def test_a_key_that_was_never_posted_is_not_found(desk: Desk) -> None:
    post(desk, "a", key="1")

    assert desk.messenger.find(channel="#support", key="2", since=START) is None


def test_a_message_that_a_person_deleted_is_not_found_and_cannot_be_edited(desk: Desk) -> None:
    posted = post(desk, "a", key="1")
    desk.remove(posted)

    assert desk.messenger.find(channel="#support", key="1", since=START) is None
    with pytest.raises(MessageGone):
        desk.messenger.edit(posted, Message("changed"))


def reply(desk: Desk, root: Receipt, text: str, *, key: str) -> Receipt:
    receipt = desk.messenger.reply(root, Message(text), key=key)
    desk.clock.advance(timedelta(seconds=2))
    return receipt


def test_replies_stand_below_their_message_in_order_and_not_beside_it(desk: Desk) -> None:
    root, other = post(desk, "a", key="1"), post(desk, "b", key="2")

    reply(desk, root, "first", key="3")
    reply(desk, root, "second", key="4")

    assert (desk.thread(root), desk.thread(other)) == (["first", "second"], [])
    assert desk.texts() == ["a", "b"]


def test_a_reply_is_found_by_its_key_below_its_message_alone(desk: Desk) -> None:
    root, other = post(desk, "a", key="1"), post(desk, "b", key="2")
    replied = reply(desk, root, "first", key="3")

    found = [
        desk.messenger.find(channel="#support", key=key, since=START, root=below)
        for key, below in (("3", root), ("3", other), ("4", root), ("3", None))
    ]

    assert found == [replied, None, None, None]


def test_nothing_can_be_said_below_a_message_that_a_person_deleted(desk: Desk) -> None:
    root = post(desk, "a", key="1")
    desk.remove(root)

    with pytest.raises(MessageGone):
        desk.messenger.reply(root, Message("late"), key="2")
