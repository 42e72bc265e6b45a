"""Clocks: the only tests that meet the machine's time."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from spikewatch.adapters.clock import ManualClock, ScaledClock, SystemClock
from spikewatch.ports import Clock

START = datetime(2026, 5, 11, 9, 0, tzinfo=UTC)
LONG = timedelta(days=1)
DEADLINE_S = 10.0


def waiting(clock: Clock, duration: timedelta) -> tuple[threading.Thread, list[bool]]:
    """Start a thread that waits on the clock; the list receives what it was told."""
    told: list[bool] = []
    thread = threading.Thread(target=lambda: told.append(clock.wait(duration)), daemon=True)
    thread.start()
    return thread, told


@pytest.mark.parametrize(
    "make", [SystemClock, lambda: ScaledClock(START, speed=2), lambda: ManualClock(START)]
)
def test_every_clock_tells_utc_and_never_goes_back(make: Callable[[], Clock]) -> None:
    clock = make()

    readings = [clock.now() for _ in range(100)]

    assert all(reading.tzinfo is UTC for reading in readings)
    assert readings == sorted(readings)


@pytest.mark.parametrize(
    "make", [SystemClock, lambda: ScaledClock(START, speed=2), lambda: ManualClock(START)]
)
def test_a_stopped_clock_ends_every_later_wait_at_once(make: Callable[[], Clock]) -> None:
    clock = make()

    clock.stop()

    assert clock.wait(LONG)
    assert clock.wait(LONG)


@pytest.mark.parametrize("make", [SystemClock, lambda: ScaledClock(START, speed=2)])
def test_stopping_wakes_whoever_waits(make: Callable[[], Clock]) -> None:
    clock = make()
    thread, told = waiting(clock, LONG)

    clock.stop()
    thread.join(DEADLINE_S)

    assert told == [True]


@pytest.mark.parametrize("make", [SystemClock, lambda: ScaledClock(START, speed=2)])
def test_a_wait_that_is_already_over_returns_at_once(make: Callable[[], Clock]) -> None:
    clock = make()

    assert not clock.wait(timedelta(seconds=-5))
    assert clock.real_seconds(timedelta(seconds=-5)) == 0


def test_a_scaled_clock_begins_at_its_start_and_runs_fast() -> None:
    clock = ScaledClock(START, speed=100_000)

    stopped = clock.wait(timedelta(hours=1))

    assert not stopped
    assert clock.now() >= START + timedelta(hours=1)
    assert clock.real_seconds(timedelta(hours=1)) == pytest.approx(0.036)


def test_a_change_of_speed_keeps_the_instant() -> None:
    clock = ScaledClock(START, speed=1e-6)

    clock.change_speed(1e-9)
    now = clock.now()

    assert clock.speed == 1e-9
    assert START <= now < START + timedelta(seconds=1)


def test_a_change_of_speed_shortens_the_wait_of_whoever_waits() -> None:
    clock = ScaledClock(START, speed=1)
    thread, told = waiting(clock, LONG)

    clock.change_speed(10_000_000)
    thread.join(DEADLINE_S)

    assert told == [False]
    assert clock.now() >= START + LONG


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_clock_refuses_to_stand_still_or_run_backwards(speed: float) -> None:
    clock = ScaledClock(START, speed=1)

    with pytest.raises(ValueError, match="cannot run at speed"):
        ScaledClock(START, speed=speed)
    with pytest.raises(ValueError, match="cannot run at speed"):
        clock.change_speed(speed)


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="no UTC offset"):
        ScaledClock(datetime(2026, 5, 11), speed=1)  # noqa: DTZ001 -- the point of the test


def test_a_manual_clock_moves_only_when_advanced_or_waited_on() -> None:
    clock = ManualClock(START)

    clock.advance(timedelta(minutes=5))
    stopped = clock.wait(timedelta(minutes=2))

    assert not stopped
    assert clock.now() == START + timedelta(minutes=7)
    assert clock.real_seconds(LONG) == 0


def test_a_stopped_manual_clock_stands_still_when_waited_on() -> None:
    clock = ManualClock(START)

    clock.stop()
    clock.wait(LONG)

    assert clock.now() == START
