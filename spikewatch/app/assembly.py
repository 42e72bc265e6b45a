"""From a configuration to a daemon: every class meets its collaborators here."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from spikewatch import __version__
from spikewatch.adapters.heartbeat import Heartbeat
from spikewatch.adapters.http.server import Condition, HttpServer, Pages
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer, states_of
from spikewatch.adapters.prometheus.health import HealthMetrics, new_registry
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.app.activity import Activity
from spikewatch.app.oncall import OnCall, on_call
from spikewatch.app.picturing import draw, links_of
from spikewatch.app.reading import Reader, jobs_of, progress_of, readers
from spikewatch.app.sources import grace_of
from spikewatch.app.storing import store_of
from spikewatch.app.waiting import Herald, Waiting, known_history, waiting
from spikewatch.config import Config
from spikewatch.core.calendars import build_calendar, years_around
from spikewatch.core.events import Mask
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.core.snapshot import Snapshot
from spikewatch.cycle import Cycle, Detector, said_aloud
from spikewatch.daemon import Daemon, Job
from spikewatch.delivery import Deliverer
from spikewatch.errors import Fault, Mistake
from spikewatch.ingest import Progress
from spikewatch.lookout import Lookout, blind_after
from spikewatch.ports import Clock, Store, Unavailable

JUDGE_EVERY = timedelta(seconds=30)
DELIVER_EVERY = timedelta(seconds=5)
ACT_EVERY = timedelta(seconds=2)
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
    readers: tuple[Reader, ...]
    http: HttpServer
    daemon: Daemon
    on_call: OnCall

    def start(self) -> None:
        """Show what was known before a restart, open the port, then begin to work."""
        self.daemon.run_once("judge")
        self.http.start()
        if self.on_call.socket is not None:
            self.on_call.socket.start()
        self.daemon.start()

    def stop(self) -> bool:
        """End cleanly within seconds; tell whether every running job finished."""
        if self.on_call.socket is not None:
            self.on_call.socket.stop()
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
    looks_from_s: float = LOOKS_FROM_S,
) -> Assembly:
    """Build the daemon that a configuration describes. Raises Fault where the store cannot be opened.

    looks_from_s  so many of the machine's seconds a watermark must be able to age before that is called blindness
    """
    store = store_of(config)
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
    people = on_call(config, store=store, clock=clock, health=health)
    plan_of = people.announcer.plan

    def planned(notices: Sequence[Notice], now: datetime) -> Sequence[Delivery]:
        for notice in notices:
            on_notice(notice)
        return plan_of(notices, now)

    store.watch_writes(health.store_write)
    cycle = Cycle(
        store,
        detector_of(config, at=clock.now()),
        plan=planned,
        on_change=lambda change: health.incident_changed(change, now=clock.now()),
        grace=grace_of(config),
    )
    reading = tuple(readers(config, store=store, clock=clock, meter=health))
    deliverer = _deliverer(config, store=store, clock=clock, health=health, controls=people.controls)
    lookout = Lookout(
        store,
        limit=blind_after(config.poll.every),
        step=config.bucket,
        causes={reader.name: reader.ingest.cause for reader in reading},
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
        reading=reading,
        people=people,
        looks_from_s=looks_from_s,
    )
    for source in config.sources:
        health.poll_interval(source.name, interval=config.poll.every)
    pages = Pages(scrape=exposition.scrape, health=chores.is_alive, readiness=chores.is_ready)
    http = HttpServer(config.metrics.listen, pages=pages)
    jobs = [
        *(job for reader in reading for job in jobs_of(reader, every=config.poll.every, on_page=on_page)),
        Job(
            "judge", JUDGE_EVERY, chores.judge, wakes=("deliver", "heartbeat"), on_error=chores.judging_failed
        ),
        Job("acts", ACT_EVERY, people.act),
        Job("deliver", DELIVER_EVERY, chores.delivering(deliverer)),
        Job("heartbeat", JUDGE_EVERY, chores.beating(_heartbeat(config))),
        Job("refit", REFIT_EVERY, chores.refit, on_error=chores.refitting_failed),
        Job("house", KEEP_HOUSE_EVERY, chores.keep_house),
    ]
    daemon = Daemon(jobs, clock=clock)
    people.wake = daemon.wake
    return Assembly(store, cycle, deliverer, reading, http, daemon, people)


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
    slack = config.slack
    if slack is None:
        return ()
    named = (
        slack.channel,
        slack.company_channel,
        slack.fallback_channel,
        *(route.channel for route in slack.routes),
        *(service.channel for service in config.services.values()),
    )
    return tuple(dict.fromkeys(channel for channel in named if channel is not None))


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
        reading: tuple[Reader, ...],
        people: OnCall,
        looks_from_s: float,
    ) -> None:
        self._config = config
        self._reading = reading
        self._people = people
        self._looks_from_s = looks_from_s
        self._herald = Herald()
        self._store = store
        self._cycle = cycle
        self._lookout = lookout
        self._exposition = exposition
        self._health = health
        self._clock = clock
        self._activity = Activity(store, step=config.bucket, is_asked=config.metrics.detail == "active")
        self._turned_at = clock.now()
        self._published: Snapshot | None = None
        self._good_turns = 0

    def judge(self) -> None:
        began = self._clock.now()
        with self._people.turn:
            buckets = self._cycle.run(now=began)
            ended = self._turned_at = self._clock.now()
            self._people.announcer.release(now=ended)
            if self._clock.real_seconds(self._lookout.limit) >= self._looks_from_s:
                self._lookout.look(now=ended)
        snapshot = self._cycle.snapshot
        if snapshot is not None and snapshot is not self._published:
            self._exposition.publish(self._activity.marked(snapshot))
            self._published = snapshot
            if buckets:
                self._health.unjudged(states_of(snapshot))
        self._health.cycle(seconds=self._clock.real_seconds(ended - began), buckets=buckets)
        self._good_turns += 1
        self._state_intervals(now=ended)
        self._say_what_is_awaited()

    def _state_intervals(self, *, now: datetime) -> None:
        """Set the interval of each source's polls, longer while a failure or a limit is waited out."""
        for reader in self._reading:
            held = reader.ingest.held()
            waits = held.until - held.since if held is not None and held.lasts(now) else timedelta(0)
            self._health.poll_interval(reader.name, interval=max(self._config.poll.every, waits))

    def _say_what_is_awaited(self) -> None:
        waits = self._waiting()
        known = known_history(self._store.source_states(), self._cycle.detector)
        self._health.waits(None if waits is None else waits.reason.value, known=known)
        self._herald.say(waits)

    def _waiting(self) -> Waiting | None:
        return waiting(
            self._store,
            self._cycle.detector,
            progress=progress_of(self._reading),
            now=self._clock.now(),
        )

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
        waits = self._waiting()
        if waits is None:
            return Condition(ready, "judging" if ready else "about to judge for the first time")
        return Condition(ready, f"judging, but nothing can be told yet: {waits}" if ready else str(waits))
