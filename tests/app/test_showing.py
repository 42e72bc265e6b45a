"""The status page of a whole daemon: what it gathers, when it renders, and that a failing store does not take it away."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.app.assembly import Assembly, assemble
from spikewatch.config import Config
from spikewatch.core.acts import Act, ActKind, Via
from spikewatch.core.counts import ALL, Ticket
from spikewatch.core.muting import Matcher, Silence
from spikewatch.core.timegrid import Span
from spikewatch.ports import Page
from tests.core_factories import NOON

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def configured(folder: Path) -> Config:
    return Config.model_validate(
        {
            "timezone": ZoneInfo("Asia/Tokyo"),
            "language": "en",
            "history": "3w",
            "store": f"sqlite:///{folder}/watch.db",
            "sources": [{"kind": "csv", "name": "desk", "path": str(folder / "none.csv")}],
            "services": {"shop": {"categories": {"login": {"rules": [{"tickets": 10, "within": "15m"}]}}}},
            "metrics": {"listen": "127.0.0.1:0"},
        }
    )


@pytest.fixture
def assembly(tmp_path: Path) -> Iterator[Assembly]:
    """A daemon on a clock that stands still, whose port is open and whose jobs run when told."""
    made = assemble(configured(tmp_path), clock=ManualClock(NOON))
    made.http.start()
    yield made
    made.stop()


def read(assembly: Assembly, *, surge: int = 0) -> None:
    """Read three quiet weeks of the shop up to now, and so many tickets in the last quarter of an hour."""
    since = NOON - timedelta(weeks=3, hours=4)
    quiet = [
        Ticket(str(number), since + number * HOUR, "shop", "late", version=1)
        for number in range((NOON - since) // HOUR)
    ]
    risen = [
        Ticket(f"r{number}", NOON - (1 + number % 14) * MINUTE, "shop", "login", version=1)
        for number in range(surge)
    ]
    page = Page([*quiet, *risen], "c", caught_up=True, watermark=NOON, newest=NOON)
    assembly.store.commit_page("desk", page, since=since, seen_at=NOON)


def turn(assembly: Assembly) -> None:
    assembly.daemon.run_once("judge")
    assembly.daemon.run_once("page")


def page_of(assembly: Assembly, path: str = "/") -> str:
    connection = HTTPConnection(assembly.http.address, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_before_the_first_turn_it_says_that_the_daemon_starts(assembly: Assembly) -> None:
    assert "Starting." in page_of(assembly)


def test_while_nothing_was_read_it_says_what_is_awaited(assembly: Assembly) -> None:
    turn(assembly)

    assert "waiting for the first complete read of the help desk" in page_of(assembly)
    assert "最初の読み取りを待っています" in page_of(assembly, "/?lang=ja")


def test_a_surge_is_shown_with_its_chart(assembly: Assembly) -> None:
    read(assembly, surge=30)

    turn(assembly)
    shown = page_of(assembly)

    assert "1 surge is going on" in shown
    assert "shop / login" in shown
    assert '<svg class="course"' in shown
    assert "Nobody yet" in shown


def test_what_a_person_does_shows_without_another_bucket(assembly: Assembly) -> None:
    read(assembly, surge=30)
    turn(assembly)
    act = Act(key="k", kind=ActKind.ACKNOWLEDGE, incident="SW-1", by="sato", via=Via.SHELL, at=NOON)

    assembly.store.receive_act(act, at=NOON)
    assembly.daemon.run_once("acts")
    turn(assembly)

    assert "sato, since 21:00 JST" in page_of(assembly)


def test_silences_that_hold_are_shown_and_others_are_not(assembly: Assembly) -> None:
    for name, start in (("now", NOON - HOUR), ("later", NOON + HOUR)):
        silence = Silence(Matcher("shop", ALL), Span(start, NOON + 2 * HOUR), name, f"because-{name}")
        assembly.store.save_silence(silence)

    turn(assembly)

    assert "because-now" in page_of(assembly)
    assert "because-later" not in page_of(assembly)


def test_a_store_that_fails_leaves_the_page_which_says_how_old_it_is(
    assembly: Assembly, tmp_path: Path
) -> None:
    read(assembly)
    turn(assembly)
    clock = assembly.standing.clock
    assert isinstance(clock, ManualClock)

    with closing(sqlite3.connect(tmp_path / "watch.db")) as broken:
        broken.execute("DROP TABLE source")
    clock.advance(20 * MINUTE)
    turn(assembly)

    assert "This page is 20 min old and cannot be renewed." in page_of(assembly)
    assert "Judging has not worked for 20 min" in page_of(assembly)
    assert "alive, but judging has not worked for 0 s: the store fails" in page_of(assembly, "/healthz")
