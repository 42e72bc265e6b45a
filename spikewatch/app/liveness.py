"""Whether the daemon is alive: what the turns of judging came to, and whether a restart could mend it.

A loop that hangs, or fails again and again by itself, may be mended by a restart, so the probe says so. A store that does
not answer is not: a container that restarts over it would only hide it, so the probe stays good and says what is wrong,
while the metrics, their alerts and the missing heartbeat tell of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from spikewatch.adapters.http.pages import Condition
from spikewatch.core.settings import format_duration

TURNS_WITHIN = timedelta(minutes=10)
"""The loop hangs when it has not turned within this much of the machine's time."""

WORKS_WITHIN = timedelta(minutes=15)
"""Failing by itself for this much of the machine's time is worth a restart; long enough for a scrape to show it."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What the newest turns of judging came to.

    turned_at  end of the newest turn, whatever came of it
    worked_at  end of the newest one that worked, or when the daemon began
    failing    what failed in the newest turn: `store` or `other`; None where it worked
    """

    turned_at: datetime
    worked_at: datetime
    failing: str | None = None

    def worked(self, *, at: datetime) -> "Turns":
        """Return them after one that worked."""
        return Turns(at, at)

    def failed(self, reason: str, *, at: datetime) -> "Turns":
        """Return them after one that failed."""
        return replace(self, turned_at=at, failing=reason)

    def condition(self, *, now: datetime, real_seconds: Callable[[timedelta], float]) -> Condition:
        """Tell whether the daemon is alive, as the probe says it: nothing of what was judged, and no address.

        real_seconds  of a duration on the clock that `now` comes from
        """
        silent_s = real_seconds(now - self.turned_at)
        if silent_s >= TURNS_WITHIN.total_seconds():
            return Condition(ok=False, reason=f"the judging loop hangs: it last turned {silent_s:.0f} s ago")
        if self.failing is None:
            return Condition(ok=True, reason=f"the judging loop turned {silent_s:.0f} s ago")
        failing_s = real_seconds(now - self.worked_at)
        said = f"judging has not worked for {failing_s:.0f} s"
        if self.failing == "store":
            return Condition(
                ok=True, reason=f"alive, but {said}: the store fails, which no restart mends; see the log"
            )
        if failing_s < WORKS_WITHIN.total_seconds():
            limit = format_duration(WORKS_WITHIN)
            return Condition(
                ok=True, reason=f"alive, but {said}; not alive any more after {limit}; see the log"
            )
        return Condition(ok=False, reason=f"{said}; see the log")
