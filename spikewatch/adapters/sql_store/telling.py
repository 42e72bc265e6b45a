"""Statements of judging and telling: incidents, the outbox and receipts; each within its caller's transaction."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from json import dumps, loads

from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from spikewatch.adapters.sql_store.rows import delivery_of, delivery_row, incident_of, incident_row, micros
from spikewatch.adapters.sql_store.tables import incident, judge, outbox, told
from spikewatch.adapters.sql_store.upserts import upsert
from spikewatch.core.incidents import Incident, Incidents, Phase
from spikewatch.core.outbox import Delivery, Receipt, Stage, in_place_of, superseded
from spikewatch.ports import JudgeState

UNSETTLED = (Stage.QUEUED, Stage.SENDING, Stage.UNKNOWN)

log = logging.getLogger(__name__)

_JUDGE = 1
"""The id of the one row of the judging loop."""


def judge_state(connection: Connection) -> JudgeState:
    """Return where judging stands."""
    row = connection.execute(select(judge)).first()
    if row is None:
        return JudgeState()
    active = (
        select(incident.c.json)
        .where(incident.c.phase != Phase.CLOSED)
        .order_by(incident.c.place, incident.c.number)
    )
    incidents = tuple(incident_of(text) for text in connection.scalars(active))
    behind = {} if row.behind is None else loads(row.behind)
    return JudgeState(row.judged_until, Incidents(incidents, row.next_number), behind)


def write_judge_state(connection: Connection, state: JudgeState, *, changed: Sequence[Incident]) -> None:
    """Write where judging stands, with every active and every changed incident."""
    row = {
        "judged_until": state.judged_until,
        "next_number": state.incidents.next_number,
        "behind": dumps(dict(state.behind)) if state.behind else None,
    }
    connection.execute(
        upsert(connection.dialect, judge, on=["id"], replace=list(row)), [{"id": _JUDGE, **row}]
    )
    active = {each.id: each for each in state.incidents.active}
    place = {identifier: index for index, identifier in enumerate(active)}
    written = {each.id: each for each in changed} | active
    rows = [incident_row(each, place=place.get(each.id, len(place))) for each in written.values()]
    fields = ["place", "phase", "opened_at", "closed_as", "json"]
    if rows:
        connection.execute(upsert(connection.dialect, incident, on=["id"], replace=fields), rows)


def incidents_since(connection: Connection, since: datetime) -> Sequence[Incident]:
    """Return incidents opened since then and all that are not closed, by opening."""
    wanted = (incident.c.opened_at >= micros(since)) | (incident.c.phase != Phase.CLOSED)
    query = select(incident.c.json).where(wanted).order_by(incident.c.opened_at, incident.c.number)
    return [incident_of(json) for json in connection.scalars(query)]


def incidents_by(connection: Connection, severity: ColumnElement[str]) -> Mapping[str, int]:
    """Return how many incidents have each value in that column."""
    query = select(severity, func.count()).where(severity.is_not(None)).group_by(severity)
    return dict(connection.execute(query).all())


def queue(connection: Connection, delivery: Delivery) -> None:
    """Write a new delivery and supersede those it overtakes; ignore it where its key is known."""
    if connection.execute(select(outbox.c.key).where(outbox.c.key == delivery.key)).first() is not None:
        return
    overtaken = select(outbox.c.json).where(
        outbox.c.incident == delivery.incident,
        outbox.c.channel == delivery.channel,
        outbox.c.stage == Stage.QUEUED,
    )
    queued = list(_readable(connection.scalars(overtaken))) if not delivery.is_reply else []
    for older in [each for each in queued if not each.is_reply]:
        write_delivery(connection, superseded(older, why=f"superseded by {delivery.key}"))
        delivery = in_place_of(older, newer=delivery)
    write_delivery(connection, delivery)


def write_delivery(connection: Connection, delivery: Delivery) -> None:
    """Write a delivery over its earlier state."""
    row = delivery_row(delivery)
    fields = [field for field in row if field != "key"]
    connection.execute(upsert(connection.dialect, outbox, on=["key"], replace=fields), [row])


def deliveries(connection: Connection, stages: Sequence[str]) -> Sequence[Delivery]:
    """Return deliveries of these stages, oldest first."""
    query = (
        select(outbox.c.json).where(outbox.c.stage.in_(stages)).order_by(outbox.c.created_at, outbox.c.number)
    )
    return list(_readable(connection.scalars(query)))


def park_unreadable(connection: Connection) -> None:
    """Give up what another version wrote and this one cannot read, for nobody could tell it; the log says what it was.

    The row stays as long as any, and is passed over wherever deliveries are read.
    """
    for row in connection.execute(select(outbox).where(outbox.c.stage.in_((*UNSETTLED, Stage.HELD)))).all():
        why = _why_unreadable(row.json)
        if why is not None:
            connection.execute(update(outbox).where(outbox.c.key == row.key).values(stage=Stage.DEAD))
            names = {"key": row.key, "incident": row.incident, "channel": row.channel}
            log.error("delivery_unreadable", extra={**names, "error": why})


def _why_unreadable(row: str) -> str | None:
    try:
        delivery_of(row)
    except ValidationError as error:
        fault = error.errors()[0]
        return f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
    return None


def _readable(rows: Iterable[str]) -> Iterator[Delivery]:
    for row in rows:
        try:
            yield delivery_of(row)
        except ValidationError:  # parked with its reason when the store was opened
            continue


def incident_named(connection: Connection, identifier: str) -> Incident | None:
    """Return an incident, closed or not; None where there never was one of that name."""
    json = connection.scalar(select(incident.c.json).where(incident.c.id == identifier))
    return None if json is None else incident_of(json)


def deliveries_of(connection: Connection, identifier: str) -> Sequence[Delivery]:
    """Return the deliveries of one incident, oldest first."""
    wanted = select(outbox.c.json).where(outbox.c.incident == identifier)
    return list(_readable(connection.scalars(wanted.order_by(outbox.c.created_at, outbox.c.number))))


def write_receipt(connection: Connection, delivery: Delivery, receipt: Receipt) -> None:
    """Remember the message of an incident in a channel."""
    row = {
        "incident": delivery.incident,
        "channel": delivery.channel,
        "receipt_channel": receipt.channel,
        "receipt_message": receipt.message,
    }
    fields = ["receipt_channel", "receipt_message"]
    connection.execute(upsert(connection.dialect, told, on=["incident", "channel"], replace=fields), [row])


def receipt_of(connection: Connection, *, incident: str, channel: str) -> Receipt | None:
    """Return the message of an incident in a channel."""
    query = select(told.c.receipt_channel, told.c.receipt_message).where(
        told.c.incident == incident, told.c.channel == channel
    )
    row = connection.execute(query).first()
    return None if row is None else Receipt(row.receipt_channel, row.receipt_message)


def drop_settled(connection: Connection, *, before: datetime) -> int:
    """Drop settled deliveries made before that; return how many."""
    old = outbox.c.created_at < micros(before)
    return connection.execute(delete(outbox).where(old, outbox.c.stage.not_in(UNSETTLED))).rowcount
