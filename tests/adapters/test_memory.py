from datetime import UTC, datetime, timedelta

import pytest

from spikewatch.adapters.memory import MemoryMessenger, MemoryMeter, MemorySource, MemoryStore, Noted, Posted
from spikewatch.core.outbox import Receipt
from spikewatch.core.wording import Message
from spikewatch.ports import (
    CursorRefused,
    MessageGone,
    Messenger,
    Meter,
    OutcomeUnknown,
    Page,
    PageOutcome,
    Position,
    Source,
    Store,
    Unavailable,
)

T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
FIRST = Page((), "1", caught_up=False)
SECOND = Page((), "2", caught_up=True, watermark=T0)
HELLO, BYE = Message("hello"), Message("bye")


def at(cursor: str | None) -> Position:
    return Position(cursor, T0)


def test_the_memory_adapters_are_what_the_ports_ask_for() -> None:
    store: Store = MemoryStore(step=timedelta(minutes=5))
    source: Source = MemorySource(name="shop")
    messenger: Messenger = MemoryMessenger(name="chat")
    meter: Meter = MemoryMeter()

    assert (source.name, messenger.name) == ("shop", "chat")
    store.close()
    meter.refit(seconds=1.0)


def test_a_memory_store_refuses_a_step_that_does_not_divide_an_hour() -> None:
    with pytest.raises(ValueError, match="does not divide an hour"):
        MemoryStore(step=timedelta(minutes=7))


# -- source


def test_a_source_reads_its_script_page_by_page() -> None:
    source = MemorySource([FIRST, SECOND])

    pages = [source.fetch_page(at(None)), source.fetch_page(at("1"))]

    assert pages == [FIRST, SECOND]
    assert source.positions == [at(None), at("1")]


def test_a_page_that_was_not_kept_is_read_again() -> None:
    source = MemorySource([FIRST, SECOND])
    source.fetch_page(at("1"))

    again = source.fetch_page(at("1"))

    assert again is SECOND


def test_after_the_script_there_is_nothing_new_until_more_is_added() -> None:
    source = MemorySource([SECOND])
    third = Page((), "3", caught_up=True)

    idle = source.fetch_page(at("2"))
    source.add(third)

    assert idle == Page((), "2", caught_up=True, watermark=T0)
    assert source.fetch_page(at("2")) is third


def test_a_source_without_a_script_is_caught_up_at_once() -> None:
    source = MemorySource()

    idle = source.fetch_page(at(None))
    source.add(FIRST)

    assert idle == Page((), "", caught_up=True)
    assert source.fetch_page(at(idle.cursor)) is FIRST


def test_an_error_in_the_script_is_raised_once_and_then_reading_goes_on() -> None:
    source = MemorySource([FIRST, Unavailable("away"), SECOND])

    with pytest.raises(Unavailable, match="away"):
        source.fetch_page(at("1"))

    assert source.fetch_page(at("1")) is SECOND


def test_a_cursor_that_the_source_never_gave_is_refused() -> None:
    source = MemorySource([FIRST])

    with pytest.raises(CursorRefused, match="'9'"):
        source.fetch_page(at("9"))


# -- messenger


def test_a_posted_message_stands_in_its_channel_and_is_found_by_its_key() -> None:
    messenger = MemoryMessenger()

    receipt = messenger.post(HELLO, channel="#a", key="k")

    assert list(messenger.messages("#a")) == [Posted(receipt, "k", HELLO)]
    assert list(messenger.messages("#b")) == []
    assert messenger.find(channel="#a", key="k", since=T0) == receipt
    assert messenger.find(channel="#b", key="k", since=T0) is None
    assert messenger.find(channel="#a", key="other", since=T0) is None


def test_an_edit_replaces_the_message_in_place() -> None:
    messenger = MemoryMessenger()
    receipt = messenger.post(HELLO, channel="#a", key="k")
    messenger.post(HELLO, channel="#a", key="l")

    messenger.edit(receipt, BYE)

    assert [posted.message for posted in messenger.messages("#a")] == [BYE, HELLO]
    assert messenger.messages("#a")[0].edits == 1


def test_a_message_that_a_person_deleted_is_gone() -> None:
    messenger = MemoryMessenger()
    receipt = messenger.post(HELLO, channel="#a", key="k")
    messenger.remove(receipt)

    with pytest.raises(MessageGone):
        messenger.edit(receipt, BYE)

    assert messenger.find(channel="#a", key="k", since=T0) is None


def test_a_messenger_fails_as_it_was_told_one_call_at_a_time() -> None:
    messenger = MemoryMessenger()
    messenger.fail_next(Unavailable("one"), Unavailable("two"))

    with pytest.raises(Unavailable, match="one"):
        messenger.post(HELLO, channel="#a", key="k")
    with pytest.raises(Unavailable, match="two"):
        messenger.find(channel="#a", key="k", since=T0)

    assert messenger.post(HELLO, channel="#a", key="k") == Receipt("#a", "1")


def test_an_answer_may_get_lost_after_the_work_was_done() -> None:
    messenger = MemoryMessenger()
    messenger.fail_next(OutcomeUnknown("lost"), done=True)

    with pytest.raises(OutcomeUnknown):
        messenger.post(HELLO, channel="#a", key="k")

    assert messenger.find(channel="#a", key="k", since=T0) == Receipt("#a", "1")


# -- meter


def test_a_meter_keeps_its_calls_in_order() -> None:
    meter = MemoryMeter()
    outcome = PageOutcome(added=1)

    meter.poll("desk", seconds=0.5, tickets=1, outcome=outcome)
    meter.poll_failed("desk", seconds=0.1, reason="timeout")
    meter.dropped("#a")

    assert [note.event for note in meter.notes] == ["poll", "poll_failed", "dropped"]
    assert meter.notes[2] == Noted("dropped", {"channel": "#a"})
    assert list(meter.of("poll")) == [{"source": "desk", "seconds": 0.5, "tickets": 1, "outcome": outcome}]
