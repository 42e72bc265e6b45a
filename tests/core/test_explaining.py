"""Explanations: every part and every gate of one series at one bucket, equal to what was judged."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikewatch.core.baseline import Baseline
from spikewatch.core.baseline.fitting import fit
from spikewatch.core.baseline.model import Factors, History
from spikewatch.core.calendars import SLOTS, Calendar
from spikewatch.core.counts import ALL, FLEET, Cells, Floats, Panel, Roster, SeriesKey
from spikewatch.core.explaining import around, explain, late_tickets
from spikewatch.core.explanations import Explanation, GateName, Learned, Likeness, Needed
from spikewatch.core.scoring import Limits, WhyNot, assess
from spikewatch.core.settings import ModelName, SeriesRule
from spikewatch.core.timegrid import HOUR, Grid
from tests.core_factories import (
    LOGIN,
    NOON,
    PARCEL,
    PAYMENTS,
    REFUND,
    STEP,
    UTC_CALENDAR,
    baseline,
    incident,
    limits,
    panel,
    quiet,
    surge,
)

WINDOWS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
LENGTH = 30
OLD = Learned(known_days=56.0, first_ticket=NOON - timedelta(days=56), age_days=56.0)
ORIGINS = ("enabled", "min_tickets", "min_ratio", "weight", "critical_score", "runbook")
RULE = SeriesRule(
    enabled=True,
    min_tickets=5,
    min_ratio=1.5,
    weight=1.0,
    critical_score=2.0,
    runbook=None,
    origin=dict.fromkeys(ORIGINS, "default"),
)


def desk(newest: Sequence[int], *, known: Mapping[str, Sequence[bool]] | None = None) -> Panel:
    """Two buckets an hour hold a ticket, then the newest ones hold these."""
    past = [1, 0, 0, 0, 0, 0] * 5
    return panel({LOGIN: [*past[: LENGTH - len(newest)], *newest], PARCEL: past}, known=known)


def normal_of(roster: Roster) -> Baseline:
    """Two tickets an hour are normal for each of the two."""
    return baseline(roster, {LOGIN: 2.0, PARCEL: 2.0})


def explained(
    counts: Panel,
    *,
    rule: SeriesRule = RULE,
    cutoff: float = 5.0,
    normal: Baseline | None = None,
    learned: Learned = OLD,
    series: SeriesKey = LOGIN,
) -> Explanation:
    standard = normal or normal_of(counts.roster)
    return explain(
        assess(
            counts,
            standard,
            demanded(counts.roster, rule, cutoff),
            first=counts.grid.stop - 1,
            windows=WINDOWS,
        ),
        standard,
        series=series,
        learned=learned,
        rule=rule,
    )


def demanded(roster: Roster, rule: SeriesRule, cutoff: float) -> Limits:
    asked = limits(roster, cutoff=cutoff, min_tickets=rule.min_tickets, min_ratio=rule.min_ratio)
    return replace(asked, enabled=np.full(len(roster), rule.enabled))


def failed(explanation: Explanation) -> list[GateName]:
    return [gate.name for gate in explanation.gates if not gate.holds]


def test_a_surge_passes_every_gate() -> None:
    found = explained(desk([4, 6, 8]))

    assert found.why is WhyNot.ALERTS
    assert failed(found) == []
    assert found.needed is None
    assert found.at == NOON
    reading = found.leading.reading
    assert (reading.window_minutes, reading.observed) == (15, 18)
    assert reading.score == pytest.approx((found.leading.counted + found.leading.evidence) / found.cutoff)


def test_a_normal_count_says_how_many_tickets_would_have_alerted() -> None:
    counts = desk([1, 0, 1])

    found = explained(counts)

    assert found.why is WhyNot.NORMAL
    assert GateName.UNUSUAL in failed(found)
    assert found.needed is not None
    missing = found.needed.tickets - found.leading.reading.observed
    assert explained(with_more(counts, missing)).why is WhyNot.ALERTS


def with_more(counts: Panel, tickets: int) -> Panel:
    """The same with so many more in the newest bucket of the login."""
    more = counts.counts.copy()
    more[counts.roster.rows[LOGIN], -1] += tickets
    return replace(counts, counts=more)


def test_the_floor_on_tickets_holds_what_is_unusual_enough() -> None:
    found = explained(desk([3, 4]), rule=RULE.model_copy(update={"min_tickets": 30}), cutoff=3.0)

    assert found.why is WhyNot.MIN_TICKETS
    assert failed(found) == [GateName.MIN_TICKETS]
    assert found.needed == Needed(found.leading.reading.window_minutes, 30)


def test_the_floor_on_the_ratio_holds_what_is_unusual_enough() -> None:
    found = explained(desk([3, 4]), rule=RULE.model_copy(update={"min_ratio": 100.0}), cutoff=3.0)

    assert found.why is WhyNot.MIN_RATIO
    assert failed(found) == [GateName.MIN_RATIO]
    assert found.needed is not None
    assert found.needed.tickets >= 100 * found.leading.reading.expected


def test_tickets_of_an_hour_ago_are_said_to_have_subsided() -> None:
    found = explained(desk([20, 20, 0, 0, 0, 0, 0, 0, 0]))

    assert found.why is WhyNot.SUBSIDED
    assert failed(found) == [GateName.STILL_RISING]
    assert found.leading.counted < found.leading.surprise
    assert found.needed is not None
    assert found.needed.window_minutes == 15


def test_a_disabled_series_says_where_it_was_disabled() -> None:
    origin = RULE.origin | {"enabled": "services.payments.enabled"}

    found = explained(desk([9, 9]), rule=RULE.model_copy(update={"enabled": False, "origin": origin}))

    gate = next(gate for gate in found.gates if gate.name is GateName.ENABLED)
    assert (found.why, gate.holds, gate.origin) == (WhyNot.DISABLED, False, "services.payments.enabled")
    assert found.needed is None


def test_a_new_series_is_still_learning() -> None:
    counts = desk([9, 9])
    normal = normal_of(counts.roster)
    young = replace(normal, learned=np.zeros(len(counts.roster), dtype=np.bool_))

    found = explained(counts, normal=young, learned=Learned(30.0, NOON - timedelta(days=3), 3.0))

    assert found.why is WhyNot.LEARNING
    assert GateName.LEARNED in failed(found)
    assert GateName.HISTORY not in failed(found)


def test_unknown_buckets_are_counted_in_each_window() -> None:
    known = {"payments": [True] * (LENGTH - 3) + [False] * 3}

    found = explained(desk([9, 9], known=known))

    assert [part.unknown_buckets for part in found.windows] == [1, 3, 3]
    assert [part.why for part in found.windows[:2]] == [WhyNot.UNKNOWN] * 2
    assert found.windows[0].known_share == 0.0
    assert found.windows[2].known_share == pytest.approx(0.75)
    assert found.windows[2].why is not WhyNot.UNKNOWN


def test_the_parts_of_the_expectation_multiply_to_it() -> None:
    counts = desk([1])
    normal = normal_of(counts.roster)
    size = len(counts.roster)
    parts = replace(normal, factors=Factors(np.full(size, 1.25), np.full(size, 0.8)))

    found = explained(counts, normal=parts).normal

    product = found.shape * found.level * found.today * found.of_day * found.within / 12
    assert product == pytest.approx(found.bucket)
    assert (found.level, found.today, found.of_day, found.within) == (1.25, 0.8, 1.0, 1.0)
    assert (found.like_weekday, found.hour) == (0, 11)


@pytest.mark.parametrize(
    ("off", "kind", "like"),
    [
        ((), Likeness.ORDINARY, 0),
        ((date(2026, 5, 11),), Likeness.DAY_OFF, 6),
    ],
)
def test_a_day_off_is_told_with_the_day_that_it_is_like(
    off: tuple[date, ...], kind: Likeness, like: int
) -> None:
    counts = desk([1])
    normal = replace(normal_of(counts.roster), calendar=Calendar(ZoneInfo("UTC"), frozenset(off)))

    found = explained(counts, normal=normal).normal

    assert (found.day, found.kind, found.like_weekday) == (date(2026, 5, 11), kind, like)


def test_a_business_day_after_days_off_is_like_a_monday() -> None:
    until = datetime(2026, 5, 13, 12, tzinfo=UTC)
    counts = panel({LOGIN: [1] * LENGTH, PARCEL: [0] * LENGTH}, until=until)
    calendar = Calendar(ZoneInfo("UTC"), frozenset({date(2026, 5, 12)}))

    found = explained(counts, normal=replace(normal_of(counts.roster), calendar=calendar)).normal

    assert (found.kind, found.like_weekday) == (Likeness.AFTER_DAYS_OFF, 0)


@given(
    newest=st.lists(st.integers(0, 30), min_size=1, max_size=12),
    cutoff=st.sampled_from([3.0, 5.0, 8.0]),
    min_tickets=st.sampled_from([1, 5, 40]),
    min_ratio=st.sampled_from([1.0, 1.5, 20.0]),
    blind=st.integers(0, 14),
)
def test_a_series_alerts_exactly_where_every_gate_is_passed(
    newest: list[int], cutoff: float, min_tickets: int, min_ratio: float, blind: int
) -> None:
    known = {"payments": [True] * (LENGTH - blind) + [False] * blind}
    rule = RULE.model_copy(update={"min_tickets": min_tickets, "min_ratio": min_ratio})

    found = explained(desk(newest, known=known), rule=rule, cutoff=cutoff)

    alerted = any(part.reading.score >= 1 for part in found.windows)
    assert alerted == (found.why is WhyNot.ALERTS)
    assert alerted == (failed(found) == [])


def a_bit_more(values: NDArray[np.floating]) -> Floats:
    """The numbers next to these: as far off as sums that are added up in another order."""
    return np.nextafter(values.astype(np.float64), np.inf)


@pytest.mark.parametrize("newest", [[4, 6, 8], [1, 0, 1], [20, 20, 0, 0, 0, 0, 0, 0, 0]])
def test_the_last_bits_of_what_was_learnt_are_not_told(newest: Sequence[int]) -> None:
    counts = desk(newest)
    sevenths = np.full(len(counts.roster), 8 / 7)
    learnt = replace(
        normal_of(counts.roster), day_spread=sevenths / 9, factors=Factors(level=sevenths, today=sevenths)
    )
    otherwise = replace(
        learnt,
        slot_mean=a_bit_more(learnt.slot_mean),
        slot_variance=a_bit_more(learnt.slot_variance),
        day_spread=a_bit_more(learnt.day_spread),
        dispersion=a_bit_more(learnt.dispersion),
        within=a_bit_more(learnt.within),
        factors=Factors(level=a_bit_more(sevenths), today=a_bit_more(sevenths)),
    )

    found, again = explained(counts, normal=learnt), explained(counts, normal=otherwise)

    assert (again.normal, again.gates, again.needed, again.lead) == (
        found.normal,
        found.gates,
        found.needed,
        found.lead,
    )
    for ours, theirs in zip(found.windows, again.windows, strict=True):
        assert replace(theirs, reading=ours.reading) == ours


def service_by_service(n_strangers: int) -> Mapping[SeriesKey, Sequence[int]]:
    """Four weeks of two series, hour by hour, and silent ones that stand before and after them."""
    rng = np.random.default_rng(5)
    busy = {LOGIN: 7.3, PARCEL: 3.1}
    silent = [
        SeriesKey(f"{place}{number}", "x") for number in range(n_strangers) for place in ("a", "q", "z")
    ]
    rows = {key: rng.poisson(rate, 4 * SLOTS).tolist() for key, rate in busy.items()}
    return rows | dict.fromkeys(silent, [0] * (4 * SLOTS))


def explained_among(n_strangers: int) -> Explanation:
    """The login's newest bucket by what is learnt from it and from so many others."""
    came = service_by_service(n_strangers)
    hourly = panel(came, step=HOUR)
    buckets = Grid(STEP, 12 * hourly.grid.first, 12 * hourly.grid.length)
    services = np.zeros((len(hourly.roster.services), buckets.length), dtype=np.int64)
    learnt = fit(
        History(hourly, buckets, services),
        calendar=UTC_CALENDAR,
        model=ModelName.PROFILE,
        epoch=hourly.grid.stop,
        learn_until=hourly.grid.stop,
    )
    counts = panel({key: [0] * LENGTH if key != LOGIN else [1] * 28 + [9, 9] for key in came})
    return explained(counts, normal=learnt)


def test_silent_series_beside_it_change_nothing_in_an_explanation() -> None:
    assert explained_among(7) == explained_among(0)


def test_late_tickets_of_a_roll_up_are_those_of_what_it_sums() -> None:
    roster = Roster.of([LOGIN, REFUND, PARCEL])
    rows = np.array([roster.rows[LOGIN], roster.rows[REFUND], roster.rows[PARCEL]])
    cells = Cells(
        roster, rows, bucket=np.array([1, 2, 3]), tickets=np.array([5, 5, 5]), late=np.array([1, 2, 4])
    )

    assert [late_tickets(cells, series) for series in (LOGIN, PAYMENTS, FLEET)] == [1, 3, 7]


def test_incidents_around_an_instant_are_those_of_the_service_with_the_series_own_surge() -> None:
    own, other, elsewhere = surge(LOGIN), surge(REFUND), surge(PARCEL)
    told = incident(own, other, id="1")

    found = around([told, incident(elsewhere, id="2")], LOGIN, at=NOON)

    assert found == ((told, own),)
    assert around([told], SeriesKey("payments", "card"), at=NOON) == ((told, None),)
    assert [each.id for each, _ in around([told, incident(elsewhere, id="2")], FLEET, at=NOON)] == ["1", "2"]


@pytest.mark.parametrize(("after", "holds"), [(timedelta(minutes=60), True), (timedelta(minutes=65), False)])
def test_an_incident_that_was_resolved_is_around_for_an_hour(after: timedelta, holds: bool) -> None:  # noqa: FBT001 -- a column of the table
    told = replace(incident(quiet(surge())), resolved_at=NOON + timedelta(minutes=30))

    found = around([told], SeriesKey("payments", ALL), at=NOON + timedelta(minutes=30) + after)

    assert bool(found) == holds


def test_the_bucket_that_is_explained_is_the_newest_of_the_assessment() -> None:
    assert explained(desk([1])).at - STEP == NOON - STEP
