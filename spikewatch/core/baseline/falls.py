"""Falls: hours in which far less came in than normal, such as a form that is down or a day off that nobody told of.

They are no quiet days: what is learnt from them makes the return to normal look like a surge. So they count as unknown.
"""

import numpy as np

from spikewatch.core.counts import Bools, Floats, Ints

WINDOWS_HOURS = (1, 4, 12, 24)
"""A fall shows in one hour of a busy service, and in a day of a sparse one."""

LONG_HOURS = (12, 24)
"""What shape and level would learn from: they hardly notice anything shorter."""

MOST_SHARE = 0.65
SIGMAS = 3.0
DISPERSION = 1.5
DAY_SPREAD = 0.12
"""A window below two thirds of normal is a fall where it is also that many standard deviations below, of
sqrt(1.5 x mean + (0.12 x mean)**2)."""

LEAST_A_DAY = 12.0
"""Series that expect less a day cannot fall by more than chance."""

BLOCK_HOURS = 6
LOOSE_SHARE, LOOSE_SIGMAS = 0.72, 2.5
"""A series none of whose days, from any sixth hour on, is as low as this has not fallen: most are done with in no time."""

MOST_HOURS = 10 * 24
"""What lasts longer is another level."""

HOURS_AT_ONCE = 8192
"""Hours of several series that are looked at together: few calls for short ones, little memory for long ones."""


def fallen(
    tickets: Floats,
    expected: Floats,
    *,
    lasting: int = MOST_HOURS,
    windows: tuple[int, ...] = WINDOWS_HOURS,
) -> Bools:
    """Return (n, n_hours) the hours of a fall, oldest first.

    tickets   (n, n_hours) counts, 0 where unknown
    expected  (n, n_hours) what was expected, 0 where unknown
    lasting   hours up to which a fall that has not ended is believed to be one
    windows   hours that are looked at together, each in turn

    >>> expected = np.full((1, 72), 5.0)
    >>> fallen(np.where(np.arange(72) // 24 == 1, 0.0, expected), expected)[0].nonzero()[0][[0, -1]].tolist()
    [24, 47]
    """
    found = np.zeros(expected.shape, dtype=np.bool_)
    if not expected.shape[1]:
        return found
    rows, together = _candidates(tickets, expected), max(1, HOURS_AT_ONCE // expected.shape[1])
    for left in range(0, len(rows), together):
        some = rows[left : left + together]
        few = tickets[some] <= MOST_SHARE * expected[some]
        low = _in_low_windows(tickets[some], expected[some], few, windows)
        for place in np.flatnonzero(low.any(axis=1)):
            kept = _for_a_while(low[place] | few[place], lasting=lasting)
            found[some[place]] = low[place] & kept
    return found


def _candidates(tickets: Floats, expected: Floats) -> Ints:
    """Return the rows that may have fallen, judged by blocks where there are many."""
    n_hours = expected.shape[1]
    wanted = expected.sum(axis=1) * min(1.0, 24.0 / n_hours) >= LEAST_A_DAY
    if n_hours <= MOST_HOURS:
        return np.flatnonzero(wanted)
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return rows
    inside = slice(n_hours % BLOCK_HOURS, None)
    blocks = n_hours // BLOCK_HOURS
    came, usual = (
        values[rows, inside].reshape(len(rows), blocks, BLOCK_HOURS).sum(axis=2)
        for values in (tickets, expected)
    )
    few, many = (sum(sums[:, n : blocks - 3 + n] for n in range(4)) for sums in (came, usual))
    return rows[(few < _bound(many, share=LOOSE_SHARE, sigmas=LOOSE_SIGMAS)).any(axis=1)]


def _bound(mean: Floats, *, share: float, sigmas: float) -> Floats:
    """Return the count below which a window of that mean is far below normal."""
    spread = np.sqrt(DISPERSION * mean + (DAY_SPREAD * mean) ** 2)
    return np.asarray(np.minimum(share * mean, mean - sigmas * spread))


def _in_low_windows(tickets: Floats, expected: Floats, few: Bools, windows: tuple[int, ...]) -> Bools:
    """Return (n, n_hours) the hours that lie in a window, of any of these widths, which is far below normal."""
    came, usual = _running(tickets), _running(expected)
    low = np.zeros(few.shape, dtype=np.bool_)
    for width in windows:
        if width <= few.shape[1]:
            _add_low(low, came, usual, few, width)
    return low


def _running(values: Floats) -> Floats:
    """Return (n, n_hours + 1) sums of what came before each hour."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _add_low(low: Bools, came: Floats, usual: Floats, few: Bools, width: int) -> None:
    """Add to `low` the hours that lie in a window of that width which is far below normal.

    The window begins and ends with an hour of few tickets, so that it holds no more of the normal hours than it must.
    """
    tickets, mean = came[:, width:] - came[:, :-width], usual[:, width:] - usual[:, :-width]
    windows = tickets < _bound(mean, share=MOST_SHARE, sigmas=SIGMAS)
    if width > 1:
        windows &= few[:, : windows.shape[1]] & few[:, width - 1 :]
    for row, begin in zip(*np.nonzero(windows), strict=True):
        low[row, begin : begin + width] = True


def _for_a_while(hours: Bools, *, lasting: int) -> Bools:
    """Return (n_hours,) the hours of low counts without runs that last too long to be a fall."""
    edges = np.flatnonzero(np.diff(hours.astype(np.int8), prepend=0, append=0))
    kept = hours.copy()
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin > (lasting if end == len(hours) else MOST_HOURS):
            kept[begin:end] = False
    return kept
