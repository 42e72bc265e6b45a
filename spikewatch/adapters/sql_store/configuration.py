"""The configuration in force, as one JSON text beside the other odds and ends."""

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from spikewatch.adapters.sql_store.tables import meta
from spikewatch.adapters.sql_store.upserts import upsert
from spikewatch.ports import InForce

_KEY = "configuration"
_IN_FORCE = TypeAdapter(InForce)


def read(connection: Connection) -> InForce | None:
    """Return what was kept last; None where no daemon ever ran."""
    text = connection.scalar(select(meta.c.value).where(meta.c.key == _KEY))
    return None if text is None else _IN_FORCE.validate_json(text)


def write(connection: Connection, kept: InForce) -> None:
    """Keep it in place of the one before."""
    row = {"key": _KEY, "value": _IN_FORCE.dump_json(kept).decode()}
    connection.execute(upsert(connection.dialect, meta, on=["key"], replace=["value"]), [row])
