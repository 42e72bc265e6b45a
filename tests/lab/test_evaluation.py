"""The referee is fair: hand-made cases with known answers, and no comparator looks ahead."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.core.counts import ALL, Floats, Roster, SeriesKey
from spikewatch.core.timegrid import Grid, Span
from spikewatch.lab.detectors import COMPARATORS, Detector, likelihood_ratio
from spikewatch.lab.detectors.windows import Counts
from spikewatch.lab.evaluation import (
    Judgement,
    Opened,
    Scored,
    at_false_rate,
    compared,
    grouped,
    judge,
    pooled,
    timeliness_interval,
)
from spikewatch.lab.synthetic import PlantedSurge, Shape, World, WorldSettings, simulate

NOON = datetime(2026, 5, 11, 12, 0, tzinfo=UTC)
STEP = timedelta(minutes=5)
WEEK = Span(NOON - timedelta(days=3), NOON + timedelta(days=4))
CARD, REFUND = SeriesKey("payments", "card"), SeriesKey("payments", "refund")
ALL_PAYMENTS = SeriesKey("payments", ALL)
LOGIN = SeriesKey("login", "password")


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def surge(
    *,
    at: datetime = NOON,
    lasts: int = 60,
    shape: Shape = Shape.STEP,
    series: tuple[SeriesKey, ...] = (CARD,),
) -> PlantedSurge:
    return PlantedSurge(series[0].service, series, at, at + minutes(lasts), shape, 5.0, 40.0)


def opened(
    after: int, *, service: str | None = "payments", series: tuple[SeriesKey, ...] = (CARD,)
) -> Opened:
    return Opened(NOON + minutes(after), service, series)


def judged(*entries: Opened, surges: tuple[PlantedSurge, ...]) -> Judgement:
    return judge(entries, surges=surges, judged=WEEK)


@pytest.mark.parametrize(
    ("lasts", "after", "worth"),
    [
        pytest.param(60, 15, 0.75, id="a quarter of the surge has gone by"),
        pytest.param(60, 60, 0.0, id="as late as its end is worth nothing"),
        pytest.param(60, 90, 0.0, id="found in the grace is worth nothing"),
        pytest.param(240, 30, 0.75, id="long surges are judged on two hours"),
        pytest.param(240, 150, 0.0, id="later than two hours is worth nothing"),
        pytest.param(60, 0, 1.0, id="at once"),
    ],
)
def test_timeliness_falls_with_the_delay(lasts: int, after: int, worth: float) -> None:
    judgement = judged(opened(after), surges=(surge(lasts=lasts),))

    assert judgement.timeliness == pytest.approx(worth)
    assert judgement.found == 1.0
    assert judgement.median_delay == minutes(after)


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        pytest.param(opened(-5), False, id="before the start"),
        pytest.param(opened(0), True, id="at the start"),
        pytest.param(opened(120), True, id="an hour after the end"),
        pytest.param(opened(125), False, id="more than an hour after the end"),
        pytest.param(opened(10, service="login", series=(LOGIN,)), False, id="another service"),
        pytest.param(opened(10, service=None), True, id="the whole company"),
    ],
)
def test_an_incident_counts_or_is_false(entry: Opened, *, counts: bool) -> None:
    judgement = judged(entry, surges=(surge(),))

    assert judgement.found == float(counts)
    assert len(judgement.false) == int(not counts)


def test_the_first_incident_counts_and_each_message_is_counted() -> None:
    judgement = judged(opened(40), opened(20), surges=(surge(),))

    assert judgement.median_delay == minutes(20)
    assert judgement.messages_per_surge == 2.0
    assert judgement.false == ()


def test_what_opens_outside_the_judged_time_is_left_out() -> None:
    past = surge(at=WEEK.start - timedelta(days=1))
    early = Opened(WEEK.start - timedelta(hours=5), "payments", (CARD,))

    judgement = judged(early, surges=(past, surge()))

    assert len(judgement.verdicts) == 1
    assert judgement.found == 0.0
    assert judgement.false == ()
    assert judgement.median_delay is None


def test_false_incidents_are_told_per_fleet_week() -> None:
    fortnight = Span(WEEK.start, WEEK.start + timedelta(weeks=2))
    entries = [opened(600), opened(900), opened(1200, service="login", series=(LOGIN,))]

    judgement = judge(entries, surges=[surge()], judged=fortnight)

    assert judgement.false_per_week == 1.5


def test_named_categories_are_right_wrong_or_missing() -> None:
    both = surge(series=(CARD, REFUND))
    other = SeriesKey("payments", "receipt")

    (verdict,) = judged(opened(5, series=(CARD, other, ALL_PAYMENTS)), surges=(both,)).verdicts

    assert (verdict.right, verdict.wrong, verdict.unnamed) == (1, 1, 1)


def test_naming_the_service_is_right_only_when_the_whole_service_surges() -> None:
    whole = surge(series=(CARD, REFUND), shape=Shape.SERVICE)
    partly = surge(series=(CARD, REFUND))
    entry = opened(5, series=(ALL_PAYMENTS,))

    named_whole, named_partly = judged(entry, surges=(whole,)), judged(entry, surges=(partly,))

    assert (named_whole.named_right, named_whole.named_all) == (1.0, 1.0)
    assert (named_partly.named_right, named_partly.named_all) == (1.0, 0.0)


def test_a_company_wide_incident_is_not_wrong_about_other_services() -> None:
    (verdict,) = judged(opened(5, service=None, series=(CARD, LOGIN)), surges=(surge(),)).verdicts

    assert (verdict.right, verdict.wrong) == (1, 0)


def test_pooling_adds_up_surges_and_time() -> None:
    good, bad = judged(opened(15), surges=(surge(),)), judged(opened(300), surges=(surge(),))

    both = pooled([good, bad])

    assert both.timeliness == pytest.approx(0.375)
    assert both.false_per_week == 0.5


# -- how sure


@given(
    delays=st.lists(st.integers(min_value=0, max_value=60), min_size=1, max_size=20), seed=st.integers(0, 99)
)
@settings(max_examples=25, deadline=None)
def test_the_interval_holds_the_mean(delays: list[int], seed: int) -> None:
    surges = tuple(surge(at=NOON - timedelta(hours=60) + timedelta(hours=4 * n)) for n in range(len(delays)))
    entries = [Opened(s.start + minutes(d), "payments", (CARD,)) for s, d in zip(surges, delays, strict=True)]

    interval = timeliness_interval(judged(*entries, surges=surges), seed=seed)

    assert interval.low <= interval.mean + 1e-9
    assert interval.mean <= interval.high + 1e-9
    assert interval == timeliness_interval(judged(*entries, surges=surges), seed=seed)


def test_a_detector_that_is_always_sooner_is_surely_better() -> None:
    surges = tuple(surge(at=NOON + timedelta(hours=4 * n)) for n in range(6))
    soon = judged(*(Opened(s.start + minutes(5), "payments", ()) for s in surges), surges=surges)
    late = judged(*(Opened(s.start + minutes(35), "payments", ()) for s in surges), surges=surges)

    paired = compared(soon, late, seed=1)

    assert (paired.better, paired.worse, paired.even) == (6, 0, 0)
    assert paired.difference.low == pytest.approx(0.5)


def test_only_the_same_surges_can_be_paired() -> None:
    with pytest.raises(ValueError, match="not the same"):
        compared(judged(surges=(surge(),)), judged(surges=()), seed=1)


def test_nothing_can_be_said_without_surges() -> None:
    with pytest.raises(ValueError, match="no surges"):
        timeliness_interval(judged(surges=()), seed=1)


# -- scores into incidents


ROSTER = Roster.of([CARD, REFUND, LOGIN])
GRID = Grid.between(WEEK.start, WEEK.end, STEP)


def scored(peaks: dict[tuple[SeriesKey, int], float], *, surges: tuple[PlantedSurge, ...] = ()) -> Scored:
    """Return scores that are 0 but at these (series, minutes after noon)."""
    scores = np.zeros((len(ROSTER), GRID.length))
    for (key, after), score in peaks.items():
        scores[ROSTER.rows[key], GRID.column(NOON + minutes(after))] = score
    return Scored(scores, ROSTER, GRID, surges, WEEK)


def test_alarms_of_a_service_join_within_an_hour() -> None:
    peaks = {(CARD, 0): 5.0, (REFUND, 60): 5.0, (CARD, 125): 5.0, (LOGIN, 0): 5.0, (CARD, 10): 1.0}

    incidents = grouped(scored(peaks), threshold=2.0)

    assert incidents == [
        Opened(NOON + minutes(5), "login", (LOGIN,)),
        Opened(NOON + minutes(5), "payments", (CARD, REFUND)),
        Opened(NOON + minutes(130), "payments", (CARD,)),
    ]


def test_the_threshold_lets_one_false_incident_a_week_through() -> None:
    peaks = {(CARD, 0): 9.0, (CARD, 400): 7.0, (LOGIN, 800): 5.0}

    threshold = at_false_rate([scored(peaks)], per_week=1.0)

    assert threshold == 9.0
    assert at_false_rate([scored(peaks)], per_week=2.0) == 7.0


def test_alarms_about_a_surge_do_not_spend_the_budget() -> None:
    peaks = {(CARD, 10): 9.0, (CARD, 400): 7.0, (LOGIN, 800): 5.0}

    assert at_false_rate([scored(peaks, surges=(surge(),))], per_week=1.0) == 7.0


def test_a_detector_that_always_cries_gets_no_threshold() -> None:
    tied = {(CARD, 400 * n): 5.0 for n in range(5)}

    assert at_false_rate([scored(tied)], per_week=1.0) == float("inf")


@given(seed=st.integers(0, 2**32), budget=st.sampled_from([1.0, 2.0, 5.0]))
@settings(max_examples=20, deadline=None)
def test_the_threshold_keeps_its_budget(seed: int, budget: float) -> None:
    scores = np.random.default_rng(seed).exponential(size=(len(ROSTER), GRID.length))
    entry = Scored(scores, ROSTER, GRID, (surge(),), WEEK)

    threshold = at_false_rate([entry], per_week=budget)

    assert (
        judge(grouped(entry, threshold=threshold), surges=entry.surges, judged=WEEK).false_per_week <= budget
    )


def test_scores_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        Scored(np.zeros((2, 3)), ROSTER, GRID, (), WEEK)


# -- detectors on simulated desks


@cache
def world() -> World:
    return simulate(WorldSettings(weeks=9, judged_weeks=1, services=3, series=6, surges=6), seed=11)


def limit(counts: Counts, grid: Grid, roster: Roster) -> Floats:
    return likelihood_ratio(
        counts,
        grid,
        roster,
        rates=world().rates[:, : grid.length],
        dispersion=world().dispersions,
        day_cv=0.12,
        zone=ZoneInfo("Asia/Tokyo"),
    )


DETECTORS: dict[str, Detector] = {**COMPARATORS, "limit": limit}


def test_naming_every_surge_five_minutes_after_its_start_is_worth_nine_tenths() -> None:
    worlds = [simulate(WorldSettings(), seed=seed) for seed in range(3)]

    judgements = [
        judge(
            [Opened(one.start + STEP, one.service, one.series) for one in desk.judged_surges],
            surges=desk.surges,
            judged=desk.judged,
        )
        for desk in worlds
    ]

    assert 0.86 < pooled(judgements).timeliness < 0.94
    assert pooled(judgements).false == ()
    assert pooled(judgements).named_right == 1.0


@pytest.mark.parametrize("name", DETECTORS)
def test_scores_are_finite_and_fit_the_fleet(name: str) -> None:
    desk = world()

    scores = DETECTORS[name](desk.panel.counts, desk.grid, desk.roster)

    assert scores.shape == (len(desk.roster), desk.grid.length)
    assert np.isfinite(scores).all()
    assert scores.max() > 0


@pytest.mark.parametrize("name", DETECTORS)
@given(back=st.integers(min_value=1, max_value=2000))
@settings(max_examples=2, deadline=None)
def test_no_detector_looks_ahead(name: str, back: int) -> None:
    desk = world()
    stop = desk.grid.length - back
    past = Grid(desk.grid.step, desk.grid.first, stop)

    whole = DETECTORS[name](desk.panel.counts, desk.grid, desk.roster)
    cut = DETECTORS[name](desk.panel.counts[:, :stop], past, desk.roster)

    np.testing.assert_allclose(cut, whole[:, :stop], rtol=1e-9, atol=1e-9)


def test_who_knows_the_true_rates_beats_the_usual_methods() -> None:
    desk = simulate(WorldSettings(), seed=2)

    def worth(scores: Floats) -> float:
        scores[-1] = 0.0
        entry = Scored(scores, desk.roster, desk.grid, desk.surges, desk.judged)
        threshold = at_false_rate([entry], per_week=1.0)
        return judge(grouped(entry, threshold=threshold), surges=desk.surges, judged=desk.judged).timeliness

    knows = worth(
        likelihood_ratio(
            desk.panel.counts,
            desk.grid,
            desk.roster,
            rates=desk.rates,
            dispersion=desk.dispersions,
            day_cv=0.12,
            zone=ZoneInfo("Asia/Tokyo"),
        )
    )
    usual = worth(COMPARATORS["bucket_zscore"](desk.panel.counts, desk.grid, desk.roster))

    assert knows > usual + 0.2
