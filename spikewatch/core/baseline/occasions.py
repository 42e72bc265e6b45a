"""Occasions: what events whose factor is to be learnt bring, from earlier ones of the same name and from their own hours.

Two sums of tickets over what was expected without the event, each shrunk to what was believed before: first over the hours
of earlier events of that name for the same series, then over its own hours, of which newer ones weigh more. An hour counts
for at most three times the usual, and its own hours move what earlier ones say by a bounded share, so that a surge during
a campaign is still a surge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from spikewatch.core.baseline.model import Baseline, History
from spikewatch.core.counts import Floats
from spikewatch.core.events import UNHEARD_FACTOR, Event, leaves_of, touched
from spikewatch.core.timegrid import HOUR, Grid, bucket_start

EARLIER_TICKETS = 30.0
"""Weight, in expected tickets, of `UNHEARD_FACTOR` against what earlier events brought."""

OWN_TICKETS = 40.0
"""Weight, in expected tickets, of what is believed beforehand against the event's own hours."""

OWN_HALF_LIFE_HOURS = 6.0
LEAST, MOST = 0.3, 4.0
LEAST_OWN, MOST_OWN = 0.7, 1.5
"""By how much its own hours may move what earlier events brought; the first of a name may move freely up to `MOST_FIRST`."""

MOST_FIRST = 3.0
MOST_AN_HOUR, SIGMAS = 3.0, 3.0


def with_occasions(baseline: Baseline, history: History) -> Baseline:
    """Return the baseline with the factors of its calendar's events that are to be learnt.

    history  all that may be looked at, up to the epoch of the baseline; in a past that was put in another order nothing is
             learnt
    """
    calendar = baseline.calendar
    if calendar.turned is not None or not len(baseline.roster) or not any(e.learns for e in calendar.events):
        return baseline
    plain = replace(baseline, calendar=replace(calendar, events=()))
    events = tuple(
        _learnt(event, calendar.events, plain, history) if event.learns else event
        for event in calendar.events
    )
    return replace(baseline, calendar=replace(calendar, events=events))


def _learnt(event: Event, events: Sequence[Event], plain: Baseline, history: History) -> Event:
    """Return the event with what is known of its factor at the end of the history."""
    now = bucket_start(history.hourly.grid.stop, HOUR)
    earlier = [
        other
        for other in events
        if (other.name, other.service, other.category) == (event.name, event.service, event.category)
        and other.span.end <= min(event.span.start, now)
    ]
    before = _Hours.joined([_Hours.of(other, plain, history) for other in earlier])
    believed = (UNHEARD_FACTOR * EARLIER_TICKETS + before.came.sum()) / (EARLIER_TICKETS + before.usual.sum())
    believed = float(np.clip(believed, LEAST, MOST))
    own = _Hours.of(event, plain, history)
    weight = 0.5 ** (np.arange(len(own.came))[::-1] / OWN_HALF_LIFE_HOURS)
    factor = (believed * OWN_TICKETS + (weight * own.came).sum()) / (OWN_TICKETS + (weight * own.usual).sum())
    low, high = (LEAST_OWN * believed, MOST_OWN * believed) if before.usual.sum() else (LEAST, MOST_FIRST)
    return replace(
        event, factor=float(np.clip(factor, low, high)), learnt_from=len(before.came) + len(own.came)
    )


@dataclass(frozen=True, slots=True)
class _Hours:
    """The known hours of an event, oldest first: tickets, clipped, and what was expected without it; all (n_hours,)."""

    came: Floats
    usual: Floats

    @classmethod
    def joined(cls, parts: Sequence["_Hours"]) -> "_Hours":
        return cls(
            np.concatenate([np.empty(0), *(part.came for part in parts)]),
            np.concatenate([np.empty(0), *(part.usual for part in parts)]),
        )

    @classmethod
    def of(cls, event: Event, plain: Baseline, history: History) -> "_Hours":
        hourly, rows = history.hourly, leaves_of(history.hourly.roster, event)
        columns = touched(event.span, hourly.grid)
        if columns.start >= columns.stop or not len(rows):
            return cls(np.empty(0), np.empty(0))
        grid = Grid(HOUR, hourly.grid.first + columns.start, columns.stop - columns.start)
        known = hourly.known_rows[rows][:, columns]
        mean = plain.expect(grid.first, grid.stop, HOUR).mean[rows]
        if plain.factors is not None:
            mean = mean / plain.factors.today[rows, None]
        usual = (mean * known).sum(axis=0)
        came = (hourly.counts[rows][:, columns] * known).sum(axis=0)
        most = MOST_AN_HOUR * usual + SIGMAS * np.sqrt(usual)
        seen = known.any(axis=0)
        return cls(np.minimum(came, most)[seen], usual[seen])
