"""Recorded counts, tickets and gaps from CSV files: what is right, and what each mistake says."""

import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.adapters.csv_source import (
    Kind,
    Recorded,
    finest_step,
    read_gaps,
    read_input,
    read_labels,
    require_step,
)
from spikewatch.core.counts import Gap, SeriesKey
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.timegrid import Span
from spikewatch.errors import Mistake

COUNTS = "timestamp,service,category,count\n"
TICKETS = "id,created_at,service,category,updated_at,status\n"
GAPS = "start,end,service\n"
LABELS = "start,end,service,category,kind\n"
T = "2026-05-11T10:00:00+09:00"
NINE_O_CLOCK = int(datetime(2026, 5, 11, 1, tzinfo=UTC).timestamp())


def written(folder: Path, content: str | bytes, *, name: str = "input.csv") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def told(file: Path) -> list[str]:
    with pytest.raises(Mistake) as caught:
        read_input(file)
    return [problem.removeprefix(f"{file.parent}/") for problem in caught.value.problems]


def totals(recorded: Recorded) -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    for place, stamp, count in zip(recorded.series_of, recorded.stamp, recorded.count, strict=True):
        found[str(recorded.series[place]), int(stamp)] += int(count)
    return found


# -- counts


def test_a_counts_file_becomes_arrays(tmp_path: Path) -> None:
    file = written(
        tmp_path, COUNTS + f"{T},shop,refund,3\n2026-05-11T01:05:00Z,pay,login,2\n{T},shop,refund,1\n"
    )

    recorded = read_input(file)

    assert recorded.kind is Kind.COUNTS
    assert recorded.series == (SeriesKey("pay", "login"), SeriesKey("shop", "refund"))
    assert recorded.series_of.tolist() == [1, 0, 1]
    assert recorded.stamp.tolist() == [NINE_O_CLOCK, NINE_O_CLOCK + 300, NINE_O_CLOCK]
    assert recorded.count.tolist() == [3, 2, 1]
    assert not recorded.flatters


@pytest.mark.parametrize("name", ["input.csv.gz", "input.csv"])
def test_gzip_is_told_by_its_content_not_by_its_name(name: str, tmp_path: Path) -> None:
    file = written(tmp_path, gzip.compress((COUNTS + f"{T},pay,login,2\n").encode()), name=name)

    assert read_input(file).count.tolist() == [2]


def test_columns_may_stand_in_any_order_and_names_in_any_script(tmp_path: Path) -> None:
    text = "\ufeffcategory,count,service,timestamp\r\n"
    file = written(tmp_path, text + f'"ログイン, 認証",4,決済,{T}\r\n\r\n')

    recorded = read_input(file)

    assert recorded.series == (SeriesKey("決済", "ログイン, 認証"),)
    assert recorded.count.tolist() == [4]


# -- tickets


def test_of_rows_with_one_id_the_newest_counts_and_ties_go_to_the_later_row(tmp_path: Path) -> None:
    rows = [
        f"1,{T},pay,login,2026-05-11T12:00:00+09:00,open",
        f"1,{T},pay,old,2026-05-11T11:00:00+09:00,open",
        f"2,{T},pay,first,2026-05-11T11:00:00+09:00,open",
        f"2,{T},pay,second,2026-05-11T11:00:00+09:00,open",
        f"3,{T},pay,undated,,open",
        f"3,{T},pay,dated,2026-05-11T11:00:00+09:00,open",
    ]

    recorded = read_input(written(tmp_path, TICKETS + "\n".join(rows)))

    assert totals(recorded) == {(f"pay/{name}", NINE_O_CLOCK): 1 for name in ("login", "second", "dated")}
    assert recorded.flatters


def test_a_ticket_that_was_deleted_last_is_not_counted_and_a_restored_one_is(tmp_path: Path) -> None:
    rows = [
        f"1,{T},pay,gone,2026-05-11T11:00:00+09:00,open",
        f"1,{T},pay,gone,2026-05-11T12:00:00+09:00,deleted",
        f"2,{T},pay,back,2026-05-11T11:00:00+09:00,deleted",
        f"2,{T},pay,back,2026-05-11T12:00:00+09:00,open",
    ]

    recorded = read_input(written(tmp_path, TICKETS + "\n".join(rows)))

    assert totals(recorded) == {("pay/back", NINE_O_CLOCK): 1}
    assert recorded.series == (SeriesKey("pay", "back"),)


def test_a_tickets_file_may_leave_out_what_is_optional(tmp_path: Path) -> None:
    text = f"id,created_at,service,category\n1,{T},pay,old\n1,{T},pay,new\n"

    assert totals(read_input(written(tmp_path, text))) == {("pay/new", NINE_O_CLOCK): 1}


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from("abc"), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_a_ticket_counts_once_as_its_newest_row_says(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, str, bool]]
) -> None:
    lines = [
        f"{ident},{T},pay,{category},2026-05-11T1{version}:00:00+09:00,{'deleted' if deleted else 'open'}"
        for ident, version, category, deleted in rows
    ]
    lines.append(f"last,{T},pay,last,,open")
    newest: dict[int, tuple[int, int]] = {}
    for place, (ident, version, _, _) in enumerate(rows):
        newest[ident] = max(newest.get(ident, (-1, -1)), (version, place))
    kept = [rows[place] for _, place in newest.values()]
    expected = Counter(f"pay/{category}" for _, _, category, deleted in kept if not deleted) + Counter(
        ["pay/last"]
    )

    recorded = read_input(written(tmp_path_factory.mktemp("rows"), TICKETS + "\n".join(lines)))

    assert Counter({name: count for (name, _), count in totals(recorded).items()}) == expected


# -- mistakes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "input.csv: the file is empty; expected a header, timestamp,service,category,count or id,"),
        (COUNTS, "input.csv: there is no ticket below the header"),
        (
            "when,service,category,count\n",
            "input.csv:1: the header is 'when,service,category,count'; expected",
        ),
        ("timestamp;service;category;count\n", "separated by commas"),
        (
            "timestamp,service,categroy,count\n",
            "'category' is missing; 'categroy' is unknown, did you mean category?",
        ),
        ("timestamp,service,service,category,count\n", "a column stands twice"),
        ("start,end,service\n", "a gaps file belongs to --gaps"),
        (LABELS, "a labels file belongs to --labels"),
        (
            COUNTS + "yesterday,pay,login,1\n",
            "input.csv:2: timestamp: 'yesterday' is no time; write it as 2026-",
        ),
        (
            COUNTS + "2026-05-11T10:00:00,pay,login,1\n",
            "has no UTC offset; write 2026-05-11T10:00:00+09:00, or",
        ),
        (COUNTS + "0206-05-11T10:00:00Z,pay,login,1\n", "is not between 1990 and 2100; check the year"),
        (COUNTS + f"{T},pay,login,-3\n", "input.csv:2: count: '-3' is negative; a count is 0 or more"),
        (
            COUNTS + f"{T},pay,login,1.5\n",
            "input.csv:2: count: '1.5' is fractional; a count is a whole number",
        ),
        (
            COUNTS + f"{T},pay,login,3.0\n",
            "count: '3.0' is no whole number in digits; write it without point",
        ),
        (COUNTS + f"{T},pay,login,\n", "count: '' is no number; write digits only, such as 3"),
        (COUNTS + f"{T},pay,login,nan\n", "count: 'nan' is no"),
        (COUNTS + f"{T},pay,login,99999999999\n", "is more than 1000000000; check the number"),
        (COUNTS + f"{T},pay,login,{'9' * 5000}\n", "is more than 1000000000; check the number"),
        (COUNTS + f"{T},pay,login,{'0' * 5000}\n", "is no whole number in digits"),
        (
            COUNTS + f"{T},pay,login\n",
            "input.csv:2: too few fields: 3 instead of 4 (timestamp,service,category,count)",
        ),
        (COUNTS + f"{T},pay,login,1,2\n", "input.csv:2: too many fields: 5 instead of 4"),
        (COUNTS + f"{T},,login,1\n", "input.csv:2: service is empty; write its name"),
        (COUNTS + f"{T},pay,*,1\n", "input.csv:2: category: '*' means all and is no name"),
        (
            COUNTS + f'{T},"pay,login,1\n',
            "this is no CSV (unexpected end of data); look for a quote left open",
        ),
        (
            "id,created_at,service,category\n" + f",{T},pay,login\n",
            "input.csv:2: id is empty; every ticket needs one",
        ),
        (TICKETS + f"1,{T},pay,login,soon,open\n", "input.csv:2: updated_at: 'soon' is no time"),
        (
            COUNTS + f"{T},pay,log\0in,1\n",
            r"input.csv:2: category: 'log\x00in' holds a NUL character, which no store keeps; export the file again",
        ),
        (TICKETS + f"1\0,{T},pay,login,,open\n", r"input.csv:2: id: '1\x00' holds a NUL character"),
    ],
)
def test_each_mistake_names_file_line_value_and_remedy(content: str, said: str, tmp_path: Path) -> None:
    problems = told(written(tmp_path, content))

    assert len(problems) == 1
    assert said in problems[0]


def test_up_to_twenty_mistakes_are_told_at_once(tmp_path: Path) -> None:
    problems = told(written(tmp_path, COUNTS + f"{T},pay,login,x\n" * 23))

    assert len(problems) == 21
    assert problems[19].startswith("input.csv:21: count: 'x'")
    assert problems[20] == "input.csv: and 3 more"


def test_a_gzip_that_is_cut_off_is_refused_whole(tmp_path: Path) -> None:
    rows = "".join(f"{T},pay,c{number},1\n" for number in range(2000))
    whole = gzip.compress((COUNTS + rows).encode())

    problems = told(written(tmp_path, whole[: len(whole) // 2], name="input.csv.gz"))

    assert len(problems) == 1
    assert problems[0].startswith("input.csv.gz: the gzip data are cut off or damaged")


def test_a_gzip_with_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress((COUNTS + f"{T},pay,login,2\n" * 50).encode()))
    damaged[-6] ^= 1

    assert "cut off or damaged" in told(written(tmp_path, bytes(damaged)))[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            (COUNTS + f"{T},決済,login,1\n").encode("shift_jis"),
            "input.csv:2: this is not UTF-8 but another encoding",
        ),
        ((COUNTS + f"{T},pay,login,1\n").encode("utf-16"), "input.csv:1: this is not UTF-8 but UTF-16"),
    ],
)
def test_another_encoding_is_told_with_its_line(content: bytes, said: str, tmp_path: Path) -> None:
    problems = told(written(tmp_path, content))

    assert len(problems) == 1
    assert problems[0].startswith(said)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    assert told(tmp_path / "nowhere.csv") == ["nowhere.csv: there is no such file; check the path"]
    assert "this is a folder" in told(tmp_path)[0]


# -- the width of the data


def wide(folder: Path, minutes: int, *, rows: int = 60) -> Recorded:
    start = datetime(2026, 5, 11, tzinfo=UTC)
    stamps = [(start + timedelta(minutes=minutes * row)).isoformat() for row in range(rows)]
    return read_input(written(folder, COUNTS + "".join(f"{stamp},pay,login,1\n" for stamp in stamps)))


@pytest.mark.parametrize(("minutes", "fits"), [(10, "10m"), (15, "15m"), (45, "1h"), (60, "1h")])
def test_a_grid_finer_than_the_data_is_refused_with_the_width_that_fits(
    minutes: int, fits: str, tmp_path: Path
) -> None:
    recorded = wide(tmp_path, minutes)

    assert finest_step(recorded) == timedelta(minutes=minutes)
    with pytest.raises(Mistake, match=f"input.csv: .* bucket: 5m is too fine; use bucket: {fits}$"):
        require_step(recorded, step=timedelta(minutes=5), file="input.csv")


def test_counts_a_day_wide_are_too_coarse(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="1d wide, too coarse for detection; export buckets of 1h or less"):
        require_step(wide(tmp_path, 1440), step=timedelta(minutes=5), file="input.csv")


def test_a_grid_as_coarse_as_the_data_or_coarser_is_accepted(tmp_path: Path) -> None:
    recorded = wide(tmp_path, 15)

    require_step(recorded, step=timedelta(minutes=15), file="input.csv")
    require_step(recorded, step=timedelta(minutes=30), file="input.csv")


@pytest.mark.parametrize(("rows", "width"), [(49, None), (50, timedelta(minutes=15))])
def test_the_width_is_believed_from_fifty_stamps_on(
    rows: int, width: timedelta | None, tmp_path: Path
) -> None:
    assert finest_step(wide(tmp_path, 15, rows=rows)) == width


# -- gaps


def test_a_gaps_file_becomes_gaps(tmp_path: Path) -> None:
    file = written(tmp_path, GAPS + f"{T},2026-05-11T12:00:00+09:00,pay\n{T},2026-05-11T11:00:00+09:00,\n")

    gaps = read_gaps(file)

    start = datetime(2026, 5, 11, 1, tzinfo=UTC)
    assert gaps == (
        Gap(Span(start, start + timedelta(hours=2)), "pay"),
        Gap(Span(start, start + timedelta(hours=1)), None),
    )


def test_a_gaps_file_may_hold_none(tmp_path: Path) -> None:
    assert read_gaps(written(tmp_path, GAPS)) == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GAPS + f"{T},{T},pay\n", "input.csv:2: end: .* is not after start"),
        (GAPS + f"{T},2026-05-11T12:00:00,pay\n", "input.csv:2: end: .* has no UTC offset"),
        (COUNTS, "this is a counts file"),
        (
            GAPS + f"{T},2026-05-11T12:00:00+09:00,pa\0y\n",
            r"input.csv:2: service: 'pa\\x00y' holds a NUL character",
        ),
    ],
)
def test_a_wrong_gap_names_its_line(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=said):
        read_gaps(written(tmp_path, content))


# -- labels


def test_a_labels_file_becomes_labels_and_other_columns_are_ignored(tmp_path: Path) -> None:
    noon = "2026-05-11T12:00:00+09:00"
    content = (
        "id,start,end,service,category,kind,recorded_at,note\n"
        f"1,{T},{noon},pay,login,incident,2026-05-12T00:00:00Z,card network\n"
        f"2,{T},{noon},,,expected,,\n"
        f"3,{T},{noon},pay,,false_alarm,,\n"
    )

    labels = read_labels(written(tmp_path, content))

    start = datetime(2026, 5, 11, 1, tzinfo=UTC)
    span = Span(start, start + timedelta(hours=2))
    assert labels == (
        Label(span, "pay", "login", LabelKind.INCIDENT, datetime(2026, 5, 12, tzinfo=UTC)),
        Label(span, None, None, LabelKind.EXPECTED),
        Label(span, "pay", None, LabelKind.FALSE_ALARM),
    )


def test_a_labels_file_may_hold_none(tmp_path: Path) -> None:
    assert read_labels(written(tmp_path, LABELS)) == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (LABELS + f"{T},{T},pay,,incident\n", "input.csv:2: end: .* is not after start .* a label lasts"),
        (
            LABELS + f"{T},2026-05-12T00:00:00Z,pay,,outage\n",
            "input.csv:2: kind: 'outage' is no kind of label; write incident, expected, false_alarm",
        ),
        (
            f"{LABELS.strip()},recorded_at\n{T},2026-05-12T00:00:00Z,pay,,incident,2026-05-12\n",
            "input.csv:2: recorded_at: '2026-05-12' has no UTC offset",
        ),
        ("start,end,service,category,note\n", "'kind' is missing"),
        (COUNTS, "this is a counts file"),
        (GAPS, "a gaps file belongs to --gaps"),
        (
            LABELS + f"{T},2026-05-11T12:00:00+09:00,pay,log\0in,incident\n",
            r"input.csv:2: category: 'log\\x00in' holds a NUL character",
        ),
    ],
)
def test_a_wrong_label_names_its_line(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=said):
        read_labels(written(tmp_path, content))
