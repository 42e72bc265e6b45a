"""One window of one series: sums over its known buckets, one bucket at a time."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Sums over the known buckets of a window, and the expectation of all of them."""

    observed: int
    expected: float
    whole: float


def window(
    counts: Sequence[int], mean: Sequence[float], known: Sequence[float], *, width: int, end: int
) -> Window:
    """Return the window of `width` buckets that ends with bucket `end`; known is the share of each that is known."""
    observed, expected, whole = 0, 0.0, 0.0
    for place in range(end - width + 1, end + 1):
        whole += mean[place]
        expected += mean[place] * known[place]
        observed += counts[place] if known[place] > 0 else 0
    return Window(observed, expected, whole)
