"""A source that was blind while others were judged: what it missed is judged once it is back, late, and once."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest

from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.timegrid import bucket_number
from spikewatch.errors import Fault
from spikewatch.ports import Page
from tests.simulated_desk import (
    BEGAN,
    CRASH,
    JUDGED,
    LOGIN,
    PARCEL,
    REFUND,
    STEP,
    Desk,
    Live,
    Surge,
    end_of,
)
from tests.test_cycle import FrailStore

HOUR = timedelta(hours=1)
BACK = JUDGED + 8 * HOUR
BANK = "payments"
"""The one service that the second source feeds."""

MISSED = Surge(LOGIN, JUDGED + 3 * HOUR, tickets=25, buckets=3)
LASTING = Surge(LOGIN, BACK - HOUR, tickets=25, buckets=12)
SHOP = Surge(PARCEL, JUDGED + 3 * HOUR, tickets=40, buckets=2)


class Two:
    """A company with two sources: `desk` feeds shop and app, `bank` feeds payments; either can be down."""

    def __init__(self, *surges: Surge, desk: Desk | None = None) -> None:
        self.desk = (desk or Desk.steady()).with_(*surges)
        self.store = FrailStore()
        self.live = Live(self.desk, self.store)
        self.read = {"desk": BEGAN, "bank": BEGAN}
        self.now = BEGAN
        self.poll(JUDGED, "desk", "bank")
        self.judge()

    def poll(self, until: datetime, *sources: str) -> None:
        self.now = until
        for name in sources:
            tickets = [
                each
                for each in self.desk.tickets(self.read[name], until)
                if (each.service == BANK) is (name == "bank")
            ]
            page = Page(tickets, until.isoformat(), caught_up=True, watermark=until)
            self.store.commit_page(name, page, since=BEGAN, seen_at=until)
            self.read[name] = until

    def judge(self) -> int:
        return self.live.cycle.run(now=self.now)

    def live_through(
        self,
        until: datetime,
        *sources: str,
        every: timedelta = STEP,
        after_each: Callable[[], object] = lambda: None,
    ) -> "Two":
        while self.now < until:
            self.poll(min(until, self.now + every), *(sources or ("desk", "bank")))
            self.judge()
            after_each()
        return self

    def blind(self, until: datetime = BACK, *, every: timedelta = 2 * HOUR) -> "Two":
        return self.live_through(until, "desk", every=every)

    @property
    def incidents(self) -> Sequence[Incident]:
        return self.store.incidents(since=BEGAN)

    def of(self, service: str | None) -> list[object]:
        """The lives of a service's incidents, whatever they are called."""
        return [
            (each.opened_at, each.started_at, each.resolved_at, each.closed_at, each.phase, each.surges)
            for each in self.incidents
            if each.service == service
        ]

    def told(self, service: str) -> list[Reason]:
        notices = [each.notice for each in self.store.deliveries()]
        return [each.reason for each in notices if isinstance(each, Notice) and each.facts.service == service]


def test_a_surge_that_began_and_ended_while_its_source_was_blind_is_told_once_it_is_back() -> None:
    two = Two(MISSED).blind()
    before = list(two.incidents)

    two.live_through(BACK + HOUR)

    assert before == []
    (incident,) = two.incidents
    assert (incident.opened_at, incident.started_at) == (end_of(MISSED.start), MISSED.start)
    assert incident.phase is Phase.CLOSED
    assert two.told(BANK).count(Reason.OPENED) == 1
    assert {each.created_at for each in two.store.deliveries()} == {BACK + STEP}


def test_what_is_told_late_is_what_would_have_been_told_in_time() -> None:
    surges = (MISSED, LASTING)
    seeing = Two(*surges, desk=Desk.simulated()).live_through(BACK + 5 * HOUR, every=HOUR)

    late = Two(*surges, desk=Desk.simulated()).blind().live_through(BACK + 5 * HOUR, every=HOUR)

    assert late.of(BANK) == seeing.of(BANK)
    assert len(late.of(BANK)) == 2
    assert late.told(BANK) == seeing.told(BANK)


def test_what_still_surges_is_an_ordinary_open_incident() -> None:
    two = Two(LASTING).blind()

    two.live_through(BACK + STEP)

    (incident,) = two.incidents
    assert (incident.phase, incident.opened_at) == (Phase.OPEN, end_of(LASTING.start))
    two.live_through(BACK + 6 * HOUR, every=2 * HOUR)
    assert [each.phase for each in two.incidents] == [Phase.CLOSED]


def test_an_incident_that_was_open_when_its_source_went_blind_ends_when_it_ended() -> None:
    early = Surge(LOGIN, JUDGED + HOUR, tickets=25, buckets=6)
    seeing = Two(early).live_through(BACK + HOUR, every=HOUR)
    late = Two(early).live_through(JUDGED + 2 * HOUR, every=HOUR).blind()
    assert [each.phase for each in late.incidents] == [Phase.OPEN]

    late.live_through(BACK + HOUR)

    assert late.of(BANK) == seeing.of(BANK)


@pytest.mark.parametrize("every", [STEP, 6 * HOUR], ids=["bucket by bucket", "at once"])
def test_an_incident_that_was_resolved_when_its_source_went_blind_is_reopened_by_what_was_missed(
    every: timedelta,
) -> None:
    (first,) = Two(MISSED).live_through(BACK, every=HOUR).incidents
    assert first.resolved_at is not None
    again = Surge(LOGIN, first.resolved_at + 2 * STEP, tickets=60, buckets=3)
    seeing = Two(MISSED, again).live_through(BACK + 2 * HOUR, every=HOUR)
    (whole,) = seeing.incidents

    late = Two(MISSED, again).live_through(first.resolved_at, every=HOUR).blind(every=every)
    assert [each.phase for each in late.incidents] == [Phase.RESOLVED]

    late.live_through(BACK + 2 * HOUR, every=HOUR)
    assert late.of(BANK) == seeing.of(BANK)
    assert [each.id for each in late.incidents] == [whole.id]


def test_a_restart_at_any_time_changes_nothing() -> None:
    smooth = Two(MISSED, LASTING).blind().live_through(BACK + HOUR)
    rough = Two(MISSED, LASTING)

    rough.live_through(BACK, "desk", every=2 * HOUR, after_each=rough.live.restart)
    rough.live_through(BACK + HOUR, after_each=rough.live.restart)

    assert list(rough.incidents) == list(smooth.incidents)
    assert rough.store.judge_state() == smooth.store.judge_state()
    assert [each.notice for each in rough.store.deliveries()] == [
        each.notice for each in smooth.store.deliveries()
    ]


def test_a_crash_in_the_commit_of_catching_up_neither_loses_nor_doubles() -> None:
    smooth = Two(MISSED, LASTING).blind().live_through(BACK + STEP)
    rough = Two(MISSED, LASTING).blind()
    rough.poll(BACK + STEP, "desk", "bank")
    rough.store.is_broken = True
    with pytest.raises(Fault):
        rough.judge()
    assert list(rough.incidents) == []

    rough.store.is_broken = False
    rough.live.restart()
    rough.judge()

    assert list(rough.incidents) == list(smooth.incidents)
    assert rough.store.judge_state() == smooth.store.judge_state()


def test_incidents_of_others_live_on_undisturbed() -> None:
    others = (SHOP, Surge(CRASH, BACK - HOUR, tickets=20, buckets=20))
    alone = Two(*others).blind().live_through(BACK + STEP)

    two = Two(MISSED, *others).blind().live_through(BACK + STEP)

    assert [two.of(service) for service in ("shop", "app")] == [
        alone.of(service) for service in ("shop", "app")
    ]
    assert len(two.of(BANK)) == 1
    assert len(two.incidents) == 3


def test_nothing_is_told_twice_by_further_cycles_or_by_the_source_being_away_again() -> None:
    two = Two(MISSED).blind().live_through(BACK + HOUR)
    told = two.told(BANK)

    two.live_through(BACK + 3 * HOUR, "desk", every=HOUR).live_through(BACK + 4 * HOUR, every=HOUR)

    assert two.told(BANK) == told
    assert len(two.incidents) == 1
    assert dict(two.store.judge_state().behind) == {}


def test_the_company_wide_incident_of_others_is_neither_joined_nor_followed_by_what_is_late() -> None:
    storm = [
        Surge(LOGIN, JUDGED + HOUR, tickets=25, buckets=4),
        Surge(PARCEL, JUDGED + HOUR, tickets=40, buckets=4),
        Surge(CRASH, JUDGED + HOUR, tickets=20, buckets=4),
    ]
    again = Surge(REFUND, JUDGED + 5 * HOUR, tickets=20, buckets=2)
    two = Two(*storm, again).live_through(JUDGED + 2 * HOUR)
    (wide,) = [each for each in two.incidents if each.is_company_wide]
    two.blind()
    (before,) = [each for each in two.incidents if each.is_company_wide]
    assert before.phase is Phase.OPEN

    two.live_through(BACK + STEP)

    (after,) = [each for each in two.incidents if each.is_company_wide]
    assert after.id == wide.id
    assert after.phase is Phase.OPEN
    (late,) = [each for each in two.incidents if each.service == BANK and each.merged_into is None]
    assert late.opened_at == end_of(again.start)
    assert [surge.series for surge in late.surges] == [REFUND]
    two.live_through(BACK + 2 * HOUR)
    assert {each.phase for each in two.incidents} <= {Phase.RESOLVED, Phase.CLOSED}


def test_a_long_time_is_caught_up_with_in_parts_while_the_others_are_judged() -> None:
    away = JUDGED + 60 * HOUR
    surges = (
        Surge(LOGIN, JUDGED + 23 * HOUR, tickets=25, buckets=8),
        Surge(REFUND, JUDGED + 40 * HOUR, tickets=20, buckets=3),
        Surge(LOGIN, away - HOUR, tickets=25, buckets=8),
    )
    seeing = Two(*surges, SHOP).live_through(away + 6 * HOUR, every=6 * HOUR)
    two = Two(*surges, SHOP).blind(away, every=6 * HOUR)

    turns = 0
    two.poll(away + STEP, "desk", "bank")
    judged = [two.judge()]
    while two.store.judge_state().behind:
        turns += 1
        judged.append(two.judge())
        assert two.store.judge_state().judged_until == bucket_number(away + STEP, STEP)

    assert turns == 2
    assert max(judged) <= 24 * 4 + 1
    two.live_through(away + 6 * HOUR, every=2 * HOUR)
    assert two.of(BANK) == seeing.of(BANK)
    assert two.of("shop") == seeing.of("shop")
    assert len(two.of(BANK)) == 3


def test_a_service_of_two_sources_is_judged_late_where_either_was_blind() -> None:
    shared = Surge(LOGIN, JUDGED + 4 * HOUR, tickets=25, buckets=3)
    two = Two(shared)
    one = Page(
        [each for each in two.desk.tickets(BEGAN, BEGAN + STEP) if each.series == PARCEL],
        "x",
        caught_up=False,
    )
    two.store.commit_page("bank", one, since=BEGAN, seen_at=JUDGED)
    two.blind()
    assert set(two.store.judge_state().behind) == {BANK, "shop"}

    two.live_through(BACK + STEP)

    assert [each.service for each in two.incidents] == [BANK]
    assert dict(two.store.judge_state().behind) == {}
