import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, insert, update
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import Pool

from spikewatch.adapters.sql_store import SqlStore, file_of, open_store, tables
from spikewatch.adapters.sql_store.cells import with_new
from spikewatch.adapters.sql_store.counting import registered
from spikewatch.adapters.sql_store.opening import alembic_config
from spikewatch.adapters.sql_store.upserts import insert_new, upsert
from spikewatch.core.counts import CountRow, SeriesKey, Ticket
from spikewatch.core.incidents import Incidents
from spikewatch.core.settings import RenameSettings
from spikewatch.core.timegrid import bucket_number
from spikewatch.errors import Fault, Mistake
from spikewatch.ports import CycleCommit, JudgeState, Page, SourceState

STEP = timedelta(minutes=5)
T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
FIRST = bucket_number(T0, STEP)
LOGIN = SeriesKey("payments", "login")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spike watch 100%.db"


def opened(path: Path, *, step: timedelta = STEP, exclusive: bool = True) -> SqlStore:
    return open_store(f"sqlite:///{path}", step=step, exclusive=exclusive)


def page(*identifiers: str, series: SeriesKey = LOGIN, cursor: str = "c") -> Page:
    return Page([Ticket(each, T0, *series, version=1) for each in identifiers], cursor, caught_up=True)


def commit(store: SqlStore, *identifiers: str, source: str = "desk", series: SeriesKey = LOGIN) -> None:
    store.commit_page(source, page(*identifiers, series=series), since=T0, seen_at=T0)


def counted(store: SqlStore) -> set[CountRow]:
    return set(store.counts(first=0, stop=2**40))


def schema(path: Path) -> dict[str, str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE name <> 'alembic_version'"
        ).fetchall()
    connection.close()
    return {
        name: " ".join((sql or "").split())
        for name, sql in rows
        if not name.startswith("sqlite_autoindex_alembic")
    }


def run_sql(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


# -- schema


def test_migrations_make_the_schema_that_the_code_sees(path: Path, tmp_path: Path) -> None:
    opened(path).close()
    made = tmp_path / "made.db"
    engine = create_engine(f"sqlite:///{made}")
    tables.metadata.create_all(engine)
    engine.dispose()
    engine = create_engine(f"sqlite:///{path}")

    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)
    engine.dispose()

    assert differences == []
    assert schema(path) == schema(made)


def test_counts_lie_in_the_order_of_time_without_a_second_index(path: Path) -> None:
    opened(path).close()

    tables = schema(path)

    assert "PRIMARY KEY (bucket, series_id)" in tables["count"]
    assert tables["count"].endswith("WITHOUT ROWID")
    assert tables["ticket"].endswith("WITHOUT ROWID")
    assert not [name for name in tables if name.startswith("ix_")]


def test_a_store_of_an_unknown_schema_version_is_refused_and_left_alone(path: Path) -> None:
    opened(path).close()
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    run_sql(path, "UPDATE alembic_version SET version_num = '0999'")

    with pytest.raises(
        Fault, match=rf"schema version 0999.*knows versions up to {newest}.*run the newer spikewatch"
    ):
        opened(path)

    run_sql(path, f"UPDATE alembic_version SET version_num = '{newest}'")  # noqa: S608 -- a number of ours
    opened(path).close()


def test_labels_keep_their_numbers_when_their_table_is_made_anew(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0006")
    engine.dispose()
    run_sql(
        path, "INSERT INTO label VALUES (7, 0, 60000000, 'shop', NULL, 'expected', 'sato', NULL, NULL, NULL)"
    )

    store = opened(path)
    before = store.labels()
    store.remove_label(7)
    store.add_labels(before)

    assert [each.number for each in before] == [7]
    assert [each.number for each in store.labels()] == [8]
    store.close()


def test_a_store_that_was_never_brought_up_to_date_is_not_read(path: Path) -> None:
    path.touch()

    with pytest.raises(Fault, match=r"schema version none.*`spikewatch run`"):
        opened(path, exclusive=False)


def test_a_migration_that_breaks_off_leaves_nothing(path: Path) -> None:
    def break_off(connection: Connection) -> None:
        raise ConnectionError(connection)

    event.listen(Engine, "commit", break_off)
    try:
        with pytest.raises(ConnectionError):
            opened(path)
    finally:
        event.remove(Engine, "commit", break_off)

    assert schema(path) == {}
    opened(path).close()


def test_the_same_upserts_are_understood_by_postgresql() -> None:
    dialect = PGDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its dialects' constructors untyped
    adding = upsert(dialect, tables.count, on=["bucket", "series_id"], replace=["late"], add=["tickets"])
    keeping = insert_new(dialect, tables.meta)

    added, kept = (str(each.compile(dialect=dialect)) for each in (adding, keeping))

    assert added.endswith(
        "ON CONFLICT (bucket, series_id) DO UPDATE"
        " SET tickets = (count.tickets + excluded.tickets), late = excluded.late"
    )
    assert kept.endswith("ON CONFLICT DO NOTHING")


def test_counts_of_another_step_are_refused(path: Path) -> None:
    opened(path).close()

    with pytest.raises(Fault, match=r"buckets of 0:05:00, the configuration says 0:15:00: set `bucket` back"):
        opened(path, step=timedelta(minutes=15))


def test_a_step_that_does_not_divide_an_hour_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="does not divide an hour"):
        opened(path, step=timedelta(minutes=7))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("var/spikewatch.db", "is no database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        (
            "mysql://desk:secret@db/desk",
            r"mysql://desk:\*\*\*@db/desk: only SQLite and PostgreSQL are supported",
        ),
    ],
)
def test_a_url_that_is_none_of_ours_is_a_mistake(url: str, told: str) -> None:
    with pytest.raises(Mistake, match=told):
        open_store(url, step=STEP)


# -- one daemon


def test_who_looks_on_learns_which_daemon_writes_and_does_not_stand_in_its_way(path: Path) -> None:
    first = opened(path)
    reader = open_store(f"sqlite:///{path}", step=STEP, exclusive=False)

    during = reader.holder()
    first.close()
    after = reader.holder()
    opened(path).close()
    reader.close()

    assert (during, after) == (f"process {os.getpid()}", None)


def test_a_second_daemon_on_the_same_file_is_refused_until_the_first_stops(path: Path) -> None:
    first = opened(path)

    with pytest.raises(
        Fault, match=rf"in use by another spikewatch \(process {os.getpid()}\): stop that one first"
    ):
        opened(path)

    first.close()
    opened(path).close()


SECOND = """
import sys
from datetime import timedelta
from spikewatch.adapters.sql_store import open_store

open_store(sys.argv[1], step=timedelta(minutes=5))
"""


def test_a_second_daemon_in_another_process_is_refused(path: Path) -> None:
    first = opened(path)

    second = subprocess.run(
        [sys.executable, "-c", SECOND, f"sqlite:///{path}"], capture_output=True, text=True, check=False
    )

    first.close()
    assert second.returncode == 1
    assert f"in use by another spikewatch (process {os.getpid()})" in second.stderr


def test_closing_twice_does_no_harm(path: Path) -> None:
    store = opened(path)
    store.close()

    store.close()

    opened(path).close()


def test_a_reader_sees_what_the_daemon_committed_and_cannot_write(path: Path) -> None:
    daemon = opened(path)
    reader = opened(path, exclusive=False)
    commit(daemon, "1")

    rows = counted(reader)

    assert rows == {CountRow(FIRST, LOGIN, 1)}
    with pytest.raises(Fault, match="readonly"):
        commit(reader, "2")
    reader.close()
    daemon.close()


def test_a_reader_makes_no_store(path: Path) -> None:
    with pytest.raises(Fault, match=r"does not exist yet: `spikewatch run`"):
        opened(path, exclusive=False)

    assert list(path.parent.iterdir()) == []


def test_many_threads_may_commit_and_read_at_once(path: Path) -> None:
    store = opened(path)

    def work(thread: int) -> int:
        for number in range(10):
            commit(
                store,
                str(number),
                source=f"desk {thread}",
                series=SeriesKey("payments", f"{thread} {number}"),
            )
        return sum(row.tickets for row in counted(store) if row.series.category.startswith(f"{thread} "))

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(work, range(4)))

    assert seen == [10] * 4
    assert sum(row.tickets for row in counted(store)) == 40
    store.close()


# -- the disk


@pytest.mark.parametrize("name", ["what?", "a?mode=ro&b", "no #1", "100% %41", "a:b@c", "日本", "a+b&c"])
def test_the_path_of_a_store_is_taken_as_it_stands(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    url = f"sqlite:///{folder}/my {name}.db"

    with closing(open_store(url, step=STEP)) as store:
        commit(store, "1")
        seen_beside = opened_beside(url)

    assert file_of(url) == folder / f"my {name}.db"
    assert {file.name for file in folder.iterdir()} == {f"my {name}.db", f"my {name}.db.lock"}
    assert {each.name for each in tmp_path.iterdir()} == {name}
    assert seen_beside == {CountRow(FIRST, LOGIN, 1)}


def opened_beside(url: str) -> set[CountRow]:
    with closing(open_store(url, step=STEP, exclusive=False)) as store:
        return counted(store)


def test_a_missing_directory_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=rf"create the directory {tmp_path / 'missing'}"):
        opened(tmp_path / "missing" / "x.db")


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_directory_in_the_place_of_the_file_is_told_with_the_remedy(
    tmp_path: Path,
    exclusive: bool,  # noqa: FBT001 -- a table
) -> None:
    (tmp_path / "x.db").mkdir()
    inside = tmp_path / "x.db" / "spikewatch.db"

    with pytest.raises(
        Fault, match=rf"x\.db is a directory; name a file in it under `store`, such as {inside}"
    ):
        opened(tmp_path / "x.db", exclusive=exclusive)

    assert [each.name for each in tmp_path.iterdir()] == ["x.db"]


def test_a_directory_in_the_place_of_the_lock_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.db.lock").mkdir()

    with pytest.raises(Fault, match=r"x\.db: .*(directory|write)"):
        opened(tmp_path / "x.db")


def test_a_directory_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    nobody_writes = Path("/sys") if os.geteuid() == 0 else tmp_path  # root may write everywhere else

    with pytest.raises(Fault, match=f"let this user write in {nobody_writes}, or name another file"):
        opened(nobody_writes / "x.db")


def test_a_file_that_is_no_database_is_told_and_left_alone(path: Path) -> None:
    path.write_bytes(b"service,category,count\n" * 100)

    with pytest.raises(Fault, match=r"is not a database; the file is no SQLite database: move it away"):
        opened(path)

    assert path.read_bytes().startswith(b"service,")


def test_a_database_of_another_program_is_told_and_left_alone(path: Path) -> None:
    run_sql(path, "CREATE TABLE customers (name)")

    with pytest.raises(Fault, match="is a database of another program"):
        opened(path)

    assert set(schema(path)) == {"customers"}


def test_a_damaged_file_is_told(path: Path) -> None:
    store = opened(path)
    commit(store, *(str(number) for number in range(5000)))
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with pytest.raises(Fault, match="damaged: put a backup in its place"):
        opened(path)


def test_a_file_that_another_program_holds_is_told_and_the_page_is_taken_later(path: Path) -> None:
    store = opened(path)
    commit(store, "1")
    other = sqlite3.connect(path, isolation_level=None)

    def impatient(connection: sqlite3.Connection, *_rest: object) -> None:
        connection.execute("PRAGMA busy_timeout = 20")

    event.listen(Pool, "checkout", impatient)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Fault, match="another program holds the file: stop it and try again"):
            commit(store, "2")
        assert counted(store) == {CountRow(FIRST, LOGIN, 1)}
        other.execute("ROLLBACK")
        commit(store, "2")
    finally:
        event.remove(Pool, "checkout", impatient)
        other.close()

    assert counted(store) == {CountRow(FIRST, LOGIN, 2)}
    store.close()


READ_ONLY = """
import os, sys
from datetime import timedelta
from pathlib import Path
from spikewatch.adapters.sql_store import open_store
from spikewatch.errors import Fault

nobody = 65534
path = Path(sys.argv[1])
open_store(f"sqlite:///{path}", step=timedelta(minutes=5)).close()
before = path.read_bytes()
path.chmod(0o444)
if os.geteuid() == 0:
    os.chown(path.parent, nobody, nobody)
    os.chown(f"{path}.lock", nobody, nobody)
    os.seteuid(nobody)
try:
    open_store(f"sqlite:///{path}", step=timedelta(minutes=5))
except Fault as fault:
    print(fault)
print(path.read_bytes() == before)
"""


def test_a_file_that_may_not_be_written_is_told_and_stays_as_it_is() -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, f"{folder}/store.db"],
            capture_output=True,
            text=True,
            check=True,
        )

    told, left = done.stdout.splitlines()
    assert "let this user write the file and its directory" in told
    assert left == "True"


def test_a_file_that_is_damaged_while_it_is_in_use_is_told_and_takes_no_more(path: Path) -> None:
    store = opened(path)
    commit(store, *(str(number) for number in range(5000)))
    store.close()
    store = opened(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))

    with pytest.raises(Fault, match="damaged: put a backup in its place"):
        counted(store)
    with pytest.raises(Fault, match="damaged: put a backup in its place"):
        commit(store, "new")
    store.close()


FULL = """
import resource, signal, sys
from datetime import UTC, datetime, timedelta
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.counts import Ticket
from spikewatch.errors import Fault
from spikewatch.ports import Page

at = datetime(2026, 5, 11, 10, tzinfo=UTC)
store = open_store(sys.argv[1], step=timedelta(minutes=5))
tickets = [Ticket(str(number), at, "payments", "login", version=1) for number in range(20_000)]
store.commit_page("desk", Page(tickets[:1], "first", caught_up=False), since=at, seen_at=at)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    store.commit_page("desk", Page(tickets, "second", caught_up=False), since=at, seen_at=at)
except Fault as fault:
    print(fault)
print(store.source_state("desk").cursor, sum(row.tickets for row in store.counts(first=0, stop=2**40)))
"""


def test_without_room_on_the_disk_the_page_is_not_taken_and_the_remedy_is_told(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, f"sqlite:///{path}"], capture_output=True, text=True, check=True
    )

    told, left = done.stdout.splitlines()
    assert str(path) in told
    assert "check its health, space and quota" in told or "free some space" in told
    assert left == "first 1"


# -- whole or not at all


def test_a_store_keeps_everything_when_it_is_opened_again(path: Path) -> None:
    first = opened(path)
    commit(first, "1", "2")
    state = JudgeState(FIRST, Incidents(next_number=4))
    first.commit_cycle(CycleCommit(state))
    first.forget(tickets_before=T0 - timedelta(days=1), counts_before=T0 - timedelta(days=1))
    first.close()

    again = opened(path)

    assert counted(again) == {CountRow(FIRST, LOGIN, 2)}
    assert again.source_state("desk") == SourceState(T0, "c")
    assert again.judge_state() == state
    commit(again, "2", "3")
    assert counted(again) == {CountRow(FIRST, LOGIN, 3)}
    again.close()


def test_a_failure_at_the_last_statement_undoes_the_whole_page(path: Path) -> None:
    store = opened(path)
    commit(store, "1")
    run_sql(path, "CREATE TRIGGER stop BEFORE UPDATE ON source BEGIN SELECT RAISE(ABORT, 'stop'); END")

    with pytest.raises(IntegrityError, match="stop"):
        commit(store, "2", series=SeriesKey("payments", "cards"))

    assert counted(store) == {CountRow(FIRST, LOGIN, 1)}
    assert len(store.roster()) == 3
    run_sql(path, "DROP TRIGGER stop")
    commit(store, "2", series=SeriesKey("payments", "cards"))
    assert counted(store) == {CountRow(FIRST, LOGIN, 1), CountRow(FIRST, SeriesKey("payments", "cards"), 1)}
    store.close()


KILLED = """
import os, sys, threading
from datetime import UTC, datetime, timedelta
from sqlalchemy import Engine, event
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.counts import Ticket
from spikewatch.ports import Page

at = datetime(2026, 5, 11, 10, tzinfo=UTC)

def commit(number):
    tickets = [Ticket(f"{number}-{each}", at, "payments", "login", version=1) for each in range(1000)]
    store.commit_page("desk", Page(tickets, str(number), caught_up=False), since=at, seen_at=at)

store = open_store(sys.argv[1], step=timedelta(minutes=5))
commit(1)

@event.listens_for(Engine, "commit")
def everything_is_written_and_nothing_committed(connection):
    os.write(1, b"ready")
    threading.Event().wait()

commit(2)
"""


def test_a_daemon_killed_in_the_middle_of_a_commit_leaves_the_page_before_it(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, f"sqlite:///{path}"], stdout=subprocess.PIPE, bufsize=0
    ) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.read(5) == b"ready"
        daemon.send_signal(signal.SIGKILL)
    assert daemon.returncode == -signal.SIGKILL

    store = opened(path)

    assert counted(store) == {CountRow(FIRST, LOGIN, 1000)}
    assert store.source_state("desk") == SourceState(T0, "1")
    assert store.stats().tickets == 1000
    store.close()


def test_sizes_are_those_of_the_file_and_its_disk(path: Path) -> None:
    store = opened(path)
    commit(store, "1", "2")

    stats = store.stats()

    assert stats.size_bytes >= path.stat().st_size > 0
    assert stats.free_bytes is not None
    assert stats.volume_bytes == shutil.disk_usage(path.parent).total > stats.free_bytes > 0
    assert (stats.tickets, stats.count_rows, stats.oldest) == (2, 1, T0)
    store.close()


def test_a_series_that_comes_back_as_another_goes_is_seen() -> None:
    keys = [SeriesKey("shop", "login"), SeriesKey("shop", "refund")]
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with engine.begin() as connection:
        with_new(connection, {}, keys)
        connection.execute(insert(tables.retired).values(series_id=1))
        before = registered(connection, None, renames=RenameSettings())
        connection.execute(update(tables.retired).values(series_id=2))

        after = registered(connection, before, renames=RenameSettings())
    engine.dispose()

    assert (before.roster.n_leaves, before.row.tolist()) == (1, [-1, -1, before.roster.rows[keys[1]]])
    assert after.row.tolist() == [-1, after.roster.rows[keys[0]], -1]
