"""What only a server can do to a store: refuse, go away, come back, be full, and belong to somebody else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr
from sqlalchemy import create_engine, make_url

from spikewatch.adapters.sql_store import SqlStore, open_store, tables
from spikewatch.core.counts import CountRow, SeriesKey, Ticket
from spikewatch.core.timegrid import bucket_number
from spikewatch.errors import Fault, Mistake
from spikewatch.ports import Page
from tests.postgres import Cluster

STEP = timedelta(minutes=5)
T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
FIRST = bucket_number(T0, STEP)
LOGIN = SeriesKey("payments", "login")


@pytest.fixture
def url(postgres: Cluster) -> str:
    return postgres.schema()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    made = open_store(url, step=STEP)
    yield made
    made.close()


def commit(store: SqlStore, *identifiers: str, source: str = "desk", series: SeriesKey = LOGIN) -> None:
    tickets = [Ticket(each, T0, *series, version=1) for each in identifiers]
    store.commit_page(source, Page(tickets, "c", caught_up=True), since=T0, seen_at=T0)


def counted(store: SqlStore) -> set[CountRow]:
    return set(store.counts(first=0, stop=2**40))


def without_server(url: str, **changes: str | int) -> str:
    return make_url(url).set(**changes).render_as_string(hide_password=False)  # type: ignore[arg-type]  # any part


def end_connections(postgres: Cluster) -> None:
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'spikewatch on%'"
    )


# -- schema


def test_migrations_make_the_schema_that_the_code_sees(store: SqlStore, url: str) -> None:
    assert store.roster().keys == ()
    engine = create_engine(url)

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    engine.dispose()

    assert differences == []


def test_a_schema_of_another_program_is_told_and_left_alone(postgres: Cluster, url: str) -> None:
    schema = url.rpartition("%3D")[2]
    postgres.execute(f"CREATE TABLE {schema}.customers (name text)")

    with pytest.raises(Fault, match="is a database of another program"):
        open_store(url, step=STEP)

    left = postgres.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'customers'")
    assert left == [(schema,)]
    assert postgres.execute(f"SELECT count(*) FROM {schema}.customers") == [(0,)]  # noqa: S608 -- a name of our own


def test_a_store_keeps_everything_when_it_is_opened_again(url: str) -> None:
    first = open_store(url, step=STEP)
    commit(first, "1", "2")
    first.close()

    again = open_store(url, step=STEP)

    commit(again, "2", "3")
    assert counted(again) == {CountRow(FIRST, LOGIN, 3)}
    again.close()


def test_a_schema_that_does_not_exist_is_told(url: str) -> None:
    with pytest.raises(
        Fault, match=r"no schema of the search path \(nowhere\) is there for this user: create it"
    ):
        open_store(f"{url.partition('?')[0]}?options=-csearch_path%3Dnowhere", step=STEP)


# -- one daemon


def test_who_looks_on_learns_which_daemon_writes(store: SqlStore, url: str) -> None:
    reader = open_store(url, step=STEP, exclusive=False)

    during = reader.holder()
    store.close()
    after = reader.holder()
    reader.close()

    assert (during or "").endswith(f"process {os.getpid()}")
    assert after is None


def test_a_second_daemon_is_refused_until_the_first_stops(url: str) -> None:
    first = open_store(url, step=STEP)

    with pytest.raises(Fault, match=rf"in use by another daemon \(spikewatch on .*, process {os.getpid()}\)"):
        open_store(url, step=STEP)

    first.close()
    open_store(url, step=STEP).close()


def test_daemons_in_two_schemas_of_one_database_do_not_meet(postgres: Cluster, store: SqlStore) -> None:
    other = open_store(postgres.schema(), step=STEP)

    commit(other, "1")

    assert (counted(store), len(counted(other))) == (set(), 1)
    other.close()


def test_a_reader_sees_what_the_daemon_committed_and_cannot_write(store: SqlStore, url: str) -> None:
    reader = open_store(url, step=STEP, exclusive=False)
    commit(store, "1")

    assert counted(reader) == {CountRow(FIRST, LOGIN, 1)}
    with pytest.raises(Fault, match="in use by another daemon"):
        commit(reader, "2")
    reader.close()


KILLED = """
import os, sys, threading
from datetime import timedelta
from spikewatch.adapters.sql_store import open_store

store = open_store(sys.argv[1], step=timedelta(minutes=5))
os.write(1, b"ready")
threading.Event().wait()
"""


def test_a_daemon_that_was_killed_leaves_the_store_to_the_next(url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, bufsize=0) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.read(5) == b"ready"
        with pytest.raises(Fault, match=f"process {daemon.pid}"):
            open_store(url, step=STEP)
        daemon.kill()

    deadline = 50
    for turn in range(deadline):
        try:
            open_store(url, step=STEP).close()
        except Fault:
            assert turn < deadline - 1
        else:
            break


def test_who_lost_the_connection_does_not_write_beside_the_daemon_that_took_over(
    postgres: Cluster, store: SqlStore, url: str
) -> None:
    commit(store, "1")
    end_connections(postgres)
    with pytest.raises(Fault):
        commit(store, "2")
    other = open_store(url, step=STEP)

    with pytest.raises(Fault, match="in use by another daemon"):
        commit(store, "2")

    commit(other, "3")
    assert counted(other) == {CountRow(FIRST, LOGIN, 2)}
    other.close()
    commit(store, "4")
    assert counted(store) == {CountRow(FIRST, LOGIN, 3)}


# -- the server


def test_a_server_that_restarts_is_a_fault_and_the_next_turn_works(
    postgres: Cluster, store: SqlStore
) -> None:
    commit(store, "1")

    postgres.stop()
    with pytest.raises(
        Fault, match=r"store postgresql\+psycopg://spikewatch@127\.0\.0\.1:\d+/postgres: .*tried again"
    ):
        commit(store, "2")
    with pytest.raises(Fault, match="check that the server runs"):
        store.roster()
    with pytest.raises(Fault, match="check that the server runs"):
        commit(store, "2")
    postgres.start()

    commit(store, "2")
    assert counted(store) == {CountRow(FIRST, LOGIN, 2)}


def test_a_reader_survives_a_lost_connection(postgres: Cluster, store: SqlStore) -> None:
    commit(store, "1")
    assert len(store.roster()) == 3

    end_connections(postgres)

    assert len(store.roster()) == 3


def test_a_server_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(Fault, match="check that the server runs and that host and port"):
        open_store(without_server(url, port=1), step=STEP)


def test_a_database_that_does_not_exist_is_told(url: str) -> None:
    with pytest.raises(Fault, match='database "nowhere" does not exist; create the database'):
        open_store(without_server(url, database="nowhere"), step=STEP)


def test_a_refused_password_is_told_and_not_printed(postgres: Cluster, url: str) -> None:
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    postgres.execute("CREATE ROLE locked LOGIN PASSWORD 'right'")
    postgres.execute(f"GRANT USAGE ON SCHEMA {url.rpartition('%3D')[2]} TO locked")
    rules.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{before}")
    postgres.execute("SELECT pg_reload_conf()")
    try:
        with pytest.raises(Fault, match="SPIKEWATCH_STORE_PASSWORD or store_password_file") as told:
            open_store(without_server(url, username="locked"), step=STEP, password=SecretStr("hunter2"))
        with pytest.raises(Fault, match="grant this user the right"):
            open_store(without_server(url, username="locked"), step=STEP, password=SecretStr("right"))
    finally:
        rules.write_text(before)
        postgres.execute("SELECT pg_reload_conf()")

    assert "hunter2" not in str(told.value)


def test_a_full_disk_takes_no_page_and_says_whose_disk_it_is(
    postgres: Cluster, store: SqlStore, url: str
) -> None:
    schema = url.rpartition("%3D")[2]
    commit(store, "1")
    postgres.execute(
        f"CREATE FUNCTION {schema}.full() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END$$"
    )
    postgres.execute(
        f"CREATE TRIGGER no_room BEFORE UPDATE ON {schema}.source EXECUTE FUNCTION {schema}.full()"
    )

    with pytest.raises(Fault, match="the server's disk is full: free some space there"):
        commit(store, "2")

    assert counted(store) == {CountRow(FIRST, LOGIN, 1)}
    postgres.execute(f"DROP TRIGGER no_room ON {schema}.source")
    commit(store, "2")
    assert counted(store) == {CountRow(FIRST, LOGIN, 2)}


@pytest.mark.parametrize("driver", ["postgresql+psycopg2", "postgresql+asyncpg"])
def test_another_driver_is_a_mistake_and_its_password_is_not_printed(driver: str) -> None:
    with pytest.raises(Mistake, match=r"write postgresql\+psycopg://") as told:
        open_store(f"{driver}://desk:hunter2@127.0.0.1/desk", step=STEP)

    assert "hunter2" not in str(told.value)


# -- many at once


def test_many_threads_may_commit_and_read_at_once(store: SqlStore) -> None:
    def work(thread: int) -> int:
        for number in range(5):
            commit(
                store, str(number), source=f"desk {thread}", series=SeriesKey("shop", f"{thread} {number}")
            )
        return sum(row.tickets for row in counted(store) if row.series.category.startswith(f"{thread} "))

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(work, range(4)))

    assert seen == [5] * 4


def test_sizes_are_those_of_the_tables(store: SqlStore) -> None:
    commit(store, "1", "2")

    stats = store.stats()

    assert stats.size_bytes > 0
    assert (stats.free_bytes, stats.volume_bytes) == (None, None)
    assert (stats.tickets, stats.count_rows, stats.oldest) == (2, 1, T0)
