"""Files that another program writes to: half lines, rotation, folders, counts that add up, and mistakes in rows."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.csv_source.growing import CsvSource
from spikewatch.adapters.csv_source.pieces import next_piece
from spikewatch.adapters.csv_source.settings import CsvSettings
from spikewatch.adapters.memory import MemoryStore
from spikewatch.core.counts import CountRow, SeriesKey
from spikewatch.core.timegrid import bucket_number
from spikewatch.ports import Page, Position, Unavailable

STEP = timedelta(minutes=5)
T0 = datetime(2026, 5, 11, 10, tzinfo=UTC)
FIRST = bucket_number(T0, STEP)
LOGIN = SeriesKey("payments", "login")
TICKETS = "id,created_at,service,category\n"
COUNTS = "timestamp,service,category,count\n"


def row(identifier: object, *, minute: float = 0) -> str:
    return f"{identifier},{(T0 + timedelta(minutes=minute)).isoformat()},payments,login\n"


def cell(minute: float, count: int) -> str:
    return f"{(T0 + timedelta(minutes=minute)).isoformat()},payments,login,{count}\n"


class Desk:
    """A path that is written to and read from, into a store."""

    def __init__(self, path: Path, *, piece: int = 300) -> None:
        self.path = path
        self.clock = ManualClock(T0 + timedelta(hours=1))
        self.settings = CsvSettings.model_validate(
            {"kind": "csv", "name": "calls", "path": path, "lag": "0s"}
        )
        self.piece = piece
        self.store = MemoryStore(step=STEP)
        self.source = self.opened()

    def opened(self) -> CsvSource:
        return CsvSource(self.settings, clock=self.clock, step=STEP, piece=self.piece)

    def write(self, text: str, name: str = "", *, mode: str = "a") -> None:
        file = self.path / name
        with file.open(mode) as stream:
            stream.write(text)
        now = self.clock.now().timestamp()
        os.utime(file, (now, now))

    def read(self) -> list[Page]:
        """Read to the end into the store."""
        pages: list[Page] = []
        while not pages or not pages[-1].caught_up:
            state = self.store.source_state("calls")
            pages.append(self.source.fetch_page(Position(state.cursor if state else None, T0)))
            self.store.commit_page("calls", pages[-1], since=T0, seen_at=self.clock.now())
        return pages

    @property
    def counted(self) -> dict[int, int]:
        """Tickets of payments/login by bucket, from the first on."""
        rows: Sequence[CountRow] = list(self.store.counts(first=0, stop=2**40))
        return {each.bucket - FIRST: each.tickets for each in rows}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "calls.csv")


@pytest.fixture
def folder(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_line_without_its_end_is_waited_for_and_nothing_after_it_is_known(desk: Desk) -> None:
    desk.write(TICKETS + row(1) + "2,2026-05-11T10:0")

    half = desk.read()
    desk.write("1:00+00:00,payments,login\n")
    whole = desk.read()

    assert (half[-1].caught_up, half[-1].watermark) == (True, None)
    assert whole[-1].watermark == desk.clock.now()
    assert desk.counted == {0: 2}


def test_a_line_that_is_never_finished_is_told(desk: Desk) -> None:
    desk.write(TICKETS + row(1) + "2,2026-05-11T10:0")
    desk.read()
    desk.clock.advance(timedelta(minutes=5))

    with pytest.raises(Unavailable, match=r"calls\.csv:3: the last line has no end; whoever writes it"):
        desk.read()


def test_a_header_that_is_not_whole_is_waited_for(desk: Desk) -> None:
    desk.write("id,created_at")
    assert desk.read()[-1].size == 0

    desk.write(",service,category\n" + row(1))

    assert desk.read()[-1].size == 1


def test_what_the_file_does_not_change_the_watermark_follows_its_last_change(desk: Desk) -> None:
    desk.write(TICKETS + row(1))
    written = desk.clock.now()
    desk.clock.advance(timedelta(hours=1))

    assert desk.read()[-1].watermark == written

    desk.write("")
    assert desk.read()[-1].watermark == desk.clock.now()


def test_a_file_that_was_rotated_begins_anew_and_forgets_nothing(desk: Desk) -> None:
    desk.write(TICKETS + "".join(row(number) for number in range(20)))
    desk.read()

    desk.write(TICKETS + row(20, minute=5), mode="w")
    desk.read()
    desk.write(row(21, minute=5))
    desk.read()

    assert desk.counted == {0: 20, 1: 2}


def test_a_rotated_file_that_is_longer_than_the_old_one_is_noticed(desk: Desk) -> None:
    desk.write(TICKETS + row("a"))
    desk.read()

    desk.write(TICKETS + "".join(row(f"b{number}") for number in range(20)), mode="w")
    desk.read()

    assert desk.counted == {0: 21}


def test_rows_of_counts_add_to_their_bucket_wherever_they_stand(folder: Desk) -> None:
    folder.write(COUNTS + cell(0, 3) + cell(5, 1), "monday.csv")
    folder.read()

    folder.write(cell(0, 2), "monday.csv")
    folder.write(COUNTS + cell(5, 4), "tuesday.csv")
    folder.read()

    assert folder.counted == {0: 5, 1: 5}


def test_counts_go_on_after_a_restart(folder: Desk) -> None:
    folder.write(COUNTS + "".join(cell(5 * number, 1) for number in range(30)), "a.csv")
    folder.read()
    folder.source = folder.opened()

    folder.write(cell(5 * 29, 1) + cell(5 * 30, 1), "a.csv")
    folder.read()

    assert folder.counted == {**dict.fromkeys(range(29), 1), 29: 2, 30: 1}


def test_a_folder_may_hold_tickets_and_counts(folder: Desk) -> None:
    folder.write(COUNTS + cell(0, 3), "counts.csv")
    folder.write(TICKETS + row(1) + row(2), "tickets.csv")
    (folder.path / "notes.txt").write_text("no csv")

    folder.read()

    assert folder.counted == {0: 5}


def test_a_name_with_a_line_end_in_quotes_is_one_row(desk: Desk) -> None:
    desk.write(TICKETS + f'1,{T0.isoformat()},payments,"log\nin"\n')

    desk.read()

    assert {each.series.category for each in desk.store.counts(first=0, stop=2**40)} == {"log\nin"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("3,2026-05-11T10:00:00,payments,login\n", "created_at: '2026-05-11T10:00:00' has no UTC offset"),
        (
            "3,2026-05-11T10:00:00+00:00,payments\n",
            r"3 fields instead of 4 \(id,created_at,service,category\)",
        ),
        ("3,2026-05-11T10:00:00+00:00,payments,*\n", r"category: '\*' means all"),
        (",2026-05-11T10:00:00+00:00,payments,login\n", "id is empty"),
        ("3,2026-05-11T10:00:00+00:00,pay\0ments,login\n", r"service: 'pay\\x00ments' holds a NUL character"),
        ("3\0,2026-05-11T10:00:00+00:00,payments,login\n", r"id: '3\\x00' holds a NUL character"),
    ],
)
def test_a_row_that_is_wrong_is_told_with_its_line_and_its_piece_is_not_taken(
    desk: Desk, line: str, told: str
) -> None:
    desk.write(TICKETS + row(1) + row(2) + line)

    with pytest.raises(Unavailable, match=rf"calls\.csv:4: {told}") as error:
        desk.read()

    assert error.value.reason == "parse"
    assert desk.counted == {}


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        (
            TICKETS + row(1) + row(2).replace("login", "ログイン"),
            "cp932",
            "3: this is not UTF-8 but another encoding",
        ),
        (TICKETS + row(1), "utf-16", "1: this is not UTF-8 but UTF-16"),
    ],
)
def test_a_file_in_another_encoding_is_told_with_its_line(
    desk: Desk, text: str, encoding: str, told: str
) -> None:
    desk.path.write_bytes(text.encode(encoding))

    with pytest.raises(Unavailable, match=rf"calls\.csv:{told}") as error:
        desk.read()

    assert error.value.reason == "parse"


def test_a_row_that_is_longer_than_a_piece_is_taken_whole_and_nothing_behind_the_stop(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    long = '1,"' + "\n" * 2500 + '"\n'
    file.write_text(long + "2,b\n" * 1000)

    piece = next_piece(file, start=0, stop=len(long), size=1000)

    assert piece is not None
    assert (piece.start, piece.stop, piece.text) == (0, len(long), long)


def test_whole_rows_before_a_quote_that_is_left_open_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("1,a\n2,b\n" + '3,"c\n' + "4,d\n" * 100)

    piece = next_piece(file, start=0)

    assert piece is not None
    assert piece.text == "1,a\n2,b\n"
    assert next_piece(file, start=piece.stop) is None


def test_a_file_that_is_missing_or_no_tickets_is_told(desk: Desk, folder: Desk) -> None:
    with pytest.raises(Unavailable, match=r"calls\.csv: No such file"):
        desk.read()
    with pytest.raises(Unavailable, match=r"no file matches \*\.csv"):
        folder.read()
    desk.write("when,what\n1,2\n")
    with pytest.raises(Unavailable, match=r"calls\.csv:1: the header is 'when,what'; expected"):
        desk.read()


said = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans()), max_size=25)


@given(rows=said, restarts=st.sets(st.integers(0, 25)))
@settings(max_examples=40)  # each writes files
def test_counts_are_the_sum_of_all_rows_however_they_arrive(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, bool]], restarts: set[int]
) -> None:
    folder = Desk(tmp_path_factory.mktemp("calls"), piece=100)
    folder.write(COUNTS, "a.csv")
    folder.write(COUNTS, "b.csv")
    expected: dict[int, int] = {}
    for place, (bucket, count, first) in enumerate(rows):
        folder.write(cell(5 * bucket, count), "a.csv" if first else "b.csv")
        expected[bucket] = expected.get(bucket, 0) + count
        if place in restarts:
            folder.source = folder.opened()
        if place % 3 == 0:
            folder.read()
    folder.read()

    assert folder.counted == {bucket: count for bucket, count in expected.items() if count}
