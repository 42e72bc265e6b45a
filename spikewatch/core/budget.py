"""The budget: from false alarms a week over the whole fleet to a cut-off for each series.

A cut-off is what surprise, -log10 of the chance of seeing at least that many tickets, and evidence over time must come to.
It follows from the tail of the fleet's own past. While there is too little past the tail probabilities are taken at their
word, for a part of the budget: all series and windows share it by weight, and windows that slide by a bucket are counted
as `OVERLAP` independent ones per length.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from spikewatch.core.baseline import Baseline
from spikewatch.core.calibration import Tail
from spikewatch.core.counts import Bools, Floats, Roster
from spikewatch.core.rules import StaticRules
from spikewatch.core.scoring import Limits
from spikewatch.core.settings import DetectionSettings, SeriesRule, ServiceSettings, rule_for
from spikewatch.core.sharing import Sharing
from spikewatch.core.timegrid import WEEK

OVERLAP = 2.0
"""A maximum over sliding windows behaves like about this many disjoint ones per window length."""

LEAST_CUTOFF = 3.0
"""One window in a thousand: however large the budget, nothing more common than this is a surge."""


PROVISIONAL_SHARE = 0.25
"""Of the budget, while thresholds are provisional: tail probabilities give several times as many alarms as they say."""

EVIDENCE_FACTOR = 1.75
"""What provisional cut-offs are raised by: evidence over time adds to a surprise, and a baseline of two or three weeks errs
more. On simulated desks with three weeks behind them this delivered 1.8, 1.0 and 0.6 of budgets of 0.25, 1 and 4 a week."""


def cutoffs(
    weights: Floats,
    *,
    judged: Bools,
    windows: Sequence[timedelta],
    false_alarms_per_week: float,
    tail: Tail | None,
) -> Floats:
    """Return the (n_series,) total of surprise and evidence at which each series alerts.

    weights                (n_series,) > 0; a series of weight 2 may err twice as often as one of weight 1
    judged                 (n_series,) the series that share the budget; others get the cut-off of their weight
    false_alarms_per_week  of the whole fleet, > 0
    tail                   of the fleet's past; None gives provisional cut-offs

    A lower budget gives higher cut-offs everywhere, so it marks a subset of what a higher one marks.
    """
    if tail is None:
        budget = PROVISIONAL_SHARE * false_alarms_per_week
        return EVIDENCE_FACTOR * nominal(
            weights, judged=judged, windows=windows, false_alarms_per_week=budget
        )
    common = tail.threshold(false_alarms_per_week=false_alarms_per_week)
    return np.maximum(common - tail.scale * np.log(weights), LEAST_CUTOFF)


def nominal(
    weights: Floats, *, judged: Bools, windows: Sequence[timedelta], false_alarms_per_week: float
) -> Floats:
    """Return the (n_series,) surprise that is met so often if tail probabilities are true; arguments as in `cutoffs`.

    >>> windows, everyone = [timedelta(minutes=15)], np.ones(60, dtype=bool)
    >>> float(nominal(np.ones(60), judged=everyone, windows=windows, false_alarms_per_week=1.0).round(2)[0])
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
    tail: Tail | None = None,
) -> Limits:
    """Return what each series of the baseline's roster must reach; the budget is shared by those that are judged.

    rules  of the roster, where they were kept
    tail   of the fleet's past; without it the cut-offs are provisional
    """
    if rules is None:
        rules = rules_of(baseline.roster, detection=detection, services=services)
    enabled = np.array([rule.enabled for rule in rules], dtype=np.bool_)
    sharing = Sharing(rules, enabled & baseline.learned, detection.windows, detection.false_alarms_per_week)
    return Limits(
        roster=baseline.roster,
        cutoff=cutoffs(
            sharing.weights,
            judged=sharing.judged,
            windows=sharing.windows,
            false_alarms_per_week=sharing.false_alarms_per_week,
            tail=tail,
        ),
        min_tickets=np.array([rule.min_tickets for rule in rules], dtype=np.int64),
        min_ratio=np.array([rule.min_ratio for rule in rules]),
        critical_score=np.array([rule.critical_score for rule in rules]),
        enabled=enabled,
        runbook=tuple(rule.runbook for rule in rules),
        tail=tail,
        rules=StaticRules.of(rules),
        sharing=sharing,
    )
