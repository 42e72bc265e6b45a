"""What a database error tells a person: the file, what is wrong, and what to do."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from spikewatch.errors import Fault

_PRIMARY = 0xFF
"""SQLite keeps the kind of an error in its lowest byte."""

_REMEDIES: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: "another program holds the file: stop it and try again",
    sqlite3.SQLITE_CANTOPEN: "the directory must exist, and this user must be allowed to write there",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: put a backup in its place, or move it away and run `spikewatch backfill`",
    sqlite3.SQLITE_FULL: "the disk is full: free some space",
    sqlite3.SQLITE_IOERR: "the disk fails or has no room for the file: check its health, space and quota",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database: move it away, or name another file under `store`",
    sqlite3.SQLITE_PERM: "let this user write the file and its directory",
    sqlite3.SQLITE_READONLY: "let this user write the file and its directory",
}
_OUR_OWN = (DataError, IntegrityError, ProgrammingError)
"""Errors of this program, not of the disk: they are bugs and stay what they are."""


@contextmanager
def as_faults(path: Path) -> Iterator[None]:
    """Turn a failure of the disk within into a Fault; leave bugs alone."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error, _OUR_OWN):
            raise
        raise Fault(f"store {path}: {error.orig}; {_remedy(error.orig)}") from error


def _remedy(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorcode", 0)
    return _REMEDIES.get(code & _PRIMARY, "see `spikewatch doctor`")
