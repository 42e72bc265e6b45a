"""The referee: which planted surges were found, how soon, and what was cried for nothing.

An incident counts for a surge when it opens within `[start, end + GRACE]` and covers its service or the whole company; an
incident that counts for none is false. Any detector can be judged: it hands over plain `Opened` values, or scores that
`at_false_rate` turns into incidents at an equal rate of false ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spikewatch.core.counts import Floats, Ints, Roster, SeriesKey
from spikewatch.core.timegrid import WEEK, Grid, Span, bucket_end, seconds
from spikewatch.lab.synthetic.surges import PlantedSurge

GRACE: Final = timedelta(minutes=60)
"""An incident may open this long after a surge has ended and still be about it."""

JOIN: Final = timedelta(minutes=60)
"""Alarms of one service this close belong to one incident."""

PATIENCE: Final = timedelta(minutes=120)
"""A surge found this late, or at its end, is worth nothing."""

_DRAWS: Final = 2000


@dataclass(frozen=True, slots=True)
class Opened:
    """An incident as a detector told it.

    service   None for the whole company
    series    what it named; a roll-up names no category
    messages  how many people got about it
    """

    opened_at: datetime
    service: str | None
    series: tuple[SeriesKey, ...]
    messages: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """One planted surge, as a detector saw it.

    opened_at  None when it was missed
    right, wrong, unnamed  categories named that surged, named that did not, and not named that did
    """

    surge: PlantedSurge
    opened_at: datetime | None
    right: int = 0
    wrong: int = 0
    unnamed: int = 0
    messages: int = 0

    @property
    def delay(self) -> timedelta | None:
        """From the start of the surge to the incident; None when missed."""
        return None if self.opened_at is None else self.opened_at - self.surge.start

    @property
    def timeliness(self) -> float:
        """max(0, 1 - delay / min(duration, 120 min)), 0 when missed."""
        if self.delay is None:
            return 0.0
        return max(0.0, 1.0 - self.delay / min(self.surge.duration, PATIENCE))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a detector was worth on some surges.

    false    incidents that were about nothing planted
    watched  time that was judged
    """

    verdicts: tuple[Verdict, ...]
    false: tuple[Opened, ...]
    watched: timedelta

    @property
    def timeliness(self) -> float:
        """Mean over the surges; 0 without any."""
        return sum(verdict.timeliness for verdict in self.verdicts) / max(1, len(self.verdicts))

    @property
    def found(self) -> float:
        """Share of the surges that were found."""
        return len(self._found) / max(1, len(self.verdicts))

    @property
    def median_delay(self) -> timedelta | None:
        """Over the surges that were found; None without any."""
        delays = [verdict.delay.total_seconds() for verdict in self._found if verdict.delay is not None]
        return timedelta(seconds=median(delays)) if delays else None

    @property
    def false_per_week(self) -> float:
        """False incidents per fleet and week."""
        return len(self.false) / (self.watched / WEEK)

    @property
    def messages_per_surge(self) -> float:
        """Messages about each surge that was found."""
        return sum(verdict.messages for verdict in self._found) / max(1, len(self._found))

    @property
    def named_right(self) -> float:
        """Share of the categories named that did surge; 1 where none was named."""
        right = sum(verdict.right for verdict in self._found)
        named = right + sum(verdict.wrong for verdict in self._found)
        return right / named if named else 1.0

    @property
    def named_all(self) -> float:
        """Share of the surging categories that were named, over the surges found; 1 where there were none."""
        right = sum(verdict.right for verdict in self._found)
        surging = right + sum(verdict.unnamed for verdict in self._found)
        return right / surging if surging else 1.0

    @property
    def _found(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.opened_at is not None]


def judge(opened: Sequence[Opened], *, surges: Sequence[PlantedSurge], judged: Span) -> Judgement:
    """Return what these incidents are worth; those that opened outside `judged` are left out, and so are such surges."""
    asked = [surge for surge in surges if judged.holds(surge.start)]
    heard = sorted(
        (entry for entry in opened if judged.start <= entry.opened_at <= judged.end),
        key=lambda entry: entry.opened_at,
    )
    verdicts = tuple(_verdict(surge, [entry for entry in heard if is_about(entry, surge)]) for surge in asked)
    false = tuple(entry for entry in heard if not any(is_about(entry, surge) for surge in surges))
    return Judgement(verdicts, false, judged.end - judged.start)


def is_about(entry: Opened, surge: PlantedSurge) -> bool:
    """Tell whether an incident counts for a surge."""
    in_time = surge.start <= entry.opened_at <= surge.end + GRACE
    return in_time and entry.service in (None, surge.service)


def _verdict(surge: PlantedSurge, about: Sequence[Opened]) -> Verdict:
    if not about:
        return Verdict(surge, None, unnamed=len(surge.series))
    named = {
        key
        for entry in about
        for key in entry.series
        if entry.service is not None or key.service == surge.service
    }
    surging = set(surge.series)
    leaves = {key for key in named if not key.is_rollup}
    is_named_whole = surge.is_whole_service and any(key.is_rollup for key in named)
    right = surging if is_named_whole else leaves & surging
    return Verdict(
        surge,
        about[0].opened_at,
        right=len(right),
        wrong=len(leaves - surging),
        unnamed=len(surging - right),
        messages=sum(entry.messages for entry in about),
    )


def pooled(judgements: Sequence[Judgement]) -> Judgement:
    """Return the judgement over several worlds together."""
    return Judgement(
        tuple(verdict for judgement in judgements for verdict in judgement.verdicts),
        tuple(entry for judgement in judgements for entry in judgement.false),
        sum((judgement.watched for judgement in judgements), timedelta(0)),
    )


# -- how sure


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and where it lies in 95 of 100 redrawn sets of surges."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class Paired:
    """Two detectors on the same surges: timeliness of the first less the second's, surge by surge."""

    difference: Interval
    better: int
    worse: int
    even: int


def timeliness_interval(judgement: Judgement, *, seed: int) -> Interval:
    """Return the bootstrap interval of the timeliness; raises ValueError without surges."""
    return _bootstrap(np.array([verdict.timeliness for verdict in judgement.verdicts]), seed=seed)


def compared(first: Judgement, second: Judgement, *, seed: int) -> Paired:
    """Return how much sooner the first is than the second; raises ValueError unless both saw the same surges."""
    if [verdict.surge for verdict in first.verdicts] != [verdict.surge for verdict in second.verdicts]:
        message = f"{len(first.verdicts)} and {len(second.verdicts)} surges are not the same: nothing to pair"
        raise ValueError(message)
    pairs = zip(first.verdicts, second.verdicts, strict=True)
    gain = np.array([one.timeliness - other.timeliness for one, other in pairs])
    return Paired(
        _bootstrap(gain, seed=seed),
        better=int((gain > 0).sum()),
        worse=int((gain < 0).sum()),
        even=int((gain == 0).sum()),
    )


def _bootstrap(values: Floats, *, seed: int) -> Interval:
    if not len(values):
        message = "no surges were judged: there is nothing to be sure about"
        raise ValueError(message)
    rng = np.random.default_rng(seed)
    means = values[rng.integers(0, len(values), size=(_DRAWS, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(low), float(values.mean()), float(high))


# -- detectors that give a score instead of incidents


@dataclass(frozen=True)
class Scored:
    """A detector's alarm scores on one world.

    scores  (n_series, n_buckets) finite; higher is more unusual; rows of the roster, the fleet's own row is ignored
    """

    scores: NDArray[np.floating]
    roster: Roster
    grid: Grid
    surges: tuple[PlantedSurge, ...]
    judged: Span

    def __post_init__(self) -> None:
        """Refuse scores that do not fit the roster and the grid."""
        if self.scores.shape != (len(self.roster), self.grid.length):
            message = f"scores {self.scores.shape} do not fit {len(self.roster)} series x {self.grid.length}"
            raise ValueError(message)


def grouped(scored: Scored, *, threshold: float) -> list[Opened]:
    """Return the incidents of one threshold: alarms of a service join while they are at most 60 minutes apart."""
    first = max(0, scored.grid.column(scored.judged.start))
    opened = []
    for index, service in enumerate(scored.roster.services):
        rows = np.flatnonzero(scored.roster.service_of == index)
        alarms = scored.scores[rows, first:] >= threshold
        columns = np.flatnonzero(alarms.any(axis=0))
        for run in _runs(columns, join=_buckets(scored.grid, JOIN)):
            series = tuple(scored.roster.keys[row] for row in rows[alarms[:, run].any(axis=1)])
            at = bucket_end(scored.grid.first + first + int(run[0]), scored.grid.step)
            opened.append(Opened(at, service, series))
    return sorted(opened, key=lambda entry: (entry.opened_at, entry.service or ""))


def at_false_rate(scored: Sequence[Scored], *, per_week: float) -> float:
    """Return the lowest threshold with at most that many false incidents a week over all these worlds together.

    Thresholds tried are the largest scores of each hour; no higher one of them gives more. Infinite where the highest is
    too many already. What opens within a surge and its grace is not counted, so worlds with and without surges may be mixed.
    """
    watched = sum((entry.judged.end - entry.judged.start for entry in scored), timedelta(0))
    allowed = per_week * (watched / WEEK)
    courses = [course for entry in scored for course in _courses(entry)]
    candidates = np.unique(np.concatenate([_peaks(course.best, course.join) for course in courses]))
    chosen = float("inf")
    for threshold in candidates[::-1]:
        if sum(course.false(threshold) for course in courses) > allowed:
            break
        chosen = float(threshold)
    return chosen


@dataclass(frozen=True)
class _Course:
    """The best score of one service by bucket, and where an opening is excused by a surge."""

    best: NDArray[np.floating]
    excused: Floats
    join: int

    def false(self, threshold: float) -> int:
        columns = np.flatnonzero(self.best >= threshold)
        starts = columns[np.diff(columns, prepend=-self.join - 1) > self.join]
        return int((self.excused[starts] == 0).sum())


def _courses(scored: Scored) -> list[_Course]:
    first = max(0, scored.grid.column(scored.judged.start))
    ends = (np.arange(first, scored.grid.length) + 1 + scored.grid.first) * seconds(scored.grid.step)
    courses = []
    for index, service in enumerate(scored.roster.services):
        rows = np.flatnonzero(scored.roster.service_of == index)
        excused = np.zeros(len(ends))
        for surge in scored.surges:
            if surge.service == service:
                inside = (ends >= surge.start.timestamp()) & (ends <= (surge.end + GRACE).timestamp())
                excused[inside] = 1.0
        courses.append(_Course(scored.scores[rows, first:].max(axis=0), excused, _buckets(scored.grid, JOIN)))
    return courses


def _peaks(best: NDArray[np.floating], join: int) -> NDArray[np.floating]:
    """Return the largest scores of the stretches of `join` buckets: no other threshold changes much."""
    whole = len(best) // join * join
    return np.sort(best[:whole].reshape(-1, join).max(axis=1))[-400:] if whole else best


def _buckets(grid: Grid, duration: timedelta) -> int:
    return max(1, seconds(duration) // seconds(grid.step))


def _runs(columns: Ints, *, join: int) -> list[Ints]:
    """Return the columns in runs whose neighbours are at most `join` apart.

    >>> [run.tolist() for run in _runs(np.array([1, 2, 14, 40]), join=12)]
    [[1, 2, 14], [40]]
    """
    if not len(columns):
        return []
    return np.split(columns, np.flatnonzero(np.diff(columns) > join) + 1)
