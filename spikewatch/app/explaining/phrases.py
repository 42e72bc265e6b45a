"""Short phrases of an explanation: counts, spans and names in words."""

from spikewatch.core.counts import SeriesKey
from spikewatch.core.wording.untrusted import harmless

NAME_LIMIT = 80
_MINUTES_AN_HOUR = 60
_WHOLE_FROM = 100


def name(series: SeriesKey) -> str:
    """Return what a series is called."""
    if series.is_fleet:
        return "the whole fleet"
    service = harmless(series.service, limit=NAME_LIMIT)
    if series.is_rollup:
        return f"{service} (whole service)"
    return f"{service}/{harmless(series.category, limit=NAME_LIMIT)}"


def tickets(count: int) -> str:
    """Return `1 ticket`, or `1,234 tickets`."""
    return "1 ticket" if count == 1 else f"{count:,} tickets"


def span(minutes: int) -> str:
    """Return `15 min`, or `3 h`."""
    if minutes % _MINUTES_AN_HOUR:
        return f"{minutes} min"
    return f"{minutes // _MINUTES_AN_HOUR} h"


def last(minutes: int) -> str:
    """Return `the last 15 min`, or `the last hour`."""
    return "the last hour" if minutes == _MINUTES_AN_HOUR else f"the last {span(minutes)}"


def number(value: float) -> str:
    """Return a number as short as its size allows.

    >>> [number(value) for value in (0.0213, 0.52, 6.24, 1234.5)]
    ['0.021', '0.52', '6.2', '1,234']
    """
    if value >= _WHOLE_FROM:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"
