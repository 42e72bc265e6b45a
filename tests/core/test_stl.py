"""The `stl` model: statsmodels' own numbers for the whole fleet, and what keeps them sound on real counts."""

import resource
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.tsa.seasonal import STL

from spikewatch.core.baseline import Baseline, History, fit
from spikewatch.core.baseline.decomposition import last_cycle, season_and_trend
from spikewatch.core.baseline.stl import LEAST_RATE
from spikewatch.core.calendars import SLOTS, Calendar
from spikewatch.core.counts import Bools, Panel, Roster, SeriesKey
from spikewatch.core.settings import ModelName
from spikewatch.core.timegrid import HOUR, Grid, bucket_number

TOKYO = ZoneInfo("Asia/Tokyo")
PLAIN = Calendar(TOKYO)
MONDAY = bucket_number(datetime(2026, 8, 31, tzinfo=TOKYO), HOUR)
WEEKS = 8
HOURS = WEEKS * SLOTS

LAST_WEDNESDAY = date(2026, 10, 21)

Counts = NDArray[np.int64]


def weekly(level: float) -> NDArray[np.float64]:
    """A (168,) week from Monday 00:00, busy by day and quiet at weekends, with the mean `level`."""
    hour = np.arange(SLOTS)
    shape = np.exp(0.9 * np.sin(2 * np.pi * (hour % 24 - 8) / 24)) * np.where(hour < 120, 1.2, 0.4)
    return np.asarray(level * shape / shape.mean())


WEEK = np.round(weekly(50)).astype(np.int64)
SUNDAY = slice(144, 168)


def history(leaf: Counts, *, first: int = MONDAY, known: Bools | None = None) -> History:
    """The history of one service with these leaves (n, n_hours)."""
    roster = Roster.of([SeriesKey("payments", f"c{place:04d}") for place in range(len(leaf))])
    n_hours = leaf.shape[1]
    seen = np.ones((1, n_hours), dtype=np.bool_) if known is None else known
    counts = np.asarray(np.where(seen, roster.roll_up(leaf), 0), dtype=np.int64)
    hourly = Panel(roster, Grid(HOUR, first, n_hours), counts, seen)
    grid = Grid(timedelta(minutes=5), first * 12, n_hours * 12)
    return History(hourly, grid, np.zeros((1, n_hours * 12), dtype=np.int64))


def fitted(
    given_history: History, *, model: ModelName = ModelName.STL, calendar: Calendar = PLAIN
) -> Baseline:
    """The baseline right after the history."""
    end = given_history.hourly.grid.stop
    return fit(given_history, calendar=calendar, model=model, epoch=end, learn_until=end)


def poisson(level: float, *, seed: int, n_series: int = 1, n_weeks: int = WEEKS) -> Counts:
    """Steady weekly counts."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.poisson(np.tile(weekly(level), n_weeks), size=(n_series, n_weeks * SLOTS)))


def assert_equals_statsmodels(values: NDArray[np.float64], *, period: int) -> None:
    """Compare season and trend at all points."""
    everywhere = np.arange(len(values))
    rows = season_and_trend(len(values), season_at=everywhere, trend_at=everywhere, period=period)
    reference = STL(values, period=period, seasonal=7, robust=False).fit()

    season, trend = np.split(rows @ values, 2)

    np.testing.assert_allclose(season, reference.seasonal, rtol=0, atol=1e-8)
    np.testing.assert_allclose(trend, reference.trend, rtol=0, atol=1e-8)


class TestDecomposition:
    @pytest.mark.parametrize("n_hours", [336, 337, 504, 1000, 1343, 1344])
    def test_equals_statsmodels_at_every_hour_of_a_weekly_series(self, n_hours: int) -> None:
        counts = np.random.default_rng(n_hours).poisson(30.0, n_hours).astype(np.float64)

        assert_equals_statsmodels(counts, period=SLOTS)

    @settings(max_examples=40)
    @given(period=st.integers(4, 14), beyond=st.integers(0, 120), seed=st.integers(0, 2**32 - 1))
    def test_equals_statsmodels_for_any_length_and_period(self, period: int, beyond: int, seed: int) -> None:
        counts = np.random.default_rng(seed).poisson(50.0, 2 * period + beyond).astype(np.float64)

        assert_equals_statsmodels(counts, period=period)

    @pytest.mark.parametrize("n_hours", [504, 1100, 1344, 2016])
    def test_the_last_cycle_is_the_end_of_the_whole(self, n_hours: int) -> None:
        counts = np.random.default_rng(n_hours).poisson(400.0, n_hours).astype(np.float64)
        reference = STL(counts, period=SLOTS).fit()

        parts = last_cycle(n_hours)

        np.testing.assert_allclose(parts.season @ counts, reference.seasonal[-SLOTS:], rtol=0, atol=1e-8)
        assert parts.trend @ counts == pytest.approx(reference.trend[-1], abs=1e-8)

    @given(slope=st.floats(-1, 1), level=st.floats(0, 1000))
    def test_a_straight_line_is_all_trend(self, slope: float, level: float) -> None:
        line = level + slope * np.arange(504)

        parts = last_cycle(504)

        np.testing.assert_allclose(parts.season @ line, 0, atol=1e-8)
        assert parts.trend @ line == pytest.approx(line[-1], abs=1e-8)

    def test_less_than_two_periods_are_refused(self) -> None:
        with pytest.raises(ValueError, match="335 values are no two periods of 168"):
            last_cycle(335)

    def test_the_kept_weights_cannot_be_changed(self) -> None:
        with pytest.raises(ValueError, match="read-only"):
            last_cycle(336).season[0, 0] = 1.0


class TestFit:
    def test_the_mean_is_the_last_season_plus_the_last_trend(self) -> None:
        most = np.tile(weekly(20) + 2 * np.sqrt(weekly(20)), WEEKS).astype(np.int64)
        counts = np.minimum(poisson(20, seed=1, n_series=3), most)
        by_hand = [STL(row.astype(float), period=SLOTS).fit() for row in counts]
        expected = np.array([one.seasonal[-SLOTS:] + one.trend[-1] for one in by_hand])

        baseline = fitted(history(counts))

        usual = fitted(history(counts), model=ModelName.SEASONAL_ZSCORE).slot_mean[:3]
        np.testing.assert_allclose(baseline.slot_mean[:3], np.maximum(expected, usual / 2), rtol=1e-6)

    def test_a_purely_periodic_series_is_carried_on_exactly(self) -> None:

        baseline = fitted(history(np.tile(WEEK, WEEKS)[None, :]))

        np.testing.assert_allclose(baseline.slot_mean[0], WEEK, atol=1e-4)

    def test_growth_is_followed_where_the_seasonal_model_lags(self) -> None:
        level = np.repeat(1.05 ** np.arange(WEEKS), SLOTS)
        counts = np.round(level * np.tile(weekly(50), WEEKS)).astype(np.int64)[None, :]
        coming = 1.05**WEEKS * weekly(50)

        by_stl = fitted(history(counts)).slot_mean[0]
        seasonal = fitted(history(counts), model=ModelName.SEASONAL_ZSCORE).slot_mean[0]

        assert abs(by_stl.sum() / coming.sum() - 1) < 0.08
        assert seasonal.sum() / coming.sum() < 0.85

    def test_a_history_that_starts_on_any_weekday_fills_the_right_slots(self) -> None:
        later = 59

        baseline = fitted(history(np.tile(WEEK, WEEKS)[None, later:], first=MONDAY + later))

        np.testing.assert_allclose(baseline.slot_mean[0], WEEK, atol=0.1)
        assert baseline.modelled.all()

    def test_a_slot_never_falls_below_half_of_its_usual_mean(self) -> None:
        counts = poisson(LEAST_RATE * 1.5, seed=2, n_series=40)

        baseline = fitted(history(counts))

        usual = fitted(history(counts), model=ModelName.SEASONAL_ZSCORE).slot_mean
        assert baseline.modelled.all()
        assert (baseline.slot_mean >= 0.499 * usual).all()
        assert (baseline.slot_variance >= baseline.slot_mean).all()

    def test_the_spread_covers_the_week_that_follows(self) -> None:
        counts = poisson(10, seed=3, n_series=60, n_weeks=WEEKS + 1)

        baseline = fitted(history(counts[:, :HOURS]))

        off = (counts[:, HOURS:] - baseline.slot_mean[:60]) ** 2 / baseline.slot_variance[:60]
        assert off.mean() == pytest.approx(1.0, abs=0.1)

    def test_fitting_twice_gives_the_same(self) -> None:
        counts = history(poisson(20, seed=4, n_series=5))

        first, second = fitted(counts), fitted(counts)

        np.testing.assert_array_equal(first.slot_mean, second.slot_mean)
        np.testing.assert_array_equal(first.slot_variance, second.slot_variance)


class TestSparse:
    def test_a_sparse_series_keeps_its_seasonal_rows_and_says_so(self) -> None:
        counts = np.concatenate([poisson(LEAST_RATE / 2, seed=5), poisson(LEAST_RATE * 2, seed=6)])

        baseline = fitted(history(counts))

        seasonal = fitted(history(counts), model=ModelName.SEASONAL_ZSCORE)
        assert baseline.modelled.tolist() == [False, True, True, True]
        np.testing.assert_array_equal(baseline.slot_mean[0], seasonal.slot_mean[0])
        np.testing.assert_array_equal(baseline.slot_variance[0], seasonal.slot_variance[0])
        assert not np.allclose(baseline.slot_mean[1], seasonal.slot_mean[1])

    @pytest.mark.parametrize(("n_hours", "modelled"), [(0, False), (1, False), (335, False), (336, True)])
    def test_less_than_two_weeks_are_left_to_the_seasonal_model(
        self, n_hours: int, *, modelled: bool
    ) -> None:
        baseline = fitted(history(poisson(20, seed=7)[:, :n_hours]))

        assert baseline.modelled.all() == modelled
        assert np.isfinite(baseline.slot_mean).all()

    def test_hours_before_the_first_known_one_do_not_count_as_weeks(self) -> None:
        known = np.ones((1, HOURS), dtype=np.bool_)
        known[:, : HOURS - 336] = False
        counts = poisson(20, seed=8)

        whole = fitted(history(counts, known=known))
        short = fitted(history(counts[:, -336:], first=MONDAY + HOURS - 336))

        np.testing.assert_allclose(whole.slot_mean, short.slot_mean, rtol=1e-6)
        assert whole.modelled.all()

    def test_a_service_known_for_less_than_two_weeks_is_left_to_the_seasonal_model(self) -> None:
        roster = Roster.of([SeriesKey("payments", "login"), SeriesKey("shop", "refund")])
        known = np.ones((2, HOURS), dtype=np.bool_)
        known[1, : HOURS - 335] = False
        leaves = np.where(known, poisson(20, seed=15, n_series=2), 0)
        counts = np.asarray(roster.roll_up(leaves), dtype=np.int64)
        hourly = Panel(roster, Grid(HOUR, MONDAY, HOURS), counts, known)
        grid = Grid(timedelta(minutes=5), MONDAY * 12, HOURS * 12)

        baseline = fitted(History(hourly, grid, np.zeros((2, HOURS * 12), dtype=np.int64)))

        told = dict(zip(map(str, roster.keys), baseline.modelled.tolist(), strict=True))
        assert told == {
            "payments/login": True,
            "shop/refund": False,
            "payments/*": True,
            "shop/*": False,
            "*/*": True,
        }

    def test_nothing_known_is_left_to_the_seasonal_model(self) -> None:
        known = np.zeros((1, HOURS), dtype=np.bool_)

        baseline = fitted(history(poisson(20, seed=9), known=known))

        assert not baseline.modelled.any()


class TestCompletion:
    def test_a_past_incident_does_not_become_normal(self) -> None:
        calm = poisson(20, seed=10)
        poisoned = calm.copy()
        day_before_last = slice(HOURS - 39, HOURS - 33)
        poisoned[:, day_before_last] *= 8

        without, after = fitted(history(calm)).slot_mean[0], fitted(history(poisoned)).slot_mean[0]

        by_itself = STL(poisoned[0].astype(float), period=SLOTS).fit()
        bent = by_itself.seasonal[day_before_last].sum() + 6 * by_itself.trend[-1]
        slots = slice(SLOTS - 39, SLOTS - 33)
        assert after[slots].sum() < 1.3 * without[slots].sum()
        assert bent > 3 * without[slots].sum()

    def test_a_level_that_lasts_becomes_normal(self) -> None:
        counts = poisson(20, seed=11)
        counts[:, -2 * SLOTS :] *= 2

        baseline = fitted(history(counts))

        assert baseline.slot_mean[0].sum() > 1.6 * 20 * SLOTS

    def test_unknown_hours_are_not_zero(self) -> None:
        counts = poisson(20, seed=12)
        known = np.ones((1, HOURS), dtype=np.bool_)
        known[:, -60:-20] = False

        whole, holed = fitted(history(counts)), fitted(history(counts, known=known))

        assert holed.slot_mean[0].sum() == pytest.approx(whole.slot_mean[0].sum(), rel=0.03)
        assert holed.slot_mean[0, -60:-20].sum() == pytest.approx(weekly(20)[-60:-20].sum(), rel=0.15)

    def test_unknown_hours_are_filled_at_the_level_of_their_week(self) -> None:
        level = np.repeat(1.1 ** np.arange(WEEKS), SLOTS)
        counts = np.round(level * np.tile(weekly(50), WEEKS)).astype(np.int64)[None, :]
        known = np.ones((1, HOURS), dtype=np.bool_)
        known[:, -72:] = False

        whole, holed = fitted(history(counts)), fitted(history(counts, known=known))

        assert holed.slot_mean[0, -72:].sum() == pytest.approx(whole.slot_mean[0, -72:].sum(), rel=0.08)

    def test_what_was_counted_in_an_unknown_hour_does_not_matter(self) -> None:
        counts = poisson(20, seed=13)
        known = np.ones((1, HOURS), dtype=np.bool_)
        known[:, -60:-20] = False
        base = history(counts, known=known)
        noisy = base.hourly.counts.copy()
        noisy[:, -60:-20] = 999
        hourly = Panel(base.hourly.roster, base.hourly.grid, noisy, base.hourly.known)

        same = fitted(History(hourly, base.grid, base.services))

        np.testing.assert_array_equal(same.slot_mean, fitted(base).slot_mean)

    def test_a_day_off_does_not_lower_its_weekday(self) -> None:
        counts, wednesday = np.tile(WEEK, WEEKS), slice(48, 72)
        counts[-SLOTS:][wednesday] = WEEK[SUNDAY]

        baseline = fitted(history(counts[None, :]), calendar=Calendar(TOKYO, frozenset({LAST_WEDNESDAY})))

        assert baseline.slot_mean[0, wednesday].sum() == pytest.approx(WEEK[wednesday].sum(), rel=0.01)

    def test_a_coming_day_off_is_expected_like_a_sunday(self) -> None:
        calendar = Calendar(TOKYO, frozenset({LAST_WEDNESDAY + timedelta(weeks=1)}))
        first = MONDAY + HOURS + 48

        baseline = fitted(history(np.tile(WEEK, WEEKS)[None, :]), calendar=calendar)

        expected = baseline.expect(first, first + 24, HOUR).mean[0]
        np.testing.assert_allclose(expected, WEEK[SUNDAY], rtol=0.01)

    @pytest.mark.parametrize("turn", [datetime(2026, 3, 29), datetime(2026, 10, 25)])  # noqa: DTZ001 -- a local day
    def test_daylight_saving_does_not_move_the_rhythm(self, turn: datetime) -> None:
        paris = ZoneInfo("Europe/Paris")
        first = bucket_number((turn - timedelta(days=30)).replace(tzinfo=paris), HOUR)
        stop = bucket_number((turn + timedelta(days=20)).replace(tzinfo=paris), HOUR)
        slots = Calendar(paris).local(first, stop, HOUR).slot

        baseline = fitted(history(WEEK[slots][None, :], first=first), calendar=Calendar(paris))

        np.testing.assert_allclose(baseline.slot_mean[0], WEEK, rtol=0.02)


@pytest.mark.bench
def test_ten_thousand_series_are_fitted_within_five_seconds_and_400_megabytes() -> None:
    leaf = poisson(5, seed=14, n_series=10_000)
    past = history(leaf)
    last_cycle.cache_clear()
    before_mb, before_s = _peak_mb(), _cpu_s()

    baseline = fitted(past)

    assert baseline.modelled.all()
    assert _cpu_s() - before_s < 5
    assert _peak_mb() - before_mb < 400


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
