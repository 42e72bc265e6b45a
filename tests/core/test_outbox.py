from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.outbox import (
    BELIEVE_AFTER,
    FIRST_LOOK,
    HOLD_FOR,
    LIMITED_FOR,
    LONGEST_LIMIT,
    PLAINEST,
    Failure,
    Receipt,
    Stage,
    Trouble,
    after_error,
    in_place_of,
    interrupted,
    not_found,
    not_searchable,
    plan,
    retry_wait,
    sent,
    started,
    superseded,
)
from tests.factories import OPENED, delivery, notice

NOW = OPENED + timedelta(minutes=1)
RECEIPT = Receipt("C1", "1.000001")


def failure(trouble: Trouble, *, retry_after: timedelta | None = None) -> Failure:
    return Failure(trouble, "it did not work", retry_after)


def test_every_notice_becomes_one_delivery_to_the_channel_of_its_service() -> None:
    planned = plan([notice()], receiver="slack", channel_of=lambda service: f"#{service}", now=NOW)

    assert [each.key for each in planned] == ["INC-7:1:opened:slack:#payments"]
    assert planned[0].due == NOW
    assert planned[0].stage is Stage.QUEUED


def test_a_company_wide_notice_asks_for_the_channel_of_no_service() -> None:
    planned = plan(
        [notice(service=None)], receiver="slack", channel_of=lambda service: service or "#all", now=NOW
    )

    assert planned[0].channel == "#all"


def test_a_sent_delivery_is_settled_and_remembers_its_message_and_when_it_was_told() -> None:
    told = sent(started(delivery(), now=NOW), RECEIPT)

    assert told.is_settled
    assert (told.receipt, told.sending_since) == (RECEIPT, NOW)


def test_a_superseded_delivery_is_settled_and_says_why() -> None:
    old = superseded(delivery(), why="a newer one")

    assert old.is_settled
    assert old.last_error == "a newer one"


@given(attempts=st.integers(0, 10_000), key=st.text(max_size=20))
def test_a_retry_waits_at_most_a_minute_and_a_fifth_and_never_less_than_four_fifths_of_a_second(
    attempts: int, key: str
) -> None:
    wait = retry_wait(replace(delivery(), key=key, attempts=attempts))

    assert timedelta(seconds=0.8) <= wait <= timedelta(seconds=72)


def test_retries_double_and_the_same_history_waits_the_same() -> None:
    waits = [retry_wait(replace(delivery(), attempts=attempts)).total_seconds() for attempts in range(8)]

    assert waits == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60], rel=0.2)
    assert retry_wait(delivery()) == retry_wait(delivery())
    assert retry_wait(delivery()) != retry_wait(replace(delivery(), key="another"))


def test_an_unavailable_receiver_is_tried_again_and_never_given_up() -> None:
    state = delivery()

    for _ in range(500):
        state = after_error(started(state, now=NOW), failure(Trouble.UNAVAILABLE), now=NOW)

    assert (state.stage, state.attempts) == (Stage.QUEUED, 500)


@pytest.mark.parametrize(
    ("wish", "wait"),
    [
        (None, LIMITED_FOR),
        (timedelta(0), timedelta(seconds=1)),
        (timedelta(seconds=7), timedelta(seconds=7)),
        (timedelta(hours=2), LONGEST_LIMIT),
    ],
)
def test_a_limit_is_waited_out_without_counting_as_an_attempt(
    wish: timedelta | None, wait: timedelta
) -> None:
    after = after_error(delivery(), failure(Trouble.LIMITED, retry_after=wish), now=NOW)

    assert (after.due, after.attempts, after.stage) == (NOW + wait, 0, Stage.QUEUED)


def test_an_unknown_outcome_is_looked_for_before_anything_else() -> None:
    after = after_error(started(delivery(), now=NOW), failure(Trouble.UNKNOWN), now=NOW)

    assert (after.stage, after.due) == (Stage.UNKNOWN, NOW + FIRST_LOOK)
    assert after.is_in_doubt


def test_refused_credentials_hold_the_delivery() -> None:
    after = after_error(delivery(), failure(Trouble.CREDENTIALS), now=NOW)

    assert (after.stage, after.due) == (Stage.QUEUED, NOW + HOLD_FOR)


def test_a_refused_channel_moves_the_delivery_to_the_fallback_at_once() -> None:
    after = after_error(delivery(), failure(Trouble.CHANNEL), now=NOW, fallback="#general")

    assert (after.channel, after.due, after.stage) == ("#general", NOW, Stage.QUEUED)


@pytest.mark.parametrize("fallback", [None, "#support"])
def test_a_refused_channel_without_another_one_holds_the_delivery(fallback: str | None) -> None:
    after = after_error(delivery(), failure(Trouble.CHANNEL), now=NOW, fallback=fallback)

    assert (after.channel, after.due) == ("#support", NOW + HOLD_FOR)


def test_refused_content_becomes_plainer_and_dies_only_at_its_plainest() -> None:
    state = delivery()

    rungs = []
    for _ in range(PLAINEST + 1):
        state = after_error(state, failure(Trouble.CONTENT), now=NOW)
        rungs.append((state.plain, state.stage))

    assert rungs == [*((rung, Stage.QUEUED) for rung in range(1, PLAINEST + 1)), (PLAINEST, Stage.DEAD)]


@given(trouble=st.sampled_from(sorted(set(Trouble) - {Trouble.CONTENT})), attempts=st.integers(0, 100))
def test_nothing_but_its_content_can_kill_a_delivery(trouble: Trouble, attempts: int) -> None:
    after = after_error(replace(delivery(), attempts=attempts), failure(trouble), now=NOW)

    assert not after.is_settled


def test_an_interrupted_edit_is_simply_done_again() -> None:
    after = interrupted(started(delivery(), now=NOW, receipt=RECEIPT), now=NOW)

    assert (after.stage, after.receipt) == (Stage.QUEUED, None)


def test_an_interrupted_post_is_looked_for_at_once() -> None:
    after = interrupted(started(delivery(), now=NOW), now=NOW + timedelta(hours=1))

    assert (after.stage, after.due) == (Stage.UNKNOWN, NOW + timedelta(hours=1))
    assert after.sending_since == NOW


def test_a_first_empty_look_is_not_believed() -> None:
    after = not_found(started(delivery(), now=NOW), now=NOW + FIRST_LOOK)

    assert (after.is_in_doubt, after.due) == (True, NOW + BELIEVE_AFTER)


@pytest.mark.parametrize("later", [BELIEVE_AFTER, timedelta(hours=-1)])
def test_an_empty_look_is_believed_after_a_while_or_when_the_clock_was_set_back(later: timedelta) -> None:
    after = not_found(started(delivery(), now=NOW), now=NOW + later)

    assert (after.stage, after.due) == (Stage.QUEUED, NOW + later)


def test_a_look_that_fails_leaves_the_outcome_unknown() -> None:
    doubtful = interrupted(started(delivery(), now=NOW), now=NOW)

    after = not_searchable(doubtful, failure(Trouble.CREDENTIALS), now=NOW)

    assert (after.stage, after.due) == (Stage.UNKNOWN, NOW + HOLD_FOR)


def test_a_channel_that_cannot_be_searched_is_posted_to_again_rather_than_left_untold() -> None:
    doubtful = interrupted(started(delivery(), now=NOW), now=NOW)

    after = not_searchable(doubtful, failure(Trouble.CHANNEL), now=NOW + BELIEVE_AFTER)

    assert after.stage is Stage.QUEUED


def test_what_supersedes_a_delivery_that_was_asked_to_wait_waits_as_long() -> None:
    asked_to_wait = replace(delivery(), due=NOW + timedelta(hours=1), last_error="ratelimited")
    newer = replace(delivery(), key="newer", due=NOW)

    assert in_place_of(asked_to_wait, newer=newer).due == NOW + timedelta(hours=1)
    assert in_place_of(replace(asked_to_wait, last_error=None), newer=newer).due == NOW
