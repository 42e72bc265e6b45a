"""The daemon's own health as metrics of the library: tens of samples, rendered in every scrape.

What there is to count stands in `instruments`; here is what is noted, and when.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from spikewatch.adapters.prometheus.catalogue import clean_label
from spikewatch.adapters.prometheus.instruments import (
    DELIVERY_REASONS,
    DETECTION_REASONS,
    LABELS,
    POLL_REASONS,
    UNJUDGED,
    WAITING_REASONS,
    Instruments,
    Judging,
    Keeping,
    Reading,
    Telling,
)
from spikewatch.core.incidents import Change, Phase
from spikewatch.core.outbox import Delivery
from spikewatch.core.weekly import Accuracy
from spikewatch.errors import Fault
from spikewatch.ports import Clock, PageOutcome, Quota, StoreStats


def new_registry() -> CollectorRegistry:
    """Return an empty registry; whoever puts the daemon together needs no door of its own to the library."""
    return CollectorRegistry()


class HealthMetrics:
    """A `ports.Meter` that counts into a registry, and a few more readings the daemon sets itself.

    sources, channels  configured names, for which every label set exists from the start
    clock              stamps polls, passes and deliveries
    revision           of the build, where known
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        clock: Clock,
        version: str,
        revision: str = "",
        sources: Iterable[str] = (),
        channels: Iterable[str] = (),
    ) -> None:
        """Make all instruments; a registry takes one set of them."""
        # The library would add a `_created` gauge to each counter: twice the samples, and no standard any more.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it so
        self._clock = clock
        made = self._made = Instruments(registry)
        self._reading, self._judging = Reading(made), Judging(made)
        self._telling, self._keeping = Telling(made), Keeping(made)
        made.info(
            "spikewatch_build_info", version=version, revision=revision, python=platform.python_version()
        )
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._sources: set[str] = set()
        self.watch(sources=sources, channels=channels)

    def watch(self, *, sources: Iterable[str], channels: Iterable[str]) -> None:
        """Have every label set of these from now on; readings of a source that is gone are gone, counters stay."""
        wanted = {clean_label(source) for source in sources}
        for source in sorted(self._sources - wanted):
            self._reading.end(source)
        for source in sorted(wanted - self._sources):
            self._reading.begin(source)
        for channel in channels:
            self._telling.begin(clean_label(channel))
        self._sources = wanted

    def _now(self) -> float:
        return self._clock.now().timestamp()

    # -- ports.Meter

    def poll(self, source: str, *, seconds: float, tickets: int, outcome: PageOutcome) -> None:
        """Note a poll that worked."""
        name, now = clean_label(source), self._now()
        self._reading.polls.labels(name).inc()
        self._reading.poll_duration.labels(name).observe(seconds)
        self._reading.source_up.labels(name).set(1)
        self._reading.poll_attempt.labels(name).set(now)
        self._reading.poll_success.labels(name).set(now)
        self._reading.tickets_read.labels(name).inc(tickets)
        self._reading.corrections.labels(name).inc(outcome.moved + outcome.removed)
        self._reading.late.labels(name).inc(outcome.late)

    def poll_failed(self, source: str, *, seconds: float, reason: str) -> None:
        """Note a poll that failed; a reason outside the closed set counts as other."""
        name = clean_label(source)
        self._reading.polls.labels(name).inc()
        self._reading.poll_failures.labels(name, _one_of(POLL_REASONS, reason)).inc()
        self._reading.poll_duration.labels(name).observe(seconds)
        self._reading.source_up.labels(name).set(0)
        self._reading.poll_attempt.labels(name).set(self._now())

    def request(self, source: str, *, code: str) -> None:
        """Note one request to a source by HTTP code; whatever is none counts as error."""
        is_code = len(code) == len("200") and code.isascii() and code.isdigit()
        self._reading.requests.labels(clean_label(source), code if is_code else "error").inc()

    def page_read(self, source: str) -> None:
        """Note a page that was read and kept."""
        self._reading.poll_success.labels(clean_label(source)).set(self._now())

    def poll_skipped(self, source: str, *, reason: str) -> None:
        """Note a poll that was due and asked nothing."""
        self._reading.skipped.labels(clean_label(source), reason).inc()

    def backfilled(self, source: str, *, fraction: float, left: timedelta | None) -> None:
        """Note how much of a source's history is read, and how long the rest takes where that is known."""
        name = clean_label(source)
        self._reading.backfill.labels(name).set(fraction)
        if left is None:
            self._reading.backfill_left.remove(name)
        else:
            self._reading.backfill_left.labels(name).set(left.total_seconds())

    def reconciled(self, source: str, *, check: str, missed: int = 0, difference: int | None = None) -> None:
        """Note a check that was carried through."""
        name = clean_label(source)
        self._reading.missed.labels(name).inc(missed)
        if difference is not None:
            self._reading.difference.labels(name, check).set(difference)
        self._reading.reconciled.labels(name, "sweep" if check == "sweep" else "count").set(self._now())

    def waits(self, reason: str | None, *, known: timedelta) -> None:
        """Set what detection waits for, None for nothing, and how much history is known."""
        for each in WAITING_REASONS:
            self._judging.waiting.labels(each).set(each == reason)
        self._judging.known.set(known.total_seconds())

    def quota(self, source: str, quota: Quota) -> None:
        """Note the limit a source stated."""
        name = clean_label(source)
        self._reading.limit.labels(name).set(quota.limit)
        self._reading.remaining.labels(name).set(quota.remaining)
        if quota.resets_at is not None:
            self._reading.limit_reset.labels(name).set(quota.resets_at.timestamp())

    def clock_skew(self, source: str, *, ahead: timedelta) -> None:
        """Note by how much the clock of a source is ahead of ours."""
        self._reading.clock_skew.labels(clean_label(source)).set(ahead.total_seconds())

    def throttled(self, source: str, *, duration: timedelta) -> None:
        """Note time spent waiting for a limit."""
        self._reading.throttled.labels(clean_label(source)).inc(max(0.0, duration.total_seconds()))

    def cycle(self, *, seconds: float, buckets: int) -> None:
        """Note one pass of judging."""
        self._judging.detection_runs.inc()
        self._judging.detection_duration.observe(seconds)
        self._judging.buckets_judged.inc(buckets)
        self._judging.detection_last.set(self._now())

    def cycle_failed(self, *, reason: str) -> None:
        """Note a pass of judging that failed; a reason outside the closed set counts as other."""
        self._judging.detection_runs.inc()
        self._judging.detection_failures.labels(_one_of(DETECTION_REASONS, reason)).inc()

    def refit(self, *, seconds: float) -> None:
        """Note that a baseline was fitted."""
        self._judging.refit_duration.observe(seconds)
        self._judging.refit_last.set(self._now())

    def delivered(self, channel: str, *, seconds: float) -> None:
        """Note a delivery that worked."""
        name = clean_label(channel)
        self._telling.deliveries.labels(name).inc()
        self._telling.delivery_duration.labels(name).observe(seconds)
        self._telling.delivery_success.labels(name).set(self._now())

    def delivery_failed(self, channel: str, *, reason: str) -> None:
        """Note a delivery attempt that failed; a reason outside the closed set counts as other."""
        name = clean_label(channel)
        self._telling.deliveries.labels(name).inc()
        self._telling.delivery_failures.labels(name, _one_of(DELIVERY_REASONS, reason)).inc()

    def dropped(self, channel: str) -> None:
        """Note a delivery given up for good."""
        self._telling.dropped.labels(clean_label(channel)).inc()

    def suppressed(self, channel: str, *, reason: str) -> None:
        """Note a notice that was held back from a channel."""
        self._telling.suppressed.labels(clean_label(channel), reason).inc()

    def acted(self, *, act: str, outcome: str) -> None:
        """Note what became of an act."""
        self._telling.acts.labels(act, outcome).inc()

    def buttons(self, *, connected: bool) -> None:
        """Set whether presses of buttons arrive."""
        self._telling.buttons.set(connected)

    def connected(self, *, worked: bool) -> None:
        """Note an attempt to connect for presses of buttons."""
        self._telling.connects.labels("worked" if worked else "failed").inc()

    # -- what the daemon sets itself

    def poll_interval(self, source: str, *, interval: timedelta) -> None:
        """Set the interval in force, back-off included."""
        self._reading.poll_interval.labels(clean_label(source)).set(interval.total_seconds())

    def backlog(self, unsettled: Iterable[Delivery]) -> None:
        """Set how many deliveries wait in each channel, and since when; `unsettled` is all of them."""
        waiting: dict[str, list[datetime]] = {}
        for delivery in unsettled:
            waiting.setdefault(clean_label(delivery.channel), []).append(delivery.created_at)
        self._telling.channels |= waiting.keys()
        for channel in self._telling.channels:
            made = waiting.get(channel, [])
            self._telling.pending.labels(channel).set(len(made))
            if made:
                self._telling.oldest_pending.labels(channel).set(min(made).timestamp())
            else:
                self._telling.oldest_pending.remove(channel)

    def unjudged(self, states: Mapping[str, int]) -> None:
        """Note how many series a pass left out, by state."""
        for reason in UNJUDGED:
            self._judging.unjudged.labels(reason).inc(states.get(reason, 0))

    def incident_changed(self, change: Change, *, now: datetime) -> None:
        """Note an incident that opened or closed."""
        after = change.after
        if change.before is None:
            self._judging.detection_delay.observe(max(0.0, (now - after.opened_at).total_seconds()))
        if after.phase is Phase.CLOSED:
            ended = after.resolved_at or after.closed_at or now
            lasted_s = max(0.0, (ended - after.started_at).total_seconds())
            self._judging.incident_duration.labels(after.severity).observe(lasted_s)

    @contextmanager
    def store_write(self) -> Iterator[None]:
        """Note the write to the store that happens within."""
        began = self._clock.now()
        self._keeping.store_writes.inc()
        try:
            yield
        except Fault:
            self._keeping.store_failures.inc()
            raise
        finally:
            took = max(timedelta(0), self._clock.now() - began)
            self._keeping.store_duration.observe(self._clock.real_seconds(took))

    def heartbeat(self, *, worked: bool) -> None:
        """Note a call of the heartbeat's address."""
        self._keeping.heartbeats.inc()
        self._keeping.heartbeat_failures.inc(not worked)

    def accuracy(self, accuracy: Accuracy) -> None:
        """Set how often the incidents of the last weeks were right, as far as people said so."""
        found = (accuracy.real, accuracy.expected, accuracy.false_alarms, accuracy.unlabelled)
        for label, number in zip(LABELS, found, strict=True):
            self._keeping.labelled.labels(label).set(number)
        self._made.state("spikewatch_incidents_precision_ratio", accuracy.precision)
        self._made.state("spikewatch_incidents_recall_ratio", accuracy.recall)

    def store(self, stats: StoreStats) -> None:
        """Set how big the store is."""
        self._keeping.store_size.set(stats.size_bytes)
        self._made.state("spikewatch_store_free_bytes", stats.free_bytes)
        self._made.state("spikewatch_store_volume_bytes", stats.volume_bytes)
        self._keeping.store_rows.set(stats.tickets + stats.count_rows)
        self._keeping.store_oldest.set(0 if stats.oldest is None else stats.oldest.timestamp())

    def configured(self, *, digest: str, schema: str) -> None:
        """Note that a configuration came into force: a digest of it, and the version of its form."""
        self._keeping.config.info({"hash": digest, "schema": schema})
        self._keeping.reload_worked.set(1)
        self._keeping.reload_success.set(self._now())

    def reload_worked(self) -> None:
        """Note that the files say again what is in force."""
        self._keeping.reload_worked.set(1)
        self._keeping.reload_success.set(self._now())

    def reload_failed(self) -> None:
        """Note that a changed configuration was refused; the old one stays in force."""
        self._keeping.reload_worked.set(0)


def _one_of(reasons: Sequence[str], reason: str) -> str:
    return reason if reason in reasons else "other"
