"""What reads the sources: for each of them the live poll, older history beside it, and the checks of both."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Lock

from spikewatch import recounting
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.app.sources import pace_of, source_of
from spikewatch.backfilling import Backfilling
from spikewatch.config import Config
from spikewatch.config.sections import SourceSettings
from spikewatch.daemon import Job
from spikewatch.ingest import Ingest, Progress
from spikewatch.ports import Clock, Meter, Source, Store
from spikewatch.reconciling import Reconciler

BESIDE_EVERY = timedelta(minutes=1)
"""How often to look whether there is something to read beside the live poll."""


@dataclass(frozen=True)
class Reader:
    """All that reads one source; the source answers one of them at a time.

    turn  held by whoever asks the source for a page
    """

    source: Source
    turn: Lock
    ingest: Ingest
    backfilling: Backfilling
    reconciler: Reconciler
    meter: Meter
    recount: Callable[[], bool]
    """Counts history by the newest rules and names where it is counted otherwise; tells whether that is done."""
    made_of: object = None
    """The settings that it follows from: where they are the same again, so is the reader."""
    retired: Event = field(default_factory=Event)
    """Set once another one reads the source, or none: a page that was begun is finished, no other one asked for."""

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
            with self._leaving():
                if not self.retired.is_set() and self.recount():
                    self.ingest.poll(on_page=on_live_page, stop=self.retired.is_set)
                    self.recount()

        return poll

    def beside(self) -> None:
        """Read older history where some is wanted, then check what is there."""
        with self._leaving():
            self.backfilling.run(on_page=self._note, stop=self.retired.is_set)
            if not self.retired.is_set():
                self.reconciler.run()

    def retire(self) -> None:
        """Read no more; the connections end now, or with the page that is being read."""
        self.retired.set()
        self._close()

    @contextmanager
    def _leaving(self) -> Iterator[None]:
        """Close the source after a job, where it was retired meanwhile."""
        try:
            yield
        finally:
            if self.retired.is_set():
                self._close()

    def _close(self) -> None:
        """End the connections, unless somebody is asking: whoever it is comes here after that."""
        if self.turn.acquire(blocking=False):
            try:
                self.source.close()
            finally:
                self.turn.release()

    def _note(self, progress: Progress) -> None:
        self.meter.backfilled(self.name, fraction=progress.fraction, left=progress.left)


def wanted_since(config: Config, *, now: datetime, history: timedelta | None = None) -> datetime:
    """Return where reading has to begin, so that a baseline made now knows all of its history.

    The baseline ends one longest window before the present, and the first day of a history is rarely whole.
    """
    return now - (history or config.history) - config.detection.windows[-1] - timedelta(days=1)


def readers(
    config: Config,
    *,
    store: Store,
    clock: Clock,
    meter: Meter,
    history: timedelta | None = None,
    before: tuple[Reader, ...] = (),
) -> Iterator[Reader]:
    """Build all that reads the sources of a configuration.

    history  how far back to read, where it is not the configured one
    before   readers of another configuration: those whose settings are the same read on
    """
    standing = {reader.name: reader for reader in before}
    since = wanted_since(config, now=clock.now(), history=history)
    for settings in config.sources:
        made_of = _made_of(config, settings, history=history)
        reader = standing.get(settings.name)
        if reader is not None and reader.made_of == made_of:
            yield reader
            continue
        kept = store.naming(settings.name)
        source = source_of(
            settings, config, clock=clock, meter=meter, names=None if kept is None else kept.names
        )
        if isinstance(source, ZendeskSource):
            recounting.take_up(store, settings.name, source.naming)
        pace = pace_of(settings)
        turn = Lock()
        ingest = Ingest(source, store, clock=clock, meter=meter, since=since, pace=pace, turn=turn)
        yield Reader(
            source,
            turn,
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
            made_of,
        )


def _made_of(config: Config, settings: SourceSettings, *, history: timedelta | None) -> object:
    """Return all that a reader follows from."""
    place = f"sources.{settings.name}."
    secrets = {name: secret for name, secret in config.secrets.items() if name.startswith(place)}
    return (
        settings,
        secrets,
        config.bucket,
        config.timezone,
        history or config.history,
        config.detection.windows[-1],
        config.reconcile,
        config.retention.tickets,
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
