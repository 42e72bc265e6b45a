"""The daemon's own health: whether it reads, judges, keeps and tells, and what it costs."""

from collections.abc import Mapping

from spikewatch.prom.dashboards.board import JOBS, Board
from spikewatch.prom.dashboards.panels import (
    GOOD_IS_HIGH,
    JOB,
    LINE,
    STACKED,
    Drawn,
    Panel,
    Query,
    hidden_columns,
)
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.nodes import Node

_RATE = "[$__rate_interval]"


def board(monitored: Monitored) -> Board:
    """Return the dashboard."""
    return Board(
        uid="spikewatch-health",
        title="spikewatch / Health",
        variables=(JOBS,),
        labels=monitored.labels,
        panels=(*_stats(monitored), *_reading(), *_judging(), *_telling(), *_keeping(), *_running()),
    )


def _ours(metric: str, *, rate: str = "", over: str = "") -> str:
    """Return what every target has, of our own alone: the choice of all jobs would be all that Prometheus scrapes.

    Series may be scraped in a job of their own, and a daemon that is down was there within a day.
    """
    asked = f'{metric}{{job=~"$job(-series)?"}}{over}'
    read = f"{rate}({asked})" if rate else asked
    return f"{read} and on (cluster, instance) last_over_time(spikewatch_build_info{{{JOB}}}[1d])"


def _stats(monitored: Monitored) -> tuple[Panel, ...]:
    limits = monitored.thresholds
    return (
        _stat("Scraped", "Whether Prometheus reads the daemon.", f"min({_ours('up')})", unit="bool_yes_no"),
        _stat(
            "Newest pass of judging",
            "Time since a pass of judging worked.",
            f"max(time() - spikewatch_detection_last_run_timestamp_seconds{{{JOB}}})",
            unit="s",
            steps=(("green", None), ("orange", 120), ("red", 360)),
        ),
        _stat(
            "Request limit left",
            "Share of the source's request limit that is left, of the source with the least.",
            f"min(spikewatch_api_remaining_requests{{{JOB}}} / (spikewatch_api_limit_requests{{{JOB}}} > 0))",
            unit="percentunit",
            steps=(("red", None), ("orange", limits.api_budget_low), ("green", 2 * limits.api_budget_low)),
        ),
        _stat(
            "Deliveries waiting",
            "Messages that were not delivered yet.",
            f"sum(spikewatch_notifications_pending{{{JOB}}})",
            steps=(("green", None), ("orange", 5), ("red", 20)),
        ),
        _stat(
            "Space for the store",
            "Free space on the volume where the store lies, as a share of it.",
            f"min(spikewatch_store_free_bytes{{{JOB}}} / spikewatch_store_volume_bytes{{{JOB}}})",
            unit="percentunit",
            steps=(("red", None), ("orange", limits.store_free / 2), ("green", limits.store_free)),
        ),
        _stat(
            "Configuration loaded",
            "Whether the newest configuration was accepted.",
            f"min(spikewatch_config_last_reload_successful{{{JOB}}})",
            unit="bool_yes_no",
        ),
    )


def _stat(
    title: str,
    says: str,
    expr: str,
    *,
    unit: str = "short",
    steps: tuple[tuple[str, float | None], ...] = GOOD_IS_HIGH,
) -> Panel:
    return Panel(Drawn.STAT, title, says, (Query(expr),), unit=unit, width=4, height=4, steps=steps)


def _line(
    title: str, says: str, *queries: Query, unit: str = "short", looks: Mapping[str, Node] = LINE
) -> Panel:
    return Panel(Drawn.TIMES, title, says, queries, unit=unit, width=8, looks=looks)


def _quantiles(histogram: str, by: str = "") -> tuple[Query, ...]:
    groups, legend = (f"le, {by}", f"{{{{{by}}}}} ") if by else ("le", "")
    return tuple(
        Query(
            f"histogram_quantile({share}, sum by ({groups}) (rate(spikewatch_{histogram}_bucket{{{JOB}}}{_RATE})))",
            f"{legend}p{int(share * 100)}",
        )
        for share in (0.5, 0.95)
    )


def _per_second(counter: str, by: str) -> str:
    return f"sum by ({by}) (rate(spikewatch_{counter}_total{{{JOB}}}{_RATE}))"


def _reading() -> tuple[Panel, ...]:
    return (
        _line(
            "Time of a poll",
            "Half and 95 of 100 polls take less.",
            *_quantiles("poll_duration_seconds", "source"),
            unit="s",
        ),
        _line(
            "Requests by code",
            "Requests to the source a minute.",
            Query(f"{_per_second('api_requests', 'source, code')} * 60", "{{source}} {{code}}"),
            looks=STACKED,
        ),
        _line(
            "Failed polls",
            "Failed polls a minute by reason.",
            Query(f"{_per_second('poll_failures', 'source, reason')} * 60", "{{source}} {{reason}}"),
        ),
        _line(
            "Polls not started",
            "Polls a minute that were left out: one still ran, the limit was spent, or a failure is waited out.",
            Query(f"{_per_second('polls_skipped', 'source, reason')} * 60", "{{source}} {{reason}}"),
        ),
        _line(
            "Request limit",
            "What the source says is left of its limit.",
            Query(f"max by (source) (spikewatch_api_remaining_requests{{{JOB}}})", "{{source}} left"),
            Query(f"max by (source) (spikewatch_api_limit_requests{{{JOB}}})", "{{source}} limit"),
        ),
        _line(
            "Interval of polls",
            "Seconds between polls as they are in force, back-off included.",
            Query(f"max by (source) (spikewatch_poll_interval_seconds{{{JOB}}})", "{{source}}"),
            unit="s",
        ),
        _line(
            "Time spent waiting for limits",
            "Share of time in which requests waited for a limit, ours or the source's.",
            Query(_per_second("api_throttled_seconds", "source"), "{{source}}"),
            unit="percentunit",
        ),
        _line(
            "Tickets read",
            "Tickets read a minute, those that moved or vanished after being counted, and those read too late.",
            Query(f"{_per_second('source_tickets_read', 'source')} * 60", "{{source}} read"),
            Query(f"{_per_second('ticket_corrections', 'source')} * 60", "{{source}} corrected"),
            Query(f"{_per_second('late_tickets', 'source')} * 60", "{{source}} late"),
        ),
        _line(
            "Clock of the source",
            "Seconds by which the clock of the source is ahead of ours; below zero it is behind.",
            Query(f"max by (source) (spikewatch_source_clock_skew_seconds{{{JOB}}})", "{{source}}"),
            unit="s",
            looks={key: value for key, value in LINE.items() if key != "min"},
        ),
    )


def _judging() -> tuple[Panel, ...]:
    return (
        _line(
            "Time of a pass of judging",
            "Half and 95 of 100 passes take less.",
            *_quantiles("detection_duration_seconds"),
            unit="s",
        ),
        _line(
            "Series left out of a pass",
            "Series that a pass could not judge, a second by reason.",
            Query(_per_second("detection_skipped", "reason"), "{{reason}}"),
        ),
        _line(
            "Failed passes",
            "Failed passes a minute by reason.",
            Query(f"{_per_second('detection_failures', 'reason')} * 60", "{{reason}}"),
        ),
    )


def _telling() -> tuple[Panel, ...]:
    oldest = f"spikewatch_notification_oldest_pending_timestamp_seconds{{{JOB}}}"
    return (
        _line(
            "Time of a delivery",
            "Half and 95 of 100 deliveries that worked take less.",
            *_quantiles("notification_duration_seconds", "channel"),
            unit="s",
        ),
        _line(
            "Age of the queue",
            "How long the oldest waiting delivery waits.",
            Query(
                f"max by (channel) (time() - {oldest} or spikewatch_notifications_pending{{{JOB}}} == 0)",
                "{{channel}}",
            ),
            unit="s",
        ),
        _line(
            "Not sent on purpose",
            "Messages an hour that were held back, by reason.",
            Query(f"{_per_second('notifications_suppressed', 'reason')} * 3600", "{{reason}}"),
        ),
    )


def _keeping() -> tuple[Panel, ...]:
    return (
        _line(
            "Size of the store",
            "Size of the store, and free space where it lies.",
            Query(f"max by (instance) (spikewatch_store_size_bytes{{{JOB}}})", "{{instance}} size"),
            Query(f"max by (instance) (spikewatch_store_free_bytes{{{JOB}}})", "{{instance}} free"),
            unit="bytes",
        ),
        _line(
            "Time of a write",
            "Half and 95 of 100 writes take less.",
            *_quantiles("store_write_duration_seconds"),
            unit="s",
        ),
        _line(
            "Failed writes",
            "Failed writes a minute.",
            Query(f"{_per_second('store_write_failures', 'instance')} * 60", "{{instance}}"),
        ),
    )


def _running() -> tuple[Panel, ...]:
    return (
        _line(
            "Memory",
            "Memory that the process holds.",
            Query(f"max by (instance) ({_ours('process_resident_memory_bytes')})", "{{instance}}"),
            unit="bytes",
        ),
        _line(
            "Processor",
            "Share of one core that the process uses.",
            Query(
                f"max by (instance) ({_ours('process_cpu_seconds_total', rate='rate', over=_RATE)})",
                "{{instance}}",
            ),
            unit="percentunit",
        ),
        _line(
            "Starts within an hour",
            "How often the process was started anew.",
            Query(
                f"max by (instance) ({_ours('process_start_time_seconds', rate='changes', over='[1h]')})",
                "{{instance}}",
            ),
        ),
        _line(
            "Samples exposed",
            "Samples of the newest scrape; six a series.",
            Query(f"max by (job, instance) ({_ours('scrape_samples_scraped')})", "{{job}} {{instance}}"),
        ),
        _line(
            "Series hidden",
            "Series that are judged and told, but not exposed.",
            Query(f"max by (reason) (spikewatch_series_hidden{{{JOB}}})", "{{reason}}"),
        ),
        Panel(
            Drawn.TABLE,
            "Version",
            "Build and configuration in force.",
            (
                Query(
                    f"max by (instance, version, revision, python) (spikewatch_build_info{{{JOB}}})",
                    is_instant=True,
                ),
                Query(f"max by (instance, hash, schema) (spikewatch_config_info{{{JOB}}})", is_instant=True),
            ),
            unit="none",
            width=8,
            transformations=(
                {"id": "merge", "options": {}},
                hidden_columns("Time", "Value #A", "Value #B", renamed={}),
            ),
        ),
    )
