"""Surges: when a series left the normal, how far, and when it came back.

A surge opens with the first window at the alert threshold (score 1) and lasts until its series has scored below
`QUIET_SCORE` for `QUIET_FOR` of known buckets; unknown buckets neither prolong nor end the quiet.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from scipy import special

from spikewatch.core.counts import Floats, Ints, SeriesKey
from spikewatch.core.scoring import Reading

QUIET_SCORE = 0.7
QUIET_FOR = timedelta(minutes=30)

LEAST_MEAN = 1e-9
"""Stands for an expectation of nothing, as of unknown buckets, so that ratios exist."""


@dataclass(frozen=True, slots=True)
class Surge:
    """One series above normal, `[began, ended)`.

    began         when the excess started, looking back from the opening
    opened_at     end of the bucket whose judgement opened it
    joined        the reading that opened it, in its highest-scoring window; never changes
    now           the newest reading
    peak          the highest-scoring reading so far
    last_surging  end of the newest bucket at which it scored at least QUIET_SCORE
    quiet         known time below QUIET_SCORE since then
    excess        tickets above expectation since it began
    ended         when it had been quiet for long enough; None while it lasts
    """

    series: SeriesKey
    began: datetime
    opened_at: datetime
    joined: Reading
    now: Reading
    peak: Reading
    last_surging: datetime
    quiet: timedelta = timedelta(0)
    excess: float = 0.0
    ended: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it still lasts."""
        return self.ended is None


def follow(
    surge: Surge, reading: Reading | None, *, bucket_end: datetime, step: timedelta, excess: float
) -> Surge:
    """Return the surge one bucket later.

    reading  the series' highest-scoring reading at the bucket; None where it could not be judged
    excess   tickets above expectation in that bucket
    """
    if reading is None:
        return surge
    peak = reading if reading.score > surge.peak.score else surge.peak
    moved = replace(surge, now=reading, peak=peak, excess=surge.excess + excess)
    if reading.score >= QUIET_SCORE:
        return replace(moved, last_surging=bucket_end, quiet=timedelta(0))
    quiet = surge.quiet + step
    return replace(moved, quiet=quiet, ended=bucket_end if quiet >= QUIET_FOR else None)


def resume(surge: Surge, reading: Reading, *, bucket_end: datetime, excess: float) -> Surge:
    """Return the surge that had ended and is above the threshold again; how it joined stays."""
    peak = reading if reading.score > surge.peak.score else surge.peak
    return replace(
        surge,
        now=reading,
        peak=peak,
        last_surging=bucket_end,
        quiet=timedelta(0),
        excess=surge.excess + excess,
        ended=None,
    )


def buckets_since_rise(counts: Ints, expected: Floats) -> int:
    """Return how many of the newest buckets belong to the rise: the suffix whose excess is the least likely by chance.

    The likelihood ratio of a suffix with c tickets where m are expected is c log(c / m) - (c - m) for Poisson counts, at the
    rise c / m that suits it best. A little more than normal before a burst thus never makes the rise look older.

    counts, expected  (n_buckets,) oldest first

    >>> buckets_since_rise(np.array([3, 2, 2, 9, 8, 12]), np.array([2.5, 2.5, 2.5, 2.5, 2.5, 2.5]))
    3
    """
    tickets = np.cumsum(counts[::-1]).astype(np.float64)
    mean = np.maximum(np.cumsum(expected[::-1]), LEAST_MEAN)
    ratio = special.xlogy(tickets, tickets / mean) - (tickets - mean)
    return int(np.argmax(np.where(tickets > mean, ratio, 0.0))) + 1
