"""What the status page shows: a copy of how the daemon stood at one instant, immutable and swapped whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.courses import Course
from spikewatch.core.muting import Silence
from spikewatch.core.notices import Facts


@dataclass(frozen=True, slots=True)
class Shown:
    """One incident that is not closed.

    course   the series that leads it over the last hours; None where that is not known
    tickets  address of a search for its tickets, by desk
    graph    address of its dashboard
    """

    facts: Facts
    course: Course | None = None
    tickets: Mapping[str, str] = field(default_factory=dict)
    graph: str | None = None


@dataclass(frozen=True, slots=True)
class SourceAge:
    """How far a source has been read; `blind_after` is the age from which on quiet says nothing any more."""

    name: str
    watermark: datetime | None
    blind_after: timedelta

    def is_behind(self, *, now: datetime) -> bool:
        """Tell whether nothing is seen of it at an instant."""
        return self.watermark is None or now - self.watermark > self.blind_after


@dataclass(frozen=True, slots=True)
class Waits:
    """What detection waits for: `first_read`, `backfill`, `history` or `tickets`.

    known_days, needed_days  of history
    fraction                 of the reading of history, in [0, 1]
    left                     how long that still takes; None where nobody can tell
    """

    reason: str
    known_days: int = 0
    needed_days: int = 0
    fraction: float = 0.0
    left: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """Incidents opened in the last seven days, those of them that nobody labelled real, and how many false ones may be."""

    opened: int
    not_real: int
    budget: float


@dataclass(frozen=True, slots=True)
class Queue:
    """Messages on their way: how many wait, the oldest of them, and how many were given up."""

    waiting: int = 0
    oldest: datetime | None = None
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How the daemon stands.

    at            when this was gathered
    turned_at     end of the newest turn of judging that worked
    judged_until  end of the newest bucket judged; None before the first
    incidents     all that are not closed
    waits         what detection waits for; None where it can tell of surges
    silences      those that hold at the moment, maintenance windows included
    """

    at: datetime
    turned_at: datetime
    zone: ZoneInfo
    judged_until: datetime | None
    incidents: tuple[Shown, ...]
    sources: tuple[SourceAge, ...]
    waits: Waits | None
    spent: Spent
    queue: Queue
    silences: tuple[Silence, ...]
