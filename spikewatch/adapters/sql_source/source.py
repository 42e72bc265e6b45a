"""`ports.Source` on a query: reads whole buckets up to the newest complete ones, and the last few once more each time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from pydantic import SecretStr
from sqlalchemy import URL, Dialect, Engine, TextClause, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from spikewatch.adapters.sql_source.rows import tallied
from spikewatch.adapters.sql_source.settings import SqlSettings
from spikewatch.core.census import Census
from spikewatch.core.timegrid import HOUR, Span, bucket_number, bucket_start
from spikewatch.errors import Mistake
from spikewatch.ports import (
    Clock,
    CredentialsRefused,
    CursorRefused,
    Page,
    PortError,
    Position,
    TooLarge,
    Unavailable,
)

_LEAST = HOUR
"""Less than this is never asked for because a query took long: something else is wrong then."""

_FILE = "sqlite:///"

_TIMED_OUT = (
    "57014",
    "statement timeout",
    "max_execution_time",
    "max_statement_time",
    "maximum statement execution time",
    "timed out",
)
_NOT_LET_IN = (
    "password",
    "authentication",
    "access denied",
    "permission denied",
    "not authorized",
    "28000",
    "28P01",
)


class SqlSource:
    """A database that counts; for one thread."""

    def __init__(
        self, settings: SqlSettings, *, password: SecretStr | None, clock: Clock, step: timedelta
    ) -> None:
        """Connect to nothing yet.

        step  of the buckets that are asked for whole

        Raises Mistake where the dialect of the URL is not installed.
        """
        self._settings = settings
        self._clock = clock
        self._step = step
        self._at_once = settings.at_once
        self._query: TextClause = text(settings.query)
        self._engine = _engine(settings, password)

    @property
    def name(self) -> str:
        """The configured name."""
        return self._settings.name

    def fetch_page(self, position: Position) -> Page:
        """Return the counts that follow the position, and those of the overlap before it."""
        read = self._read_until(position)
        complete = self._floor(self._clock.now() - self._settings.lag)
        if read >= complete:
            return Page((), read.isoformat(), caught_up=True, watermark=read if position.cursor else None)
        start = (
            read if not position.cursor else self._floor(max(position.since, read - self._settings.overlap))
        )
        end = min(complete, self._floor(read + max(self._at_once, self._step)))
        census = self._counted(Span(min(start, read), end))
        is_end = end == complete
        return Page(
            (),
            end.isoformat(),
            caught_up=is_end,
            watermark=end if is_end else None,
            newest=end,
            census=census,
        )

    def close(self) -> None:
        """End the connection."""
        self._engine.dispose()

    def _read_until(self, position: Position) -> datetime:
        if not position.cursor:
            return self._floor(position.since)
        try:
            return self._floor(datetime.fromisoformat(position.cursor))
        except ValueError as error:
            raise CursorRefused(f"cursor {position.cursor!r} is none that this source gave") from error

    def _floor(self, instant: datetime) -> datetime:
        return bucket_start(bucket_number(instant, self._step), self._step)

    def _counted(self, span: Span) -> Census:
        try:
            with self._engine.connect() as connection, connection.begin():
                for statement in restraints(connection.dialect, timeout=self._settings.timeout):
                    connection.exec_driver_sql(statement)
                found = connection.execute(self._query, bounds(connection.dialect, span))
                rows = tallied(
                    list(found.keys()), map(tuple, found), span=span, fallback=self._settings.fallback
                )
                return Census(span, list(rows))
        except SQLAlchemyError as error:
            raise self._failure(error, span) from error
        except ValueError as error:
            raise Unavailable(f"the query of sources.{self.name}: {error}", reason="parse") from error

    def _failure(self, error: SQLAlchemyError, span: Span) -> PortError:
        said = _first_line(error)
        words = f"{getattr(getattr(error, 'orig', None), 'sqlstate', '') or ''} {said}".casefold()
        if any(sign.casefold() in words for sign in _TIMED_OUT):
            if span.end - span.start > _LEAST and self._at_once > _LEAST:
                self._at_once = max(_LEAST, self._at_once / 2)
                return TooLarge(f"{said}; asking for {self._at_once} at once from now on")
            return Unavailable(f"{said}; make the query faster, or raise timeout", reason="timeout")
        if any(sign.casefold() in words for sign in _NOT_LET_IN):
            return CredentialsRefused(
                f"{said}; check the user, SPIKEWATCH_{self.name.upper()}_PASSWORD and its rights"
            )
        is_lost = isinstance(error, DBAPIError) and (error.connection_invalidated or "connect" in words)
        return Unavailable(said, reason="connect" if is_lost else "server")


def _engine(settings: SqlSettings, password: SecretStr | None) -> Engine:
    try:
        url = _address(settings.url)
        if password is not None:
            url = url.set(password=password.get_secret_value())
        return create_engine(url, poolclass=QueuePool, pool_pre_ping=True, pool_size=1, hide_parameters=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        remedy = (
            "install the package with this dialect beside spikewatch, or correct the beginning of the URL"
        )
        raise Mistake(f"sources.{settings.name}.url: {error}; {remedy}") from error
    except (ArgumentError, ValueError) as error:
        raise Mistake(
            f"sources.{settings.name}.url is no database URL; write dialect://user@host/db"
        ) from error


def _address(text: str) -> URL:
    """Return an address; a file is opened as it is: one that is missing is an error, and not a new and empty database."""
    if not text.startswith(_FILE):
        return make_url(text)
    file = quote(text.removeprefix(_FILE))
    return URL.create("sqlite", database=f"file:{file}", query={"mode": "ro", "uri": "true"})


def bounds(dialect: Dialect, span: Span) -> Mapping[str, datetime | str]:
    """Return what `:since` and `:until` stand for; text that compares as it sorts where a database has no instants."""
    if dialect.name == "sqlite":
        return {"since": span.start.isoformat(), "until": span.end.isoformat()}
    return {"since": span.start, "until": span.end}


def restraints(dialect: Dialect, *, timeout: timedelta) -> Sequence[str]:
    """Return what lets a transaction only read, and not for long, as far as the dialect can say so."""
    limit_ms = int(timeout.total_seconds() * 1000)
    match dialect.name:
        case "postgresql":
            return "SET TRANSACTION READ ONLY", f"SET LOCAL statement_timeout = {limit_ms}"
        case "mysql" | "mariadb":
            # https://mariadb.com/kb/en/aborting-statements/: another name, in seconds
            is_mariadb = getattr(dialect, "is_mariadb", False)
            limit = (
                f"max_statement_time = {limit_ms / 1000}"
                if is_mariadb
                else f"max_execution_time = {limit_ms}"
            )
            return "SET SESSION TRANSACTION READ ONLY", f"SET SESSION {limit}"
        case "sqlite":
            return ("PRAGMA query_only = ON",)
        case _:
            return ()


def _first_line(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0]
