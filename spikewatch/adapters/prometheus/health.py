"""The daemon's own health as metrics of the library: tens of samples, rendered in every scrape.

Every instrument is made from the catalogue, and every closed label set exists from the start, so that a rate never begins
with a gap and an alert can tell "none so far" from "not running".
"""

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from spikewatch.adapters.prometheus.catalogue import METRICS, clean_label
from spikewatch.core.acts import ActKind
from spikewatch.core.incidents import Change, Phase, Severity
from spikewatch.core.muting import Muted
from spikewatch.core.outbox import Delivery
from spikewatch.core.weekly import Accuracy
from spikewatch.errors import Fault
from spikewatch.ports import Clock, PageOutcome, Quota, StoreStats

POLL_REASONS = ("timeout", "connect", "auth", "rate_limited", "server", "parse", "cursor", "other")
DELIVERY_REASONS = (
    "timeout",
    "connect",
    "auth",
    "rate_limited",
    "server",
    "parse",
    "channel",
    "content",
    "gone",
    "unknown",
    "other",
)
DETECTION_REASONS = ("store", "baseline", "other")
SKIP_REASONS = ("overlap", "budget", "backoff", "halted")
UNJUDGED = ("learning", "no_data", "muted")
LABELS = ("incident", "expected", "false_alarm", "none")
WAITING_REASONS = ("first_read", "backfill", "history", "tickets")
CODES = ("200", "429", "error")

_IO_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_DETECTION_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_FIT_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_WRITE_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
_DELAY_BUCKETS = (30, 60, 120, 300, 600, 900, 1800, 3600)
_INCIDENT_BUCKETS = (300, 900, 1800, 3600, 7200, 21600, 43200, 86400)


def new_registry() -> CollectorRegistry:
    """Return an empty registry; whoever puts the daemon together needs no door of its own to the library."""
    return CollectorRegistry()


class _Instruments:
    """Makes instruments out of the catalogue, by name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str) -> Counter:
        """Return the counter of that name."""
        return Counter(name, METRICS[name].help, METRICS[name].labels, registry=self._registry)

    def gauge(self, name: str) -> Gauge:
        """Return the gauge of that name."""
        return Gauge(name, METRICS[name].help, METRICS[name].labels, registry=self._registry)

    def histogram(self, name: str, *, buckets: Sequence[float]) -> Histogram:
        """Return the histogram of that name."""
        metric = METRICS[name]
        return Histogram(name, metric.help, metric.labels, registry=self._registry, buckets=buckets)

    def forget(self, gauge: Gauge) -> None:
        """Take a gauge out of what is shown; it can be made again."""
        self._registry.unregister(gauge)

    def info(self, name: str, **facts: str) -> Info:
        """Return the info metric of that name, with its labels set."""
        info = Info(METRICS[name].family, METRICS[name].help, registry=self._registry)
        info.info({label: facts.get(label, "") for label in METRICS[name].labels})
        return info


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
        made = self._made = _Instruments(registry)
        self._make_poll_metrics(made)
        self._make_detection_metrics(made)
        self._make_delivery_metrics(made)
        self._make_upkeep_metrics(made)
        made.info(
            "spikewatch_build_info", version=version, revision=revision, python=platform.python_version()
        )
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._sources: set[str] = set()
        self.watch(sources=sources, channels=channels)
        for reason in DETECTION_REASONS:
            self._detection_failures.labels(reason)

    def _make_poll_metrics(self, made: _Instruments) -> None:
        self._source_up = made.gauge("spikewatch_source_up")
        self._polls = made.counter("spikewatch_polls_total")
        self._poll_failures = made.counter("spikewatch_poll_failures_total")
        self._skipped = made.counter("spikewatch_polls_skipped_total")
        self._backfill = made.gauge("spikewatch_backfill_progress_ratio")
        self._backfill_left = made.gauge("spikewatch_backfill_left_seconds")
        self._missed = made.counter("spikewatch_missed_updates_total")
        self._difference = made.gauge("spikewatch_count_difference_tickets")
        self._reconciled = made.gauge("spikewatch_reconciliation_last_success_timestamp_seconds")
        self._poll_duration = made.histogram("spikewatch_poll_duration_seconds", buckets=_IO_BUCKETS)
        self._poll_interval = made.gauge("spikewatch_poll_interval_seconds")
        self._poll_attempt = made.gauge("spikewatch_poll_last_attempt_timestamp_seconds")
        self._poll_success = made.gauge("spikewatch_poll_last_success_timestamp_seconds")
        self._tickets_read = made.counter("spikewatch_source_tickets_read_total")
        self._corrections = made.counter("spikewatch_ticket_corrections_total")
        self._late = made.counter("spikewatch_late_tickets_total")
        self._requests = made.counter("spikewatch_api_requests_total")
        self._limit = made.gauge("spikewatch_api_limit_requests")
        self._remaining = made.gauge("spikewatch_api_remaining_requests")
        self._limit_reset = made.gauge("spikewatch_api_limit_reset_timestamp_seconds")
        self._throttled = made.counter("spikewatch_api_throttled_seconds_total")
        self._clock_skew = made.gauge("spikewatch_source_clock_skew_seconds")

    def _make_detection_metrics(self, made: _Instruments) -> None:
        self._detection_duration = made.histogram(
            "spikewatch_detection_duration_seconds", buckets=_DETECTION_BUCKETS
        )
        self._detection_runs = made.counter("spikewatch_detection_runs_total")
        self._detection_failures = made.counter("spikewatch_detection_failures_total")
        self._buckets_judged = made.counter("spikewatch_detection_buckets_total")
        self._unjudged = made.counter("spikewatch_detection_skipped_total")
        for reason in UNJUDGED:
            self._unjudged.labels(reason)
        self._incident_duration = made.histogram(
            "spikewatch_incident_duration_seconds", buckets=_INCIDENT_BUCKETS
        )
        for severity in Severity:
            self._incident_duration.labels(severity)
        self._detection_delay = made.histogram(
            "spikewatch_incident_detection_delay_seconds", buckets=_DELAY_BUCKETS
        )
        self._detection_last = made.gauge("spikewatch_detection_last_run_timestamp_seconds")
        self._waiting = made.gauge("spikewatch_detection_waiting")
        self._known = made.gauge("spikewatch_detection_known_seconds")
        for reason in WAITING_REASONS:
            self._waiting.labels(reason)
        self._refit_duration = made.histogram(
            "spikewatch_baseline_refit_duration_seconds", buckets=_FIT_BUCKETS
        )
        self._refit_last = made.gauge("spikewatch_baseline_last_refit_timestamp_seconds")

    def _make_delivery_metrics(self, made: _Instruments) -> None:
        self._deliveries = made.counter("spikewatch_notifications_total")
        self._delivery_failures = made.counter("spikewatch_notification_failures_total")
        self._dropped = made.counter("spikewatch_notifications_dropped_total")
        self._suppressed = made.counter("spikewatch_notifications_suppressed_total")
        self._acts = made.counter("spikewatch_acts_total")
        for act in ActKind:
            self._acts.labels(act, "applied")
        self._buttons = made.gauge("spikewatch_buttons_connected")
        self._connects = made.counter("spikewatch_buttons_connects_total")
        for outcome in ("worked", "failed"):
            self._connects.labels(outcome)
        self._delivery_duration = made.histogram(
            "spikewatch_notification_duration_seconds", buckets=_IO_BUCKETS
        )
        self._pending = made.gauge("spikewatch_notifications_pending")
        self._oldest_pending = made.gauge("spikewatch_notification_oldest_pending_timestamp_seconds")
        self._delivery_success = made.gauge("spikewatch_notification_last_success_timestamp_seconds")
        self._channels: set[str] = set()

    def _make_upkeep_metrics(self, made: _Instruments) -> None:
        self._heartbeats = made.counter("spikewatch_heartbeats_total")
        self._heartbeat_failures = made.counter("spikewatch_heartbeat_failures_total")
        self._store_size = made.gauge("spikewatch_store_size_bytes")
        self._labelled = made.gauge("spikewatch_incidents_labelled")
        self._stated: dict[str, Gauge] = {}
        for label in LABELS:
            self._labelled.labels(label)
        self._store_writes = made.counter("spikewatch_store_writes_total")
        self._store_failures = made.counter("spikewatch_store_write_failures_total")
        self._store_duration = made.histogram(
            "spikewatch_store_write_duration_seconds", buckets=_WRITE_BUCKETS
        )
        self._store_rows = made.gauge("spikewatch_store_rows")
        self._store_oldest = made.gauge("spikewatch_store_oldest_timestamp_seconds")
        self._reload_worked = made.gauge("spikewatch_config_last_reload_successful")
        self._reload_success = made.gauge("spikewatch_config_last_reload_success_timestamp_seconds")
        self._config = made.info("spikewatch_config_info")

    def watch(self, *, sources: Iterable[str], channels: Iterable[str]) -> None:
        """Have every label set of these from now on; readings of a source that is gone are gone, counters stay."""
        wanted = {clean_label(source) for source in sources}
        for source in sorted(self._sources - wanted):
            self._end_source(source)
        for source in sorted(wanted - self._sources):
            self._begin_source(source)
        for channel in channels:
            self._begin_channel(clean_label(channel))
        self._sources = wanted

    def _end_source(self, source: str) -> None:
        """Drop what would look like a source that stands still, and raise alarms."""
        for gauge in (
            self._source_up,
            self._poll_interval,
            self._poll_attempt,
            self._poll_success,
            self._backfill,
            self._backfill_left,
            self._limit,
            self._remaining,
            self._limit_reset,
            self._clock_skew,
        ):
            gauge.remove(source)
        for pair in (self._difference, self._reconciled):
            pair.remove_by_labels({"source": source})

    def _begin_source(self, source: str) -> None:
        for metric in (self._polls, self._tickets_read, self._corrections, self._late, self._throttled):
            metric.labels(source)
        for gauge in (self._source_up, self._poll_interval, self._poll_attempt, self._poll_success):
            gauge.labels(source)
        self._poll_duration.labels(source)
        self._backfill.labels(source)
        self._missed.labels(source)
        for reason in SKIP_REASONS:
            self._skipped.labels(source, reason)
        for reason in POLL_REASONS:
            self._poll_failures.labels(source, reason)
        for code in CODES:
            self._requests.labels(source, code)

    def _begin_channel(self, channel: str) -> None:
        self._channels.add(channel)
        self._deliveries.labels(channel)
        self._dropped.labels(channel)
        self._pending.labels(channel)
        self._delivery_duration.labels(channel)
        for reason in DELIVERY_REASONS:
            self._delivery_failures.labels(channel, reason)
        for mute in Muted:
            self._suppressed.labels(channel, mute)

    def _now(self) -> float:
        return self._clock.now().timestamp()

    # -- ports.Meter

    def poll(self, source: str, *, seconds: float, tickets: int, outcome: PageOutcome) -> None:
        """Note a poll that worked."""
        name, now = clean_label(source), self._now()
        self._polls.labels(name).inc()
        self._poll_duration.labels(name).observe(seconds)
        self._source_up.labels(name).set(1)
        self._poll_attempt.labels(name).set(now)
        self._poll_success.labels(name).set(now)
        self._tickets_read.labels(name).inc(tickets)
        self._corrections.labels(name).inc(outcome.moved + outcome.removed)
        self._late.labels(name).inc(outcome.late)

    def poll_failed(self, source: str, *, seconds: float, reason: str) -> None:
        """Note a poll that failed; a reason outside the closed set counts as other."""
        name = clean_label(source)
        self._polls.labels(name).inc()
        self._poll_failures.labels(name, _one_of(POLL_REASONS, reason)).inc()
        self._poll_duration.labels(name).observe(seconds)
        self._source_up.labels(name).set(0)
        self._poll_attempt.labels(name).set(self._now())

    def request(self, source: str, *, code: str) -> None:
        """Note one request to a source by HTTP code; whatever is none counts as error."""
        is_code = len(code) == len("200") and code.isascii() and code.isdigit()
        self._requests.labels(clean_label(source), code if is_code else "error").inc()

    def page_read(self, source: str) -> None:
        """Note a page that was read and kept."""
        self._poll_success.labels(clean_label(source)).set(self._now())

    def poll_skipped(self, source: str, *, reason: str) -> None:
        """Note a poll that was due and asked nothing."""
        self._skipped.labels(clean_label(source), reason).inc()

    def backfilled(self, source: str, *, fraction: float, left: timedelta | None) -> None:
        """Note how much of a source's history is read, and how long the rest takes where that is known."""
        name = clean_label(source)
        self._backfill.labels(name).set(fraction)
        if left is None:
            self._backfill_left.remove(name)
        else:
            self._backfill_left.labels(name).set(left.total_seconds())

    def reconciled(self, source: str, *, check: str, missed: int = 0, difference: int | None = None) -> None:
        """Note a check that was carried through."""
        name = clean_label(source)
        self._missed.labels(name).inc(missed)
        if difference is not None:
            self._difference.labels(name, check).set(difference)
        self._reconciled.labels(name, "sweep" if check == "sweep" else "count").set(self._now())

    def waits(self, reason: str | None, *, known: timedelta) -> None:
        """Set what detection waits for, None for nothing, and how much history is known."""
        for each in WAITING_REASONS:
            self._waiting.labels(each).set(each == reason)
        self._known.set(known.total_seconds())

    def quota(self, source: str, quota: Quota) -> None:
        """Note the limit a source stated."""
        name = clean_label(source)
        self._limit.labels(name).set(quota.limit)
        self._remaining.labels(name).set(quota.remaining)
        if quota.resets_at is not None:
            self._limit_reset.labels(name).set(quota.resets_at.timestamp())

    def clock_skew(self, source: str, *, ahead: timedelta) -> None:
        """Note by how much the clock of a source is ahead of ours."""
        self._clock_skew.labels(clean_label(source)).set(ahead.total_seconds())

    def throttled(self, source: str, *, duration: timedelta) -> None:
        """Note time spent waiting for a limit."""
        self._throttled.labels(clean_label(source)).inc(max(0.0, duration.total_seconds()))

    def cycle(self, *, seconds: float, buckets: int) -> None:
        """Note one pass of judging."""
        self._detection_runs.inc()
        self._detection_duration.observe(seconds)
        self._buckets_judged.inc(buckets)
        self._detection_last.set(self._now())

    def cycle_failed(self, *, reason: str) -> None:
        """Note a pass of judging that failed; a reason outside the closed set counts as other."""
        self._detection_runs.inc()
        self._detection_failures.labels(_one_of(DETECTION_REASONS, reason)).inc()

    def refit(self, *, seconds: float) -> None:
        """Note that a baseline was fitted."""
        self._refit_duration.observe(seconds)
        self._refit_last.set(self._now())

    def delivered(self, channel: str, *, seconds: float) -> None:
        """Note a delivery that worked."""
        name = clean_label(channel)
        self._deliveries.labels(name).inc()
        self._delivery_duration.labels(name).observe(seconds)
        self._delivery_success.labels(name).set(self._now())

    def delivery_failed(self, channel: str, *, reason: str) -> None:
        """Note a delivery attempt that failed; a reason outside the closed set counts as other."""
        name = clean_label(channel)
        self._deliveries.labels(name).inc()
        self._delivery_failures.labels(name, _one_of(DELIVERY_REASONS, reason)).inc()

    def dropped(self, channel: str) -> None:
        """Note a delivery given up for good."""
        self._dropped.labels(clean_label(channel)).inc()

    def suppressed(self, channel: str, *, reason: str) -> None:
        """Note a notice that was held back from a channel."""
        self._suppressed.labels(clean_label(channel), reason).inc()

    def acted(self, *, act: str, outcome: str) -> None:
        """Note what became of an act."""
        self._acts.labels(act, outcome).inc()

    def buttons(self, *, connected: bool) -> None:
        """Set whether presses of buttons arrive."""
        self._buttons.set(connected)

    def connected(self, *, worked: bool) -> None:
        """Note an attempt to connect for presses of buttons."""
        self._connects.labels("worked" if worked else "failed").inc()

    # -- what the daemon sets itself

    def poll_interval(self, source: str, *, interval: timedelta) -> None:
        """Set the interval in force, back-off included."""
        self._poll_interval.labels(clean_label(source)).set(interval.total_seconds())

    def backlog(self, unsettled: Iterable[Delivery]) -> None:
        """Set how many deliveries wait in each channel, and since when; `unsettled` is all of them."""
        waiting: dict[str, list[datetime]] = {}
        for delivery in unsettled:
            waiting.setdefault(clean_label(delivery.channel), []).append(delivery.created_at)
        self._channels |= waiting.keys()
        for channel in self._channels:
            made = waiting.get(channel, [])
            self._pending.labels(channel).set(len(made))
            if made:
                self._oldest_pending.labels(channel).set(min(made).timestamp())
            else:
                self._oldest_pending.remove(channel)

    def unjudged(self, states: Mapping[str, int]) -> None:
        """Note how many series a pass left out, by state."""
        for reason in UNJUDGED:
            self._unjudged.labels(reason).inc(states.get(reason, 0))

    def incident_changed(self, change: Change, *, now: datetime) -> None:
        """Note an incident that opened or closed."""
        after = change.after
        if change.before is None:
            self._detection_delay.observe(max(0.0, (now - after.opened_at).total_seconds()))
        if after.phase is Phase.CLOSED:
            ended = after.resolved_at or after.closed_at or now
            lasted_s = max(0.0, (ended - after.started_at).total_seconds())
            self._incident_duration.labels(after.severity).observe(lasted_s)

    @contextmanager
    def store_write(self) -> Iterator[None]:
        """Note the write to the store that happens within."""
        began = self._clock.now()
        self._store_writes.inc()
        try:
            yield
        except Fault:
            self._store_failures.inc()
            raise
        finally:
            took = max(timedelta(0), self._clock.now() - began)
            self._store_duration.observe(self._clock.real_seconds(took))

    def heartbeat(self, *, worked: bool) -> None:
        """Note a call of the heartbeat's address."""
        self._heartbeats.inc()
        self._heartbeat_failures.inc(not worked)

    def accuracy(self, accuracy: Accuracy) -> None:
        """Set how often the incidents of the last weeks were right, as far as people said so."""
        found = (accuracy.real, accuracy.expected, accuracy.false_alarms, accuracy.unlabelled)
        for label, number in zip(LABELS, found, strict=True):
            self._labelled.labels(label).set(number)
        self._state("spikewatch_incidents_precision_ratio", accuracy.precision)
        self._state("spikewatch_incidents_recall_ratio", accuracy.recall)

    def _state(self, name: str, number: float | None) -> None:
        """Set a number; one that is not known is absent: one that is none would spoil every sum over it."""
        if number is None:
            gone = self._stated.pop(name, None)
            if gone is not None:
                self._made.forget(gone)
            return
        if name not in self._stated:
            self._stated[name] = self._made.gauge(name)
        self._stated[name].set(number)

    def store(self, stats: StoreStats) -> None:
        """Set how big the store is."""
        self._store_size.set(stats.size_bytes)
        self._state("spikewatch_store_free_bytes", stats.free_bytes)
        self._state("spikewatch_store_volume_bytes", stats.volume_bytes)
        self._store_rows.set(stats.tickets + stats.count_rows)
        self._store_oldest.set(0 if stats.oldest is None else stats.oldest.timestamp())

    def configured(self, *, digest: str, schema: str) -> None:
        """Note that a configuration came into force: a digest of it, and the version of its form."""
        self._config.info({"hash": digest, "schema": schema})
        self._reload_worked.set(1)
        self._reload_success.set(self._now())

    def reload_worked(self) -> None:
        """Note that the files say again what is in force."""
        self._reload_worked.set(1)
        self._reload_success.set(self._now())

    def reload_failed(self) -> None:
        """Note that a changed configuration was refused; the old one stays in force."""
        self._reload_worked.set(0)


def _one_of(reasons: Sequence[str], reason: str) -> str:
    return reason if reason in reasons else "other"
