"""`status`: how a daemon stands, as its store tells it."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from spikewatch.adapters.clock import SystemClock
from spikewatch.app.detecting import detector_of
from spikewatch.app.spending import not_labelled_real, opened_lately
from spikewatch.app.storing import store_of
from spikewatch.app.waiting import Waiting, waiting
from spikewatch.config import Config, Purpose, load
from spikewatch.core.blindness import Blindness, BlindNotice
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.muting import Silence
from spikewatch.core.timegrid import WEEK, bucket_start
from spikewatch.core.wording.blindness import because
from spikewatch.ports import InForce, Store, StoreStats


def status(path: str | Path, *, env: Mapping[str, str], as_json: bool) -> Iterable[str]:
    """Return the lines that tell how a daemon's store stands: open incidents, data age, queue."""
    config = load(path, env=env, purpose=Purpose.CHECK)
    store = store_of(config, exclusive=False)
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
    unread: frozenset[str]
    former: frozenset[str]
    blind: Mapping[str, Blindness]
    judged_until: datetime | None
    incidents: Sequence[Incident]
    queue: Mapping[str, int]
    opened_this_week: int
    spent_this_week: int
    silences: Sequence[Silence]
    budget: float
    stats: StoreStats
    waits: Waiting | None
    in_force: InForce | None

    def as_json(self) -> dict[str, object]:
        return {
            "now": self.now.astimezone(self.zone).isoformat(),
            "sources": {
                name: {
                    "watermark": self._iso(mark),
                    "age_seconds": self._age(mark),
                    "blind_because": self.blind[name].cause.value if name in self.blind else None,
                }
                for name, mark in self.watermarks.items()
            },
            "configuration": None
            if self.in_force is None
            else {
                "in_force_since": self._iso(self.in_force.since),
                "refused_at": self._iso(self.in_force.refused_at),
                "problems": list(self.in_force.refused),
            },
            "judged_until": self._iso(self.judged_until),
            "waits_for": None if self.waits is None else str(self.waits),
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
                    "acknowledged_by": incident.handling.acknowledged_by,
                    "snoozed_until": self._iso(incident.handling.snoozed_until),
                    "dismissed_by": incident.handling.dismissed_by,
                    "label": None
                    if incident.handling.verdict is None
                    else incident.handling.verdict.kind.value,
                }
                for incident in self.incidents
            ],
            "queue": dict(self.queue),
            "budget": {
                "incidents_last_7_days": self.opened_this_week,
                "not_labelled_real": self.spent_this_week,
                "false_alarms_per_week": self.budget,
            },
            "silences": [
                {
                    "silence": silence.number,
                    "matcher": str(silence.matcher),
                    "until": self._iso(silence.span.end),
                    "author": silence.author,
                    "reason": silence.reason,
                }
                for silence in self.silences
            ],
            "store": {
                "bytes": self.stats.size_bytes,
                "tickets": self.stats.tickets,
                "counts": self.stats.count_rows,
            },
        }

    def lines(self) -> Iterator[str]:
        for name, mark in self.watermarks.items():
            yield from self._source(name, mark)
        if self.in_force is not None and self.in_force.refused_at is not None:
            kept, at = self._local(self.in_force.since), self._local(self.in_force.refused_at)
            yield f"configuration: refused at {at}; the one of {kept} stays in force"
            yield from (f"  {problem}" for problem in self.in_force.refused)
        judged = "nothing yet" if self.judged_until is None else f"up to {self._local(self.judged_until)}"
        yield f"judged: {judged}"
        if self.waits is not None:
            yield f"detection waits: {self.waits}"
        unresolved = [incident for incident in self.incidents if incident.phase is Phase.OPEN]
        yield f"open incidents: {len(unresolved) or 'none'}"
        for incident in unresolved:
            name = incident.service or "company-wide"
            since = self._local(incident.started_at)
            yield (
                f"  {incident.id}  {incident.severity.value}  {name}  since {since},"
                f" {incident.excess:.0f} tickets above normal{self._handled(incident.handling)}"
            )
        for silence in self.silences:
            yield (
                f"silence {silence.number}: {silence.matcher} until {self._local(silence.span.end)},"
                f" by {silence.author}: {silence.reason}"
            )
        yield (
            f"incidents of the last 7 days: {self.opened_this_week}, {self.spent_this_week} of them not labelled real"
            f" (budget for false alarms: {self.budget:g} a week)"
        )
        waiting = ", ".join(f"{number} {stage}" for stage, number in sorted(self.queue.items())) or "none"
        yield f"messages waiting: {waiting}"
        held = f"{self.stats.tickets} tickets, {self.stats.count_rows} counts"
        yield f"store: {self.stats.size_bytes / 1e6:.1f} MB, {held}"

    def _source(self, name: str, mark: datetime | None) -> Iterator[str]:
        """Yield how far a source has been read, and why not further where that was told."""
        if mark is not None:
            gone = "; no longer in the configuration" if name in self.former else ""
            yield f"source {name}: read up to {self._local(mark)}, {self._ago(mark)}{gone}"
        elif name in self.unread:
            yield f"source {name}: nothing read yet; `spikewatch doctor` says what stands in the way"
        else:
            yield f"source {name}: not read to the end yet"
        if name in self.blind:
            blindness = self.blind[name]
            yield f"  blind since {self._local(blindness.since)}: {because(blindness.cause)}"

    def _handled(self, handling: Handling) -> str:
        """Return who has an incident and how long it keeps quiet, as the end of its line."""
        said = []
        if handling.acknowledged_by is not None:
            said.append(f"acknowledged by {handling.acknowledged_by}")
        if handling.snoozed_until is not None and handling.snoozed_until > self.now:
            said.append(f"snoozed until {self._local(handling.snoozed_until)}")
        if handling.dismissed_by is not None:
            said.append(f"closed by {handling.dismissed_by}")
        if handling.verdict is not None:
            said.append(f"labelled {handling.verdict.kind.value}")
        return f" ({', '.join(said)})" if said else ""

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
    opened = opened_lately(recent, now=now)
    states = store.source_states()
    configured = dict.fromkeys(source.name for source in config.sources)
    return _Status(
        now=now,
        zone=config.timezone,
        watermarks={
            name: states[name].watermark if name in states else None for name in {**configured, **states}
        },
        unread=frozenset(configured.keys() - states.keys()),
        former=frozenset(states.keys() - configured.keys()),
        blind=_blind(store, among=configured),
        judged_until=None if judged is None else bucket_start(judged, config.bucket),
        incidents=[incident for incident in recent if incident.phase is not Phase.CLOSED],
        queue=Counter(delivery.stage.value for delivery in store.unsettled()),
        opened_this_week=len(opened),
        spent_this_week=not_labelled_real(opened),
        silences=[silence for silence in store.silences(ending_after=now) if silence.span.start <= now],
        budget=config.detection.false_alarms_per_week,
        stats=store.stats(),
        waits=waiting(store, detector_of(config, at=now), progress={}, now=now),
        in_force=store.in_force(),
    )


def _blind(store: Store, *, among: Collection[str]) -> Mapping[str, Blindness]:
    """Return the blindness of each source that was told and has not ended."""
    newest = {}
    for delivery in store.deliveries():
        if isinstance(delivery.notice, BlindNotice):
            newest[delivery.notice.facts.source] = delivery.notice.facts
    return {name: facts for name, facts in newest.items() if facts.until is None and name in among}
