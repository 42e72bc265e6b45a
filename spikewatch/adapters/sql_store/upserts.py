"""Insert or update in one statement: the one place where SQLite and PostgreSQL differ for us."""

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite

Upsert: TypeAlias = sqlite.Insert | postgresql.Insert


def upsert(
    dialect: Dialect,
    table: Table,
    *,
    on: Sequence[str],
    replace: Sequence[str] = (),
    add: Sequence[str] = (),
) -> Upsert:
    """Return an insert that, where a row with the same `on` exists, replaces some of its fields and adds to others."""
    insert = _insert(dialect, table)
    replaced = {field: insert.excluded[field] for field in replace}
    added = {field: table.c[field] + insert.excluded[field] for field in add}
    return insert.on_conflict_do_update(index_elements=list(on), set_=replaced | added)


def insert_new(dialect: Dialect, table: Table) -> Upsert:
    """Return an insert that leaves existing rows alone."""
    return _insert(dialect, table).on_conflict_do_nothing()


def _insert(dialect: Dialect, table: Table) -> Upsert:
    if dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
