"""Falls of many series, looked at together, are those that each has by itself."""

import numpy as np

from spikewatch.core.baseline.falls import HOURS_AT_ONCE, MOST_HOURS, fallen
from tests.oracles.profile import fallen_hours

HOURS = 48
SERIES = HOURS_AT_ONCE // HOURS + 30


def test_series_that_are_looked_at_together_fall_each_by_itself() -> None:
    rng = np.random.default_rng(2)
    expected = rng.uniform(0.2, 9.0, (SERIES, 1)) * np.ones((SERIES, HOURS))
    tickets = rng.poisson(expected).astype(np.float64)
    for row in range(0, SERIES, 3):
        begin = rng.integers(0, HOURS)
        tickets[row, begin : begin + rng.integers(1, 20)] = 0.0

    found = fallen(tickets, expected)

    by_itself = [
        sorted(fallen_hours(came, usual, lasting=MOST_HOURS))
        for came, usual in zip(tickets.tolist(), expected.tolist(), strict=True)
    ]
    assert [np.flatnonzero(row).tolist() for row in found] == by_itself
    assert found[HOURS_AT_ONCE // HOURS :].any()
    assert not found.any(axis=1).all()


def test_no_hours_have_no_falls() -> None:
    nothing = np.zeros((2, 0))

    assert fallen(nothing, nothing).shape == (2, 0)
