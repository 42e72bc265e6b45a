"""Insert or update in one statement: the one place where SQLite and PostgreSQL differ for us."""

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Upsert: TypeAlias = sqlite.Insert | postgresql.Insert


def upsert(
    connection: Connection,
    table: Table,
    *,
    on: Sequence[str],
    replace: Sequence[str] = (),
    add: Sequence[str] = (),
) -> Upsert:
    """Return an insert that, where a row with the same `on` exists, replaces some of its fields and adds to others."""
    insert = _insert(connection, table)
    replaced = {field: insert.excluded[field] for field in replace}
    added = {field: table.c[field] + insert.excluded[field] for field in add}
    return insert.on_conflict_do_update(index_elements=list(on), set_=replaced | added)


def insert_new(connection: Connection, table: Table) -> Upsert:
    """Return an insert that leaves existing rows alone."""
    return _insert(connection, table).on_conflict_do_nothing()


def _insert(connection: Connection, table: Table) -> Upsert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
