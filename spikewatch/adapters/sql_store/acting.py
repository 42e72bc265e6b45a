"""Statements of acting: the inbox of acts, labels and silences; each within its caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, delete, insert, select, update

from spikewatch.adapters.sql_store.rows import instant, micros
from spikewatch.adapters.sql_store.tables import act, label, silence
from spikewatch.adapters.sql_store.upserts import insert_new
from spikewatch.core.acts import Act, ActStage, Entry
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.incidents import Incident
from spikewatch.core.labels import Noted, labels_of
from spikewatch.core.muting import Silence
from spikewatch.core.timegrid import Span

_ENTRY = TypeAdapter(Entry)
_SILENCE = TypeAdapter(Silence)


def receive(connection: Connection, received: Act, *, at: datetime) -> bool:
    """Write a new act; return False where its key is known."""
    entry = Entry(received)
    row = {
        "key": received.key,
        "incident": received.incident,
        "stage": entry.stage,
        "received_at": micros(at),
        "json": _ENTRY.dump_json(entry).decode(),
    }
    made = insert_new(connection.dialect, act).values(row).returning(act.c.number)
    return connection.scalar(made) is not None


def entry_of(connection: Connection, key: str) -> Entry | None:
    """Return an act with what became of it."""
    json = connection.scalar(select(act.c.json).where(act.c.key == key))
    return None if json is None else _ENTRY.validate_json(json)


def entries(connection: Connection, stage: ActStage) -> Sequence[Entry]:
    """Return the acts of one stage in the order of arrival."""
    query = select(act.c.json).where(act.c.stage == stage).order_by(act.c.number)
    return [_ENTRY.validate_json(json) for json in connection.scalars(query)]


def write_entry(connection: Connection, entry: Entry) -> None:
    """Write an act over its earlier state."""
    values = {"stage": entry.stage, "json": _ENTRY.dump_json(entry).decode()}
    connection.execute(update(act).where(act.c.key == entry.act.key).values(values))


def labels(connection: Connection) -> Sequence[Noted]:
    """Return every label in the order in which they begin."""
    return [_noted(row) for row in connection.execute(select(label).order_by(label.c.start, label.c.number))]


def add_labels(connection: Connection, wanted: Sequence[Noted]) -> int:
    """Write the labels that are not there yet; return how many."""
    known = {each.label for each in labels(connection) if each.incident is None}
    new = {each.label: each for each in wanted if each.label not in known}
    _write_labels(connection, list(new.values()))
    return len(new)


def write_verdicts(connection: Connection, changed: Sequence[Incident]) -> None:
    """Write the labels of incidents over their earlier ones."""
    judged = {each.id: each for each in changed if each.handling.verdict is not None}
    if judged:
        connection.execute(delete(label).where(label.c.incident.in_(judged)))
    _write_labels(connection, [noted for each in judged.values() for noted in labels_of(each)])


def remove_label(connection: Connection, number: int) -> bool:
    """Drop a label that is no verdict on an incident; return False where there is none of that number."""
    gone = delete(label).where(label.c.number == number, label.c.incident.is_(None))
    return connection.execute(gone).rowcount == 1


def silences(connection: Connection, *, ending_after: datetime) -> Sequence[Silence]:
    """Return the silences that end after an instant, by number."""
    query = select(silence.c.json).where(silence.c.end > micros(ending_after)).order_by(silence.c.number)
    return [_SILENCE.validate_json(json) for json in connection.scalars(query)]


def save_silence(connection: Connection, given: Silence) -> Silence:
    """Write a new silence and return it with its number, or write over the one of that number."""
    kept = given
    if given.number is None:
        made = insert(silence).values(_silence_row(given)).returning(silence.c.number)
        kept = replace(given, number=connection.scalar(made))
    connection.execute(update(silence).where(silence.c.number == kept.number).values(_silence_row(kept)))
    return kept


def _write_labels(connection: Connection, wanted: Sequence[Noted]) -> None:
    rows = [_label_row(each) for each in wanted]
    if rows:
        connection.execute(insert(label), rows)


def _label_row(noted: Noted) -> dict[str, object]:
    given = noted.label
    return {
        "start": micros(given.span.start),
        "end": micros(given.span.end),
        "service": given.service,
        "category": given.category,
        "kind": given.kind,
        "author": noted.author,
        "note": noted.note,
        "recorded_at": None if given.recorded_at is None else micros(given.recorded_at),
        "incident": noted.incident,
    }


def _noted(row: Any) -> Noted:
    recorded_at = None if row.recorded_at is None else instant(row.recorded_at)
    span = Span(instant(row.start), instant(row.end))
    said = Label(span, row.service, row.category, LabelKind(row.kind), recorded_at)
    return Noted(said, row.author, row.note, row.incident, row.number)


def _silence_row(given: Silence) -> Mapping[str, Any]:
    return {
        "start": micros(given.span.start),
        "end": micros(given.span.end),
        "json": _SILENCE.dump_json(given).decode(),
    }
