"""A store as rows and back: every table as it stood at one moment, and a store made of such rows, on either database.

Rows come and go as they stand in the tables, so that nothing is interpreted twice. What was written with an older schema is
put into that schema first and then migrated, as a store that had been left alone would be.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TypeAlias

from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    func,
    inspect,
    select,
    text,
)

from spikewatch.adapters.sql_store.opening import alembic_config, bring_up_to_date, home_of
from spikewatch.adapters.sql_store.tables import metadata
from spikewatch.errors import Fault

Cell: TypeAlias = int | str | bool | bytes | None
Row: TypeAlias = Sequence[Cell]

_CHUNK = 5_000
_VERSION = "alembic_version"
_ODDS_AND_ENDS = frozenset({"meta", _VERSION})
"""Tables that hold something from the first start on: what stands in them alone makes no store worth keeping."""

_NEXT_NUMBER = text("SELECT setval(pg_get_serial_sequence(:name, :column), :newest)")


class Kind(StrEnum):
    """What the values of a column are."""

    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    BYTES = "bytes"
    JSON = "json"
    """Text that holds JSON."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column; `nullable` where a value may be missing."""

    name: str
    kind: Kind
    nullable: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table by its name and columns; shelves come in the order in which they can be filled."""

    name: str
    fields: tuple[Field, ...]


class Photograph:
    """A store as it stood at one moment; lives within `photographed`."""

    def __init__(self, connection: Connection) -> None:
        """Look through a transaction that sees one moment."""
        self._connection = connection
        found = MigrationContext.configure(connection).get_current_revision()
        self.revision = str(found)
        self.shelves = tuple(Shelf(table.name, _fields(table)) for table in metadata.sorted_tables)

    def size(self, shelf: Shelf) -> int:
        """Return how many rows a table has."""
        table = metadata.tables[shelf.name]
        return int(self._connection.scalar(select(func.count()).select_from(table)) or 0)

    def rows(self, shelf: Shelf) -> Iterator[Row]:
        """Yield the rows of a table by its key, a few thousand in memory at a time."""
        table = metadata.tables[shelf.name]
        query = select(table).order_by(*table.primary_key.columns)
        streamed = self._connection.execution_options(yield_per=_CHUNK).execute(query)
        yield from (tuple(row) for row in streamed)


@contextmanager
def photographed(url: str, *, password: SecretStr | None = None) -> Iterator[Photograph]:
    """Give a store as it stands now, while a daemon may go on writing.

    Raises Mistake and Fault as `open_store` does.
    """
    home = home_of(url, exclusive=False, password=password)
    try:
        with home.reading() as connection:
            bring_up_to_date(connection, home.name, may_write=False)
            yield Photograph(connection)
    finally:
        home.close()


def restore(
    url: str,
    *,
    revision: str,
    shelves: Iterable[tuple[Shelf, Iterable[Row]]],
    replace: bool = False,
    password: SecretStr | None = None,
) -> None:
    """Fill a store with rows, all or none, and bring it up to date.

    revision  of the schema that the rows were written with
    replace   drop what the store holds; without it a store that holds anything is refused

    Raises Fault where a daemon has the store, where it holds something, and where the revision is not known.
    """
    home = home_of(url, exclusive=True, password=password)
    try:
        with home.writing() as connection:
            _require_revision(connection, revision)
            _make_room(connection, home.name, replace=replace)
            command.upgrade(alembic_config(connection), revision)
            made = _found(connection)
            for shelf, rows in shelves:
                _fill(connection, made.tables[shelf.name], shelf, rows)
            _go_on_counting(connection, made)
            bring_up_to_date(connection, home.name, may_write=True)
    finally:
        home.close()


def _fields(table: Table) -> tuple[Field, ...]:
    return tuple(Field(column.name, _kind(column), bool(column.nullable)) for column in table.columns)


def _kind(column: Column[object]) -> Kind:
    if isinstance(column.type, LargeBinary):
        return Kind.BYTES
    if isinstance(column.type, Boolean):
        return Kind.FLAG
    if isinstance(column.type, Integer):
        return Kind.NUMBER
    return Kind.JSON if column.name == "json" else Kind.TEXT


def _require_revision(connection: Connection, revision: str) -> None:
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    if revision not in {script.revision for script in scripts.walk_revisions()}:
        raise Fault(
            f"the archive was written with schema version {revision}, and this spikewatch knows versions up to"
            f" {scripts.get_current_head()}: use the newer spikewatch that wrote it"
        )


def _make_room(connection: Connection, store: str, *, replace: bool) -> None:
    """Leave nothing in the way of the rows; raise Fault where something is that must not go."""
    names = set(inspect(connection).get_table_names())
    if names and _VERSION not in names:
        raise Fault(f"store {store} is a database of another program: name another under `store`")
    there = _found(connection)
    held = [name for name in sorted(names - _ODDS_AND_ENDS) if _holds(connection, there.tables[name])]
    if held and not replace:
        raise Fault(
            f"store {store} holds data already ({', '.join(held)}): name an empty one under `store`, or say --replace to"
            " drop all that it holds"
        )
    there.drop_all(connection)


def _found(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found


def _holds(connection: Connection, table: Table) -> bool:
    return connection.execute(select(table).limit(1)).first() is not None


def _fill(connection: Connection, table: Table, shelf: Shelf, rows: Iterable[Row]) -> None:
    names = [field.name for field in shelf.fields]
    coming = iter(rows)
    while chunk := [dict(zip(names, row, strict=True)) for row in islice(coming, _CHUNK)]:
        connection.execute(table.insert(), chunk)


def _go_on_counting(connection: Connection, made: MetaData) -> None:
    """Have a server number new rows after those that came with their numbers; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in made.sorted_tables:
        key = next(iter(table.primary_key.columns), None)
        if key is None or not isinstance(key.type, Integer) or key.server_default is None:
            continue
        newest = connection.scalar(select(func.max(key)))
        if newest is not None:
            connection.execute(_NEXT_NUMBER, {"name": table.name, "column": key.name, "newest": newest})
