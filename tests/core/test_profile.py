"""The profile against an oracle that works on one series at a time, and the laws that keep its expectation sound."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spikewatch.core.baseline.model import LEAST_MEAN
from spikewatch.core.baseline.noise import MOST
from spikewatch.core.baseline.profile import AT_ONCE, TODAY_LEAST, TODAY_MOST, by_profile
from spikewatch.core.baseline.seasonal import SlotProfile
from spikewatch.core.calendars import SLOTS, Calendar
from spikewatch.core.counts import FLEET, Panel, Roster, SeriesKey
from spikewatch.core.timegrid import HOUR, Grid, bucket_number
from tests.core_factories import LOGIN, PARCEL, PAYMENTS, REFUND, SHOP, UTC_CALENDAR
from tests.oracles import profile as oracle

FIRST = bucket_number(datetime(2026, 3, 2, tzinfo=UTC), HOUR)
"""Midnight of a Monday."""

WEEKS = 8
LEARNT = WEEKS * SLOTS
HOURS = LEARNT + 2
"""Two hours lie between what is learnt and the end of what may be looked at."""

WEEK = np.where(np.isin(np.arange(SLOTS) % 24, range(9, 18)), 2.0, 0.4) * np.where(
    np.arange(SLOTS) < 120, 1.1, 0.75
)
INCIDENT = slice(LEARNT - 2 * SLOTS + 34, LEARNT - 2 * SLOTS + 37)
"""Three hours from 10:00 on a Tuesday two weeks ago."""

Counts = NDArray[np.int64]


def drawn(an_hour: float, *, seed: int = 7, hours: int = HOURS) -> Counts:
    """Counts of a steady series that follows the week."""
    rate = an_hour * WEEK[np.arange(hours) % SLOTS]
    return np.asarray(np.random.default_rng(seed).poisson(rate), dtype=np.int64)


def exact(an_hour: float) -> Counts:
    """The same without chance."""
    return np.round(an_hour * WEEK[np.arange(HOURS) % SLOTS]).astype(np.int64)


def recorded(leaves: Mapping[SeriesKey, Counts], *, known: NDArray[np.bool_] | None = None) -> Panel:
    """The hours of these leaves; what is unknown holds what it holds."""
    roster = Roster.of(leaves)
    counts = roster.roll_up(np.array([leaves[key] for key in roster.keys[: roster.n_leaves]]))
    flags = np.ones((len(roster.services), counts.shape[1]), dtype=np.bool_) if known is None else known
    return Panel(roster, Grid(HOUR, FIRST, counts.shape[1]), np.asarray(counts, dtype=np.int64), flags)


def learnt(hours: Panel, *, calendar: Calendar = UTC_CALENDAR) -> SlotProfile:
    """The profile of an epoch right after the hours."""
    stop = max(hours.grid.first, hours.grid.stop - 2)
    return by_profile(hours.cut(hours.grid.first, stop), hours, calendar=calendar)


def expected(leaves: Mapping[SeriesKey, Counts], key: SeriesKey) -> NDArray[np.float64]:
    """Tickets an hour (168,) of one series of these, all of whose hours are known."""
    hours = recorded(leaves)
    return learnt(hours).mean[hours.roster.rows[key]]


# -- against the oracle


def test_every_series_agrees_with_the_oracle() -> None:
    known = np.random.default_rng(3).random((2, HOURS)) > 0.04
    known[1, :600] = False
    known[0, -20:-5] = False
    leaves = {LOGIN: drawn(20, seed=1), REFUND: drawn(0.3, seed=2), PARCEL: drawn(4, seed=3)}
    leaves |= {SeriesKey("shop", "born"): drawn(6, seed=4), SeriesKey("shop", "over"): drawn(3, seed=5)}
    leaves[SeriesKey("shop", "born")][: 5 * SLOTS] = 0
    leaves[SeriesKey("shop", "over")][-4 * SLOTS :] = 0
    leaves[LOGIN][INCIDENT] *= 10
    leaves[PARCEL][800:805] += 3000
    leaves[LOGIN][-30:-24] = 0
    hours = recorded(leaves, known=known)
    slots = UTC_CALENDAR.local(FIRST, FIRST + HOURS, HOUR).slot.tolist()

    found = learnt(hours)

    for service in hours.roster.services:
        rows = [place for place, key in enumerate(hours.roster.keys) if key.service == service]
        whole_row, parts = rows[-1], rows[:-1]
        whole = oracle.service(row_of(hours, whole_row, LEARNT), slots[:LEARNT])
        fitted = {
            str(place): oracle.category(row_of(hours, place, LEARNT), slots[:LEARNT], whole)
            for place in parts
        }
        means = dict(oracle.reconciled(fitted, whole))
        means[str(whole_row)] = [whole.hourly(slot) for slot in range(SLOTS)]
        fitted[str(whole_row)] = whole
        gains = oracle.past_gain(row_of(hours, whole_row, LEARNT), slots[:LEARNT], whole)
        noise = {
            place: oracle.noise(row_of(hours, place, LEARNT), slots[:LEARNT], fitted[str(place)], gains=gains)
            for place in rows
        }
        busy = oracle.today(
            [means[str(whole_row)][slot] for slot in slots],
            row_of(hours, whole_row, HOURS),
            dispersion=noise[whole_row][0],
        )
        assert busy != 1.0
        for place in rows:
            mean = busy * np.array(means[str(place)])
            dispersion, spread = noise[place]
            np.testing.assert_allclose(found.mean[place], mean, rtol=1e-9)
            np.testing.assert_allclose(found.dispersion[place], dispersion, rtol=1e-9)
            np.testing.assert_allclose(found.variance[place], dispersion * mean, rtol=1e-9)
            assert found.spread is not None
            np.testing.assert_allclose(found.spread[place], spread, rtol=1e-9)


def row_of(hours: Panel, place: int, stop: int) -> oracle.Row:
    return oracle.Row(hours.counts[place, :stop].tolist(), hours.known_rows[place, :stop].tolist())


def test_what_is_learnt_is_close_to_what_the_counts_were_drawn_from() -> None:
    mean = expected({LOGIN: drawn(40)}, LOGIN)

    assert np.abs(mean / (40 * WEEK) - 1).mean() < 0.08
    assert mean.sum() == pytest.approx(40 * WEEK.sum(), rel=0.03)


# -- what the past leaves behind


@pytest.mark.parametrize(("an_hour", "slots_move", "others_move"), [(2.0, 0.2, 0.03), (20.0, 0.1, 0.02)])
def test_a_past_incident_moves_the_expectation_little(
    an_hour: float, slots_move: float, others_move: float
) -> None:
    calm, troubled = drawn(an_hour), drawn(an_hour)
    troubled[INCIDENT] *= 10

    moved = expected({LOGIN: troubled}, LOGIN) / expected({LOGIN: calm}, LOGIN) - 1

    slots = (np.arange(HOURS) % SLOTS)[INCIDENT]
    unclipped = 9 / WEEKS
    assert moved[slots].max() < slots_move < unclipped
    assert np.abs(np.delete(moved, slots)).max() < others_move


@pytest.mark.parametrize("times", [100, 1000, 10000])
def test_a_flood_beyond_all_measure_leaves_no_more_behind_than_an_incident(times: int) -> None:
    calm, troubled, flooded = drawn(20), drawn(20), drawn(20)
    troubled[INCIDENT] *= 12
    flooded[INCIDENT] *= times

    by_flood, by_incident = expected({LOGIN: flooded}, LOGIN), expected({LOGIN: troubled}, LOGIN)

    np.testing.assert_allclose(by_flood, by_incident, rtol=0.03)
    assert (by_flood / expected({LOGIN: calm}, LOGIN)).max() < 1.1


@pytest.mark.parametrize("an_hour", [1.0, 5.0, 40.0])
def test_a_series_born_three_weeks_ago_is_expected_at_its_own_level(an_hour: float) -> None:
    young = drawn(an_hour)
    young[: LEARNT - 3 * SLOTS] = 0

    found = expected({LOGIN: drawn(60), REFUND: young}, REFUND)

    assert found.mean() / (an_hour * WEEK.mean()) == pytest.approx(1.0, abs=0.12)


def test_a_retired_series_decays() -> None:
    levels = []
    for weeks in (0, 1, 2, 3, 4):
        retired = drawn(20)
        retired[HOURS - weeks * SLOTS :] = 0
        levels.append(expected({LOGIN: drawn(60), REFUND: retired}, REFUND).mean() / (20 * WEEK.mean()))

    assert levels == sorted(levels, reverse=True)
    assert levels[0] == pytest.approx(1.0, abs=0.05)
    assert levels[2] < 0.4
    assert levels[4] < 0.1


@pytest.mark.parametrize("times", [0.5, 1.5, 3.0])
def test_a_level_that_changes_for_good_is_followed_within_two_weeks(times: float) -> None:
    grown = drawn(20)
    grown[HOURS - 2 * SLOTS :] = drawn(20 * times, seed=8)[HOURS - 2 * SLOTS :]

    assert expected({LOGIN: grown}, LOGIN).mean() / (20 * times * WEEK.mean()) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("seed", range(5))
def test_a_category_with_two_tickets_a_day_has_a_sensible_expectation(seed: int) -> None:
    mean = expected({LOGIN: drawn(40), REFUND: drawn(2 / 24 / WEEK.mean(), seed=seed)}, REFUND)

    assert mean.sum() / 7 == pytest.approx(2.0, rel=0.35)
    assert mean[WEEK > 1].mean() / mean[WEEK < 1].mean() == pytest.approx(5.2, rel=0.3)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_the_parts_of_a_service_sum_to_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    leaves = {
        SeriesKey(service, f"c{place}"): drawn(rng.gamma(0.3, 20), seed=seed + place)
        for service in ("payments", "shop")
        for place in range(int(rng.integers(1, 8)))
    }
    hours = recorded(leaves)

    found = learnt(hours)

    leaves_of = hours.roster.service_of[: hours.roster.n_leaves]
    for place in range(2):
        whole = found.mean[hours.roster.n_leaves + place]
        parts = found.mean[: hours.roster.n_leaves][leaves_of == place]
        # an expectation has a least value, below which nothing is scaled
        np.testing.assert_allclose(parts.sum(axis=0), whole, rtol=1e-6, atol=len(parts) * LEAST_MEAN)


# -- how busy today is


def busy(times: float, *, hours: int, seed: int = 7) -> Mapping[SeriesKey, Counts]:
    """Two categories whose service has had so many times its tickets for the last hours."""
    leaves = {LOGIN: drawn(60, seed=seed), REFUND: drawn(10, seed=seed + 50)}
    for counts in leaves.values():
        counts[HOURS - hours :] = np.round(counts[HOURS - hours :] * times)
    return leaves


def rise(
    today: Mapping[SeriesKey, Counts], usual: Mapping[SeriesKey, Counts], key: SeriesKey
) -> NDArray[np.float64]:
    """What is expected more of the slots whose own hours are the same in both."""
    others = np.arange(SLOTS) < SLOTS - 24
    others[:2] = False
    return (expected(today, key) / expected(usual, key))[others]


@pytest.mark.parametrize("seed", range(3))
def test_a_busy_day_raises_what_is_expected_of_every_category_alike(seed: int) -> None:
    usual, today = busy(1.0, hours=14, seed=seed), busy(1.25, hours=14, seed=seed)

    for key in (LOGIN, REFUND, PAYMENTS):
        raised = rise(today, usual, key)
        assert raised.min() == pytest.approx(raised.max(), rel=0.02)
        assert 1.08 < raised.mean() < 1.25


@pytest.mark.parametrize("times", [0.0, 0.2])
def test_a_fall_is_no_quiet_day(times: float) -> None:
    fallen = busy(1.0, hours=14)
    for counts in fallen.values():
        counts[HOURS - 8 : HOURS - 2] = np.round(counts[HOURS - 8 : HOURS - 2] * times)

    assert rise(fallen, busy(1.0, hours=14), PAYMENTS).mean() == pytest.approx(1.0, abs=0.07)


@pytest.mark.parametrize("times", [0.6, 3.0, 100.0])
def test_today_stays_within_bounds_however_far_it_is_from_normal(times: float) -> None:
    raised = rise(busy(times, hours=14), busy(1.0, hours=14), PAYMENTS)

    # the slow level moves a little too
    assert raised.mean() == pytest.approx(TODAY_LEAST if times < 1 else TODAY_MOST, rel=0.15)


@pytest.mark.parametrize("times", [2.0, 10.0, 100.0])
def test_a_surge_of_the_last_hour_can_explain_little_of_itself(times: float) -> None:
    raised = rise(busy(times, hours=1), busy(1.0, hours=1), PAYMENTS)

    assert 1.0 < raised.mean() < 1.12


def test_one_category_that_surges_does_not_make_the_day_busy() -> None:
    leaves = dict(busy(1.0, hours=1))
    surging = leaves[REFUND].copy()
    surging[-3:] *= 8

    raised = expected(leaves | {REFUND: surging}, LOGIN) / expected(leaves, LOGIN)

    assert raised.mean() < 1.15


def test_a_busy_service_leaves_the_others_alone() -> None:
    usual = {**busy(1.0, hours=14), PARCEL: drawn(20, seed=3)}
    today = {**busy(1.3, hours=14), PARCEL: drawn(20, seed=3)}

    np.testing.assert_array_equal(expected(today, PARCEL), expected(usual, PARCEL))
    assert (expected(today, FLEET) / expected(usual, FLEET)).mean() > 1.05


def test_a_service_that_is_unknown_today_makes_the_fleet_no_quieter() -> None:
    leaves = {LOGIN: exact(60), PARCEL: exact(60)}
    known = np.ones((2, HOURS), dtype=np.bool_)
    known[1, -40:] = False
    hours, whole = recorded(leaves, known=known), recorded(leaves)

    fleet = learnt(hours).mean[-1] / learnt(whole).mean[-1]

    assert fleet.mean() == pytest.approx(1.0, abs=0.03)


# -- unknown hours


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(0, 500))
def test_what_unknown_hours_hold_changes_nothing(seed: int, tickets: int) -> None:
    rng = np.random.default_rng(seed)
    known = rng.random((1, HOURS)) > rng.choice([0.02, 0.5])
    known[:, : int(rng.choice([0, 500]))] = False
    leaves = {LOGIN: drawn(5, seed=seed), REFUND: drawn(0.02, seed=seed)}
    holding = {key: np.where(known[0], counts, tickets) for key, counts in leaves.items()}
    empty = {key: np.where(known[0], counts, 0) for key, counts in leaves.items()}

    with_counts, without = learnt(recorded(holding, known=known)), learnt(recorded(empty, known=known))

    np.testing.assert_array_equal(with_counts.mean, without.mean)
    np.testing.assert_array_equal(with_counts.dispersion, without.dispersion)


@pytest.mark.parametrize(
    "blind",
    [slice(0, 4 * SLOTS), slice(500, 900), slice(HOURS - 72, HOURS)],
    ids=["at first", "between", "of late"],
)
def test_unknown_hours_are_not_taken_for_quiet_ones(blind: slice) -> None:
    known = np.ones((1, HOURS), dtype=np.bool_)
    known[0, blind] = False
    leaves = {LOGIN: drawn(20), REFUND: drawn(0.4, seed=2)}
    seen = {key: np.where(known[0], counts, 0) for key, counts in leaves.items()}
    part, whole = recorded(seen, known=known), recorded(leaves)

    ratio = learnt(part).mean.mean(axis=1) / learnt(whole).mean.mean(axis=1)

    np.testing.assert_allclose(ratio, 1.0, atol=0.12)


def test_a_long_blindness_before_the_first_ticket_is_no_sign_of_birth() -> None:
    rare = np.zeros(HOURS, dtype=np.int64)
    rare[4 * SLOTS + 150 :: 100] = 1
    known = np.ones((1, HOURS), dtype=np.bool_)
    known[0, : 4 * SLOTS] = False
    leaves = {LOGIN: drawn(20), REFUND: rare}
    seen = recorded(leaves, known=known)
    later = recorded({key: counts[4 * SLOTS :] for key, counts in leaves.items()})

    found, right = learnt(seen).mean, learnt(later).mean

    np.testing.assert_allclose(found, right, rtol=1e-9)


# -- others


def test_a_series_of_another_service_changes_nothing() -> None:
    alone = {LOGIN: drawn(3), REFUND: drawn(0.2)}
    beside = alone | {PARCEL: drawn(900, seed=9), SeriesKey("app", "crash"): drawn(0.01)}

    for key in (LOGIN, REFUND, PAYMENTS):
        np.testing.assert_array_equal(expected(alone, key), expected(beside, key))


def test_a_series_without_a_ticket_so_far_changes_nothing_for_the_others() -> None:
    alone = {LOGIN: drawn(3), REFUND: drawn(0.2), PARCEL: drawn(5, seed=2)}
    empty = np.zeros(HOURS, dtype=np.int64)
    beside = {SeriesKey(service, "new"): empty for service in ("app", "payments", "shop")} | alone
    few, many = recorded(alone), recorded(beside)

    before, after = learnt(few), learnt(many)

    rows = few.roster.rows_in(many.roster)
    np.testing.assert_array_equal(before.mean, after.mean[rows])
    np.testing.assert_array_equal(before.dispersion, after.dispersion[rows])
    assert (after.mean[many.roster.rows[SeriesKey("payments", "new")]] == LEAST_MEAN).all()


def test_more_series_than_are_fitted_at_once_are_learnt_as_few_are() -> None:
    few = {SeriesKey("payments", f"c{place:04}"): drawn(0.5, seed=place) for place in range(3)}
    others = {SeriesKey("shop", f"d{place:04}"): drawn(0.1, seed=place) for place in range(AT_ONCE)}
    first = {SeriesKey("app", f"d{place:04}"): drawn(0.1, seed=place) for place in range(AT_ONCE - 1)}

    small, large = recorded(few), recorded(first | few | others)
    before, after = learnt(small), learnt(large)

    for key in few:
        here, there = small.roster.rows[key], large.roster.rows[key]
        np.testing.assert_array_equal(before.mean[here], after.mean[there])
        assert before.dispersion[here] == after.dispersion[there]


# -- bounds


def test_dispersion_stays_in_its_bounds_and_nothing_is_expected_to_be_impossible() -> None:
    rough = drawn(5)
    rough[::11] += 40
    hours = recorded({LOGIN: exact(400), REFUND: rough, PARCEL: drawn(0)})

    found = learnt(hours)

    rows = hours.roster.rows
    assert (found.mean >= LEAST_MEAN).all()
    assert (found.variance >= found.mean).all()
    assert found.dispersion[rows[LOGIN]] < 1.3
    assert found.dispersion[rows[REFUND]] > 2
    assert found.dispersion.max() <= MOST[0]
    assert found.spread is not None
    assert (found.spread <= MOST[1] ** 0.5).all()


def test_slow_errors_do_not_pass_for_spread() -> None:
    rng = np.random.default_rng(4)
    days = np.repeat(rng.lognormal(0, 0.3, HOURS // 24 + 1), 24)[:HOURS]
    wavering = rng.poisson(40 * days * WEEK[np.arange(HOURS) % SLOTS])

    hours = recorded({LOGIN: wavering})

    assert learnt(hours).dispersion[0] < 1.8


@pytest.mark.parametrize("hours", [0, 1, 2, 3, 100])
def test_a_history_that_misses_slots_has_a_profile(hours: int) -> None:
    found = learnt(recorded({LOGIN: np.ones(hours, dtype=np.int64)}))

    assert np.isfinite(found.mean).all()
    assert (found.mean > 0).all()


def test_a_history_of_which_nothing_is_known_has_a_profile() -> None:
    found = learnt(recorded({LOGIN: drawn(5)}, known=np.zeros((1, HOURS), dtype=np.bool_)))

    assert np.isfinite(found.mean).all()
    assert (found.mean > 0).all()


def test_nothing_has_an_empty_profile() -> None:
    roster = Roster.of([])
    empty = Panel(
        roster, Grid(HOUR, FIRST, 5), np.zeros((0, 5), dtype=np.int64), np.zeros((0, 5), dtype=np.bool_)
    )

    assert learnt(empty).mean.shape == (0, SLOTS)


# -- daylight saving time


@pytest.mark.parametrize(
    "turn", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)], ids=["skips", "repeats"]
)
@pytest.mark.parametrize("days_after", [0, 1, 3, 10])
def test_daylight_saving_does_not_move_the_rhythm(turn: datetime, days_after: int) -> None:
    calendar = Calendar(ZoneInfo("Europe/Berlin"))
    stop = bucket_number(turn + timedelta(days=days_after, hours=12), HOUR)
    grid = Grid(HOUR, stop - HOURS, HOURS)
    slots: Sequence[int] = calendar.local(grid.first, grid.stop, HOUR).slot.tolist()
    roster = Roster.of([LOGIN])
    counts = roster.roll_up(np.array([np.round(40 * WEEK[slots]).astype(np.int64)]))
    hours = Panel(roster, grid, np.asarray(counts, dtype=np.int64), np.ones((1, HOURS), dtype=np.bool_))

    found = learnt(hours, calendar=calendar).mean[0]

    np.testing.assert_allclose(found, 40 * WEEK, rtol=0.1)


def test_the_rollups_of_two_services_are_learnt_apart() -> None:
    leaves = {LOGIN: drawn(40), PARCEL: np.full(HOURS, 20, dtype=np.int64)}

    shop, payments = expected(leaves, SHOP), expected(leaves, PAYMENTS)

    assert shop.max() / shop.min() < 1.1
    assert payments.max() / payments.min() > 4
    np.testing.assert_allclose(expected(leaves, FLEET), shop + payments, rtol=0.05)
