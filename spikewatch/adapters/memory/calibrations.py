"""The few weeks of thresholds that a restart goes on with, in a plain dictionary."""

from spikewatch.core.calibration import KEPT_WEEKS, Calibration


class Calibrations:
    """Calibrations by week."""

    def __init__(self) -> None:
        """Begin empty."""
        self._kept: dict[int, Calibration] = {}

    def of(self, week: int) -> Calibration | None:
        """Return the calibration of a week."""
        return self._kept.get(week)

    def save(self, calibration: Calibration) -> None:
        """Keep a calibration in place of an earlier one of its week, and drop those of weeks long before it."""
        long_ago = calibration.week - KEPT_WEEKS
        kept = {week: each for week, each in self._kept.items() if week > long_ago}
        self._kept = {**kept, calibration.week: calibration}

    def drop_all(self) -> None:
        """Drop every calibration: the past that they were made of is counted otherwise now."""
        self._kept.clear()
