"""What a database error tells a person: the store, what is wrong, and what to do."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError

from spikewatch.errors import Fault

_PRIMARY = 0xFF
"""SQLite keeps the kind of an error in its lowest byte."""

_OF_SQLITE: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: "another program holds the file: stop it and try again",
    sqlite3.SQLITE_CANTOPEN: "the directory must exist, and this user must be allowed to write there",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: put a backup in its place, or move it away and run `spikewatch backfill`",
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_IOERR: "the disk fails or has no room for the file: check its health, space and quota",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database: move it away, or name another file under `store`",
    sqlite3.SQLITE_PERM: "let this user write the file and its directory",
    sqlite3.SQLITE_READONLY: "let this user write the file and its directory",
}

_NOT_LET_IN = "check the user and the password (SPIKEWATCH_STORE_PASSWORD or store_password_file)"
_OF_POSTGRESQL: Mapping[str, str] = {
    "25006": "this server only reads: name the primary under `store`",
    "25P03": "the server ended an idle transaction: it is tried again",
    "28": _NOT_LET_IN,
    "3D": "create the database, or name another under `store`",
    "3F": "create the schema, or name another under `store`",
    "40": "another program writes in the same tables: it is tried again",
    "42501": "grant this user the right to make and to write tables in the schema",
    "53100": "the server's disk is full: free some space there",
    "53": "the server has run out of connections or memory: raise its limits, or stop what uses them",
    "55P03": "another program holds a lock on the tables for long: stop it",
    "57": "the server stopped or broke off: it is tried again",
    "58": "the server's disk fails: check its health and its log",
    "XX": "the server's data are damaged: see its log, and restore a backup",
}
"""By SQLSTATE, or its class of two letters."""

_ON_CONNECTING: Mapping[str, str] = {
    "password authentication failed": _NOT_LET_IN,
    "no password supplied": _NOT_LET_IN,
    "pg_hba.conf": "let this host and user in by a line in the server's pg_hba.conf",
    "does not exist": "create the database and the user, or name others under `store`",
    "too many": _OF_POSTGRESQL["53"],
}
"""By words, for PostgreSQL gives no SQLSTATE to whoever is not let in."""

_UNREACHABLE = "check that the server runs and that host and port under `store` are right; it is tried again"
_OUR_OWN = (DataError, IntegrityError, InterfaceError, ProgrammingError)
"""Errors of this program, not of the disk or the server: they are bugs and stay what they are."""


@contextmanager
def as_faults(store: str) -> Iterator[None]:
    """Turn a failure of the disk or the server within into a Fault; leave bugs alone.

    store  its name in messages, without any secret
    """
    try:
        yield
    except DBAPIError as error:
        remedy = _remedy(error)
        if remedy is None:
            raise
        raise Fault(f"store {store}: {_first_line(error)}; {remedy}") from error


def _remedy(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    known = _OF_POSTGRESQL.get(state) or _OF_POSTGRESQL.get(state[:2])
    if known is not None:
        return known
    if isinstance(error, _OUR_OWN) and not error.connection_invalidated:
        return None
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", 0)
        return _OF_SQLITE.get(code & _PRIMARY, "see `spikewatch doctor`")
    said = str(error.orig)
    return next((remedy for words, remedy in _ON_CONNECTING.items() if words in said), _UNREACHABLE)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
