"""From a URL to a store: where it lies, the schema brought up to date, and the step its counts were made with."""

from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import URL, Connection, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from spikewatch.adapters.sql_store import calibrations, telling
from spikewatch.adapters.sql_store.postgresql_server import PostgresqlServer
from spikewatch.adapters.sql_store.sqlite_file import SqliteFile
from spikewatch.adapters.sql_store.store import Home, SqlStore
from spikewatch.adapters.sql_store.tables import meta
from spikewatch.adapters.sql_store.upserts import insert_new, upsert
from spikewatch.core.settings import RenameSettings
from spikewatch.core.timegrid import HOUR, seconds
from spikewatch.errors import Fault, Mistake

MIGRATIONS = Path(__file__).with_name("migrations")

_EXAMPLE = "sqlite:///var/spikewatch.db"
_FILE = "sqlite:///"
_STEP = "step_s"
_RENAMES = "renames"


def open_store(
    url: str,
    *,
    step: timedelta,
    exclusive: bool = True,
    guest: bool = False,
    password: SecretStr | None = None,
    renames: RenameSettings | None = None,
) -> SqlStore:
    """Return the store at `sqlite:///path` or `postgresql+psycopg://user@host/database`, brought up to date where needed.

    step       width of a bucket; a store made with another is refused
    exclusive  be the only daemon on it; without it the store exists already and is only read
    guest      write beside a daemon, a row now and then; only without `exclusive`
    password   for a server; without it libpq looks in its own places, such as ~/.pgpass
    renames    what old names of services and categories are called now

    Raises Mistake for a URL that is none of ours, and Fault where the store cannot be used: the message says why and what
    to do about it.
    """
    if step <= timedelta(0) or HOUR % step:
        raise ValueError(f"a bucket of {step} does not divide an hour")
    home = home_of(url, exclusive=exclusive, guest=guest, password=password)
    try:
        with home.writing() if exclusive else home.reading() as connection:
            bring_up_to_date(connection, home.name, may_write=exclusive)
            _check_step(connection, home.name, step=step, may_write=exclusive)
            if exclusive:
                _note_renames(connection, renames or RenameSettings())
                telling.park_unreadable(connection)
    except BaseException:
        home.close()
        raise
    return SqlStore(home, step=step, renames=renames)


def home_of(url: str, *, exclusive: bool, guest: bool = False, password: SecretStr | None = None) -> Home:
    """Return where a store lies; nothing in it is looked at yet. Raises Mistake and Fault as `open_store` does."""
    return _home(_parsed(url), exclusive=exclusive, guest=guest, password=password)


def file_of(url: str) -> Path | None:
    """Return the file that a store's URL names; None for a server. Raises Mistake for a URL that is none."""
    parsed = _parsed(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def alembic_config(connection: Connection | None = None) -> Config:
    """Return where the migrations lie, and the connection they run on."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _parsed(url: str) -> URL:
    if url.startswith(_FILE):
        return URL.create("sqlite", database=url.removeprefix(_FILE))  # as it stands: a path may hold ? and %
    try:
        return make_url(url)
    except ArgumentError as error:
        raise Mistake(f"store: {url!r} is no database URL; write for example {_EXAMPLE}") from error


def _home(url: URL, *, exclusive: bool, guest: bool, password: SecretStr | None) -> Home:
    if url.get_backend_name() == "postgresql":
        return PostgresqlServer(_on_psycopg(url, password=password), exclusive=exclusive, guest=guest)
    shown = url.render_as_string(hide_password=True)
    if url.get_backend_name() != "sqlite":
        raise Mistake(
            f"store: {shown}: only SQLite and PostgreSQL are supported; write for example {_EXAMPLE}"
        )
    if not url.database or url.database == ":memory:":
        raise Mistake(f"store: {shown!r} names no file; write for example {_EXAMPLE}")
    return SqliteFile(url, exclusive=exclusive, guest=guest)


def _on_psycopg(url: URL, *, password: SecretStr | None) -> URL:
    if url.drivername not in {"postgresql", "postgresql+psycopg"}:
        shown = url.render_as_string(hide_password=True)
        raise Mistake(f"store: {shown}: write postgresql+psycopg://, the driver that is installed")
    return url.set(
        drivername="postgresql+psycopg",
        password=url.password if password is None else password.get_secret_value(),
    )


def bring_up_to_date(connection: Connection, store: str, *, may_write: bool) -> None:
    """Migrate the schema to the newest version; raise Fault where it is not ours, too new, or old and not to be written."""
    config = alembic_config(connection)
    scripts = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection).get_current_revision()
    newest = scripts.get_current_head()
    if found == newest:
        return
    if found is None and inspect(connection).get_table_names():
        raise Fault(f"store {store} is a database of another program: name another under `store`")
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise Fault(
            f"store {store} has schema version {found}, and this spikewatch knows versions up to {newest}:"
            " run the newer spikewatch that wrote it, or put a backup from before it in its place"
        )
    if not may_write:
        raise Fault(
            f"store {store} has schema version {found or 'none'}, and this spikewatch needs {newest}:"
            " start `spikewatch run` once, which brings it up to date"
        )
    command.upgrade(config, "head")


def _note_renames(connection: Connection, renames: RenameSettings) -> None:
    """Keep what the names were renamed to; calibrations of a past under other names are dropped."""
    now, known = renames.model_dump_json(), select(meta.c.value).where(meta.c.key == _RENAMES)
    before = connection.scalar(known) or RenameSettings().model_dump_json()
    if before != now:
        calibrations.drop_all(connection)
        row = {"key": _RENAMES, "value": now}
        connection.execute(upsert(connection.dialect, meta, on=["key"], replace=["value"]), [row])


def _check_step(connection: Connection, store: str, *, step: timedelta, may_write: bool) -> None:
    if may_write:
        connection.execute(
            insert_new(connection.dialect, meta), [{"key": _STEP, "value": str(seconds(step))}]
        )
    made_with = int(connection.scalar(select(meta.c.value).where(meta.c.key == _STEP)) or 0)
    if made_with != seconds(step):
        raise Fault(
            f"store {store} counts in buckets of {timedelta(seconds=made_with)}, the configuration says {step}:"
            f" set `bucket` back, or name another under `store` and run `spikewatch backfill`"
        )
