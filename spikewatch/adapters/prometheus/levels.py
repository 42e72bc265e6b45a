"""The series of a roster as metrics know them: their labels, cleaned and escaped once a roster, and what they add up to."""

from collections.abc import Sequence

import numpy as np

from spikewatch.adapters.prometheus.catalogue import METRICS, LabelNames, clean_label, label_text
from spikewatch.core.counts import Bools, Floats, Ints, Roster


class Level:
    """The series of one kind (series, service, fleet): their cleaned labels, and which rows of the roster they sum.

    Names that become equal once cleaned are one series. `names` (n,) holds the label values, in order.
    """

    def __init__(self, level: str, roster: Roster, *, rows: Sequence[int], names: LabelNames) -> None:
        self.level = level
        self.keys = tuple(names.of(label) for label in METRICS[f"spikewatch_{level}_surging"].labels)
        named = [tuple(clean_label(part) for part in roster.keys[row][: len(self.keys)]) for row in rows]
        self.names = tuple(dict.fromkeys(named))
        place = {name: index for index, name in enumerate(self.names)}
        self._rows = np.array(rows, dtype=np.int64)
        self._place = np.array([place[name] for name in named], dtype=np.int64)
        self._labels: dict[str, tuple[str, ...]] = {}

    def total(self, values: Ints | Floats) -> Floats:
        """Return the (n,) sums of values (n_series,)."""
        sums = np.zeros(len(self.names))
        np.add.at(sums, self._place, values[self._rows])
        return sums

    def highest(self, values: Floats) -> Floats:
        """Return the (n,) maxima of values (n_series,), at least 0."""
        maxima = np.zeros(len(self.names))
        np.maximum.at(maxima, self._place, values[self._rows])
        return maxima

    def whether(self, flags: Bools) -> Bools:
        """Return (n,) whether any of them has its flag (n_series,)."""
        return self.highest(flags.astype(np.float64)) > 0

    def labels(self, window: str = "") -> tuple[str, ...]:
        """Return the (n,) label parts of sample lines, escaped, in the order of the label names."""
        if window not in self._labels:
            extra = {"window": window} if window else {}
            self._labels[window] = tuple(
                label_text({**dict(zip(self.keys, name, strict=True)), **extra}) for name in self.names
            )
        return self._labels[window]


def levels_of(roster: Roster, *, names: LabelNames) -> tuple[Level, tuple[Level, Level]]:
    """Return the series, and the roll-ups: services and the fleet."""
    rows = range(len(roster))
    leaves = [row for row in rows if not roster.keys[row].is_rollup]
    services = [row for row in rows if roster.keys[row].is_rollup and not roster.keys[row].is_fleet]
    fleet = [row for row in rows if roster.keys[row].is_fleet]
    return Level("series", roster, rows=leaves, names=names), (
        Level("service", roster, rows=services, names=names),
        Level("fleet", roster, rows=fleet, names=names),
    )
