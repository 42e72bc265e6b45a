"""The budget: from false alarms a week over the whole fleet to a cut-off for each series.

A cut-off is a surprise, -log10 of the chance of seeing at least that many tickets. All series and windows share the
budget by weight; windows that slide by a bucket are counted as `OVERLAP` independent ones per length.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from spikewatch.core.baseline import Baseline
from spikewatch.core.counts import Bools, Floats, Roster
from spikewatch.core.scoring import Limits
from spikewatch.core.settings import DetectionSettings, SeriesRule, ServiceSettings, rule_for
from spikewatch.core.timegrid import WEEK

OVERLAP = 2.0
"""A maximum over sliding windows behaves like about this many disjoint ones per window length."""

LEAST_CUTOFF = 3.0
"""One window in a thousand: however large the budget, nothing more common than this is a surge."""


def cutoffs(
    weights: Floats, *, judged: Bools, windows: Sequence[timedelta], false_alarms_per_week: float
) -> Floats:
    """Return the (n_series,) surprise at which each series alerts.

    weights                (n_series,) > 0; a series of weight 2 may err twice as often as one of weight 1
    judged                 (n_series,) the series that share the budget; others get the cut-off of their weight
    false_alarms_per_week  of the whole fleet, > 0

    A lower budget gives higher cut-offs everywhere, so it marks a subset of what a higher one marks.

    >>> windows, everyone = [timedelta(minutes=15)], np.ones(60, dtype=bool)
    >>> float(cutoffs(np.ones(60), judged=everyone, windows=windows, false_alarms_per_week=1.0).round(2)[0])
    4.91
    """
    tests_a_week = sum(OVERLAP * (WEEK / window) for window in windows)
    share = false_alarms_per_week * weights / max(float(weights[judged].sum()), 1.0)
    return np.maximum(-np.log10(share / tests_a_week), LEAST_CUTOFF)


def rules_of(
    roster: Roster, *, detection: DetectionSettings, services: dict[str, ServiceSettings]
) -> tuple[SeriesRule, ...]:
    """Return the rule of each series (n_series,); it takes a while for a large fleet, so keep it with the roster."""
    return tuple(rule_for(*key, detection=detection, services=services) for key in roster.keys)


def limits_of(
    baseline: Baseline,
    *,
    detection: DetectionSettings,
    services: dict[str, ServiceSettings],
    rules: Sequence[SeriesRule] | None = None,
) -> Limits:
    """Return what each series of the baseline's roster must reach; the budget is shared by those that are judged.

    rules  of the roster, where they were kept
    """
    if rules is None:
        rules = rules_of(baseline.roster, detection=detection, services=services)
    enabled = np.array([rule.enabled for rule in rules], dtype=np.bool_)
    weights = np.array([rule.weight for rule in rules])
    return Limits(
        roster=baseline.roster,
        cutoff=cutoffs(
            weights,
            judged=enabled & baseline.learned,
            windows=detection.windows,
            false_alarms_per_week=detection.false_alarms_per_week,
        ),
        min_tickets=np.array([rule.min_tickets for rule in rules], dtype=np.int64),
        min_ratio=np.array([rule.min_ratio for rule in rules]),
        critical_score=np.array([rule.critical_score for rule in rules]),
        enabled=enabled,
        runbook=tuple(rule.runbook for rule in rules),
    )
