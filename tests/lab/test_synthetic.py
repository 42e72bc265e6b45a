"""Simulated desks keep their promises: the same seed, the same world, and the truth is the truth."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.core.counts import Gap, SeriesKey
from spikewatch.core.settings import Language
from spikewatch.core.timegrid import Grid, Span
from spikewatch.lab.synthetic import (
    DESK,
    START_OF_LIVE,
    Roughness,
    Shape,
    SurgeMix,
    World,
    WorldSettings,
    demo_world,
    desk_tickets,
    plant,
    simulate,
)
from spikewatch.lab.synthetic.seasons import DAY_OFF, SATURDAY, WORKDAY, Habits, LocalTime, curves, season
from spikewatch.lab.synthetic.surges import APART, negative_binomial, profile_of

TOKYO = ZoneInfo("Asia/Tokyo")
STEP = timedelta(minutes=5)
SMALL = WorldSettings(weeks=3, judged_weeks=1, services=4, series=9, surges=6)
SEEDS = st.integers(min_value=0, max_value=2**32)


@cache
def small_world(seed: int = 7) -> World:
    return simulate(SMALL, seed=seed)


@cache
def demo(language: Language = Language.JA) -> World:
    return demo_world(language=language)


# -- worlds


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_the_same_seed_gives_the_same_world(seed: int) -> None:
    first, second = simulate(SMALL, seed=seed), simulate(SMALL, seed=seed)

    assert np.array_equal(first.counts, second.counts)
    assert np.array_equal(first.expected, second.expected)
    assert (first.leaves, first.surges, first.gaps, first.benign) == (
        second.leaves,
        second.surges,
        second.gaps,
        second.benign,
    )


def test_a_rough_desk_has_the_same_truth_and_wilder_counts() -> None:
    still = replace(SMALL, quiet=True, past_incidents=0)
    calm, rough = simulate(still, seed=7), simulate(replace(still, rough=Roughness()), seed=7)

    assert np.array_equal(rough.expected, calm.expected)
    assert rough.judged == calm.judged
    busiest = calm.expected.sum(axis=1).argmax()
    per_hour = [world.counts[busiest].reshape(-1, 12).sum(axis=1) for world in (calm, rough)]
    usual = calm.expected[busiest].reshape(-1, 12).sum(axis=1)
    calm_error, rough_error = (float(((hours - usual) ** 2).sum()) for hours in per_hour)
    assert rough_error > 1.2 * calm_error


def test_a_desk_without_roughness_is_no_other_desk() -> None:
    flat = Roughness(gust=0.0, drift=0.0, morning=0.0)

    assert np.array_equal(simulate(replace(SMALL, rough=flat), seed=7).counts, simulate(SMALL, seed=7).counts)


@pytest.mark.parametrize(
    ("roughness", "change"),
    [
        (Roughness(batched=0.2, batch=4.0), (1.5, 2.2)),
        (Roughness(silent=0.4), (0.4, 0.8)),
        (Roughness(closures=7.0), (0.4, 0.95)),
        (Roughness(day=0.3), (0.7, 1.4)),
        (Roughness(habit=0.3), (0.7, 1.4)),
    ],
    ids=["batches", "silence", "closures", "days", "habits"],
)
def test_each_roughness_moves_counts_as_much_as_it_says(
    roughness: Roughness, change: tuple[float, float]
) -> None:
    still = replace(SMALL, quiet=True, past_incidents=0)
    calm, rough = (
        simulate(replace(still, rough=which), seed=7)
        for which in (Roughness(gust=0, drift=0, morning=0), replace(roughness, gust=0, drift=0, morning=0))
    )

    assert not np.array_equal(rough.counts, calm.counts)
    assert change[0] < rough.counts.sum() / calm.counts.sum() < change[1]


def test_wide_buckets_hold_what_narrow_ones_do() -> None:
    still = replace(SMALL, quiet=True, past_incidents=0)
    narrow, wide = simulate(still, seed=7), simulate(replace(still, step=timedelta(hours=1)), seed=7)

    assert wide.grid.length * 12 == narrow.grid.length
    assert wide.expected.sum() == pytest.approx(narrow.expected.sum(), rel=0.05)


def test_another_seed_gives_another_world() -> None:
    assert not np.array_equal(small_world(1).counts, small_world(2).counts)


@given(seed=SEEDS)
@settings(max_examples=15, deadline=None)
def test_counts_are_whole_and_never_negative_and_the_truth_lies_within_the_world(seed: int) -> None:
    world = simulate(SMALL, seed=seed)

    assert world.counts.shape == world.expected.shape == (SMALL.series, world.grid.length)
    assert np.issubdtype(world.counts.dtype, np.integer)
    assert world.counts.min() >= 0
    assert np.isfinite(world.expected).all()
    assert world.expected.min() >= 0
    for surge in world.surges:
        assert world.grid.start <= surge.start < surge.end <= world.grid.end
        assert set(surge.series) <= set(world.leaves)
        assert {key.service for key in surge.series} == {surge.service}
        assert surge.extra >= SMALL.mix.tickets


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_surges_of_one_service_keep_apart_and_keep_out_of_gaps(seed: int) -> None:
    world = simulate(SMALL, seed=seed)

    for one, other in zip(world.surges, world.surges[1:], strict=False):
        assert one.service != other.service or other.start >= one.end + APART
    for surge in world.surges:
        assert not any(
            gap.service in (None, surge.service) and surge.start < gap.span.end and gap.span.start < surge.end
            for gap in world.gaps
        )


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_a_quiet_world_is_the_same_desk_without_the_judged_surges(seed: int) -> None:
    loud, quiet = simulate(SMALL, seed=seed), simulate(replace(SMALL, quiet=True), seed=seed)

    assert quiet.judged_surges == ()
    assert [surge for surge in loud.surges if surge not in loud.judged_surges] == list(quiet.surges)
    assert (loud.counts >= quiet.counts).all()
    changed = np.argwhere(loud.counts != quiet.counts)
    for row, column in changed:
        at = loud.grid.start + int(column) * STEP
        assert any(
            loud.leaves[row] in surge.series and surge.start <= at < surge.end for surge in loud.judged_surges
        )


def test_nothing_is_counted_in_a_gap() -> None:
    world = small_world()

    rows = world.known[world.roster.service_of[: len(world.leaves)]]

    assert not rows.all()
    assert world.counts[~rows].sum() == 0
    assert world.rates[: len(world.leaves)][~rows].sum() == 0


def test_the_panel_holds_the_roll_ups() -> None:
    world = small_world()

    assert world.panel.counts[-1].sum() == world.counts.sum()
    assert world.dispersions.shape == (len(world.roster),)


def test_without_surges_counts_follow_the_expectation() -> None:
    world = simulate(replace(SMALL, quiet=True, past_incidents=0, gaps=0), seed=3)

    assert world.counts.sum() == pytest.approx(world.expected.sum(), rel=0.1)


def test_a_default_world_is_as_large_as_a_real_desk() -> None:
    world = simulate(WorldSettings(), seed=5)

    busiest = np.quantile(world.expected, 0.99, axis=1)
    assert len(world.roster.services) == 10
    assert len(world.leaves) == 45
    assert len(world.judged_surges) >= 35
    assert busiest.max() > 5
    assert busiest.min() < 0.3


def test_a_world_without_history_is_refused() -> None:
    with pytest.raises(ValueError, match="leave a history"):
        WorldSettings(weeks=4, judged_weeks=4)


@pytest.mark.parametrize(("services", "series"), [(3, 2), (2, 25)])
def test_more_or_fewer_categories_than_services_hold_are_refused(services: int, series: int) -> None:
    with pytest.raises(ValueError, match=f"{services} services hold"):
        WorldSettings(services=services, series=series)


# -- the calendar


def days_of(start: datetime, days: int) -> LocalTime:
    return LocalTime.of(Grid.between(start, start + timedelta(days=days), STEP), zone=TOKYO, country="JP")


def test_public_holidays_are_days_off_and_the_morning_after_has_a_backlog() -> None:
    week = days_of(datetime(2026, 11, 1, tzinfo=TOKYO), 5)

    assert week.kind.tolist() == [DAY_OFF, WORKDAY, DAY_OFF, WORKDAY, WORKDAY]
    assert week.backlog.tolist() == [0, 2, 0, 1, 0]


def test_five_days_off_in_a_row_pile_up_more_than_a_weekend() -> None:
    autumn = days_of(datetime(2026, 9, 19, tzinfo=TOKYO), 6)

    assert autumn.kind.tolist() == [SATURDAY, DAY_OFF, DAY_OFF, DAY_OFF, DAY_OFF, WORKDAY]
    assert autumn.backlog[-1] == 5


def test_the_last_workday_of_a_month_is_under_pressure() -> None:
    month = days_of(datetime(2026, 9, 28, tzinfo=TOKYO), 4)

    assert month.pressure.tolist() == [0.0, 0.5, 1.0, 0.0]


def test_local_hours_follow_daylight_saving() -> None:
    paris = ZoneInfo("Europe/Paris")
    start = datetime(2026, 3, 29, tzinfo=paris)
    day = LocalTime.of(Grid.between(start, start.replace(day=30), STEP), zone=paris, country=None)

    assert len(day.hour) == 23 * 12
    assert not ((day.hour >= 2) & (day.hour < 3)).any()


def test_phones_open_sharply_and_mail_comes_round_the_clock() -> None:
    hours = np.array([3.0, 8.9, 9.1, 17.9, 18.1])

    mail, chat, phone = curves(hours, closes=21.0)

    assert mail.min() > 0.05
    assert phone[[1, 4]].max() < 0.02
    assert phone[2] > 0.8
    assert chat[4] > 0.5


def test_backlog_mornings_grow_with_the_days_off() -> None:
    rng = np.random.default_rng(1)
    habits = replace(Habits.drawn(rng), newsletter=None, month_end=0.0)
    autumn = days_of(datetime(2026, 9, 14, tzinfo=TOKYO), 12)

    level = season(autumn, habits, np.array([[1.0, 0.0, 0.0]]))[0]
    morning = [
        level[(autumn.day == day) & (autumn.hour > 9) & (autumn.hour < 10)].mean() for day in range(12)
    ]

    after_weekend, usual, after_five_days = morning[0], morning[3], morning[10]
    assert usual < after_weekend < after_five_days


# -- surges


@pytest.mark.parametrize("shape", Shape)
@given(length=st.integers(min_value=1, max_value=60))
def test_a_surge_never_takes_tickets_away_and_never_exceeds_its_height(shape: Shape, length: int) -> None:
    course = profile_of(shape, length)

    assert course.shape == (length,)
    assert course.min() > 0
    assert course.max() <= 1


@given(
    mean=st.floats(min_value=0.5, max_value=20),
    dispersion=st.floats(min_value=1.0, max_value=2.5),
    seed=SEEDS,
)
@settings(max_examples=20, deadline=None)
def test_noise_has_the_spread_that_was_asked_for(mean: float, dispersion: float, seed: int) -> None:
    drawn = negative_binomial(np.random.default_rng(seed), np.full(60_000, mean), dispersion=dispersion)

    assert drawn.mean() == pytest.approx(mean, rel=0.08)
    assert drawn.var() / drawn.mean() == pytest.approx(dispersion, rel=0.12)


def recorded() -> tuple[np.ndarray, list[SeriesKey], Grid]:
    grid = Grid.between(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC), STEP)
    leaves = [SeriesKey("shop", "a"), SeriesKey("shop", "b"), SeriesKey("web", "a")]
    counts = np.random.default_rng(0).poisson([[4.0], [1.0], [0.2]], size=(3, grid.length))
    return counts, leaves, grid


@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_planting_only_adds_and_only_where_it_says(seed: int) -> None:
    counts, leaves, grid = recorded()
    span = Span(datetime(2026, 3, 16, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))

    planted = plant(counts, leaves=leaves, grid=grid, span=span, number=8, seed=seed)

    assert planted.surges
    added = planted.counts - counts
    assert added.min() == 0
    for surge in planted.surges:
        assert span.start <= surge.start < surge.end <= span.end
        at = slice(grid.column(surge.start), grid.column(surge.end))
        added[np.ix_([leaves.index(key) for key in surge.series], range(at.start, at.stop))] = 0
    assert added.sum() == 0


def test_planting_is_reproducible_and_avoids_gaps() -> None:
    counts, leaves, grid = recorded()
    span = Span(datetime(2026, 3, 16, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))
    gap = Gap(Span(datetime(2026, 3, 17, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)))

    first = plant(counts, leaves=leaves, grid=grid, span=span, number=20, seed=1, gaps=[gap])
    second = plant(counts, leaves=leaves, grid=grid, span=span, number=20, seed=1, gaps=[gap])

    assert first.surges == second.surges
    assert np.array_equal(first.counts, second.counts)
    assert all(surge.end <= gap.span.start or surge.start >= gap.span.end for surge in first.surges)


def test_a_clearer_mix_plants_larger_surges() -> None:
    counts, leaves, grid = recorded()
    span = Span(datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))

    loud = plant(counts, leaves=leaves, grid=grid, span=span, number=12, seed=1, mix=SurgeMix(tickets=60.0))

    assert all(surge.extra >= 60 for surge in loud.surges)


# -- the desk


def test_final_versions_add_up_to_the_counts() -> None:
    world = small_world()

    final = {version.id: version for version in desk_tickets(world, seed=1)}

    told = Counter(
        (version.service, version.category, world.grid.column(version.created_at))
        for version in final.values()
        if version.status != "deleted"
    )
    counted = {
        (world.leaves[row].service, world.leaves[row].category, int(column)): int(world.counts[row, column])
        for row, column in np.argwhere(world.counts > 0)
    }
    assert told == counted
    assert any(version.status == "deleted" for version in final.values())


def test_versions_come_in_order_and_begin_with_creation() -> None:
    versions = desk_tickets(small_world(), seed=1)

    generated = [version.generated_at for version in versions]
    first = {version.id: version for version in reversed(versions)}
    assert generated == sorted(generated)
    assert all(version.created_at == version.generated_at for version in first.values())
    assert all(version.status == "new" for version in first.values())
    by_id = sorted(first.values(), key=lambda version: version.id)
    assert [version.created_at for version in by_id] == sorted(version.created_at for version in by_id)


def test_some_tickets_get_their_category_late_and_some_get_another() -> None:
    versions = desk_tickets(small_world(), seed=1)

    history: dict[int, list[str | None]] = {}
    for version in versions:
        history.setdefault(version.id, []).append(version.category)
    assert 0.35 < sum(names[0] is None for names in history.values()) / len(history) < 0.55
    assert any(len({name for name in names if name is not None}) > 1 for names in history.values())
    solved = {version.id for version in versions if version.status == "solved"}
    assert all(history[number][-1] is not None for number in solved)


def test_the_same_seed_tells_the_same_tickets() -> None:
    assert desk_tickets(small_world(), seed=4) == desk_tickets(small_world(), seed=4)


# -- the demo


def test_the_demo_is_a_large_japanese_desk_with_a_quiet_history() -> None:
    world = demo()

    live = world.grid.column(START_OF_LIVE)
    assert world.grid.start == START_OF_LIVE - timedelta(weeks=8)
    assert world.grid.end == datetime(2026, 11, 4, 12, 0, tzinfo=TOKYO)
    assert len(world.roster.services) == 10
    assert len(world.leaves) == 60
    assert 57_000 < world.counts[:, :live].sum() < 64_000
    assert {"決済", "ログイン", "返品・返金"} <= set(world.roster.services)


def test_the_demo_has_one_past_incident_and_one_login_outage() -> None:
    past, outage = demo().surges

    assert past.end < START_OF_LIVE
    assert outage.service == "ログイン"
    assert (outage.start, outage.end) == (
        datetime(2026, 11, 2, 14, 10, tzinfo=TOKYO),
        datetime(2026, 11, 2, 15, 50, tzinfo=TOKYO),
    )
    assert len(outage.series) == 3
    assert 10 <= outage.factor <= 20


def test_the_demo_has_a_campaign_on_its_last_morning_that_is_over_before_the_story_ends() -> None:
    sale, campaign = demo().benign

    assert sale.span.end < START_OF_LIVE
    assert (campaign.service, campaign.factor) == ("キャンペーン", 1.6)
    assert (campaign.span.start, campaign.span.end) == (
        datetime(2026, 11, 4, 7, 0, tzinfo=TOKYO),
        datetime(2026, 11, 4, 10, 30, tzinfo=TOKYO),
    )


def test_the_demo_outage_is_plain_to_see_within_half_an_hour() -> None:
    world = demo()
    outage = world.judged_surges[0]
    at = slice(world.grid.column(outage.start), world.grid.column(outage.start + timedelta(minutes=30)))
    rows = [world.leaves.index(key) for key in outage.series]

    assert world.counts[rows, at].sum() > 4 * world.expected[rows, at].sum()


def test_both_languages_tell_of_the_same_tickets() -> None:
    names = {
        (service.label.en, category.en): (service.label.ja, category.ja)
        for service in DESK
        for category in service.categories
    }
    japanese, english = demo(), demo(Language.EN)

    for row, key in enumerate(english.leaves):
        twin = japanese.leaves.index(SeriesKey(*names[(key.service, key.category)]))
        assert np.array_equal(english.counts[row], japanese.counts[twin])


def test_demo_ids_are_neutral_and_unique() -> None:
    ids = [service.label.id for service in DESK]

    assert all(name.isascii() and name.islower() for name in ids)
    assert len(set(ids)) == len(ids)
    for service in DESK:
        assert len({category.id for category in service.categories}) == len(service.categories)
