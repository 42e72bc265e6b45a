"""The outbox and its receipts, in plain dictionaries."""

from collections.abc import Sequence
from datetime import datetime

from spikewatch.core.outbox import Delivery, Receipt, Stage, in_place_of, superseded


class Outbox:
    """Every delivery, by key in the order in which they came."""

    def __init__(self) -> None:
        """Begin empty."""
        self._deliveries: dict[str, Delivery] = {}
        self._receipts: dict[tuple[str, str], Receipt] = {}

    def queue(self, delivery: Delivery) -> None:
        """Keep a new delivery and supersede those it overtakes; ignore it where its key is known."""
        if delivery.key in self._deliveries:
            return
        for older in list(self._deliveries.values()):
            same_root = (older.incident, older.channel) == (delivery.incident, delivery.channel)
            both_roots = same_root and not delivery.is_reply and not older.is_reply
            if both_roots and older.stage is Stage.QUEUED:
                self._deliveries[older.key] = superseded(older, why=f"superseded by {delivery.key}")
                delivery = in_place_of(older, newer=delivery)
        self._deliveries[delivery.key] = delivery

    def save(self, delivery: Delivery) -> None:
        """Replace a delivery by its next state; with a receipt, remember it for the incident and channel."""
        self._deliveries[delivery.key] = delivery
        if delivery.receipt is not None and not delivery.is_reply:
            self._receipts[delivery.incident, delivery.channel] = delivery.receipt

    def receipt(self, *, incident: str, channel: str) -> Receipt | None:
        """Return the message of an incident in a channel."""
        return self._receipts.get((incident, channel))

    def listed(self, state: str | None = None) -> Sequence[Delivery]:
        """Return deliveries, oldest first, of one state or all."""
        wanted = [each for each in self._deliveries.values() if state in (None, each.stage)]
        return sorted(wanted, key=lambda each: each.created_at)

    def forget(self, *, before: datetime) -> int:
        """Drop settled deliveries made before that; return how many."""
        kept = {
            key: each
            for key, each in self._deliveries.items()
            if not each.is_settled or each.created_at >= before
        }
        gone = len(self._deliveries) - len(kept)
        self._deliveries = kept
        return gone
