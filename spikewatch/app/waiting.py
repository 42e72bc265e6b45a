"""What detection waits for before it can tell of anything: the first reading, older history, or days going by."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from spikewatch.core.baseline import recent_hour
from spikewatch.core.baseline.model import WARM_DAYS
from spikewatch.core.timegrid import HOUR, bucket_number
from spikewatch.coverage import Coverage
from spikewatch.cycle import Detector
from spikewatch.ingest import Progress, fraction_read
from spikewatch.ports import SourceState, Store

_DAY = timedelta(days=1)
_STEPS = 10
"""Parts of a backfill after each of which a log line says how far it is."""

log = logging.getLogger(__name__)


class Reason(StrEnum):
    """Why nothing can be told yet."""

    FIRST_READ = "first_read"
    BACKFILL = "backfill"
    HISTORY = "history"
    TICKETS = "tickets"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What detection waits for.

    known     history that the next baseline learns from
    fraction  of the backfill, in [0, 1]
    left      how long the backfill still takes; None where nobody can tell
    """

    reason: Reason
    known: timedelta = timedelta(0)
    fraction: float = 0.0
    left: timedelta | None = None

    def __str__(self) -> str:
        """Return it in words.

        >>> str(Waiting(Reason.BACKFILL, fraction=0.42, left=timedelta(minutes=12)))
        'backfill 42 %, about 12 min'
        >>> str(Waiting(Reason.HISTORY, known=timedelta(days=3, hours=2)))
        '3 of 14 known days'
        """
        match self.reason:
            case Reason.FIRST_READ:
                return "waiting for the first complete read of the help desk"
            case Reason.BACKFILL:
                return f"backfill {self.fraction * 100:.0f} %{in_words(self.left)}"
            case Reason.HISTORY:
                return f"{self.known // _DAY} of {WARM_DAYS} known days"
            case Reason.TICKETS:
                return "no ticket was ever read"

    @property
    def stage(self) -> tuple[Reason, int]:
        """What has to change for it to be news: the reason, a tenth of the backfill, or a day."""
        return self.reason, int(self.fraction * _STEPS) + self.known // _DAY


def in_words(left: timedelta | None) -> str:
    """Return what follows a percentage: how long the rest takes, empty where nobody can tell.

    >>> in_words(timedelta(seconds=20)), in_words(timedelta(hours=3, minutes=5)), in_words(None)
    (', less than a minute', ', about 3 h 5 min', '')
    """
    if left is None:
        return ""
    minutes = round(left / timedelta(minutes=1))
    if minutes < 1:
        return ", less than a minute"
    hours, rest = divmod(minutes, 60)
    return f", about {hours} h {rest} min" if hours else f", about {minutes} min"


def known_history(sources: Mapping[str, SourceState], detector: Detector) -> timedelta:
    """Return how much history the baseline of the newest hour learns from; nothing while a source was never caught up."""
    since, mark = Coverage(sources, {}).whole
    if since is None or mark is None:
        return timedelta(0)
    epoch = detector.epoch_of(bucket_number(mark, detector.step))
    first = max(detector.first_hour(epoch), bucket_number(since + HOUR - timedelta(microseconds=1), HOUR))
    return max(0, min(recent_hour(epoch), bucket_number(mark, HOUR)) - first) * HOUR


def waiting(
    store: Store, detector: Detector, *, progress: Mapping[str, Progress], now: datetime
) -> Waiting | None:
    """Return what detection waits for; None where it can tell of surges.

    progress  of whatever is being read, by source, where this program reads it; it knows how long the rest takes
    """
    states = store.source_states()
    unread = [name for name, state in states.items() if state.watermark is None]
    known = known_history(states, detector)
    if unread:
        fraction, slowest = min((fraction_read(states[name], now=now), name) for name in unread)
        left = progress[slowest].left if slowest in progress else None
        return Waiting(Reason.BACKFILL, fraction=fraction, left=left)
    if not states:
        return Waiting(Reason.FIRST_READ)
    if known >= WARM_DAYS * _DAY:
        return None if len(store.roster()) else Waiting(Reason.TICKETS, known=known)
    for name in states:
        backfill = store.backfill(name)
        if backfill is not None:
            left = progress[name].left if name in progress else None
            return Waiting(Reason.BACKFILL, known=known, fraction=backfill.fraction, left=left)
    return Waiting(Reason.HISTORY, known=known)


class Herald:
    """Says in the log what detection waits for, when that changes, and that it began."""

    def __init__(self) -> None:
        """Begin without having said anything."""
        self._said: tuple[Reason, int] | None = None
        self._began = False

    def say(self, now_waiting: Waiting | None) -> None:
        """Log what is news."""
        if now_waiting is None:
            if not self._began:
                log.info("detection_began")
            self._began, self._said = True, None
        elif now_waiting.stage != self._said:
            self._began, self._said = False, now_waiting.stage
            log.info("detection_waits", extra={"reason": now_waiting.reason.value, "for": str(now_waiting)})
