"""Running: the daemon's judging, which keeps what was learnt and commits what changed in one transaction."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

from spikewatch.core.baseline import Baseline
from spikewatch.core.calibration import Calibration
from spikewatch.core.counts import SeriesKey
from spikewatch.core.incidents import Change, Incidents
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.core.scoring import assess
from spikewatch.core.snapshot import Snapshot
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import HOUR, bucket_number, bucket_start
from spikewatch.coverage import GRACE, Coverage
from spikewatch.cycle.arrears import MOST_HOURS, SERIES_HOURS, Arrears, parted, rejoined, waits
from spikewatch.cycle.detector import Detector
from spikewatch.cycle.judging import Verdict, judge
from spikewatch.cycle.late import judge_late
from spikewatch.cycle.learning import Learning
from spikewatch.cycle.loading import load_panel
from spikewatch.cycle.looking import snapshot_of
from spikewatch.picturing import Album, with_courses
from spikewatch.ports import CycleCommit, JudgeState, SourceState, Store

log = logging.getLogger(__package__)


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
        self._learning = Learning(store, detector)
        self.snapshot: Snapshot | None = None

    @property
    def detector(self) -> Detector:
        """What it judges with."""
        return self._detector

    def follow(self, before: "Cycle") -> None:
        """Take over from a cycle of other settings what they leave as it is, and make ready what they change.

        The one before may go on judging meanwhile. Raises Fault where the store fails.
        """
        self._learning.follow(before._learning)  # noqa: SLF001 -- its own kind

    def run(self, *, now: datetime) -> int:
        """Judge every finished bucket that has not been judged, commit, and return how many buckets there were.

        Buckets that were judged while a service was unknown are judged for it first, as soon as it is known: some hours of
        them at a time, and until it has caught up the service stays unknown. While a recount is going on nothing is judged;
        after it all that was learnt before is learnt again.
        """
        recounts = self._store.recounts()
        if recounts.is_pending:
            return 0
        self._learning.forget_before(recounts)
        sources = self._store.source_states()
        state = self._worth_judging(self._store.judge_state())
        until = self._judgeable(sources, is_first=state.judged_until is None)
        if until is None:
            return 0
        first = until - 1 if state.judged_until is None else state.judged_until
        coverage = Coverage.of(self._store, sources, grace=self._grace)
        step = self._detector.step
        due = coverage.due(state.behind, judged_until=state.judged_until or 0, step=step)
        arrears = Arrears.of(due, most=self._hours_at_once() * HOUR // step if due else 0)
        if first >= until and not arrears.due:
            if self.snapshot is None:
                self.snapshot = self._restored(state, sources, hidden=arrears.left)
            return 0
        incidents = self._without_lost(state.incidents, ended=bucket_start(first, step))
        late, incidents = judge_late(
            arrears,
            incidents,
            store=self._store,
            detector=self._detector,
            sources=sources,
            tail_of=self._learning.tail_of,
        )
        if late and not arrears.left:
            self._learning.forget_baselines()
        behind = arrears.after(state.behind, judged_until=first)
        if first < until:
            behind = self._behind(coverage, behind, first=first, until=until)
        present, incidents = self._judge(first, until, incidents, sources, hidden=arrears.left, behind=behind)
        after = JudgeState(max(first, until), incidents, behind)
        self._commit(after, [*late, *present], before=state, sources=sources, now=now)
        _log_late(arrears, step)
        if present:
            self.snapshot = snapshot_of(
                self._store, self._detector, present[-1].assessment, incidents, until=until, sources=sources
            )
        else:
            self.snapshot = self._restored(after, sources, hidden=arrears.left)
        return sum(verdict.assessment.n_judged for verdict in (*late, *present))

    def _commit(
        self,
        state: JudgeState,
        verdicts: Sequence[Verdict],
        *,
        before: JudgeState,
        sources: Mapping[str, SourceState],
        now: datetime,
    ) -> None:
        """Commit what the verdicts came to, then say it."""
        notices = self._pictured([notice for verdict in verdicts for notice in verdict.notices], sources)
        changed = {incident.id: incident for verdict in verdicts for incident in verdict.changed}
        deliveries = tuple(self._plan(notices, now))
        self._store.commit_cycle(CycleCommit(state, changed=tuple(changed.values()), deliveries=deliveries))
        known = {incident.id: incident for incident in before.incidents.active}
        for incident in changed.values():
            self._on_change(Change(known.get(incident.id), incident))
        for notice in notices:
            _log_notice(notice)

    def _pictured(self, notices: Sequence[Notice], sources: Mapping[str, SourceState]) -> Sequence[Notice]:
        """Return the notices with what they show of the last hours."""
        album = self._album(sources) if notices else None
        return notices if album is None else with_courses(notices, album)

    def album(self) -> Album | None:
        """Return what pictures of this moment are made of; None before anything was judged."""
        return self._album(self._store.source_states())

    def _album(self, sources: Mapping[str, SourceState]) -> Album | None:
        baseline = self._learning.newest
        if baseline is None:
            return None
        since, until = Coverage(sources, {}, self._grace).whole
        return Album(self._store, baseline, self._detector.step, since=since, until=until)

    def refit(self, *, epoch: int) -> Baseline:
        """Fit the baseline of an epoch unless it stands, and keep it with the one before."""
        return self._learning.refit(epoch=epoch)

    def is_fitted(self, epoch: int) -> bool:
        """Tell whether the baseline of an epoch stands."""
        return self._learning.is_fitted(epoch)

    def next_epoch(self) -> int | None:
        """Return the epoch whose baseline is wanted next and can be fitted already; None where nothing can be judged."""
        return self._learning.next_epoch()

    def calibrated(self, *, week: int) -> Calibration:
        """Return the calibration of a week: kept, or made now from the past and kept."""
        return self._learning.calibrated(week=week)

    def calibrate_ahead(self) -> bool:
        """Make next week's calibration as soon as all it looks at has been judged; tell whether it was made now."""
        return self._learning.calibrate_ahead()

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
        baseline, limits = self._learning.standards(self._detector.epoch_of(last), panel.roster)
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

    def _hours_at_once(self) -> int:
        """Return how many hours of the past to judge in one go: the more series, the longer each of them takes."""
        return min(MOST_HOURS, max(1, SERIES_HOURS // max(1, len(self._store.roster()))))

    def _worth_judging(self, state: JudgeState) -> JudgeState:
        """Return the state without what baselines would not learn from any more: nobody judges that again."""
        oldest = (state.judged_until or 0) - self._detector.history // self._detector.step
        behind = {service: max(first, oldest) for service, first in state.behind.items()}
        return replace(state, behind=behind)

    def _behind(
        self, coverage: Coverage, behind: Mapping[str, int], *, first: int, until: int
    ) -> dict[str, int]:
        """Return which services are behind once buckets `[first, until)` have been judged, of those that there are."""
        left = {}
        for service in self._store.roster().services if len(coverage.sources) > 1 else ():
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
        behind: Mapping[str, int],
    ) -> tuple[list[Verdict], Incidents]:
        """Judge the present; return the verdicts and all incidents afterwards.

        hidden  services that are taken as unknown until they have caught up
        behind  by service the bucket from which on it is unknown
        """
        named = _named(incidents)
        verdicts = []
        edges = sorted(
            {first, *(edge for edge in behind.values() if first < edge < until), max(first, until)}
        )
        for start, stop in pairwise(edges):
            unknown = {service for service, edge in behind.items() if edge <= start}
            aside, incidents = parted(incidents, partial(waits, hidden=hidden, unknown=unknown))
            for left, right in self._detector.epochs(start, stop):
                epoch = self._detector.epoch_of(left)
                panel = load_panel(
                    self._store,
                    self._detector,
                    first=left,
                    until=right,
                    sources=sources,
                    named=(*named, *_named(incidents)),
                    is_shown=lambda service: service not in hidden,
                )
                baseline, limits = self._learning.standards(epoch, panel.roster)
                verdict = judge(
                    panel, baseline, limits, first=left, incidents=incidents, detector=self._detector
                )
                incidents = verdict.incidents
                verdicts.append(verdict)
            incidents = rejoined(incidents, aside)
        return verdicts, incidents

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
