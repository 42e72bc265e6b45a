"""Every metric there is: name, type, labels and help. Instruments, exposition, rules and dashboards go by this table.

Names are a promise to those who wrote rules on them. Label values are either closed sets or names out of the
configuration and the help desk, cleaned; never ticket ids, subjects, people or error texts.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LONGEST_LABEL = 128
"""Characters that a label value keeps."""

_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}


class Kind(StrEnum):
    """What a metric is to Prometheus."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    INFO = "info"


class Part(StrEnum):
    """Which endpoint shows a metric, beside `/metrics`, which shows all."""

    SERIES = "series"
    HEALTH = "health"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric by the name that queries use, `_total` and `_info` included."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    part: Part

    @property
    def family(self) -> str:
        """The name without the suffix that its type adds, as OpenMetrics declares it.

        >>> METRICS["spikewatch_tickets_total"].family
        'spikewatch_tickets'
        """
        suffix = {Kind.COUNTER: "_total", Kind.INFO: "_info"}.get(self.kind, "")
        return self.name.removesuffix(suffix)


@dataclass(frozen=True, slots=True)
class LabelNames:
    """What the labels of a series are called, where others would clash with ours."""

    service: str = "service"
    category: str = "category"

    def of(self, label: str) -> str:
        """Return what a label of the catalogue is called.

        >>> LabelNames(service="desk").of("service"), LabelNames(service="desk").of("window")
        ('desk', 'window')
        """
        return {"service": self.service, "category": self.category}.get(label, label)


USUAL_NAMES = LabelNames()


def clean_label(value: str) -> str:
    r"""Return a label value that every reader can stand: no control characters, trimmed, not long, never empty.

    >>> clean_label("  pay\nments\t"), clean_label("\x00 ")
    ('payments', 'unknown')
    """
    shown = "".join(sign for sign in value if unicodedata.category(sign) not in _UNPRINTABLE)
    return shown.strip()[:LONGEST_LABEL].strip() or "unknown"


def label_text(values: Mapping[str, str]) -> str:
    """Return labels as they stand behind a name, sorted and escaped; nothing where there are none.

    >>> label_text({"service": "pay", "category": "login"})
    '{category="login",service="pay"}'
    """
    parts = (f'{key}="{_escaped(values[key])}"' for key in sorted(values))
    return f"{{{','.join(parts)}}}" if values else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _gauge(part: Part, name: str, help_text: str, *labels: str) -> Metric:
    return Metric(f"spikewatch_{name}", Kind.GAUGE, labels, help_text, part)


def _counter(part: Part, name: str, help_text: str, *labels: str) -> Metric:
    return Metric(f"spikewatch_{name}", Kind.COUNTER, labels, help_text, part)


def _histogram(name: str, help_text: str, *labels: str) -> Metric:
    return Metric(f"spikewatch_{name}", Kind.HISTOGRAM, labels, help_text, Part.HEALTH)


def _info(name: str, help_text: str, *labels: str) -> Metric:
    return Metric(f"spikewatch_{name}", Kind.INFO, labels, help_text, Part.HEALTH)


def _level(level: str, subject: str, *labels: str) -> tuple[Metric, ...]:
    windowed = (*labels, "window")
    return (
        _gauge(
            Part.SERIES,
            f"{level}_tickets",
            f"Tickets opened in the newest complete window, {subject}",
            *windowed,
        ),
        _gauge(
            Part.SERIES,
            f"{level}_tickets_expected",
            f"Tickets the baseline expected there, {subject}",
            *windowed,
        ),
        _gauge(
            Part.SERIES, f"{level}_tickets_upper", f"Largest count still called normal, {subject}", *windowed
        ),
        _gauge(
            Part.SERIES,
            f"{level}_score",
            f"How unusual the window is; 1 or more is a surge, {subject}",
            *windowed,
        ),
        _gauge(
            Part.SERIES, f"{level}_surging", f"1 while an open incident covers it, else 0, {subject}", *labels
        ),
    )


_SERIES, _HEALTH = Part.SERIES, Part.HEALTH

CATALOGUE: tuple[Metric, ...] = (
    *_level("series", "by service and category", "service", "category"),
    *_level("service", "by service", "service"),
    *_level("fleet", "of all services"),
    _counter(_SERIES, "tickets_total", "Tickets counted in judged buckets", "service", "category"),
    _gauge(_SERIES, "series", "Series by state", "state"),
    _gauge(_SERIES, "series_hidden", "Series watched but not exposed", "reason"),
    _gauge(_SERIES, "series_limit", "Most series that may be exposed"),
    _gauge(_SERIES, "window_end_timestamp_seconds", "End of the newest window evaluated", "source", "window"),
    _gauge(_SERIES, "window_duration_seconds", "Length of the window", "window"),
    _gauge(_SERIES, "incidents_open", "Open incidents", "severity"),
    _gauge(_SERIES, "incidents_unacknowledged", "Open incidents that nobody has taken yet", "severity"),
    _counter(_SERIES, "incidents_opened_total", "Incidents opened", "severity"),
    _counter(_SERIES, "incidents_closed_total", "Incidents closed", "severity"),
    _gauge(
        _SERIES,
        "incident_start_timestamp_seconds",
        "Start of each open incident, the loudest and newest 100; an empty service is the whole company, an empty "
        "category several of them",
        "incident",
        "service",
        "category",
        "severity",
    ),
    _histogram(
        "incident_duration_seconds",
        "From the beginning of an incident to its end, of closed ones",
        "severity",
    ),
    _histogram(
        "incident_detection_delay_seconds",
        "From the end of the bucket that opened an incident until it was known",
    ),
    _gauge(
        _HEALTH,
        "incidents_labelled",
        "Incidents opened within four weeks, by what people said they were; none: nobody said",
        "label",
    ),
    _gauge(
        _HEALTH,
        "incidents_precision_ratio",
        "Share of the incidents labelled within four weeks that were real, 0 to 1; absent while none is labelled",
    ),
    _gauge(
        _HEALTH,
        "incidents_recall_ratio",
        "Share of the incidents known of within four weeks that were told, 0 to 1; absent while none is known",
    ),
    _gauge(_HEALTH, "source_up", "1 if the newest poll worked; 0 before the first", "source"),
    _counter(_HEALTH, "polls_total", "Polls that finished, well or badly", "source"),
    _counter(_HEALTH, "poll_failures_total", "Polls that failed", "source", "reason"),
    _counter(
        _HEALTH,
        "polls_skipped_total",
        "Polls that were due and asked nothing: one still ran, limit kept, waiting after a failure, or credentials refused",
        "source",
        "reason",
    ),
    _gauge(_HEALTH, "backfill_progress_ratio", "Share of the wanted history that is read, 0 to 1", "source"),
    _gauge(
        _HEALTH,
        "backfill_left_seconds",
        "Time until the wanted history is read; absent while unknown",
        "source",
    ),
    _counter(
        _HEALTH,
        "missed_updates_total",
        "Changes that a nightly second reading found and the live one had missed; each is healed",
        "source",
    ),
    _gauge(
        _HEALTH,
        "count_difference_tickets",
        "Tickets of the newest checked day that the source counts and the store does not; absent before the first check",
        "source",
        "scope",
    ),
    _gauge(
        _HEALTH,
        "reconciliation_last_success_timestamp_seconds",
        "End of the newest check that was carried through; absent before the first",
        "source",
        "check",
    ),
    _gauge(
        _HEALTH,
        "detection_waiting",
        "1 for what detection waits for before it can tell of anything, else 0",
        "reason",
    ),
    _gauge(_HEALTH, "detection_known_seconds", "Known history that the next baseline learns from"),
    _histogram("poll_duration_seconds", "Time of one poll", "source"),
    _gauge(_HEALTH, "poll_interval_seconds", "Interval in force, back-off included", "source"),
    _gauge(
        _HEALTH, "poll_last_attempt_timestamp_seconds", "End of the newest poll; 0 before the first", "source"
    ),
    _gauge(
        _HEALTH,
        "poll_last_success_timestamp_seconds",
        "End of the newest poll that worked, or of its newest page while it lasts; 0 before it",
        "source",
    ),
    _counter(_HEALTH, "source_tickets_read_total", "Tickets read, repeats included", "source"),
    _counter(
        _HEALTH, "ticket_corrections_total", "Tickets that moved or vanished after being counted", "source"
    ),
    _counter(_HEALTH, "late_tickets_total", "Tickets first seen too late to be judged", "source"),
    _counter(
        _HEALTH,
        "api_requests_total",
        "Requests by HTTP code, or error where there was no answer",
        "source",
        "code",
    ),
    _gauge(_HEALTH, "api_limit_requests", "Rate limit stated by the source; absent until it does", "source"),
    _gauge(_HEALTH, "api_remaining_requests", "What is left of the limit; absent until stated", "source"),
    _gauge(
        _HEALTH, "api_limit_reset_timestamp_seconds", "When the limit resets; absent until stated", "source"
    ),
    _counter(_HEALTH, "api_throttled_seconds_total", "Time spent waiting for the limit", "source"),
    _gauge(
        _HEALTH,
        "source_clock_skew_seconds",
        "Clock of the source less ours; absent until it states the time",
        "source",
    ),
    _histogram("detection_duration_seconds", "Time of one pass over all series"),
    _counter(_HEALTH, "detection_runs_total", "Passes that finished, well or badly"),
    _counter(_HEALTH, "detection_failures_total", "Passes that failed", "reason"),
    _counter(_HEALTH, "detection_buckets_total", "Buckets judged"),
    _counter(
        _HEALTH,
        "detection_skipped_total",
        "Series that a pass left out: too little history, no data, or muted",
        "reason",
    ),
    _gauge(
        _HEALTH, "detection_last_run_timestamp_seconds", "End of the newest pass that worked; 0 before it"
    ),
    _histogram("baseline_refit_duration_seconds", "Time of fitting the baseline anew"),
    _gauge(_HEALTH, "baseline_last_refit_timestamp_seconds", "End of the newest fit; 0 before the first"),
    _counter(_HEALTH, "notifications_total", "Delivery attempts that finished, well or badly", "channel"),
    _counter(_HEALTH, "notification_failures_total", "Delivery attempts that failed", "channel", "reason"),
    _counter(_HEALTH, "notifications_dropped_total", "Deliveries given up for good", "channel"),
    _counter(
        _HEALTH,
        "notifications_suppressed_total",
        "Notices held back by a silence, maintenance, a snooze, a dismissal, a route or a receiver's hours",
        "channel",
        "reason",
    ),
    _counter(_HEALTH, "acts_total", "What people did to incidents, by what became of it", "act", "outcome"),
    _gauge(_HEALTH, "buttons_connected", "1 while presses of buttons arrive; 0 without an app token"),
    _counter(_HEALTH, "buttons_connects_total", "Attempts to connect for presses of buttons", "outcome"),
    _histogram("notification_duration_seconds", "Time of one delivery that worked", "channel"),
    _gauge(_HEALTH, "notifications_pending", "Deliveries waiting or under way", "channel"),
    _gauge(
        _HEALTH,
        "notification_oldest_pending_timestamp_seconds",
        "When the oldest waiting delivery was made; absent where none waits",
        "channel",
    ),
    _gauge(
        _HEALTH,
        "notification_last_success_timestamp_seconds",
        "Newest delivery that worked; absent before the first",
        "channel",
    ),
    _counter(_HEALTH, "heartbeats_total", "Calls of the heartbeat's address, well or badly"),
    _counter(_HEALTH, "heartbeat_failures_total", "Calls of the heartbeat's address that failed"),
    _gauge(_HEALTH, "store_size_bytes", "Size of the store"),
    _gauge(
        _HEALTH,
        "store_free_bytes",
        "Free space on the volume where the store lies; absent where only a database server sees it",
    ),
    _gauge(
        _HEALTH,
        "store_volume_bytes",
        "Size of the volume where the store lies; absent where only a database server sees it",
    ),
    _counter(_HEALTH, "store_writes_total", "Writes to the store, well or badly"),
    _counter(
        _HEALTH, "store_write_failures_total", "Writes that the store refused; nothing of them was kept"
    ),
    _histogram("store_write_duration_seconds", "Time of one write, its wait for other writes included"),
    _gauge(_HEALTH, "store_rows", "Tickets and counts kept"),
    _gauge(_HEALTH, "store_oldest_timestamp_seconds", "Oldest bucket kept; 0 while there is none"),
    _gauge(_HEALTH, "config_last_reload_successful", "1 if the newest load of the configuration worked"),
    _gauge(_HEALTH, "config_last_reload_success_timestamp_seconds", "When loading it worked last"),
    _info("config_info", "Configuration in force", "hash", "schema"),
    _info("build_info", "Build in force", "version", "revision", "python"),
)
"""All metrics of our own; the library adds process_*, python_info and python_gc_*."""

METRICS = {metric.name: metric for metric in CATALOGUE}
"""The catalogue by name."""
