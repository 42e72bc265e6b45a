"""Scoring: the contract of score, upper and unknown buckets on random panels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.baseline import Baseline
from spikewatch.core.counts import FLEET, Panel, Roster, SeriesKey
from spikewatch.core.rules import MOST_SCORE
from spikewatch.core.scoring import BELOW_FLOOR, Assessment, Limits, WhyNot, assess, why_not
from spikewatch.core.windows import LEAST_OVERDISPERSION, remembered_from
from tests.core_factories import LOGIN, NOON, PARCEL, PAYMENTS, REFUND, SHOP, STEP, baseline, limits, panel
from tests.oracles.windows import window

WINDOWS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3))
LONGEST = 36
HOUR_OF_BUCKETS = 12
REMEMBERED = LONGEST + HOUR_OF_BUCKETS
"""The hour that is judged, and the longest window before it."""
ROSTER = Roster.of([LOGIN, REFUND, PARCEL])
NORMAL = baseline(ROSTER, {LOGIN: 12.0, REFUND: 1.5, PARCEL: 60.0}, day_spread=0.1)
LIMITS = limits(ROSTER)

means = st.floats(0.01, 3000)
spreads = st.floats(1.02, 50)


def judged(
    seen: Panel, *, judged_buckets: int = 1, normal: Baseline = NORMAL, limits: Limits = LIMITS
) -> Assessment:
    return assess(seen, normal, limits, first=seen.grid.stop - judged_buckets, windows=WINDOWS)


def quiet_then(
    *newest: int, key: SeriesKey = LOGIN, known: Mapping[str, Sequence[bool]] | None = None
) -> Panel:
    """A panel of `REMEMBERED` buckets at about the normal rate whose newest hold these tickets for one series."""
    counts = {LOGIN: [1] * REMEMBERED, REFUND: [0] * REMEMBERED, PARCEL: [5] * REMEMBERED}
    counts[key][REMEMBERED - len(newest) :] = newest
    return panel(counts, known=known)


# -- laws on random panels


@dataclass(frozen=True)
class Case:
    """A panel with some surges and some unknown buckets, and how many buckets of it are judged."""

    seen: Panel
    judged_buckets: int
    limits: Limits

    def assessed(self) -> Assessment:
        return judged(self.seen, judged_buckets=self.judged_buckets, limits=self.limits)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    since_the_hour = draw(st.integers(1, HOUR_OF_BUCKETS))
    n_judged = draw(st.integers(1, since_the_hour))
    length = LONGEST + since_the_hour
    counts = rng.poisson([[1.0], [0.125], [5.0]], size=(3, length))
    for _ in range(draw(st.integers(0, 3))):
        row, start = rng.integers(3), rng.integers(length)
        stop = start + int(rng.integers(1, 20))
        counts[row, start:stop] = counts[row, start:stop] * rng.integers(1, 30) + rng.integers(0, 9)
    share = draw(st.sampled_from([1.0, 0.95, 0.5, 0.0]))
    known = rng.random((2, length)) <= share
    bounds = limits(
        ROSTER,
        cutoff=draw(st.floats(3, 12)),
        min_ratio=draw(st.floats(1, 5)),
        min_tickets=draw(st.integers(1, 9)),
    )
    seen = panel(
        dict(zip(ROSTER.keys[:3], counts.tolist(), strict=True)),
        known=dict(zip(ROSTER.services, known.tolist(), strict=True)),
        until=NOON - (HOUR_OF_BUCKETS - since_the_hour) * STEP,
    )
    return Case(seen, n_judged, bounds)


@given(cases())
def test_a_score_is_finite_from_0_to_100_and_0_where_nothing_was_judged(case: Case) -> None:
    found = case.assessed()

    assert np.isfinite(found.score).all()
    assert ((found.score >= 0) & (found.score <= MOST_SCORE)).all()
    assert (found.score[~found.judged] == 0).all()
    assert (found.expected > 0).all()


@given(cases())
def test_the_score_stays_below_1_while_the_count_is_at_most_upper_and_reaches_it_above_unless_it_subsides(
    case: Case,
) -> None:
    found = case.assessed()

    for row, place, column in np.ndindex(found.score.shape):
        above = found.observed[row, place, column] > found.upper(place, column)[row]
        reason = why_not(found, row, place, column)
        if reason is WhyNot.ALERTS:
            assert above
        elif above:
            assert reason in (WhyNot.SUBSIDED, WhyNot.UNKNOWN)


@given(cases())
def test_a_reading_holds_the_upper_of_its_window_to_the_ticket(case: Case) -> None:
    found = case.assessed()

    for row, place, column in np.ndindex(found.score.shape):
        reading = found.reading(row, column, window=place)
        assert reading is not None
        assert reading.upper == found.upper(place, column)[row]


@given(cases())
def test_nothing_alerts_below_its_floors(case: Case) -> None:
    found, bounds = case.assessed(), case.limits

    few = found.observed < bounds.min_tickets[:, None, None]
    mild = found.observed < bounds.min_ratio[:, None, None] * found.expected

    assert (found.score[few | mild] <= BELOW_FLOOR).all()


@given(cases())
def test_every_window_holds_the_sums_of_its_known_buckets(case: Case) -> None:
    found, seen = case.assessed(), case.seen
    mean = NORMAL.expect(seen.grid.first, seen.grid.stop, STEP).mean
    shares = known_shares(seen, mean)

    for row in range(len(ROSTER)):
        for place, width in enumerate(found.windows):
            for column in {0, found.n_judged - 1}:
                end = seen.grid.length - found.n_judged + column
                right = window(
                    seen.counts[row].tolist(), mean[row].tolist(), shares[row].tolist(), width=width, end=end
                )
                assert found.observed[row, place, column] == right.observed
                assert found.expected[row, place, column] == pytest.approx(right.expected, rel=1e-9, abs=1e-9)
                if abs(right.expected / right.whole - 0.5) > 1e-6:
                    enough = right.expected >= 0.5 * right.whole
                    assert found.judged[row, place, column] == enough


def known_shares(seen: Panel, mean: np.ndarray) -> np.ndarray:
    """How much of each bucket is known: all or nothing, and for the fleet as much as its known services are worth."""
    rows = [[float(flag) for flag in seen.known_rows[row]] for row in range(len(ROSTER))]
    services = [ROSTER.rows[PAYMENTS], ROSTER.rows[SHOP]]
    for bucket in range(seen.grid.length):
        worth = sum(mean[row, bucket] * rows[row][bucket] for row in services)
        rows[-1][bucket] = worth / sum(mean[row, bucket] for row in services)
    return np.array(rows)


@given(cases())
def test_a_batch_of_buckets_is_judged_as_each_is_alone_to_the_last_bit(case: Case) -> None:
    together, seen = case.assessed(), case.seen

    for column in range(case.judged_buckets):
        last = together.first + column
        first = remembered_from(last, longest=LONGEST, step=STEP)
        alone = judged(seen.cut(first, last + 1), limits=case.limits)
        for name in ("observed", "expected", "variance", "surprise", "score", "judged"):
            np.testing.assert_array_equal(
                getattr(together, name)[:, :, column], getattr(alone, name)[:, :, 0]
            )
        np.testing.assert_array_equal(together.evidence[:, column], alone.evidence[:, 0])
        for row in range(len(ROSTER)):
            assert together.reading(row, column) == alone.reading(row, 0)


@given(cases())
def test_the_reason_agrees_with_the_score(case: Case) -> None:
    found = case.assessed()

    for row in range(len(ROSTER)):
        for place in range(len(found.windows)):
            reason = why_not(found, row, place, 0)
            score = found.score[row, place, 0]
            assert (reason is WhyNot.ALERTS) == (score >= 1)
            if reason is WhyNot.NORMAL:
                assert score < 1


# -- single rules


def test_a_burst_alerts_and_its_reading_says_by_how_much() -> None:
    found = judged(quiet_then(30))

    reading = found.reading(ROSTER.rows[LOGIN], 0)

    assert reading is not None
    assert reading.window_minutes == 5
    assert reading.observed == 30
    assert reading.expected == pytest.approx(1.0)
    assert reading.observed > reading.upper >= 5
    assert reading.score == found.peaks(0)[ROSTER.rows[LOGIN]] > 1
    assert why_not(found, ROSTER.rows[LOGIN], 0, 0) is WhyNot.ALERTS


def test_a_quiet_series_scores_0_or_little() -> None:
    found = judged(quiet_then(1))

    assert found.peaks(0).max() < 1
    assert why_not(found, ROSTER.rows[LOGIN], 0, 0) is WhyNot.NORMAL


@pytest.mark.parametrize(
    ("min_tickets", "min_ratio", "reason"),
    [(31, 1.0, WhyNot.MIN_TICKETS), (1, 40.0, WhyNot.MIN_RATIO), (30, 29.0, WhyNot.ALERTS)],
    ids=["too few tickets", "too little above normal", "just enough of both"],
)
def test_a_floor_holds_back_what_the_statistics_flag(
    min_tickets: int, min_ratio: float, reason: WhyNot
) -> None:
    bounds = limits(ROSTER, min_tickets=min_tickets, min_ratio=min_ratio)

    found = judged(quiet_then(30), limits=bounds)

    row = ROSTER.rows[LOGIN]
    assert why_not(found, row, 0, 0) is reason
    assert (found.upper(0, 0)[row] >= 30) == (reason is not WhyNot.ALERTS)


def test_tickets_of_an_hour_ago_alone_never_alert() -> None:
    burst_then_nothing = [40, 40, 40, *[0] * 12]

    found = judged(quiet_then(*burst_then_nothing))

    row = ROSTER.rows[LOGIN]
    three_hours = 3
    assert found.observed[row, three_hours, 0] > 100
    assert found.peaks(0)[row] < 1
    assert why_not(found, row, three_hours, 0) is WhyNot.SUBSIDED


def test_a_mild_rise_that_lasts_alerts_in_a_long_window() -> None:
    found = judged(quiet_then(*[3] * 36))

    reading = found.reading(ROSTER.rows[LOGIN], 0)

    assert reading is not None
    assert reading.score >= 1
    assert reading.window_minutes >= 60


def test_a_window_is_judged_once_half_of_its_expectation_is_known() -> None:
    flags = [True] * REMEMBERED
    flags[-2:] = [False, True]
    half_of_two = replace(NORMAL, day_spread=np.zeros(len(ROSTER)))
    two = (timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=15))
    seen = quiet_then(1, known={"payments": flags})

    found = assess(seen, half_of_two, LIMITS, first=seen.grid.stop - 1, windows=two)

    assert found.judged[ROSTER.rows[LOGIN], :, 0].tolist() == [True, True, True]
    flags[-3:] = [False, False, True]
    seen = quiet_then(1, known={"payments": flags})
    found = assess(seen, half_of_two, LIMITS, first=seen.grid.stop - 1, windows=two)
    assert found.judged[ROSTER.rows[LOGIN], :, 0].tolist() == [True, True, False]
    assert found.judged[ROSTER.rows[PARCEL], :, 0].all()


def test_a_rollup_is_judged_on_the_services_that_are_known() -> None:
    flags = [True] * (REMEMBERED - 3) + [False] * 3

    found = judged(quiet_then(0, 0, 0, known={"payments": flags}))

    fleet, quarter = ROSTER.rows[FLEET], 1
    assert found.judged[fleet, quarter, 0]
    assert found.observed[fleet, quarter, 0] == 15
    assert found.expected[fleet, quarter, 0] == pytest.approx(15.0)
    assert not found.judged[ROSTER.rows[PAYMENTS], quarter, 0]
    assert not found.is_known(ROSTER.rows[PAYMENTS], 0)
    assert found.is_known(fleet, 0)


def test_a_fleet_whose_larger_service_is_unknown_is_not_judged() -> None:
    flags = [True] * (REMEMBERED - 3) + [False] * 3

    found = judged(quiet_then(99, known={"shop": flags}))

    row = ROSTER.rows[FLEET]
    assert found.judged[row, :, 0].tolist() == [False, False, True, True]
    assert why_not(found, row, 0, 0) is WhyNot.UNKNOWN


def test_a_series_that_is_wholly_unknown_is_not_said_to_be_learning() -> None:
    found = judged(quiet_then(1, known={"payments": [False] * REMEMBERED}))

    assert why_not(found, ROSTER.rows[LOGIN], 0, 0) is WhyNot.UNKNOWN


def test_a_series_that_is_learning_or_disabled_is_not_judged_and_says_so() -> None:
    learning = replace(NORMAL, learned=np.array([key != LOGIN for key in ROSTER.keys]))
    bounds = replace(LIMITS, enabled=np.array([key != PARCEL for key in ROSTER.keys]))

    found = judged(quiet_then(90), normal=learning, limits=bounds)

    assert why_not(found, ROSTER.rows[LOGIN], 0, 0) is WhyNot.LEARNING
    assert why_not(found, ROSTER.rows[PARCEL], 0, 0) is WhyNot.DISABLED
    assert found.reading(ROSTER.rows[LOGIN], 0) is None
    assert found.peaks(0)[[ROSTER.rows[LOGIN], ROSTER.rows[PARCEL]]].tolist() == [0, 0]


def test_a_reading_can_be_had_of_any_window() -> None:
    found = judged(quiet_then(30))

    reading = found.reading(ROSTER.rows[PARCEL], 0, window=2)

    assert reading is not None
    assert (reading.window_minutes, reading.observed) == (60, 60)


def test_a_surge_beyond_all_measure_scores_100() -> None:
    found = judged(quiet_then(10**9))

    assert found.peaks(0)[ROSTER.rows[LOGIN]] == MOST_SCORE


def test_windows_that_the_grid_cannot_tell_apart_are_one() -> None:
    seen = quiet_then(1)

    found = assess(
        seen,
        NORMAL,
        LIMITS,
        first=seen.grid.stop - 1,
        windows=[timedelta(minutes=1), *WINDOWS[:2], timedelta(minutes=7)],
    )

    assert found.windows == (1, 3)


def test_variance_leaves_room_for_the_model_however_regular_the_counts_were() -> None:
    regular = baseline(ROSTER, {LOGIN: 12.0, REFUND: 1.5, PARCEL: 60.0}, overdispersion=1.0)

    found = judged(quiet_then(1), normal=regular)

    np.testing.assert_allclose(found.variance, LEAST_OVERDISPERSION * found.expected)


def test_an_empty_fleet_is_judged_without_a_word() -> None:
    roster = Roster.of([])
    nothing = panel({LOGIN: [0] * REMEMBERED})
    empty = Panel(
        roster,
        nothing.grid,
        np.zeros((0, REMEMBERED), dtype=np.int64),
        np.zeros((0, REMEMBERED), dtype=np.bool_),
    )

    found = assess(empty, baseline(roster, {}), limits(roster), first=nothing.grid.stop - 1, windows=WINDOWS)

    assert found.score.shape == (0, 4, 1)
    assert found.peaks(0).shape == (0,)
