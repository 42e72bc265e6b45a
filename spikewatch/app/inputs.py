"""Inputs: what a replay is made of, a file or the configured store, read once for any number of configurations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from spikewatch.adapters.csv_source import read_gaps, read_labels
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.counts import Cells, Gap
from spikewatch.core.events import Label
from spikewatch.core.labels import label_now
from spikewatch.core.timegrid import bucket_number, bucket_start, seconds
from spikewatch.coverage import Coverage
from spikewatch.errors import Fault, Mistake
from spikewatch.lab.recordings import CountsFile, gaps_now
from spikewatch.lab.replay import Recording, record

STORE = "store"
"""The word that names the configured store where an input is asked for."""

LONGEST_QUIET = timedelta(weeks=8)
"""A recording may end with so much time without a ticket."""


@dataclass(frozen=True, eq=False)
class FileInput:
    """A counts or tickets file."""

    file: CountsFile
    said: Sequence[Label]

    @property
    def flatters(self) -> bool:
        """Tell whether a replay knows more than a live run would."""
        return self.file.recorded.flatters

    def recording(self, config: Config, *, until: datetime | None) -> Recording:
        """Return what it holds on the grid and under the names of a configuration.

        Raises Mistake where the file is coarser than the grid, holds nothing before `until`, or ends long before it.
        """
        if until is not None:
            self._require_near(until)
        return self.file.recording(bucket=config.bucket, until=until, renames=config.renames)

    def labels(self, config: Config) -> Sequence[Label]:
        """Return what was said about the past, under the names of a configuration."""
        return [label_now(label, config.renames) for label in self.said]

    def _require_near(self, until: datetime) -> None:
        """Refuse an end so long after the last row that a year was mistyped: every hour up to it would be judged."""
        last = bucket_start(int(self.file.recorded.stamp.max()), timedelta(seconds=1))
        if until > last + LONGEST_QUIET:
            here = last.astimezone(until.tzinfo)
            raise Mistake(
                f"--until {until.isoformat()}: the last row is of {here.isoformat()}, long before;"
                f" name a time before {(here + LONGEST_QUIET).isoformat()}"
            )


@dataclass(frozen=True, eq=False)
class StoreInput:
    """What a store held when it was read; its counts are on its own grid, under the names of today."""

    config: Config
    cells: Cells
    coverage: Coverage
    oldest: datetime
    known_until: datetime
    gaps: Sequence[Gap]
    said: Sequence[Label]

    @property
    def flatters(self) -> bool:
        """What came late is known to have been late, so it does not."""
        return False

    def recording(self, config: Config, *, until: datetime | None) -> Recording:
        """Return the recording of the store up to what it knows. Raises Mistake for a configuration of another store."""
        for name, own, asked in (
            ("store", self.config.store, config.store),
            ("bucket", self.config.bucket, config.bucket),
            ("renames", self.config.renames, config.renames),
        ):
            if own != asked:
                raise Mistake(f"{name}: {own} and {asked} differ: one store can be compared with itself only")
        step = config.bucket
        end = self.known_until if until is None else min(until, self.known_until)
        stop = bucket_number(end, step)
        if stop <= bucket_number(self.oldest, step):
            raise Mistake(
                f"store {config.store} knows nothing before {end.isoformat()}; it begins on {self.oldest.isoformat()}"
            )
        end = bucket_start(stop, step)
        gaps = [*self.coverage.gaps(self.cells.roster.services, start=self.oldest, end=end)]
        return record(
            self.cells.roster,
            series_rows=self.cells.row,
            stamps=self.cells.bucket * seconds(step),
            counts=self.cells.tickets - self.cells.late,
            step=step,
            until=end,
            gaps=[*gaps, *gaps_now(self.gaps, config.renames)],
        )

    def labels(self, config: Config) -> Sequence[Label]:
        """Return what was said about the past, under the names of a configuration."""
        return [label_now(label, config.renames) for label in self.said]


Input: TypeAlias = FileInput | StoreInput


def read(
    source: str,
    *,
    config: Config,
    gaps: Path | None = None,
    labels: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Input:
    """Read a counts file, a tickets file, or the store of a configuration (`store`).

    gaps    a file of spans that are unknown, beside those that the store knows of
    labels  a file of what was said about the past, beside what the store holds of that kind
    say     is told what a person should know about the input

    Raises Mistake where a file cannot be understood, Fault where the store holds nothing yet.
    """
    said = [] if labels is None else list(read_labels(labels))
    if source != STORE:
        return FileInput(CountsFile.read(source, gaps=gaps, say=say), said)
    return _store(config, gaps=() if gaps is None else read_gaps(gaps), said=said)


def _store(config: Config, *, gaps: Sequence[Gap], said: Sequence[Label]) -> StoreInput:
    store = store_of(config, exclusive=False)
    try:
        coverage = Coverage.of(store)
        known_until, oldest = coverage.until, store.stats().oldest
        if oldest is None or known_until is None:
            raise Fault(
                f"store {config.store} holds no counts yet: let `spikewatch run` read the help desk once"
            )
        first, stop = (bucket_number(instant, config.bucket) for instant in (oldest, known_until))
        return StoreInput(
            config=config,
            cells=store.counts(first=first, stop=stop),
            coverage=coverage,
            oldest=oldest,
            known_until=known_until,
            gaps=gaps,
            said=[*(noted.label for noted in store.labels()), *said],
        )
    finally:
        store.close()
