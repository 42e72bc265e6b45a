"""What reads the sources: for each of them the live poll, older history beside it, and the checks of both."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from spikewatch import recounting
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.app.sources import pace_of, source_of
from spikewatch.backfilling import Backfilling
from spikewatch.config import Config
from spikewatch.daemon import Job
from spikewatch.ingest import Ingest, Progress
from spikewatch.ports import Clock, Meter, Store
from spikewatch.reconciling import Reconciler

BESIDE_EVERY = timedelta(minutes=1)
"""How often to look whether there is something to read beside the live poll."""


@dataclass(frozen=True)
class Reader:
    """All that reads one source; the source answers one of them at a time."""

    ingest: Ingest
    backfilling: Backfilling
    reconciler: Reconciler
    meter: Meter
    recount: Callable[[], bool]
    """Counts history by the newest rules and names where it is counted otherwise; tells whether that is done."""

    @property
    def name(self) -> str:
        """Return the name of the source."""
        return self.ingest.name

    @property
    def progress(self) -> Progress | None:
        """How far reading of history has come; None while none is being read."""
        return self.backfilling.progress or self.ingest.progress

    def poll(self, on_page: Callable[[Progress], None]) -> Callable[[], object]:
        """Return the live poll as a job."""

        def on_live_page(progress: Progress) -> None:
            self._note(progress)
            on_page(progress)

        def poll() -> None:
            if self.recount():
                self.ingest.poll(on_page=on_live_page)
                self.recount()

        return poll

    def beside(self) -> None:
        """Read older history where some is wanted, then check what is there."""
        self.backfilling.run(on_page=self._note)
        self.reconciler.run()

    def _note(self, progress: Progress) -> None:
        self.meter.backfilled(self.name, fraction=progress.fraction, left=progress.left)


def wanted_since(config: Config, *, now: datetime, history: timedelta | None = None) -> datetime:
    """Return where reading has to begin, so that a baseline made now knows all of its history.

    The baseline ends one longest window before the present, and the first day of a history is rarely whole.
    """
    return now - (history or config.history) - config.detection.windows[-1] - timedelta(days=1)


def readers(
    config: Config, *, store: Store, clock: Clock, meter: Meter, history: timedelta | None = None
) -> Iterator[Reader]:
    """Build all that reads the sources of a configuration.

    history  how far back to read, where it is not the configured one
    """
    since = wanted_since(config, now=clock.now(), history=history)
    for settings in config.sources:
        kept = store.naming(settings.name)
        source = source_of(
            settings, config, clock=clock, meter=meter, names=None if kept is None else kept.names
        )
        if isinstance(source, ZendeskSource):
            recounting.take_up(store, settings.name, source.naming)
        pace = pace_of(settings)
        turn = threading.Lock()
        ingest = Ingest(source, store, clock=clock, meter=meter, since=since, pace=pace, turn=turn)
        yield Reader(
            ingest,
            Backfilling(
                source,
                store,
                clock=clock,
                meter=meter,
                since=since,
                pace=pace,
                turn=turn,
                leader=ingest.held,
            ),
            Reconciler(
                source,
                store,
                settings=config.reconcile,
                zone=config.timezone,
                remembers=config.retention.tickets,
                clock=clock,
                meter=meter,
                pace=pace,
                turn=turn,
                leader=ingest.held,
            ),
            meter,
            partial(recounting.finish, store, settings.name, clock=clock),
        )


def jobs_of(reader: Reader, *, every: timedelta, on_page: Callable[[Progress], None]) -> tuple[Job, ...]:
    """Return the jobs of a reader: the poll, spread so that it keeps off the full minute, and what is beside it."""
    return (
        Job(
            f"poll:{reader.name}",
            every,
            reader.poll(on_page),
            wakes=("judge",),
            on_overlap=lambda: reader.meter.poll_skipped(reader.name, reason="overlap"),
            spread=0.05,
        ),
        Job(f"beside:{reader.name}", BESIDE_EVERY, reader.beside),
    )


def progress_of(some: tuple[Reader, ...]) -> Mapping[str, Progress]:
    """Return how far each reader has come, by source."""
    return {reader.name: reader.progress for reader in some if reader.progress is not None}
