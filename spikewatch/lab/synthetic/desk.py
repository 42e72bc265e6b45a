"""A world as a help desk tells it: tickets, and every version of each as agents and triggers edit it."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np

from spikewatch.core.counts import Ints
from spikewatch.core.timegrid import seconds
from spikewatch.lab.synthetic.worlds import World

_MINUTE: Final = 60


class TicketVersion(NamedTuple):
    """One ticket as it stood from `generated_at` on; its last version is what it is now.

    category  None until somebody has chosen one
    status    new, open, solved or deleted
    """

    id: int
    created_at: datetime
    generated_at: datetime
    service: str
    category: str | None
    status: str


class Edits(NamedTuple):
    """How often tickets are edited.

    late_category  share whose category is chosen one to ten minutes after creation
    recategorised  share that first has another category of its service
    spam           tickets on top of those counted, as a share of them, that are deleted within the hour
    """

    late_category: float = 0.45
    recategorised: float = 0.03
    spam: float = 0.004


def desk_tickets(
    world: World, *, seed: int, edits: Edits | None = None, first_id: int = 1
) -> list[TicketVersion]:
    """Return every version of every ticket, by `generated_at`; ids grow with creation.

    The last versions that are not deleted add up to the world's counts. Solving may come after the world's end.
    """
    chances = edits or Edits()
    rng = np.random.default_rng(seed)
    rows, created, is_spam = _created(rng, world, spam=chances.spam)
    number = len(rows)
    first = _first_category(rng, world, rows, recategorised=chances.recategorised)
    chosen_late = rng.random(number) < chances.late_category
    chosen = created + np.where(chosen_late, rng.integers(_MINUTE, 10 * _MINUTE + 1, number), 0)
    corrected = chosen + rng.integers(10 * _MINUTE, 120 * _MINUTE, number)
    deleted = created + rng.integers(5 * _MINUTE, 60 * _MINUTE, number)
    closed = corrected + np.exp(rng.normal(np.log(6 * 3600), 1.0, number)).astype(np.int64)
    moved = (first != rows) & ~is_spam
    ids = np.arange(number)
    late = chosen_late & ~(is_spam & (chosen >= deleted))
    nobody = np.full(number, -1)
    steps = [
        (ids, created, np.where(chosen_late, nobody, first), "new"),
        (ids[late], chosen[late], first[late], "open"),
        (ids[moved], corrected[moved], rows[moved], "open"),
        (ids[is_spam], deleted[is_spam], np.where(chosen_late & ~late, nobody, first)[is_spam], "deleted"),
        (ids[~is_spam], closed[~is_spam], rows[~is_spam], "solved"),
    ]
    return _versions(world, rows, created, steps, first_id=first_id)


def _created(rng: np.random.Generator, world: World, *, spam: float) -> tuple[Ints, Ints, np.ndarray]:
    """Return by creation: row of the leaves, instant in seconds since 1970, whether it is spam."""
    extra = rng.binomial(world.counts, spam)
    row, column = np.nonzero(world.counts)
    wanted = world.counts[row, column]
    unwanted = extra[row, column]
    rows = np.concatenate([np.repeat(row, wanted), np.repeat(row, unwanted)])
    buckets = np.concatenate([np.repeat(column, wanted), np.repeat(column, unwanted)]) + world.grid.first
    step = seconds(world.grid.step)
    created = buckets * step + rng.integers(0, step, len(rows))
    is_spam = np.arange(len(rows)) >= wanted.sum()
    order = np.argsort(created, kind="stable")
    return rows[order], created[order], is_spam[order]


def _first_category(rng: np.random.Generator, world: World, rows: Ints, *, recategorised: float) -> Ints:
    """Return (n_tickets,) the row each ticket has first: its own, or now and then another of its service."""
    place = world.roster.service_of[: len(world.leaves)]
    start = np.searchsorted(place, place)
    size = np.bincount(place)[place]
    other = start[rows] + (rng.random(len(rows)) * size[rows]).astype(np.int64)
    return np.where(rng.random(len(rows)) < recategorised, other, rows)


def _versions(
    world: World,
    rows: Ints,
    created: Ints,
    steps: list[tuple[Ints, Ints, Ints, str]],
    *,
    first_id: int,
) -> list[TicketVersion]:
    which = np.concatenate([step[0] for step in steps])
    when = np.concatenate([step[1] for step in steps])
    category = np.concatenate([step[2] for step in steps])
    status = np.repeat(np.arange(len(steps)), [len(step[0]) for step in steps])
    order = np.lexsort((status, which, when))
    instants = {
        int(at): datetime.fromtimestamp(int(at), tz=UTC) for at in np.unique(np.concatenate([created, when]))
    }
    services = [key.service for key in world.leaves]
    categories: list[str | None] = [*(key.category for key in world.leaves), None]
    names = [step[3] for step in steps]
    return [
        TicketVersion(
            first_id + ticket, instants[born], instants[at], services[row], categories[now], names[stage]
        )
        for ticket, born, at, row, now, stage in zip(
            which[order].tolist(),
            created[which[order]].tolist(),
            when[order].tolist(),
            rows[which[order]].tolist(),
            category[order].tolist(),
            status[order].tolist(),
            strict=True,
        )
    ]
