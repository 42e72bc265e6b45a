"""The seasonal profile against an oracle that works on one series, and the laws that make it robust."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from spikewatch.core.baseline.model import LEAST_MEAN
from spikewatch.core.baseline.seasonal import CHUNK, SlotProfile, slot_profile
from spikewatch.core.counts import Panel, Roster, SeriesKey
from spikewatch.core.timegrid import HOUR, Grid
from tests.core_factories import LOGIN, PARCEL, REFUND
from tests.oracles import seasonal

WEEKS = 6
HOURS = WEEKS * 168
SLOTS = np.tile(np.arange(168), WEEKS)
DAYTIME = np.where(np.isin(np.arange(168) % 24, range(9, 18)), 2.0, 0.4)
INCIDENT = slice(3 * 168 + 34, 3 * 168 + 37)
"""Three hours from 10:00 on the second day of the fourth week."""


def history(leaves: dict[SeriesKey, NDArray[np.int64]], *, known: NDArray[np.bool_] | None = None) -> Panel:
    roster = Roster.of(leaves)
    counts = roster.roll_up(np.array([leaves[key] for key in roster.keys[: roster.n_leaves]]))
    flags = np.ones((len(roster.services), counts.shape[1]), dtype=np.bool_) if known is None else known
    return Panel(roster, Grid(HOUR, 0, counts.shape[1]), np.asarray(counts, dtype=np.int64), flags)


def drawn(an_hour: float, *, seed: int = 7) -> NDArray[np.int64]:
    return np.random.default_rng(seed).poisson(an_hour * DAYTIME[SLOTS]).astype(np.int64)


def row(profile: SlotProfile, panel: Panel, key: SeriesKey) -> NDArray[np.float64]:
    return profile.mean[panel.roster.rows[key]]


def shape_of(profile: SlotProfile, place: int) -> Sequence[float]:
    mean = profile.mean[place]
    return [float(value) for value in mean / mean.mean()]


def test_every_series_agrees_with_the_oracle() -> None:
    known = np.random.default_rng(3).random((2, HOURS)) > 0.05
    leaves = {LOGIN: drawn(20, seed=1), REFUND: drawn(0.3, seed=2), PARCEL: drawn(4, seed=3)}
    leaves[LOGIN][INCIDENT] *= 10
    panel = history(leaves, known=known)

    profile = slot_profile(panel, SLOTS)

    for place, key in enumerate(panel.roster.keys):
        service = panel.roster.service_of[place]
        shape = [1.0] * 168 if key.is_rollup else shape_of(profile, panel.roster.n_leaves + service)
        mean, variance = seasonal.profile(
            panel.counts[place].tolist(), panel.known_rows[place].tolist(), SLOTS.tolist(), shape
        )
        np.testing.assert_allclose(profile.mean[place], mean, rtol=1e-9)
        np.testing.assert_allclose(profile.variance[place], variance, rtol=1e-9)


def test_what_is_learnt_is_close_to_what_the_counts_were_drawn_from() -> None:
    panel = history({LOGIN: drawn(40)})

    learnt = row(slot_profile(panel, SLOTS), panel, LOGIN)

    assert np.abs(learnt / (40 * DAYTIME) - 1).mean() < 0.1
    assert learnt.sum() == pytest.approx(40 * DAYTIME.sum(), rel=0.02)


@pytest.mark.parametrize(("an_hour", "slots_move", "week_moves"), [(2.0, 0.7, 0.03), (20.0, 0.35, 0.015)])
def test_a_past_incident_does_not_become_normal(an_hour: float, slots_move: float, week_moves: float) -> None:
    calm, troubled = drawn(an_hour), drawn(an_hour)
    troubled[INCIDENT] *= 10
    before, after = history({LOGIN: calm}), history({LOGIN: troubled})

    learnt = row(slot_profile(after, SLOTS), after, LOGIN) / row(slot_profile(before, SLOTS), before, LOGIN)

    slots = SLOTS[INCIDENT]
    unclipped = 9 / WEEKS
    assert learnt[slots].max() - 1 < slots_move < unclipped
    assert np.abs(np.delete(learnt, slots) - 1).max() < 0.02
    assert abs(learnt.mean() - 1) < week_moves


def test_what_unknown_hours_hold_changes_nothing() -> None:
    known = np.ones((1, HOURS), dtype=np.bool_)
    known[0, 200:260] = False
    holding, empty = drawn(5), drawn(5)
    holding[200:260], empty[200:260] = 999, 0

    with_counts = slot_profile(history({LOGIN: holding}, known=known), SLOTS)
    without = slot_profile(history({LOGIN: empty}, known=known), SLOTS)

    np.testing.assert_array_equal(with_counts.mean, without.mean)
    np.testing.assert_array_equal(with_counts.variance, without.variance)


def test_unknown_hours_are_not_taken_for_quiet_ones() -> None:
    known = np.ones((1, HOURS), dtype=np.bool_)
    known[0, : HOURS // 2] = False
    half = drawn(20)
    half[: HOURS // 2] = 0
    whole = history({LOGIN: drawn(20)})
    panel = history({LOGIN: half}, known=known)

    learnt = row(slot_profile(panel, SLOTS), panel, LOGIN)

    assert learnt.sum() == pytest.approx(row(slot_profile(whole, SLOTS), whole, LOGIN).sum(), rel=0.03)


def test_a_sparse_series_borrows_the_shape_of_its_service() -> None:
    sparse = np.zeros(HOURS, dtype=np.int64)
    sparse[100::200] = 1
    panel = history({LOGIN: drawn(40), REFUND: sparse})

    learnt = row(slot_profile(panel, SLOTS), panel, REFUND)

    day, night = learnt[DAYTIME > 1].mean(), learnt[DAYTIME < 1].mean()
    assert day / night == pytest.approx(5.0, rel=0.2)
    assert learnt.mean() == pytest.approx(sparse.mean(), rel=0.3)


def test_a_busy_series_keeps_a_shape_of_its_own() -> None:
    flat = np.full(HOURS, 30, dtype=np.int64)
    panel = history({LOGIN: drawn(40), REFUND: flat})

    learnt = row(slot_profile(panel, SLOTS), panel, REFUND)

    assert np.abs(learnt / 30 - 1).max() < 0.12


def test_a_series_of_another_service_changes_nothing() -> None:
    alone = history({LOGIN: drawn(3), REFUND: drawn(0.2)})
    beside = history({LOGIN: drawn(3), REFUND: drawn(0.2), PARCEL: drawn(900, seed=9)})

    before, after = slot_profile(alone, SLOTS), slot_profile(beside, SLOTS)

    for key in (LOGIN, REFUND, SeriesKey("payments", "*")):
        np.testing.assert_array_equal(row(before, alone, key), row(after, beside, key))


def test_more_series_than_a_chunk_holds_are_learnt_as_few_are() -> None:
    few = {SeriesKey("payments", f"c{place:04}"): drawn(0.5, seed=place) for place in range(3)}
    many = few | {
        SeriesKey("payments", f"d{place:04}"): np.zeros(HOURS, dtype=np.int64) for place in range(CHUNK)
    }
    small, large = history(few), history(many)

    before, after = slot_profile(small, SLOTS), slot_profile(large, SLOTS)

    assert len(large.roster) > CHUNK
    for key in few:
        np.testing.assert_array_equal(row(before, small, key), row(after, large, key))


def test_spread_is_never_less_than_a_poisson_count_has_and_dispersion_stays_in_its_bounds() -> None:
    rough = drawn(5)
    rough[::11] += 40
    panel = history({LOGIN: np.full(HOURS, 8, dtype=np.int64), REFUND: rough, PARCEL: drawn(0)})

    profile = slot_profile(panel, SLOTS)

    assert (profile.mean >= LEAST_MEAN).all()
    assert (profile.variance >= profile.mean).all()
    assert profile.dispersion[panel.roster.rows[LOGIN]] == 1.05
    assert profile.dispersion[panel.roster.rows[REFUND]] > 2
    assert profile.dispersion.max() <= 6


def test_more_tickets_never_lower_what_is_expected() -> None:
    means = []
    for tickets in (0, 1, 3, 5):
        counts = drawn(2)
        counts[500] = tickets
        panel = history({LOGIN: counts})
        means.append(row(slot_profile(panel, SLOTS), panel, LOGIN)[SLOTS[500]])

    assert all(left < right for left, right in pairwise(means))


@pytest.mark.parametrize("hours", [0, 1, 100])
def test_a_history_that_misses_slots_has_a_profile(hours: int) -> None:
    panel = history({LOGIN: np.ones(hours, dtype=np.int64)})

    profile = slot_profile(panel, SLOTS[:hours])

    assert np.isfinite(profile.mean).all()
    assert (profile.mean > 0).all()


def test_nothing_has_an_empty_profile() -> None:
    roster = Roster.of([])
    panel = Panel(
        roster, Grid(HOUR, 0, 3), np.zeros((0, 3), dtype=np.int64), np.zeros((0, 3), dtype=np.bool_)
    )

    assert slot_profile(panel, SLOTS[:3]).mean.shape == (0, 168)
