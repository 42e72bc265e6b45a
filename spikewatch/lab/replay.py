"""Replay: recorded counts through the live code, as if they were arriving.

Causal by construction: the baseline of an hour is fitted on earlier hours, buckets are judged in order, and a series does
not exist before its first ticket. Cutting the input changes nothing that was reported before the cut.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from spikewatch.core.baseline import Baseline, History
from spikewatch.core.baseline.model import WARM_DAYS
from spikewatch.core.calibration import Tail
from spikewatch.core.counts import Bools, Gap, Panel, Roster, known_buckets
from spikewatch.core.incidents import Incident, Incidents
from spikewatch.core.timegrid import HOUR, Grid, bucket_number, bucket_start, seconds
from spikewatch.cycle import Detector, Verdict, judge

FITTED_AT_ONCE = 2
FITTED_AHEAD = 4
"""Baselines that wait to be used: enough to keep the fits going while an hour is judged, and few megabytes."""


@dataclass(frozen=True)
class Recording:
    """Recorded counts on one grid of whole hours, ready to be replayed.

    panel   fine counts of every series, roll-ups included
    until   the first instant after what was recorded; judging ends there
    """

    panel: Panel
    until: datetime

    @property
    def warm_at(self) -> datetime:
        """When the baseline has seen enough known days to judge, at the earliest."""
        known = np.flatnonzero(self.panel.known.any(axis=0))
        enough = WARM_DAYS * 24 * int(HOUR / self.panel.grid.step)
        if len(known) < enough:
            return self.until
        return bucket_start(self.panel.grid.first + int(known[enough - 1]) + 1, self.panel.grid.step)


def record(
    roster: Roster,
    *,
    series_rows: Sequence[int] | np.ndarray,
    stamps: np.ndarray,
    counts: np.ndarray,
    step: timedelta,
    until: datetime | None = None,
    gaps: Sequence[Gap] = (),
) -> Recording:
    """Return the recording of counts given as (row of the roster, epoch second, tickets).

    until  ends the input; without it, the end of the bucket of the last stamp
    """
    width = seconds(step)
    buckets = stamps // width
    end = bucket_start(int(buckets.max()) + 1, step) if until is None else until
    first = int(stamps.min()) // 3600 * 3600 // width
    stop = -(-int(end.timestamp()) // 3600) * 3600 // width
    grid = Grid(step, first, max(0, stop - first))
    inside = buckets < bucket_number(end, step)
    leaves = np.zeros((roster.n_leaves, grid.length), dtype=np.int32)
    np.add.at(
        leaves, (np.asarray(series_rows)[inside], buckets[inside] - first), counts[inside].astype(np.int32)
    )
    since = bucket_start(int(buckets.min()), step)
    known = known_buckets(roster, grid, since=since, until=end, gaps=gaps)
    rolled = np.where(_rows_of(roster, known), roster.roll_up(leaves), 0)
    rolled[-1] = rolled[roster.n_leaves : -1].sum(axis=0)
    return Recording(Panel(roster, grid, rolled, known), end)


def _rows_of(roster: Roster, known: Bools) -> Bools:
    return np.concatenate([known, np.ones((1, known.shape[1]), dtype=np.bool_)])[roster.service_of]


def history_of(panel: Panel) -> History:
    """Return the hourly history of a fine panel; an hour is known where all of its buckets are."""
    per_hour = int(HOUR / panel.grid.step)
    hours = Grid(HOUR, panel.grid.first // per_hour, panel.grid.length // per_hour)
    counts = panel.counts.reshape(len(panel.roster), hours.length, per_hour).sum(axis=2)
    known = np.asarray(panel.known.reshape(-1, hours.length, per_hour).all(axis=2))
    leaves = panel.roster.n_leaves
    services = panel.counts[leaves : max(leaves, len(panel.roster) - 1)]
    return History(Panel(panel.roster, hours, counts, known), panel.grid, services)


@dataclass(frozen=True)
class Replayed:
    """What a replay came to: every incident in order of opening, each in its last state."""

    incidents: tuple[Incident, ...]
    judged_from: datetime
    judged_until: datetime


def replay(
    recording: Recording,
    detector: Detector,
    *,
    since: datetime | None = None,
    calibrated: bool = True,
    on_hour: Callable[[float], None] = lambda _: None,
    on_verdict: Callable[[Verdict], None] = lambda _: None,
) -> Replayed:
    """Judge a recording from `since` (or from when the baseline is warm) to its end.

    calibrated  False: thresholds stay provisional, and nothing is spent on them
    on_hour     is told the share done, in [0, 1]
    on_verdict  sees each verdict, with its assessment
    """
    step = detector.step
    begin = recording.warm_at if since is None else since
    per_hour = 3600 // seconds(step)
    earliest = -(-(recording.panel.grid.first + detector.longest) // per_hour) * per_hour
    first = max(bucket_number(begin, step), earliest)
    stop = bucket_number(recording.until, step)
    history = history_of(recording.panel)
    rules = detector.rules(recording.panel.roster)
    tails: dict[int, Tail | None] = {}
    incidents = Incidents()
    found: dict[str, Incident] = {}
    hours = list(_hours(first, stop, step))
    for (left, right), baseline in zip(hours, _baselines(history, detector, hours=hours), strict=True):
        week = detector.week_of(baseline.epoch)
        if calibrated and week not in tails:
            tails[week] = detector.calibrate(history, recording.panel.cut, week=week).tail
        verdict = judge(
            recording.panel.cut(detector.reach(left), right),
            baseline,
            detector.limits(baseline, tail=tails.get(week), rules=rules),
            first=left,
            incidents=incidents,
            detector=detector,
        )
        incidents = verdict.incidents
        found.update({incident.id: incident for incident in verdict.changed})
        on_verdict(verdict)
        on_hour((right - first) / max(1, stop - first))
    ordered = sorted(found.values(), key=lambda incident: (incident.opened_at, incident.id))
    return Replayed(tuple(ordered), bucket_start(first, step), bucket_start(max(first, stop), step))


def _baselines(
    history: History, detector: Detector, *, hours: Sequence[tuple[int, int]]
) -> Generator[Baseline, None, None]:
    """Yield the baseline of each hour, some hours ahead: none depends on what was judged, and a fit keeps a core busy."""
    epochs = [detector.epoch_of(left) for left, _ in hours]
    with ThreadPoolExecutor(max_workers=FITTED_AT_ONCE, thread_name_prefix="fit") as pool:
        ahead: deque[Future[Baseline]] = deque()
        try:
            for number in range(len(epochs) + FITTED_AHEAD):
                if number < len(epochs):
                    ahead.append(pool.submit(detector.fit, history, epoch=epochs[number]))
                if number >= FITTED_AHEAD:
                    yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _hours(first: int, stop: int, step: timedelta) -> Iterator[tuple[int, int]]:
    per_hour = 3600 // seconds(step)
    left = first
    while left < stop:
        right = min((left // per_hour + 1) * per_hour, stop)
        yield left, right
        left = right


def replay_name(_number: int, service: str | None, opened_at: datetime) -> str:
    """Return the id of an incident in a replay: it depends on the service and the opening alone.

    >>> from datetime import UTC
    >>> replay_name(1, "payments", datetime(2026, 5, 11, 1, 25, tzinfo=UTC))
    'RP-20260511T0125Z-df38'
    """
    digest = hashlib.sha256((service or "*").encode()).hexdigest()[:4]
    return f"RP-{opened_at:%Y%m%dT%H%MZ}-{digest}"
