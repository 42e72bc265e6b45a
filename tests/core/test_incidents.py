"""The life of incidents: tables for each rule with its boundary, and laws over random sequences of surges."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.core.counts import ALL, FLEET, SeriesKey
from spikewatch.core.handling import UNTOUCHED, Handling
from spikewatch.core.incidents import (
    Change,
    Incident,
    Incidents,
    Phase,
    Severity,
    advance,
    ended_surges,
    open_surges,
)
from spikewatch.core.scoring import Reading
from spikewatch.core.surges import Surge, follow
from tests.core_factories import (
    LOGIN,
    NOON,
    PARCEL,
    PAYMENTS,
    REFUND,
    SHOP,
    STEP,
    incident,
    reading,
    rules,
    surge,
)

MINUTE = timedelta(minutes=1)
CRASH = SeriesKey("app", "crash")
BILL = SeriesKey("billing", "bill")


def seen(key: SeriesKey, scores: Mapping[SeriesKey, float | None]) -> Reading | None:
    """What a series reads; None where it is unknown."""
    score = scores.get(key, 0.0)
    return None if score is None else reading(score)


class World:
    """Incidents as buckets go by: series score what they are told to, and nothing otherwise."""

    def __init__(self, *, critical_score: float = 2.0) -> None:
        self.state = Incidents()
        self.now = NOON
        self.rules = rules(critical_score=critical_score)
        self.history: list[Change] = []

    def bucket(self, scores: Mapping[SeriesKey, float | None] | None = None) -> tuple[Change, ...]:
        """One bucket later; a series that is not named scores 0, None is unknown."""
        given_scores = scores or {}
        self.now += STEP
        lasting = open_surges(self.state)
        followed = {
            key: follow(state, seen(key, given_scores), bucket_end=self.now, step=STEP, excess=1.0)
            for key, state in lasting.items()
        }
        risen = [
            surge(key, at=self.now, score=score)
            for key, score in given_scores.items()
            if score is not None and score >= 1 and key not in lasting
        ]
        self.state, changes = advance(
            self.state, followed=followed, risen=risen, rules=self.rules, now=self.now
        )
        self.history += changes
        return changes

    def quiet(self, buckets: int) -> None:
        for _ in range(buckets):
            self.bucket()

    @property
    def only(self) -> Incident:
        (incident,) = self.state.active
        return incident


def phases(world: World) -> dict[str, Phase]:
    return {incident.id: incident.phase for incident in world.state.active}


# -- opening


def test_a_surge_opens_an_incident_of_its_service() -> None:
    world = World()

    (change,) = world.bucket({LOGIN: 1.2})

    assert change.before is None
    assert change.after == world.only
    assert (world.only.id, world.only.service, world.only.phase) == ("1", "payments", Phase.OPEN)
    assert world.only.opened_at == world.now
    assert world.only.started_at == world.now - 15 * MINUTE
    assert (world.only.severity, world.only.revision) == (Severity.WARNING, 1)
    assert not world.only.is_company_wide


def test_surges_of_one_service_are_one_incident_with_categories_before_rollups() -> None:
    world = World()

    world.bucket({PAYMENTS: 1.5, REFUND: 1.2, LOGIN: 1.3})

    assert [member.series for member in world.only.surges] == [LOGIN, REFUND, PAYMENTS]
    assert world.only.peak_score == 1.5


def test_surges_of_two_services_are_two_incidents() -> None:
    world = World()

    world.bucket({LOGIN: 1.2, PARCEL: 1.2})

    assert [(each.id, each.service) for each in world.state.active] == [("1", "payments"), ("2", "shop")]


def test_a_rise_of_the_whole_fleet_alone_is_company_wide() -> None:
    world = World()

    world.bucket({FLEET: 1.2})

    assert world.only.is_company_wide
    assert world.only.severity is Severity.CRITICAL


def test_a_rise_of_the_whole_fleet_that_services_explain_is_not_told_again() -> None:
    world = World()

    world.bucket({LOGIN: 1.2, FLEET: 1.2})
    world.bucket({LOGIN: 1.2, FLEET: 1.2})

    assert [member.series for member in world.only.surges] == [LOGIN]


def test_a_rise_of_the_whole_fleet_is_told_once_the_service_that_explained_it_is_over() -> None:
    world = World()
    world.bucket({LOGIN: 1.2, FLEET: 1.2})
    for _ in range(5):
        world.bucket({FLEET: 1.2})
    assert len(world.state.active) == 1

    world.bucket({FLEET: 1.2})

    assert phases(world) == {"1": Phase.RESOLVED, "2": Phase.OPEN}


def test_a_service_that_rises_during_a_company_wide_incident_joins_it() -> None:
    world = World()
    world.bucket({FLEET: 1.2})

    world.bucket({FLEET: 1.2, LOGIN: 1.2})

    assert [member.series for member in world.only.surges] == [FLEET, LOGIN]


# -- joining


@pytest.mark.parametrize(
    ("minutes", "incidents"), [(60, ["1"]), (65, ["1", "2"])], ids=["on the line", "past the line"]
)
def test_a_surge_joins_the_open_incident_of_its_service_within_an_hour_of_its_last_surging_bucket(
    minutes: int, incidents: list[str]
) -> None:
    world = World()
    world.bucket({LOGIN: 1.2})
    for _ in range(minutes // 5 - 1):
        world.bucket({LOGIN: None})

    world.bucket({LOGIN: None, REFUND: 1.2})

    assert list(phases(world)) == incidents


def test_a_series_that_surges_again_within_an_open_incident_stands_there_once() -> None:
    world = World()
    world.bucket({LOGIN: 1.5, REFUND: 1.2})
    for _ in range(7):
        world.bucket({LOGIN: 1.1})
    assert set(open_surges(world.state)) == {LOGIN}
    assert set(ended_surges(world.state)) == {REFUND}

    world.bucket({LOGIN: 1.1, REFUND: 1.9})

    refund = world.only.surges[1]
    assert [member.series for member in world.only.surges] == [LOGIN, REFUND]
    assert (refund.is_open, refund.joined.score, refund.peak.score) == (True, 1.2, 1.9)
    assert ended_surges(world.state) == {}


def test_an_incident_started_when_the_earliest_of_its_surges_began() -> None:
    world = World()
    world.bucket({LOGIN: 1.2})
    late = surge(REFUND, at=world.now + STEP)
    early = replace(late, began=NOON - timedelta(hours=2))

    changed, _ = advance(world.state, followed={}, risen=[early], rules=rules(), now=world.now + STEP)

    assert changed.active[0].started_at == NOON - timedelta(hours=2)


# -- resolving, reopening, closing


def test_it_resolves_once_every_member_has_been_quiet_for_half_an_hour() -> None:
    world = World()
    world.bucket({LOGIN: 1.2, REFUND: 1.2})
    world.bucket({REFUND: 1.2})

    assert [change.after.phase for _ in range(6) for change in world.bucket()] == [Phase.OPEN] * 5 + [
        Phase.RESOLVED
    ]
    assert world.only.resolved_at == world.now
    assert world.only.closed_at is None


def test_unknown_buckets_do_not_resolve_it() -> None:
    world = World()
    world.bucket({LOGIN: 1.2})
    world.quiet(5)

    for _ in range(40):
        assert world.bucket({LOGIN: None}) == ()

    assert world.only.phase is Phase.OPEN


def resolved_world() -> World:
    world = World()
    world.bucket({LOGIN: 1.2})
    world.quiet(6)
    assert world.only.phase is Phase.RESOLVED
    return world


@pytest.mark.parametrize("series", [LOGIN, REFUND, PAYMENTS])
def test_a_resolved_incident_reopens_under_its_id_on_the_last_minute_of_the_hour(series: SeriesKey) -> None:
    world = resolved_world()
    world.quiet(11)

    (change,) = world.bucket({series: 1.2})

    assert change.before is not None
    assert change.before.phase is Phase.RESOLVED
    assert (world.only.id, world.only.phase, world.only.resolved_at) == ("1", Phase.OPEN, None)


def test_after_an_hour_it_is_closed_and_a_new_surge_opens_another() -> None:
    world = resolved_world()
    world.quiet(12)

    changes = world.bucket({LOGIN: 1.2})

    assert {change.after.id: change.after.phase for change in changes} == {"1": Phase.CLOSED, "2": Phase.OPEN}
    assert world.only.id == "2"


def test_it_closes_an_hour_after_it_resolved_and_is_then_left_alone() -> None:
    world = resolved_world()
    resolved_at = world.now
    world.quiet(12)
    assert world.only.phase is Phase.RESOLVED

    (change,) = world.bucket()

    assert change.after.phase is Phase.CLOSED
    assert (change.after.resolved_at, change.after.closed_at) == (resolved_at, world.now)
    assert world.state.active == ()
    world.quiet(3)
    assert world.history[-1] == change


def test_a_resolved_incident_does_not_reopen_for_another_service() -> None:
    world = resolved_world()

    world.bucket({PARCEL: 1.2})

    assert phases(world) == {"1": Phase.RESOLVED, "2": Phase.OPEN}


# -- severity


@pytest.mark.parametrize(
    ("scores", "severity"),
    [
        ({LOGIN: 1.99}, Severity.WARNING),
        ({LOGIN: 2.0}, Severity.CRITICAL),
        ({LOGIN: 1.1, REFUND: 1.1, PAYMENTS: 1.1}, Severity.WARNING),
        ({LOGIN: 1.1, REFUND: 1.1, SeriesKey("payments", "card"): 1.1}, Severity.CRITICAL),
        ({FLEET: 1.1}, Severity.CRITICAL),
    ],
    ids=[
        "just below",
        "on the critical score",
        "two categories and their sum",
        "three categories",
        "the whole company",
    ],
)
def test_severity(scores: Mapping[SeriesKey, float], severity: Severity) -> None:
    world = World()

    world.bucket(scores)

    assert world.only.severity is severity


def test_three_categories_one_after_the_other_are_not_three_at_once() -> None:
    world = World()
    card = SeriesKey("payments", "card")
    world.bucket({LOGIN: 1.1, REFUND: 1.1})
    for _ in range(6):
        world.bucket({LOGIN: 1.1})

    world.bucket({LOGIN: 1.1, card: 1.1})

    assert len(world.only.surges) == 3
    assert world.only.severity is Severity.WARNING


def test_severity_never_falls() -> None:
    world = World()
    world.bucket({LOGIN: 2.5})

    world.quiet(6)

    assert (world.only.phase, world.only.severity) == (Phase.RESOLVED, Severity.CRITICAL)


def test_the_critical_score_may_differ_by_series() -> None:
    strict = rules()
    by_series = replace(strict, critical_score=lambda key: 1.1 if key == LOGIN else 9.0)

    state, _ = advance(
        Incidents(), followed={}, risen=[surge(LOGIN), surge(PARCEL, score=8.0)], rules=by_series, now=NOON
    )

    assert [each.severity for each in state.active] == [Severity.CRITICAL, Severity.WARNING]


# -- the whole company


def test_three_services_at_once_are_one_company_wide_incident_and_no_child_ever_appears() -> None:
    world = World()

    changes = world.bucket({LOGIN: 1.2, PARCEL: 1.2, CRASH: 1.2})

    assert len(changes) == 1
    assert world.only.is_company_wide
    assert {member.series for member in world.only.surges} == {LOGIN, PARCEL, CRASH}
    assert world.only.severity is Severity.CRITICAL


def test_two_services_and_a_second_category_are_not_the_whole_company() -> None:
    world = World()

    world.bucket({LOGIN: 1.2, REFUND: 1.2, PARCEL: 1.2})

    assert [each.service for each in world.state.active] == ["payments", "shop"]


def test_children_that_were_told_are_closed_and_say_where_they_went() -> None:
    world = World()
    world.bucket({LOGIN: 1.2})
    world.bucket({LOGIN: 1.2, PARCEL: 1.2})

    changes = world.bucket({LOGIN: 1.2, PARCEL: 1.2, CRASH: 1.2})

    company = world.only
    told = {change.after.id: change.after for change in changes}
    children = [told["1"], told["2"]]
    assert set(told) == {"1", "2", company.id}
    assert [child.merged_into for child in children] == [company.id] * 2
    assert [(child.phase, child.closed_at) for child in children] == [(Phase.CLOSED, world.now)] * 2
    assert [child.revision for child in children] == [3, 2]
    assert {member.series for member in company.surges} == {LOGIN, PARCEL, CRASH}
    assert company.started_at == min(child.started_at for child in children)


@pytest.mark.parametrize(("minutes", "wide"), [(30, True), (35, False)], ids=["on the line", "past the line"])
def test_surges_in_three_services_are_company_wide_only_within_half_an_hour(
    minutes: int, *, wide: bool
) -> None:
    world = World()
    world.bucket({LOGIN: 1.2, PARCEL: 1.2})
    for _ in range(minutes // 5 - 1):
        world.bucket({LOGIN: 1.2, PARCEL: 1.2})

    world.bucket({LOGIN: 1.2, PARCEL: 1.2, CRASH: 1.2})

    assert any(each.is_company_wide for each in world.state.active) is wide


def test_a_surge_that_is_just_over_is_no_third_service() -> None:
    world = World()
    world.bucket({LOGIN: 1.2})
    world.quiet(5)

    world.bucket({PARCEL: 1.2, CRASH: 1.2})

    assert phases(world) == {"1": Phase.RESOLVED, "2": Phase.OPEN, "3": Phase.OPEN}


def test_a_fourth_service_joins_the_company_wide_incident() -> None:
    world = World()
    three = {LOGIN: 1.2, PARCEL: 1.2, CRASH: 1.2}
    world.bucket(three)

    world.bucket({**three, BILL: 1.2, FLEET: 1.2})

    assert {member.series for member in world.only.surges} == {*three, BILL, FLEET}


def test_a_company_wide_incident_that_resolved_reopens_for_a_service_that_was_in_it() -> None:
    world = World()
    world.bucket({LOGIN: 1.2, PARCEL: 1.2, CRASH: 1.2})
    company = world.only.id
    world.quiet(6)

    world.bucket({REFUND: 1.2, BILL: 1.2})

    assert phases(world) == {company: Phase.OPEN, "5": Phase.OPEN}
    assert world.state.active[0].surges[-1].series == REFUND


def test_services_that_gather_while_a_company_wide_incident_is_open_go_into_it() -> None:
    company = incident(
        surge(FLEET, at=NOON - timedelta(hours=3)), surge(LOGIN, at=NOON - timedelta(hours=3)), id="9"
    )
    over = replace(surge(LOGIN), ended=NOON - 5 * MINUTE, last_surging=NOON - 35 * MINUTE)
    children = [
        incident(replace(surge(PARCEL), began=NOON - timedelta(days=1)), id="10"),
        incident(surge(REFUND), over, id="11"),
        incident(surge(CRASH), id="12"),
    ]
    children = [replace(child, started_at=child.surges[0].began) for child in children]
    before = Incidents((replace(company, severity=Severity.CRITICAL), *children), 13)

    after, changes = advance(before, followed={}, risen=[], rules=rules(), now=NOON + STEP)

    (grown,) = after.active
    assert grown.id == "9"
    assert [member.series for member in grown.surges] == [FLEET, LOGIN, PARCEL, REFUND, CRASH]
    assert grown.surges[1].is_open
    assert grown.started_at == NOON - timedelta(days=1)
    assert {change.after.merged_into for change in changes if change.after.phase is Phase.CLOSED} == {"9"}


SATO = Handling(acknowledged_by="sato", acknowledged_at=NOON + 2 * MINUTE)
SUZUKI = Handling(
    acknowledged_by="suzuki",
    acknowledged_at=NOON + MINUTE,
    snoozed_by="suzuki",
    snoozed_until=NOON + timedelta(hours=8),
)


@pytest.mark.parametrize(
    ("third", "whole"),
    [(UNTOUCHED, UNTOUCHED), (SUZUKI, SATO)],
    ids=["nobody's while a part is nobody's", "whoever's took the last part"],
)
def test_who_has_the_parts_of_a_new_company_wide_incident_decides_who_has_it(
    third: Handling, whole: Handling
) -> None:
    taken = zip((LOGIN, PARCEL, CRASH), (SATO, SUZUKI, third), strict=True)
    children = tuple(replace(incident(surge(key), id=str(key)), handling=each) for key, each in taken)

    after, changes = advance(Incidents(children, 4), followed={}, risen=[], rules=rules(), now=NOON + STEP)

    assert [each.handling for each in after.active] == [whole]
    kept = [change.after.handling for change in changes if change.after.merged_into is not None]
    assert kept == [SATO, SUZUKI, third]


def test_a_dismissed_company_wide_incident_that_services_are_gathered_into_is_told_again() -> None:
    dismissed = replace(SATO, dismissed_by="sato", dismissed_at=NOON)
    company = replace(incident(surge(FLEET, at=NOON - timedelta(hours=3)), id="9"), handling=dismissed)
    children = tuple(incident(surge(key), id=str(key)) for key in (LOGIN, PARCEL, CRASH))
    before = Incidents((replace(company, severity=Severity.CRITICAL), *children), 13)

    after, _ = advance(before, followed={}, risen=[], rules=rules(), now=NOON + STEP)

    assert [each.handling for each in after.active] == [SATO]


def test_excess_is_that_of_the_leaves_or_of_the_rollup_where_it_is_more() -> None:
    leaves = [replace(surge(key), excess=5.0) for key in (LOGIN, REFUND)]

    assert incident(*leaves).excess == 10.0
    assert incident(*leaves, replace(surge(PAYMENTS), excess=30.0)).excess == 30.0
    assert incident(*leaves, replace(surge(PAYMENTS), excess=8.0)).excess == 10.0


# -- laws

ALL_SERIES = [LOGIN, REFUND, PAYMENTS, PARCEL, SHOP, CRASH, SeriesKey("app", ALL), BILL, FLEET]
moods = st.sampled_from([0.0, 0.0, 0.0, 0.8, 1.2, 2.5, None])
weather = st.dictionaries(st.sampled_from(ALL_SERIES), moods, max_size=5)
lives = st.lists(st.tuples(weather, st.integers(1, 16)), max_size=25)


def surges_by_series(state: Incidents) -> Mapping[SeriesKey, Sequence[Surge]]:
    found: dict[SeriesKey, list[Surge]] = {}
    for each in state.active:
        for member in each.surges:
            if member.is_open:
                found.setdefault(member.series, []).append(member)
    return found


def check_change(change: Change, *, now: datetime, closed: set[str]) -> None:
    before, after = change.before, change.after
    assert after.id not in closed
    if before is None:
        assert (after.revision, after.opened_at, after.merged_into) == (1, now, None)
        return
    assert after.revision == before.revision + 1
    assert before.severity is Severity.WARNING or after.severity is Severity.CRITICAL
    assert (after.id, after.service, after.opened_at) == (before.id, before.service, before.opened_at)
    assert after.started_at <= before.started_at
    if after.phase is Phase.RESOLVED:
        assert all(
            not member.is_open and member.quiet >= 30 * MINUTE and now - member.last_surging >= 30 * MINUTE
            for member in after.surges
        )
    if before.phase is Phase.RESOLVED and after.phase is Phase.OPEN:
        assert before.resolved_at is not None
        assert now - before.resolved_at <= 60 * MINUTE


@settings(max_examples=150)
@given(lives)
def test_the_laws_of_incidents_hold_in_any_weather(
    life: list[tuple[dict[SeriesKey, float | None], int]],
) -> None:
    world = World()
    closed: set[str] = set()
    opened: list[str] = []
    for scores, buckets in life:
        for _ in range(buckets):
            before = world.state
            changes = world.bucket(scores)

            for change in changes:
                check_change(change, now=world.now, closed=closed)
            opened += [change.after.id for change in changes if change.before is None]
            closed |= {change.after.id for change in changes if change.after.phase is Phase.CLOSED}
            check_state(world, before, changes)
            check_nothing_is_lost(world, scores)
    assert len(opened) == len(set(opened))


def check_state(world: World, before: Incidents, changes: Sequence[Change]) -> None:
    active = world.state.active
    assert world.state.next_number >= before.next_number
    assert not any(each.phase is Phase.CLOSED for each in active)
    assert len({each.id for each in active}) == len(active)
    for each in active:
        series = [member.series for member in each.surges]
        assert len(series) == len(set(series))
        assert (each.phase is Phase.OPEN) == any(member.is_open for member in each.surges)
        assert (each.resolved_at is None) == (each.phase is Phase.OPEN)
    changed = {change.after.id for change in changes}
    kept = {each.id: each for each in before.active}
    assert all(each == kept[each.id] for each in active if each.id not in changed)
    for change in changes:
        if change.after.merged_into is not None:
            assert change.after.merged_into in {each.id for each in active}


def check_nothing_is_lost(world: World, scores: Mapping[SeriesKey, float | None]) -> None:
    lasting = surges_by_series(world.state)
    assert all(len(surges) == 1 for surges in lasting.values())
    risen = {key for key, score in scores.items() if score is not None and score >= 1}
    missing = risen - set(lasting)
    assert missing <= {FLEET}
    if missing:
        assert any(each.phase is Phase.OPEN for each in world.state.active)


@given(lives)
def test_two_worlds_with_the_same_weather_are_the_same(
    life: list[tuple[dict[SeriesKey, float | None], int]],
) -> None:
    one, other = World(), World()

    for scores, buckets in life[:5]:
        for _ in range(buckets):
            one.bucket(scores)
            other.bucket(dict(reversed(scores.items())))

    assert one.state == other.state
    assert one.history == other.history
