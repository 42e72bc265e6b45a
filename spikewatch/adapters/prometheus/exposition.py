"""What a scrape gets: the fleet's bytes of the newest cycle, joined with the daemon's health of this moment."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from spikewatch.adapters.prometheus.choosing import chosen
from spikewatch.adapters.prometheus.fleet import Body, Detail, FleetRenderer, Rendered
from spikewatch.core.snapshot import Snapshot
from spikewatch.ports import Clock

_NOTHING = Body.of("")
_END = Body.of("# EOF\n")


class Exposition:
    """Holds the newest snapshot as bytes and answers scrapes from any number of threads while it is being replaced.

    stale_after  once `judged_until` is older than this, counts, expectations, bounds and scores are left out: Prometheus
                 then shows a gap instead of a flat lie. States, totals and incidents stay, or a page would resolve
                 in mid-outage. It has to exceed the bucket width by a few polls.
    """

    def __init__(
        self, renderer: FleetRenderer, *, registry: CollectorRegistry, clock: Clock, stale_after: timedelta
    ) -> None:
        """Hold what scrapes are made of; before the first snapshot they show health alone."""
        self._renderer = renderer
        self._registry = registry
        self._clock = clock
        self._stale_after = stale_after
        self._rendered = Rendered(judged_until=None, readings=_NOTHING, text=_NOTHING, openmetrics=_NOTHING)

    def limit_to(
        self, *, windows: Sequence[timedelta], max_series: int, detail: Detail, stale_after: timedelta
    ) -> None:
        """Show this much from the next snapshot on; between two calls of `publish`."""
        self._stale_after = stale_after
        self._renderer.limit_to(windows=windows, max_series=max_series, detail=detail)

    def publish(self, snapshot: Snapshot) -> None:
        """Render a snapshot and show it from now on; one thread publishes."""
        self._rendered = self._renderer.render(snapshot, now=self._clock.now())

    def scrape(
        self,
        part: Literal["all", "series", "health"],
        *,
        openmetrics: bool,
        gzipped: bool,
        names: frozenset[str] = frozenset(),
    ) -> bytes:
        """Return the exposition: the text form 0.0.4 or OpenMetrics 1.0, plain or as joined gzip members.

        names  the only metrics wanted; empty for all
        """
        pieces = [] if part == "health" else self._fleet(openmetrics=openmetrics)
        if part != "series":
            pieces.append(self._health(openmetrics=openmetrics))
        else:
            pieces.append(_END if openmetrics else _NOTHING)
        if names:
            pieces = [Body.of(chosen(b"".join(piece.plain for piece in pieces), names))]
        return b"".join(piece.gzipped if gzipped else piece.plain for piece in pieces)

    def _fleet(self, *, openmetrics: bool) -> list[Body]:
        rendered = self._rendered
        states = rendered.openmetrics if openmetrics else rendered.text
        until = rendered.judged_until
        if until is None or self._clock.now() - until > self._stale_after:
            return [states]
        return [rendered.readings, states]

    def _health(self, *, openmetrics: bool) -> Body:
        if openmetrics:
            return Body.of(generate_openmetrics(self._registry))  # type: ignore[no-untyped-call]  # the library's
        return Body.of(generate_latest(self._registry))
