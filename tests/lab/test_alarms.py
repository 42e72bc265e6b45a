"""Alarms: the live code's scores and incidents reach the referee as they are, and planted surges change nothing else."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from spikewatch.core.counts import Gap
from spikewatch.core.settings import CalendarSettings
from spikewatch.core.timegrid import Span, bucket_number
from spikewatch.cycle import Detector
from spikewatch.lab.alarms import (
    GENEROUS,
    FitsOnce,
    Trial,
    comparator_scores,
    delivered,
    limit_scores,
    live_scores,
    planted,
    trial_of,
    with_budget,
)
from spikewatch.lab.detectors import COMPARATORS
from spikewatch.lab.evaluation import Opened, Scored, at_false_rate, grouped, judge
from spikewatch.lab.recordings import detector_for
from spikewatch.lab.replay import Recording, replay
from spikewatch.lab.synthetic import PlantedSurge, World, WorldSettings, simulate

TOKYO = ZoneInfo("Asia/Tokyo")
SMALL = WorldSettings(
    weeks=4, judged_weeks=1, services=2, series=4, surges=4, campaigns=0, gaps=1, peaks=(12, 3)
)


@cache
def world() -> World:
    return simulate(SMALL, seed=3)


@cache
def trial() -> Trial:
    return trial_of(world())


@cache
def detector() -> Detector:
    return detector_for(trial().recording, zone=TOKYO, calendar=CalendarSettings(country="JP"))


@cache
def scored() -> Scored:
    return live_scores(trial(), detector())


@cache
def generous() -> tuple[Opened, ...]:
    return delivered(trial(), with_budget(detector(), GENEROUS))


def test_live_scores_cover_the_judged_span_of_every_series() -> None:
    assert scored().scores.shape == (len(world().roster), 7 * 24 * 12)
    assert scored().grid.start == world().judged.start
    assert np.isfinite(scored().scores).all()
    assert scored().scores.max() > 1


def test_an_incident_of_the_live_code_opens_where_its_scores_reach_one() -> None:
    lenient = with_budget(detector(), GENEROUS)

    replayed = replay(trial().recording, lenient, since=trial().judged.start, calibrated=False)

    grid = scored().grid
    columns = [bucket_number(each.opened_at, grid.step) - 1 - grid.first for each in replayed.incidents]
    assert columns
    assert (scored().scores[:, columns].max(axis=0) >= 1).all()
    assert columns[0] == int(np.flatnonzero((scored().scores >= 1).any(axis=0))[0])


def test_live_scores_find_what_was_planted() -> None:
    threshold = at_false_rate([scored()], per_week=1.0)

    judgement = judge(grouped(scored(), threshold=threshold), surges=trial().surges, judged=trial().judged)

    assert len(judgement.verdicts) == SMALL.surges
    assert judgement.found >= 0.5
    assert len(judgement.false) <= 1


def test_live_scores_do_not_depend_on_what_comes_later() -> None:
    until = world().judged.start + timedelta(days=2)
    panel = trial().recording.panel
    short = panel.cut(panel.grid.first, bucket_number(until, panel.grid.step))

    cut = live_scores(
        Trial(Recording(short, until), trial().surges, Span(world().judged.start, until)), detector()
    )

    np.testing.assert_array_equal(cut.scores, scored().scores[:, : 2 * 24 * 12])


def test_a_lower_budget_finds_nothing_sooner() -> None:
    strict = delivered(trial(), with_budget(detector(), 0.05))

    assert strict
    for late in strict:
        before = [early.service for early in generous() if early.opened_at <= late.opened_at]
        assert {None, late.service} & set(before) or late.service is None
    assert judge(generous(), surges=trial().surges, judged=trial().judged).timeliness > 0


def test_a_detector_that_fits_once_comes_to_the_same_incidents() -> None:
    keeping = FitsOnce.of(detector())

    fewer = delivered(trial(), with_budget(keeping, 0.05))
    kept = dict(keeping.kept)
    again = delivered(trial(), with_budget(keeping, GENEROUS))

    assert again == generous() != fewer
    assert len(kept) == 7 * 24
    assert all(keeping.kept[epoch] is baseline for epoch, baseline in kept.items())


def test_a_comparator_is_shown_the_history_and_judged_after_it() -> None:
    spread = comparator_scores(trial(), COMPARATORS["hour_zscore"])

    whole = COMPARATORS["hour_zscore"](world().panel.counts, world().grid, world().roster)
    np.testing.assert_allclose(spread.scores, whole[:, 3 * 7 * 24 * 12 :], rtol=1e-5)


def test_the_limit_is_judged_on_the_same_span() -> None:
    limit = limit_scores(world(), day_cv=0.12, zone=TOKYO)

    assert limit.grid == scored().grid
    assert limit.surges == scored().surges


# -- surges planted into recorded counts


def test_planting_changes_nothing_but_the_judged_span_and_keeps_the_totals() -> None:
    recording = trial_of(simulate(replace(SMALL, quiet=True), seed=3)).recording
    judged = world().judged

    grown = planted(recording, judged=judged, surges=4, seed=1)

    before, after = recording.panel, grown.recording.panel
    begin = before.grid.column(judged.start)
    np.testing.assert_array_equal(after.counts[:, :begin], before.counts[:, :begin])
    assert (after.counts >= before.counts).all()
    assert after.counts[-1].sum() > before.counts[-1].sum()
    np.testing.assert_array_equal(after.counts[: after.roster.n_leaves].sum(axis=0), after.counts[-1])
    assert grown.surges
    assert all(judged.holds(surge.start) for surge in grown.surges)


def test_planting_leaves_what_is_unknown_unknown() -> None:
    world_with_gap = simulate(replace(SMALL, quiet=True), seed=3)
    recording = trial_of(world_with_gap).recording

    grown = planted(recording, judged=world().judged, surges=40, seed=1, gaps=world_with_gap.gaps)

    panel = grown.recording.panel
    assert (~panel.known).any()
    assert panel.counts[~panel.known_rows].sum() == 0
    assert not any(_hidden(surge, gap) for gap in world_with_gap.gaps for surge in grown.surges)


def _hidden(surge: PlantedSurge, gap: Gap) -> bool:
    return gap.service in (None, surge.service) and gap.span.holds(surge.start)


def test_judging_without_enough_history_is_refused() -> None:
    early = Span(world().grid.start + timedelta(days=5), world().judged.end)

    with pytest.raises(ValueError, match="too little history"):
        Trial(trial().recording, (), early)
