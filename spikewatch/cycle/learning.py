"""Learning: what judging goes by, fitted once and kept: a baseline for each hour, a calibration for each week."""

import threading
from dataclasses import dataclass

import numpy as np

from spikewatch.core.baseline import Baseline
from spikewatch.core.calibration import Calibration, Tail
from spikewatch.core.counts import Panel, Roster
from spikewatch.core.scoring import Limits
from spikewatch.core.timegrid import Grid
from spikewatch.cycle.detector import Detector
from spikewatch.cycle.loading import labelled, load_grid, load_history, load_hours
from spikewatch.ports import Recounts, Store


@dataclass(frozen=True)
class _Standards:
    """A baseline as it was fitted, the same with the rows of the newest roster, and what follows from that."""

    fitted: Baseline
    tail: Tail | None
    baseline: Baseline
    limits: Limits


class Learning:
    """Baselines and calibrations of one detector on one store; may be asked by several threads."""

    def __init__(self, store: Store, detector: Detector) -> None:
        """Begin without any."""
        self._store = store
        self.detector = detector
        self._baselines: dict[int, Baseline] = {}
        self._calibrations: dict[int, Calibration] = {}
        self._last: _Standards | None = None
        self._fitting = threading.Lock()
        self._calibrating = threading.Lock()
        self._recounts = 0

    @property
    def newest(self) -> Baseline | None:
        """The baseline that was judged by last; None before the first."""
        return None if self._last is None else self._last.baseline

    def follow(self, before: "Learning") -> None:
        """Take over from the learning of other settings what they leave as it is, and make ready what they change."""
        self._recounts = before._recounts  # noqa: SLF001 -- its own kind
        if self.detector.learning == before.detector.learning:
            self._baselines = before._baselines  # noqa: SLF001 -- its own kind
        if self.detector.standing == before.detector.standing:
            self._calibrations = before._calibrations  # noqa: SLF001 -- its own kind
        state = self._store.judge_state()
        if state.judged_until is None or self._store.recounts().is_pending:
            return
        epoch = self.detector.epoch_of(state.judged_until)
        self.refit(epoch=epoch)
        self.calibrated(week=self.detector.week_of(epoch))

    def forget_before(self, recounts: Recounts) -> None:
        """Forget all that was learnt from counts that have been counted anew since."""
        if recounts.done != self._recounts:
            self._recounts = recounts.done
            self._baselines, self._calibrations, self._last = {}, {}, None

    def forget_baselines(self) -> None:
        """Forget what was fitted without counts that are known now."""
        self._baselines, self._last = {}, None

    def refit(self, *, epoch: int) -> Baseline:
        """Fit the baseline of an epoch unless it stands, and keep it with the one before."""
        standing = self._baselines.get(epoch)
        if standing is not None:
            return standing
        with self._fitting:
            if epoch not in self._baselines:
                before = self._store.recounts()
                fitted = self._fitted(epoch)
                if before.is_pending or self._store.recounts() != before:
                    return fitted  # counted anew meanwhile: good for nothing but an answer
                kept = {other: baseline for other, baseline in self._baselines.items() if other >= epoch - 1}
                self._baselines = {**kept, epoch: fitted}
            return self._baselines[epoch]

    def _fitted(self, epoch: int) -> Baseline:
        history = load_history(self._store, self.detector, epoch=epoch)
        return labelled(self.detector, self._store).fit(history, epoch=epoch)

    def calibrated(self, *, week: int) -> Calibration:
        """Return the calibration of a week: kept, or made now from the past and kept."""
        standing = self._calibrations.get(week)
        if standing is not None:
            return standing
        with self._calibrating:
            if week not in self._calibrations:
                made = self._store.calibration(week=week)
                if made is None or made.settings != self.detector.standing:
                    before = self._store.recounts()
                    made = self._calibrate(week)
                    if before.is_pending or self._store.recounts() != before:
                        return made  # counted anew meanwhile: the next one to ask makes it of the new counts
                    self._store.save_calibration(made)
                kept = {other: each for other, each in self._calibrations.items() if other >= week - 1}
                self._calibrations = {**kept, week: made}
            return self._calibrations[week]

    def calibrate_ahead(self) -> bool:
        """Make next week's calibration as soon as all it looks at has been judged; tell whether it was made now."""
        state = self._store.judge_state()
        if state.judged_until is None or self._store.recounts().is_pending:
            return False
        epoch = self.detector.epoch_of(state.judged_until)
        week = self.detector.week_of(epoch) + 1
        if week in self._calibrations or epoch < self.detector.calibrated_hours(week)[1] + 1:
            return False
        self.calibrated(week=week)
        return True

    def _calibrate(self, week: int) -> Calibration:
        first, stop = self.detector.calibrated_hours(week)
        sources = self._store.source_states()
        history = load_hours(self._store, self.detector, first=first, stop=stop)
        roster = history.hourly.roster

        def panel_of(first: int, until: int) -> Panel:
            grid = Grid(self.detector.step, first, until - first)
            return load_grid(self._store, grid, sources=sources, roster=roster, dtype=np.int32)

        return labelled(self.detector, self._store).calibrate(history, panel_of, week=week)

    def is_fitted(self, epoch: int) -> bool:
        """Tell whether the baseline of an epoch stands."""
        return epoch in self._baselines

    def next_epoch(self) -> int | None:
        """Return the epoch whose baseline is wanted next and can be fitted already; None where nothing can be judged."""
        state = self._store.judge_state()
        if state.judged_until is None or self._store.recounts().is_pending:
            return None
        return self.detector.epoch_of(state.judged_until) + 1

    def tail_of(self, epoch: int) -> Tail | None:
        """Return the tail of the past that thresholds of an epoch follow from."""
        return self.calibrated(week=self.detector.week_of(epoch)).tail

    def standards(self, epoch: int, roster: Roster) -> tuple[Baseline, Limits]:
        """Return what the series of a roster are judged by; the same as last time while neither epoch nor roster change."""
        fitted, last, tail = self.refit(epoch=epoch), self._last, self.tail_of(epoch)
        if (
            last is None
            or last.fitted is not fitted
            or last.tail is not tail
            or last.limits.roster.keys != roster.keys
        ):
            baseline = fitted.for_roster(roster)
            last = self._last = _Standards(fitted, tail, baseline, self.detector.limits(baseline, tail=tail))
        return last.baseline, last.limits
