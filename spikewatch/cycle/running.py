"""Running: the daemon's judging, which keeps what was learnt and commits what changed in one transaction."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from spikewatch.core.baseline import Baseline
from spikewatch.core.calibration import Calibration, Tail
from spikewatch.core.counts import Panel, Roster, SeriesKey
from spikewatch.core.incidents import Change, Incidents
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.core.scoring import Limits, assess
from spikewatch.core.snapshot import Snapshot
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import HOUR, Grid, bucket_number, bucket_start, seconds
from spikewatch.coverage import GRACE, Coverage
from spikewatch.cycle.arrears import HOURS_AT_ONCE, Arrears, parted, rejoined, surging_in
from spikewatch.cycle.detector import Detector
from spikewatch.cycle.judging import Verdict, judge
from spikewatch.cycle.loading import labelled, load_grid, load_history, load_hours, load_panel
from spikewatch.cycle.looking import snapshot_of
from spikewatch.picturing import Album, with_courses
from spikewatch.ports import CycleCommit, JudgeState, SourceState, Store

log = logging.getLogger(__package__)


@dataclass(frozen=True)
class _Standards:
    """A baseline as it was fitted, the same with the rows of the newest roster, and what follows from that."""

    fitted: Baseline
    tail: Tail | None
    baseline: Baseline
    limits: Limits


class Cycle:
    """The daemon's judging: call `run` after a poll, `refit` ahead of the hour; one thread at a time each."""

    def __init__(
        self,
        store: Store,
        detector: Detector,
        *,
        plan: Callable[[Sequence[Notice], datetime], Sequence[Delivery]],
        on_change: Callable[[Change], None] = lambda _: None,
        grace: timedelta = GRACE,
    ) -> None:
        """Judge with the detector on the store.

        plan       turns notices into outbox rows
        on_change  is told of each incident that a committed cycle changed
        grace      how far one source may be behind another before judging goes on without it
        """
        self._store = store
        self._detector = detector
        self._plan = plan
        self._on_change = on_change
        self._grace = grace
        self._baselines: dict[int, Baseline] = {}
        self._calibrations: dict[int, Calibration] = {}
        self._last: _Standards | None = None
        self._fitting = threading.Lock()
        self._calibrating = threading.Lock()
        self._recounts = 0
        self.snapshot: Snapshot | None = None
        self.is_catching_up = False

    @property
    def detector(self) -> Detector:
        """What it judges with."""
        return self._detector

    def follow(self, before: "Cycle") -> None:
        """Take over from a cycle of other settings what they leave as it is, and make ready what they change.

        The one before may go on judging meanwhile. Raises Fault where the store fails.
        """
        self._recounts = before._recounts  # noqa: SLF001 -- its own kind
        if self._detector.learning == before.detector.learning:
            self._baselines = before._baselines  # noqa: SLF001 -- its own kind
        if self._detector.standing == before.detector.standing:
            self._calibrations = before._calibrations  # noqa: SLF001 -- its own kind
        state = self._store.judge_state()
        if state.judged_until is None or self._store.recounts().is_pending:
            return
        epoch = self._detector.epoch_of(state.judged_until)
        self.refit(epoch=epoch)
        self.calibrated(week=self._detector.week_of(epoch))

    def run(self, *, now: datetime) -> int:
        """Judge every finished bucket that has not been judged, commit, and return how many buckets there were.

        Buckets that were judged while a service was unknown are judged for it first, as soon as it is known: some hours of
        them at a time, and `is_catching_up` tells whether there are more. Until then the service stays unknown. While a
        recount is going on nothing is judged; after it all that was learnt before is learnt again.
        """
        self.is_catching_up = False
        recounts = self._store.recounts()
        if recounts.is_pending:
            return 0
        if recounts.done != self._recounts:
            self._recounts = recounts.done
            self._baselines, self._calibrations, self._last = {}, {}, None
        sources = self._store.source_states()
        state = self._store.judge_state()
        until = self._judgeable(sources, is_first=state.judged_until is None)
        if until is None:
            return 0
        first = until - 1 if state.judged_until is None else state.judged_until
        coverage = Coverage.of(self._store, sources, grace=self._grace)
        arrears = self._arrears(coverage, state)
        self.is_catching_up = bool(arrears.left)
        if first >= until and not arrears.due:
            if self.snapshot is None:
                self.snapshot = self._restored(state, sources, hidden=arrears.left)
            return 0
        incidents = self._without_lost(state.incidents, ended=bucket_start(first, self._detector.step))
        late, incidents = self._judge_late(arrears, incidents, sources)
        present, incidents = self._judge(first, until, incidents, sources, hidden=arrears.left)
        verdicts = [*late, *present]
        notices = self._pictured([notice for verdict in verdicts for notice in verdict.notices], sources)
        changed = {incident.id: incident for verdict in verdicts for incident in verdict.changed}
        behind = arrears.after(state.behind, judged_until=first)
        if present:
            services = present[-1].assessment.limits.roster.services
            behind = self._behind(coverage, behind, services, first=first, until=until)
        after = JudgeState(max(first, until), incidents, behind)
        self._store.commit_cycle(
            CycleCommit(
                state=after,
                changed=tuple(changed.values()),
                deliveries=tuple(self._plan(notices, now)),
            )
        )
        before = {incident.id: incident for incident in state.incidents.active}
        for incident in changed.values():
            self._on_change(Change(before.get(incident.id), incident))
        for notice in notices:
            _log_notice(notice)
        _log_late(arrears, self._detector.step)
        if present:
            self.snapshot = snapshot_of(
                self._store, self._detector, present[-1].assessment, incidents, until=until, sources=sources
            )
        else:
            self.snapshot = self._restored(after, sources, hidden=arrears.left)
        return sum(verdict.assessment.n_judged for verdict in verdicts)

    def _pictured(self, notices: Sequence[Notice], sources: Mapping[str, SourceState]) -> Sequence[Notice]:
        """Return the notices with what they show of the last hours."""
        album = self._album(sources) if notices else None
        return notices if album is None else with_courses(notices, album)

    def album(self) -> Album | None:
        """Return what pictures of this moment are made of; None before anything was judged."""
        return self._album(self._store.source_states())

    def _album(self, sources: Mapping[str, SourceState]) -> Album | None:
        standards = self._last
        if standards is None:
            return None
        since, until = Coverage(sources, {}, self._grace).whole
        return Album(self._store, standards.baseline, self._detector.step, since=since, until=until)

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
        history = load_history(self._store, self._detector, epoch=epoch)
        return labelled(self._detector, self._store).fit(history, epoch=epoch)

    def calibrated(self, *, week: int) -> Calibration:
        """Return the calibration of a week: kept, or made now from the past and kept."""
        standing = self._calibrations.get(week)
        if standing is not None:
            return standing
        with self._calibrating:
            if week not in self._calibrations:
                made = self._store.calibration(week=week)
                if made is None or made.settings != self._detector.standing:
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
        epoch = self._detector.epoch_of(state.judged_until)
        week = self._detector.week_of(epoch) + 1
        if week in self._calibrations or epoch < self._detector.calibrated_hours(week)[1] + 1:
            return False
        self.calibrated(week=week)
        return True

    def _calibrate(self, week: int) -> Calibration:
        first, stop = self._detector.calibrated_hours(week)
        sources = self._store.source_states()
        history = load_hours(self._store, self._detector, first=first, stop=stop)
        roster = history.hourly.roster

        def panel_of(first: int, until: int) -> Panel:
            grid = Grid(self._detector.step, first, until - first)
            return load_grid(self._store, grid, sources=sources, roster=roster, dtype=np.int32)

        return labelled(self._detector, self._store).calibrate(history, panel_of, week=week)

    def is_fitted(self, epoch: int) -> bool:
        """Tell whether the baseline of an epoch stands."""
        return epoch in self._baselines

    def next_epoch(self) -> int | None:
        """Return the epoch whose baseline is wanted next and can be fitted already; None where nothing can be judged."""
        state = self._store.judge_state()
        if state.judged_until is None or self._store.recounts().is_pending:
            return None
        return self._detector.epoch_of(state.judged_until) + 1

    def _restored(
        self, state: JudgeState, sources: Mapping[str, SourceState], *, hidden: Collection[str]
    ) -> Snapshot | None:
        """Return the snapshot of the last bucket judged before a restart; nothing is judged anew."""
        if state.judged_until is None:
            return None
        last = state.judged_until - 1
        panel = load_panel(
            self._store,
            self._detector,
            first=last,
            until=state.judged_until,
            sources=sources,
            named=_named(state.incidents),
            is_shown=lambda service: service not in hidden,
        )
        baseline, limits = self._standards(self._detector.epoch_of(last), panel.roster)
        assessment = assess(panel, baseline, limits, first=last, windows=self._detector.detection.windows)
        return snapshot_of(
            self._store,
            self._detector,
            assessment,
            state.incidents,
            until=state.judged_until,
            sources=sources,
        )

    def _judgeable(self, sources: Mapping[str, SourceState], *, is_first: bool) -> int | None:
        """Return the bucket to judge up to; before anything was judged every source is waited for, for all learn once."""
        coverage = Coverage(sources, {}, self._grace)
        if coverage.until is None or (is_first and not coverage.is_first_read):
            return None
        return bucket_number(coverage.until, self._detector.step)

    def _arrears(self, coverage: Coverage, state: JudgeState) -> Arrears:
        """Return what can be judged late now; what baselines would not learn from any more is not looked at again."""
        step, judged_until = self._detector.step, state.judged_until or 0
        oldest = judged_until - self._detector.history // step
        due = coverage.due(state.behind, judged_until=judged_until, oldest=oldest, step=step)
        return Arrears.of(due, most=HOURS_AT_ONCE * HOUR // step)

    def _judge_late(
        self, arrears: Arrears, incidents: Incidents, sources: Mapping[str, SourceState]
    ) -> tuple[list[Verdict], Incidents]:
        """Judge what is due now, each service with its own incidents; return that and all incidents afterwards.

        The baselines are fitted for it, for those that stand did not know the counts of the time.
        """
        verdicts: list[Verdict] = []
        fitted: dict[int, Baseline] = {}
        for stretch in arrears.stretches:
            for left, right in self._epochs(stretch.first, stretch.stop):
                epoch = self._detector.epoch_of(left)
                if epoch not in fitted:
                    fitted = {epoch: self._fitted(epoch)}
                own, others = parted(incidents, stretch.services)
                panel = load_panel(
                    self._store,
                    self._detector,
                    first=left,
                    until=right,
                    sources=sources,
                    named=_named(own),
                    is_shown=stretch.services.__contains__,
                )
                baseline = fitted[epoch].for_roster(panel.roster)
                tail = self.calibrated(week=self._detector.week_of(epoch)).tail
                verdict = judge(
                    panel,
                    baseline,
                    self._detector.limits(baseline, tail=tail),
                    first=left,
                    incidents=own,
                    detector=self._detector,
                    elsewhere=surging_in(others),
                )
                incidents = rejoined(verdict.incidents, others)
                verdicts.append(verdict)
        if verdicts and not arrears.left:
            self._baselines, self._last = {}, None
        return verdicts, incidents

    def _behind(
        self,
        coverage: Coverage,
        behind: Mapping[str, int],
        services: Sequence[str],
        *,
        first: int,
        until: int,
    ) -> dict[str, int]:
        """Return which services are behind once buckets `[first, until)` have been judged, of those that there are."""
        left = {}
        for service in services:
            reached = coverage.reached(service, step=self._detector.step) or first
            if service in behind:
                left[service] = behind[service]
            elif reached < until:
                left[service] = max(first, reached)
        return left

    def _judge(
        self,
        first: int,
        until: int,
        incidents: Incidents,
        sources: Mapping[str, SourceState],
        *,
        hidden: Collection[str],
    ) -> tuple[list[Verdict], Incidents]:
        """Judge the present; what is hidden is unknown, and its incidents stay as they are until it has caught up."""
        aside, incidents = parted(incidents, hidden)
        named = (*_named(aside), *_named(incidents))
        verdicts = []
        for left, right in self._epochs(first, until) if first < until else ():
            epoch = self._detector.epoch_of(left)
            self.refit(epoch=epoch)
            panel = load_panel(
                self._store,
                self._detector,
                first=left,
                until=right,
                sources=sources,
                named=(*named, *_named(incidents)),
                is_shown=lambda service: service not in hidden,
            )
            baseline, limits = self._standards(epoch, panel.roster)
            verdict = judge(panel, baseline, limits, first=left, incidents=incidents, detector=self._detector)
            incidents = verdict.incidents
            verdicts.append(verdict)
        return verdicts, rejoined(incidents, aside)

    def _without_lost(self, incidents: Incidents, *, ended: datetime) -> Incidents:
        """Return the incidents in which surges are over whose series count under another name now."""
        if not incidents.active:
            return incidents
        rows = self._store.roster().rows

        def over(surge: Surge) -> Surge:
            is_lost = surge.is_open and surge.series not in rows
            return replace(surge, ended=ended) if is_lost else surge

        active = (
            replace(incident, surges=tuple(over(surge) for surge in incident.surges))
            for incident in incidents.active
        )
        return replace(incidents, active=tuple(active))

    def _standards(self, epoch: int, roster: Roster) -> tuple[Baseline, Limits]:
        """Return what the series of a roster are judged by; the same as last time while neither epoch nor roster change."""
        fitted, last = self.refit(epoch=epoch), self._last
        tail = self.calibrated(week=self._detector.week_of(epoch)).tail
        if (
            last is None
            or last.fitted is not fitted
            or last.tail is not tail
            or last.limits.roster.keys != roster.keys
        ):
            baseline = fitted.for_roster(roster)
            last = self._last = _Standards(fitted, tail, baseline, self._detector.limits(baseline, tail=tail))
        return last.baseline, last.limits

    def _epochs(self, first: int, until: int) -> list[tuple[int, int]]:
        per_hour = 3600 // seconds(self._detector.step)
        edges = [first, *range((first // per_hour + 1) * per_hour, until, per_hour), until]
        return list(pairwise(edges))


def _named(incidents: Incidents) -> tuple[SeriesKey, ...]:
    """Return the series of all incidents, which have a row as long as there is something to tell of them."""
    return tuple(surge.series for incident in incidents.active for surge in incident.surges)


def _log_late(arrears: Arrears, step: timedelta) -> None:
    for service, (first, stop) in arrears.due.items():
        fields = {"service": service, "since": bucket_start(first, step).isoformat()}
        until = bucket_start(max(first, min(stop, arrears.stop)), step).isoformat()
        log.info("judged_late", extra={**fields, "until": until, "is_all": stop <= arrears.stop})


def _log_notice(notice: Notice) -> None:
    facts = notice.facts
    log.info(
        "incident_%s",
        notice.reason.value,
        extra={
            "incident": notice.incident,
            "service": facts.service or "*",
            "severity": facts.severity.value,
            "observed": facts.lead.observed,
            "expected": round(facts.lead.expected, 1),
            "score": round(facts.lead.score, 2),
            "at": notice.at.isoformat(),
        },
    )
