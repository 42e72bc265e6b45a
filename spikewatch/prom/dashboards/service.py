"""One service: which of its categories rise, by how much, and how that compares."""

from spikewatch.prom.dashboards.board import JOBS, Board, Variable, services_of, window_of
from spikewatch.prom.dashboards.panels import (
    BAND,
    INCIDENTS,
    JOB,
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


def board(monitored: Monitored) -> Board:
    """Return the dashboard."""
    chosen = Chosen.of(monitored.labels)
    categories = f"label_values(spikewatch_series_surging{{{chosen.services}}}, {chosen.category})"
    return Board(
        uid="spikewatch-service",
        title="spikewatch / Service",
        variables=(
            JOBS,
            services_of(monitored, is_multi=False),
            Variable("category", "Category", categories),
            window_of(monitored),
        ),
        panels=(*_whole(chosen), *_compared(chosen), _each(chosen)),
        labels=monitored.labels,
    )


def _whole(chosen: Chosen) -> tuple[Panel, ...]:
    return (
        Panel(
            Drawn.STATES,
            "Surges by category",
            "Red while an open incident covers the category.",
            (
                Query(
                    f"max by ({chosen.category}) (spikewatch_series_surging{{{chosen.categories}}})",
                    by_label(chosen.category),
                ),
            ),
            width=24,
            height=8,
            looks=SURGING,
        ),
        Panel(
            Drawn.TIMES,
            "The whole service",
            "Tickets of the service with the band called normal; the service is judged as a whole too.",
            tuple(
                Query(
                    f"max by ({chosen.service}) (spikewatch_service_{name}{{{chosen.services},{WINDOW}}})",
                    legend,
                )
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
                    f"max by ({chosen.category}) (spikewatch_series_score{{{chosen.categories},{WINDOW}}})",
                    by_label(chosen.category),
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


def _compared(chosen: Chosen) -> tuple[Panel, ...]:
    now = f"sum(max by ({chosen.apart}) (spikewatch_series_tickets{{{chosen.categories},{WINDOW}}}"
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
                    f"sum by ({chosen.category}) (max by ({chosen.apart}) "
                    f"(rate(spikewatch_tickets_total{{{chosen.categories}}}[$__rate_interval]))) * 3600",
                    by_label(chosen.category),
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
                    f"sort_desc(sum by ({chosen.category}) (max by ({chosen.apart}) "
                    f"(increase(spikewatch_tickets_total{{{chosen.categories}}}[$__range]))))",
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
                    f"max by (incident, {chosen.category}, severity) "
                    f'(spikewatch_incident_start_timestamp_seconds{{{JOB},{chosen.service}=~"$service|"}}) * 1000',
                    is_instant=True,
                ),
            ),
            unit="none",
            overrides=INCIDENTS,
            transformations=(hidden_columns("Time", renamed={"Value": "since"}),),
        ),
    )


def _each(chosen: Chosen) -> Panel:
    return Panel(
        Drawn.TIMES,
        "$category",
        "Tickets of the category with the band called normal; a gap is a time without data.",
        tuple(
            Query(
                f"sum(max by ({chosen.apart}) (spikewatch_series_{name}{{{chosen.categories},{WINDOW}}}))",
                legend,
            )
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
