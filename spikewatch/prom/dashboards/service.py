"""One service: which of its categories rise, by how much, and how that compares."""

from spikewatch.prom.dashboards.board import JOBS, SERVICES, Board, Variable, window_of
from spikewatch.prom.dashboards.panels import (
    BAND,
    CATEGORY,
    JOB,
    SERIES,
    SERVICE,
    STEPS,
    SURGING,
    WINDOW,
    Drawn,
    Panel,
    Query,
    hidden_columns,
    named,
)
from spikewatch.prom.monitored import Monitored

_CATEGORIES = 'label_values(spikewatch_series_surging{job=~"$job",service=~"$service"}, category)'


def board(monitored: Monitored) -> Board:
    """Return the dashboard."""
    return Board(
        uid="spikewatch-service",
        title="spikewatch / Service",
        variables=(
            JOBS,
            Variable("service", "Service", SERVICES, is_multi=False),
            Variable("category", "Category", _CATEGORIES),
            window_of(monitored),
        ),
        panels=(*_whole(), *_compared(), _each()),
    )


def _whole() -> tuple[Panel, ...]:
    return (
        Panel(
            Drawn.STATES,
            "Surges by category",
            "Red while an open incident covers the category.",
            (Query(f"max by (category) (spikewatch_series_surging{{{CATEGORY}}})", "{{category}}"),),
            width=24,
            height=8,
            looks=SURGING,
        ),
        Panel(
            Drawn.TIMES,
            "The whole service",
            "Tickets of the service with the band called normal; the service is judged as a whole too.",
            tuple(
                Query(f"max by (service) (spikewatch_service_{name}{{{SERVICE},{WINDOW}}})", legend)
                for name, legend in (
                    ("tickets", "tickets"),
                    ("tickets_expected", "expected"),
                    ("tickets_upper", "upper"),
                )
            ),
            looks=STEPS,
            overrides=BAND,
        ),
        Panel(
            Drawn.TIMES,
            "Score by category",
            "How unusual the window is; a surge begins at 1.",
            (
                Query(
                    f"max by (category) (spikewatch_series_score{{{CATEGORY},{WINDOW}}})",
                    "{{category}}",
                ),
            ),
            unit="none",
            looks={
                **STEPS,
                "custom": {
                    "drawStyle": "line",
                    "lineInterpolation": "stepAfter",
                    "lineWidth": 1,
                    "fillOpacity": 0,
                    "spanNulls": False,
                    "showPoints": "never",
                    "thresholdsStyle": {"mode": "line"},
                },
                "thresholds": {
                    "mode": "absolute",
                    "steps": [{"color": "green", "value": 0}, {"color": "red", "value": 1}],
                },
            },
        ),
    )


def _compared() -> tuple[Panel, ...]:
    now = f"sum(max by ({SERIES}) (spikewatch_series_tickets{{{CATEGORY},{WINDOW}}}"
    return (
        Panel(
            Drawn.TIMES,
            "This week against last week",
            "Tickets of the selected categories in the window, and those of a week before.",
            (
                Query(f"{now}))", "tickets"),
                Query(f"{now} offset 1w))", "a week before"),
            ),
            looks=STEPS,
            overrides=(BAND[0], named("a week before", custom__lineStyle={"fill": "dash", "dash": [2, 4]})),
        ),
        Panel(
            Drawn.TIMES,
            "Tickets an hour by category",
            "Tickets counted, as a rate over the time range's own resolution.",
            (
                Query(
                    f"sum by (category) (max by ({SERIES}) "
                    f"(rate(spikewatch_tickets_total{{{CATEGORY}}}[$__rate_interval]))) * 3600",
                    "{{category}}",
                ),
            ),
            looks=STEPS,
        ),
        Panel(
            Drawn.TABLE,
            "Tickets in the time range",
            "Tickets counted by category within the time range above.",
            (
                Query(
                    f"sort_desc(sum by (category) (max by ({SERIES}) "
                    f"(increase(spikewatch_tickets_total{{{CATEGORY}}}[$__range]))))",
                    is_instant=True,
                ),
            ),
            looks={"decimals": 0},
            transformations=(hidden_columns("Time", renamed={"Value": "tickets"}),),
        ),
        Panel(
            Drawn.TABLE,
            "Incidents of the service",
            "Open incidents by the id that Slack and the log name too; an empty category is several of them.",
            (
                Query(
                    "max by (incident, category, severity) "
                    f'(spikewatch_incident_start_timestamp_seconds{{{JOB},service=~"$service|"}}) * 1000',
                    is_instant=True,
                ),
            ),
            unit="dateTimeAsLocal",
            transformations=(hidden_columns("Time", renamed={"Value": "since"}),),
        ),
    )


def _each() -> Panel:
    return Panel(
        Drawn.TIMES,
        "$category",
        "Tickets of the category with the band called normal; a gap is a time without data.",
        tuple(
            Query(f"sum(max by ({SERIES}) (spikewatch_series_{name}{{{CATEGORY},{WINDOW}}}))", legend)
            for name, legend in (
                ("tickets", "tickets"),
                ("tickets_expected", "expected"),
                ("tickets_upper", "upper"),
            )
        ),
        width=24,
        looks=STEPS,
        overrides=BAND,
        repeat="category",
    )
