"""The composition root: the one place that knows every class and the whole configuration."""

import json
import logging
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

import numpy as np
from prometheus_client import CollectorRegistry

from spikewatch import __version__
from spikewatch.adapters import log as logs
from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.csv_source import read_gaps, read_input, require_step
from spikewatch.adapters.http.server import Condition, HttpServer, Pages
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.adapters.prometheus.health import HealthMetrics
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.adapters.sql_store import open_store
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.config import Config, Purpose, load
from spikewatch.core.calendars import build_calendar, years_around
from spikewatch.core.counts import Roster
from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery, plan
from spikewatch.core.timegrid import WEEK, bucket_number, bucket_start, seconds
from spikewatch.cycle import Cycle, Detector, said_aloud
from spikewatch.daemon import Daemon, Job
from spikewatch.delivery import Deliverer
from spikewatch.errors import Fault, Mistake
from spikewatch.ingest import Ingest, Pace, Progress
from spikewatch.lab import reporting
from spikewatch.lab.replay import Recording, record, replay, replay_name
from spikewatch.ports import Clock, Store, StoreStats

log = logging.getLogger(__name__)

JUDGE_EVERY = timedelta(seconds=30)
DELIVER_EVERY = timedelta(seconds=5)
REFIT_EVERY = timedelta(minutes=5)
KEEP_HOUSE_EVERY = timedelta(hours=1)
TURNS_WITHIN = timedelta(minutes=10)
"""The daemon is alive while its judging loop has turned within this time."""


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
        """Open the port, then begin to work."""
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
    registry = CollectorRegistry()
    channels = [] if config.slack is None else [config.slack.channel]
    health = HealthMetrics(
        registry,
        clock=clock,
        version=__version__,
        sources=[source.name for source in config.sources],
        channels=channels,
    )
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
    chores = _Chores(config, store, cycle, exposition, health, clock)
    for source in config.sources:
        health.poll_interval(source.name, interval=config.poll.every)
    pages = Pages(scrape=exposition.scrape, health=chores.is_alive, readiness=chores.is_ready)
    http = HttpServer(config.metrics.listen, pages=pages)
    jobs = [
        *(
            Job(f"poll:{ingest.name}", config.poll.every, _polling(ingest, on_page), wakes=("judge",))
            for ingest in ingests
        ),
        Job("judge", JUDGE_EVERY, chores.judge, wakes=("deliver",), on_error=chores.judging_failed),
        Job("deliver", DELIVER_EVERY, chores.delivering(deliverer)),
        Job("refit", REFIT_EVERY, chores.refit),
        Job("house", KEEP_HOUSE_EVERY, chores.keep_house),
    ]
    return Assembly(store, cycle, deliverer, ingests, http, Daemon(jobs, clock=clock))


def detector_of(
    config: Config, *, at: datetime, name: Callable[[int, str | None, datetime], str] = said_aloud
) -> Detector:
    """Return the detector of a configuration; holidays are known for the years around the instant."""
    calendar = build_calendar(config.calendar, zone=config.timezone, years=years_around(at))
    return Detector(
        calendar=calendar,
        step=config.bucket,
        history=config.history,
        detection=config.detection,
        services=config.services,
        name=name,
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


def _polling(ingest: Ingest, on_page: Callable[[Progress], None]) -> Callable[[], object]:
    return lambda: ingest.poll(on_page=on_page)


def _planner(config: Config) -> Callable[[Sequence[Notice], datetime], Sequence[Delivery]]:
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


class _Chores:
    """The jobs that bring several parts together."""

    def __init__(
        self,
        config: Config,
        store: Store,
        cycle: Cycle,
        exposition: Exposition,
        health: HealthMetrics,
        clock: Clock,
    ) -> None:
        self._config = config
        self._store = store
        self._cycle = cycle
        self._exposition = exposition
        self._health = health
        self._clock = clock
        self._turned_at = clock.now()

    def judge(self) -> None:
        began = self._clock.now()
        buckets = self._cycle.run(now=began)
        ended = self._turned_at = self._clock.now()
        if buckets and self._cycle.snapshot is not None:
            self._exposition.publish(self._cycle.snapshot)
            self._health.cycle(seconds=self._clock.real_seconds(ended - began), buckets=buckets)

    def judging_failed(self, error: Exception) -> None:
        self._turned_at = self._clock.now()
        self._health.cycle_failed(reason=type(error).__name__)

    def delivering(self, deliverer: Deliverer | None) -> Callable[[], object]:
        def deliver() -> None:
            if deliverer is not None:
                deliverer.drain()
            self._health.backlog(self._store.unsettled())

        return deliver

    def refit(self) -> None:
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
        age = self._clock.now() - self._turned_at
        return Condition(age < TURNS_WITHIN, f"judged {age.total_seconds():.0f} s ago")

    def is_ready(self) -> Condition:
        ready = self._cycle.snapshot is not None
        return Condition(
            ready, "judging" if ready else "waiting for the first complete read of the help desk"
        )


# -- run


def run(path: str | Path, *, env: Mapping[str, str]) -> int:
    """Run the daemon of a configuration file until SIGTERM or SIGINT, and return the exit status."""
    config = load(path, env=env, purpose=Purpose.RUN)
    secrets = [secret.get_secret_value() for secret in config.secrets.values()]
    logs.configure(sys.stderr, level="INFO", secrets=secrets)
    for note in config.notes:
        log.warning("configuration_note", extra={"note": note})
    stopped = threading.Event()
    _stop_on_signal(stopped)
    assembly = assemble(config, clock=SystemClock())
    try:
        assembly.start()
        log.info(
            "started", extra={"version": __version__, "metrics": f"http://{assembly.http.address}/metrics"}
        )
        stopped.wait()
    finally:
        finished = assembly.stop()
        log.info("stopped", extra={"all_jobs_finished": finished})
    return 0


def _stop_on_signal(stopped: threading.Event) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


# -- backtest


def backtest(
    source: str,
    *,
    config: Config,
    since: datetime | None = None,
    until: datetime | None = None,
    gaps: Path | None = None,
    output_format: str = "table",
    say: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Iterable[str]:
    """Replay a counts file, a tickets file or the store, and return the lines of the result.

    since, until  where judging begins and the input ends; None leaves it to the data
    say           is told what a person should know about the result
    """
    recording = _recorded(source, config=config, until=until, gaps=gaps, say=say)
    detector = detector_of(config, at=recording.until, name=replay_name)
    if since is None:
        say(
            f"judging begins once 14 days are known: {recording.warm_at.astimezone(config.timezone).isoformat()}"
        )
    replayed = replay(recording, detector, since=since, on_hour=on_progress)
    if output_format == "jsonl":
        return reporting.json_lines(replayed, zone=config.timezone)
    return reporting.table(replayed, zone=config.timezone)


def _recorded(
    source: str, *, config: Config, until: datetime | None, gaps: Path | None, say: Callable[[str], None]
) -> Recording:
    if source == "store":
        return _recorded_store(config, until=until)
    recorded = read_input(source)
    require_step(recorded, step=config.bucket, file=source)
    if recorded.flatters:
        say("tickets are known from creation and under their final category: this flatters")
    roster = Roster.of(recorded.series)
    rows = np.array([roster.rows[key] for key in recorded.series], dtype=np.int64)
    return record(
        roster,
        series_rows=rows[recorded.series_of],
        stamps=recorded.stamp,
        counts=recorded.count,
        step=config.bucket,
        until=until,
        gaps=() if gaps is None else read_gaps(gaps),
    )


def _recorded_store(config: Config, *, until: datetime | None) -> Recording:
    store = open_store(config.store, step=config.bucket, exclusive=False)
    try:
        roster, sources = store.roster(), store.source_states().values()
        marks = [state.watermark for state in sources if state.watermark is not None]
        oldest = store.stats().oldest
        if oldest is None or not marks:
            raise Fault(
                f"store {config.store} holds no counts yet: let `spikewatch run` read the help desk once"
            )
        end = min(marks) if until is None else min(until, *marks)
        stop = bucket_number(end, config.bucket)
        rows = store.counts(first=bucket_number(oldest, config.bucket), stop=stop)
    finally:
        store.close()
    return record(
        roster,
        series_rows=np.array([roster.rows[row.series] for row in rows], dtype=np.int64),
        stamps=np.array([row.bucket for row in rows], dtype=np.int64) * seconds(config.bucket),
        counts=np.array([row.tickets - row.late for row in rows], dtype=np.int64),
        step=config.bucket,
        until=bucket_start(stop, config.bucket),
    )


# -- status


def status(path: str | Path, *, env: Mapping[str, str], as_json: bool) -> Iterable[str]:
    """Return the lines that tell how a daemon's store stands: open incidents, data age, queue."""
    config = load(path, env=env, purpose=Purpose.CHECK)
    store = open_store(config.store, step=config.bucket, exclusive=False)
    try:
        facts = _status(store, config, now=SystemClock().now())
    finally:
        store.close()
    return [json.dumps(facts.as_json(), ensure_ascii=False)] if as_json else facts.lines()


@dataclass(frozen=True)
class _Status:
    now: datetime
    zone: ZoneInfo
    watermarks: Mapping[str, datetime | None]
    judged_until: datetime | None
    incidents: Sequence[Incident]
    queue: Mapping[str, int]
    opened_this_week: int
    budget: float
    stats: StoreStats

    def as_json(self) -> dict[str, object]:
        return {
            "now": self.now.astimezone(self.zone).isoformat(),
            "sources": {
                name: {"watermark": self._iso(mark), "age_seconds": self._age(mark)}
                for name, mark in self.watermarks.items()
            },
            "judged_until": self._iso(self.judged_until),
            "incidents": [
                {
                    "incident": incident.id,
                    "service": incident.service,
                    "state": incident.phase.value,
                    "severity": incident.severity.value,
                    "opened_at": self._iso(incident.opened_at),
                    "started_at": self._iso(incident.started_at),
                    "resolved_at": self._iso(incident.resolved_at),
                    "excess": round(incident.excess, 1),
                }
                for incident in self.incidents
            ],
            "queue": dict(self.queue),
            "budget": {"incidents_last_7_days": self.opened_this_week, "false_alarms_per_week": self.budget},
            "store": {"bytes": self.stats.size_bytes, "tickets": self.stats.tickets},
        }

    def lines(self) -> Iterator[str]:
        for name, mark in self.watermarks.items():
            age = (
                "not read to the end yet"
                if mark is None
                else f"read up to {self._local(mark)}, {self._ago(mark)}"
            )
            yield f"source {name}: {age}"
        judged = "nothing yet" if self.judged_until is None else f"up to {self._local(self.judged_until)}"
        yield f"judged: {judged}"
        unresolved = [incident for incident in self.incidents if incident.phase is Phase.OPEN]
        yield f"open incidents: {len(unresolved) or 'none'}"
        for incident in unresolved:
            name = incident.service or "company-wide"
            since = self._local(incident.started_at)
            yield (
                f"  {incident.id}  {incident.severity.value}  {name}  since {since},"
                f" {incident.excess:.0f} tickets above normal"
            )
        yield (
            f"incidents of the last 7 days: {self.opened_this_week}"
            f" (budget for false alarms: {self.budget:g} a week)"
        )
        waiting = ", ".join(f"{number} {stage}" for stage, number in sorted(self.queue.items())) or "none"
        yield f"messages waiting: {waiting}"
        yield f"store: {self.stats.size_bytes / 1e6:.1f} MB, {self.stats.tickets} tickets"

    def _iso(self, instant: datetime | None) -> str | None:
        return None if instant is None else instant.astimezone(self.zone).isoformat()

    def _local(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.zone):%Y-%m-%d %H:%M %Z}"

    def _age(self, instant: datetime | None) -> int | None:
        return None if instant is None else int((self.now - instant).total_seconds())

    def _ago(self, instant: datetime) -> str:
        minutes = max(0, int((self.now - instant).total_seconds() // 60))
        return f"{minutes} min ago" if minutes < _LONG_AGO_MINUTES else f"{minutes // 60} h ago"


_LONG_AGO_MINUTES = 180


def _status(store: Store, config: Config, *, now: datetime) -> _Status:
    state = store.judge_state()
    judged = state.judged_until
    recent = store.incidents(since=now - WEEK)
    return _Status(
        now=now,
        zone=config.timezone,
        watermarks={name: source.watermark for name, source in store.source_states().items()},
        judged_until=None if judged is None else bucket_start(judged, config.bucket),
        incidents=[incident for incident in recent if incident.phase is not Phase.CLOSED],
        queue=Counter(delivery.stage.value for delivery in store.unsettled()),
        opened_this_week=sum(incident.opened_at >= now - WEEK for incident in recent),
        budget=config.detection.false_alarms_per_week,
        stats=store.stats(),
    )
