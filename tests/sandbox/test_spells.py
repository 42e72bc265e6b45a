"""Troubles of the simulated desk that last, and the list of what can happen to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.cli import main
from spikewatch.sandbox.helpdesk import (
    SCENARIOS,
    Catalogue,
    DeskTicket,
    Endpoint,
    Fault,
    HelpDesk,
    Spell,
    Stock,
)

NOW = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DOWN = Spell(Endpoint.EXPORT, Fault.error(503), NOW + MINUTE, NOW + 3 * MINUTE)


class Visitor:
    """Somebody signed in, who asks without any socket in between."""

    def __init__(self, desk: HelpDesk, clock: ManualClock) -> None:
        self.desk, self.clock = desk, clock
        form = {"grant_type": "client_credentials", "client_id": "tests", "client_secret": "s3cret"}
        given = desk.answer("POST", "/oauth/tokens", token=None, body=json.dumps(form).encode())
        self.token = json.loads(given.body)["access_token"]

    def status(self, *, per_page: int = 10, token: str | None = None) -> int:
        target = f"/api/v2/incremental/tickets/cursor?start_time=0&per_page={per_page}"
        return self.desk.answer("GET", target, token=token or self.token, body=b"").status

    def later(self) -> int:
        self.clock.advance(MINUTE)
        return self.status()


@contextmanager
def under(*spells: Spell) -> Iterator[Visitor]:
    clock = ManualClock(NOW)
    with HelpDesk((), now=clock.now, client_id="tests", client_secret="s3cret", spells=spells) as desk:
        yield Visitor(desk, clock)


def test_a_spell_lasts_from_its_start_up_to_its_end() -> None:
    with under(DOWN) as visitor:
        statuses = [visitor.status(), *(visitor.later() for _ in range(4))]

        assert statuses == [200, 503, 503, 200, 200]
        assert visitor.desk.spoiled == (2,)


def test_a_spell_spoils_no_more_answers_than_it_may() -> None:
    with under(replace(DOWN, most=1)) as visitor:
        assert [visitor.later() for _ in range(3)] == [503, 200, 200]


def test_a_spell_meets_the_requests_it_is_meant_for() -> None:
    with under(replace(DOWN, when=lambda asked: asked.query["per_page"] == "7")) as visitor:
        visitor.clock.advance(MINUTE)

        assert [visitor.status(per_page=number) for number in (6, 7, 8)] == [200, 503, 200]


def test_of_two_spells_the_first_that_meets_the_answer_counts() -> None:
    with under(replace(DOWN, end=NOW + 2 * MINUTE), replace(DOWN, fault=Fault.error(500))) as visitor:
        assert [visitor.later() for _ in range(3)] == [503, 500, 200]


def test_a_fault_that_was_placed_comes_before_any_spell() -> None:
    with under(DOWN) as visitor:
        visitor.desk.fault(Endpoint.EXPORT, Fault.error(418))

        assert [visitor.later() for _ in range(2)] == [418, 503]


def test_an_answer_that_failed_by_itself_is_not_edited() -> None:
    with under(replace(DOWN, fault=Fault(edit=lambda page: page["tickets"]))) as visitor:
        visitor.clock.advance(MINUTE)

        assert visitor.status(token="stolen") == 401


def test_the_stock_is_the_newest_version_of_each_ticket_and_no_future() -> None:
    early, late = NOW - 2 * MINUTE, NOW + MINUTE
    first = DeskTicket(1, early, int(early.timestamp()))
    changed = replace(first, generated_timestamp=first.generated_timestamp + 60, status="open")
    coming = DeskTicket(7, late, int(late.timestamp()))

    stock = Stock.of([changed, first, coming], catalogue=Catalogue(), begins=NOW)

    assert stock.tickets == [changed]
    assert stock.next_id == 8


def test_the_list_shows_every_scenario_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["sandbox", "desk", "--list"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert [line.split()[0] for line in lines] == list(SCENARIOS)
    assert all(scenario.says in line for scenario, line in zip(SCENARIOS.values(), lines, strict=True))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("desk", "--scenario", "spam-wav"), "did you mean spam-wave?"),
        (("desk", "--scenario", "zzz"), "spikewatch sandbox desk --list"),
        (("chat", "--scenario", "spam-wave"), "chat has no scenarios"),
        (("chat", "--list"), "chat has no scenarios"),
    ],
)
def test_a_scenario_that_cannot_be_played_is_wrong_usage(
    argv: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["sandbox", *argv])

    assert status == 2
    assert says in capsys.readouterr().err
