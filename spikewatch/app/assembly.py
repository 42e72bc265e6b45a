"""The life of a daemon: assembled from a configuration, started, given another one between two cycles, stopped."""

from collections.abc import Callable, Sequence

from spikewatch import __version__
from spikewatch.adapters.http.encrypting import Certificates
from spikewatch.adapters.http.guarding import Guard, NoHash
from spikewatch.adapters.http.pages import Front
from spikewatch.adapters.http.server import Condition, HttpServer, Pages
from spikewatch.adapters.prometheus.catalogue import LabelNames
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.adapters.prometheus.health import HealthMetrics, new_registry
from spikewatch.app.oncall import named_channels
from spikewatch.app.parts import Parts, Standing, parts_of
from spikewatch.app.reading import Reader
from spikewatch.app.receivers import relays_of
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.config.differences import digest_of
from spikewatch.core.notices import Notice
from spikewatch.cycle import Cycle
from spikewatch.daemon import Daemon, Job
from spikewatch.errors import Mistake
from spikewatch.ingest import Progress
from spikewatch.ports import Clock, Store
from spikewatch.statuspage import POLICY

LOOKS_FROM_S = 60
"""A watermark's age says something from so many of the machine's seconds on; a clock that runs fast leaps over minutes."""

CONFIG_SCHEMA = "1"
"""Version of the configuration's form; a key that goes or changes its meaning raises it."""


class Assembly:
    """A daemon with everything it is made of, ready to start.

    always  jobs that live as long as the process; to be set before `start`
    """

    def __init__(self, standing: Standing, parts: Parts) -> None:
        """Hold the parts; nothing runs yet."""
        self.standing = standing
        self.parts = parts
        self.always: tuple[Job, ...] = ()
        pages = Pages(
            scrape=standing.exposition.scrape,
            health=self._is_alive,
            readiness=self._is_ready,
            front=self._front,
        )
        self.http = _server(parts.config, pages=pages)
        self.daemon = Daemon(parts.jobs, clock=standing.clock)
        self.parts.on_call.wake = self.daemon.wake

    @property
    def store(self) -> Store:
        """What is durable."""
        return self.standing.store

    @property
    def cycle(self) -> Cycle:
        """What judges."""
        return self.parts.cycle

    @property
    def readers(self) -> tuple[Reader, ...]:
        """What reads the sources."""
        return self.parts.readers

    def start(self) -> None:
        """Show what was known before a restart, open the port, then begin to work."""
        self.daemon.replace((*self.parts.jobs, *self.always))
        self.daemon.run_once("judge")
        self.http.start()
        if self.parts.on_call.socket is not None:
            self.parts.on_call.socket.start()
        self.daemon.start()

    def stop(self) -> bool:
        """End cleanly within seconds; tell whether every running job finished."""
        if self.parts.on_call.socket is not None:
            self.parts.on_call.socket.stop()
        finished = self.daemon.stop()
        for reader in self.readers:
            reader.retire()
        self.http.stop()
        self.store.close()
        return finished

    def adopt(self, config: Config) -> None:
        """Put a configuration into force between two cycles; what it leaves as it is goes on untouched.

        It differs from the one in force in nothing that needs a restart. Until all of it is ready the old one judges on.
        Raises Mistake or Fault where that fails, with the old one in force.
        """
        before, standing = self.parts, self.standing
        parts = parts_of(config, standing=standing, before=before)
        parts.on_call.wake = self.daemon.wake
        parts.cycle.follow(before.cycle)
        with standing.turn:
            standing.store.use_sources([source.name for source in config.sources])
            parts.cycle.snapshot = before.cycle.snapshot
            for reader in before.readers:
                if reader not in parts.readers:
                    reader.retire()
            _show(config, standing)
            self.parts = parts
            self.daemon.replace((*parts.jobs, *self.always))
        self._connect(before)
        for reader in parts.readers:
            if reader not in before.readers:
                self.daemon.wake(f"poll:{reader.name}")
        self.daemon.wake("judge")

    def _is_alive(self) -> Condition:
        return self.parts.chores.is_alive()

    def _is_ready(self) -> Condition:
        return self.parts.chores.is_ready()

    def _front(self, language: str | None) -> Front:
        body, chosen = self.parts.page.show(language)
        return Front(body, chosen, POLICY)

    def _connect(self, before: Parts) -> None:
        old, new = before.on_call.socket, self.parts.on_call.socket
        if old is new:
            return
        if old is not None:
            old.stop()
        if new is not None:
            new.start()


def assemble(
    config: Config,
    *,
    clock: Clock,
    on_page: Callable[[Progress], None] = lambda _: None,
    on_notice: Callable[[Notice], None] = lambda _: None,
    looks_from_s: float = LOOKS_FROM_S,
) -> Assembly:
    """Build the daemon that a configuration describes. Raises Fault where the store cannot be opened.

    looks_from_s  so many of the machine's seconds a watermark must be able to age before that is called blindness
    """
    store = store_of(config)
    store.use_sources([source.name for source in config.sources])
    registry, names = new_registry(), config.metrics.label_names
    health = HealthMetrics(registry, clock=clock, version=__version__)
    exposition = Exposition(
        FleetRenderer(label_names=LabelNames(names.service, names.category)),
        registry=registry,
        clock=clock,
        stale_after=config.bucket + config.metrics.stale_after,
    )
    store.watch_writes(health.store_write)
    standing = Standing(store, clock, health, exposition, on_page, on_notice, looks_from_s)
    _show(config, standing)
    return Assembly(standing, parts_of(config, standing=standing))


def _show(config: Config, standing: Standing) -> None:
    """Have the metrics say what a configuration has them say."""
    health, metrics = standing.health, config.metrics
    health.watch(sources=[source.name for source in config.sources], channels=_channels(config))
    for source in config.sources:
        health.poll_interval(source.name, interval=config.poll.every)
    health.configured(digest=digest_of(config), schema=CONFIG_SCHEMA)
    standing.exposition.limit_to(
        windows=metrics.windows,
        max_series=metrics.max_series,
        detail=metrics.detail,
        stale_after=config.bucket + metrics.stale_after,
    )


def _channels(config: Config) -> Sequence[str]:
    """Return every channel that the configuration names, so that each has its metrics from the start."""
    beside = tuple(relay.channel for relay in relays_of(config))
    return tuple(dict.fromkeys((*beside, *named_channels(config))))


def _server(config: Config, *, pages: Pages) -> HttpServer:
    """Return what serves the pages to those who may read them. Raises Mistake or Fault."""
    metrics = config.metrics
    password_hash, token = config.secret("metrics.password_hash"), config.secret("metrics.bearer_token")
    try:
        guard = Guard(
            user=metrics.user,
            password_hash=None if password_hash is None else password_hash.get_secret_value(),
            bearer_token=None if token is None else token.get_secret_value(),
        )
    except NoHash as error:
        raise Mistake(f"metrics.password_hash: {error}") from error
    return HttpServer(
        metrics.listen,
        pages=pages,
        guard=guard,
        certificates=None if metrics.tls is None else Certificates(metrics.tls),
        max_connections=metrics.max_connections,
        timeout_s=metrics.timeout.total_seconds(),
    )
