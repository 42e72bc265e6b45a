"""`status`: how a daemon stands, as its store tells it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.sql_store import open_store
from spikewatch.config import Config, Purpose, load
from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.timegrid import WEEK, bucket_start
from spikewatch.ports import Store, StoreStats


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
