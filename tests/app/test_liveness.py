"""What the liveness probe says: where a restart may mend it, where one would only hide it, and nothing in between."""

from datetime import UTC, datetime, timedelta

import pytest

from spikewatch.app.liveness import TURNS_WITHIN, WORKS_WITHIN, Turns

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FRESH = Turns(NOW, NOW)


def alive(turns: Turns, *, at: datetime) -> tuple[bool, str]:
    ok, reason = turns.condition(now=at, real_seconds=timedelta.total_seconds)
    return ok, reason


def test_a_loop_that_turns_is_alive() -> None:
    assert alive(FRESH.worked(at=NOW), at=NOW + 40 * SECOND) == (True, "the judging loop turned 40 s ago")


def test_a_loop_that_hangs_is_not_alive_whatever_it_did_before() -> None:
    for turns in (FRESH, FRESH.failed("store", at=NOW), FRESH.failed("other", at=NOW)):
        assert alive(turns, at=NOW + TURNS_WITHIN - SECOND)[0]
        assert alive(turns, at=NOW + TURNS_WITHIN) == (
            False,
            "the judging loop hangs: it last turned 600 s ago",
        )


def failing(reason: str, *, lasts: timedelta) -> Turns:
    """A loop that turned every half minute and failed each time."""
    turns = FRESH
    for number in range(lasts // (30 * SECOND) + 1):
        turns = turns.failed(reason, at=NOW + number * 30 * SECOND)
    return turns


def test_judging_that_fails_by_itself_is_not_alive_after_a_while() -> None:
    turns = failing("other", lasts=WORKS_WITHIN)

    before, after = alive(turns, at=NOW + WORKS_WITHIN - SECOND), alive(turns, at=NOW + WORKS_WITHIN)

    assert before == (
        True,
        "alive, but judging has not worked for 899 s; not alive any more after 15m; see the log",
    )
    assert after == (False, "judging has not worked for 900 s; see the log")


@pytest.mark.parametrize("hours", [1, 48])
def test_a_store_that_fails_is_told_and_never_restarted_over(hours: int) -> None:
    lasts = timedelta(hours=hours)

    ok, reason = alive(failing("store", lasts=lasts), at=NOW + lasts)

    assert ok
    assert "the store fails, which no restart mends" in reason


def test_one_turn_that_works_makes_all_well_again() -> None:
    turns = failing("other", lasts=WORKS_WITHIN).worked(at=NOW + WORKS_WITHIN)

    assert alive(turns, at=NOW + WORKS_WITHIN) == (True, "the judging loop turned 0 s ago")
