"""The cycle: from committed counts to incidents, notices and a snapshot.

`judge` is the pure pipeline, one bucket after the other; the daemon and the backtest both call it. `Cycle` is the
daemon's side: it reads the store, keeps the baseline of the running epoch, and commits what changed in one transaction.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import pairwise

import numpy as np

from spikewatch.calibrating import Rehearsal, replayed_peaks
from spikewatch.core.baseline import Baseline, History, cutoff_hour, fit, recent_hour
from spikewatch.core.budget import limits_of, rules_of
from spikewatch.core.calendars import Calendar
from spikewatch.core.calibration import VERSION, Calibration, Tail
from spikewatch.core.counts import Panel, Roster, SeriesKey, build_panel
from spikewatch.core.events import Mask
from spikewatch.core.explaining import explain, learned_by
from spikewatch.core.explanations import Explanation
from spikewatch.core.incidents import Change, Incident, Incidents, Rules, advance, ended_surges, open_surges
from spikewatch.core.notices import Notice, facts_of, notice_of, why_tell
from spikewatch.core.outbox import Delivery
from spikewatch.core.scoring import Assessment, Limits, assess
from spikewatch.core.settings import DetectionSettings, SeriesRule, ServiceSettings, rule_for
from spikewatch.core.snapshot import Snapshot, WindowReadings
from spikewatch.core.surges import Surge, buckets_since_rise, follow
from spikewatch.core.timegrid import HOUR, Grid, bucket_number, bucket_start, seconds
from spikewatch.core.windows import remembered_from
from spikewatch.coverage import GRACE, Coverage
from spikewatch.picturing import Album, with_courses
from spikewatch.ports import CycleCommit, JudgeState, SourceState, Store

log = logging.getLogger(__name__)

WEEK_HOURS = 7 * 24
CALIBRATED_AHEAD_HOURS = 24
"""A week's calibration looks at nothing newer than this before the week, so that it is ready when the week begins."""


@dataclass(frozen=True)
class Detector:
    """The settings of detection with everything that follows from them.

    history  how far back a baseline learns, a whole number of hours
    name     makes the id of a new incident from its number, service and opening
    masks    what labels say is not learnt from; the calendar's events are added
    """

    calendar: Calendar
    step: timedelta
    history: timedelta
    detection: DetectionSettings
    services: dict[str, ServiceSettings]
    name: Callable[[int, str | None, datetime], str]
    masks: tuple[Mask, ...] = ()

    @property
    def longest(self) -> int:
        """The longest window in buckets."""
        return max(1, self.detection.windows[-1] // self.step)

    def reach(self, first: int) -> int:
        """Return the first bucket that judging from bucket `first` on looks at."""
        return remembered_from(first, longest=self.longest, step=self.step)

    def epoch_of(self, bucket: int) -> int:
        """Return the epoch (hour number) whose baseline judges a bucket."""
        return bucket * seconds(self.step) // 3600

    def first_hour(self, epoch: int) -> int:
        """Return the first hour that the baseline of an epoch learns from."""
        return self.last_hour(epoch) - self.history // HOUR

    def last_hour(self, epoch: int) -> int:
        """Return the hour before which the baseline of an epoch learns."""
        return cutoff_hour(epoch, longest_window=self.detection.windows[-1])

    def fit(self, history: History, *, epoch: int) -> Baseline:
        """Return the baseline of an epoch; history beyond its reach is left out, and so are hours known by then as odd."""
        past = history.before(recent_hour(epoch), hours=recent_hour(epoch) - self.first_hour(epoch))
        return fit(
            past.without(self.masks_known(epoch)),
            calendar=self.calendar,
            model=self.detection.model,
            epoch=epoch,
            learn_until=self.last_hour(epoch),
        )

    def masks_known(self, epoch: int) -> tuple[Mask, ...]:
        """Return the masks that were known when the hour of an epoch began."""
        now = bucket_start(epoch, HOUR)
        announced = (event.mask for event in self.calendar.events)
        return tuple(mask for mask in (*announced, *self.masks) if mask.known_from <= now)

    def week_of(self, epoch: int) -> int:
        """Return the week (since the epoch, in UTC) whose calibration judges an hour."""
        return epoch // WEEK_HOURS

    def calibrated_hours(self, week: int) -> tuple[int, int]:
        """Return the hours `[first, stop)` that the calibration of a week is made of: it can be made a day ahead."""
        stop = week * WEEK_HOURS - CALIBRATED_AHEAD_HOURS
        return stop - self.history // HOUR, stop

    def calibrate(self, history: History, panel_of: Callable[[int, int], Panel], *, week: int) -> Calibration:
        """Return the calibration of a week from a replay of the past; history beyond its reach is left out.

        panel_of  returns the counts of buckets `[first, stop)` with the roster of the history, late tickets left out
        """
        first, stop = self.calibrated_hours(week)
        rehearsal = Rehearsal(
            calendar=self.calendar,
            model=self.detection.model,
            windows=self.detection.windows,
            rules=self.rules(history.hourly.roster),
        )
        past = history.before(stop, hours=stop - first).without(self.masks_known(stop))
        peaks = replayed_peaks(past, rehearsal, hours=stop - first, panel_of=panel_of)
        return Calibration(week, self.standing, peaks)

    @property
    def learning(self) -> tuple[object, ...]:
        """All that a baseline depends on beside counts and labels."""
        longest = self.detection.windows[-1]
        return (self.calendar, self.step, self.history, self.detection.model, longest, self.masks)

    @cached_property
    def standing(self) -> str:
        """A digest of all that a calibration depends on beside counts and labels: a new label tells on the next one."""
        aside = {"rules", "runbook", "channel", "critical_score"}
        words = [
            f"version {VERSION}",
            self.detection.model_dump_json(exclude={"false_alarms_per_week", "critical_score"}),
            *(
                f"{name}:{rule.model_dump_json(exclude={**dict.fromkeys(aside, True), 'categories': {'__all__': aside}})}"
                for name, rule in sorted(self.services.items())
            ),
            str((self.calendar.zone.key, sorted(self.calendar.days_off), self.history, self.step)),
            *map(repr, self.calendar.events),
        ]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()

    def rules(self, roster: Roster) -> tuple[SeriesRule, ...]:
        """Return the rule of each series."""
        return rules_of(roster, detection=self.detection, services=self.services)

    def explain(
        self, assessment: Assessment, baseline: Baseline, series: SeriesKey, *, column: int
    ) -> Explanation:
        """Return why a series did or did not alert at a judged bucket; late tickets are not looked for."""
        return explain(
            assessment.until(column),
            baseline,
            series=series,
            learned=learned_by(baseline, series),
            rule=rule_for(*series, detection=self.detection, services=self.services),
        )

    def limits(
        self, baseline: Baseline, *, tail: Tail | None = None, rules: Sequence[SeriesRule] | None = None
    ) -> Limits:
        """Return what each series must reach.

        tail   of the fleet's past; without it the cut-offs are provisional
        rules  those of the baseline's roster, where they were kept
        """
        return limits_of(baseline, detection=self.detection, services=self.services, rules=rules, tail=tail)


@dataclass(frozen=True)
class Verdict:
    """What judging some buckets came to: the incidents as they are now, those that changed, and what is to be told.

    baseline  what they were judged by, with the assessment that came of it
    """

    incidents: Incidents
    changed: tuple[Incident, ...]
    notices: tuple[Notice, ...]
    assessment: Assessment
    baseline: Baseline


def judge(
    panel: Panel,
    baseline: Baseline,
    limits: Limits,
    *,
    first: int,
    incidents: Incidents,
    detector: Detector,
) -> Verdict:
    """Judge the buckets from `first` to the panel's end, one after the other.

    Panel, baseline and limits share one roster; all buckets belong to the baseline's epoch; the panel reaches back to
    `Detector.reach`. Before the baseline is warm only static rules are judged.
    """
    assessment = assess(panel, baseline, limits, first=first, windows=detector.detection.windows)
    budget = detector.detection.false_alarms_per_week
    changed: dict[str, Incident] = {}
    notices: list[Notice] = []
    rules = Rules(critical_score=critical_scores(limits), name=detector.name)

    def rules_at(column: int) -> Rules:
        return replace(rules, explain=partial(detector.explain, assessment, baseline, column=column))

    for turn in turns(assessment, incidents=incidents, warm=baseline.warm, rules_at=rules_at):
        incidents = turn.incidents
        changed.update({change.after.id: change.after for change in turn.changes})
        for change in turn.changes:
            reason = why_tell(change)
            if reason is not None:
                notices.append(
                    notice_of(
                        change,
                        reason,
                        assessment=assessment,
                        column=turn.column,
                        at=assessment.end_of(turn.column),
                        budget=budget,
                    )
                )
    return Verdict(incidents, tuple(changed.values()), tuple(notices), assessment, baseline)


@dataclass(frozen=True, slots=True)
class Turn:
    """One judged bucket (by its column in the assessment): the incidents after it, and what it changed."""

    column: int
    incidents: Incidents
    changes: tuple[Change, ...]


def turns(
    assessment: Assessment,
    *,
    incidents: Incidents,
    warm: bool,
    rules_at: Callable[[int], Rules],
) -> Iterator[Turn]:
    """Yield each judged bucket at which something surges or an incident is not closed yet, one after the other.

    incidents  as they were before the first judged bucket
    warm       False: only static rules alert
    rules_at   what the life of an incident depends on at a column
    """
    alerting, roster = assessment.alerting(warm=warm), assessment.limits.roster
    for column in range(assessment.n_judged):
        risen_rows = np.flatnonzero(alerting[:, column])
        if not len(risen_rows) and not incidents.active:
            continue
        now = assessment.end_of(column)
        lasting, ended = open_surges(incidents), ended_surges(incidents)
        followed = {key: _followed(surge, assessment, column, now) for key, surge in lasting.items()}
        risen = [
            _risen(assessment, int(row), column, now, after=ended.get(roster.keys[row]))
            for row in risen_rows
            if roster.keys[row] not in lasting
        ]
        incidents, changes = advance(
            incidents, followed=followed, risen=risen, rules=rules_at(column), now=now
        )
        yield Turn(column, incidents, changes)


def critical_scores(limits: Limits) -> Callable[[SeriesKey], float]:
    """Return the score at which each series of the limits' roster is critical."""

    def critical_score(series: SeriesKey) -> float:
        return float(limits.critical_score[limits.roster.rows[series]])

    return critical_score


def _followed(surge: Surge, assessment: Assessment, column: int, now: datetime) -> Surge:
    row = assessment.limits.roster.rows[surge.series]
    return follow(
        surge,
        assessment.reading(row, column) if assessment.is_known(row, column) else None,
        bucket_end=now,
        step=assessment.step,
        excess=_excess(assessment, row, column),
    )


def _excess(assessment: Assessment, row: int, column: int, *, buckets: int = 1) -> float:
    stop = assessment.windows[-1] + column
    part = slice(stop - buckets, stop)
    return float(assessment.counts[row, part].sum() - assessment.mean[row, part].sum())


def _risen(assessment: Assessment, row: int, column: int, now: datetime, *, after: datetime | None) -> Surge:
    """Return the surge that opens; it began after the series' last one ended, so that no ticket is told twice."""
    reading = assessment.reading(row, column)
    if reading is None:  # pragma: no cover -- a score of 1 comes from a judged window
        message = f"series {row} scored without a reading"
        raise AssertionError(message)
    newest = slice(column, assessment.windows[-1] + column)
    buckets = buckets_since_rise(assessment.counts[row, newest], assessment.mean[row, newest])
    if after is not None:
        buckets = min(buckets, (now - after) // assessment.step)
    return Surge(
        series=assessment.limits.roster.keys[row],
        began=now - buckets * assessment.step,
        opened_at=now,
        joined=reading,
        now=reading,
        peak=reading,
        last_surging=now,
        excess=_excess(assessment, row, column, buckets=buckets),
    )


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

        While a recount is going on nothing is judged; after it all that was learnt before is learnt again.
        """
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
        if first >= until:
            if self.snapshot is None:
                self.snapshot = self._restored(state, sources)
            return 0
        verdicts = self._judge(first, until, state, sources)
        incidents = verdicts[-1].incidents
        notices = self._pictured([notice for verdict in verdicts for notice in verdict.notices], sources)
        changed = {incident.id: incident for verdict in verdicts for incident in verdict.changed}
        self._store.commit_cycle(
            CycleCommit(
                state=JudgeState(until, incidents),
                changed=tuple(changed.values()),
                deliveries=tuple(self._plan(notices, now)),
            )
        )
        before = {incident.id: incident for incident in state.incidents.active}
        for incident in changed.values():
            self._on_change(Change(before.get(incident.id), incident))
        for notice in notices:
            _log_notice(notice)
        self.snapshot = self._look(verdicts[-1].assessment, incidents, until=until, sources=sources)
        return until - first

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
                history = load_history(self._store, self._detector, epoch=epoch)
                fitted = labelled(self._detector, self._store).fit(history, epoch=epoch)
                if before.is_pending or self._store.recounts() != before:
                    return fitted  # counted anew meanwhile: good for nothing but an answer
                kept = {other: baseline for other, baseline in self._baselines.items() if other >= epoch - 1}
                self._baselines = {**kept, epoch: fitted}
            return self._baselines[epoch]

    def calibrated(self, *, week: int) -> Calibration:
        """Return the calibration of a week: kept, or made now from the past and kept."""
        standing = self._calibrations.get(week)
        if standing is not None:
            return standing
        with self._calibrating:
            if week not in self._calibrations:
                made = self._store.calibration(week=week)
                if made is None or made.settings != self._detector.standing:
                    made = self._calibrate(week)
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
        history = _load_hours(self._store, self._detector, first=first, stop=stop)
        roster = history.hourly.roster

        def panel_of(first: int, until: int) -> Panel:
            grid = Grid(self._detector.step, first, until - first)
            return _load_grid(self._store, grid, sources=sources, roster=roster, dtype=np.int32)

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

    def _restored(self, state: JudgeState, sources: Mapping[str, SourceState]) -> Snapshot | None:
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
        )
        baseline, limits = self._standards(self._detector.epoch_of(last), panel.roster)
        assessment = assess(panel, baseline, limits, first=last, windows=self._detector.detection.windows)
        return self._look(assessment, state.incidents, until=state.judged_until, sources=sources)

    def _judgeable(self, sources: Mapping[str, SourceState], *, is_first: bool) -> int | None:
        """Return the bucket to judge up to; before anything was judged every source is waited for, for all learn once."""
        coverage = Coverage(sources, {}, self._grace)
        if coverage.until is None or (is_first and not coverage.is_first_read):
            return None
        return bucket_number(coverage.until, self._detector.step)

    def _judge(
        self, first: int, until: int, state: JudgeState, sources: Mapping[str, SourceState]
    ) -> list[Verdict]:
        incidents = state.incidents
        if incidents.active:
            ended = bucket_start(first, self._detector.step)
            incidents = _without_lost(incidents, roster=self._store.roster(), ended=ended)
        verdicts = []
        for left, right in self._epochs(first, until):
            epoch = self._detector.epoch_of(left)
            self.refit(epoch=epoch)
            panel = load_panel(
                self._store,
                self._detector,
                first=left,
                until=right,
                sources=sources,
                named=_named(incidents),
            )
            baseline, limits = self._standards(epoch, panel.roster)
            verdict = judge(panel, baseline, limits, first=left, incidents=incidents, detector=self._detector)
            incidents = verdict.incidents
            verdicts.append(verdict)
        return verdicts

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

    def _look(
        self,
        assessment: Assessment,
        incidents: Incidents,
        *,
        until: int,
        sources: Mapping[str, SourceState],
    ) -> Snapshot:
        roster, column = assessment.limits.roster, assessment.n_judged - 1
        opened, closed = self._store.incident_totals()
        totals = self._store.ticket_totals()
        surging, ended = open_surges(incidents), bucket_start(until, self._detector.step)
        budget = self._detector.detection.false_alarms_per_week
        return Snapshot(
            roster=roster,
            judged_until=ended,
            readings=_window_readings(assessment, column),
            surging=np.array([key in surging for key in roster.keys], dtype=np.bool_),
            learned=np.asarray(assessment.judged[:, :, column].any(axis=1)),
            incidents=incidents.active,
            facts=tuple(
                facts_of(incident, assessment=assessment, column=column, at=ended, budget=budget)
                for incident in incidents.active
            ),
            opened_total=opened,
            closed_total=closed,
            tickets_total=np.array([totals.get(key, 0) for key in roster.keys], dtype=np.int64),
            watermarks={name: state.watermark for name, state in sources.items()},
        )


def _without_lost(incidents: Incidents, *, roster: Roster, ended: datetime) -> Incidents:
    """Return the incidents in which surges are over whose series count under another name now."""

    def over(surge: Surge) -> Surge:
        is_lost = surge.is_open and surge.series not in roster.rows
        return replace(surge, ended=ended) if is_lost else surge

    active = (
        replace(incident, surges=tuple(over(surge) for surge in incident.surges))
        for incident in incidents.active
    )
    return replace(incidents, active=tuple(active))


def _named(incidents: Incidents) -> tuple[SeriesKey, ...]:
    """Return the series of all incidents, which have a row as long as there is something to tell of them."""
    return tuple(surge.series for incident in incidents.active for surge in incident.surges)


def labelled(detector: Detector, store: Store) -> Detector:
    """Return the detector with what labels in the store say is not to be learnt from."""
    masks = (noted.label.mask for noted in store.labels())
    return replace(detector, masks=(*detector.masks, *(mask for mask in masks if mask is not None)))


def load_panel(
    store: Store,
    detector: Detector,
    *,
    first: int,
    until: int,
    sources: Mapping[str, SourceState],
    named: Iterable[SeriesKey] = (),
) -> Panel:
    """Read from the store what judging buckets `[first, until)` looks at; late tickets are left out.

    named  series that have a row even where the store does not know them any more
    """
    reach = detector.reach(first)
    return _load_grid(store, Grid(detector.step, reach, until - reach), sources=sources, named=named)


def _load_grid(
    store: Store,
    grid: Grid,
    *,
    sources: Mapping[str, SourceState],
    roster: Roster | None = None,
    named: Iterable[SeriesKey] = (),
    dtype: type[np.integer] = np.int64,
) -> Panel:
    """Read the counts of a grid without late tickets, for a roster or for that of the moment."""
    cells = store.counts(first=grid.first, stop=grid.stop)
    wanted = cells.roster.with_(named) if roster is None else roster
    row = cells.row if wanted.keys == cells.roster.keys else cells.roster.rows_in(wanted)[cells.row]
    return build_panel(
        wanted,
        grid,
        np.stack([row, cells.bucket, cells.tickets - cells.late], axis=1),
        known=Coverage.of(store, sources).known(wanted, grid),
        dtype=dtype,
    )


def load_history(store: Store, detector: Detector, *, epoch: int) -> History:
    """Read from the store what the baseline of an epoch learns from."""
    return _load_hours(store, detector, first=detector.first_hour(epoch), stop=recent_hour(epoch))


def _load_hours(store: Store, detector: Detector, *, first: int, stop: int) -> History:
    per_hour = 3600 // seconds(detector.step)
    hours = Grid(HOUR, first, stop - first)
    buckets = Grid(detector.step, first * per_hour, hours.length * per_hour)
    cells = store.counts(first=buckets.first, stop=buckets.stop)
    roster = cells.roster
    busiest = np.bincount(cells.bucket // per_hour - first, weights=cells.tickets, minlength=1).max()
    panel = build_panel(
        roster,
        hours,
        np.stack([cells.row, cells.bucket // per_hour, cells.tickets], axis=1),
        known=Coverage.of(store).known(roster, hours),
        # a large fleet's history is most of the memory, and no cell exceeds the busiest hour of all
        dtype=np.uint16 if busiest <= np.iinfo(np.uint16).max else np.int32,
    )
    services = np.zeros((len(roster.services), buckets.length), dtype=np.int32)
    np.add.at(services, (roster.service_of[cells.row], cells.bucket - buckets.first), cells.tickets)
    return History(panel, buckets, services)


def _window_readings(assessment: Assessment, column: int) -> dict[int, WindowReadings]:
    readings = {}
    for place, width in enumerate(assessment.windows):
        window = width * assessment.step
        readings[int(window.total_seconds() // 60)] = WindowReadings(
            window=window,
            observed=assessment.observed[:, place, column],
            expected=assessment.expected[:, place, column],
            upper=assessment.upper(place, column),
            score=assessment.score[:, place, column],
            judged=assessment.judged[:, place, column],
        )
    return readings


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


def said_aloud(number: int, _service: str | None, _opened_at: datetime) -> str:
    """Return the id of an incident in life: short enough to be said on the phone."""
    return f"SW-{number}"
