"""A past day judged hour by hour, every series in every window, whatever it holds."""

import numpy as np

from spikewatch.calibrating.peaks import LEAST_SCORE
from spikewatch.calibrating.rehearsal import Rehearsal
from spikewatch.calibrating.rotation import DAY, Past
from spikewatch.core.baseline import Expectation
from spikewatch.core.counts import Bools, Panel
from spikewatch.core.timegrid import HOUR
from spikewatch.core.windows import below_floors, judged_part, weigh, window_widths


def crossings(
    first: int, past: Past, rehearsal: Rehearsal, *, asked: Bools, panel: Panel
) -> dict[tuple[int, int], float]:
    """Return the total of each row and bucket that reaches the least score.

    asked  (n_series,) False where a series is not judged
    panel  counts from the longest window before the day to its end at least
    """
    step = panel.grid.step
    per_hour, widths = int(HOUR / step), window_widths(rehearsal.windows, step)
    baseline = past.baseline(first, model=rehearsal.model)
    found = {}
    for hour in range(first, first + DAY):
        seen = panel.cut(hour * per_hour - widths[-1], (hour + 1) * per_hour)
        normal = baseline.expect(seen.grid.first, seen.grid.stop, step)
        part = judged_part(seen, normal.mean, rehearsal.calendar.events)
        gain = past.gain(baseline, hour=hour)[:, None]
        share = np.ones(normal.mean.shape) if part.share is None else part.share
        mean = normal.mean * gain * share
        known = Expectation(mean, normal.variance * gain * share, normal.day_spread, normal.dispersion)
        weighed = weigh(
            part.counts,
            known,
            whole=normal.mean * gain,
            judged=asked & baseline.learned,
            widths=widths,
            step=step,
            n_judged=per_hour,
        )
        low = below_floors(
            weighed.observed,
            weighed.expected,
            min_tickets=rehearsal.min_tickets,
            min_ratio=rehearsal.min_ratio,
        )
        total = np.where(low, 0.0, weighed.total).max(axis=1)
        for row, column in zip(*np.nonzero(total >= LEAST_SCORE), strict=True):
            found[int(row), hour * per_hour + int(column)] = float(total[row, column])
    return found
