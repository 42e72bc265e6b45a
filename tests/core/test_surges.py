"""The life of a surge: what prolongs it, what ends it, and what it remembers."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.core.surges import QUIET_FOR, QUIET_SCORE, Surge, buckets_since_rise, follow, resume
from tests.core_factories import NOON, STEP, reading, surge

MINUTE = timedelta(minutes=1)


def lived(scores: Sequence[float | None], *, step: timedelta = STEP) -> Surge:
    """A surge that opened at noon after these scores, one a bucket; None is an unknown bucket."""
    state = surge()
    for place, score in enumerate(scores, start=1):
        seen = None if score is None else reading(score)
        state = follow(state, seen, bucket_end=NOON + place * step, step=step, excess=2.0)
        if not state.is_open:
            break
    return state


def test_it_ends_after_thirty_quiet_minutes_and_not_before() -> None:
    assert lived([0.0] * 5).is_open
    assert lived([0.0] * 6).ended == NOON + 30 * MINUTE


@pytest.mark.parametrize(
    ("score", "is_open"), [(QUIET_SCORE, True), (QUIET_SCORE - 0.001, False)], ids=["on the line", "below it"]
)
def test_a_score_on_the_line_is_not_quiet(score: float, *, is_open: bool) -> None:
    assert lived([score] * 6).is_open is is_open


def test_every_rise_begins_the_quiet_anew() -> None:
    state = lived([0.1] * 5 + [0.8] + [0.1] * 5)

    assert state.is_open
    assert state.quiet == 25 * MINUTE
    assert state.last_surging == NOON + 6 * STEP


def test_unknown_buckets_neither_prolong_nor_end_the_quiet() -> None:
    quiet, blind = [0.1] * 5, [None] * 50

    assert lived([*quiet, *blind]).is_open
    assert lived([*quiet, *blind]) == lived(quiet)
    assert lived([*quiet, *blind, 0.1]).ended == NOON + 56 * STEP


@given(st.lists(st.none() | st.floats(0, 3), max_size=60), st.sampled_from([5, 10, 15, 30]))
def test_it_ends_at_the_first_bucket_that_completes_thirty_known_quiet_minutes(
    scores: list[float | None], minutes: int
) -> None:
    step = timedelta(minutes=minutes)
    known = [(place, score) for place, score in enumerate(scores, start=1) if score is not None]
    runs = list(
        accumulate((score < QUIET_SCORE for _, score in known), lambda run, low: run + 1 if low else 0)
    )
    ends = [place for (place, _), run in zip(known, runs, strict=True) if run * step >= QUIET_FOR]

    state = lived(scores, step=step)

    assert state.ended == (NOON + ends[0] * step if ends else None)


@given(st.lists(st.none() | st.floats(0, 3), max_size=40))
def test_how_it_opened_never_changes_and_its_peak_never_falls(scores: list[float | None]) -> None:
    state = lived(scores)

    first = surge()
    assert (state.series, state.began, state.opened_at, state.joined) == (
        first.series,
        first.began,
        first.opened_at,
        first.joined,
    )
    lived_through = [score for score in scores if score is not None]
    assert state.peak.score >= max(first.peak.score, state.now.score)
    assert state.peak.score in [first.peak.score, *lived_through]


def test_excess_adds_up_over_known_buckets() -> None:
    assert lived([1.0, None, 0.2]).excess == surge().excess + 4.0


def test_a_resumed_surge_lasts_again_and_remembers_how_it_joined() -> None:
    over = lived([0.0] * 6)
    again = reading(3.0)

    state = resume(over, again, bucket_end=NOON + 60 * MINUTE, excess=7.0)

    assert state.is_open
    assert state.quiet == timedelta(0)
    assert (state.joined, state.opened_at, state.began) == (over.joined, over.opened_at, over.began)
    assert (state.now, state.peak, state.last_surging) == (again, again, NOON + 60 * MINUTE)
    assert state.excess == over.excess + 7.0


def test_a_resumed_surge_keeps_its_higher_peak() -> None:
    over = lived([4.0] + [0.0] * 6)

    assert resume(over, reading(1.1), bucket_end=NOON + 60 * MINUTE, excess=0.0).peak.score == 4.0


@pytest.mark.parametrize(
    ("counts", "buckets"),
    [
        ([2, 2, 2, 2], 1),
        ([2, 2, 2, 9], 1),
        ([2, 2, 9, 9], 2),
        ([2, 9, 2, 9], 3),
        ([9, 2, 2, 2, 2, 9], 1),
        ([3, 3, 3, 3, 20], 1),
        ([2, 4, 6, 8], 3),
        ([9, 9, 9, 9], 4),
        ([0, 0, 0, 0], 1),
    ],
    ids=["flat", "one", "two", "a pause", "a long pause", "a little more before", "a slope", "all", "none"],
)
def test_the_rise_is_the_newest_run_that_chance_explains_least(counts: list[int], buckets: int) -> None:
    assert buckets_since_rise(np.array(counts), np.full(len(counts), 2.0)) == buckets


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0.1, 10)), min_size=1, max_size=40))
def test_no_other_run_is_explained_less_by_chance_than_the_rise(cells: list[tuple[int, float]]) -> None:
    buckets = buckets_since_rise(np.array([c for c, _ in cells]), np.array([m for _, m in cells]))

    ratios = []
    for size in range(1, len(cells) + 1):
        c, m = (sum(column) for column in zip(*cells[-size:], strict=True))
        ratios.append(c * log(c / m) - (c - m) if c > m else 0.0)
    assert ratios[buckets - 1] == pytest.approx(max(ratios))


def test_unknown_buckets_before_the_rise_do_not_make_it_older() -> None:
    assert buckets_since_rise(np.array([0, 0, 9, 9]), np.array([0.0, 0.0, 2.0, 2.0])) == 2
    assert buckets_since_rise(np.array([2, 9, 9, 0]), np.array([2.0, 2.0, 2.0, 0.0])) == 3
