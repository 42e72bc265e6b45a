"""What a living message says of itself, and when it would say something new."""

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMessenger, MemoryMeter, MemoryStore
from spikewatch.core.events import LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import LATE_FROM, PLAINEST, Delivery, Told, plan
from spikewatch.core.recaps import recap_of
from spikewatch.core.settings import Language
from spikewatch.core.weekly import Accuracy, Week, Weekly, notice_of_week
from spikewatch.delivery import Deliverer
from spikewatch.delivery.shown import late_by
from spikewatch.ports import Abilities, CycleCommit, JudgeState
from tests.factories import OPENED, facts, notice

TOKYO = ZoneInfo("Asia/Tokyo")
STEP = timedelta(minutes=5)


def week() -> Told:
    told = Week(2026, 46)
    span = told.span(TOKYO)
    quiet = Weekly(told, span, span.end, (), Accuracy(), 1.0, None, None, (), (), ())
    return notice_of_week(quiet, at=OPENED)


def recap() -> Told:
    return recap_of([facts()], receiver="slack", channel="c", since=OPENED, at=OPENED)


def late(told: Told, *, waited: timedelta) -> timedelta | None:
    return late_by(Delivery("k", "slack", "c", told, created_at=OPENED, due=OPENED), now=OPENED + waited)


def test_a_message_says_that_it_is_late_from_five_minutes_on() -> None:
    assert late(notice(), waited=LATE_FROM - timedelta(seconds=1)) is None
    assert late(notice(), waited=LATE_FROM) == LATE_FROM


@pytest.mark.parametrize("told", [week, recap])
def test_what_names_a_span_of_its_own_is_never_late(told: Callable[[], Told]) -> None:
    assert late(told(), waited=timedelta(hours=3)) is None


def test_a_program_is_told_what_people_did_even_where_the_words_stay_the_same() -> None:
    store, clock = MemoryStore(step=STEP), ManualClock(OPENED)
    hook = MemoryMessenger(name="hook", abilities=Abilities(replies=False, finds=False, plain=PLAINEST))
    deliverer = Deliverer(
        store=store, messenger=hook, clock=clock, meter=MemoryMeter(), language=Language.EN, zone=TOKYO
    )

    def happens(told: Notice) -> None:
        rows = plan([told], receiver="hook", channel_of=lambda _: "hook:hook", now=clock.now())
        store.commit_cycle(CycleCommit(JudgeState(), deliveries=rows))
        deliverer.drain()
        clock.advance(timedelta(minutes=1))

    happens(notice(key="1"))
    snoozed = Handling(snoozed_by="sato", snoozed_until=OPENED + timedelta(hours=2))
    happens(notice(Reason.SNOOZED, key="2", revision=2, handling=snoozed))
    labelled = Handling(verdict=Verdict(LabelKind.INCIDENT, "sato", OPENED))
    happens(notice(Reason.LABELLED, key="3", revision=3, handling=labelled))
    happens(notice(Reason.CHANGED, key="4", revision=4, handling=labelled))

    [shown] = hook.messages("hook:hook")
    assert shown.edits == len([snoozed, labelled])
