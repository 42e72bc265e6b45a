"""Whether what was counted is what the source has: a second reading by night, and the source's own counts."""

import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemoryStore
from spikewatch.core.counts import SeriesKey, Ticket
from spikewatch.core.settings import ReconcileSettings
from spikewatch.pacing import Pace
from spikewatch.ports import Page, PortError, Position, QueryRefused, Scope, Unavailable
from spikewatch.reconciling import Reconciler

TOKYO = ZoneInfo("Asia/Tokyo")
BEGAN = datetime(2026, 5, 8, 9, 0, tzinfo=TOKYO)
EVENING = datetime(2026, 5, 11, 23, 0, tzinfo=TOKYO)
NIGHT = datetime(2026, 5, 12, 4, 0, tzinfo=TOKYO)
YESTERDAY = datetime(2026, 5, 11, 0, 0, tzinfo=TOKYO)
MINUTE = timedelta(minutes=1)
LOGIN = SeriesKey("shop", "login")
REFUND = SeriesKey("shop", "refund")


def ticket(
    number: int, *, hour: int = 10, series: SeriesKey = LOGIN, version: int = 0, counted: bool = True
) -> Ticket:
    """Return a ticket that was created yesterday at that hour."""
    created = YESTERDAY + timedelta(hours=hour)
    return Ticket(str(number), created, *series, version=version or int(created.timestamp()), counted=counted)


class Desk:
    """A source that holds tickets, whether or not the live reading was shown them, and counts them by itself."""

    name = "desk"

    def __init__(self, tickets: Iterable[Ticket], *, per_page: int = 2) -> None:
        self.tickets = list(tickets)
        self.positions: list[Position] = []
        self.counted: list[str] = []
        self.extra = 0
        self.failures: list[Unavailable] = []
        self._per_page = per_page

    def fetch_page(self, position: Position) -> Page:
        self.positions.append(position)
        if self.failures:
            raise self.failures.pop()
        rows = sorted(self.tickets, key=lambda each: (each.version, each.id))
        first = int(position.cursor) if position.cursor else 0
        if not position.cursor:
            first = sum(row.version < position.since.timestamp() for row in rows)
        stop = first + self._per_page
        newest = datetime.fromtimestamp(max((row.version for row in rows[first:stop]), default=0), tz=UTC)
        return Page(rows[first:stop], str(stop), caught_up=stop >= len(rows), newest=newest)

    def close(self) -> None:
        """Nothing is open."""

    def scopes(self, series: Sequence[SeriesKey]) -> Sequence[Scope]:
        categories = sorted({key.category for key in series})
        found = [
            Scope("rule", name, frozenset(key for key in series if key.category == name), name)
            for name in categories
        ]
        return [*found, Scope("desk", "", frozenset(series), "")]

    def count(self, scope: Scope, *, start: datetime, end: datetime) -> int:
        self.counted.append(scope.query)
        return self.extra + sum(
            each.counted and start <= each.created_at < end and scope.query in ("", each.category)
            for each in self.tickets
        )


class Bench:
    """A desk, what was read of it in life, and whoever checks that by night."""

    def __init__(
        self,
        held: Iterable[Ticket],
        *,
        read: Iterable[Ticket] | None = None,
        tolerance: float = 0.0,
        enabled: bool = True,
    ) -> None:
        held = list(held)
        self.clock = ManualClock(EVENING.astimezone(UTC))
        self.meter = MemoryMeter()
        self.desk = Desk(held)
        self.store = MemoryStore(step=5 * MINUTE)
        live = Page(
            held if read is None else list(read),
            "live",
            caught_up=True,
            watermark=NIGHT + MINUTE,
            newest=NIGHT - 30 * MINUTE,
        )
        self.store.commit_page("desk", live, since=BEGAN, seen_at=NIGHT)
        settings = ReconcileSettings(enabled=enabled, at=time(4), tolerance=tolerance)
        self.turn = threading.Lock()
        self.reconciler = Reconciler(
            self.desk,
            self.store,
            settings=settings,
            zone=TOKYO,
            remembers=timedelta(weeks=13),
            clock=self.clock,
            meter=self.meter,
            pace=Pace(),
            turn=self.turn,
        )

    def at_night(self) -> "Bench":
        """Run at the time of the check."""
        self.clock.advance(NIGHT + MINUTE - self.clock.now())
        self.reconciler.run()
        return self

    @property
    def missed(self) -> list[object]:
        return [noted["missed"] for noted in self.meter.of("reconciled") if noted["check"] == "sweep"]

    @property
    def differences(self) -> list[tuple[object, object]]:
        noted = self.meter.of("reconciled")
        return [(each["check"], each["difference"]) for each in noted if each["check"] != "sweep"]

    def tallied(self) -> dict[SeriesKey, int]:
        return dict(self.store.tally("desk", start=YESTERDAY, end=YESTERDAY + timedelta(days=1)))


def events(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.getMessage(), record.levelname) for record in caplog.records]


def fail_at_third_page(desk: Desk) -> None:
    """Have the third page that is asked for fail, once."""
    ask, asked = desk.fetch_page, 0

    def failing_once(position: Position) -> Page:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise Unavailable("down", reason="connect")
        return ask(position)

    desk.fetch_page = failing_once  # type: ignore[method-assign]  # a desk of the test's own


FIVE = [ticket(number, hour=8 + number) for number in range(1, 6)]


def test_nothing_is_asked_before_it_is_time() -> None:
    bench = Bench(FIVE)

    bench.reconciler.run()

    assert bench.desk.positions == []


def test_where_all_was_read_the_night_finds_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    bench = Bench(FIVE).at_night()

    assert bench.desk.positions[0] == Position(cursor=None, since=NIGHT - timedelta(hours=26))
    assert [position.cursor for position in bench.desk.positions] == [None, "2", "4"]
    assert bench.missed == [0]
    assert bench.differences == [("desk", 0), ("rule", 0)]
    assert events(caplog) == [("sweep_found_nothing", "INFO"), ("count_agrees", "INFO")]


def test_it_is_done_once_a_night() -> None:
    bench = Bench(FIVE).at_night()
    asked = len(bench.desk.positions)

    bench.clock.advance(10 * MINUTE)
    bench.reconciler.run()

    assert len(bench.desk.positions) == asked


def test_an_update_that_was_passed_by_is_counted_told_and_healed(caplog: pytest.LogCaptureFixture) -> None:
    moved = ticket(5, hour=13, series=REFUND, version=FIVE[-1].version + 60)
    held = [*FIVE[:3], FIVE[3], moved]

    bench = Bench(held, read=[*FIVE[:3], FIVE[4]]).at_night()

    assert bench.missed == [2]
    assert ("updates_missed", "WARNING") in events(caplog)
    assert bench.tallied() == {LOGIN: 4, REFUND: 1}
    assert bench.differences == [("desk", 0), ("rule", 0)]


def test_what_the_live_reading_has_still_to_read_is_not_missed() -> None:
    fresh = ticket(9, version=int((NIGHT - 29 * MINUTE).timestamp()))

    bench = Bench([*FIVE, fresh], read=FIVE).at_night()

    assert bench.missed == [0]


def test_it_waits_until_the_live_reading_is_past_the_hour() -> None:
    bench = Bench(FIVE)
    bench.clock.advance(NIGHT + timedelta(days=1) - bench.clock.now())

    bench.reconciler.run()

    assert bench.desk.positions == []


def test_a_sweep_that_was_interrupted_goes_on_where_it_was() -> None:
    bench = Bench([ticket(number, hour=number) for number in range(3, 13)])
    fail_at_third_page(bench.desk)
    bench.at_night()
    assert bench.missed == []
    bench.clock.advance(MINUTE)
    bench.reconciler.run()

    assert bench.missed == [0]
    assert [position.cursor for position in bench.desk.positions].count(None) == 1


def test_a_day_that_differs_is_read_again_and_healed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    early = [ticket(7, hour=1), ticket(8, hour=1)]  # before the sweep begins, which is at two

    bench = Bench([*FIVE, *early], read=FIVE).at_night()

    assert bench.missed == [0, 2]
    assert bench.differences == [("desk", 2), ("rule", 2), ("desk", 0), ("rule", 0)]
    assert bench.tallied() == {LOGIN: 7}
    told = [event for event, _ in events(caplog)]
    assert told == ["sweep_found_nothing", "count_differs", "count_differs", "updates_missed", "count_agrees"]


def test_a_count_that_failed_is_tried_again_without_a_second_sweep(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(FIVE)
    count, failures = bench.desk.count, [Unavailable("no index", reason="server")] * 2

    def failing_twice(scope: Scope, *, start: datetime, end: datetime) -> int:
        if failures:
            raise failures.pop()
        return count(scope, start=start, end=end)

    bench.desk.count = failing_twice  # type: ignore[method-assign]  # a desk of the test's own
    bench.at_night()
    swept = list(bench.desk.positions)
    for _ in range(3):
        bench.clock.advance(MINUTE)
        bench.reconciler.run()

    assert bench.desk.positions == swept
    assert bench.missed == [0]
    assert bench.differences == [("desk", 0), ("rule", 0)]
    told = [event for event, _ in events(caplog)]
    assert told == [
        "sweep_found_nothing",
        "reconciliation_failed",
        "count_agrees",
        "reconciliation_recovered",
    ]


def test_a_sweep_that_was_interrupted_for_a_day_goes_on_up_to_what_has_been_read_since() -> None:
    bench = Bench([ticket(number, hour=number) for number in range(3, 13)])
    fail_at_third_page(bench.desk)
    bench.at_night()
    day = timedelta(days=1)
    lost = ticket(77, hour=34)
    bench.desk.tickets.append(lost)
    live = Page([], "live", caught_up=True, watermark=NIGHT + MINUTE + day, newest=NIGHT - 30 * MINUTE + day)
    bench.store.commit_page("desk", live, since=BEGAN, seen_at=NIGHT + day)

    bench.clock.advance(day)
    bench.reconciler.run()

    assert bench.missed == [1]


def test_a_difference_that_stays_is_said(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(FIVE)
    bench.desk.extra = 3

    bench.at_night()

    assert bench.differences[-2:] == [("desk", 3), ("rule", 3)]
    stays = [record for record in caplog.records if record.getMessage() == "count_still_differs"]
    assert {vars(record)["scope"] for record in stays} == {"rule", "desk"}
    assert {(vars(record)["theirs"], vars(record)["ours"]) for record in stays} == {(8, 5)}


@pytest.mark.parametrize(
    ("extra", "tolerance", "matters"), [(1, 0.0, False), (2, 0.0, True), (2, 0.5, False)]
)
def test_what_an_index_that_lags_explains_is_no_difference(
    extra: int,
    tolerance: float,
    matters: bool,  # noqa: FBT001 -- a parameter of the table above
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(FIVE, tolerance=tolerance)
    bench.desk.extra = extra

    bench.at_night()

    assert (("count_differs", "WARNING") in events(caplog)) is matters


def test_deleted_tickets_count_on_neither_side() -> None:
    gone = ticket(6, version=int(NIGHT.timestamp()) - 7200, counted=False)

    bench = Bench([*FIVE, gone]).at_night()

    assert bench.differences == [("desk", 0), ("rule", 0)]


def test_it_can_be_switched_off() -> None:
    bench = Bench(FIVE, enabled=False).at_night()

    assert bench.desk.positions == []
    assert bench.desk.counted == []


def refuse(desk: Desk, *failing: str, error: PortError, times: int = 1_000) -> None:
    """Have the counts of these queries fail so often."""
    count, left = desk.count, dict.fromkeys(failing, times)

    def refusing(scope: Scope, *, start: datetime, end: datetime) -> int:
        if left.get(scope.query, 0):
            left[scope.query] -= 1
            desk.counted.append(f"{scope.query} in vain")
            raise error
        return count(scope, start=start, end=end)

    desk.count = refusing  # type: ignore[method-assign]  # a desk of the test's own


def test_a_count_that_is_refused_is_told_and_the_others_stand(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench([*FIVE, ticket(9, series=REFUND)], read=FIVE)
    refuse(bench.desk, "login", error=QueryRefused("answers 422"))

    bench.at_night()
    bench.clock.advance(10 * MINUTE)
    bench.reconciler.run()

    assert bench.desk.counted == ["login in vain", "refund", ""]
    assert bench.differences == [("desk", 0), ("rule", 0)]
    (refused,) = [vars(record) for record in caplog.records if record.getMessage() == "count_refused"]
    assert (refused["scope"], refused["of"], refused["detail"]) == ("rule", "login", "answers 422")


def test_where_every_count_is_refused_none_is_said_to_agree(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench(FIVE)
    refuse(bench.desk, "login", "", error=QueryRefused("answers 422"))

    bench.at_night()

    assert bench.differences == []
    told = [event for event, _ in events(caplog)]
    assert told == ["sweep_found_nothing", "count_refused", "count_refused"]


def test_a_count_that_fails_again_and_again_is_passed_over_and_the_others_stand(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench([*FIVE, ticket(9, series=REFUND)])
    refuse(bench.desk, "refund", error=Unavailable("too slow", reason="timeout"))
    caplog.set_level("WARNING")

    bench.at_night()
    for _ in range(4):
        bench.clock.advance(10 * MINUTE)
        bench.reconciler.run()

    assert bench.desk.counted == ["login", *["refund in vain"] * 3, ""]
    assert bench.differences == [("desk", 0), ("rule", 0)]
    assert [event for event, _ in events(caplog)] == ["reconciliation_failed", "count_refused"]


def test_counts_that_came_before_a_limit_are_not_asked_for_again() -> None:
    bench = Bench([*FIVE, ticket(9, series=REFUND)])
    refuse(bench.desk, "", error=Unavailable("slow down", reason="rate_limited"), times=6)

    bench.at_night()
    for _ in range(6):
        bench.clock.advance(10 * MINUTE)
        bench.reconciler.run()

    assert bench.desk.counted == ["login", "refund", *[" in vain"] * 6, ""]
    assert bench.differences == [("desk", 0), ("rule", 0)]


def test_the_next_night_asks_for_every_count_anew() -> None:
    bench = Bench([*FIVE, ticket(9, hour=34)])
    refuse(bench.desk, "login", error=QueryRefused("answers 422"), times=1)
    bench.at_night()
    day = timedelta(days=1)
    live = Page([], "live", caught_up=True, watermark=NIGHT + MINUTE + day, newest=NIGHT - 30 * MINUTE + day)
    bench.store.commit_page("desk", live, since=BEGAN, seen_at=NIGHT + day)
    bench.desk.counted.clear()

    bench.clock.advance(day)
    bench.reconciler.run()

    assert bench.desk.counted == ["login", ""]


def test_the_source_is_asked_in_turn_what_it_can_count() -> None:
    bench = Bench(FIVE)
    scopes, taken = bench.desk.scopes, []

    def watching(series: Sequence[SeriesKey]) -> Sequence[Scope]:
        taken.append(bench.turn.locked())
        return scopes(series)

    bench.desk.scopes = watching  # type: ignore[method-assign]  # a desk of the test's own
    bench.at_night()

    assert taken == [True]
