"""The overview: whether anything surges, and whether what is shown can be trusted."""

from spikewatch.prom.dashboards.board import JOBS, Board, services_of, window_of
from spikewatch.prom.dashboards.panels import (
    BAND,
    GOOD_IS_HIGH,
    GOOD_IS_LOW,
    INCIDENTS,
    JOB,
    LINE,
    STACKED,
    STEPS,
    SURGING,
    WINDOW,
    Chosen,
    Drawn,
    Panel,
    Query,
    by_label,
    hidden_columns,
    named,
)
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.nodes import Node

_DRILL_DOWN = "/d/spikewatch-service?${datasource:queryparam}&var-service=${__value.raw}&${__url_time_range}"


def board(monitored: Monitored) -> Board:
    """Return the dashboard."""
    chosen = Chosen.of(monitored.labels)
    return Board(
        uid="spikewatch-overview",
        title="spikewatch / Overview",
        variables=(JOBS, services_of(monitored), window_of(monitored)),
        panels=(*_stats(monitored), *_surges(chosen), *_tickets(chosen), *_told()),
        labels=monitored.labels,
    )


def _stats(monitored: Monitored) -> tuple[Panel, ...]:
    behind = monitored.thresholds.behind.total_seconds()
    return (
        Panel(
            Drawn.STAT,
            "Open incidents",
            "Incidents that are open now, of any severity.",
            (Query(f"sum(max by (cluster, severity) (spikewatch_incidents_open{{{JOB}}}))"),),
            width=5,
            height=4,
            steps=GOOD_IS_LOW,
        ),
        Panel(
            Drawn.STAT,
            "Series surging",
            "Pairs of service and category that an open incident covers.",
            (Query(f'sum(max by (cluster, state) (spikewatch_series{{{JOB},state="surging"}}))'),),
            width=5,
            height=4,
            steps=GOOD_IS_LOW,
        ),
        Panel(
            Drawn.STAT,
            "Data age",
            "Age of the newest judged data of the source that is furthest behind. What is younger is not seen yet.",
            (Query(f"max(time() - spikewatch_window_end_timestamp_seconds{{{JOB}}})"),),
            unit="s",
            width=5,
            height=4,
            steps=(("green", None), ("orange", behind * 2 / 3), ("red", behind)),
        ),
        Panel(
            Drawn.STAT,
            "Sources up",
            "Whether the newest poll of every source worked.",
            (Query(f"min(spikewatch_source_up{{{JOB}}})"),),
            unit="bool_yes_no",
            width=4,
            height=4,
            steps=GOOD_IS_HIGH,
        ),
        Panel(
            Drawn.STAT,
            "Poll failures",
            "Share of polls that failed.",
            (
                Query(
                    f"sum(rate(spikewatch_poll_failures_total{{{JOB}}}[$__rate_interval])) / "
                    f"sum(rate(spikewatch_polls_total{{{JOB}}}[$__rate_interval]))"
                ),
            ),
            unit="percentunit",
            width=5,
            height=4,
            steps=(("green", None), ("orange", 0.05), ("red", monitored.thresholds.polls_failing)),
        ),
    )


def _surges(chosen: Chosen) -> tuple[Panel, ...]:
    names = f"{chosen.service}, {chosen.category}"
    return (
        Panel(
            Drawn.STATES,
            "Surges by service",
            "One row a service; red while the service or any of its categories surges.",
            (
                Query(
                    f"max by ({chosen.service}) (spikewatch_series_surging{{{chosen.services}}} "
                    f"or spikewatch_service_surging{{{chosen.services}}})",
                    by_label(chosen.service),
                ),
            ),
            width=24,
            height=9,
            looks=SURGING,
        ),
        Panel(
            Drawn.TABLE,
            "Incidents open",
            "Open incidents by the id that Slack and the log name too; an empty service is the whole company.",
            (
                Query(
                    f"max by (incident, {names}, severity) "
                    f"(spikewatch_incident_start_timestamp_seconds{{{JOB}}}) * 1000",
                    is_instant=True,
                ),
            ),
            unit="none",
            overrides=(_drill_down(chosen), *INCIDENTS),
            transformations=(hidden_columns("Time", renamed={"Value": "since"}),),
        ),
        Panel(
            Drawn.TABLE,
            "Strongest series",
            "Series with the highest scores now; 1 or more is a surge.",
            (
                Query(
                    f"topk(20, max by ({names}) (spikewatch_series_score{{{chosen.services},{WINDOW}}}))",
                    is_instant=True,
                ),
            ),
            unit="none",
            overrides=(_drill_down(chosen),),
            transformations=(hidden_columns("Time", renamed={"Value": "score"}),),
        ),
    )


def _drill_down(chosen: Chosen) -> Node:
    return named(chosen.service, links=[{"title": "Open the service", "url": _DRILL_DOWN}])


def _tickets(chosen: Chosen) -> tuple[Panel, ...]:
    def total(name: str) -> str:
        asked = f"spikewatch_service_{name}{{{chosen.services},{WINDOW}}}"
        return f"sum(max by (cluster, {chosen.service}) ({asked}))"

    return (
        Panel(
            Drawn.TIMES,
            "Tickets of the selected services",
            "Tickets in the window and what was expected there, added up over the selected services.",
            (Query(total("tickets"), "tickets"), Query(total("tickets_expected"), "expected")),
            looks=STEPS,
            overrides=BAND[:2],
        ),
        Panel(
            Drawn.TIMES,
            "Tickets by service",
            "Tickets in the window.",
            (
                Query(
                    f"max by ({chosen.service}) (spikewatch_service_tickets{{{chosen.services},{WINDOW}}})",
                    by_label(chosen.service),
                ),
            ),
            looks=STEPS,
        ),
        Panel(
            Drawn.TIMES,
            "Series by state",
            "Learning series have too little history; those without data are blind; muted ones are silenced.",
            (Query(f"sum by (state) (max by (cluster, state) (spikewatch_series{{{JOB}}}))", "{{state}}"),),
            looks=STACKED,
        ),
        Panel(
            Drawn.TIMES,
            "Tickets an hour",
            "Tickets counted, as a rate over the time range's own resolution.",
            (
                Query(
                    f"sum by ({chosen.service}) (max by ({chosen.apart}) "
                    f"(rate(spikewatch_tickets_total{{{chosen.services}}}[$__rate_interval]))) * 3600",
                    by_label(chosen.service),
                ),
            ),
            looks=LINE,
        ),
    )


def _told() -> tuple[Panel, ...]:
    return (
        Panel(
            Drawn.TIMES,
            "Deliveries",
            "Delivery attempts an hour by channel.",
            (
                Query(
                    f"sum by (channel) (rate(spikewatch_notifications_total{{{JOB}}}[$__rate_interval])) * 3600",
                    "{{channel}}",
                ),
            ),
            looks=LINE,
        ),
        Panel(
            Drawn.TIMES,
            "Failed deliveries",
            "Failed attempts an hour by reason.",
            (
                Query(
                    "sum by (reason) "
                    f"(rate(spikewatch_notification_failures_total{{{JOB}}}[$__rate_interval])) * 3600",
                    "{{reason}}",
                ),
            ),
            looks=LINE,
        ),
    )
