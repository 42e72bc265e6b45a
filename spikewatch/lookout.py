"""The lookout: notices when a source is not read any more, and when it is again, and hands that to the outbox.

What it knows is in the store: a blindness is a delivery, and it lasts until a second one says that it ended.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from spikewatch.core.blindness import BlindNotice, Cause, begun, ended, removed
from spikewatch.core.outbox import Delivery
from spikewatch.core.timegrid import bucket_number
from spikewatch.coverage import Coverage
from spikewatch.ports import CycleCommit, SourceState, Store

LEAST_LIMIT = timedelta(minutes=15)
POLLS = 3

log = logging.getLogger(__name__)


def blind_after(poll_every: timedelta) -> timedelta:
    """Return how old a watermark may be before that is blindness: three polls, and at least a quarter of an hour."""
    return max(LEAST_LIMIT, POLLS * poll_every)


class Lookout:
    """Looks at every watermark; `look` is called by the thread that judges, right after it has judged.

    A blindness is over once the source is read in time again and what was missed has been judged: only then it can be told.

    limit   how old a watermark may be
    step    of a bucket
    causes  by source, why it is not read; None while that is not known yet
    plan    turns notices into outbox rows
    """

    def __init__(
        self,
        store: Store,
        *,
        limit: timedelta,
        step: timedelta,
        causes: Mapping[str, Callable[[], Cause | None]],
        plan: Callable[[Sequence[BlindNotice], datetime], Sequence[Delivery]],
    ) -> None:
        """Hold the parts; nothing is read yet."""
        self.limit = limit
        self._store = store
        self._step = step
        self._causes = causes
        self._plan = plan
        self._blind: dict[str, BlindNotice] | None = None

    def look(self, *, now: datetime) -> Sequence[BlindNotice]:
        """Tell of every blindness that began or ended since the last look, once; return what was handed over."""
        lasting, states = self._lasting(), self._store.source_states()
        unjudged = self._unjudged(states) if any(map(_is_lasting, lasting.values())) else ()
        notices = []
        for source, state in states.items():
            told = lasting.get(source)
            notice = self._change(source, state, told, is_judged=source not in unjudged, now=now)
            if notice is not None:
                notices.append(notice)
        gone = [told for told in lasting.values() if _is_lasting(told) and told.facts.source not in states]
        notices += [removed(told, at=now) for told in gone]
        if not notices:
            return ()
        deliveries = tuple(self._plan(notices, now))
        self._store.commit_cycle(CycleCommit(self._store.judge_state(), deliveries=deliveries))
        self._blind = {**lasting, **{notice.facts.source: notice for notice in notices}}
        for notice in notices:
            _log(notice)
        return notices

    def _unjudged(self, states: Mapping[str, SourceState]) -> frozenset[str]:
        """Return the sources that are read again and whose missed buckets are not all judged yet."""
        state = self._store.judge_state()
        coverage = Coverage.of(self._store, states)
        due = coverage.due(state.behind, judged_until=state.judged_until or 0, step=self._step)
        return frozenset(name for name, services in coverage.feeds.items() if not services.isdisjoint(due))

    def _change(
        self, source: str, state: SourceState, told: BlindNotice | None, *, is_judged: bool, now: datetime
    ) -> BlindNotice | None:
        lasting = told if told is not None and _is_lasting(told) else None
        if state.watermark is None or source not in self._causes:
            return None
        if now - state.watermark <= self.limit:
            return self._ended(lasting, source, state.watermark, now=now) if lasting and is_judged else None
        cause = self._causes[source]()
        return None if lasting or cause is None else begun(source, cause, since=state.watermark, at=now)

    def _ended(self, told: BlindNotice, source: str, until: datetime, *, now: datetime) -> BlindNotice:
        """Return what is told of the end: what was missed in the services that the source feeds."""
        since, services = told.facts.since, self._store.feeds().get(source, frozenset())
        first, stop = bucket_number(since, self._step), bucket_number(until, self._step)
        cells = self._store.counts(first=first, stop=stop)
        missed = [
            incident
            for incident in self._store.incidents(since=since)
            if incident.opened_at > since
            and incident.merged_into is None
            and (incident.service is None or incident.service in services)
        ]
        own = np.array([key.service in services for key in cells.roster.keys], dtype=np.bool_)[cells.row]
        tickets = int((cells.tickets - cells.late)[own].sum())
        return ended(told, until=until, tickets=tickets, incidents=len(missed), at=now)

    def _lasting(self) -> dict[str, BlindNotice]:
        """Return the newest notice of each source, learnt from the store once."""
        if self._blind is None:
            self._blind = {}
            for delivery in self._store.deliveries():
                notice = delivery.notice
                if isinstance(notice, BlindNotice):
                    self._blind[notice.facts.source] = notice
        return self._blind


def _is_lasting(told: BlindNotice) -> bool:
    return told.facts.until is None


def _log(notice: BlindNotice) -> None:
    facts = notice.facts
    fields = {"source": facts.source, "cause": facts.cause.value, "since": facts.since.isoformat()}
    if facts.until is None:
        log.warning("blind", extra=fields)
    elif facts.removed:
        log.info("source_removed", extra=fields)
    else:
        log.info("seeing_again", extra={**fields, "until": facts.until.isoformat(), "tickets": facts.tickets})
