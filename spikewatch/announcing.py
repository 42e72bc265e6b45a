"""From notices to outbox rows: who is told where, what is held back, and what is told once nothing holds it back any more.

A notice that is muted becomes a row too, held back with its reason, in the same transaction as the change that it tells.
`release` looks at these rows again: where nothing mutes the newest any more and the surge lasts, it is told.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

from spikewatch.core.blindness import BlindNotice
from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.misconfiguration import ConfigNotice
from spikewatch.core.muting import NEVER_MUTED, Mute, Muted, Silence, maintenance, why_muted
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.oncall import NOBODY, MaintenanceSettings
from spikewatch.core.outbox import GIVEN_UP, Delivery, Kind, Stage, held, plan, superseded
from spikewatch.core.routing import Route, Routing, route
from spikewatch.ports import CycleCommit, Meter, Store

Planner: TypeAlias = Callable[[Notice | BlindNotice, Sequence[Delivery], datetime], Sequence[Delivery]]
"""Plans a notice that nothing mutes, with the rows planned before it in the same breath."""

SLACK = "slack"
EVERYBODY = "everybody"
"""The receiver of a row that is held back from all of them."""

_CALLS = frozenset({Reason.OPENED, Reason.RAISED, Reason.REOPENED, Reason.UNMUTED})
"""Reasons that also go where the incident was not told before, if that is where its route leads now."""

log = logging.getLogger(__name__)


class Announcer:
    """Turns notices into outbox rows; called by whoever holds the turn to change incidents.

    routing  of Slack; None where Slack is told nothing
    windows  of maintenance
    others   plans for every other receiver what is not muted
    """

    def __init__(
        self,
        store: Store,
        *,
        routing: Routing | None,
        zone: ZoneInfo,
        meter: Meter,
        windows: Sequence[MaintenanceSettings] = (),
        others: Planner = lambda _notice, _earlier, _now: (),
    ) -> None:
        """Hold the parts; nothing is read yet."""
        self._store = store
        self._routing = routing
        self._zone = zone
        self._meter = meter
        self._windows = tuple(windows)
        self._others = others

    def plan(self, notices: Sequence[Notice | BlindNotice], now: datetime) -> Sequence[Delivery]:
        """Return the rows of some notices; later ones count with earlier ones as told."""
        if not notices:
            return ()
        silences = self._silences(now)
        planned: list[Delivery] = []
        for notice in notices:
            if isinstance(notice, BlindNotice):
                planned += [*self._everywhere(notice, now), *self._others(notice, planned, now)]
            else:
                planned += self._planned(notice, silences=silences, earlier=planned, now=now)
        return planned

    def plan_config(self, notice: ConfigNotice, now: datetime) -> Sequence[Delivery]:
        """Return the rows of a refused configuration on Slack, where it was told before or the whole company is told."""
        if self._routing is None:
            return ()
        channels = self._told(notice.incident, ()) or [self._routing.channel_of(None)]
        return [
            delivery
            for channel in channels
            for delivery in plan([notice], receiver=SLACK, channel_of=_always(channel), now=now)
        ]

    def release(self, *, now: datetime) -> int:
        """Tell what nothing holds back any more and still surges, give up what is over, and return how many were told."""
        waiting: dict[str, list[Delivery]] = {}
        for delivery in self._store.deliveries(state=Stage.HELD):
            waiting.setdefault(delivery.incident, []).append(delivery)
        silences = self._silences(now) if waiting else ()
        return sum(
            self._released(row, silences=silences, now=now)
            for rows in waiting.values()
            for row in self._standing(rows)
        )

    # -- one notice

    def _planned(
        self, notice: Notice, *, silences: Sequence[Silence], earlier: Sequence[Delivery], now: datetime
    ) -> Iterator[Delivery]:
        mute = why_muted(notice, silences=silences, at=now)
        if mute is not None:
            yield self._held(notice, mute, receiver=EVERYBODY, now=now)
        else:
            yield from self._for_everybody(notice, earlier=earlier, now=now)

    def _for_everybody(
        self, notice: Notice, *, earlier: Sequence[Delivery], now: datetime
    ) -> Iterator[Delivery]:
        """Yield the rows of a notice that nothing mutes; one of them is held back where Slack's route does that."""
        for row in self._others(notice, earlier, now):
            if row.stage is Stage.HELD:
                self._note_held(notice, Muted.OUTSIDE_HOURS, channel=row.channel, by=row.receiver)
            yield row
        slack = self._slack(notice, earlier=earlier, now=now)
        if isinstance(slack, Mute):
            yield self._held(notice, slack, receiver=SLACK, now=now)
        else:
            yield from slack

    def _slack(
        self, notice: Notice, *, earlier: Sequence[Delivery], now: datetime
    ) -> Iterable[Delivery] | Mute:
        """Return the rows of Slack, or why its route holds the notice back."""
        if self._routing is None:
            return ()
        told = self._told(notice.incident, earlier)
        if notice.reason in NEVER_MUTED:
            return self._rows(notice, told, calling=None, now=now)
        found = route(notice, self._routing, at=now)
        if isinstance(found, Mute):
            return found
        joins = notice.reason in _CALLS or not told
        channels = dict.fromkeys([*told, found.channel]) if joins else told
        return self._rows(notice, channels, calling=found, now=now)

    def _rows(
        self, notice: Notice, channels: Iterable[str], *, calling: Route | None, now: datetime
    ) -> Iterator[Delivery]:
        for channel in channels:
            for delivery in plan([notice], receiver=SLACK, channel_of=_always(channel), now=now):
                if calling is not None and calling.channel == channel:
                    mention = NOBODY if calling.mention is None else calling.mention
                    yield replace(delivery, mention=mention, language=calling.language)
                else:
                    yield replace(delivery, mention=NOBODY)

    def _everywhere(self, notice: BlindNotice, now: datetime) -> Sequence[Delivery]:
        if self._routing is None:
            return ()
        return plan([notice], receiver=SLACK, channel_of=self._routing.channel_of, now=now)

    def _told(self, incident: str, earlier: Sequence[Delivery]) -> Sequence[str]:
        """Return the channels in which an incident has a living message or soon will."""
        rows = [*self._store.deliveries_of(incident), *(row for row in earlier if row.incident == incident)]
        standing = (row for row in rows if row.receiver == SLACK and row.stage not in GIVEN_UP)
        return list(dict.fromkeys(row.channel for row in standing if row.kind is Kind.ROOT))

    def _held(self, notice: Notice, mute: Mute, *, receiver: str, now: datetime) -> Delivery:
        channel = "" if self._routing is None else self._routing.channel_of(notice.facts.service)
        self._note_held(notice, mute.why, channel=channel, by=mute.name)
        return held(notice, receiver=receiver, why=str(mute), now=now, due=mute.until)

    def _note_held(self, notice: Notice, why: Muted, *, channel: str, by: str) -> None:
        self._meter.suppressed(channel, reason=why)
        log.info("notice_held", extra={"incident": notice.incident, "reason": why.value, "by": by})

    def _silences(self, now: datetime) -> Sequence[Silence]:
        windows = maintenance(self._windows, zone=self._zone, at=now)
        return (*self._store.silences(ending_after=now), *windows)

    # -- once it is over

    def _standing(self, rows: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return the newest row of each receiver that waits on its own account; older ones are given up.

        One that waits for everybody takes the place of what was older, and what is newer takes its place.
        """
        newest: dict[str, Delivery] = {}
        for row in sorted(rows, key=lambda row: (row.notice.facts.revision, row.created_at)):
            obsolete = list(newest) if row.receiver == EVERYBODY else [EVERYBODY, row.receiver]
            for receiver in obsolete:
                older = newest.pop(receiver, None)
                if older is not None:
                    self._store.save_delivery(superseded(older, why=f"superseded by {row.key}"))
            newest[row.receiver] = row
        return list(newest.values())

    def _released(self, newest: Delivery, *, silences: Sequence[Silence], now: datetime) -> int:
        incident = self._store.incident(newest.incident)
        over = self._why_over(newest, incident)
        if over is not None:
            self._store.save_delivery(superseded(newest, why=over))
        if over is not None or incident is None or not isinstance(newest.notice, Notice):
            return 0
        notice = _unmuted(newest.notice, incident, now=now)
        if why_muted(notice, silences=silences, at=now) is not None:
            return 0
        freed = self._freed(notice, receiver=newest.receiver, now=now)
        if isinstance(freed, Mute):
            return 0
        deliveries = tuple(freed)
        why = "told once nothing held it back" if deliveries else "nobody is to be told of it any more"
        # a key is told once, so a crash between these two leaves nothing that would be told again
        self._store.commit_cycle(CycleCommit(self._store.judge_state(), deliveries=deliveries))
        self._store.save_delivery(superseded(newest, why=why))
        if all(row.stage is Stage.HELD for row in deliveries):
            return 0
        log.info("notice_released", extra={"incident": incident.id})
        return 1

    def _freed(self, notice: Notice, *, receiver: str, now: datetime) -> Iterable[Delivery] | Mute:
        """Return the rows that tell a receiver what it waits for, or why it goes on waiting."""
        if receiver == EVERYBODY:
            return self._for_everybody(notice, earlier=(), now=now)
        if receiver == SLACK:
            return self._slack(notice, earlier=(), now=now)
        rows = [row for row in self._others(notice, (), now) if row.receiver == receiver]
        if any(row.stage is Stage.HELD for row in rows):
            return Mute(Muted.OUTSIDE_HOURS, name=receiver)
        return rows

    def _why_over(self, held: Delivery, incident: Incident | None) -> str | None:
        if incident is None or incident.phase is not Phase.OPEN:
            return "the surge was over before it was told"
        rows = self._store.deliveries_of(held.incident)
        return next((f"{row.key} tells it" for row in rows if _tells_it(row, held)), None)


def _tells_it(row: Delivery, held: Delivery) -> bool:
    """Tell whether a newer row takes the place of one that is held back.

    A notice is planned for everybody at once; but what one receiver waited for is told to that one alone.
    """
    told = row.notice
    if row.stage in GIVEN_UP or not isinstance(told, Notice) or told.reason in NEVER_MUTED:
        return False
    is_for_all = told.reason is not Reason.UNMUTED or held.receiver in (EVERYBODY, row.receiver)
    return is_for_all and told.facts.revision > held.notice.facts.revision


def _unmuted(notice: Notice, incident: Incident, *, now: datetime) -> Notice:
    """Return what is told of an incident that was held back: the newest facts, and who has it now."""
    facts = replace(notice.facts, handling=incident.handling, revision=incident.revision)
    return Notice(f"{notice.key}.unmuted", incident.id, Reason.UNMUTED, now, facts)


def _always(channel: str) -> Callable[[str | None], str]:
    return lambda _service: channel
