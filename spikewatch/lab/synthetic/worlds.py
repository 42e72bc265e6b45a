"""Whole desks drawn by seed: what was expected, what was counted, and the truth about both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from spikewatch.core.counts import Bools, Floats, Gap, Ints, Panel, Roster, SeriesKey, known_buckets
from spikewatch.core.timegrid import Grid, Span
from spikewatch.lab.synthetic.roughness import Roughness, noise, with_batches
from spikewatch.lab.synthetic.seasons import Habits, LocalTime, season, trend
from spikewatch.lab.synthetic.surges import (
    Ground,
    PlantedSurge,
    SurgeMix,
    extra_tickets,
    negative_binomial,
    planned,
)

STEP: Final = timedelta(minutes=5)

_FIRST_MONDAY: Final = datetime(2025, 1, 6, tzinfo=UTC)
_MOST_CATEGORIES: Final = 12


@dataclass(frozen=True, slots=True)
class Benign:
    """A rise that is no incident: a campaign, a sale."""

    service: str
    span: Span
    factor: float
    note: str


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """How large and how unruly a simulated desk is.

    start          local midnight of the first day; None lets the seed choose a Monday of 2025 or early 2026
    step           width of a bucket
    weeks, judged_weeks  all, and how many of them at the end are judged; before that is history
    services, series     number of services, and of categories over all of them
    surges         planted into the judged weeks; `quiet` plants none and leaves all else as it is
    past_incidents planted into the history, as life does
    day_cv         relative spread of a day's level: the part a service has to itself, and the part the fleet shares
    dispersion     range of variance over mean within a day
    peaks          tickets in five minutes at the peak: the largest category of all, and the least
    rough          noise beyond what models think of; None for a desk without
    """

    start: datetime | None = None
    step: timedelta = STEP
    weeks: int = 12
    judged_weeks: int = 4
    services: int = 10
    series: int = 45
    surges: int = 40
    past_incidents: int = 2
    campaigns: int = 2
    births: int = 1
    deaths: int = 1
    gaps: int = 2
    quiet: bool = False
    zone: str = "Asia/Tokyo"
    country: str | None = "JP"
    day_cv: tuple[float, float] = (0.10, 0.06)
    dispersion: tuple[float, float] = (1.2, 2.0)
    peaks: tuple[float, float] = (15.0, 0.01)
    mix: SurgeMix = field(default_factory=SurgeMix)
    rough: Roughness | None = None

    def __post_init__(self) -> None:
        """Refuse a world without history, and more categories than the services can hold."""
        if not 0 < self.judged_weeks < self.weeks:
            message = f"{self.judged_weeks} judged weeks do not lie within {self.weeks} and leave a history"
            raise ValueError(message)
        if not self.services <= self.series <= self.services * _MOST_CATEGORIES:
            message = (
                f"{self.services} services hold {self.services} to {self.services * _MOST_CATEGORIES} series"
            )
            raise ValueError(message)


@dataclass(frozen=True)
class World:
    """A simulated desk and the truth about it.

    leaves      (n_leaves,) categories in the order of a roster
    expected    (n_leaves, n_buckets) tickets a bucket brings without surges and before the day's chance; campaigns in
    counts      (n_leaves, n_buckets) tickets that came, 0 where unknown
    dispersion  (n_leaves,) variance over mean within a day; the same throughout a service
    judged      the span in which surges are planted and detectors are judged; before it is history
    surges      all that was planted, the past incidents too
    """

    leaves: tuple[SeriesKey, ...]
    grid: Grid
    expected: Floats
    counts: Ints
    dispersion: Floats
    judged: Span
    surges: tuple[PlantedSurge, ...]
    benign: tuple[Benign, ...]
    gaps: tuple[Gap, ...]

    @cached_property
    def roster(self) -> Roster:
        """The leaves and their roll-ups."""
        return Roster.of(self.leaves)

    @cached_property
    def known(self) -> Bools:
        """(n_services, n_buckets) False in a gap."""
        return known_buckets(
            self.roster, self.grid, since=self.grid.start, until=self.grid.end, gaps=self.gaps
        )

    @cached_property
    def panel(self) -> Panel:
        """The counts of the roster, roll-ups included."""
        return Panel(
            self.roster, self.grid, np.asarray(self.roster.roll_up(self.counts), dtype=np.int64), self.known
        )

    @cached_property
    def rates(self) -> Floats:
        """(n_series, n_buckets) expected tickets of the roster, roll-ups included; 0 where unknown."""
        rows = self.known[self.roster.service_of[: len(self.leaves)]]
        return np.asarray(self.roster.roll_up(self.expected * rows), dtype=np.float64)

    @cached_property
    def dispersions(self) -> Floats:
        """(n_series,) dispersion of the roster; a service's is its categories', the fleet's their mean."""
        place = self.roster.service_of[: len(self.leaves)]
        first = np.searchsorted(place, np.arange(len(self.roster.services)))
        return np.concatenate([self.dispersion, self.dispersion[first], [self.dispersion.mean()]])

    @property
    def judged_surges(self) -> tuple[PlantedSurge, ...]:
        """The surges that a detector is asked to find."""
        return tuple(surge for surge in self.surges if self.judged.holds(surge.start))


@dataclass(frozen=True)
class Desk:
    """Who writes to whom how often, before the calendar.

    peaks   (n_leaves,) tickets per bucket at an ordinary workday's peak
    mix     (n_leaves, 3) share of the channels
    spread  (n_leaves,) variance over mean within a day
    habits  by service
    """

    leaves: tuple[SeriesKey, ...]
    peaks: Floats
    mix: Floats
    spread: Floats
    habits: Mapping[str, Habits]

    def services(self) -> tuple[str, ...]:
        """Return the services in the order of the leaves."""
        return tuple(dict.fromkeys(key.service for key in self.leaves))


def simulate(settings: WorldSettings, *, seed: int) -> World:
    """Return the world of a seed; the same settings and seed give the same world, bit by bit.

    A quiet world has the same background and the same history, ticket by ticket.
    """
    calendar, people, alive, blind, days, chance, past, now, extra, rough = np.random.default_rng(seed).spawn(
        10
    )
    grid, judged = _spans(calendar, settings)
    desk = _drawn_desk(people, settings)
    local = LocalTime.of(grid, zone=ZoneInfo(settings.zone), country=settings.country)
    benign = _campaigns(calendar, settings, grid=grid, services=desk.services())
    expected = expected_of(desk, local=local, grid=grid, rng=people) * campaign_factor(
        desk, benign, grid=grid
    )
    expected *= _alive(alive, settings, grid=grid) * (settings.step / STEP)
    busy = expected * day_levels(days, desk, local=local, day_cv=settings.day_cv)
    if settings.rough is not None:
        busy *= noise(rough, settings.rough, service_of=_service_of(desk), local=local, grid=grid)
    gaps = _gaps(blind, settings, grid=grid, judged=judged, services=desk.services())
    history = Span(grid.start + timedelta(weeks=1), judged.start - timedelta(days=1))
    ground = Ground(desk.leaves, grid, busy, desk.spread, settings.day_cv[0], history, gaps)
    surges = planned(past, ground, number=settings.past_incidents, mix=settings.mix)
    if not settings.quiet:
        surges += planned(now, replace(ground, span=judged), number=settings.surges, mix=settings.mix)
    counts = negative_binomial(chance, busy, dispersion=desk.spread[:, None])
    if settings.rough is not None:
        counts = with_batches(rough, settings.rough, counts)
    counts += extra_tickets(extra, ground, surges)
    return World(
        leaves=desk.leaves,
        grid=grid,
        expected=expected,
        counts=counts * _known_rows(desk, grid, gaps),
        dispersion=desk.spread,
        judged=judged,
        surges=tuple(surges),
        benign=benign,
        gaps=gaps,
    )


def expected_of(desk: Desk, *, local: LocalTime, grid: Grid, rng: np.random.Generator) -> Floats:
    """Return (n_leaves, n_buckets) what the desk gets by calendar, habit and slow trends of services and categories."""
    services = desk.services()
    of_service = trend(rng, n=len(services), grid=grid, weekly_sd=0.04)
    own = trend(rng, n=len(desk.leaves), grid=grid, weekly_sd=0.03)
    expected = np.empty((len(desk.leaves), grid.length))
    for index, service in enumerate(services):
        rows = _rows_of(desk, service)
        shape = season(local, desk.habits[service], desk.mix[rows])
        expected[rows] = desk.peaks[rows, None] * shape * of_service[index] * own[rows]
    return expected


def day_levels(
    rng: np.random.Generator, desk: Desk, *, local: LocalTime, day_cv: tuple[float, float]
) -> Floats:
    """Return (n_leaves, n_buckets) how busy each day is, around 1: a service's own part times the fleet's.

    day_cv  relative spread of the service's part and of the fleet's
    """
    own, shared = day_cv
    n_days = len(local.kind)
    fleet = np.exp(rng.normal(-shared * shared / 2, shared, size=(1, n_days)))
    level = fleet * np.exp(rng.normal(-own * own / 2, own, size=(len(desk.services()), n_days)))
    return np.asarray(level[_service_of(desk)][:, local.day])


def campaign_factor(desk: Desk, benign: Sequence[Benign], *, grid: Grid) -> Floats:
    """Return (n_leaves, n_buckets) what campaigns multiply the rates by."""
    factor = np.ones((len(desk.leaves), grid.length))
    for peak in benign:
        at = slice(max(0, grid.column(peak.span.start)), max(0, grid.column(peak.span.end)))
        factor[_rows_of(desk, peak.service), at] *= peak.factor
    return factor


def _service_of(desk: Desk) -> Ints:
    """Return (n_leaves,) the number of each leaf's service."""
    services = desk.services()
    return np.array([services.index(key.service) for key in desk.leaves], dtype=np.int64)


def _rows_of(desk: Desk, service: str) -> list[int]:
    return [row for row, key in enumerate(desk.leaves) if key.service == service]


def _known_rows(desk: Desk, grid: Grid, gaps: Sequence[Gap]) -> Bools:
    roster = Roster.of(desk.leaves)
    known = known_buckets(roster, grid, since=grid.start, until=grid.end, gaps=gaps)
    return known[roster.service_of[: len(desk.leaves)]]


def _spans(rng: np.random.Generator, settings: WorldSettings) -> tuple[Grid, Span]:
    zone = ZoneInfo(settings.zone)
    monday = _FIRST_MONDAY + timedelta(weeks=int(rng.integers(0, 66)))
    start = settings.start or monday.replace(tzinfo=zone)
    end = start + timedelta(weeks=settings.weeks)
    grid = Grid.between(start, end, settings.step)
    return grid, Span(grid.end - timedelta(weeks=settings.judged_weeks), grid.end)


def _drawn_desk(rng: np.random.Generator, settings: WorldSettings) -> Desk:
    """Return services of very different size, each with Zipf-like categories and channels much alike."""
    tops = _service_peaks(rng, settings)
    sizes = _categories(rng, settings, weight=np.sqrt(tops))
    leaves: list[SeriesKey] = []
    peaks: list[float] = []
    mixes: list[Floats] = []
    for index, (top, size) in enumerate(zip(tops, sizes, strict=True)):
        slope = rng.uniform(0.7, 1.5)
        usual = rng.dirichlet([2.5, 2.0, 1.2])
        leaves += [SeriesKey(f"service{index:02}", f"category{rank:02}") for rank in range(size)]
        peaks += [top * (rank + 1) ** -slope * rng.uniform(0.7, 1.3) for rank in range(size)]
        mixes += list(rng.dirichlet(usual * 25 + 0.2, size=size))
    spread = rng.uniform(*settings.dispersion, size=settings.services)
    habits = {key.service: Habits.drawn(rng) for key in leaves if key.category == "category00"}
    return Desk(
        leaves=tuple(leaves),
        peaks=np.clip(peaks, settings.peaks[1], settings.peaks[0]),
        mix=np.array(mixes),
        spread=np.repeat(spread, sizes),
        habits=habits,
    )


def _service_peaks(rng: np.random.Generator, settings: WorldSettings) -> Floats:
    top, least = settings.peaks
    tops = np.geomspace(top, max(least, top / 300), settings.services) * rng.uniform(
        0.6, 1.4, settings.services
    )
    return np.asarray(rng.permutation(tops))


def _categories(rng: np.random.Generator, settings: WorldSettings, *, weight: Floats) -> Ints:
    """Return (n_services,) numbers of categories from 1 to 12 that add up; larger services have more."""
    sizes = np.ones(settings.services, dtype=np.int64)
    appetite = weight * rng.uniform(0.3, 1.7, settings.services)
    for _ in range(settings.series - settings.services):
        room = appetite * (sizes < _MOST_CATEGORIES)
        sizes[rng.choice(settings.services, p=room / room.sum())] += 1
    return sizes


def _campaigns(
    rng: np.random.Generator, settings: WorldSettings, *, grid: Grid, services: Sequence[str]
) -> tuple[Benign, ...]:
    """Return campaigns anywhere in the world: from noon of a day for one or two days."""
    found = []
    for _ in range(settings.campaigns):
        noon = grid.start + timedelta(days=int(rng.integers(7, settings.weeks * 7 - 3)), hours=12)
        span = Span(noon, noon + timedelta(days=int(rng.integers(1, 3))))
        service = services[int(rng.integers(0, len(services)))]
        found.append(Benign(service, span, float(rng.uniform(1.2, 1.6)), "campaign"))
    return tuple(found)


def _alive(rng: np.random.Generator, settings: WorldSettings, *, grid: Grid) -> Floats:
    """Return (n_leaves, n_buckets) 0 before a category is born and after it has died."""
    alive = np.ones((settings.series, grid.length))
    touched = rng.permutation(settings.series)[: settings.births + settings.deaths]
    for index, row in enumerate(touched):
        at = int(rng.uniform(0.2, 0.6) * grid.length)
        if index < settings.births:
            alive[row, :at] = 0.0
        else:
            alive[row, at:] = 0.0
    return alive


def _gaps(
    rng: np.random.Generator, settings: WorldSettings, *, grid: Grid, judged: Span, services: Sequence[str]
) -> tuple[Gap, ...]:
    """Return times nobody knows about: the first in the judged part, short; the others in the history."""
    found = []
    for index in range(settings.gaps):
        span = judged if index == 0 else Span(grid.start, judged.start)
        hours = int((span.end - span.start) / timedelta(hours=1)) - 24
        start = span.start + timedelta(hours=int(rng.integers(0, hours)), minutes=int(rng.integers(0, 60)))
        length = timedelta(minutes=int(rng.integers(30, 120) if index == 0 else rng.integers(120, 900)))
        service = services[int(rng.integers(0, len(services)))] if rng.random() < 0.5 else None  # noqa: PLR2004 -- a coin
        found.append(Gap(Span(start, start + length), service))
    return tuple(found)
