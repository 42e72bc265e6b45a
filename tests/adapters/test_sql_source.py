"""Counts by SQL: what is asked for, what a row may be, and what each failure comes to."""

import math
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import Dialect, text
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.engine import make_url

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryStore
from spikewatch.adapters.sql_source.rows import COLUMNS, tallied
from spikewatch.adapters.sql_source.settings import SqlSettings
from spikewatch.adapters.sql_source.source import SqlSource, bounds, restraints
from spikewatch.core.census import Tallied
from spikewatch.core.counts import CountRow, SeriesKey
from spikewatch.core.timegrid import Span, bucket_number
from spikewatch.errors import Mistake
from spikewatch.ports import CredentialsRefused, Page, Position, TooLarge, Unavailable
from tests.postgres import USER, Cluster

STEP = timedelta(minutes=5)
T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
LOGIN = SeriesKey("payments", "login")
Ask = Callable[..., SqlSource]
QUERY = "SELECT * FROM counted WHERE bucket_start >= :since AND bucket_start < :until"


class Warehouse:
    """A SQLite file that counts."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.clock = ManualClock(T0 + timedelta(hours=6))
        self.execute("CREATE TABLE counted (bucket_start, service, category, count)")

    def execute(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement, values)

    def add(self, at: object = T0.isoformat(), count: object = 3, service: object = "payments") -> None:
        self.execute("INSERT INTO counted VALUES (?, ?, 'login', ?)", at, service, count)

    def source(self, *, query: str = QUERY, url: str = "", **choices: str) -> SqlSource:
        settings = SqlSettings.model_validate(
            {"kind": "sql", "name": "lake", "url": url or f"sqlite:///{self.file}", "query": query, **choices}
        )
        return SqlSource(settings, password=None, clock=self.clock, step=STEP)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "lake.db")


def begin(source: SqlSource) -> Page:
    return source.fetch_page(Position(cursor=None, since=T0))


def test_nothing_newer_than_the_lag_is_asked_for_and_buckets_are_whole(warehouse: Warehouse) -> None:
    warehouse.clock = ManualClock(T0 + timedelta(minutes=33))

    page = begin(warehouse.source(lag="10m"))

    assert page.census is not None
    assert page.census.span == Span(T0, T0 + timedelta(minutes=20))
    assert (page.caught_up, page.watermark) == (True, T0 + timedelta(minutes=20))


def test_each_reading_goes_back_by_the_overlap_and_corrects_what_was_counted(warehouse: Warehouse) -> None:
    store, source = MemoryStore(step=STEP), warehouse.source(overlap="7h")
    warehouse.add(count=3)
    first = begin(source)
    store.commit_page("lake", first, since=T0, seen_at=T0)
    warehouse.add(count=2)
    warehouse.clock.advance(timedelta(minutes=5))

    second = source.fetch_page(Position(cursor=first.cursor, since=T0))
    store.commit_page("lake", second, since=T0, seen_at=T0)

    assert second.census is not None
    assert second.census.span.start == T0
    assert set(store.counts(first=0, stop=2**40)) == {CountRow(bucket_number(T0, STEP), LOGIN, 5, late=2)}


def test_history_is_asked_for_in_parts(warehouse: Warehouse) -> None:
    source = warehouse.source(at_once="2h", overlap="0s", lag="0s")

    pages = [begin(source)]
    while not pages[-1].caught_up:
        pages.append(source.fetch_page(Position(cursor=pages[-1].cursor, since=T0)))

    spans = [page.census.span for page in pages if page.census is not None]
    assert [span.end - T0 for span in spans] == [timedelta(hours=2 * part) for part in (1, 2, 3)]
    assert [page.watermark for page in pages] == [None, None, T0 + timedelta(hours=6)]


def test_null_and_empty_names_are_counted_under_the_fallback(warehouse: Warehouse) -> None:
    warehouse.add(service=None)

    page = begin(warehouse.source(fallback="none"))

    assert page.census is not None
    assert page.census.rows == [Tallied(T0, SeriesKey("none", "login"), 3)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"count": math.inf}, "count inf is no whole number"),
        ({"count": -math.inf}, "count -inf is no whole number"),
        ({"count": 10**12}, "count 1000000000000 is more than 1000000000; check the number"),
        ({"count": 1e300}, r"count 1e\+300 is more than 1000000000"),
        ({"service": "pay\0ments"}, r"service 'pay\\x00ments' is no name"),
        ({"at": "9999-12-31T23:59:00-09:00"}, "bucket_start '9999-12-31T23:59:00-09:00' is no time"),
        ({"at": 3}, "bucket_start 3 is no time"),
        ({"at": "2026-05-11T10:05:00"}, "bucket_start 2026-05-11T10:05:00 has no UTC offset; return it with"),
        ({"at": "2026-05-11T10:05 noon"}, "is no time"),
        ({"count": -1}, "count -1 is negative"),
        ({"count": 1.5}, r"count 1\.5 is no whole number"),
        ({"count": None}, "count None is no whole number"),
        ({"service": "*"}, "leave sums over all out"),
    ],
)
def test_a_row_that_cannot_be_counted_is_told_with_its_value(
    warehouse: Warehouse, row: dict[str, object], told: str
) -> None:
    warehouse.add()
    warehouse.add(**row)

    with pytest.raises(Unavailable, match=f"the query of sources.lake: row 2: .*{told}") as error:
        begin(warehouse.source(query=f"{QUERY} OR typeof(bucket_start) <> 'text' OR bucket_start > '9'"))

    assert error.value.reason == "parse"


@pytest.mark.parametrize("count", ["Infinity", "-Infinity", "NaN", "sNaN", "1E+1000", "1E+12", "1.5", "-1"])
def test_a_number_of_a_server_that_is_no_count_is_told_with_its_row(count: str) -> None:
    rows = [(T0, "payments", "login", Decimal(3)), (T0, "payments", "login", Decimal(count))]

    with pytest.raises(ValueError, match=r"^row 2: count Decimal\('.*'\) is "):
        list(tallied(COLUMNS, iter(rows), span=Span(T0, T0 + STEP), fallback="none"))


def test_a_missing_column_is_named_with_those_that_are_there(warehouse: Warehouse) -> None:
    query = "SELECT bucket_start, service, count FROM counted WHERE bucket_start BETWEEN :since AND :until"

    with pytest.raises(
        Unavailable, match="the column category is missing; the query returns bucket_start, service"
    ):
        begin(warehouse.source(query=query))


def test_a_row_outside_the_range_is_told(warehouse: Warehouse) -> None:
    warehouse.add(at=(T0 - timedelta(days=1)).isoformat())

    with pytest.raises(Unavailable, match="outside the range that was asked for"):
        begin(warehouse.source(query="SELECT * FROM counted WHERE :since < :until"))


def test_a_query_that_is_wrong_is_told(warehouse: Warehouse) -> None:
    with pytest.raises(Unavailable, match="no such table: nowhere"):
        begin(warehouse.source(query="SELECT * FROM nowhere WHERE :since < :until"))


def test_a_query_cannot_write(warehouse: Warehouse) -> None:
    warehouse.add()
    query = "DELETE FROM counted WHERE bucket_start >= :since AND bucket_start < :until RETURNING *"

    with pytest.raises(Unavailable, match="readonly"):
        begin(warehouse.source(query=query))

    page = begin(warehouse.source())
    assert page.census is not None
    assert page.census.tickets == 3


@pytest.mark.parametrize(
    ("dialect", "limit"),
    [
        (MySQLDialect(), "SET SESSION max_execution_time = 1500"),
        (MySQLDialect(is_mariadb=True), "SET SESSION max_statement_time = 1.5"),
        (MariaDBDialect(), "SET SESSION max_statement_time = 1.5"),
    ],
    ids=["mysql", "mariadb behind the driver of mysql", "mariadb"],
)
def test_a_query_may_only_read_and_has_an_end_on_mysql_and_mariadb(dialect: Dialect, limit: str) -> None:
    said = restraints(dialect, timeout=timedelta(seconds=1.5))

    assert said == ("SET SESSION TRANSACTION READ ONLY", limit)


@pytest.mark.parametrize(
    "driver", ["mysql+pymysql", "mariadb+pymysql", "mssql+pyodbc", "oracle+oracledb", "postgresql+psycopg"]
)
def test_a_query_reaches_any_database_as_it_was_written_with_two_instants(driver: str) -> None:
    dialect, span = make_url(f"{driver}://").get_dialect()(), Span(T0, T0 + STEP)

    compiled = text(QUERY + " AND service LIKE 'pay%'").compile(dialect=dialect)

    written = re.sub(r":since|:until|%\(\w+\)s|%s|\?", "_", str(compiled)).replace("%%", "%")
    assert written == re.sub(r":since|:until", "_", QUERY) + " AND service LIKE 'pay%'"
    assert dict(bounds(dialect, span)) == {"since": T0, "until": T0 + STEP}
    assert set(compiled.params) == {"since", "until"}
    assert not any("PRAGMA" in said for said in restraints(dialect, timeout=STEP))


def test_a_file_that_is_missing_is_told_and_not_made(tmp_path: Path, warehouse: Warehouse) -> None:
    with pytest.raises(Unavailable, match="unable to open database file"):
        begin(warehouse.source(url=f"sqlite:///{tmp_path}/nowhere.db"))

    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize("name", ["what?", "a?mode=rw&b", "no #1", "100% %41", "日本", "a&b=c"])
def test_the_path_of_a_file_is_taken_as_it_stands(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    warehouse = Warehouse(tmp_path / name / f"my {name}.db")
    warehouse.add()

    page = begin(warehouse.source())

    assert page.census is not None
    assert page.census.tickets == 3
    assert {each.name for each in tmp_path.iterdir()} == {name}


def test_a_dialect_that_is_not_installed_is_a_mistake_with_the_remedy(warehouse: Warehouse) -> None:
    with pytest.raises(Mistake, match=r"sources\.lake\.url: .*install the package with this dialect"):
        warehouse.source(url="bigquery://project/dataset")


def test_a_password_in_the_url_is_refused_without_printing_it() -> None:
    with pytest.raises(ValidationError) as error:
        SqlSettings.model_validate(
            {"kind": "sql", "name": "lake", "url": "postgresql://a:hunter2@host/db", "query": QUERY}
        )

    told = error.value.errors(include_input=False)[0]["msg"]
    assert "SPIKEWATCH_<NAME>_PASSWORD" in told
    assert "hunter2" not in told


# -- a server


@pytest.fixture
def on_server(postgres: Cluster) -> str:
    return postgres.schema()


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Make sources of a query on a server, and close them in the end."""
    opened: list[SqlSource] = []

    def made(url: str, query: str, *, timeout: str = "60s") -> SqlSource:
        settings = SqlSettings.model_validate(
            {"kind": "sql", "name": "lake", "url": url, "query": query, "timeout": timeout, "at_once": "2h"}
        )
        clock = ManualClock(T0 + timedelta(hours=6))
        opened.append(SqlSource(settings, password=SecretStr("unused"), clock=clock, step=STEP))
        return opened[-1]

    yield made
    for source in opened:
        source.close()


def test_instants_of_a_server_are_taken_with_their_offset(on_server: str, ask: Ask) -> None:
    query = (
        "SELECT timestamptz '2026-05-11 19:00+09' AS bucket_start, 'payments' AS service, 'login' AS category,"
        " 3::numeric AS count WHERE timestamptz '2026-05-11 19:00+09' >= :since AND now() > :until"
    )

    page = begin(ask(on_server, query))

    assert page.census is not None
    assert page.census.rows == [Tallied(T0, LOGIN, 3)]


def test_a_naive_instant_of_a_server_is_told(on_server: str, ask: Ask) -> None:
    query = (
        "SELECT timestamp '2026-05-11 10:00' AS bucket_start, 'a' AS service, 'b' AS category, 1 AS count"
        " WHERE now() > :since AND now() > :until"
    )

    with pytest.raises(Unavailable, match="2026-05-11T10:00:00 has no UTC offset"):
        begin(ask(on_server, query))


def test_a_query_that_takes_too_long_asks_for_less_and_gives_up_at_an_hour(on_server: str, ask: Ask) -> None:
    query = (
        "SELECT pg_sleep(30), now() AS bucket_start, 'a' AS service, 'b' AS category, 1 AS count"
        " WHERE :since < :until"
    )
    source = ask(
        on_server, query.replace(":since < :until", "now() > :since AND now() > :until"), timeout="1s"
    )

    with pytest.raises(TooLarge, match="statement timeout"):
        begin(source)
    with pytest.raises(Unavailable, match="make the query faster, or raise timeout") as error:
        begin(source)
    assert error.value.reason == "timeout"


def test_a_query_cannot_write_on_a_server(postgres: Cluster, on_server: str, ask: Ask) -> None:
    schema = on_server.rpartition("%3D")[2]
    postgres.execute(
        f"CREATE TABLE {schema}.counted (bucket_start timestamptz, service text, category text, count int)"
    )
    query = "DELETE FROM counted WHERE bucket_start >= :since AND bucket_start < :until RETURNING *"

    with pytest.raises(Unavailable, match="read-only transaction"):
        begin(ask(on_server, query))


def test_a_user_without_rights_is_refused_and_a_server_that_is_gone_is_unavailable(
    postgres: Cluster, on_server: str, ask: Ask
) -> None:
    schema = on_server.rpartition("%3D")[2]
    postgres.execute(f"CREATE TABLE {schema}.secret (bucket_start timestamptz)")
    postgres.execute(f"CREATE ROLE {schema} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {schema}")
    query = "SELECT * FROM secret WHERE bucket_start >= :since AND bucket_start < :until"

    with pytest.raises(CredentialsRefused, match=r"permission denied.*SPIKEWATCH_LAKE_PASSWORD"):
        begin(ask(on_server.replace(f"{USER}@", f"{schema}@"), query))
    with pytest.raises(Unavailable) as error:
        begin(ask(on_server.replace(f":{postgres.port}/", ":1/"), query))
    assert error.value.reason == "connect"
