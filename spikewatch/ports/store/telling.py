"""The store as the outbox: what is to be told, and what was."""

from collections.abc import Sequence
from typing import Protocol

from spikewatch.core.outbox import Delivery, Receipt


class Telling(Protocol):
    """Deliveries and their receipts; see `Store`."""

    def unsettled(self) -> Sequence[Delivery]:
        """Return deliveries that are queued, sending or of unknown outcome, oldest first."""
        ...

    def save_delivery(self, delivery: Delivery) -> None:
        """Replace a delivery by its next state; with a receipt, remember it for the incident and channel."""
        ...

    def receipt(self, *, incident: str, channel: str) -> Receipt | None:
        """Return the receipt of the living message of an incident in a channel."""
        ...

    def deliveries(self, *, state: str | None = None) -> Sequence[Delivery]:
        """Return deliveries, oldest first, of one state or all."""
        ...

    def deliveries_of(self, incident: str) -> Sequence[Delivery]:
        """Return the deliveries of one incident, oldest first."""
        ...
