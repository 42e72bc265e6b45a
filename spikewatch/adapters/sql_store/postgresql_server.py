"""A store in a schema of a PostgreSQL database: who may write, how a lost connection is noticed, and how big it is.

All writing goes over one connection, and that connection holds an advisory lock for as long as it lives. Whoever loses it,
because the server restarted or the network broke, has lost the right to write in the same moment, and has to win it again.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from sqlalchemy import URL, Connection, create_engine, text

from spikewatch.adapters.sql_store.faults import as_faults
from spikewatch.errors import Fault

_APPLICATION = 0x5350494B
"""Half of the lock's key, ours alone; the other half is the schema."""

_TAKE = text("SELECT pg_try_advisory_lock(:application, hashtext(current_schema()))")
_HOLDER = text(
    "SELECT activity.application_name FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)"
    " WHERE held.locktype = 'advisory' AND held.granted AND held.classid = :application"
    " AND held.objid = (hashtext(current_schema())::bigint & 4294967295)::oid"
    " AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_LIVE_LONG = text(
    "SELECT set_config('idle_session_timeout', '0', false), set_config('lock_timeout', '30s', false),"
    " set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),"
    " set_config('tcp_keepalives_count', '3', false)"
)
"""The server keeps an idle daemon, and notices within a minute that one is gone, so that another may begin."""

_SIZE = text(
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class"
    " WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
)

_PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""A server that is gone without a word is noticed within a minute; the URL's own values win."""


class PostgresqlServer:
    """The server of a store; one transaction writes at a time."""

    def __init__(self, url: URL, *, exclusive: bool, guest: bool = False) -> None:
        """Take the right to be the only daemon on the schema, where it is asked for.

        guest  write beside the daemon, a row now and then

        Raises Fault where another daemon has it, or where the server cannot be used.
        """
        self.name = url.set(query={}).render_as_string(hide_password=True)
        asked = url.query
        engine = create_engine(
            url,
            isolation_level="REPEATABLE READ",
            pool_pre_ping=True,  # a reader after a restart of the server begins with a fresh connection
            connect_args={key: value for key, value in _PATIENCE.items() if key not in asked}
            | {"application_name": f"spikewatch on {socket.gethostname()}, process {os.getpid()}"},
        )
        self._engine = engine
        self._reader = engine.execution_options(postgresql_readonly=True)
        self._leading: Connection | None = None
        self._is_guest = guest
        self._turn = Lock()
        try:
            with as_faults(self.name):
                self._require_schema()
                if exclusive:
                    self._leading = self._led()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one moment of the store."""
        with as_faults(self.name), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one transaction that writes, as long as this is the only daemon.

        Raises Fault where the connection was lost, and another daemon has begun since.
        """
        if self._is_guest:
            with as_faults(self.name), self._engine.begin() as connection:
                yield connection
            return
        with self._turn, as_faults(self.name):
            if self._leading is not None and _is_lost(self._leading):
                self._leading.close()
                self._leading = None
            if self._leading is None:
                self._leading = self._led()
            with self._leading.begin():
                yield self._leading

    def sizes(self, connection: Connection) -> tuple[int, None, None]:
        """Return the bytes of the tables; the server's disk is not for us to see."""
        return int(connection.scalar(_SIZE) or 0), None, None

    def holder(self, connection: Connection) -> str | None:
        """Return how the daemon on the schema calls itself; None where there is none."""
        holder = connection.scalar(_HOLDER, {"application": _APPLICATION})
        return None if holder is None else str(holder)

    def close(self) -> None:
        """End every connection, and with that the right to be the only daemon."""
        if self._leading is not None:
            self._leading.invalidate()  # really ended, not kept for later with the lock on it
            self._leading.close()
            self._leading = None
        self._engine.dispose()

    def _led(self) -> Connection:
        """Return a new connection that holds the lock."""
        connection = self._engine.connect()
        try:
            connection.execute(_LIVE_LONG)
            self._take_lock(connection)
            connection.commit()
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        return connection

    def _take_lock(self, connection: Connection) -> None:
        if not connection.scalar(_TAKE, {"application": _APPLICATION}):
            holder = connection.scalar(_HOLDER, {"application": _APPLICATION}) or "another spikewatch"
            raise Fault(
                f"store {self.name} is in use by another daemon ({holder}):"
                " stop that one first, or give this one a `store` of its own"
            )

    def _require_schema(self) -> None:
        with self._reader.begin() as connection:
            if connection.scalar(text("SELECT current_schema()")) is None:
                path = connection.scalar(text("SHOW search_path"))
                raise Fault(
                    f"store {self.name}: no schema of the search path ({path}) is there for this user:"
                    " create it and grant its usage, or name another under `store`"
                )


def _is_lost(connection: Connection) -> bool:
    if connection.closed or connection.invalidated:
        return True
    driver = connection.connection.driver_connection
    return driver is None or bool(driver.closed)
