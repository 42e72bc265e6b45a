"""Signals: a handler never waits for what the thread that it interrupts holds."""

import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from spikewatch.app.signals import relayed

SOON_S = 20.0


@pytest.fixture
def usr1() -> Iterator[signal.Signals]:
    """A signal that is this test's own."""
    before = signal.getsignal(signal.SIGUSR1)
    yield signal.SIGUSR1
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_that_interrupts_whoever_holds_the_lock_is_heard_once_the_lock_is_free(
    usr1: signal.Signals,
) -> None:
    lock, heard = threading.Lock(), threading.Event()

    def take_note() -> None:
        with lock:
            heard.set()

    stop = relayed(take_note, name="test-stop")

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    signal.signal(usr1, handle)

    with lock:
        signal.raise_signal(usr1)
        was_heard_early = heard.is_set()

    assert not was_heard_early
    assert heard.wait(SOON_S)


def test_each_signal_leads_to_one_call() -> None:
    calls = threading.Semaphore(0)
    ask = relayed(calls.release, name="test-ask")

    ask()
    ask()

    assert all(calls.acquire(timeout=SOON_S) for _ in range(2))
    assert not calls.acquire(blocking=False)
