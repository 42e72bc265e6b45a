"""Slack is down for hours while incidents come and go: afterwards the present is told, and the rest in one recap."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMessenger, MemoryMeter, MemoryStore
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import Kind, Stage, plan
from spikewatch.core.settings import Language
from spikewatch.delivery import Deliverer, StandIn
from spikewatch.ports import Abilities, CycleCommit, JudgeState, OutcomeUnknown
from spikewatch.sandbox.chat import Chat, Fault, Json
from tests.core_factories import LOGIN, incident, surge
from tests.factories import OPENED, notice, reading
from tests.test_delivery import Crash, FragileStore, Fuse, drain_until_empty

CHANNEL = "#support"
TOKYO = ZoneInfo("Asia/Tokyo")
STEP = timedelta(minutes=5)
PAGER = "webhook:pager"


class DownChat(Chat):
    """A chat that answers every call with one fault until it recovers."""

    fail_with: Fault | None = None

    def answer(
        self, method: str, arguments: Json, *, authorization: str
    ) -> tuple[Fault, int, Json, Mapping[str, str]]:
        if self.fail_with is not None:
            self.fail(method, self.fail_with)
        return super().answer(method, arguments, authorization=authorization)


class Desk:
    """A sandbox chat, an outbox, and Slack's deliverer between them; `pager` stands in where asked for."""

    def __init__(self, chat: DownChat, clock: ManualClock, *, stands_in: bool = False) -> None:
        self.chat, self.clock = chat, clock
        self.store = MemoryStore(step=STEP)
        self.pager = MemoryMessenger(name="pager")
        self.stand_in = StandIn("pager", PAGER) if stands_in else None
        self.restart()

    def restart(self) -> None:
        self.slack = self.deliverer(
            SlackMessenger(token="xoxb-sandbox", url=self.chat.url), stand_in=self.stand_in
        )
        self.other = self.deliverer(self.pager)

    def deliverer(
        self, messenger: SlackMessenger | MemoryMessenger, *, stand_in: StandIn | None = None
    ) -> Deliverer:
        return Deliverer(
            store=self.store,
            messenger=messenger,
            clock=self.clock,
            meter=MemoryMeter(),
            language=Language.EN,
            zone=TOKYO,
            stand_in=stand_in,
        )

    def happens(self, *notices: Notice) -> None:
        rows = plan(notices, receiver="slack", channel_of=lambda _: CHANNEL, now=self.clock.now())
        self.store.commit_cycle(
            CycleCommit(JudgeState(), deliveries=[replace(row, mention="here") for row in rows])
        )

    def passes(self, duration: timedelta) -> None:
        end = self.clock.now() + duration
        while self.clock.now() < end:
            self.slack.drain()
            self.other.drain()
            self.clock.advance(STEP)

    def recovers(self) -> None:
        self.chat.fail_with = None
        drain_until_empty(self.slack, self.clock)
        self.other.drain()


DOWN = {
    "no connection": Fault(drop_before=True),
    "broken": Fault(status=503, body="<html>"),
    "limits": Fault(status=429, headers={"Retry-After": "60"}, body='{"ok": false, "error": "ratelimited"}'),
    "credentials": Fault(body='{"ok": false, "error": "token_revoked"}'),
}


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock = ManualClock(OPENED)
    with DownChat(clock=clock) as chat:
        yield Desk(chat, clock)


def name(number: int) -> str:
    return f"SW-{number}"


def opens(number: int, **changes: object) -> Notice:
    return notice(Reason.OPENED, incident=name(number), key=f"{name(number)}.1", **changes)


def grows(number: int, revision: int) -> Notice:
    key = f"{name(number)}.{revision}"
    return notice(
        Reason.CHANGED, incident=name(number), key=key, revision=revision, lead=reading(40 + revision)
    )


def raises(number: int, revision: int = 2) -> Notice:
    key = f"{name(number)}.{revision}"
    return notice(
        Reason.RAISED, incident=name(number), key=key, revision=revision, severity=Severity.CRITICAL
    )


def ends(number: int, revision: int = 9, *, severity: Severity = Severity.WARNING) -> Notice:
    ended = OPENED + timedelta(hours=1)
    return notice(
        Reason.RESOLVED,
        incident=name(number),
        key=f"{name(number)}.{revision}",
        revision=revision,
        phase=Phase.RESOLVED,
        resolved_at=ended,
        data_until=ended,
        severity=severity,
        excess=100.0 + number,
    )


@pytest.mark.parametrize("trouble", DOWN)
def test_after_three_hours_the_present_is_told_late_and_what_came_and_went_in_one_recap(
    desk: Desk, trouble: str
) -> None:
    desk.chat.fail_with = DOWN[trouble]
    for number in range(40):
        desk.happens(opens(number))
        desk.passes(STEP)
        if number >= 4:
            desk.happens(ends(number - 4))
    desk.recovers()

    recaps = [message for message in desk.chat.roots if "came and went" in message.text]
    lasting = [message for message in desk.chat.roots if message not in recaps]
    assert [message.text.startswith("Ticket surge") for message in lasting] == [True] * 4
    assert ["late" in message.text for message in lasting] == [True] * 4
    [recap] = recaps
    assert "36 surges came and went" in recap.text
    assert len(desk.chat.messages) == 5
    assert desk.store.unsettled() == []


def test_how_late_it_was_told_stays_in_the_message(desk: Desk) -> None:
    desk.chat.fail_with = DOWN["broken"]
    desk.happens(opens(1))
    desk.passes(timedelta(hours=2))
    desk.happens(grows(1, 2))
    desk.passes(timedelta(hours=1))
    desk.recovers()
    desk.restart()
    desk.clock.advance(STEP)
    desk.happens(grows(1, 3))

    drain_until_empty(desk.slack, desk.clock)

    [root] = desk.chat.roots
    assert "Told 3 h late." in root.text
    assert "43 tickets" in root.text
    assert root.blocks[0]["elements"][0]["text"] == "Told 3 h late"


def test_what_was_told_before_the_outage_is_edited_and_in_no_recap(desk: Desk) -> None:
    desk.happens(opens(1))
    drain_until_empty(desk.slack, desk.clock)
    desk.chat.fail_with = DOWN["broken"]
    desk.happens(ends(1))
    desk.passes(timedelta(hours=3))
    desk.recovers()

    [root] = desk.chat.roots
    assert root.text.startswith("Resolved")
    assert "late" not in root.text


def test_one_short_incident_is_told_by_a_recap_too(desk: Desk) -> None:
    desk.chat.fail_with = DOWN["broken"]
    desk.happens(opens(1))
    desk.passes(timedelta(minutes=30))
    desk.happens(ends(1))
    desk.passes(timedelta(minutes=30))
    desk.recovers()

    [root] = desk.chat.roots
    assert "1 surge came and went" in root.text


def test_an_incident_that_comes_back_after_the_recap_has_a_message_of_its_own(desk: Desk) -> None:
    desk.chat.fail_with = DOWN["broken"]
    desk.happens(opens(1))
    desk.passes(timedelta(minutes=30))
    desk.happens(ends(1))
    desk.passes(timedelta(minutes=30))
    desk.recovers()
    desk.happens(notice(Reason.REOPENED, incident=name(1), key="SW-1.10", revision=10))

    drain_until_empty(desk.slack, desk.clock)

    recap, again = desk.chat.roots
    assert "came and went" in recap.text
    assert again.text.startswith("Ticket surge")


@pytest.mark.parametrize("after_the_work", [False, True])
@pytest.mark.parametrize("call", range(24))
def test_wherever_the_process_ends_a_recap_tells_each_incident_once(
    call: int, *, after_the_work: bool
) -> None:
    clock, fuse, chat = ManualClock(OPENED), Fuse(), MemoryMessenger(name="slack")
    store = FragileStore(fuse)

    def started() -> Deliverer:
        return Deliverer(
            store=store,
            messenger=chat,
            clock=clock,
            meter=MemoryMeter(),
            language=Language.EN,
            zone=TOKYO,
        )

    for told in (opens(1), opens(2), ends(1), ends(2)):
        rows = plan([told], receiver="slack", channel_of=lambda _: CHANNEL, now=clock.now())
        store.commit_cycle(CycleCommit(JudgeState(), deliveries=rows))
    clock.advance(timedelta(hours=3))
    fuse.calls_left, fuse.after_the_work = call, after_the_work
    _run_until_it_ends(started, clock)
    fuse.calls_left = -1

    drain_until_empty(started(), clock)

    [posted] = chat.messages(CHANNEL)
    assert "2 surges came and went" in posted.message.text
    assert {row.stage for row in store.deliveries()} == {Stage.SENT, Stage.SUPERSEDED}


def _run_until_it_ends(started: Callable[[], Deliverer], clock: ManualClock) -> None:
    try:
        drain_until_empty(started(), clock)
    except Crash:
        clock.advance(timedelta(seconds=1))


# -- another way


@pytest.fixture
def covered() -> Iterator[Desk]:
    clock = ManualClock(OPENED)
    with DownChat(clock=clock) as chat:
        yield Desk(chat, clock, stands_in=True)


def paged(desk: Desk) -> list[str]:
    return [posted.message.text for posted in desk.pager.messages(PAGER)]


@pytest.mark.parametrize("trouble", DOWN)
def test_from_two_minutes_on_another_receiver_tells_what_opens_is_raised_and_ends(
    covered: Desk, trouble: str
) -> None:
    covered.chat.fail_with = DOWN[trouble]
    seen = []
    for told in (opens(1), grows(1, 2), raises(1, 3), grows(1, 4), ends(1, severity=Severity.CRITICAL)):
        covered.happens(told)
        covered.passes(2 * STEP)
        edits = [posted.edits for posted in covered.pager.messages(PAGER)]
        seen.append((edits[0], paged(covered)[0]))

    assert [edits for edits, _ in seen] == [0, 0, 1, 1, 2]
    assert all(text.startswith("[fallback] ") for _, text in seen)
    assert seen[-1][1].startswith("[fallback] Resolved")


def test_nothing_goes_the_other_way_while_slack_takes_messages(covered: Desk) -> None:
    for told in (opens(1), raises(1), ends(1)):
        covered.happens(told)
        covered.passes(2 * STEP)

    assert paged(covered) == []


def test_once_slack_is_back_it_says_who_told_it_and_calls_nobody_again(covered: Desk) -> None:
    covered.chat.fail_with = DOWN["credentials"]
    covered.happens(opens(1))
    covered.passes(timedelta(minutes=20))
    covered.recovers()

    [root] = covered.chat.roots
    assert "Told by pager meanwhile." in root.text
    assert "<!here>" not in str(root.blocks)


def test_without_another_way_the_one_who_is_on_call_is_called_by_slack_late(desk: Desk) -> None:
    desk.chat.fail_with = DOWN["credentials"]
    desk.happens(opens(1))
    desk.passes(timedelta(minutes=20))
    desk.recovers()

    [root] = desk.chat.roots
    assert "<!here>" in str(root.blocks)


def test_what_slack_told_before_is_only_followed_where_it_matters(covered: Desk) -> None:
    covered.happens(opens(1))
    covered.passes(STEP)
    covered.chat.fail_with = DOWN["broken"]
    covered.happens(grows(1, 2))
    covered.passes(2 * STEP)
    quiet = paged(covered)
    covered.happens(raises(1, 3))
    covered.passes(2 * STEP)

    assert quiet == []
    assert len(paged(covered)) == 1


# -- what other receivers can and cannot do


class Line:
    """One receiver with these abilities."""

    def __init__(self, abilities: Abilities) -> None:
        self.clock, self.store = ManualClock(OPENED), MemoryStore(step=STEP)
        self.kept = MemoryMessenger(name="other", abilities=abilities)
        self.restart()

    def restart(self) -> None:
        self.deliverer = Deliverer(
            store=self.store,
            messenger=self.kept,
            clock=self.clock,
            meter=MemoryMeter(),
            language=Language.EN,
            zone=TOKYO,
        )

    def happens(self, told: Notice, *kinds: Kind) -> None:
        rows = plan(
            [told],
            receiver="other",
            channel_of=lambda _: "other",
            now=self.clock.now(),
            kinds=lambda _: kinds or (Kind.ROOT,),
        )
        self.store.commit_cycle(CycleCommit(JudgeState(), deliveries=rows))
        drain_until_empty(self.deliverer, self.clock)
        self.clock.advance(STEP)


def test_where_nothing_can_be_edited_a_reply_says_how_all_of_it_stands() -> None:
    line = Line(Abilities(edits=False, finds=False))
    line.happens(opens(1))
    line.happens(raises(1), Kind.ROOT, Kind.REPLY)

    [root] = line.kept.messages("other")
    [said] = line.kept.replies(root.receipt)
    assert root.edits == 0
    assert said.message.text.startswith("Ticket surge: payments / login. Severity raised to Critical")
    assert line.store.unsettled() == []


def test_where_nobody_can_look_what_is_in_doubt_is_sent_again_with_its_key() -> None:
    line = Line(Abilities(finds=False))
    line.kept.fail_next(OutcomeUnknown("lost"))
    line.happens(opens(1))
    [told] = line.store.deliveries()
    line.store = MemoryStore(step=STEP)
    under_way = replace(told, stage=Stage.SENDING, receipt=None)
    line.store.save_delivery(under_way)
    line.restart()

    drain_until_empty(line.deliverer, line.clock)

    keys = [posted.key for posted in line.kept.messages("other")]
    assert (len(keys), set(keys)) == (2, {"SW-1.1:other:other"})
    assert line.store.unsettled() == []


def test_what_lasts_is_told_again_before_it_would_end_and_what_is_over_is_not() -> None:
    line = Line(Abilities(repeats_every=timedelta(minutes=4)))
    open_ = replace(incident(surge(LOGIN, at=OPENED), id="SW-1"))
    line.store.commit_cycle(CycleCommit(JudgeState(), changed=(open_,)))
    line.happens(opens(1))
    for _ in range(3):
        line.deliverer.drain()
        line.clock.advance(timedelta(minutes=4))
    [lasting] = [posted.edits for posted in line.kept.messages("other")]
    line.happens(ends(1))
    for _ in range(3):
        line.deliverer.drain()
        line.clock.advance(timedelta(minutes=4))

    assert lasting == 3
    assert [posted.edits for posted in line.kept.messages("other")] == [lasting + 1]


def test_what_ended_without_this_receiver_hearing_of_it_is_not_repeated() -> None:
    line = Line(Abilities(repeats_every=timedelta(minutes=4)))
    line.happens(opens(1))
    line.clock.advance(timedelta(minutes=10))

    line.deliverer.drain()

    assert [posted.edits for posted in line.kept.messages("other")] == [0]


def test_an_edit_that_would_change_nothing_a_reader_sees_is_not_sent() -> None:
    line = Line(Abilities())
    line.happens(opens(1))
    line.happens(notice(Reason.CHANGED, incident=name(1), key="SW-1.2", revision=2))
    line.happens(grows(1, 3))

    [posted] = line.kept.messages("other")
    assert posted.edits == 1
    assert line.store.unsettled() == []
