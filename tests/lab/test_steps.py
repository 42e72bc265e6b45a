"""The steps of a decision add up: to what was expected, to the score, and to the incident that came of it."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from spikewatch.core.events import Label, LabelKind
from spikewatch.core.settings import CategorySettings, DetectionSettings, ServiceSettings
from spikewatch.core.timegrid import Span
from spikewatch.cycle import Detector
from spikewatch.errors import Mistake
from spikewatch.lab import step_charts, steps, trying
from spikewatch.lab.drawing import Chart
from spikewatch.lab.recordings import detector_for
from spikewatch.lab.replay import Recording, Replayed, replay
from spikewatch.lab.synthetic import PlantedSurge, WorldSettings, simulate
from spikewatch.lab.tracing import Steps, Trace, together

ZONE = ZoneInfo("UTC")
PNG = b"\x89PNG\r\n\x1a\n"
BUDGETS = (0.25, 1.0, 4.0)


class Watched:
    """A week of a simulated desk, and its largest surge step by step."""

    def __init__(self) -> None:
        settings = WorldSettings(
            weeks=4,
            judged_weeks=1,
            services=2,
            series=5,
            surges=2,
            births=0,
            deaths=0,
            campaigns=0,
            gaps=0,
            zone="UTC",
            country=None,
        )
        world = simulate(settings, seed=4)
        self.recording = Recording(world.panel, world.grid.end)
        self.surge: PlantedSurge = max(world.judged_surges, key=lambda surge: surge.extra)
        self.detector: Detector = detector_for(self.recording, zone=ZONE)
        since = self.surge.start - timedelta(hours=3)
        self.steps = Steps(
            self.detector,
            service=self.surge.service,
            since=since,
            until=self.surge.end + timedelta(hours=1),
        )
        self.trace = Trace(window=timedelta(minutes=15))
        self.replayed: Replayed = replay(
            self.recording,
            self.detector,
            since=world.judged.start,
            on_verdict=together(self.trace, self.steps),
        )
        self.windows = steps.windows_frame(self.steps.explanations, zone=ZONE)


@pytest.fixture(scope="module")
def watched() -> Watched:
    return Watched()


def test_the_expected_tickets_of_a_bucket_are_the_product_of_their_parts(watched: Watched) -> None:
    values = steps.parts_frame(watched.steps.explanations[0])["value"]

    product = values.drop("bucket").to_numpy(dtype=np.float64).prod() / 12
    assert values["bucket"] == pytest.approx(product, rel=1e-3)


def test_windows_agree_with_the_trace_of_the_same_replay(watched: Watched) -> None:
    course = watched.trace.course(service=watched.surge.service)

    quarter = watched.windows.xs("15m", level="window")
    same = np.isin(course.at, [int(at.timestamp()) for at in pd.DatetimeIndex(quarter.index)])
    assert same.sum() == len(quarter) > 0
    assert quarter["observed"].tolist() == course.observed[same].tolist()
    assert quarter["upper"].tolist() == course.upper[same].tolist()
    assert np.allclose(quarter["score"], course.score[same])


def test_surprise_and_evidence_over_what_is_needed_is_the_score_where_nothing_holds_it_back(
    watched: Watched,
) -> None:
    free = watched.windows[watched.windows["why"].isin(["alerts", "normal"])]

    weight = (free["surprise"] + free["evidence"]) / free["needed"]
    assert (free["why"] == "alerts").any()
    assert np.allclose(weight, free["score"])


def test_a_count_above_the_expected_is_likelier_for_the_detector_than_for_independent_tickets(
    watched: Watched,
) -> None:
    chances = steps.chance_frame(watched.steps.explanations[0], window="60m")

    expected = watched.steps.explanations[0].windows[2].reading.expected
    far = chances[chances.index > 1.5 * expected + 2]
    assert list(chances.iloc[0]) == [1.0, 1.0]
    assert (far["detector"] > far["poisson"]).all()


def test_a_window_that_is_not_judged_is_named_with_those_that_are(watched: Watched) -> None:
    with pytest.raises(Mistake, match="7m is not judged; choose one of 5m, 15m, 60m, 180m"):
        steps.chance_frame(watched.steps.explanations[0], window="7m")


def test_every_gate_holds_where_a_series_alerts(watched: Watched) -> None:
    alerting = [each for each in watched.steps.explanations if each.windows[each.lead].why == "alerts"]

    assert steps.gates_frame(alerting[0])["holds"].all()
    assert not steps.gates_frame(watched.steps.explanations[0])["holds"].all()


def test_a_smaller_budget_asks_for_no_fewer_tickets(watched: Watched) -> None:
    frame = steps.budget_frame(
        watched.steps.tail, watched.steps.explanations[0], budgets=BUDGETS, window="60m"
    )

    assert frame.index.tolist() == list(BUDGETS)
    assert frame["cutoff"].is_monotonic_decreasing
    assert frame["alert_at"].is_monotonic_decreasing


def test_provisional_thresholds_have_no_prices(watched: Watched) -> None:
    with pytest.raises(Mistake, match="provisional"):
        steps.budget_frame(None, watched.steps.explanations[0], budgets=BUDGETS, window="60m")


def test_the_surges_of_an_incident_stand_in_the_order_in_which_they_joined(watched: Watched) -> None:
    incident = next(each for each in watched.replayed.incidents if each.service == watched.surge.service)

    frame = steps.surges_frame(incident, zone=ZONE)

    assert frame.index.tolist() == [str(surge.series) for surge in incident.surges]
    assert (frame["began"] < frame["joined"]).all()
    assert frame["joined"].iloc[0] == pd.Timestamp(incident.surges[0].opened_at)


def test_the_explanation_at_an_instant_is_that_of_the_newest_bucket_that_had_ended(watched: Watched) -> None:
    first = watched.steps.explanations[0].at

    assert watched.steps.at(first + timedelta(minutes=7)).at == first + timedelta(minutes=5)
    with pytest.raises(Mistake, match="choose since before it"):
        watched.steps.at(first - timedelta(minutes=1))


def test_no_bucket_gives_no_frame_but_the_remedy() -> None:
    with pytest.raises(Mistake, match="no bucket was kept"):
        steps.windows_frame([], zone=ZONE)


def test_every_step_can_be_drawn(watched: Watched) -> None:
    newest = watched.steps.explanations[-1]
    prices = steps.budget_frame(watched.steps.tail, newest, budgets=BUDGETS, window="60m")
    outcomes = trying.outcomes_frame({"as it is": watched.replayed}, labels=[])
    charts = [
        step_charts.scores_chart(watched.windows, title="scores"),
        step_charts.weight_chart(watched.windows, window="15m", title="weight"),
        step_charts.chance_chart(
            steps.chance_frame(newest, window="60m"), observed=9, upper=20, title="chance"
        ),
        step_charts.budget_chart(prices, title="budget"),
        step_charts.outcomes_chart(outcomes, title="outcomes"),
    ]

    assert all(chart.png().startswith(PNG) for chart in charts)
    assert legend(charts[0]) == ["5m", "15m", "60m", "180m", "alert threshold"]
    assert legend(charts[1]) == ["surprise of the 15m window", "evidence over time", "needed"]
    assert charts[2].figure.axes[0].get_yscale() == "log"
    assert charts[3].figure.axes[0].get_xlabel().startswith("false_alarms_per_week")
    assert legend(charts[4]) == ["real incidents", "real incidents told", "false alarms"]


def legend(chart: Chart) -> list[str]:
    return [text.get_text() for text in chart.figure.legends[0].get_texts()]


def test_an_outcome_counts_what_was_labelled_as_told_and_all_else_as_false(watched: Watched) -> None:
    incident = watched.replayed.incidents[0]
    far = watched.replayed.judged_from + timedelta(minutes=5)
    said = Label(Span(incident.started_at, incident.last_surging), incident.service, None, LabelKind.INCIDENT)
    quiet = [
        Label(Span(far, far + timedelta(minutes=1)), name, None, LabelKind.INCIDENT) for name in ("a", "b")
    ]

    row = trying.outcomes_frame({"now": watched.replayed}, labels=[said, *quiet]).loc["now"]

    told = [each for each in watched.replayed.incidents if each.merged_into is None]
    assert row["told"] == 1
    assert row["real"] == 3
    assert row["false_alarms"] == len(told) - 1


def test_too_short_a_time_is_not_compared(watched: Watched) -> None:
    short = replace(watched.replayed, judged_from=watched.replayed.judged_until - timedelta(days=1))

    with pytest.raises(Mistake, match="1 day, 0:00:00 were judged, too little"):
        trying.outcomes_frame({"now": short}, labels=[])


def test_settings_are_written_as_yaml_that_says_only_what_differs(watched: Watched) -> None:
    detector = detector_for(
        watched.recording,
        zone=ZONE,
        detection=DetectionSettings(false_alarms_per_week=0.5, windows=(timedelta(minutes=15),)),
        services={"配送": ServiceSettings(min_tickets=9, categories={"log*": CategorySettings(weight=2)})},
    )

    assert trying.settings_text(detector) == (
        "detection:\n"
        "  false_alarms_per_week: 0.5\n"
        '  windows: ["15m"]\n'
        "services:\n"
        '  "配送":\n'
        "    min_tickets: 9\n"
        "    categories:\n"
        '      "log*":\n'
        "        weight: 2.0\n"
    )
