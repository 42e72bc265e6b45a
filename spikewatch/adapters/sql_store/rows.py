"""Values to rows and back. What is looked for has a column of its own; the whole value is JSON beside it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from spikewatch.core.incidents import Incident, Phase
from spikewatch.core.outbox import Delivery
from spikewatch.ports import SourceState

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_INCIDENT = TypeAdapter(Incident)
_DELIVERY = TypeAdapter(Delivery)


def micros(instant: datetime) -> int:
    """Return the instant in microseconds since the epoch, exactly."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant(value: int) -> datetime:
    """Return the instant of so many microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=value)


def source_row(name: str, state: SourceState) -> Mapping[str, object]:
    """Return how far a source has been read as the columns of its row."""
    return {
        "name": name,
        "since": micros(state.since),
        "cursor": state.cursor,
        "watermark": None if state.watermark is None else micros(state.watermark),
        "newest": None if state.newest is None else micros(state.newest),
    }


def source_of(row: Any) -> SourceState:
    """Return how far a source has been read."""
    return SourceState(
        since=instant(row.since),
        cursor=row.cursor,
        watermark=None if row.watermark is None else instant(row.watermark),
        newest=None if row.newest is None else instant(row.newest),
    )


def incident_row(incident: Incident, *, place: int) -> Mapping[str, object]:
    """Return an incident as the columns of its row; `place` is where it stands among the active ones."""
    return {
        "id": incident.id,
        "place": place,
        "phase": incident.phase,
        "opened_at": micros(incident.opened_at),
        "opened_as": incident.severity,
        "closed_as": incident.severity if incident.phase is Phase.CLOSED else None,
        "json": _INCIDENT.dump_json(incident).decode(),
    }


def incident_of(json: str) -> Incident:
    """Return the incident that was written."""
    return _INCIDENT.validate_json(json)


def delivery_row(delivery: Delivery) -> Mapping[str, object]:
    """Return a delivery as the columns of its row."""
    return {
        "key": delivery.key,
        "incident": delivery.incident,
        "receiver": delivery.receiver,
        "channel": delivery.channel,
        "stage": delivery.stage,
        "created_at": micros(delivery.created_at),
        "due": micros(delivery.due),
        "json": _DELIVERY.dump_json(delivery).decode(),
    }


def delivery_of(json: str) -> Delivery:
    """Return the delivery that was written. Raises pydantic.ValidationError where another version wrote another form."""
    return _DELIVERY.validate_json(json)
