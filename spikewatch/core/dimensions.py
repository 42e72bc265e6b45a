"""Dimensions: what services and categories are called now, whatever they were called when they were counted.

A rename takes effect where counts are read, in life and in a backtest alike; nothing that was counted is changed by it.
"""

from collections.abc import Mapping

import numpy as np

from spikewatch.core.counts import Cells, Ints, SeriesKey
from spikewatch.core.settings import RenameSettings


def renamed(key: SeriesKey, renames: RenameSettings) -> SeriesKey:
    """Return the series under its present name; roll-ups follow their service.

    >>> renames = RenameSettings(services={"Shop (old)": "shop"}, categories={"log-in": "login", "shop/lost": "parcel"})
    >>> str(renamed(SeriesKey("Shop (old)", "lost"), renames)), str(renamed(SeriesKey("pay", "log-in"), renames))
    ('shop/parcel', 'pay/login')
    """
    service = renamed_service(key.service, renames)
    category, seen = key.category, {key.category}
    while (following := _following((key.service, service), category, renames.categories)) not in seen:
        seen.add(following)
        category = following
    return SeriesKey(service, category)


def renamed_service(service: str, renames: RenameSettings) -> str:
    """Return the present name of a service."""
    while service in renames.services:
        service = renames.services[service]
    return service


def _following(services: tuple[str, str], category: str, renames: Mapping[str, str]) -> str:
    names = (*(f"{service}/{category}" for service in services), category)
    return next((renames[name] for name in names if name in renames), category)


def added_up(cells: Cells) -> Cells:
    """Return the counts with one entry for a series and a bucket: those of series that share a name now are added."""
    width = len(cells.roster) + 1
    place, inverse = np.unique(cells.bucket * width + cells.row, return_inverse=True)
    if len(place) == len(cells.row):
        return cells

    def total(column: Ints) -> Ints:
        sums = np.zeros(len(place), dtype=np.int64)
        np.add.at(sums, inverse, column)
        return sums

    return Cells(cells.roster, place % width, place // width, total(cells.tickets), total(cells.late))
