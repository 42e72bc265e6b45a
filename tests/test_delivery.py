from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMessenger, MemoryMeter, MemoryStore, Posted
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import Delivery, Receipt, Stage, plan, started
from spikewatch.core.settings import Language
from spikewatch.core.wording import Message
from spikewatch.delivery import Deliverer, DrainResult
from spikewatch.ports import (
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    CycleCommit,
    JudgeState,
    OutcomeUnknown,
    PortError,
    Unavailable,
)
from spikewatch.sandbox.chat import Chat, Fault
from tests.factories import OPENED, course, grouped, notice, reading

CHANNEL = "#support"
STEP = timedelta(minutes=5)
T = TypeVar("T")


class Crash(Exception):
    """The process ends here."""


@dataclass
class Fuse:
    """Lets so many calls through, then ends the process once: before the call's work, or after it."""

    calls_left: int = -1
    after_the_work: bool = False
    blown: bool = False

    def around(self, work: Callable[[], T]) -> T:
        self.calls_left -= 1
        if self.calls_left != -1:
            return work()
        self.blown = True
        if self.after_the_work:
            work()
        raise Crash


class FragileStore(MemoryStore):
    """A store at whose every call the process may end."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__(step=STEP)
        self.fuse = fuse

    def unsettled(self) -> Sequence[Delivery]:
        return self.fuse.around(super().unsettled)

    def save_delivery(self, delivery: Delivery) -> None:
        self.fuse.around(partial(super().save_delivery, delivery))

    def receipt(self, *, incident: str, channel: str) -> Receipt | None:
        return self.fuse.around(partial(super().receipt, incident=incident, channel=channel))


class FragileMessenger(MemoryMessenger):
    """A messenger at whose every call the process may end."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__(name="slack")
        self.fuse = fuse

    def post(self, message: Message, *, channel: str, key: str) -> Receipt:
        return self.fuse.around(partial(super().post, message, channel=channel, key=key))

    def edit(self, receipt: Receipt, message: Message) -> None:
        self.fuse.around(partial(super().edit, receipt, message))

    def reply(self, root: Receipt, message: Message, *, key: str) -> Receipt:
        return self.fuse.around(partial(super().reply, root, message, key=key))

    def find(self, *, channel: str, key: str, since: datetime, root: Receipt | None = None) -> Receipt | None:
        return self.fuse.around(partial(super().find, channel=channel, key=key, since=since, root=root))


@dataclass
class World:
    """An outbox, a chat and the deliverer between them."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(OPENED))
    fuse: Fuse = field(default_factory=Fuse)
    meter: MemoryMeter = field(default_factory=MemoryMeter)
    store: FragileStore = field(init=False)
    messenger: FragileMessenger = field(init=False)
    deliverer: Deliverer = field(init=False)

    def __post_init__(self) -> None:
        self.store, self.messenger = FragileStore(self.fuse), FragileMessenger(self.fuse)
        self.restart()

    def restart(
        self, *, languages: Mapping[str, Language] | None = None, fallback: str | None = None
    ) -> None:
        self.deliverer = Deliverer(
            store=self.store,
            messenger=self.messenger,
            clock=self.clock,
            meter=self.meter,
            language=Language.EN,
            zone=ZoneInfo("Asia/Tokyo"),
            languages=languages,
            fallback=fallback,
        )

    def commit(self, *notices: Notice, channel_of: Callable[[str | None], str] = lambda _: CHANNEL) -> None:
        commit(self.store, *notices, now=self.clock.now(), channel_of=channel_of)

    def drain(self) -> DrainResult:
        return self.deliverer.drain()

    def drain_until_empty(self, *, hours: int = 2) -> None:
        drain_until_empty(self.deliverer, self.clock, hours=hours)

    def shown(self, channel: str = CHANNEL) -> Sequence[Posted]:
        return self.messenger.messages(channel)

    def stages(self) -> list[Stage]:
        return [delivery.stage for delivery in self.store.deliveries()]


def commit(
    store: MemoryStore, *notices: Notice, now: datetime, channel_of: Callable[[str | None], str]
) -> None:
    deliveries = plan(notices, receiver="slack", channel_of=channel_of, now=now)
    store.commit_cycle(CycleCommit(JudgeState(), deliveries=deliveries))


def drain_until_empty(deliverer: Deliverer, clock: ManualClock, *, hours: int = 2) -> None:
    deadline = clock.now() + timedelta(hours=hours)
    while (result := deliverer.drain()).waiting:
        assert result.next_due is not None
        assert clock.now() < deadline, f"{result.waiting} deliveries are stuck"
        clock.advance(max(result.next_due - clock.now(), timedelta(milliseconds=1)))


def grown(revision: int, *, observed: int, **changes: Any) -> Notice:  # noqa: ANN401 -- any field of Facts
    return notice(Reason.CHANGED, revision=revision, lead=reading(observed), **changes)


def resolved(revision: int) -> Notice:
    return notice(
        Reason.RESOLVED, revision=revision, phase=Phase.RESOLVED, resolved_at=OPENED, data_until=OPENED
    )


@pytest.fixture
def world() -> World:
    return World()


def test_an_incident_is_posted_once_and_edited_from_then_on(world: World) -> None:
    world.commit(notice())
    world.drain()
    world.clock.advance(STEP)
    world.commit(grown(2, observed=58))

    result = world.drain()

    [posted] = world.shown()
    assert "58 tickets" in posted.message.text
    assert posted.edits == 1
    assert (result.sent, result.waiting, result.next_due) == (1, 0, None)


def test_nothing_to_do_is_no_trouble(world: World) -> None:
    assert world.drain() == DrainResult(sent=0, failed=0, waiting=0, next_due=None)


def test_what_a_delivery_told_and_when_stands_in_the_store(world: World) -> None:
    world.commit(notice())

    world.drain()

    [delivery] = world.store.deliveries(state=Stage.SENT)
    assert (delivery.receipt, delivery.sending_since) == (world.shown()[0].receipt, OPENED)


def test_only_the_newest_state_of_many_is_told(world: World) -> None:
    for revision in range(1, 41):
        world.commit(grown(revision, observed=40 + revision))

    world.drain()

    assert ["80 tickets" in posted.message.text for posted in world.shown()] == [True]
    assert world.stages().count(Stage.SUPERSEDED) == 39


def test_a_revision_older_than_what_is_shown_is_never_told_even_after_a_restart(world: World) -> None:
    world.commit(grown(5, observed=50))
    world.drain()
    world.restart()
    world.commit(grown(4, observed=44))
    world.clock.advance(STEP)

    world.drain()

    assert "50 tickets" in world.shown()[0].message.text
    assert world.stages() == [Stage.SENT, Stage.SUPERSEDED]


def test_edits_of_an_unchanged_state_wait_and_a_change_of_state_does_not(world: World) -> None:
    world.commit(notice())
    world.drain()
    world.clock.advance(timedelta(seconds=10))
    world.commit(grown(2, observed=50))

    waiting = world.drain()
    world.commit(grown(3, observed=60, severity=Severity.CRITICAL))
    changed = world.drain()

    assert (waiting.sent, waiting.next_due) == (0, OPENED + timedelta(seconds=45))
    assert (changed.sent, "60 tickets" in world.shown()[0].message.text) == (1, True)


def test_a_resolve_is_told_at_once(world: World) -> None:
    world.commit(notice())
    world.drain()
    world.commit(resolved(2))

    world.drain()

    assert world.shown()[0].message.text.startswith("Resolved")


def test_a_channel_gets_about_one_new_message_a_second(world: World) -> None:
    for number in range(3):
        told = notice(key=f"n{number}", incident=f"INC-{number}")
        world.commit(replace(told, incident=f"INC-{number}"))

    first = world.drain()
    world.clock.advance(timedelta(seconds=1.1))
    second = world.drain()

    assert (first.sent, first.waiting, first.next_due) == (1, 2, OPENED + timedelta(seconds=1.1))
    assert (second.sent, second.waiting) == (1, 1)


def test_a_channel_in_another_language_is_told_in_that_language(world: World) -> None:
    world.restart(languages={CHANNEL: Language.JA})
    world.commit(notice())

    world.drain()

    assert world.shown()[0].message.text.startswith("問い合わせ急増")


def test_another_receivers_deliveries_are_left_alone(world: World) -> None:
    other = plan([notice()], receiver="webhook", channel_of=lambda _: CHANNEL, now=OPENED)
    world.store.commit_cycle(CycleCommit(JudgeState(), deliveries=other))

    assert world.drain().waiting == 0
    assert world.stages() == [Stage.QUEUED]


def test_a_receiver_that_is_down_is_tried_again_until_it_is_back(world: World) -> None:
    world.messenger.fail_next(*[Unavailable("down")] * 10)
    world.commit(notice())

    world.drain_until_empty()

    assert len(world.shown()) == 1
    assert len(world.meter.of("delivery_failed")) == 10
    assert world.meter.of("delivered") == [{"channel": CHANNEL, "seconds": 0.0}]


def test_a_receiver_that_is_down_is_asked_once_a_drain_and_not_at_once_again(world: World) -> None:
    world.messenger.fail_next(*[Unavailable("down")] * 10)
    for number in range(5):
        world.commit(notice(key=f"n{number}", incident=f"INC-{number}"))

    first, at_once = world.drain(), world.drain()

    assert (first.failed, at_once.failed) == (1, 0)
    assert first.next_due == OPENED + timedelta(seconds=1.1)


def test_a_limit_pauses_new_messages_of_its_channel_only(world: World) -> None:
    limit = Unavailable("slow down", retry_after=timedelta(seconds=30), reason="rate_limited")
    world.messenger.fail_next(limit)
    world.commit(notice(key="a", incident="INC-1"))
    world.drain()
    world.commit(notice(key="b", incident="INC-2"))
    world.commit(notice(key="c", incident="INC-3"), channel_of=lambda _: "#other")
    world.clock.advance(timedelta(seconds=2))

    result = world.drain()

    assert (len(world.shown()), len(world.shown("#other"))) == (0, 1)
    assert result.next_due == OPENED + timedelta(seconds=30)


def test_refused_credentials_hold_everything_for_five_minutes(world: World) -> None:
    world.messenger.fail_next(CredentialsRefused("token_revoked"))
    world.commit(notice(key="a", incident="INC-1"))
    world.commit(notice(key="b", incident="INC-2"), channel_of=lambda _: "#other")

    result = world.drain()

    assert (result.sent, result.failed, result.next_due) == (0, 1, OPENED + timedelta(minutes=5))
    world.drain_until_empty()
    assert (len(world.shown()), len(world.shown("#other"))) == (1, 1)


def test_a_refused_channel_is_replaced_by_the_fallback_and_later_edits_go_there(world: World) -> None:
    world.restart(fallback="#general")
    world.messenger.fail_next(ChannelRefused("is_archived"))
    world.commit(notice())
    world.drain()
    world.clock.advance(STEP)
    world.messenger.fail_next(ChannelRefused("is_archived"))
    world.commit(grown(2, observed=58))

    world.drain()

    [posted] = world.shown("#general")
    assert (posted.edits, "58 tickets" in posted.message.text) == (1, True)


def test_refused_content_is_made_plainer_at_once_and_given_up_only_at_its_plainest(world: World) -> None:
    world.messenger.fail_next(*[ContentRefused("invalid_blocks")] * 4)
    world.commit(notice(course=course(), **grouped()))

    result = world.drain()

    assert (result.sent, world.shown()[0].message.blocks) == (1, ())


def test_a_rung_that_changes_nothing_is_not_tried(world: World) -> None:
    world.messenger.fail_next(ContentRefused("invalid_blocks"))
    world.commit(notice())

    world.drain()

    [delivery] = world.store.deliveries()
    assert (delivery.stage, delivery.plain, delivery.attempts) == (Stage.SENT, 4, 1)


def test_an_edit_is_no_richer_than_what_was_refused_before(world: World) -> None:
    world.messenger.fail_next(ContentRefused("unsupported type: data_visualization"))
    world.commit(notice(course=course()))
    world.drain()
    world.restart()
    world.clock.advance(STEP)
    world.commit(notice(Reason.CHANGED, course=course(), revision=2))

    world.drain()

    assert world.stages() == [Stage.SENT, Stage.SENT]
    assert [delivery.plain for delivery in world.store.deliveries()] == [1, 1]


def test_content_refused_in_every_form_is_dropped_and_the_next_state_is_tried(world: World) -> None:
    world.messenger.fail_next(*[ContentRefused("no")] * 2)
    world.commit(notice())
    world.drain()
    world.clock.advance(STEP)
    world.commit(grown(2, observed=58))

    world.drain()

    assert world.stages() == [Stage.DEAD, Stage.SENT]
    assert world.meter.of("dropped") == [{"channel": CHANNEL}]


def test_one_delivery_that_fails_does_not_stop_another(world: World) -> None:
    world.messenger.fail_next(*[ContentRefused("no")] * 2)
    world.commit(notice(key="a", incident="INC-1"))
    world.commit(notice(key="b", incident="INC-2"), channel_of=lambda _: "#other")

    result = world.drain()

    assert (result.sent, len(world.shown("#other"))) == (1, 1)


def test_a_message_that_a_person_deleted_is_posted_anew_and_edited_from_then_on(world: World) -> None:
    world.commit(notice())
    world.drain()
    world.messenger.remove(world.shown()[0].receipt)
    world.clock.advance(STEP)
    world.commit(grown(2, observed=58))
    world.drain()
    world.clock.advance(STEP)
    world.commit(grown(3, observed=60))

    world.drain()

    [posted] = world.shown()
    assert (posted.edits, "60 tickets" in posted.message.text) == (1, True)


def test_a_merged_incident_gets_one_last_edit(world: World) -> None:
    world.commit(notice())
    world.drain()
    world.commit(notice(Reason.MERGED, revision=2, phase=Phase.CLOSED, merged_into="INC-9"))

    world.drain()

    assert "INC-9" in world.shown()[0].message.text


@pytest.mark.parametrize("was_told", [False, True])
def test_a_merged_incident_without_a_message_gets_none(world: World, *, was_told: bool) -> None:
    if was_told:
        world.commit(notice())
        world.drain()
        world.messenger.remove(world.shown()[0].receipt)
    world.commit(notice(Reason.MERGED, revision=2, phase=Phase.CLOSED, merged_into="INC-9"))

    result = world.drain()

    assert (world.shown(), result.waiting) == ([], 0)


def test_a_post_whose_answer_was_lost_is_found_and_not_repeated(world: World) -> None:
    world.messenger.fail_next(OutcomeUnknown("lost"), done=True)
    world.commit(notice())

    world.drain_until_empty()

    assert len(world.shown()) == 1
    assert world.stages() == [Stage.SENT]


def test_a_post_that_never_arrived_is_repeated_after_two_looks(world: World) -> None:
    world.messenger.fail_next(OutcomeUnknown("lost"))
    world.commit(notice())

    world.drain_until_empty()

    assert len(world.shown()) == 1
    assert timedelta(seconds=20) <= world.clock.now() - OPENED < timedelta(seconds=30)


def test_nothing_newer_is_posted_while_a_message_may_stand_there_unknown(world: World) -> None:
    world.messenger.fail_next(OutcomeUnknown("lost"), done=True)
    world.commit(notice())
    world.drain()
    world.commit(grown(2, observed=58))

    early = world.drain()
    world.drain_until_empty()

    assert early.sent == 0
    assert ["58 tickets" in posted.message.text for posted in world.shown()] == [True]


def test_a_post_that_never_arrived_gives_way_to_a_newer_state(world: World) -> None:
    world.messenger.fail_next(OutcomeUnknown("lost"))
    world.commit(notice())
    world.drain()
    world.commit(resolved(2))

    world.drain_until_empty()

    assert [posted.message.text.split(":")[0] for posted in world.shown()] == ["Resolved"]
    assert world.stages() == [Stage.SUPERSEDED, Stage.SENT, Stage.SUPERSEDED]


def test_a_look_that_fails_is_repeated_and_a_channel_that_cannot_be_searched_is_posted_to_again(
    world: World,
) -> None:
    looks = [Unavailable("down"), ChannelRefused("missing_scope"), ChannelRefused("missing_scope")]
    world.messenger.fail_next(OutcomeUnknown("lost"), *looks)
    world.commit(notice())

    world.drain_until_empty()

    assert len(world.shown()) == 1


def test_a_failure_that_the_port_does_not_explain_is_of_unknown_outcome(world: World) -> None:
    world.messenger.fail_next(PortError("?"), done=True)
    world.commit(notice())

    world.drain_until_empty()

    assert len(world.shown()) == 1


def test_an_edit_of_unknown_outcome_is_simply_repeated(world: World) -> None:
    world.commit(notice())
    world.drain()
    world.clock.advance(STEP)
    world.messenger.fail_next(OutcomeUnknown("lost"))
    world.commit(grown(2, observed=58))

    world.drain_until_empty()

    assert ["58 tickets" in posted.message.text for posted in world.shown()] == [True]


def test_a_clock_that_is_set_back_by_hours_delays_nothing(world: World) -> None:
    world.messenger.fail_next(Unavailable("down"))
    world.commit(notice())
    world.drain()
    world.clock.advance(timedelta(hours=-3))

    assert world.drain().sent == 1


def test_after_three_hours_of_silence_forty_incidents_cost_one_message_each(world: World) -> None:
    for round_ in range(36):
        world.messenger.fail_next(Unavailable("down"))
        for number in range(40):
            told = grown(round_ + 1, observed=42, incident=f"INC-{number}")
            world.commit(replace(told, key=f"{number}:{round_}"))
        world.drain()
        world.clock.advance(STEP)

    world.drain_until_empty()

    assert len(world.shown()) == 40
    assert [posted.edits for posted in world.shown()] == [0] * 40


# -- crashes


def story(world: World, *, deletes: bool) -> None:
    """Open, grow and resolve one incident; when the process ends, it is started again a second later.

    deletes  a person deletes the message as soon as it stands there
    """
    for told in (notice(), grown(2, observed=58), resolved(3)):
        world.commit(told)
        try:
            world.drain_until_empty()
        except Crash:
            world.clock.advance(timedelta(seconds=1))
            world.restart()
        if deletes and told.facts.revision == 1:
            for posted in world.shown():
                world.messenger.remove(posted.receipt)
        world.clock.advance(timedelta(minutes=1))
    world.fuse.calls_left = -1
    world.restart()
    world.drain_until_empty()


MANY = 40
"""More calls than the story makes while it can end."""


@pytest.mark.parametrize("after_the_work", [False, True])
@pytest.mark.parametrize("deletes", [False, True])
@pytest.mark.parametrize("call", range(MANY))
def test_wherever_the_process_ends_one_message_stands_in_its_final_state(
    world: World, call: int, *, deletes: bool, after_the_work: bool
) -> None:
    world.fuse.calls_left, world.fuse.after_the_work = call, after_the_work

    story(world, deletes=deletes)

    [posted] = world.shown()
    replies = [reply.message.text for reply in world.messenger.replies(posted.receipt)]
    assert posted.message.text.startswith("Resolved")
    assert len(replies) == len(set(replies)) <= 1
    assert deletes or after_the_work or len(replies) == 1
    assert world.store.unsettled() == []


def test_the_process_is_ended_at_every_call_of_the_story(world: World) -> None:
    world.fuse.calls_left = MANY

    story(world, deletes=True)

    assert not world.fuse.blown


def test_two_crashes_in_the_window_still_leave_one_message(world: World) -> None:
    world.commit(notice())
    [queued] = world.store.deliveries()
    world.store.save_delivery(started(queued, now=OPENED))
    world.messenger.post(Message("posted before the first crash"), channel=CHANNEL, key=queued.key)
    world.fuse.calls_left, world.fuse.after_the_work = 2, True

    with pytest.raises(Crash):
        world.drain()
    world.restart()
    world.drain_until_empty()

    assert len(world.shown()) == 1
    assert world.stages() == [Stage.SENT]


# -- on the stand-in chat


@pytest.mark.parametrize(
    "fault",
    [
        Fault(drop_after=True),
        Fault(drop_before=True),
        Fault(status=502, body="<html>"),
        Fault(status=429, headers={"Retry-After": "2"}, body='{"ok": false, "error": "ratelimited"}'),
        Fault(body='{"ok": false, "error": "invalid_blocks"}'),
        Fault(body='{"ok": false, "error": "token_revoked"}'),
    ],
)
def test_on_slack_one_message_stands_whatever_happened_to_the_first_attempt(
    world: World, fault: Fault
) -> None:
    with Chat(clock=world.clock) as chat:
        chat.fail("chat.postMessage", fault)
        worker = Deliverer(
            store=world.store,
            messenger=SlackMessenger(token="xoxb-sandbox", url=chat.url),
            clock=world.clock,
            meter=world.meter,
            language=Language.EN,
            zone=ZoneInfo("Asia/Tokyo"),
        )
        world.commit(notice())
        drain_until_empty(worker, world.clock)
        world.commit(resolved(2))
        drain_until_empty(worker, world.clock)

        [message] = chat.roots
        [reply] = chat.thread(message)
        assert message.text.startswith("Resolved")
        assert len(message.blocks) >= 3
        assert reply.text.startswith("payments / login: Resolved. Lasted 15 min")
