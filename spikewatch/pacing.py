"""How fast to ask: a limit of our own, and how long to stay away after a failure. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2s

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)
RETRY_SPREAD = 0.2
"""Retries are spread by this share either way, so that many readers of one account do not come back in one breath."""

_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """How much to ask of a source.

    per_minute           pages in a minute, in daily life
    backfill_per_minute  the same until the source was caught up once
    pages                most pages of one poll in daily life, so that a mass change delays and does not stall
    leave                requests of the source's own limit that are left to others
    leave_share          the same as a share of the limit; the larger of the two counts
    leave_of_account     share of the account's whole limit that is left to others
    """

    per_minute: float = 4.0
    backfill_per_minute: float = 6.0
    pages: int = 5
    leave: int = 3
    leave_share: float = 0.0
    leave_of_account: float = 0.2

    def beside(self) -> "Pace":
        """Return the pace of whoever reads beside the live poll, which keeps half of the limit."""
        return replace(self, per_minute=self.backfill_per_minute, leave_share=max(0.5, self.leave_share))

    def spared(self, limit: int) -> float:
        """Return at how few remaining requests of the source's own limit to stop."""
        return max(float(self.leave), self.leave_share * limit)

    def spared_of_account(self, limit: int) -> float:
        """Return at how few remaining requests of the account to stop."""
        return self.leave_of_account * limit


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """A limit of our own: `per_minute` on average, as many at once after a quiet minute.

    >>> from datetime import UTC
    >>> bucket = TokenBucket.full(6, now=datetime(2026, 5, 11, tzinfo=UTC))
    >>> for _ in range(6):
    ...     bucket = bucket.take(now=bucket.filled_at)
    >>> bucket.wait(now=bucket.filled_at)
    datetime.timedelta(seconds=10)
    """

    per_minute: float
    tokens: float
    filled_at: datetime

    @classmethod
    def full(cls, per_minute: float, *, now: datetime) -> "TokenBucket":
        """Return a bucket from which a minute's worth can be taken at once."""
        return cls(per_minute, max(1.0, per_minute), now)

    def paced(self, per_minute: float, *, now: datetime) -> "TokenBucket":
        """Return the bucket with another rate from now on."""
        filled = self._filled(now)
        return replace(filled, per_minute=per_minute, tokens=min(filled.tokens, max(1.0, per_minute)))

    def wait(self, *, now: datetime) -> timedelta:
        """Return how long until one can be taken; nothing where it can be now."""
        lacking = 1.0 - self._filled(now).tokens
        return timedelta(minutes=max(0.0, lacking) / self.per_minute)

    def take(self, *, now: datetime) -> "TokenBucket":
        """Return the bucket with one less."""
        filled = self._filled(now)
        return replace(filled, tokens=filled.tokens - 1.0)

    def _filled(self, now: datetime) -> "TokenBucket":
        minutes = max(timedelta(0), now - self.filled_at) / timedelta(minutes=1)
        tokens = min(max(1.0, self.per_minute), self.tokens + minutes * self.per_minute)
        return replace(self, tokens=tokens, filled_at=now)


def back_off(failures: int, *, key: str) -> timedelta:
    """Return how long to stay away after so many failures in a row: 5, 10, 20 … 300 s, spread by ±20 %.

    The spread follows from the key and the number, so that the same history gives the same wait.
    """
    doubled = min(LONGEST_RETRY, FIRST_RETRY * (1 << min(max(0, failures - 1), _MOST_DOUBLINGS)))
    digest = blake2s(f"{key}:{failures}".encode(), digest_size=4).digest()
    position = int.from_bytes(digest, "big") / 0xFFFFFFFF
    return doubled * (1 - RETRY_SPREAD + 2 * RETRY_SPREAD * position)
