"""From a URL to a store: the file and its lock, the schema brought up to date, and the step its counts were made with."""

import sqlite3
from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from spikewatch.adapters.sql_store.faults import as_faults
from spikewatch.adapters.sql_store.lock import FileLock
from spikewatch.adapters.sql_store.store import SqlStore
from spikewatch.adapters.sql_store.tables import meta
from spikewatch.adapters.sql_store.upserts import insert_new
from spikewatch.core.timegrid import HOUR, seconds
from spikewatch.errors import Fault, Mistake

MIGRATIONS = Path(__file__).with_name("migrations")

_BUSY_MS = 10_000
"""How long to wait for a reader or writer in another process."""

_STEP = "step_s"


def open_store(url: str, *, step: timedelta, exclusive: bool = True) -> SqlStore:
    """Return the store at `sqlite:///path`, made or brought up to date where needed.

    step       width of a bucket; a store made with another is refused
    exclusive  be the only daemon on the file; without it the store exists already and is only read

    Raises Mistake for a URL that is none of ours, and Fault where the file cannot be used: the message says why and what
    to do about it.
    """
    path = _file_of(url)
    if step <= timedelta(0) or HOUR % step:
        raise ValueError(f"a bucket of {step} does not divide an hour")
    if not exclusive and not path.exists():
        raise Fault(f"store {path} does not exist yet: `spikewatch run` or `spikewatch backfill` makes it")
    lock = FileLock.taken(path) if exclusive else None
    engine = _engine(url, read_only=not exclusive)
    try:
        with as_faults(path), engine.execution_options(writes=exclusive).begin() as connection:
            _bring_up_to_date(connection, path, may_write=exclusive)
            _check_step(connection, path, step=step, may_write=exclusive)
    except BaseException:
        engine.dispose()
        if lock is not None:
            lock.release()
        raise
    return SqlStore(engine, path=path, step=step, lock=lock)


def alembic_config(connection: Connection | None = None) -> Config:
    """Return where the migrations lie, and the connection they run on."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _file_of(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Mistake(
            f"store: {url!r} is no database URL; write for example sqlite:///var/spikewatch.db"
        ) from error
    if parsed.get_backend_name() != "sqlite":
        shown = parsed.render_as_string(hide_password=True)
        raise Mistake(
            f"store: {shown}: only SQLite is supported; write for example sqlite:///var/spikewatch.db"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise Mistake(f"store: {url!r} names no file; write for example sqlite:///var/spikewatch.db")
    return Path(parsed.database)


def _engine(url: str, *, read_only: bool) -> Engine:
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin below, and not where the driver guesses
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _bring_up_to_date(connection: Connection, path: Path, *, may_write: bool) -> None:
    config = alembic_config(connection)
    scripts = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection).get_current_revision()
    newest = scripts.get_current_head()
    if found == newest:
        return
    if found is None and inspect(connection).get_table_names():
        raise Fault(f"store {path} is a database of another program: name another file under `store`")
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise Fault(
            f"store {path} has schema version {found}, and this spikewatch knows versions up to {newest}:"
            " run the newer spikewatch that wrote it, or put a backup from before it in its place"
        )
    if not may_write:
        raise Fault(
            f"store {path} has schema version {found or 'none'}, and this spikewatch needs {newest}:"
            " start `spikewatch run` once, which brings it up to date"
        )
    command.upgrade(config, "head")


def _check_step(connection: Connection, path: Path, *, step: timedelta, may_write: bool) -> None:
    if may_write:
        connection.execute(
            insert_new(connection.dialect, meta), [{"key": _STEP, "value": str(seconds(step))}]
        )
    made_with = int(connection.scalar(select(meta.c.value).where(meta.c.key == _STEP)) or 0)
    if made_with != seconds(step):
        raise Fault(
            f"store {path} counts in buckets of {timedelta(seconds=made_with)}, the configuration says {step}:"
            f" set `bucket` back, or name another file under `store` and run `spikewatch backfill`"
        )
