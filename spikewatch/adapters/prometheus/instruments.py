"""The instruments of the daemon's own health, made out of the catalogue: what there is to count, and with which labels.

Every closed label set exists from the start, so that a rate never begins with a gap and an alert can tell "none so far"
from "not running".
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from spikewatch.adapters.prometheus.catalogue import METRICS
from spikewatch.core.acts import ActKind
from spikewatch.core.incidents import Severity
from spikewatch.core.muting import Muted

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


class Instruments:
    """Makes instruments out of the catalogue, by name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._stated: dict[str, Gauge] = {}

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

    def state(self, name: str, number: float | None) -> None:
        """Set the gauge of that name; one that is not known is absent: one that is none would spoil every sum over it."""
        if number is None:
            gone = self._stated.pop(name, None)
            if gone is not None:
                self._registry.unregister(gone)
            return
        if name not in self._stated:
            self._stated[name] = self.gauge(name)
        self._stated[name].set(number)

    def info(self, name: str, **facts: str) -> Info:
        """Return the info metric of that name, with its labels set."""
        info = Info(METRICS[name].family, METRICS[name].help, registry=self._registry)
        info.info({label: facts.get(label, "") for label in METRICS[name].labels})
        return info


class Reading:
    """Reading a source: polls, requests and limits, and checks of what was counted."""

    def __init__(self, made: Instruments) -> None:
        self.source_up = made.gauge("spikewatch_source_up")
        self.polls = made.counter("spikewatch_polls_total")
        self.poll_failures = made.counter("spikewatch_poll_failures_total")
        self.skipped = made.counter("spikewatch_polls_skipped_total")
        self.backfill = made.gauge("spikewatch_backfill_progress_ratio")
        self.backfill_left = made.gauge("spikewatch_backfill_left_seconds")
        self.missed = made.counter("spikewatch_missed_updates_total")
        self.difference = made.gauge("spikewatch_count_difference_tickets")
        self.reconciled = made.gauge("spikewatch_reconciliation_last_success_timestamp_seconds")
        self.poll_duration = made.histogram("spikewatch_poll_duration_seconds", buckets=_IO_BUCKETS)
        self.poll_interval = made.gauge("spikewatch_poll_interval_seconds")
        self.poll_attempt = made.gauge("spikewatch_poll_last_attempt_timestamp_seconds")
        self.poll_success = made.gauge("spikewatch_poll_last_success_timestamp_seconds")
        self.tickets_read = made.counter("spikewatch_source_tickets_read_total")
        self.corrections = made.counter("spikewatch_ticket_corrections_total")
        self.late = made.counter("spikewatch_late_tickets_total")
        self.requests = made.counter("spikewatch_api_requests_total")
        self.limit = made.gauge("spikewatch_api_limit_requests")
        self.remaining = made.gauge("spikewatch_api_remaining_requests")
        self.limit_reset = made.gauge("spikewatch_api_limit_reset_timestamp_seconds")
        self.throttled = made.counter("spikewatch_api_throttled_seconds_total")
        self.clock_skew = made.gauge("spikewatch_source_clock_skew_seconds")

    def begin(self, source: str) -> None:
        """Have every label set of a source."""
        for metric in (self.polls, self.tickets_read, self.corrections, self.late, self.throttled):
            metric.labels(source)
        for gauge in (self.source_up, self.poll_interval, self.poll_attempt, self.poll_success):
            gauge.labels(source)
        self.poll_duration.labels(source)
        self.backfill.labels(source)
        self.missed.labels(source)
        for reason in SKIP_REASONS:
            self.skipped.labels(source, reason)
        for reason in POLL_REASONS:
            self.poll_failures.labels(source, reason)
        for code in CODES:
            self.requests.labels(source, code)

    def end(self, source: str) -> None:
        """Drop what would look like a source that stands still, and raise alarms."""
        for gauge in (
            self.source_up,
            self.poll_interval,
            self.poll_attempt,
            self.poll_success,
            self.backfill,
            self.backfill_left,
            self.limit,
            self.remaining,
            self.limit_reset,
            self.clock_skew,
        ):
            gauge.remove(source)
        for pair in (self.difference, self.reconciled):
            pair.remove_by_labels({"source": source})


class Judging:
    """Passes of judging, what they wait for, and what came of them."""

    def __init__(self, made: Instruments) -> None:
        self.detection_duration = made.histogram(
            "spikewatch_detection_duration_seconds", buckets=_DETECTION_BUCKETS
        )
        self.detection_runs = made.counter("spikewatch_detection_runs_total")
        self.detection_failures = made.counter("spikewatch_detection_failures_total")
        for reason in DETECTION_REASONS:
            self.detection_failures.labels(reason)
        self.buckets_judged = made.counter("spikewatch_detection_buckets_total")
        self.unjudged = made.counter("spikewatch_detection_skipped_total")
        for reason in UNJUDGED:
            self.unjudged.labels(reason)
        self.incident_duration = made.histogram(
            "spikewatch_incident_duration_seconds", buckets=_INCIDENT_BUCKETS
        )
        for severity in Severity:
            self.incident_duration.labels(severity)
        self.detection_delay = made.histogram(
            "spikewatch_incident_detection_delay_seconds", buckets=_DELAY_BUCKETS
        )
        self.detection_last = made.gauge("spikewatch_detection_last_run_timestamp_seconds")
        self.waiting = made.gauge("spikewatch_detection_waiting")
        self.known = made.gauge("spikewatch_detection_known_seconds")
        for reason in WAITING_REASONS:
            self.waiting.labels(reason)
        self.refit_duration = made.histogram(
            "spikewatch_baseline_refit_duration_seconds", buckets=_FIT_BUCKETS
        )
        self.refit_last = made.gauge("spikewatch_baseline_last_refit_timestamp_seconds")


class Telling:
    """Deliveries by channel, and what people do to what they are told."""

    def __init__(self, made: Instruments) -> None:
        self.deliveries = made.counter("spikewatch_notifications_total")
        self.delivery_failures = made.counter("spikewatch_notification_failures_total")
        self.dropped = made.counter("spikewatch_notifications_dropped_total")
        self.suppressed = made.counter("spikewatch_notifications_suppressed_total")
        self.acts = made.counter("spikewatch_acts_total")
        for act in ActKind:
            self.acts.labels(act, "applied")
        self.buttons = made.gauge("spikewatch_buttons_connected")
        self.connects = made.counter("spikewatch_buttons_connects_total")
        for outcome in ("worked", "failed"):
            self.connects.labels(outcome)
        self.delivery_duration = made.histogram(
            "spikewatch_notification_duration_seconds", buckets=_IO_BUCKETS
        )
        self.pending = made.gauge("spikewatch_notifications_pending")
        self.oldest_pending = made.gauge("spikewatch_notification_oldest_pending_timestamp_seconds")
        self.delivery_success = made.gauge("spikewatch_notification_last_success_timestamp_seconds")
        self.channels: set[str] = set()

    def begin(self, channel: str) -> None:
        """Have every label set of a channel."""
        self.channels.add(channel)
        self.deliveries.labels(channel)
        self.dropped.labels(channel)
        self.pending.labels(channel)
        self.delivery_duration.labels(channel)
        for reason in DELIVERY_REASONS:
            self.delivery_failures.labels(channel, reason)
        for mute in Muted:
            self.suppressed.labels(channel, mute)


class Keeping:
    """The store, the heartbeat, the configuration, and how often incidents were right."""

    def __init__(self, made: Instruments) -> None:
        self.heartbeats = made.counter("spikewatch_heartbeats_total")
        self.heartbeat_failures = made.counter("spikewatch_heartbeat_failures_total")
        self.store_size = made.gauge("spikewatch_store_size_bytes")
        self.labelled = made.gauge("spikewatch_incidents_labelled")
        for label in LABELS:
            self.labelled.labels(label)
        self.store_writes = made.counter("spikewatch_store_writes_total")
        self.store_failures = made.counter("spikewatch_store_write_failures_total")
        self.store_duration = made.histogram(
            "spikewatch_store_write_duration_seconds", buckets=_WRITE_BUCKETS
        )
        self.store_rows = made.gauge("spikewatch_store_rows")
        self.store_oldest = made.gauge("spikewatch_store_oldest_timestamp_seconds")
        self.reload_worked = made.gauge("spikewatch_config_last_reload_successful")
        self.reload_success = made.gauge("spikewatch_config_last_reload_success_timestamp_seconds")
        self.config = made.info("spikewatch_config_info")
