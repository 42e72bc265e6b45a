"""Links: where a message leads to, from templates that a person or a source wrote.

A name from the help desk goes into an address only percent-encoded, and an address that is none is never a link.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from spikewatch.core.counts import SeriesKey

LINK_LIMIT = 1_000
MARGIN = timedelta(hours=1)
"""A graph begins this much before the rise."""

_LINK = re.compile(r"https?://[\w.\[\]:-]+(?:/[\w!#$%&'()*+,./:;=?@\[\]~-]*)?")


def is_link(address: str) -> bool:
    """Tell whether an address can be a link of a message: http or https, and nothing that could break out of it.

    >>> is_link("https://wiki.example.com/a?b=1&c"), is_link("javascript:alert(1)"), is_link("https://a.example/|x")
    (True, False, False)
    """
    return len(address) <= LINK_LIMIT and address.isascii() and _LINK.fullmatch(address) is not None


@dataclass(frozen=True, slots=True)
class Search:
    """How the tickets of a series are searched for by hand at a desk.

    address   of the search, with `{query}` where the query goes
    since     the part of the query that every search begins with, with `{since}` in it
    service   the part that finds a service, with `{name}` in it; None where the desk cannot search for one
    category  the same for a category
    unnamed   what tickets without a service or category are counted under, for which no part is added
    """

    address: str
    since: str
    service: str | None = None
    category: str | None = None
    unnamed: str | None = None

    def query(self, series: SeriesKey, *, since: datetime) -> str:
        """Return what to type into the desk's search to come nearest to the tickets of a series since an instant."""
        parts = [_filled(self.since, {"since": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"})]
        if not series.is_fleet:
            parts += self._part(self.service, series.service)
        if not series.is_rollup:
            parts += self._part(self.category, series.category)
        return " ".join(parts)

    def _part(self, pattern: str | None, name: str) -> list[str]:
        phrase = _phrase(name)
        return (
            []
            if pattern is None or name == self.unnamed or not phrase
            else [_filled(pattern, {"name": phrase})]
        )


@dataclass(frozen=True, slots=True)
class Links:
    """Where messages lead to; what is None or empty is left out.

    searches  of each desk, by its name
    grafana   address of Grafana, without a slash at the end
    dashboard uid of the dashboard that shows one service
    """

    searches: Mapping[str, Search] = field(default_factory=dict)
    grafana: str | None = None
    dashboard: str = "spikewatch-service"

    def tickets(self, series: SeriesKey, *, since: datetime) -> Mapping[str, str]:
        """Return by desk the address of the search that comes nearest to the tickets of a series since an instant."""
        found = {
            name: _filled(search.address, {"query": _quoted(search.query(series, since=since))})
            for name, search in self.searches.items()
        }
        return {name: address for name, address in found.items() if is_link(address)}

    def graph(self, series: SeriesKey, *, since: datetime, until: datetime) -> str | None:
        """Return the address of the dashboard at the time of an incident; None where there is none."""
        if self.grafana is None:
            return None
        names = {"var-service": series.service} if not series.is_fleet else {}
        if not series.is_rollup:
            names["var-category"] = series.category
        span = {"from": _millis(since - MARGIN), "to": _millis(until)}
        asked = "&".join(f"{key}={_quoted(value)}" for key, value in {**span, **names}.items())
        address = f"{self.grafana}/d/{_quoted(self.dashboard)}?{asked}"
        return address if is_link(address) else None


NOWHERE = Links()
"""No links but the runbook's."""


def _phrase(name: str) -> str:
    """Return a name for a quoted phrase of a query: one line without quotation marks."""
    return " ".join(re.sub(r"[\"\\\x00-\x1f\ud800-\udfff]", " ", name).split())


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _filled(pattern: str, values: Mapping[str, str]) -> str:
    """Return the pattern with each `{name}` replaced once; what a value holds is not looked at again."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), pattern)


def _millis(instant: datetime) -> str:
    return str(int(instant.timestamp() * 1000))
