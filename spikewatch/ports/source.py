"""Where tickets come from: pages, how their tickets are named, and how a source counts for itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from spikewatch.core.census import Census
from spikewatch.core.counts import Attributes, SeriesKey, Ticket


@dataclass(frozen=True, slots=True)
class Quota:
    """A source's own limit on requests, as it stated it last."""

    limit: int
    remaining: int
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Naming:
    """How a source makes services and categories of the attributes of tickets.

    digest     changes with every rule, and with every name that has been learnt
    names      what the account calls its brands, options and so on; kept, so that they are known after a restart
    series_of  what a ticket with these attributes counts under
    """

    digest: str
    names: Mapping[str, str]
    series_of: Callable[[Attributes], SeriesKey] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One unit of reading: its tickets and everything needed to go on after it.

    cursor      where the next page begins; opaque
    watermark   everything created before it has been read; None where the page does not say (more pages follow)
    newest      newest version on the page as an instant, for progress and for going back when a cursor is refused
    caught_up   nothing more to read for now
    quota       limit on requests for pages
    account     limit on all requests of the account, which other programs share
    naming      how its tickets were named; None where the source keeps no attributes
    census      ready-made counts, from a source that counts for itself
    """

    tickets: Sequence[Ticket]
    cursor: str
    caught_up: bool
    watermark: datetime | None = None
    newest: datetime | None = None
    quota: Quota | None = None
    account: Quota | None = None
    naming: Naming | None = None
    census: Census | None = None

    @property
    def size(self) -> int:
        """How many tickets it tells of."""
        return len(self.tickets) + (0 if self.census is None else self.census.tickets)


@dataclass(frozen=True, slots=True)
class Position:
    """Where to read on: after a cursor, or from a point in time."""

    cursor: str | None
    since: datetime


class Source(Protocol):
    """Where tickets come from. `fetch_page` makes at most the requests of one page and never waits for a limit."""

    @property
    def name(self) -> str:
        """Return the configured name, which labels metrics."""
        ...

    def fetch_page(self, position: Position) -> Page:
        """Return the page at the position.

        Raises Unavailable, TooLarge, CredentialsRefused or CursorRefused.
        """
        ...

    def close(self) -> None:
        """End its connections; a page that is asked for all the same connects anew."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """Tickets that a source can count by itself.

    level    how finely: rule (as a rule of the configuration names them), brand, or desk (all of them)
    name     what they are called here; empty for all
    series   the series in which they count
    query    how the source is asked for them; opaque
    """

    level: str
    name: str
    series: frozenset[SeriesKey]
    query: str


@runtime_checkable
class Countable(Protocol):
    """A source that can say by another way than reading how many tickets it has; what it says lags by minutes."""

    def scopes(self, series: Sequence[SeriesKey]) -> Sequence[Scope]:
        """Return what can be counted of these series: the finest first, and always the whole desk.

        Raises Unavailable or CredentialsRefused.
        """
        ...

    def count(self, scope: Scope, *, start: datetime, end: datetime) -> int:
        """Return how many tickets of the scope were created in `[start, end)` and count, by the source's own search.

        Raises Unavailable, CredentialsRefused or QueryRefused.
        """
        ...
