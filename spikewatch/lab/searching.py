"""Searching: from a replay that was watched to settings that would have been better, noisiest series first.

A value is chosen week by week: each week is left out in turn, the value is chosen on the others, and what it saves on the
week that was left out counts. What wins is measured again with thresholds of its own before it is taken over, and what
comes after it is measured beside it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from spikewatch.core.calibration import Tail
from spikewatch.core.counts import ALL, FLEET, Floats, SeriesKey
from spikewatch.core.incidents import Incident
from spikewatch.core.surges import Surge
from spikewatch.cycle import Detector
from spikewatch.lab.keeping import Keeping
from spikewatch.lab.knobs import Change, Target, changed, changes_for, without_a_window
from spikewatch.lab.rejudging import Watched
from spikewatch.lab.replay import Recording, Replayed, history_of, replay
from spikewatch.lab.yardstick import Effect, Outcome, Yardstick, effect

MOST_TARGETS = 10
"""The noisiest series and services that are looked at one by one: what is left after them is the budget's own."""

LEAST_ALARMS = 2
"""False alarms of a series from which on it may get a setting of its own: one is bad luck."""

LEAST_GAIN = 2.0
"""False alarms, or what counts as many, that a proposal saves on weeks it was not chosen on, at least."""

LEAST_WINS = 2
"""Weeks on which it was not chosen that a proposal wins, at least: one may be odd."""


LEAST_SURE = 1.5
"""What a proposal saves over its own scatter between the weeks, at least: three weeks alike make 1.7, two make 1.4."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One setting that is better as something else.

    effect  beside the proposals before it, with thresholds measured anew
    gain    false alarms, or what counts as many, that it saved on weeks on which it was not chosen
    wins    how many of the `weeks` those were
    """

    change: Change
    target: Target
    effect: Effect
    gain: float
    wins: int
    weeks: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen among some values, the first of which is that of today.

    place  of the choice; 0 where nothing else is better
    gains  (n_weeks,) what was saved on each week by what was chosen on the others
    """

    place: int
    gains: Floats

    @property
    def wins(self) -> int:
        """Weeks that came out better."""
        return int((self.gains > 0).sum())

    @property
    def holds(self) -> bool:
        """Whether it wins where it was not chosen."""
        losses = int((self.gains < 0).sum())
        gain, scatter = float(self.gains.sum()), float(np.sqrt((self.gains**2).sum()))
        enough = gain >= LEAST_GAIN and self.wins >= LEAST_WINS
        return self.place > 0 and enough and self.wins > losses and gain >= LEAST_SURE * scatter


def choose(costs: Floats) -> Choice:
    """Return the choice among values by their costs (n_values, n_weeks); of equals the first.

    >>> choose(np.array([[4.0, 4.0, 4.0], [1.0, 2.0, 1.0]])).holds
    True
    >>> choose(np.array([[4.0, 4.0, 4.0], [0.0, 5.0, 5.0]])).holds  # one odd week
    False
    """
    total = costs.sum(axis=1)
    picked = (total[:, None] - costs).argmin(axis=0)
    return Choice(int(total.argmin()), costs[0] - costs[picked, np.arange(costs.shape[1])])


@dataclass
class Search:
    """Settings while they are being improved; `run` once.

    detector  as it is now, with what has been taken over
    now       what that is worth
    tried     how many settings were measured
    """

    recording: Recording
    detector: Detector
    watched: Watched
    stick: Yardstick
    replayed: Replayed
    since: datetime | None
    now: Outcome
    proposals: list[Proposal] = field(default_factory=list)
    tried: int = 0
    _tails: dict[str, Mapping[int, Tail | None]] = field(default_factory=dict)

    def run(self, *, on_progress: Callable[[float], None] = lambda _: None) -> None:
        """Improve series after series, then what holds for all of them."""
        self._tails[self.detector.standing] = self.watched.tails
        targets = [*self._targets(), self._fleet()]
        for number, target in enumerate(targets):
            on_progress(number / (len(targets) + 1))
            if self._is_worth_more:
                self._improve(target)
        on_progress(len(targets) / (len(targets) + 1))
        if isinstance(self.detector, Keeping) and self._is_worth_more:
            self._improve_windows()

    @property
    def _is_worth_more(self) -> bool:
        return bool(self.now.cost.sum() >= LEAST_GAIN)

    def _improve(self, target: Target) -> None:
        """Take over the change that wins, if one does."""
        changes = list(changes_for(target, self.detector))
        tails = self._tails_of(self.detector)
        costs = [self._outcome(changed(self.detector, change), tails).cost for change in changes]
        self.tried += len(changes)
        choice = choose(np.stack([self.now.cost, *costs]))
        if choice.holds:
            change = changes[choice.place - 1]
            detector = changed(self.detector, change)
            self._take(target, change, choice, detector, self._outcome(detector, self._tails_of(detector)))

    def _improve_windows(self) -> None:
        opened = Counter(surge.joined.window_minutes for surge in self._fleet().surges)
        noisy = {timedelta(minutes=minutes) for minutes, number in opened.items() if number >= LEAST_ALARMS}
        changes = [change for change in without_a_window(self.detector) if change.leaves_out(noisy)]
        if not changes:
            return
        detectors = [changed(self.detector, change) for change in changes]
        outcomes = [self.stick.outcome(replay(self.recording, each, since=self.since)) for each in detectors]
        self.tried += len(changes)
        choice = choose(np.stack([self.now.cost, *(outcome.cost for outcome in outcomes)]))
        if choice.holds:
            place = choice.place - 1
            self._take(self._fleet(), changes[place], choice, detectors[place], outcomes[place])

    def _take(
        self, target: Target, change: Change, choice: Choice, detector: Detector, after: Outcome
    ) -> None:
        """Take over a change where it wins with thresholds measured anew, too."""
        gains = self.now.cost - after.cost
        if gains.sum() < LEAST_GAIN or (gains > 0).sum() < LEAST_WINS:
            return
        self.proposals.append(
            Proposal(
                change,
                target,
                effect(self.now, after),
                gain=float(choice.gains.sum()),
                wins=choice.wins,
                weeks=self.stick.n_weeks,
            )
        )
        self.detector, self.now = detector, after

    def _outcome(self, detector: Detector, tails: Mapping[int, Tail | None]) -> Outcome:
        return self.stick.outcome(self.watched.under(detector, tails=tails))

    def _tails_of(self, detector: Detector) -> Mapping[int, Tail | None]:
        """Return what the cut-offs of each week follow from under these settings, measured once."""
        found = self._tails.get(detector.standing)
        if found is None:
            history = history_of(self.recording.panel)
            found = {
                week: detector.calibrate(history, self.recording.panel.cut, week=week).tail
                for week in self.watched.tails
            }
            self._tails[detector.standing] = found
        return found

    # -- what to look at

    def _false(self) -> Sequence[Incident]:
        told = (incident for incident in self.replayed.incidents if incident.merged_into is None)
        return [incident for incident in told if not self.stick.about(incident)]

    def _fleet(self) -> Target:
        false = self._false()
        return Target(FLEET, tuple(surge for incident in false for surge in _openers(incident)), len(false))

    def _targets(self) -> Sequence[Target]:
        """Return what is noisy, most of all first, and what was missed."""
        surges: dict[SeriesKey, list[Surge]] = {}
        alarms: Counter[SeriesKey] = Counter()
        for incident in self._false():
            began: dict[SeriesKey, list[Surge]] = {}
            for surge in _openers(incident):
                for key in {surge.series, SeriesKey(surge.series.service, ALL)}:
                    began.setdefault(key, []).append(surge)
            for key, those in began.items():
                surges.setdefault(key, []).extend(those)
            alarms.update(began.keys())
        missed = self._missed()
        worth = {key for key, number in alarms.items() if number >= LEAST_ALARMS} | missed.keys()
        ordered = sorted(
            (key for key in worth if not key.is_fleet),
            key=lambda key: (-alarms[key], -missed[key], key.is_rollup, key),
        )
        return [
            Target(key, tuple(surges.get(key, ())), alarms[key], missed[key])
            for key in ordered[:MOST_TARGETS]
        ]

    def _missed(self) -> Counter[SeriesKey]:
        """Return how many real incidents of each series are not told."""
        missed: Counter[SeriesKey] = Counter()
        known = self.recording.panel.roster.rows
        for labels, minutes in zip(self.stick.real, self.now.minutes, strict=True):
            if np.isinf(minutes):
                keys = {SeriesKey(label.service or ALL, label.category or ALL) for label in labels}
                missed.update(keys & known.keys())
        return missed


def _openers(incident: Incident) -> Sequence[Surge]:
    first = min(surge.opened_at for surge in incident.surges)
    return [surge for surge in incident.surges if surge.opened_at == first]


def with_settings_of(detector: Detector, tuned: Detector) -> Detector:
    """Return a detector with what was found for another one."""
    return replace(detector, detection=tuned.detection, services=tuned.services)
