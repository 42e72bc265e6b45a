"""The story's clock waits for the judging, and wakes what was planned at another speed."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from spikewatch.adapters.clock import ScaledClock
from spikewatch.core.timegrid import bucket_start
from spikewatch.demo.pacing import CRAWL, USUAL_LAG, Pacer

START = bucket_start(0, timedelta(hours=1))


@pytest.fixture
def clock() -> Iterator[ScaledClock]:
    clock = ScaledClock(START, speed=1.0)
    yield clock
    clock.stop()


def test_it_crawls_while_judging_is_behind_and_hurries_once_it_has_caught_up(clock: ScaledClock) -> None:
    woken = []
    pacer = Pacer(clock, wake=lambda: woken.append(clock.speed))
    long_ago, just_now = START - USUAL_LAG - timedelta(hours=2), START - timedelta(minutes=6)

    pacer.keep(7200.0, judged_until=just_now)
    pacer.keep(7200.0, judged_until=long_ago)
    pacer.keep(7200.0, judged_until=long_ago)
    pacer.set(7200.0)

    assert woken == [7200.0, CRAWL, 7200.0]


def test_a_speed_below_crawling_is_kept(clock: ScaledClock) -> None:
    pacer = Pacer(clock, wake=lambda: None)

    pacer.keep(10.0, judged_until=START - timedelta(hours=5))

    assert clock.speed == 10.0
