"""How fast a receiver is told: the vendor's limits, its wishes, and no more often than a reader bears."""

from datetime import datetime, timedelta

from spikewatch.core.outbox import FIRST_RETRY, LONGEST_LIMIT, Delivery, Failure, Trouble
from spikewatch.delivery.shown import Shown, is_spread, stands

POST_EVERY = timedelta(seconds=1.1)
"""A channel takes about one new message a second."""

EDIT_EVERY = timedelta(seconds=45)
"""An unchanged state is not edited more often than this; a new phase or severity, and what a person did, is told at once."""

SPREAD_EVERY = timedelta(minutes=10)
"""A surge that spreads on and on is told in the thread no more often than this; what else happens is told at once."""


class Pace:
    """When each delivery of one receiver may be tried."""

    def __init__(self) -> None:
        """Begin without any limit."""
        self._last_post: dict[str, datetime] = {}
        self._paused: dict[tuple[str, bool], datetime] = {}
        self._held_until: datetime | None = None

    def when(self, delivery: Delivery, shown: Shown | None, *, is_edit: bool, now: datetime) -> datetime:
        """Return when a delivery may be tried: its own time, the receiver's limits, and not too often.

        shown  what the living message of its thread says
        """
        if delivery.is_in_doubt:
            return _sane(max(delivery.due, self._held_until or now), now=now)
        earliest = [delivery.due, self._paused.get((delivery.channel, is_edit), now), self._held_until or now]
        if is_edit:
            earliest.append(_calm_until(delivery, shown, now=now))
        elif delivery.channel in self._last_post:
            earliest.append(min(self._last_post[delivery.channel], now) + POST_EVERY)
        if is_spread(delivery) and shown is not None and shown.spread is not None:
            earliest.append(min(shown.spread, now) + SPREAD_EVERY)
        return _sane(max(earliest), now=now)

    def posted(self, channel: str, *, at: datetime) -> None:
        """Note that a channel is getting a new message."""
        self._last_post[channel] = at

    def spare(self, channel: str, failure: Failure, *, is_edit: bool, until: datetime, now: datetime) -> None:
        """Leave alone for a while what would only fail in the same way."""
        match failure.trouble:
            case Trouble.LIMITED:
                self._paused[channel, is_edit] = until
            case Trouble.CREDENTIALS:
                self._held_until = until
            case Trouble.UNAVAILABLE | Trouble.UNKNOWN:
                for kind in (False, True):
                    pause = now + FIRST_RETRY
                    self._paused[channel, kind] = max(pause, self._paused.get((channel, kind), pause))
            case Trouble.CHANNEL | Trouble.CONTENT:
                return


def _calm_until(delivery: Delivery, shown: Shown | None, *, now: datetime) -> datetime:
    if shown is None or stands(delivery) != shown.stands:
        return now
    return min(shown.at, now) + EDIT_EVERY


def _sane(instant: datetime, *, now: datetime) -> datetime:
    """Return the instant, or now where it is so far away that the clock must have been set back."""
    return instant if instant - now <= LONGEST_LIMIT else now
