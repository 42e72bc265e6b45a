"""Counts and known buckets the slow way: one bucket and one service at a time, with dictionaries and instants."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from spikewatch.core.counts import ALL, FLEET, Gap, SeriesKey
from spikewatch.core.timegrid import Grid, bucket_end, bucket_start


def is_known(
    service: str,
    number: int,
    grid: Grid,
    *,
    since: datetime | None,
    until: datetime | None,
    gaps: Sequence[Gap],
) -> bool:
    """Tell whether one bucket of one service is known: wholly read, and no instant of it lies in a gap."""
    start, end = bucket_start(number, grid.step), bucket_end(number, grid.step)
    if since is None or until is None or start < since or end > until:
        return False
    return not any(
        gap.service in (None, service) and max(start, gap.span.start) < min(end, gap.span.end) for gap in gaps
    )


def recount(
    cells: Iterable[tuple[SeriesKey, int, int]], known: Mapping[tuple[str, int], bool]
) -> Counter[tuple[SeriesKey, int]]:
    """Return tickets by (series, bucket), roll-ups included; unknown buckets hold nothing."""
    totals: Counter[tuple[SeriesKey, int]] = Counter()
    for key, bucket, tickets in cells:
        if known.get((key.service, bucket), False):
            for series in (key, SeriesKey(key.service, ALL), FLEET):
                totals[series, bucket] += tickets
    return totals
