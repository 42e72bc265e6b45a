"""What the checks look at together, and what they find out for each other."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from spikewatch.adapters.sql_store import SqlStore
from spikewatch.config import Config
from spikewatch.core.counts import SeriesKey
from spikewatch.ports import Clock

ANSWER_WITHIN = timedelta(seconds=20)
"""A vendor who takes longer than this for one answer is reported; the daemon itself has more patience."""


@dataclass
class Scene:
    """One visit.

    path     of the configuration, for commands that a remedy shows
    tickets  how many of the newest tickets the rules are tried on
    store    open for reading, once it was looked at; None where there is none (yet)
    seen     series that sources showed during the visit
    """

    config: Config
    path: Path
    clock: Clock
    tickets: int
    answer_within: timedelta = ANSWER_WITHIN
    store: SqlStore | None = None
    seen: set[SeriesKey] = field(default_factory=set)

    @property
    def answer_within_s(self) -> float:
        """The patience with one answer, in seconds."""
        return self.answer_within.total_seconds()
