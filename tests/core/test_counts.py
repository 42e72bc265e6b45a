"""Tickets, rosters and panels: a count is where its ticket is now, and what is unknown is not zero."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.counts import (
    ALL,
    FLEET,
    Gap,
    Panel,
    Roster,
    SeriesKey,
    Ticket,
    build_panel,
    is_late,
    known_buckets,
    remember,
)
from spikewatch.core.timegrid import Grid, Span, bucket_start
from tests.core_factories import LOGIN, NOON, PARCEL, PAYMENTS, REFUND, SHOP, STEP, panel
from tests.oracles import counting

TICK = timedelta(microseconds=1)
ROSTER = Roster.of([LOGIN, REFUND, PARCEL, SeriesKey("app", "crash")])
GRID = Grid.between(NOON, NOON + timedelta(hours=1), STEP)

places = st.integers(-3600, 2 * 3600).map(lambda second: NOON + timedelta(seconds=second))
marks = st.none() | places | places.map(lambda instant: instant + TICK)
spans = st.tuples(places, st.integers(0, 1800)).map(lambda it: Span(it[0], it[0] + timedelta(seconds=it[1])))
gap_lists = st.lists(
    st.builds(Gap, spans, st.sampled_from([None, "payments", "shop", "unheard of"])), max_size=4
)


def ticket(*, version: int = 1, counted: bool = True, category: str = "login") -> Ticket:
    return Ticket("7", NOON, "payments", category, version, counted)


# -- series and rosters


def test_a_roster_lists_leaves_by_name_then_services_then_the_fleet() -> None:
    roster = Roster.of([PARCEL, REFUND, LOGIN, LOGIN])

    assert roster.keys == (LOGIN, REFUND, PARCEL, PAYMENTS, SHOP, FLEET)
    assert roster.services == ("payments", "shop")
    assert roster.service_of.tolist() == [0, 0, 1, 0, 1, -1]
    assert roster.n_leaves == 3
    assert [roster.rows[key] for key in roster.keys] == list(range(6))


def test_an_empty_roster_has_no_fleet() -> None:
    assert len(Roster.of([])) == 0
    assert Roster.of([]).roll_up(np.zeros((0, 3))).shape == (0, 3)


def test_rows_in_another_roster_are_missing_where_it_lacks_the_series() -> None:
    small, large = Roster.of([LOGIN]), Roster.of([LOGIN, PARCEL])

    assert small.rows_in(large).tolist() == [0, 2, 4]
    assert large.rows_in(small).tolist() == [0, -1, 1, -1, 2]


@pytest.mark.parametrize(
    ("key", "rollup", "fleet", "written"),
    [
        (LOGIN, False, False, "payments/login"),
        (PAYMENTS, True, False, "payments/*"),
        (FLEET, True, True, "*/*"),
    ],
)
def test_a_series_knows_what_it_sums(key: SeriesKey, *, rollup: bool, fleet: bool, written: str) -> None:
    assert (key.is_rollup, key.is_fleet, str(key)) == (rollup, fleet, written)


# -- tickets


@pytest.mark.parametrize(("service", "category"), [(ALL, "a"), ("a", ALL), ("", "a"), ("a", "")])
def test_a_ticket_cannot_bear_the_name_of_a_rollup_or_none(service: str, category: str) -> None:
    with pytest.raises(ValueError, match="no legal service and category"):
        Ticket("7", NOON, service, category, 1)


def test_a_ticket_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no UTC offset"):
        Ticket("7", NOON.replace(tzinfo=None), "payments", "login", 1)


def test_a_ticket_knows_its_series() -> None:
    assert ticket().series == LOGIN


BUCKET_END = NOON + STEP


@pytest.mark.parametrize(
    ("watermark", "late"),
    [
        (None, False),
        (BUCKET_END, False),
        (BUCKET_END + timedelta(minutes=15), False),
        (BUCKET_END + timedelta(minutes=15) + TICK, True),
        (BUCKET_END + timedelta(days=1), True),
    ],
    ids=["never caught up", "just known", "on the line", "past the line", "long past"],
)
def test_a_ticket_is_late_once_its_bucket_is_more_than_a_quarter_of_an_hour_below_the_watermark(
    watermark: datetime | None, *, late: bool
) -> None:
    for created_at in (NOON, NOON + STEP - TICK):
        assert is_late(created_at, step=STEP, watermark=watermark) is late


def test_a_ticket_first_seen_is_remembered_where_it_counts() -> None:
    state = remember(None, ticket(), late=True)

    assert state == (int(NOON.timestamp()), 1, LOGIN, True, True, None)


def test_an_older_version_changes_nothing() -> None:
    state = remember(None, ticket(version=2), late=False)

    assert remember(state, ticket(version=1, category="refund"), late=False) is state


@pytest.mark.parametrize("version", [1, 2])
def test_an_equal_or_newer_version_moves_the_ticket_and_keeps_whether_it_was_late(version: int) -> None:
    state = remember(None, ticket(version=1), late=False)

    moved = remember(state, ticket(version=version, category="refund"), late=True)

    assert moved.series == REFUND
    assert not moved.late


def test_a_deleted_ticket_keeps_the_series_it_counted_in() -> None:
    state = remember(None, ticket(), late=False)

    gone = remember(state, ticket(version=2, counted=False, category="refund"), late=False)

    assert (gone.series, gone.counted) == (LOGIN, False)


def test_a_ticket_deleted_before_it_was_seen_never_counted() -> None:
    assert remember(None, ticket(counted=False), late=False).series is None


# -- known buckets


@given(marks, marks, gap_lists)
def test_known_buckets_agree_with_looking_at_each(
    since: datetime | None, until: datetime | None, gaps: Sequence[Gap]
) -> None:
    known = known_buckets(ROSTER, GRID, since=since, until=until, gaps=gaps)

    expected = [
        [
            counting.is_known(service, number, GRID, since=since, until=until, gaps=gaps)
            for number in range(GRID.first, GRID.stop)
        ]
        for service in ROSTER.services
    ]
    assert known.tolist() == expected


@pytest.mark.parametrize(
    ("start", "end", "unknown"),
    [
        (NOON + STEP, NOON + 2 * STEP, [1]),
        (NOON + STEP, NOON + 2 * STEP + TICK, [1, 2]),
        (NOON + STEP - TICK, NOON + STEP, [0]),
        (NOON + STEP - TICK, NOON + STEP + TICK, [0, 1]),
        (NOON + STEP + TICK, NOON + STEP + 2 * TICK, [1]),
        (NOON + STEP, NOON + STEP, []),
        (NOON + STEP + TICK, NOON + STEP + TICK, []),
    ],
    ids=["a bucket", "and a tick", "only a tick", "over the line", "inside", "nothing", "nothing inside"],
)
def test_a_bucket_that_a_gap_only_touches_is_unknown(
    start: datetime, end: datetime, unknown: list[int]
) -> None:
    gap = Gap(Span(start, end), "payments")

    known = known_buckets(ROSTER, GRID, since=NOON, until=GRID.end, gaps=[gap])

    assert np.flatnonzero(~known[ROSTER.services.index("payments")]).tolist() == unknown
    assert known[ROSTER.services.index("shop")].all()


@pytest.mark.parametrize(
    ("since", "until", "known"),
    [
        (NOON, NOON + 3 * STEP, [0, 1, 2]),
        (NOON + TICK, NOON + 3 * STEP, [1, 2]),
        (NOON, NOON + 3 * STEP - TICK, [0, 1]),
        (NOON - STEP, NOON + TICK, []),
        (NOON + 3 * STEP, NOON + STEP, []),
    ],
    ids=["whole buckets", "since a tick later", "until a tick earlier", "nothing yet", "wrong order"],
)
def test_only_whole_buckets_between_since_and_the_watermark_are_known(
    since: datetime, until: datetime, known: list[int]
) -> None:
    flags = known_buckets(ROSTER, GRID, since=since, until=until)

    assert np.flatnonzero(flags[0]).tolist() == known


# -- panels

cells_drawn = st.lists(
    st.tuples(
        st.sampled_from(ROSTER.keys[: ROSTER.n_leaves]),
        st.integers(GRID.first - 2, GRID.stop + 1),
        st.integers(1, 9),
    ),
    max_size=40,
)


@given(cells_drawn, gap_lists, st.sampled_from([np.int32, np.int64]))
def test_a_panel_agrees_with_counting_by_hand(
    cells: list[tuple[SeriesKey, int, int]], gaps: list[Gap], dtype: type[np.integer]
) -> None:
    known = known_buckets(ROSTER, GRID, since=NOON, until=GRID.end, gaps=gaps)
    rows = [(ROSTER.rows[key], bucket, tickets) for key, bucket, tickets in cells]

    built = build_panel(ROSTER, GRID, rows, known=known, dtype=dtype)

    flags = {
        (service, number): bool(known[row, number - GRID.first])
        for row, service in enumerate(ROSTER.services)
        for number in range(GRID.first, GRID.stop)
    }
    totals = counting.recount(cells, flags)
    assert built.counts.dtype == dtype
    assert built.counts.tolist() == [
        [totals[key, number] for number in range(GRID.first, GRID.stop)] for key in ROSTER.keys
    ]


@given(cells_drawn)
def test_cells_in_columns_make_the_same_panel_as_cells_one_by_one(
    cells: list[tuple[SeriesKey, int, int]],
) -> None:
    known = np.ones((len(ROSTER.services), GRID.length), dtype=np.bool_)
    rows = [(ROSTER.rows[key], bucket, tickets) for key, bucket, tickets in cells]

    columns = build_panel(ROSTER, GRID, np.array(rows, dtype=np.int64).reshape(-1, 3), known=known)

    np.testing.assert_array_equal(columns.counts, build_panel(ROSTER, GRID, rows, known=known).counts)


def test_a_rollup_sums_the_services_that_are_known() -> None:
    built = panel({LOGIN: [3], REFUND: [4], PARCEL: [5]}, known={"shop": [False]})

    assert built.counts[:, 0].tolist() == [3, 4, 0, 7, 0, 7]
    assert built.known_rows[:, 0].tolist() == [True, True, False, True, False, True]


def test_an_empty_panel_is_a_panel() -> None:
    roster = Roster.of([])

    built = build_panel(roster, GRID, [], known=np.zeros((0, GRID.length), dtype=np.bool_))

    assert built.counts.shape == built.known_rows.shape == (0, GRID.length)


def test_a_cell_of_a_series_that_is_not_on_the_roster_is_left_out() -> None:
    known = np.ones((3, GRID.length), dtype=np.bool_)

    assert not build_panel(ROSTER, GRID, [(-1, GRID.first, 5)], known=known).counts.any()


def test_a_cut_shows_the_same_cells() -> None:
    whole = panel({LOGIN: [1, 2, 3, 4], PARCEL: [5, 6, 7, 8]}, known={"shop": [True, True, False, True]})

    part = whole.cut(whole.grid.first + 1, whole.grid.first + 3)

    assert part.counts.tolist() == whole.counts[:, 1:3].tolist()
    assert part.known.tolist() == whole.known[:, 1:3].tolist()
    assert part.grid.start == bucket_start(whole.grid.first + 1, STEP)


@pytest.mark.parametrize(("left", "right"), [(-1, 2), (0, 5)])
def test_a_cut_beyond_the_grid_is_refused(left: int, right: int) -> None:
    whole = panel({LOGIN: [1, 2, 3, 4]})

    with pytest.raises(ValueError, match="are not on the grid"):
        whole.cut(whole.grid.first + left, whole.grid.first + right)


@pytest.mark.parametrize(
    ("counts", "known", "complaint"),
    [((4, 3), (1, 4), "counts"), ((3, 4), (2, 4), "known"), ((3, 4), (1, 3), "known")],
)
def test_arrays_that_do_not_fit_the_roster_and_the_grid_are_refused(
    counts: tuple[int, int], known: tuple[int, int], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Panel(
            Roster.of([LOGIN]),
            Grid(STEP, 0, 4),
            np.zeros(counts, dtype=np.int64),
            np.zeros(known, dtype=np.bool_),
        )


def test_the_fleet_is_known_where_any_service_is() -> None:
    built = panel({LOGIN: [1, 1], PARCEL: [1, 1]}, known={"shop": [False, False], "payments": [True, False]})

    assert built.known_rows[-1].tolist() == [True, False]
    assert built.grid.end == datetime(2026, 5, 11, 12, tzinfo=UTC)
