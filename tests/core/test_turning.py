"""Turning: the budget and the weight at which a bucket's decision turns, proved by setting them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from spikewatch.core.baseline import Baseline
from spikewatch.core.budget import limits_of
from spikewatch.core.calibration import Peaks, Tail, fit_tail
from spikewatch.core.counts import FLEET, Panel, Roster, SeriesKey
from spikewatch.core.explaining import explain
from spikewatch.core.explanations import Explanation, Learned, Turning
from spikewatch.core.scoring import WhyNot, assess
from spikewatch.core.settings import (
    MOST_BUDGET,
    MOST_WEIGHT,
    CategorySettings,
    DetectionSettings,
    ServiceSettings,
    StaticRule,
)
from spikewatch.core.turning import LEAST
from tests.core_factories import LOGIN, PARCEL, PAYMENTS, REFUND, baseline, panel

WINDOWS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
LENGTH = 30
OLD = Learned(known_days=56.0, first_ticket=None, age_days=56.0)
NO_FLOORS = DetectionSettings(windows=WINDOWS, min_tickets=1, min_ratio=1.0)

Services = dict[str, ServiceSettings]


def past() -> Tail:
    """The tail of eight weeks with 100 peaks a week that fall off by e each unit, and two real incidents a week."""
    rng = np.random.default_rng(1)
    score = np.concatenate([4.0 + rng.exponential(1.0, 800), rng.uniform(8.0, 60.0, 16)])
    found = fit_tail(Peaks(score, rng.integers(0, 56, 816), 56))
    assert found is not None
    return found


TAIL = past()

tails = st.sampled_from([None, TAIL])
bursts = st.lists(st.integers(0, 12), min_size=3, max_size=3)


def desk(newest: list[int]) -> Panel:
    quiet = [1, 0, 0, 0, 0, 0] * 5
    return panel({LOGIN: [*quiet[: LENGTH - len(newest)], *newest], REFUND: quiet, PARCEL: quiet})


def normal_of(roster: Roster) -> Baseline:
    return baseline(roster, {LOGIN: 2.0, REFUND: 2.0, PARCEL: 2.0})


def explained(
    counts: Panel,
    *,
    tail: Tail | None = None,
    detection: DetectionSettings = NO_FLOORS,
    services: Services | None = None,
    series: SeriesKey = LOGIN,
) -> Explanation:
    normal = normal_of(counts.roster)
    limits = limits_of(normal, detection=detection, services=services or {}, tail=tail)
    judged = assess(counts, normal, limits, first=counts.grid.stop - 1, windows=WINDOWS)
    assert limits.sharing is not None
    rule = limits.sharing.rules[counts.roster.rows[series]]
    return explain(judged, normal, series=series, learned=OLD, rule=rule)


def turned(found: Explanation) -> Turning:
    assert found.turning is not None
    return found.turning


def alerts(found: Explanation) -> bool:
    return found.why is WhyNot.ALERTS


def budgeted(budget: float, detection: DetectionSettings = NO_FLOORS) -> DetectionSettings:
    return detection.model_copy(update={"false_alarms_per_week": budget})


def below(number: float) -> float:
    """The next smaller number of three significant digits."""
    mantissa, exponent = f"{number:.2e}".split("e")
    scaled = round(float(mantissa) * 100)
    return float(f"999e{int(exponent) - 3}" if scaled == 100 else f"{scaled - 1}e{int(exponent) - 2}")


@settings(max_examples=40)
@given(bursts, tails, st.sampled_from([0.05, 1.0, 30.0]), st.sampled_from([LOGIN, PAYMENTS, FLEET]))
def test_the_named_budget_alerts_and_just_below_it_does_not(
    newest: list[int], tail: Tail | None, asked: float, series: SeriesKey
) -> None:
    counts = desk(newest)

    turning = turned(explained(counts, tail=tail, detection=budgeted(asked), series=series))

    budget = turning.false_alarms_per_week
    if budget is None:
        assert not alerts(explained(counts, tail=tail, detection=budgeted(MOST_BUDGET), series=series))
        return
    assert alerts(explained(counts, tail=tail, detection=budgeted(budget), series=series))
    if budget > LEAST:
        assert not alerts(explained(counts, tail=tail, detection=budgeted(below(budget)), series=series))


@settings(max_examples=40)
@given(bursts, tails, st.sampled_from([0.2, 1.0, 5.0]))
def test_the_named_weight_of_a_category_alerts_and_just_below_it_does_not(
    newest: list[int], tail: Tail | None, weight: float
) -> None:
    def weighed(weight: float) -> Explanation:
        login = CategorySettings(weight=weight)
        payments = ServiceSettings(weight=3.0, categories={"login": login})
        return explained(counts, tail=tail, services={"payments": payments})

    counts = desk(newest)

    turns = turned(weighed(weight)).weight

    if turns is None:
        assert not alerts(weighed(MOST_WEIGHT))
        return
    assert alerts(weighed(turns))
    if turns > LEAST:
        assert not alerts(weighed(below(turns)))


@settings(max_examples=40)
@given(
    bursts,
    tails,
    st.sampled_from([{}, {"refund": CategorySettings(weight=4.0)}]),
    st.sampled_from([None, 2.0]),
)
def test_the_named_weight_of_a_service_is_that_of_the_setting_which_its_categories_inherit(
    newest: list[int], tail: Tail | None, categories: dict[str, CategorySettings], asked: float | None
) -> None:
    def weighed(weight: float | None) -> Explanation:
        payments = ServiceSettings(categories=categories)
        if weight is not None:
            payments = payments.model_copy(update={"weight": weight})
        return explained(counts, tail=tail, services={"payments": payments}, series=PAYMENTS)

    counts = desk(newest)

    turns = turned(weighed(asked)).weight

    if turns is None:
        assert not alerts(weighed(MOST_WEIGHT))
        return
    assert alerts(weighed(turns))
    if turns > LEAST:
        assert not alerts(weighed(below(turns)))


@pytest.mark.parametrize("tail", [None, TAIL])
def test_what_alerts_turns_at_or_below_what_is_set_and_what_does_not_above_it(tail: Tail | None) -> None:
    loud, quiet = explained(desk([6, 8, 9]), tail=tail), explained(desk([2, 2, 1]), tail=tail)

    assert (alerts(loud), alerts(quiet)) == (True, False)
    assert (turned(loud).false_alarms_per_week or 0) <= 1 < (turned(quiet).false_alarms_per_week or 1001)
    assert (turned(loud).weight or 0) <= 1 < (turned(quiet).weight or 101)


def test_a_silent_series_has_no_budget_and_no_weight_that_would_alert() -> None:
    found = explained(desk([0, 0, 0]), tail=TAIL)

    assert turned(found).false_alarms_per_week is None
    assert turned(found).weight is None


def test_no_budget_lets_through_what_a_floor_holds_back_everywhere() -> None:
    floor = NO_FLOORS.model_copy(update={"min_tickets": 500})

    found = explained(desk([6, 8, 9]), tail=TAIL, detection=floor)

    assert found.turning == Turning(None, None, None)


def test_a_longer_window_may_pass_where_a_floor_holds_the_one_that_decided() -> None:
    floor = NO_FLOORS.model_copy(update={"min_tickets": 8})

    found = explained(desk([0, 0, 0, 0, 0, 0, 0, 0, 3, 5]), tail=None, detection=floor)

    budget = turned(found).false_alarms_per_week
    assert not alerts(found)
    assert budget is not None
    lax = explained(desk([0, 0, 0, 0, 0, 0, 0, 0, 3, 5]), detection=budgeted(budget, floor))
    assert (alerts(lax), lax.leading.reading.window_minutes) == (True, turned(found).window_minutes)


def test_the_whole_fleet_has_no_weight() -> None:
    assert turned(explained(desk([6, 8, 9]), tail=TAIL, series=FLEET)).weight is None


def test_nothing_turns_where_nothing_is_judged_or_a_static_rule_is_met() -> None:
    off = {"payments": ServiceSettings(enabled=False)}
    rule = StaticRule(tickets=3, within=timedelta(minutes=15))
    ruled = {"payments": ServiceSettings(categories={"login": CategorySettings(rules=(rule,))})}

    assert explained(desk([6, 8, 9]), services=off).turning is None
    assert explained(desk([6, 8, 9]), services=ruled).turning is None


def test_limits_that_do_not_say_how_the_budget_is_shared_turn_nowhere() -> None:
    counts = desk([6, 8, 9])
    normal = normal_of(counts.roster)
    limits = limits_of(normal, detection=NO_FLOORS, services={})
    assert limits.sharing is not None
    (rule, *_) = limits.sharing.rules
    judged = assess(
        counts, normal, replace(limits, sharing=None), first=counts.grid.stop - 1, windows=WINDOWS
    )

    assert explain(judged, normal, series=LOGIN, learned=OLD, rule=rule).turning is None


def test_settings_take_the_most_that_is_asked_about_and_no_more() -> None:
    assert DetectionSettings(false_alarms_per_week=MOST_BUDGET).false_alarms_per_week == MOST_BUDGET
    assert CategorySettings(weight=MOST_WEIGHT).weight == MOST_WEIGHT
    with pytest.raises(ValidationError):
        DetectionSettings(false_alarms_per_week=MOST_BUDGET + 1)
    with pytest.raises(ValidationError):
        CategorySettings(weight=MOST_WEIGHT + 1)
