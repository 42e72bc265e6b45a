"""One process that judges one bucket of a fleet that no store was filled for, and measures itself."""

from statistics import median
from zoneinfo import ZoneInfo

import numpy as np

from spikewatch.core.baseline import Baseline, History
from spikewatch.core.calendars import Calendar
from spikewatch.core.counts import Panel, build_panel
from spikewatch.core.incidents import Incidents
from spikewatch.core.settings import DetectionSettings
from spikewatch.core.timegrid import HOUR, Grid, bucket_number
from spikewatch.cycle import Detector, judge, said_aloud
from tests.bench.desk import A_WEEK, AN_HOUR, BEGINS, STEP, Desk, simulated
from tests.bench.stopwatch import peak_mb, timed

WEEKS = 3
"""How long the history is matters to a refit alone."""

TICKETS_AN_HOUR = 0.06
REPEATS = 9


def measure(*, n_series: int) -> dict[str, float]:
    """Return what judging one bucket of so many series takes, in seconds and megabytes."""
    detector = detector_of(DetectionSettings(), weeks=WEEKS)
    desk = simulated(n_series, weeks=WEEKS + 1, tickets_an_hour=TICKETS_AN_HOUR)
    first = bucket_number(BEGINS, STEP) + (WEEKS * 168 + 4) * AN_HOUR
    baseline = detector.fit(_history(desk), epoch=detector.epoch_of(first))
    reach = detector.reach(first)
    seconds = seconds_of_judging(
        _panel(desk, Grid(STEP, reach, first + 1 - reach)), baseline, detector, first=first
    )
    return {"judging": seconds, "peak": peak_mb()}


def seconds_of_judging(panel: Panel, baseline: Baseline, detector: Detector, *, first: int) -> float:
    """Return the median seconds of judging a bucket: every series in every window, panel and baseline at hand."""
    limits = detector.limits(baseline)

    def judging() -> object:
        return judge(panel, baseline, limits, first=first, incidents=Incidents(), detector=detector)

    return median(timed(judging)[0] for _ in range(REPEATS))


def detector_of(detection: DetectionSettings, *, weeks: int) -> Detector:
    """Return the detector of a desk in Tokyo that learns from so many weeks."""
    return Detector(
        calendar=Calendar(ZoneInfo("Asia/Tokyo")),
        step=STEP,
        history=weeks * A_WEEK * STEP,
        detection=detection,
        services={},
        name=said_aloud,
    )


def _history(desk: Desk) -> History:
    hours = Grid(HOUR, bucket_number(BEGINS, HOUR), (WEEKS + 1) * 168)
    buckets = Grid(STEP, bucket_number(BEGINS, STEP), hours.length * AN_HOUR)
    services = np.zeros((len(desk.roster.services), buckets.length), dtype=np.int32)
    np.add.at(services, (desk.roster.service_of[desk.row], desk.bucket), 1)
    return History(_counted(desk, hours, desk.bucket // AN_HOUR), buckets, services)


def _panel(desk: Desk, grid: Grid) -> Panel:
    return _counted(desk, grid, desk.bucket - (grid.first - bucket_number(BEGINS, STEP)))


def _counted(desk: Desk, grid: Grid, column: np.ndarray) -> Panel:
    known = np.ones((len(desk.roster.services), grid.length), dtype=np.bool_)
    cells = np.stack([desk.row, column + grid.first, np.ones(len(column), dtype=np.int64)], axis=1)
    return build_panel(desk.roster, grid, cells, known=known, dtype=np.int32)
