"""Clocks: the machine's own, one that runs faster, and one that moves only when told.

The only module that reads a clock. Everything else takes `now`, or one of these.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

from spikewatch.core.timegrid import aware


class SystemClock:
    """The machine's clock; what the daemon runs on."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> datetime:
        """Return the instant, aware, in UTC."""
        return datetime.now(UTC)

    def wait(self, duration: timedelta) -> bool:
        """Wait that long, or until stopped; tell whether it was stopped."""
        return self._stopped.wait(self.real_seconds(duration))

    def stop(self) -> None:
        """End every wait, now and later."""
        self._stopped.set()

    def real_seconds(self, duration: timedelta) -> float:
        """Return the duration in seconds, at least 0."""
        return max(0.0, duration.total_seconds())


class ScaledClock:
    """A clock that begins at `start` and runs `speed` times as fast as the machine's; never jumps, never goes back."""

    def __init__(self, start: datetime, *, speed: float) -> None:
        self._changed = threading.Condition()
        self._stopped = False
        self._speed = _possible(speed)
        self._anchor = aware(start)
        self._anchor_s = time.monotonic()

    @property
    def speed(self) -> float:
        """How many seconds pass here in one second of the machine."""
        return self._speed

    def change_speed(self, speed: float) -> None:
        """Run at another speed from now on; whoever waits, waits for the same instant as before."""
        _possible(speed)
        with self._changed:
            self._anchor, self._anchor_s = self._read(), time.monotonic()
            self._speed = speed
            self._changed.notify_all()

    def now(self) -> datetime:
        """Return the instant, aware, in UTC."""
        with self._changed:
            return self._read()

    def wait(self, duration: timedelta) -> bool:
        """Wait that long on this clock, or until stopped; tell whether it was stopped."""
        with self._changed:
            due = self._read() + duration
            while not self._stopped and (left := due - self._read()) > timedelta(0):
                self._changed.wait(self.real_seconds(left))
            return self._stopped

    def stop(self) -> None:
        """End every wait, now and later."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def real_seconds(self, duration: timedelta) -> float:
        """Return how many of the machine's seconds the duration lasts at the present speed, at least 0."""
        return max(0.0, duration.total_seconds() / self._speed)

    def _read(self) -> datetime:
        return self._anchor + timedelta(seconds=(time.monotonic() - self._anchor_s) * self._speed)


class ManualClock:
    """A clock that stands still until it is advanced or waited on; waiting takes no time. For tests."""

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._now = aware(start)

    def now(self) -> datetime:
        """Return the instant, aware, in UTC."""
        with self._lock:
            return self._now

    def advance(self, duration: timedelta) -> None:
        """Move on; a negative duration is what a machine does whose clock was set back."""
        with self._lock:
            self._now += duration

    def wait(self, duration: timedelta) -> bool:
        """Advance by the duration at once, unless stopped; tell whether it was stopped."""
        with self._lock:
            if not self._stopped:
                self._now += max(duration, timedelta(0))
            return self._stopped

    def stop(self) -> None:
        """End every wait from now on: the clock stands still."""
        with self._lock:
            self._stopped = True

    def real_seconds(self, duration: timedelta) -> float:  # noqa: ARG002 -- the port's signature
        """Return 0: no duration takes time here."""
        return 0.0


def _possible(speed: float) -> float:
    if not speed > 0:
        raise ValueError(f"a clock cannot run at speed {speed}; 1 is the machine's own")
    return speed
