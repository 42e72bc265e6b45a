"""Tuning: settings that would have told the same incidents with fewer false alarms, or more of them, each with its effect.

One replay is watched and searched for better settings; in the end the whole change is replayed once more through the live
code, and what that came to is reported. Where history or labels say too little, nothing is proposed, with the reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from spikewatch.core.events import Label
from spikewatch.core.timegrid import HOUR, WEEK
from spikewatch.cycle import Detector
from spikewatch.lab.keeping import Keeping
from spikewatch.lab.rejudging import Watched
from spikewatch.lab.replay import Recording, Replayed, replay
from spikewatch.lab.searching import LEAST_GAIN, Proposal, Search, with_settings_of
from spikewatch.lab.yardstick import LEAST_SAID, LEAST_WEEKS, Effect, Outcome, Yardstick, effect

MOST_KEPT = 500_000
"""Series and hours up to which baselines are kept in memory, so that other windows can be tried."""

_FIRST, _LAST = 0.35, 0.75
"""When the first replay is done and the last begins, as shares of the whole."""


@dataclass(frozen=True)
class Tuned:
    """What tuning came to.

    replayed   the past under the settings as they are; None where too little could be judged
    yardstick  what ought to have been told then
    before     what that replay was worth; None where nothing can be said
    after      the same with all proposals, from a replay of its own
    tried      how many settings were measured
    silent     why nothing, or not everything, can be said
    """

    proposals: tuple[Proposal, ...] = ()
    replayed: Replayed | None = None
    yardstick: Yardstick | None = None
    before: Outcome | None = None
    after: Outcome | None = None
    tried: int = 0
    silent: tuple[str, ...] = ()

    @property
    def effect(self) -> Effect | None:
        """What all proposals together come to; None without any."""
        if self.before is None or self.after is None or not self.proposals:
            return None
        return effect(self.before, self.after)


def tune(
    recording: Recording,
    detector: Detector,
    *,
    labels: Sequence[Label],
    since: datetime | None = None,
    on_progress: Callable[[float], None] = lambda _: None,
) -> Tuned:
    """Return what settings would have been better for a recording.

    detector     the settings as they are, with the masks of the labels
    labels       what was said about the past
    since        judge from here on; without it from when the baseline is warm
    on_progress  is told the share done, in [0, 1]
    """
    judged = recording.until - (recording.warm_at if since is None else since)
    if round(judged / WEEK) < LEAST_WEEKS:
        return Tuned(silent=(_too_short(judged),))
    keeps = len(recording.panel.roster) * (judged // HOUR) <= MOST_KEPT
    working = Keeping.of(detector) if keeps else detector
    watched = Watched(detector)
    replayed = replay(
        recording,
        working,
        since=since,
        on_verdict=watched,
        on_hour=lambda share: on_progress(_FIRST * share),
    )
    stick = Yardstick.of(replayed, labels)
    if not stick.is_enough:
        return Tuned(replayed=replayed, yardstick=stick, silent=(_too_quiet(stick),))
    before = stick.outcome(replayed)
    search = Search(recording, working, watched, stick, replayed, since, now=before)
    search.run(on_progress=lambda share: on_progress(_FIRST + (_LAST - _FIRST) * share))
    silent = () if keeps else ("windows were not tried: baselines of so many series fill the memory",)
    tuned = Tuned((), replayed, stick, before, before, search.tried, silent)
    if not search.proposals:
        return tuned
    proposed = with_settings_of(detector, search.detector)
    again = replay(
        recording, proposed, since=since, on_hour=lambda share: on_progress(_LAST + (1 - _LAST) * share)
    )
    return _confirmed(tuned, search.proposals, stick.outcome(again))


def _confirmed(tuned: Tuned, proposals: Sequence[Proposal], after: Outcome) -> Tuned:
    """Return the proposals where a replay of all of them comes out better, too."""
    gain = 0.0 if tuned.before is None else float((tuned.before.cost - after.cost).sum())
    said = (tuned.replayed, tuned.yardstick, tuned.before)
    if gain >= LEAST_GAIN:
        return Tuned(tuple(proposals), *said, after, tuned.tried, tuned.silent)
    why = "a replay of all proposals together came out no better, so none is made"
    return Tuned((), *said, tuned.before, tuned.tried, (*tuned.silent, why))


def _too_short(judged: timedelta) -> str:
    weeks = max(0.0, judged / WEEK)
    return (
        f"too little history: {weeks:.1f} weeks can be judged and {LEAST_WEEKS} are needed, for a value is proposed only"
        " where it wins on weeks on which it was not chosen; the first 14 days teach what is normal"
    )


def _too_quiet(stick: Yardstick) -> str:
    return (
        f"too few labels: of the judged time {stick.said_real} incidents are labelled real and {stick.said_false} alerts"
        f" false, and {LEAST_SAID} of either are needed, for without them nobody knows which alerts are worth keeping;"
        " label some by the buttons, by `spikewatch labels add`, or in a file named with --labels"
    )
