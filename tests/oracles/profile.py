"""The profile of one series after another, hour by hour, after the formulas in `baseline.profile`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from spikewatch.core.baseline import falls
from spikewatch.core.baseline import noise as noises
from spikewatch.core.baseline.model import LEAST_MEAN
from spikewatch.core.baseline.profile import (
    ALIKE_DAYS,
    BORN_TICKETS,
    BUSINESS_DAYS,
    CLIP_FACTOR,
    CLIP_SIGMAS,
    DAY_TICKETS,
    FLOOD_FACTOR,
    FLOOD_TICKETS,
    FLOOD_WEEKS,
    GONE_HOURS,
    LEVEL_HALF_LIFE_DAYS,
    LEVEL_TICKETS,
    NEIGHBOUR_TICKETS,
    PASSES,
    ROLLUP_LEVEL_TICKETS,
    TODAY_CLIP_FACTOR,
    TODAY_CLIP_SIGMAS,
    TODAY_HALF_LIFE_HOURS,
    TODAY_LEAST,
    TODAY_MOST,
    TODAY_REACH_HOURS,
    TODAY_TICKETS,
)
from spikewatch.core.baseline.seasonal import PRIOR_TICKETS

SLOTS = 168


@dataclass(frozen=True)
class Fitted:
    """One series: what each slot holds, how much of it there is lately, the hours of its falls and those learnt from."""

    shape: Sequence[float]
    level: float
    fallen: Collection[int]
    hours: Collection[int]

    def hourly(self, slot: int) -> float:
        """Return the tickets expected in an hour of a slot, before anything is reconciled."""
        return self.shape[slot] * self.level


@dataclass(frozen=True)
class Row:
    """Hours of one series: counts and which are known."""

    counts: Sequence[int]
    known: Sequence[bool]


def service(total: Row, slots: Sequence[int]) -> Fitted:
    """Return the fit of a whole service."""
    flat = [1.0] * SLOTS
    return _fit(
        total,
        slots,
        borrowed=flat,
        level=1.0,
        weight=ROLLUP_LEVEL_TICKETS,
        lasting=falls.MOST_HOURS,
        alike=range(7)[ALIKE_DAYS],
    )


def category(part: Row, slots: Sequence[int], whole: Fitted) -> Fitted:
    """Return the fit of a category, before it is reconciled with its service."""
    mean = sum(whole.shape) / SLOTS
    shape = [value / mean for value in whole.shape]
    left = replace(part, known=[known and hour not in whole.fallen for hour, known in enumerate(part.known)])
    return _fit(
        left,
        slots,
        borrowed=shape,
        level=whole.level,
        weight=LEVEL_TICKETS,
        lasting=GONE_HOURS,
        alike=range(7)[BUSINESS_DAYS],
    )


def reconciled(parts: Mapping[str, Fitted], whole: Fitted) -> Mapping[str, Sequence[float]]:
    """Return what an hour of each slot holds of each category, so that they sum to the service."""
    sums = [sum(part.hourly(slot) for part in parts.values()) for slot in range(SLOTS)]
    return {
        name: [part.hourly(slot) * whole.hourly(slot) / sums[slot] for slot in range(SLOTS)]
        for name, part in parts.items()
    }


def today(expected: Sequence[float], row: Row, *, dispersion: float) -> float:
    """Return how busy the last hours of a service were; `expected` are its hours, oldest first."""
    seen = usual = TODAY_TICKETS
    n_hours = min(TODAY_REACH_HOURS, len(row.counts))
    first = len(row.counts) - n_hours
    counts = [row.counts[hour] * row.known[hour] for hour in range(first, len(row.counts))]
    usual_ones = [expected[hour] * row.known[hour] for hour in range(first, len(row.counts))]
    fallen = fallen_hours(counts, usual_ones, lasting=falls.MOST_HOURS)
    for age in range(n_hours):
        hour = len(row.counts) - 1 - age
        mean = expected[hour]
        if row.known[hour] and hour - first not in fallen:
            weight = 0.5 ** (age / TODAY_HALF_LIFE_HOURS)
            most = TODAY_CLIP_FACTOR * mean + TODAY_CLIP_SIGMAS * sqrt(dispersion * mean) + 1
            seen += weight * min(row.counts[hour], most)
            usual += weight * mean
    return min(max(seen / usual, TODAY_LEAST), TODAY_MOST)


def fallen_hours(
    counts: Sequence[float],
    expected: Sequence[float],
    *,
    lasting: int,
    windows: Sequence[int] = falls.WINDOWS_HOURS,
) -> Collection[int]:
    """Return the hours of falls, each window looked at by itself; `expected` is 0 where nothing is known."""
    n_hours = len(counts)
    found: set[int] = set()
    if sum(expected) * min(1.0, 24 / n_hours) < falls.LEAST_A_DAY:
        return found
    for width in windows:
        for first in range(n_hours - width + 1):
            hours = range(first, first + width)
            came, mean = sum(counts[hour] for hour in hours), sum(expected[hour] for hour in hours)
            spread = sqrt(falls.DISPERSION * mean + (falls.DAY_SPREAD * mean) ** 2)
            ends = all(counts[hour] <= falls.MOST_SHARE * expected[hour] for hour in (hours[0], hours[-1]))
            if came < min(falls.MOST_SHARE * mean, mean - falls.SIGMAS * spread) and (width == 1 or ends):
                found.update(hours)
    few = {hour for hour in range(n_hours) if counts[hour] <= falls.MOST_SHARE * expected[hour]} | found
    for hour in sorted(few):
        run = hour
        while run in few:
            run += 1
        if hour - 1 not in few and run - hour > (lasting if run == n_hours else falls.MOST_HOURS):
            found -= {*range(hour, run)}
    return found


def _fit(
    row: Row,
    slots: Sequence[int],
    *,
    borrowed: Sequence[float],
    level: float,
    weight: float,
    lasting: int,
    alike: Collection[int],
) -> Fitted:
    known = _alive(row)
    hours = [hour for hour in range(len(slots)) if known[hour]]
    counts = _without_floods({hour: float(row.counts[hour]) for hour in hours}, slots)
    clipped, ordinary = dict(counts), dict(counts)
    own = level
    shape: Sequence[float] = []
    fallen: Collection[int] = ()
    for turn in range(PASSES):
        shape = _shape(ordinary, slots, borrowed, alike=alike)
        tickets = expected = 0.0
        for hour in hours:
            recency = 0.5 ** ((len(slots) - 1 - hour) / 24 / LEVEL_HALF_LIFE_DAYS)
            tickets += recency * clipped[hour]
            expected += recency * shape[slots[hour]]
        own = (tickets + weight * level) / (expected + weight)
        if turn == PASSES - 2:
            came = [row.counts[hour] * row.known[hour] for hour in range(len(slots))]
            usual_ones = [shape[slot] * own * known[hour] for hour, slot in enumerate(slots)]
            fallen = fallen_hours(came, usual_ones, lasting=lasting, windows=falls.LONG_HOURS)
            hours = [hour for hour in hours if hour not in fallen]
            counts = {hour: counts[hour] for hour in hours}
            clipped, ordinary = dict(counts), dict(counts)
        if turn < PASSES - 1:
            for hour in hours:
                usual = shape[slots[hour]] * max(own, 1.0)
                most = CLIP_FACTOR * usual + CLIP_SIGMAS * sqrt(2 * usual) + 2
                clipped[hour] = min(counts[hour], most)
                ordinary[hour] = usual if counts[hour] > most else counts[hour]
    return Fitted(shape, own if any(counts.values()) else 0.0, fallen, set(hours))


def _alive(row: Row) -> Sequence[bool]:
    hours = range(len(row.counts))
    first = next((hour for hour in hours if row.known[hour] and row.counts[hour] > 0), 0)
    silent = sum(row.known[hour] for hour in hours if hour < first)
    lived = sum(row.known[hour] for hour in hours if hour >= first)
    tickets = sum(row.counts[hour] for hour in hours if row.known[hour])
    born = first if silent * tickets / max(lived, 1) > BORN_TICKETS else 0
    return [row.known[hour] and hour >= born for hour in hours]


def _without_floods(counts: Mapping[int, float], slots: Sequence[int]) -> Mapping[int, float]:
    cut = dict(counts)
    for slot in range(SLOTS):
        weeks = [hour for hour in counts if slots[hour] == slot]
        if len(weeks) >= FLOOD_WEEKS:
            *others, _largest = sorted(counts[hour] for hour in weeks)
            most = FLOOD_FACTOR * sum(others) / len(others) + FLOOD_TICKETS
            cut.update({hour: min(counts[hour], most) for hour in weeks})
    return cut


def _shape(
    counts: Mapping[int, float], slots: Sequence[int], borrowed: Sequence[float], *, alike: Collection[int]
) -> Sequence[float]:
    tickets, exposure = [0.0] * SLOTS, [0] * SLOTS
    for hour, count in counts.items():
        tickets[slots[hour]] += count
        exposure[slots[hour]] += 1
    ours = _neighbourly(tickets, exposure, borrowed, alike)
    level = _level(tickets, exposure, ours)
    means = []
    for slot in range(SLOTS):
        prior = max(level * ours[slot], LEAST_MEAN)
        mean = (tickets[slot] + NEIGHBOUR_TICKETS) / (exposure[slot] + NEIGHBOUR_TICKETS / prior)
        means.append(max(mean, LEAST_MEAN))
    return means


def _level(tickets: Sequence[float], exposure: Sequence[int], shape: Sequence[float]) -> float:
    around = sum(shape[slot] * exposure[slot] for slot in range(SLOTS))
    return (sum(tickets) + 0.5) / max(around, 1.0)


def _neighbourly(
    tickets: Sequence[float], exposure: Sequence[int], borrowed: Sequence[float], alike: Collection[int]
) -> Sequence[float]:
    level = _level(tickets, exposure, borrowed)
    usual = [level * borrowed[slot] * exposure[slot] for slot in range(SLOTS)]
    ours = [
        borrowed[slot] * (tickets[slot] + PRIOR_TICKETS) / (usual[slot] + PRIOR_TICKETS)
        for slot in range(SLOTS)
    ]
    together = []
    for hour in range(24):
        same = [24 * day + hour for day in alike]
        came, wanted = (sum(values[slot] for slot in same) for values in (tickets, usual))
        together.append((came + PRIOR_TICKETS) / (wanted + PRIOR_TICKETS))
    for day in alike:
        came = sum(tickets[24 * day + hour] for hour in range(24))
        wanted = sum(usual[24 * day + hour] * together[hour] for hour in range(24))
        for hour in range(24):
            factor = together[hour] * (came + DAY_TICKETS) / (wanted + DAY_TICKETS)
            ours[24 * day + hour] = borrowed[24 * day + hour] * factor
    return ours


def past_gain(total: Row, slots: Sequence[int], fitted: Fitted) -> Sequence[float]:
    """Return how busy a service was in each hour by what the hours up to two before say."""
    gains = []
    keeps = 0.5 ** (1 / TODAY_HALF_LIFE_HOURS)
    seen: list[float] = []
    wanted: list[float] = []
    for hour, slot in enumerate(slots):
        before = hour >= 2
        came, usual = (seen[hour - 2], wanted[hour - 2]) if before else (0.0, 0.0)
        gains.append(min(max((TODAY_TICKETS + came) / (TODAY_TICKETS + usual), TODAY_LEAST), TODAY_MOST))
        mean = fitted.shape[slot] if hour in fitted.hours else 0.0
        most = TODAY_CLIP_FACTOR * mean + TODAY_CLIP_SIGMAS * sqrt(1.5 * mean) + 1
        tickets = min(total.counts[hour], most) if mean else 0.0
        seen.append(tickets + keeps * (seen[-1] if seen else 0.0))
        wanted.append(mean + keeps * (wanted[-1] if wanted else 0.0))
    return gains


def noise(row: Row, slots: Sequence[int], fitted: Fitted, *, gains: Sequence[float]) -> tuple[float, float]:
    """Return dispersion and spread of one series around its shape times the gain of its service."""
    means = {hour: fitted.shape[slots[hour]] * gains[hour] for hour in fitted.hours}
    dispersion, square = noises.USUAL
    for _ in range(noises.PASSES):
        a, c = (1 / doubt**2 for doubt in noises.DOUBT)
        b = 0.0
        first, second = a * noises.USUAL[0], c * noises.USUAL[1]
        for hour, mean in means.items():
            variance = dispersion * mean + square * mean**2
            weight = noises.ALIKE / max(variance + 2 * variance**2, 1e-3)
            most = noises.SIGMAS**2 * variance + noises.JUMP**2
            seen = min((row.counts[hour] - mean) ** 2, most)
            a, b, c = a + weight * mean**2, b + weight * mean**3, c + weight * mean**4
            first, second = first + weight * seen * mean, second + weight * seen * mean**2
        square = (a * second - b * first) / (a * c - b * b)
        square = min(max(square, noises.LEAST[1]), noises.MOST[1])
        dispersion = min(max((first - b * square) / a, noises.LEAST[0]), noises.MOST[0])
    return dispersion, sqrt(square)
