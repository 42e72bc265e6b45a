"""From a configuration to a daemon: every class meets its collaborators here."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from spikewatch import __version__
from spikewatch.adapters.heartbeat import Heartbeat
from spikewatch.adapters.http.server import Condition, HttpServer, Pages
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.adapters.prometheus.health import HealthMetrics, new_registry
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.adapters.sql_store import open_store
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.config import Config
from spikewatch.core.blindness import BlindNotice
from spikewatch.core.calendars import build_calendar, years_around
from spikewatch.core.events import Mask
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery, plan
from spikewatch.core.snapshot import Snapshot
from spikewatch.cycle import Cycle, Detector, said_aloud
from spikewatch.daemon import Daemon, Job
from spikewatch.delivery import Deliverer
from spikewatch.errors import Fault, Mistake
from spikewatch.ingest import Ingest, Progress
from spikewatch.lookout import Lookout, blind_after
from spikewatch.pacing import Pace
from spikewatch.ports import Clock, Store, Unavailable

JUDGE_EVERY = timedelta(seconds=30)
DELIVER_EVERY = timedelta(seconds=5)
REFIT_EVERY = timedelta(minutes=5)
KEEP_HOUSE_EVERY = timedelta(hours=1)
LOOKS_FROM_S = 60
"""A watermark's age says something from so many of the machine's seconds on; a clock that runs fast leaps over minutes."""

TURNS_WITHIN = timedelta(minutes=10)
"""The daemon is alive while its judging loop has turned within this much of the machine's time."""

CONFIG_SCHEMA = "1"
"""Version of the configuration's form; a key that goes or changes its meaning raises it."""


@dataclass
class Assembly:
    """A daemon with everything it is made of, ready to start."""

    store: Store
    cycle: Cycle
    deliverer: Deliverer | None
    ingests: tuple[Ingest, ...]
    http: HttpServer
    daemon: Daemon

    def start(self) -> None:
        """Show what was known before a restart, open the port, then begin to work."""
        self.daemon.run_once("judge")
        self.http.start()
        self.daemon.start()

    def stop(self) -> bool:
        """End cleanly within seconds; tell whether every running job finished."""
        finished = self.daemon.stop()
        self.http.stop()
        self.store.close()
        return finished


def assemble(
    config: Config,
    *,
    clock: Clock,
    on_page: Callable[[Progress], None] = lambda _: None,
    on_notice: Callable[[Notice], None] = lambda _: None,
) -> Assembly:
    """Build the daemon that a configuration describes. Raises Fault where the store cannot be opened."""
    store = open_store(config.store, step=config.bucket)
    registry = new_registry()
    health = HealthMetrics(
        registry,
        clock=clock,
        version=__version__,
        sources=[source.name for source in config.sources],
        channels=_channels(config),
    )
    health.configured(digest=digest_of(config), schema=CONFIG_SCHEMA)
    exposition = Exposition(
        FleetRenderer(
            windows=config.metrics.windows,
            max_series=config.metrics.max_series,
            detail=config.metrics.detail,
        ),
        registry=registry,
        clock=clock,
        stale_after=config.bucket + config.metrics.stale_after,
    )
    plan_of = _planner(config)

    def planned(notices: Sequence[Notice], now: datetime) -> Sequence[Delivery]:
        for notice in notices:
            on_notice(notice)
        return plan_of(notices, now)

    cycle = Cycle(store, detector_of(config, at=clock.now()), plan=planned)
    ingests = tuple(_ingests(config, store=store, clock=clock, health=health))
    deliverer = _deliverer(config, store=store, clock=clock, health=health)
    lookout = Lookout(
        store,
        limit=blind_after(config.poll.every),
        step=config.bucket,
        causes={ingest.name: ingest.cause for ingest in ingests},
        plan=plan_of,
    )
    chores = _Chores(
        config=config,
        store=store,
        cycle=cycle,
        lookout=lookout,
        exposition=exposition,
        health=health,
        clock=clock,
    )
    for source in config.sources:
        health.poll_interval(source.name, interval=config.poll.every)
    pages = Pages(scrape=exposition.scrape, health=chores.is_alive, readiness=chores.is_ready)
    http = HttpServer(config.metrics.listen, pages=pages)
    jobs = [
        *(
            Job(f"poll:{ingest.name}", config.poll.every, _polling(ingest, on_page), wakes=("judge",))
            for ingest in ingests
        ),
        Job(
            "judge", JUDGE_EVERY, chores.judge, wakes=("deliver", "heartbeat"), on_error=chores.judging_failed
        ),
        Job("deliver", DELIVER_EVERY, chores.delivering(deliverer)),
        Job("heartbeat", JUDGE_EVERY, chores.beating(_heartbeat(config))),
        Job("refit", REFIT_EVERY, chores.refit, on_error=chores.refitting_failed),
        Job("house", KEEP_HOUSE_EVERY, chores.keep_house),
    ]
    return Assembly(store, cycle, deliverer, ingests, http, Daemon(jobs, clock=clock))


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


def _ingests(config: Config, *, store: Store, clock: Clock, health: HealthMetrics) -> Iterator[Ingest]:
    # The baseline ends one longest window before the present, and the first day of a history is rarely whole.
    since = clock.now() - config.history - config.detection.windows[-1] - timedelta(days=1)
    for settings in config.sources:
        secret = config.secret(f"sources.{settings.name}.client_secret")
        if secret is None:
            raise Mistake(f"sources.{settings.name}: set {settings.secret_variable} or client_secret_file")
        yield Ingest(
            ZendeskSource(settings, secret=secret, clock=clock, meter=health),
            store,
            clock=clock,
            meter=health,
            since=since,
            pace=Pace(
                per_minute=settings.requests_per_minute,
                backfill_per_minute=settings.backfill_requests_per_minute,
            ),
        )


def digest_of(config: Config) -> str:
    """Return twelve letters that change with any setting; no secret goes into them."""
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:12]


def _channels(config: Config) -> Sequence[str]:
    """Return every channel that the configuration names, so that each has its metrics from the start."""
    slack = config.slack
    if slack is None:
        return ()
    named = (
        slack.channel,
        slack.company_channel,
        slack.fallback_channel,
        *(service.channel for service in config.services.values()),
    )
    return tuple(dict.fromkeys(channel for channel in named if channel is not None))


def _polling(ingest: Ingest, on_page: Callable[[Progress], None]) -> Callable[[], object]:
    return lambda: ingest.poll(on_page=on_page)


def _planner(config: Config) -> Callable[[Sequence[Notice | BlindNotice], datetime], Sequence[Delivery]]:
    slack = config.slack
    if slack is None:
        return lambda _notices, _now: ()

    def channel_of(service: str | None) -> str:
        if service is None:
            return slack.company_channel or slack.channel
        chosen = config.services.get(service)
        return chosen.channel if chosen is not None and chosen.channel is not None else slack.channel

    return lambda notices, now: plan(notices, receiver="slack", channel_of=channel_of, now=now)


def _deliverer(config: Config, *, store: Store, clock: Clock, health: HealthMetrics) -> Deliverer | None:
    slack = config.slack
    if slack is None:
        return None
    token = config.secret("slack.bot_token")
    if token is None:
        raise Mistake("slack: set SPIKEWATCH_SLACK_BOT_TOKEN or slack.bot_token_file")
    messenger = SlackMessenger(
        token=token.get_secret_value(), url=slack.url, mention=slack.mention, timeout_s=slack.timeout_s
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
    )


def _heartbeat(config: Config) -> Heartbeat | None:
    stated = None if config.heartbeat is None else config.heartbeat.url
    url = config.secret("heartbeat.url") or stated
    try:
        return None if url is None else Heartbeat(url.get_secret_value())
    except ValueError as error:
        raise Mistake(f"heartbeat: {error}") from error


class _Chores:
    """The jobs that bring several parts together."""

    def __init__(
        self,
        *,
        config: Config,
        store: Store,
        cycle: Cycle,
        lookout: Lookout,
        exposition: Exposition,
        health: HealthMetrics,
        clock: Clock,
    ) -> None:
        self._config = config
        self._store = store
        self._cycle = cycle
        self._lookout = lookout
        self._exposition = exposition
        self._health = health
        self._clock = clock
        self._turned_at = clock.now()
        self._published: Snapshot | None = None
        self._good_turns = 0

    def judge(self) -> None:
        began = self._clock.now()
        buckets = self._cycle.run(now=began)
        ended = self._turned_at = self._clock.now()
        if self._clock.real_seconds(self._lookout.limit) >= LOOKS_FROM_S:
            self._lookout.look(now=ended)
        snapshot = self._cycle.snapshot
        if snapshot is not None and snapshot is not self._published:
            self._exposition.publish(snapshot)
            self._published = snapshot
        self._health.cycle(seconds=self._clock.real_seconds(ended - began), buckets=buckets)
        self._good_turns += 1

    def judging_failed(self, error: Exception) -> None:
        self._turned_at = self._clock.now()
        self._health.cycle_failed(reason="store" if isinstance(error, Fault) else "other")

    def refitting_failed(self, error: Exception) -> None:
        self._health.cycle_failed(reason="store" if isinstance(error, Fault) else "baseline")

    def delivering(self, deliverer: Deliverer | None) -> Callable[[], object]:
        def deliver() -> None:
            if deliverer is not None:
                deliverer.drain()
            self._health.backlog(self._store.unsettled())

        return deliver

    def beating(self, heartbeat: Heartbeat | None) -> Callable[[], object]:
        beaten = 0

        def beat() -> None:
            """Call once for the good turns since the last call; in a thread of its own, so that no turn waits for it."""
            nonlocal beaten
            turns = self._good_turns
            if heartbeat is None or turns == beaten:
                return
            beaten = turns
            try:
                heartbeat.beat()
            except Unavailable:
                self._health.heartbeat(worked=False)
                raise
            self._health.heartbeat(worked=True)

        return beat

    def refit(self) -> None:
        self._cycle.calibrate_ahead()
        epoch = self._cycle.next_epoch()
        if epoch is None or self._cycle.is_fitted(epoch):
            return
        began = self._clock.now()
        self._cycle.refit(epoch=epoch)
        self._health.refit(seconds=self._clock.real_seconds(self._clock.now() - began))

    def keep_house(self) -> None:
        now, retention = self._clock.now(), self._config.retention
        self._store.forget(tickets_before=now - retention.tickets, counts_before=now - retention.counts)
        self._health.store(self._store.stats())

    def is_alive(self) -> Condition:
        age_s = self._clock.real_seconds(self._clock.now() - self._turned_at)
        return Condition(age_s < TURNS_WITHIN.total_seconds(), f"the judging loop turned {age_s:.0f} s ago")

    def is_ready(self) -> Condition:
        ready = self._cycle.snapshot is not None
        return Condition(
            ready, "judging" if ready else "waiting for the first complete read of the help desk"
        )
