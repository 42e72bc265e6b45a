"""What receivers beside Slack are told: who wants to hear it, to its end, and in a form that they can take."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.memory import MemoryMeter, MemoryStore
from spikewatch.announcing import Announcer
from spikewatch.core.blindness import Cause, begun, ended
from spikewatch.core.business_hours import BusinessHours
from spikewatch.core.calendars import Calendar
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.oncall import ReceiverSettings, When
from spikewatch.core.outbox import Delivery, Kind, Stage
from spikewatch.core.settings import RuleSeverity
from spikewatch.ports import Abilities, CycleCommit, JudgeState
from spikewatch.relaying import Relay, Relaying
from tests.factories import OPENED, notice
from tests.people import STEP

HOURS = BusinessHours(Calendar(ZoneInfo("Asia/Tokyo")))
HOOK = Abilities(replies=False, finds=False)
MAIL = Abilities(edits=False, finds=False)


def relay(abilities: Abilities = HOOK, *, stands_in: bool = False, **wanted: object) -> Relay:
    settings = ReceiverSettings(name="other", **wanted)  # type: ignore[arg-type]  # any of its keys
    return Relay(settings, "webhook", abilities, stands_in=stands_in)


class Line:
    """An outbox that some receivers share."""

    def __init__(self, *relays: Relay) -> None:
        self.store = MemoryStore(step=STEP)
        self.relaying = Relaying(self.store, relays, hours=HOURS)

    def happens(self, told: Notice) -> list[Delivery]:
        rows = self.relaying.plan(told, (), OPENED)
        self.store.commit_cycle(CycleCommit(JudgeState(), deliveries=rows))
        return list(rows)


def opened(**changes: object) -> Notice:
    return notice(Reason.OPENED, key="1", **changes)


def resolved() -> Notice:
    return notice(Reason.RESOLVED, key="9", phase=Phase.RESOLVED, resolved_at=OPENED, revision=9)


def test_a_webhook_is_told_every_state_and_mail_what_matters_below_the_first() -> None:
    story = [
        opened(),
        notice(Reason.CHANGED, key="2", revision=2),
        notice(Reason.RAISED, key="3", revision=3),
        notice(Reason.MERGED, key="4", revision=4, phase=Phase.CLOSED, merged_into="INC-9"),
    ]
    hook, mail = Line(relay()), Line(relay(MAIL))

    assert [[row.kind for row in hook.happens(each)] for each in story] == [[Kind.ROOT]] * 4
    assert [[row.kind for row in mail.happens(each)] for each in story] == [
        [Kind.ROOT],
        [],
        [Kind.REPLY],
        [Kind.REPLY],
    ]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({}, True),
        ({"service": "pay*"}, True),
        ({"service": "accounts"}, False),
        ({"category": "log*"}, True),
        ({"category": "refund"}, False),
        ({"at_least": RuleSeverity.CRITICAL}, False),
    ],
)
def test_a_receiver_is_told_what_it_wants_to_hear(wanted: dict[str, Any], *, told: bool) -> None:
    assert bool(Line(relay(**wanted)).happens(opened())) is told


def test_what_gets_severe_enough_is_told_then_and_followed_to_its_end() -> None:
    line = Line(relay(at_least=RuleSeverity.CRITICAL))

    seen = [
        line.happens(each)
        for each in (
            opened(),
            notice(Reason.RAISED, key="2", revision=2, severity=Severity.CRITICAL),
            resolved(),
        )
    ]

    assert [len(rows) for rows in seen] == [0, 1, 1]


@pytest.mark.parametrize(
    ("when", "told"), [(When.BUSINESS_HOURS, Stage.QUEUED), (When.OFF_HOURS, Stage.HELD)]
)
def test_out_of_its_hours_an_incident_waits_for_them_and_what_was_told_is_followed(
    when: When, told: Stage
) -> None:
    line = Line(relay(when=when))

    first, later = line.happens(opened()), line.happens(resolved())

    assert [row.stage for row in first] == [told]
    assert [row.stage for row in later] == ([told] if told is Stage.QUEUED else [])


def test_a_blindness_is_told_at_any_hour() -> None:
    blind = begun("desk", Cause.UNREACHABLE, since=OPENED, at=OPENED)

    rows = Line(relay(when=When.OFF_HOURS)).relaying.plan(blind, (), OPENED)

    assert [row.stage for row in rows] == [Stage.QUEUED]


def test_what_was_never_told_has_no_end_to_tell() -> None:
    line = Line(relay(service="accounts"))
    line.happens(opened())
    handled = notice(Reason.ACKNOWLEDGED, key="2", revision=2, handling=Handling(acknowledged_by="sato"))

    assert [*line.happens(handled), *line.happens(resolved())] == []


def test_an_incident_that_opens_and_ends_in_one_breath_is_told_both() -> None:
    store = MemoryStore(step=STEP)
    announcer = Announcer(
        store,
        routing=None,
        zone=ZoneInfo("Asia/Tokyo"),
        meter=MemoryMeter(),
        others=Relaying(store, [relay()], hours=HOURS).plan,
    )

    rows = announcer.plan([opened(), resolved()], OPENED)

    assert [row.notice.facts.revision for row in rows] == [1, 9]


def test_who_stands_in_begins_nothing_and_is_told_the_end_of_what_it_told() -> None:
    line = Line(relay(stands_in=True))
    nothing = line.happens(opened())
    line.store.commit_cycle(
        CycleCommit(
            JudgeState(),
            deliveries=[
                Delivery(
                    "k", "other", "webhook:other", opened(), created_at=OPENED, due=OPENED, stands_in="slack"
                )
            ],
        )
    )

    grown = line.happens(notice(Reason.CHANGED, key="2", revision=2))
    end = line.happens(resolved())

    assert (nothing, grown, len(end)) == ([], [], 1)


@pytest.mark.parametrize(("abilities", "kind"), [(HOOK, Kind.ROOT), (MAIL, Kind.REPLY)])
def test_a_blindness_is_told_with_its_end(abilities: Abilities, kind: Kind) -> None:
    line = Line(relay(abilities))
    blind = begun("desk", Cause.UNREACHABLE, since=OPENED, at=OPENED)
    first = line.relaying.plan(blind, (), OPENED)
    line.store.commit_cycle(CycleCommit(JudgeState(), deliveries=first))

    last = line.relaying.plan(ended(blind, until=OPENED, tickets=0, incidents=0, at=OPENED), (), OPENED)

    assert [row.kind for row in (*first, *last)] == [Kind.ROOT, kind]
