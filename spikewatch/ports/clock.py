"""Where instants come from."""

from datetime import datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where instants come from. Only this is asked, so that a demo may run faster and a test may stand still."""

    def now(self) -> datetime:
        """Return the instant, aware, in UTC."""
        ...

    def wait(self, duration: timedelta) -> bool:
        """Wait that long on this clock, or until stopped; tell whether it was stopped."""
        ...

    def stop(self) -> None:
        """End every wait, now and later."""
        ...

    def real_seconds(self, duration: timedelta) -> float:
        """Return how many seconds of the machine's time the duration lasts on this clock."""
        ...
