"""The report that the daemon tells once a week, by the outbox.

Each week has one key, so a restart tells nothing twice, and whatever was due while the daemon was down is told when it is
up again. A daemon that starts for the first time begins with the week that is running: what came before, it did not see.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from spikewatch.adapters.mail.settings import MailSettings
from spikewatch.adapters.webhook.settings import WebhookSettings
from spikewatch.app.receivers import relays_of
from spikewatch.app.reporting.gathering import gather
from spikewatch.config import Config
from spikewatch.core.oncall import NOBODY
from spikewatch.core.outbox import Delivery, plan, superseded
from spikewatch.core.weekly import (
    Accuracy,
    Week,
    Weekly,
    WeeklyNotice,
    due_at,
    message_of,
    notice_of_week,
)
from spikewatch.coverage import Coverage
from spikewatch.cycle import Detector
from spikewatch.ports import CycleCommit, Store

REPORT_EVERY = timedelta(minutes=5)
"""How often to look whether a report is due."""

PATIENCE = timedelta(hours=6)
"""So long a report waits for a week that is not known to its end because a source is behind."""

_SLACK = "slack"

log = logging.getLogger(__name__)


class WeeklyReport:
    """Tells the last week when it is due; `look` is called by one thread at a time.

    detector_at  the detector of the configuration, with the calendar around an instant
    turn         held by whoever changes incidents
    """

    def __init__(
        self,
        store: Store,
        *,
        config: Config,
        detector_at: Callable[[datetime], Detector],
        turn: AbstractContextManager[object],
    ) -> None:
        """Hold the parts; nothing is read yet."""
        self._store = store
        self._config = config
        self._detector_at = detector_at
        self._turn = turn
        self._settled: Week | None = None
        self._has_begun = False

    def look(self, *, now: datetime) -> Week | None:
        """Hand the report that is due to the outbox, and return its week; None where there is nothing to do."""
        settings, places = self._config.report, report_places(self._config)
        if not settings.enabled or not places:
            return None
        zone = self._config.timezone
        due = due_at(now, weekday=settings.weekday, at=settings.time_of_day, zone=zone)
        week = Week.ended_by(due, zone=zone)
        if week == self._settled or self._is_told(week):
            self._settled = week
            return None
        if self._told_ever():
            if not self._is_known(week) and now < due + PATIENCE:
                return None
            weekly = gather(self._store, week, config=self._config, detector_at=self._detector_at)
            self._keep(_queued(notice_of_week(weekly, at=now), places))
            log.info("week_reported", extra={"week": str(week), "receivers": list(places)})
            told = week
        else:
            nothing = notice_of_week(_nothing_of(week, self._config), at=now)
            rows = _queued(nothing, places)
            self._keep([superseded(row, why="over before the first report was due") for row in rows])
            told = None
        self._settled = week
        return told

    def _is_told(self, week: Week) -> bool:
        return bool(self._store.deliveries_of(message_of(week)))

    def _told_ever(self) -> bool:
        """Tell whether a week was told, or left out as the first, before; learnt from the store once."""
        if not self._has_begun:
            self._has_begun = any(isinstance(each.notice, WeeklyNotice) for each in self._store.deliveries())
        return self._has_begun

    def _is_known(self, week: Week) -> bool:
        until = Coverage.of(self._store).until
        return until is not None and until >= week.span(self._config.timezone).end

    def _keep(self, deliveries: Sequence[Delivery]) -> None:
        with self._turn:
            state = self._store.judge_state()
            self._store.commit_cycle(CycleCommit(state, deliveries=deliveries))


def report_places(config: Config) -> Mapping[str, str]:
    """Return the receivers that are told the week in figures, each with its channel."""
    slack = {} if config.slack is None else {_SLACK: config.report.channel or config.slack.channel}
    beside = {
        relay.name: relay.channel
        for relay in relays_of(config)
        if isinstance(relay.wanted, WebhookSettings | MailSettings) and relay.wanted.report
    }
    return {**slack, **beside}


def _queued(notice: WeeklyNotice, places: Mapping[str, str]) -> Sequence[Delivery]:
    return [
        replace(row, mention=NOBODY)
        for receiver, channel in places.items()
        for row in plan([notice], receiver=receiver, channel_of=partial(_of_all, channel), now=notice.at)
    ]


def _of_all(channel: str, _service: str | None) -> str:
    return channel


def _nothing_of(week: Week, config: Config) -> Weekly:
    """Return a week of which nothing is said."""
    span = week.span(config.timezone)
    return Weekly(
        week=week,
        span=span,
        until=span.start,
        incidents=(),
        accuracy=Accuracy(),
        budget=config.detection.false_alarms_per_week,
        typical=None,
        slowest=None,
        noisiest=(),
        volumes=(),
        blind=(),
    )
