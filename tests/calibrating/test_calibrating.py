"""Calibrating: what a replay of the past comes to, and that life and replay come to the same."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from spikewatch.adapters.memory import MemoryStore
from spikewatch.core.calibration import Calibration
from spikewatch.core.counts import Panel, Ticket
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.settings import (
    CategorySettings,
    DetectionSettings,
    ModelName,
    ServiceSettings,
    StaticRule,
)
from spikewatch.core.timegrid import Span
from spikewatch.cycle import Cycle, Detector
from spikewatch.lab.recordings import detector_for
from spikewatch.lab.replay import Recording, history_of
from spikewatch.lab.synthetic import World, WorldSettings, simulate
from spikewatch.ports import Page

SETTINGS = WorldSettings(quiet=True, services=4, series=14, weeks=10, judged_weeks=1)
STEP = timedelta(minutes=5)


@lru_cache(maxsize=2)
def world() -> World:
    return simulate(SETTINGS, seed=4)


def recording() -> Recording:
    return Recording(world().panel, world().judged.end)


def detector(
    model: ModelName = ModelName.PROFILE, services: Mapping[str, ServiceSettings] | None = None
) -> Detector:
    return detector_for(
        recording(),
        zone=ZoneInfo(SETTINGS.zone),
        detection=DetectionSettings(model=model),
        services=services,
    )


def week() -> int:
    return int(world().judged.start.timestamp()) // (7 * 86400) + 1


def calibrated(judging: Detector, panel: Panel | None = None, *, at: int | None = None) -> Calibration:
    seen = world().panel if panel is None else panel
    return judging.calibrate(history_of(seen), seen.cut, week=week() if at is None else at)


@pytest.mark.parametrize("model", list(ModelName))
def test_the_past_of_every_model_gives_a_tail(model: ModelName) -> None:
    tail = calibrated(detector(model)).tail

    assert tail is not None
    assert 4.0 < tail.threshold(false_alarms_per_week=1.0) < 25.0


def test_nothing_after_a_day_before_the_week_changes_its_calibration() -> None:
    panel = world().panel
    _, stop = detector().calibrated_hours(week())
    counts = panel.counts.copy()
    counts[:, stop * 12 - panel.grid.first :] = 500

    seen = calibrated(detector(), Panel(panel.roster, panel.grid, counts, panel.known))

    before = calibrated(detector())
    assert seen.peaks is not None
    assert before.peaks is not None
    np.testing.assert_array_equal(seen.peaks.score, before.peaks.score)


def test_an_incident_of_a_past_day_is_one_peak_and_hardly_moves_the_threshold() -> None:
    panel = world().panel
    _, stop = detector().calibrated_hours(week())
    at = (stop - 10 * 24 + 5) * 12 - panel.grid.first
    leaves = panel.counts[: panel.roster.n_leaves].copy()
    leaves[0, at : at + 24] += 60
    counts = np.asarray(panel.roster.roll_up(leaves), dtype=np.int64)

    hit = calibrated(detector(), Panel(panel.roster, panel.grid, counts, panel.known))

    assert hit.peaks is not None
    assert hit.peaks.score.max() > 50
    assert hit.tail is not None
    usual = calibrated(detector()).tail
    assert usual is not None
    assert hit.tail.threshold(false_alarms_per_week=1.0) == pytest.approx(
        usual.threshold(false_alarms_per_week=1.0), abs=0.8
    )


@pytest.mark.parametrize("kind", [LabelKind.INCIDENT, LabelKind.EXPECTED])
def test_a_past_incident_that_was_labelled_is_no_peak_at_all(kind: LabelKind) -> None:
    panel = world().panel
    _, stop = detector().calibrated_hours(week())
    at = (stop - 10 * 24 + 5) * 12 - panel.grid.first
    leaves = panel.counts[: panel.roster.n_leaves].copy()
    leaves[0, at : at + 24] += 60
    counts = np.asarray(panel.roster.roll_up(leaves), dtype=np.int64)
    began = panel.grid.start + at * STEP
    label = Label(Span(began, began + timedelta(hours=2)), panel.roster.keys[0].service, None, kind)
    told = replace(detector(), masks=tuple(mask for mask in [label.mask] if mask))

    found = calibrated(told, Panel(panel.roster, panel.grid, counts, panel.known)).peaks

    assert found is not None
    assert found.score.max() < 50
    assert len(found.score) > 50


def test_what_is_judged_by_no_chance_changes_no_calibration() -> None:
    rule = StaticRule(tickets=10, within=timedelta(minutes=30))
    ruled = CategorySettings(rules=(rule,), runbook="https://wiki.example.com/leak", critical_score=3.0)
    services = {"a": ServiceSettings(channel="#a", rules=(rule,), categories={"leak": ruled})}
    plain = {"a": ServiceSettings(categories={"leak": CategorySettings()})}

    assert detector(services=services).standing == detector(services=plain).standing


def test_under_three_weeks_of_history_there_is_no_calibration() -> None:
    panel = world().panel
    began = panel.grid.first // (7 * 288)

    assert calibrated(detector(), at=began + 3).peaks is None
    assert calibrated(detector(), at=began + 6).peaks is not None


def test_a_budget_changes_no_calibration_and_a_floor_does() -> None:
    usual = detector()
    generous = replace(usual, detection=usual.detection.model_copy(update={"false_alarms_per_week": 9.0}))
    raised = replace(usual, detection=usual.detection.model_copy(update={"min_tickets": 9}))

    assert generous.standing == usual.standing
    assert raised.standing != usual.standing
    few, many = calibrated(raised).peaks, calibrated(usual).peaks
    assert few is not None
    assert many is not None
    assert len(few.score) < len(many.score)


def test_a_category_that_is_off_raises_nothing_in_the_past_either() -> None:
    names = {key.service for key in world().leaves}
    off = {name: ServiceSettings(enabled=False, categories={"cat*": CategorySettings()}) for name in names}

    found = calibrated(detector(services=off)).peaks

    usual = calibrated(detector()).peaks
    assert found is not None
    assert usual is not None
    assert len(found.score) < len(usual.score)


def test_life_and_replay_make_the_same_calibration() -> None:
    sparse = replace(SETTINGS, gaps=0, peaks=(2.0, 0.05))
    lived = simulate(sparse, seed=6)
    seen, judging = lived.panel, detector()
    row, column = np.nonzero(lived.counts)
    tickets = [
        Ticket(
            f"{leaf}-{bucket}-{number}", seen.grid.start + int(bucket) * STEP, *lived.leaves[leaf], version=1
        )
        for leaf, bucket in zip(row, column, strict=True)
        for number in range(lived.counts[leaf, bucket])
    ]
    store = MemoryStore(step=STEP)
    page = Page(tickets, cursor="all", caught_up=True, watermark=seen.grid.end)
    store.commit_page("desk", page, since=seen.grid.start, seen_at=seen.grid.end)
    wanted = int(lived.judged.start.timestamp()) // (7 * 86400)

    live = Cycle(store, judging, plan=lambda _notices, _now: ()).calibrated(week=wanted)

    replayed = calibrated(judging, seen, at=wanted)
    assert live.peaks is not None
    assert replayed.peaks is not None
    assert len(live.peaks.score) > 20
    np.testing.assert_allclose(live.peaks.score, replayed.peaks.score)
    np.testing.assert_array_equal(live.peaks.day, replayed.peaks.day)


def test_a_restart_goes_on_with_the_kept_calibration_and_other_settings_make_it_anew() -> None:
    store = MemoryStore(step=STEP)
    judging = detector()
    kept = replace(calibrated(judging), week=7)
    store.save_calibration(kept)

    assert Cycle(store, judging, plan=lambda _notices, _now: ()).calibrated(week=7) is kept
    raised = replace(judging, detection=judging.detection.model_copy(update={"min_tickets": 9}))
    anew = Cycle(store, raised, plan=lambda _notices, _now: ()).calibrated(week=7)
    assert anew.settings == raised.standing
    assert store.calibration(week=7) is anew
