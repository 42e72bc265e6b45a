"""What follows from a configuration, put together; a reload makes it anew, but for what its settings leave as it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from spikewatch.adapters.heartbeat import Heartbeat
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.health import HealthMetrics
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.adapters.sql_store import SqlStore
from spikewatch.app.chores import Chores
from spikewatch.app.detecting import detector_of
from spikewatch.app.oncall import OnCall, on_call
from spikewatch.app.picturing import draw, links_of
from spikewatch.app.reading import Reader, jobs_of, readers
from spikewatch.app.receivers import deliverers_of, stand_in_of
from spikewatch.app.reporting.weekly import REPORT_EVERY, WeeklyReport
from spikewatch.app.showing import StatusPage
from spikewatch.app.sources import grace_of
from spikewatch.app.waiting import Herald
from spikewatch.config import Config
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.cycle import Cycle
from spikewatch.daemon import Job
from spikewatch.delivery import Deliverer
from spikewatch.errors import Mistake
from spikewatch.ingest import Progress
from spikewatch.lookout import Lookout, blind_after
from spikewatch.ports import Clock, Store

JUDGE_EVERY = timedelta(seconds=30)
DELIVER_EVERY = timedelta(seconds=5)
ACT_EVERY = timedelta(seconds=2)
REFIT_EVERY = timedelta(minutes=5)
KEEP_HOUSE_EVERY = timedelta(hours=1)


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
    jobs = _jobs(
        config,
        standing=standing,
        people=people,
        deliverer=deliverer,
        relays=relays,
        reading=reading,
        chores=chores,
        page=page,
        heartbeat=heartbeat,
    )
    return Parts(config, people, cycle, deliverer, relays, reading, chores, page, jobs)


def _jobs(
    config: Config,
    *,
    standing: Standing,
    people: OnCall,
    deliverer: Deliverer | None,
    relays: tuple[Deliverer, ...],
    reading: tuple[Reader, ...],
    chores: Chores,
    page: StatusPage,
    heartbeat: Heartbeat | None,
) -> tuple[Job, ...]:
    """Return what is done again and again, and how often."""
    store, clock = standing.store, standing.clock
    weekly = WeeklyReport(
        store, config=config, detector_at=lambda at: detector_of(config, at=at), turn=standing.turn
    )
    return (
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


def _job_of(relay: Deliverer) -> str:
    """Return the job that delivers to a receiver beside Slack: one each, so that none waits for another that is slow."""
    return f"deliver:{relay.receiver}"


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


def _heartbeat(config: Config) -> Heartbeat | None:
    stated = None if config.heartbeat is None else config.heartbeat.url
    url = config.secret("heartbeat.url") or stated
    try:
        return None if url is None else Heartbeat(url.get_secret_value())
    except ValueError as error:
        raise Mistake(f"heartbeat: {error}") from error
