"""What is said in the thread below a living message: in order, once, and only what the message did not say."""

from datetime import timedelta
from typing import Any

import pytest

from spikewatch.core.counts import SeriesKey
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import Stage
from spikewatch.ports import ChannelRefused, OutcomeUnknown, Unavailable
from tests.factories import OPENED, notice, reading
from tests.test_delivery import World

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> World:
    return World()


def raised(revision: int = 2, **changes: Any) -> Notice:  # noqa: ANN401 -- any field of Facts
    return notice(Reason.RAISED, severity=Severity.CRITICAL, revision=revision, **changes)


def joined(category: str, revision: int) -> Notice:
    return notice(Reason.JOINED, joined=(SeriesKey("payments", category),), revision=revision)


def acknowledged(revision: int = 2) -> Notice:
    handling = Handling(acknowledged_by="tanaka", acknowledged_at=OPENED)
    return notice(Reason.ACKNOWLEDGED, handling=handling, revision=revision)


def resolved(revision: int = 3) -> Notice:
    ended = OPENED + timedelta(minutes=80)
    return notice(
        Reason.RESOLVED,
        phase=Phase.RESOLVED,
        resolved_at=ended,
        data_until=ended,
        peak=reading(58),
        excess=263.0,
        revision=revision,
    )


def told(world: World) -> list[str]:
    [root] = world.shown()
    return [reply.message.text for reply in world.messenger.replies(root.receipt)]


def live(world: World, *notices: Notice, apart: timedelta = MINUTE) -> None:
    for each in notices:
        world.commit(each)
        world.drain()
        world.clock.advance(apart)
        world.drain()


def first_words(text: str) -> str:
    return text.partition(": ")[2].partition(".")[0]


def test_what_matters_is_said_below_the_message_in_order(world: World) -> None:
    live(world, notice(), acknowledged(2), raised(3), joined("refund", 4), resolved(5))

    assert [first_words(text) for text in told(world)] == [
        "tanaka is on it",
        "Severity raised to Critical",
        "Spread to refund",
        "Resolved",
    ]


def test_the_end_is_said_with_duration_peak_and_all_extra_tickets(world: World) -> None:
    live(world, notice(), resolved(2))

    [said] = told(world)
    assert said == (
        "payments / login: Resolved. "
        "Lasted 1 h 35 min, peak 58 in 15 min (9.7 times), about 263 tickets more than usual."
    )


def test_only_a_raised_severity_mentions_again_and_is_shown_in_the_channel(world: World) -> None:
    live(world, notice(), acknowledged(2), raised(3), joined("refund", 4), resolved(5))

    [root] = world.shown()
    loud = {
        first_words(reply.message.text): (reply.message.urgent, reply.message.loud)
        for reply in world.messenger.replies(root.receipt)
    }
    assert loud == {
        "tanaka is on it": (False, False),
        "Severity raised to Critical": (True, True),
        "Spread to refund": (False, False),
        "Resolved": (False, False),
    }


def test_numbers_that_change_are_said_nowhere_but_in_the_message(world: World) -> None:
    live(
        world,
        notice(),
        notice(Reason.CHANGED, revision=2),
        notice(Reason.MERGED, merged_into="9", revision=3),
    )

    assert told(world) == []


def test_a_reply_waits_for_the_message_to_stand(world: World) -> None:
    world.commit(notice())
    world.messenger.fail_next(OutcomeUnknown("lost"), done=True)
    world.drain()
    world.commit(raised(2))
    world.drain()

    assert told(world) == []

    world.drain_until_empty()

    assert [first_words(text) for text in told(world)] == ["Severity raised to Critical"]


def test_what_the_message_says_when_it_is_posted_is_not_said_below_it_again(world: World) -> None:
    world.messenger.fail_next(Unavailable("down"))
    world.commit(notice())
    world.drain()
    world.commit(raised(2))

    world.drain_until_empty()

    [root] = world.shown()
    assert (root.message.urgent, told(world)) == (True, [])


def test_a_reply_whose_outcome_is_unknown_is_looked_for_before_it_is_said_again(world: World) -> None:
    live(world, notice())
    world.commit(acknowledged(2))
    world.drain()
    world.clock.advance(MINUTE)
    world.commit(resolved(3))
    world.drain()
    world.messenger.fail_next(OutcomeUnknown("lost"), done=True)
    world.clock.advance(MINUTE)

    world.drain_until_empty()

    assert len(told(world)) == 2
    assert world.store.unsettled() == []


def test_replies_that_waited_for_more_than_an_hour_are_told_in_one(world: World) -> None:
    live(world, notice())
    world.messenger.fail_next(*[Unavailable("down")] * 400)
    for minutes, each in ((0, acknowledged(2)), (5, raised(3)), (10, joined("refund", 4))):
        world.clock.advance(timedelta(minutes=minutes))
        world.commit(each)
    world.clock.advance(timedelta(minutes=90))
    world.commit(resolved(5))
    world.messenger._failures.clear()  # noqa: SLF001 -- the vendor is back

    world.drain_until_empty()

    folded, last = told(world)
    assert folded.startswith("payments / login: What happened while messages could not be delivered.")
    assert [
        words in folded for words in ("tanaka is on it", "Severity raised to Critical", "Spread to refund")
    ] == [True] * 3
    assert last.startswith("payments / login: Resolved")


def test_a_surge_that_spreads_on_and_on_is_told_every_ten_minutes(world: World) -> None:
    live(world, notice())
    for number in range(2, 32):
        live(world, joined(f"category {number}", number))
    world.drain_until_empty()

    assert len(told(world)) == 4
    assert all(f"category {number}" in "\n".join(told(world)) for number in range(2, 32))


def test_replies_follow_the_message_to_the_fallback_channel(world: World) -> None:
    world.restart(fallback="#general")
    world.messenger.fail_next(ChannelRefused("is_archived"))
    world.commit(notice())
    world.drain()
    world.clock.advance(MINUTE)
    world.commit(notice(Reason.ACKNOWLEDGED, handling=Handling(acknowledged_by="tanaka"), revision=2))
    world.messenger.fail_next(ChannelRefused("is_archived"))

    world.drain_until_empty()

    [root] = world.shown("#general")
    assert [reply.message.text for reply in world.messenger.replies(root.receipt)] == [
        "payments / login: tanaka is on it."
    ]


def test_a_reply_to_a_message_that_is_never_posted_is_given_up(world: World) -> None:
    world.messenger.fail_next(Unavailable("down"))
    world.commit(raised(1))
    world.drain()
    world.commit(notice(Reason.MERGED, phase=Phase.CLOSED, merged_into="INC-9", revision=2))

    world.drain_until_empty()

    assert set(world.stages()) == {Stage.SUPERSEDED}


def test_a_reply_below_a_message_that_somebody_deleted_is_given_up_for_the_message_is_posted_anew(
    world: World,
) -> None:
    live(world, notice())
    [root] = world.shown()
    world.messenger.remove(root.receipt)

    live(world, raised(2))

    [again] = world.shown()
    assert (again.message.urgent, told(world)) == (True, [])
    assert world.store.unsettled() == []


def test_a_new_owner_is_shown_at_once(world: World) -> None:
    world.commit(notice())
    world.drain()
    world.clock.advance(timedelta(seconds=3))
    world.commit(acknowledged(2))

    world.drain()

    [root] = world.shown()
    assert root.edits == 1
