"""Pacing: the story's clock never runs far ahead of what has been judged, however slow the machine is.

Otherwise an alert would be told hours late on the story's clock, only because fitting takes real time.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from spikewatch.adapters.clock import ScaledClock

CRAWL = 60.0
"""Simulated seconds in a real one while judging catches up."""

USUAL_LAG = timedelta(minutes=15)
"""A poll every five minutes, a minute that the desk withholds, a bucket that has to end, and a little work."""

WORK_S = 0.3
"""Real seconds that a poll and a pass of judging may take on top."""


class Pacer:
    """Lets the clock run at the wanted speed, or crawl while judging is behind.

    wake  is called at each change of speed: whatever was planned at the old one is due at another time now
    """

    def __init__(self, clock: ScaledClock, *, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._wake = wake

    def keep(self, speed: float, *, judged_until: datetime) -> None:
        """Set the speed that suits how far judging has come; call it often."""
        most = USUAL_LAG + timedelta(seconds=speed * WORK_S)
        is_behind = self._clock.now() - judged_until > most
        self.set(min(speed, CRAWL) if is_behind else speed)

    def set(self, speed: float) -> None:
        """Run at this speed from now on."""
        if self._clock.speed != speed:
            self._clock.change_speed(speed)
            self._wake()
