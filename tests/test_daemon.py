"""The daemon's promises: no job overlaps itself, none stops another, a wish to run is never lost, stopping is quick."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from spikewatch.adapters.clock import ScaledClock
from spikewatch.core.timegrid import bucket_start
from spikewatch.daemon import Daemon, Job

DEADLINE_S = 10.0
START = bucket_start(0, timedelta(hours=1))


@pytest.fixture
def clock() -> Iterator[ScaledClock]:
    """A clock on which a minute lasts 10 ms."""
    clock = ScaledClock(START, speed=6000.0)
    yield clock
    clock.stop()


class Counter:
    """Counts calls and lets a test wait for the n-th."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.calls = 0

    def __call__(self) -> None:
        with self._changed:
            self.calls += 1
            self._changed.notify_all()

    def wait_for(self, calls: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.calls >= calls, DEADLINE_S)


def test_a_job_runs_again_and_again_on_its_clock(clock: ScaledClock) -> None:
    counter = Counter()
    daemon = Daemon([Job("poll", timedelta(minutes=2), counter)], clock=clock)

    daemon.start()

    assert counter.wait_for(3)
    assert daemon.stop()


def test_a_failing_job_stops_neither_itself_nor_the_others(clock: ScaledClock) -> None:
    failed, worked, told = Counter(), Counter(), Counter()

    def fail() -> None:
        failed()
        message = "no luck"
        raise RuntimeError(message)

    jobs = [
        Job("poll", timedelta(minutes=2), fail, on_error=lambda _: told()),
        Job("judge", timedelta(minutes=2), worked),
    ]
    daemon = Daemon(jobs, clock=clock)

    daemon.start()

    assert failed.wait_for(3)
    assert worked.wait_for(3)
    assert told.wait_for(3)
    daemon.stop()


def test_a_failure_is_logged_when_it_begins_and_when_it_is_over(
    clock: ScaledClock, caplog: pytest.LogCaptureFixture
) -> None:
    counter = Counter()

    def fail_three_times() -> None:
        counter()
        if counter.calls <= 3:
            message = "no luck"
            raise RuntimeError(message)

    daemon = Daemon([Job("poll", timedelta(minutes=2), fail_three_times)], clock=clock)

    with caplog.at_level("INFO", "spikewatch.daemon"):
        daemon.start()
        assert counter.wait_for(5)
        daemon.stop()

    assert [record.message for record in caplog.records] == ["job_failed", "job_recovered"]


def test_a_job_that_is_due_while_it_runs_is_left_out_without_a_word(
    clock: ScaledClock, caplog: pytest.LogCaptureFixture
) -> None:
    leave, ticks, slow = threading.Event(), Counter(), Counter()

    def hold() -> None:
        slow()
        leave.wait(DEADLINE_S)

    jobs = [Job("poll", timedelta(minutes=2), hold), Job("tick", timedelta(minutes=2), ticks)]
    daemon = Daemon(jobs, clock=clock)
    daemon.start()

    assert ticks.wait_for(4)
    runs_meanwhile = slow.calls
    leave.set()

    assert slow.wait_for(2)
    assert daemon.stop()
    assert runs_meanwhile == 1
    assert caplog.records == []


def test_a_run_that_is_left_out_is_told_to_whoever_counts(clock: ScaledClock) -> None:
    leave, left_out = threading.Event(), Counter()
    job = Job("poll", timedelta(minutes=2), lambda: leave.wait(DEADLINE_S), on_overlap=left_out)
    daemon = Daemon([job], clock=clock)
    daemon.start()

    assert left_out.wait_for(2)
    leave.set()

    assert daemon.stop()


def test_a_job_can_be_run_once_before_the_start(clock: ScaledClock) -> None:
    counter, woken = Counter(), Counter()
    jobs = [
        Job("judge", timedelta(weeks=100), counter, wakes=("deliver",)),
        Job("deliver", timedelta(weeks=100), woken),
    ]
    daemon = Daemon(jobs, clock=clock)

    daemon.run_once("judge")

    assert (counter.calls, woken.calls) == (1, 0)
    assert daemon.stop()


def test_a_job_that_fails_while_stopping_is_no_error(
    clock: ScaledClock, caplog: pytest.LogCaptureFixture
) -> None:
    entered, counter = threading.Event(), Counter()

    def cut_off() -> None:
        entered.set()
        clock.wait(timedelta(weeks=100))
        counter()
        message = "the store is closed"
        raise RuntimeError(message)

    daemon = Daemon([Job("poll", timedelta(minutes=2), cut_off)], clock=clock)
    daemon.start()
    assert entered.wait(DEADLINE_S)

    with caplog.at_level("INFO", "spikewatch.daemon"):
        assert daemon.stop()

    assert counter.calls == 1
    assert [record.message for record in caplog.records] == ["job_cut_off"]


def test_a_job_that_worked_wakes_the_next_one(clock: ScaledClock) -> None:
    judged = Counter()
    jobs = [
        Job("poll", timedelta(minutes=2), lambda: None, wakes=("judge",)),
        Job("judge", timedelta(weeks=100), judged),
    ]
    daemon = Daemon(jobs, clock=clock)

    daemon.start()

    assert judged.wait_for(3)
    daemon.stop()


def test_a_job_woken_while_it_runs_runs_once_more_and_never_twice_at_a_time(clock: ScaledClock) -> None:
    entered, leave, overlapping = threading.Event(), threading.Event(), []
    counter, inside = Counter(), threading.Semaphore(1)

    def slow() -> None:
        overlapping.append(not inside.acquire(blocking=False))
        entered.set()
        leave.wait(DEADLINE_S)
        inside.release()
        counter()

    daemon = Daemon([Job("judge", timedelta(weeks=100), slow)], clock=clock)
    daemon.start()
    assert entered.wait(DEADLINE_S)

    daemon.wake("judge")
    daemon.wake("judge")
    leave.set()

    assert counter.wait_for(2)
    assert daemon.stop()
    assert overlapping == [False, False]


def test_stopping_does_not_wait_for_a_job_that_hangs(clock: ScaledClock) -> None:
    entered, never = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        never.wait(DEADLINE_S)

    daemon = Daemon([Job("deliver", timedelta(minutes=1), hang)], clock=clock)
    daemon.start()
    assert entered.wait(DEADLINE_S)

    finished = daemon.stop(within=timedelta(milliseconds=10))

    assert not finished
    never.set()


def test_other_jobs_take_over_while_it_runs_and_those_that_stay_keep_their_pace(clock: ScaledClock) -> None:
    gone, kept, changed, new = Counter(), Counter(), Counter(), Counter()
    hour = timedelta(hours=60)
    daemon = Daemon([Job("gone", timedelta(minutes=2), gone), Job("kept", hour, kept)], clock=clock)
    daemon.start()
    assert gone.wait_for(1)
    assert kept.wait_for(1)

    daemon.replace([Job("kept", hour, changed), Job("new", timedelta(minutes=2), new)])
    told = gone.calls
    daemon.wake("gone")

    assert new.wait_for(5)
    assert gone.calls <= told + 1
    assert kept.calls == 1
    assert changed.calls == 0
    daemon.wake("kept")
    assert changed.wait_for(1)
    assert daemon.stop()


def test_a_job_of_another_interval_waits_for_it_before_its_next_run(clock: ScaledClock) -> None:
    slow, other = Counter(), Counter()
    daemon = Daemon([Job("poll", timedelta(hours=60), slow)], clock=clock)
    daemon.start()
    assert slow.wait_for(1)

    daemon.replace([Job("poll", timedelta(minutes=3), slow), Job("other", timedelta(minutes=60), other)])

    assert slow.wait_for(3)
    assert daemon.stop()
