"""Who takes note of what the daemon does."""

from datetime import timedelta
from typing import Protocol

from spikewatch.ports.source import Quota
from spikewatch.ports.store.counting import PageOutcome


class Meter(Protocol):
    """Takes note of what the daemon does; metrics are made of it. Never raises."""

    def poll(self, source: str, *, seconds: float, tickets: int, outcome: PageOutcome) -> None:
        """Note a poll that worked."""
        ...

    def poll_failed(self, source: str, *, seconds: float, reason: str) -> None:
        """Note a poll that failed; reason is a `PortError.reason`."""
        ...

    def request(self, source: str, *, code: str) -> None:
        """Note one request to a source by HTTP code, or `error`."""
        ...

    def page_read(self, source: str) -> None:
        """Note a page that was read and kept; a first reading is one poll of thousands of pages."""
        ...

    def poll_skipped(self, source: str, *, reason: str) -> None:
        """Note a poll that was due and asked nothing: budget, backoff or halted."""
        ...

    def backfilled(self, source: str, *, fraction: float, left: timedelta | None) -> None:
        """Note how much of a source's history is read, and how long the rest takes where that is known."""
        ...

    def reconciled(self, source: str, *, check: str, missed: int = 0, difference: int | None = None) -> None:
        """Note a check that was carried through.

        check       sweep, or the scope of a count: rule, brand or desk
        missed      updates that the live reading should have shown and did not
        difference  tickets that the source counts and we do not, less the reverse
        """
        ...

    def quota(self, source: str, quota: Quota) -> None:
        """Note the limit a source stated."""
        ...

    def clock_skew(self, source: str, *, ahead: timedelta) -> None:
        """Note by how much the clock of a source is ahead of ours; negative where it is behind."""
        ...

    def throttled(self, source: str, *, duration: timedelta) -> None:
        """Note time spent waiting for a limit."""
        ...

    def cycle(self, *, seconds: float, buckets: int) -> None:
        """Note one pass of judging."""
        ...

    def cycle_failed(self, *, reason: str) -> None:
        """Note a pass of judging that failed."""
        ...

    def refit(self, *, seconds: float) -> None:
        """Note that a baseline was fitted."""
        ...

    def delivered(self, channel: str, *, seconds: float) -> None:
        """Note a delivery that worked."""
        ...

    def delivery_failed(self, channel: str, *, reason: str) -> None:
        """Note a delivery attempt that failed."""
        ...

    def dropped(self, channel: str) -> None:
        """Note a delivery given up for good."""
        ...

    def suppressed(self, channel: str, *, reason: str) -> None:
        """Note a notice that was held back from a channel; reason is a `core.muting.Muted`."""
        ...

    def acted(self, *, act: str, outcome: str) -> None:
        """Note what became of an act: `applied` or a `core.acts.Refusal`."""
        ...
