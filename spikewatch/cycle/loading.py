"""Loading: what judging and learning look at, read from the store."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from spikewatch.core.baseline import History, recent_hour
from spikewatch.core.counts import Panel, Roster, SeriesKey, build_panel
from spikewatch.core.timegrid import HOUR, Grid, seconds
from spikewatch.coverage import Coverage
from spikewatch.cycle.detector import Detector
from spikewatch.ports import SourceState, Store


def load_panel(
    store: Store,
    detector: Detector,
    *,
    first: int,
    until: int,
    sources: Mapping[str, SourceState],
    named: Iterable[SeriesKey] = (),
    is_shown: Callable[[str], bool] = lambda _: True,
) -> Panel:
    """Read from the store what judging buckets `[first, until)` looks at; late tickets are left out.

    named     series that have a row even where the store does not know them any more
    is_shown  False for a service that is taken as unknown throughout
    """
    reach = detector.reach(first)
    grid = Grid(detector.step, reach, until - reach)
    return load_grid(store, grid, sources=sources, named=named, is_shown=is_shown)


def load_grid(
    store: Store,
    grid: Grid,
    *,
    sources: Mapping[str, SourceState],
    roster: Roster | None = None,
    named: Iterable[SeriesKey] = (),
    is_shown: Callable[[str], bool] = lambda _: True,
    dtype: type[np.integer] = np.int64,
) -> Panel:
    """Read the counts of a grid without late tickets, for a roster or for that of the moment."""
    cells = store.counts(first=grid.first, stop=grid.stop)
    wanted = cells.roster.with_(named) if roster is None else roster
    row = cells.row if wanted.keys == cells.roster.keys else cells.roster.rows_in(wanted)[cells.row]
    shown = np.array([is_shown(service) for service in wanted.services], dtype=np.bool_)
    return build_panel(
        wanted,
        grid,
        np.stack([row, cells.bucket, cells.tickets - cells.late], axis=1),
        known=Coverage.of(store, sources).known(wanted, grid) & shown[:, None],
        dtype=dtype,
    )


def load_history(store: Store, detector: Detector, *, epoch: int) -> History:
    """Read from the store what the baseline of an epoch learns from."""
    return load_hours(store, detector, first=detector.first_hour(epoch), stop=recent_hour(epoch))


def load_hours(store: Store, detector: Detector, *, first: int, stop: int) -> History:
    """Read hourly counts of the hours `[first, stop)`, with the services' counts of each bucket."""
    per_hour = 3600 // seconds(detector.step)
    hours = Grid(HOUR, first, stop - first)
    buckets = Grid(detector.step, first * per_hour, hours.length * per_hour)
    cells = store.counts(first=buckets.first, stop=buckets.stop)
    roster = cells.roster
    busiest = np.bincount(cells.bucket // per_hour - first, weights=cells.tickets, minlength=1).max()
    panel = build_panel(
        roster,
        hours,
        np.stack([cells.row, cells.bucket // per_hour, cells.tickets], axis=1),
        known=Coverage.of(store).known(roster, hours),
        # a large fleet's history is most of the memory, and no cell exceeds the busiest hour of all
        dtype=np.uint16 if busiest <= np.iinfo(np.uint16).max else np.int32,
    )
    services = np.zeros((len(roster.services), buckets.length), dtype=np.int32)
    np.add.at(services, (roster.service_of[cells.row], cells.bucket - buckets.first), cells.tickets)
    return History(panel, buckets, services)


def labelled(detector: Detector, store: Store) -> Detector:
    """Return the detector with what labels in the store say is not to be learnt from."""
    masks = (noted.label.mask for noted in store.labels())
    return replace(detector, masks=(*detector.masks, *(mask for mask in masks if mask is not None)))
