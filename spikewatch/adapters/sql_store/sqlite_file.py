"""A store in one SQLite file, in WAL mode: who may write, how transactions begin, and how big it is."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from spikewatch.adapters.sql_store.faults import as_faults
from spikewatch.adapters.sql_store.lock import FileLock
from spikewatch.errors import Fault

_BUSY_MS = 10_000
"""How long to wait for a reader or writer in another process."""


class SqliteFile:
    """The file of a store; one transaction writes at a time."""

    def __init__(self, url: URL, *, exclusive: bool, guest: bool = False) -> None:
        """Take the right to be the only daemon on the file, or look at a file that exists already.

        guest  write beside the daemon, a row now and then

        Raises Fault where another daemon has it, where it cannot be made, or where there is none to look at.
        """
        self.path = Path(url.database or "")
        if self.path.is_dir():
            inside = self.path / "spikewatch.db"
            raise Fault(
                f"store {self.path} is a directory; name a file in it under `store`, such as {inside}"
            )
        if not exclusive and not self.path.exists():
            raise Fault(
                f"store {self.path} does not exist yet: `spikewatch run` or `spikewatch backfill` makes it"
            )
        self._lock = FileLock.taken(self.path) if exclusive else None
        self._engine = _engine(url, read_only=not (exclusive or guest))
        self._writer = self._engine.execution_options(writes=True)
        self._turn = Lock()

    @property
    def name(self) -> str:
        """How messages call the store."""
        return str(self.path)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one moment of the store."""
        with as_faults(self.name), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one transaction that writes."""
        with self._turn, as_faults(self.name), self._writer.begin() as connection:
            yield connection

    def sizes(self, _: Connection) -> tuple[int, int, int]:
        """Return the bytes of the file, those free on its volume, and those of the volume."""
        files = [file for file in (self.path, Path(f"{self.path}-wal")) if file.exists()]
        volume = shutil.disk_usage(self.path.parent)
        return sum(file.stat().st_size for file in files), volume.free, volume.total

    def holder(self, _: Connection) -> str | None:
        """Return the process of the daemon on the file; None where there is none."""
        return FileLock.holder(self.path)

    def close(self) -> None:
        """Release the file and the right to be the only daemon."""
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()


def _engine(url: URL, *, read_only: bool) -> Engine:
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
