"""The jobs that bring several parts together: judging, refitting, keeping house, and what is said of them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from spikewatch.adapters.heartbeat import Heartbeat
from spikewatch.adapters.http.server import Condition
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import states_of
from spikewatch.adapters.prometheus.health import HealthMetrics
from spikewatch.app.activity import Activity
from spikewatch.app.liveness import Turns
from spikewatch.app.oncall import OnCall
from spikewatch.app.reading import Reader, progress_of
from spikewatch.app.reporting.gathering import recent_accuracy
from spikewatch.app.showing import Turn
from spikewatch.app.waiting import Herald, Waiting, known_history, waiting
from spikewatch.config import Config
from spikewatch.core.snapshot import Snapshot
from spikewatch.cycle import Cycle
from spikewatch.delivery import Deliverer
from spikewatch.errors import Fault
from spikewatch.lookout import Lookout
from spikewatch.ports import Clock, Store, Unavailable

LABELLED_WITHIN = timedelta(weeks=4)
"""Precision and recall are of this long: a week has too few incidents to say much."""


class Chores:
    """The jobs of one configuration; made anew when another one comes into force."""

    def __init__(
        self,
        *,
        config: Config,
        store: Store,
        cycle: Cycle,
        lookout: Lookout,
        exposition: Exposition,
        health: HealthMetrics,
        clock: Clock,
        reading: tuple[Reader, ...],
        people: OnCall,
        looks_from_s: float,
        herald: Herald,
    ) -> None:
        """Hold the parts; nothing is done yet.

        looks_from_s  so many of the machine's seconds a watermark must be able to age before that is called blindness
        """
        self._config = config
        self._reading = reading
        self._people = people
        self._looks_from_s = looks_from_s
        self._herald = herald
        self._store = store
        self._cycle = cycle
        self._lookout = lookout
        self._exposition = exposition
        self._health = health
        self._clock = clock
        self._activity = Activity(store, step=config.bucket, is_asked=config.metrics.detail == "active")
        self._turns = Turns(clock.now(), clock.now())
        self._waits: Waiting | None = None
        self._published: Snapshot | None = None
        self._good_turns = 0

    def judge(self) -> None:
        """Judge what is new, tell what is due, and publish."""
        began = self._clock.now()
        with self._people.turn:
            buckets = self._cycle.run(now=began)
            ended = self._clock.now()
            self._people.announcer.release(now=ended)
            if self._clock.real_seconds(self._lookout.limit) >= self._looks_from_s:
                self._lookout.look(now=ended)
        snapshot = self._cycle.snapshot
        if snapshot is not None and snapshot is not self._published:
            self._exposition.publish(self._activity.marked(snapshot))
            self._published = snapshot
            if buckets:
                self._health.unjudged(states_of(snapshot))
        self._health.cycle(seconds=self._clock.real_seconds(ended - began), buckets=buckets)
        self._state_intervals(now=ended)
        self._say_what_is_awaited()
        self._good_turns += 1
        self._turns = self._turns.worked(at=self._clock.now())

    def _state_intervals(self, *, now: datetime) -> None:
        """Set the interval of each source's polls, longer while a failure or a limit is waited out."""
        for reader in self._reading:
            held = reader.ingest.held()
            waits = held.until - held.since if held is not None and held.lasts(now) else timedelta(0)
            self._health.poll_interval(reader.name, interval=max(self._config.poll.every, waits))

    def _say_what_is_awaited(self) -> None:
        waits = self._waits = self._waiting()
        known = known_history(self._store.source_states(), self._cycle.detector)
        self._health.waits(None if waits is None else waits.reason.value, known=known)
        self._herald.say(waits)

    def _waiting(self) -> Waiting | None:
        return waiting(
            self._store,
            self._cycle.detector,
            progress=progress_of(self._reading),
            now=self._clock.now(),
        )

    def judging_failed(self, error: Exception) -> None:
        """Note a pass of judging that failed; the loop turned all the same."""
        reason = "store" if isinstance(error, Fault) else "other"
        self._turns = self._turns.failed(reason, at=self._clock.now())
        self._health.cycle_failed(reason=reason)

    def refitting_failed(self, error: Exception) -> None:
        """Note a baseline that could not be fitted."""
        self._health.cycle_failed(reason="store" if isinstance(error, Fault) else "baseline")

    def delivering(self, deliverer: Deliverer | None) -> Callable[[], object]:
        """Return the delivery as a job."""

        def deliver() -> None:
            if deliverer is not None:
                deliverer.drain()
            self._health.backlog(self._store.unsettled())

        return deliver

    def beating(self, heartbeat: Heartbeat | None) -> Callable[[], object]:
        """Return the heartbeat as a job."""
        beaten = 0

        def beat() -> None:
            """Call once for the good turns since the last call; in a thread of its own, so that no turn waits for it."""
            nonlocal beaten
            turns = self._good_turns
            if heartbeat is None or turns == beaten:
                return
            beaten = turns
            try:
                heartbeat.beat()
            except Unavailable:
                self._health.heartbeat(worked=False)
                raise
            self._health.heartbeat(worked=True)

        return beat

    def refit(self) -> None:
        """Fit the next baseline ahead of its hour."""
        self._cycle.calibrate_ahead()
        epoch = self._cycle.next_epoch()
        if epoch is None or self._cycle.is_fitted(epoch):
            return
        began = self._clock.now()
        self._cycle.refit(epoch=epoch)
        self._health.refit(seconds=self._clock.real_seconds(self._clock.now() - began))

    def keep_house(self) -> None:
        """Drop what is kept no longer, and measure what is there."""
        now, retention = self._clock.now(), self._config.retention
        self._store.forget(tickets_before=now - retention.tickets, counts_before=now - retention.counts)
        self._health.store(self._store.stats())
        self._health.accuracy(recent_accuracy(self._store, now=now, reach=LABELLED_WITHIN))

    def is_alive(self) -> Condition:
        """Tell whether the judging loop turns, or a restart might make it."""
        return self._turns.condition(now=self._clock.now(), real_seconds=self._clock.real_seconds)

    def turn(self) -> Turn:
        """Return when judging last worked, and what it waits for."""
        return Turn(self._turns.worked_at, self._waits)

    def is_ready(self) -> Condition:
        """Tell whether there is a judgement to show, or what it waits for."""
        ready = self._cycle.snapshot is not None
        waits = self._waits
        if waits is None:
            return Condition(ready, "judging" if ready else "about to judge for the first time")
        return Condition(ready, f"judging, but nothing can be told yet: {waits}" if ready else str(waits))
