"""Attribution: which series drive an incident, with their share of the excess."""

from collections.abc import Sequence

import numpy as np

from spikewatch.core.counts import Floats, Ints, Roster


def candidates(roster: Roster, *, service: str | None) -> Ints:
    """Return the rows that can drive an incident: the service's categories, or for the whole company its services."""
    if service is None:
        return np.arange(roster.n_leaves, max(roster.n_leaves, len(roster) - 1))
    return np.flatnonzero([key.service == service and not key.is_rollup for key in roster.keys])


def shares(observed: Sequence[int], expected: Sequence[float]) -> Floats:
    """Return each series' share of the excess, (n,) in [0, 1]; series below expectation have none.

    >>> shares([40, 12, 3], [5.0, 7.0, 4.0]).round(2).tolist()
    [0.88, 0.12, 0.0]
    """
    excess = np.maximum(np.asarray(observed) - np.asarray(expected), 0.0)
    total = float(excess.sum())
    return excess / total if total > 0 else excess
