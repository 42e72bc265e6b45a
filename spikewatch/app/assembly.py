"""From a configuration to a daemon: every class meets its collaborators here.

`Standing` lives as long as the process. `Parts` follow from a configuration: a reload makes them anew, but for those that
its settings leave as they are, and swaps them between two cycles.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from spikewatch import __version__
from spikewatch.adapters.heartbeat import Heartbeat
from spikewatch.adapters.http.encrypting import Certificates
from spikewatch.adapters.http.guarding import Guard, NoHash
from spikewatch.adapters.http.pages import Front
from spikewatch.adapters.http.server import Condition, HttpServer, Pages
from spikewatch.adapters.prometheus.catalogue import LabelNames
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.adapters.prometheus.health import HealthMetrics, new_registry
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.adapters.sql_store import SqlStore
from spikewatch.app.chores import Chores
from spikewatch.app.oncall import OnCall, named_channels, on_call
from spikewatch.app.picturing import draw, links_of
from spikewatch.app.reading import Reader, jobs_of, readers
from spikewatch.app.receivers import deliverers_of, relays_of, stand_in_of
from spikewatch.app.reporting.weekly import REPORT_EVERY, WeeklyReport
from spikewatch.app.showing import StatusPage
from spikewatch.app.sources import grace_of
from spikewatch.app.storing import store_of
from spikewatch.app.waiting import Herald
from spikewatch.config import Config
from spikewatch.core.calendars import build_calendar, years_around
from spikewatch.core.events import Mask
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.cycle import Cycle, Detector, said_aloud
from spikewatch.daemon import Daemon, Job
from spikewatch.delivery import Deliverer
from spikewatch.errors import Mistake
from spikewatch.ingest import Progress
from spikewatch.lookout import Lookout, blind_after
from spikewatch.ports import Clock, Store
from spikewatch.statuspage import POLICY

JUDGE_EVERY = timedelta(seconds=30)
DELIVER_EVERY = timedelta(seconds=5)
ACT_EVERY = timedelta(seconds=2)
REFIT_EVERY = timedelta(minutes=5)
KEEP_HOUSE_EVERY = timedelta(hours=1)
LOOKS_FROM_S = 60
"""A watermark's age says something from so many of the machine's seconds on; a clock that runs fast leaps over minutes."""

CONFIG_SCHEMA = "1"
"""Version of the configuration's form; a key that goes or changes its meaning raises it."""


@dataclass(frozen=True)
class Standing:
    """What lives as long as the process, whatever the configuration becomes.

    turn          held by whoever changes incidents
    looks_from_s  so many of the machine's seconds a watermark must be able to age before that is called blindness
    """

    store: SqlStore
    clock: Clock
    health: HealthMetrics
    exposition: Exposition
    on_page: Callable[[Progress], None]
    on_notice: Callable[[Notice], None]
    looks_from_s: float
    turn: Lock = field(default_factory=Lock)
    herald: Herald = field(default_factory=Herald)


@dataclass(frozen=True)
class Parts:
    """What follows from a configuration."""

    config: Config
    on_call: OnCall
    cycle: Cycle
    deliverer: Deliverer | None
    relays: tuple[Deliverer, ...]
    readers: tuple[Reader, ...]
    chores: Chores
    page: StatusPage
    jobs: tuple[Job, ...]


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


def parts_of(config: Config, *, standing: Standing, before: Parts | None = None) -> Parts:
    """Make what follows from a configuration; of `before`, what its settings leave as it is stays the same object."""
    store, clock, health = standing.store, standing.clock, standing.health
    people = on_call(config, store=store, clock=clock, health=health, turn=standing.turn)
    is_told_alike = before is not None and _telling(before.config) == _telling(config)
    if before is not None and is_told_alike:
        people.socket = before.on_call.socket
    plan_of = people.announcer.plan

    def planned(notices: Sequence[Notice], now: datetime) -> Sequence[Delivery]:
        for notice in notices:
            standing.on_notice(notice)
        return plan_of(notices, now)

    cycle = Cycle(
        store,
        detector_of(config, at=clock.now()),
        plan=planned,
        on_change=lambda change: health.incident_changed(change, now=clock.now()),
        grace=grace_of(config),
    )
    deliverer = (
        before.deliverer
        if before is not None and is_told_alike
        else _deliverer(config, store=store, clock=clock, health=health, controls=people.controls)
    )
    relays = (
        before.relays
        if before is not None and is_told_alike
        else tuple(deliverers_of(config, store=store, clock=clock, meter=health))
    )
    heartbeat = _heartbeat(config)
    standing_readers = () if before is None else before.readers
    reading = tuple(readers(config, store=store, clock=clock, meter=health, before=standing_readers))
    lookout = Lookout(
        store,
        limit=blind_after(config.poll.every),
        step=config.bucket,
        causes={reader.name: reader.ingest.cause for reader in reading},
        plan=plan_of,
    )
    chores = Chores(
        config=config,
        store=store,
        cycle=cycle,
        lookout=lookout,
        exposition=standing.exposition,
        health=health,
        clock=clock,
        reading=reading,
        people=people,
        looks_from_s=standing.looks_from_s,
        herald=standing.herald,
    )
    page = StatusPage(
        store,
        cycle,
        config=config,
        clock=clock,
        links=links_of(config),
        turn=chores.turn,
        before=None if before is None else before.page,
    )
    weekly = WeeklyReport(
        store, config=config, detector_at=lambda at: detector_of(config, at=at), turn=standing.turn
    )
    jobs = (
        *(
            job
            for reader in reading
            for job in jobs_of(reader, every=config.poll.every, on_page=standing.on_page)
        ),
        Job(
            "judge",
            JUDGE_EVERY,
            chores.judge,
            wakes=("deliver", *map(_job_of, relays), "heartbeat", "page"),
            on_error=chores.judging_failed,
        ),
        Job("page", JUDGE_EVERY, page.renew),
        Job("acts", ACT_EVERY, people.act),
        Job("deliver", DELIVER_EVERY, chores.delivering(deliverer)),
        *(Job(_job_of(relay), DELIVER_EVERY, relay.drain) for relay in relays),
        Job("heartbeat", JUDGE_EVERY, chores.beating(heartbeat)),
        Job("refit", REFIT_EVERY, chores.refit, on_error=chores.refitting_failed),
        Job("house", KEEP_HOUSE_EVERY, chores.keep_house),
        Job(
            "report",
            REPORT_EVERY,
            lambda: weekly.look(now=clock.now()),
            wakes=("deliver", *map(_job_of, relays)),
        ),
    )
    return Parts(config, people, cycle, deliverer, relays, reading, chores, page, jobs)


def _job_of(relay: Deliverer) -> str:
    """Return the job that delivers to a receiver beside Slack: one each, so that none waits for another that is slow."""
    return f"deliver:{relay.receiver}"


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


_NOT_TOLD = {
    "calendar",
    "detection",
    "heartbeat",
    "history",
    "maintenance",
    "metrics",
    "poll",
    "reconcile",
    "retention",
    "services",
}
"""Sections that say nothing of how receivers are reached."""


def _telling(config: Config) -> object:
    """Return all that receivers are reached by; while it stays the same, so do their connections and what they remember."""
    return config.model_dump(exclude=_NOT_TOLD), config.secrets


def detector_of(
    config: Config,
    *,
    at: datetime,
    name: Callable[[int, str | None, datetime], str] = said_aloud,
    masks: tuple[Mask, ...] = (),
) -> Detector:
    """Return the detector of a configuration; holidays are known for the years around the instant.

    masks  hours not to be learnt from, beside those of the calendar's events
    """
    calendar = build_calendar(config.calendar, zone=config.timezone, years=years_around(at))
    return Detector(
        calendar=calendar,
        step=config.bucket,
        history=config.history,
        detection=config.detection,
        services=config.services,
        name=name,
        masks=masks,
    )


def digest_of(config: Config) -> str:
    """Return twelve letters that change with any setting; no secret goes into them."""
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:12]


def _channels(config: Config) -> Sequence[str]:
    """Return every channel that the configuration names, so that each has its metrics from the start."""
    beside = tuple(relay.channel for relay in relays_of(config))
    return tuple(dict.fromkeys((*beside, *named_channels(config))))


def _deliverer(
    config: Config, *, store: Store, clock: Clock, health: HealthMetrics, controls: Callable[[], bool]
) -> Deliverer | None:
    slack = config.slack
    if slack is None:
        return None
    token = config.secret("slack.bot_token")
    if token is None:
        raise Mistake("slack: set SPIKEWATCH_SLACK_BOT_TOKEN or slack.bot_token_file")
    messenger = SlackMessenger(
        token=token.get_secret_value(),
        url=slack.url,
        mention=slack.mention,
        timeout_s=slack.timeout_s,
        draw=draw,
        wait=clock.wait,
    )
    return Deliverer(
        store=store,
        messenger=messenger,
        clock=clock,
        meter=health,
        zone=config.timezone,
        language=config.language,
        languages=slack.languages,
        fallback=slack.fallback_channel,
        links=links_of(config),
        controls=controls,
        stand_in=stand_in_of(config),
    )


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


def _heartbeat(config: Config) -> Heartbeat | None:
    stated = None if config.heartbeat is None else config.heartbeat.url
    url = config.secret("heartbeat.url") or stated
    try:
        return None if url is None else Heartbeat(url.get_secret_value())
    except ValueError as error:
        raise Mistake(f"heartbeat: {error}") from error
