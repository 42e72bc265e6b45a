"""From the inbox to incidents: what people did is applied once, told, labelled and answered.

An act is in the inbox before its vendor hears that it arrived. It is settled in one transaction with all that follows from
it: the incident, its labels, the outbox rows and the entry itself; so a crash at any point neither loses nor doubles one.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.acts import (
    Act,
    ActKind,
    ActStage,
    Applied,
    Entry,
    Refusal,
    Refused,
    apply,
    told_again,
)
from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery, Receipt, Stage
from spikewatch.core.settings import Language
from spikewatch.core.wording.answers import answer
from spikewatch.ports import Audience, Clock, CycleCommit, Meter, PortError, Store, Unavailable

ANSWERABLE_FOR = timedelta(minutes=30)
"""A vendor takes answers to a press for so long; later ones reach nobody."""

_SEEN = frozenset({ActKind.ACKNOWLEDGE, ActKind.HAND_BACK})
"""Acts whose effect the message shows at once: only a refusal is worth an answer."""

_NAMELESS = frozenset({Stage.SENDING, Stage.UNKNOWN})
"""Stages in which a message may be there already and its name is not known."""

log = logging.getLogger(__name__)


class Acting:
    """Settles acts in the order of arrival; `run` is called by one thread at a time, `receive` by any.

    plan         turns notices into outbox rows
    morning      returns the next business morning after an instant
    turn         held while incidents change: whoever judges holds it too
    audience     who may act and how they are answered; None where acts come from shells alone
    language_of  the language of a channel
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        meter: Meter,
        plan: Callable[[Sequence[Notice], datetime], Sequence[Delivery]],
        morning: Callable[[datetime], datetime],
        turn: AbstractContextManager[object],
        zone: ZoneInfo,
        audience: Audience | None = None,
        language_of: Callable[[str], Language] = lambda _: Language.EN,
    ) -> None:
        """Hold the parts; nothing is read yet."""
        self._store = store
        self._clock = clock
        self._meter = meter
        self._plan = plan
        self._morning = morning
        self._turn = turn
        self._zone = zone
        self._audience = audience
        self._language_of = language_of

    def receive(self, act: Act) -> bool:
        """Put an act into the inbox; return False where it is there already. Raises Fault where the store fails."""
        is_new = self._store.receive_act(act, at=self._clock.now())
        log.info("act_received" if is_new else "act_repeated", extra=_fields(act))
        return is_new

    def run(self) -> int:
        """Settle every act of the inbox, then answer whoever waits; return how many were settled."""
        received = self._store.acts(stage=ActStage.RECEIVED)
        for entry in received:
            refused = self._not_permitted(entry.act)
            with self._turn:
                self._settle(entry, refused)
        for entry in self._store.acts(stage=ActStage.SETTLED):
            self._answer(entry)
        return len(received)

    # -- settling

    def _settle(self, entry: Entry, refused: Refused | None) -> None:
        now, act = self._clock.now(), entry.act
        incident = self._store.incident(act.incident)
        rows = self._store.deliveries_of(act.incident)
        if incident is not None:
            refused = refused or _elsewhere(act, rows)
        outcome = refused or apply(act, incident, now=now, morning=self._morning)
        if isinstance(outcome, Refused):
            self._store.save_act(entry.settled(at=now, refused=outcome))
        else:
            self._commit(entry, outcome, rows=rows, now=now)
        said = outcome.why.value if isinstance(outcome, Refused) else "applied"
        self._meter.acted(act=act.kind, outcome=said)
        log.info("act_settled", extra={**_fields(act), "outcome": said})

    def _commit(self, entry: Entry, applied: Applied, *, rows: Sequence[Delivery], now: datetime) -> None:
        incident, state = applied.incident, self._store.judge_state()
        active = tuple(incident if each.id == incident.id else each for each in state.incidents.active)
        settled = entry.settled(at=now, refused=None)
        if entry.act.kind in _SEEN:
            settled = settled.answered()
        self._store.commit_cycle(
            CycleCommit(
                state=replace(state, incidents=replace(state.incidents, active=active)),
                changed=(incident,),
                deliveries=tuple(self._plan(_notices(applied, rows=rows, now=now), now)),
                acts=(settled,),
            )
        )

    def _not_permitted(self, act: Act) -> Refused | None:
        if self._audience is None or act.user is None:
            return None
        try:
            allowed = self._audience.may_act(act.user)
        except PortError as error:
            log.warning("permission_not_checked", extra={**_fields(act), "error": str(error)})
            return Refused(Refusal.NOT_CHECKED)
        return None if allowed else Refused(Refusal.NOT_ALLOWED)

    # -- answering

    def _answer(self, entry: Entry) -> None:
        act = entry.act
        if self._audience is None or act.address is None or self._clock.now() - act.at > ANSWERABLE_FOR:
            self._store.save_act(entry.answered())
            return
        incident = self._store.incident(act.incident)
        text = answer(entry, incident, language=self._language(act), zone=self._zone)
        try:
            self._audience.answer(act.address, text)
        except Unavailable as error:
            log.info("answer_waits", extra={**_fields(act), "error": str(error)})
            return
        except PortError as error:
            log.warning("answer_given_up", extra={**_fields(act), "error": str(error)})
        self._store.save_act(entry.answered())

    def _language(self, act: Act) -> Language:
        """Return the language of the message whose button was pressed."""
        pressed = None if act.message is None else Receipt(*act.message)
        rows = self._store.deliveries_of(act.incident)
        row = next((row for row in rows if row.receipt == pressed), None)
        if row is None:
            return self._language_of("")
        return row.language or self._language_of(row.channel)


def _elsewhere(act: Act, rows: Sequence[Delivery]) -> Refused | None:
    """Refuse a press on a message that is not ours: of another installation that shares the app and names incidents alike.

    A message is ours where a delivery of the incident has its name, or is on its way and does not know it yet.
    """
    if act.message is None or Receipt(*act.message) in {row.receipt for row in rows}:
        return None
    is_on_its_way = any(row.stage in _NAMELESS and row.receipt is None for row in rows)
    return None if is_on_its_way else Refused(Refusal.ELSEWHERE)


def _notices(applied: Applied, *, rows: Sequence[Delivery], now: datetime) -> Sequence[Notice]:
    """Return what is told of an act: nothing where the incident was never told, or is told no more."""
    told = [row.notice for row in rows if isinstance(row.notice, Notice)]
    incident: Incident = applied.incident
    if not told or incident.phase is Phase.CLOSED:
        return ()
    newest = max(told, key=lambda notice: notice.facts.revision)
    return (told_again(newest, incident=incident, reason=applied.reason, at=now),)


def _fields(act: Act) -> dict[str, str]:
    return {"act": act.kind.value, "incident": act.incident, "by": act.by, "via": act.via.value}
