"""The parts of a dashboard: queries, panels, thresholds, colours.

Overrides match by legend, so `tickets`, `expected` and `upper` are names that hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from spikewatch.adapters.prometheus.catalogue import LabelNames
from spikewatch.prom.nodes import Node

JOB = 'job=~"$job"'
WINDOW = 'window="$window"'

DATASOURCE: Mapping[str, Node] = {"type": "prometheus", "uid": "$datasource"}

_RARE = "10m"
"""Least resolution of rates: polls come every few minutes and deliveries now and then, so a finer one would be all gaps."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """How the series are asked for that the variables of a dashboard choose.

    service   label of the service
    category  label of the category
    """

    service: str
    category: str

    @classmethod
    def of(cls, names: LabelNames) -> Self:
        """Return it for these names of labels."""
        return cls(names.service, names.category)

    @property
    def services(self) -> str:
        """Matchers of the chosen services."""
        return f'{JOB},{self.service}=~"$service"'

    @property
    def categories(self) -> str:
        """Matchers of their chosen categories."""
        return f'{self.services},{self.category}=~"$category"'

    @property
    def apart(self) -> str:
        """What a sum over series goes by after `max by`: two daemons that watch the same desk count once."""
        return f"cluster, {self.service}, {self.category}"


class Drawn(StrEnum):
    """Kinds of panels."""

    STAT = "stat"
    TIMES = "timeseries"
    STATES = "state-timeline"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and what its result is called.

    is_instant  of the end of the time range alone, for tables
    """

    expr: str
    legend: str = ""
    is_instant: bool = False

    def node(self, place: int) -> dict[str, Node]:
        """Return the query as a panel's target."""
        return {
            "datasource": DATASOURCE,
            "expr": self.expr,
            "legendFormat": self.legend,
            "refId": chr(ord("A") + place),
            "instant": self.is_instant,
            "range": not self.is_instant,
            "format": "table" if self.is_instant else "time_series",
        }


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `width` of 24, `height` in rows of 30 pixels.

    steps    colours by value: the first for everything below the second's value
    looks    further defaults of its fields
    renders  options of its kind, over the usual ones
    """

    kind: Drawn
    title: str
    says: str
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 12
    height: int = 8
    steps: tuple[tuple[str, float | None], ...] = ()
    looks: Mapping[str, Node] = field(default_factory=dict)
    overrides: tuple[Node, ...] = ()
    renders: Mapping[str, Node] = field(default_factory=dict)
    transformations: tuple[Node, ...] = ()
    repeat: str | None = None

    def node(self, number: int, *, x: int, y: int) -> dict[str, Node]:
        """Return the panel at its place."""
        defaults: dict[str, Node] = {"unit": self.unit, **_colours(self.steps), **self.looks}
        made: dict[str, Node] = {
            "id": number,
            "type": self.kind.value,
            "title": self.title,
            "description": self.says,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [query.node(place) for place, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": defaults, "overrides": self.overrides},
            "options": {**_USUAL[self.kind], **self.renders},
        }
        if any("$__rate_interval" in query.expr for query in self.queries):
            made["interval"] = _RARE
        if self.transformations:
            made["transformations"] = self.transformations
        if self.repeat is not None:
            made |= {"repeat": self.repeat, "repeatDirection": "v"}
        return made


_LEGEND: Mapping[str, Node] = {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True}

_USUAL: Mapping[Drawn, Mapping[str, Node]] = {
    Drawn.STAT: {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "auto",
        "colorMode": "background",
        "graphMode": "area",
        "justifyMode": "auto",
        "textMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    },
    Drawn.TIMES: {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    Drawn.STATES: {
        "mergeValues": True,
        "showValue": "never",
        "rowHeight": 0.8,
        "alignValue": "left",
        "legend": _LEGEND,
        "tooltip": {"mode": "single", "sort": "none"},
    },
    Drawn.TABLE: {"showHeader": True, "cellHeight": "sm"},
}


def _colours(steps: Sequence[tuple[str, float | None]]) -> dict[str, Node]:
    if not steps:
        return {}
    # the value of the lowest step is null in Grafana's own files
    shown: list[Node] = [{"color": colour, "value": value} for colour, value in steps]  # type: ignore[dict-item]  # null
    return {"thresholds": {"mode": "absolute", "steps": shown}, "color": {"mode": "thresholds"}}


GOOD_IS_LOW = (("green", None), ("red", 1.0))
GOOD_IS_HIGH = (("red", None), ("green", 1.0))

_PALETTE: Node = {"mode": "palette-classic"}

LINE: Mapping[str, Node] = {
    "color": _PALETTE,
    "custom": {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 5,
        "spanNulls": False,
        "showPoints": "never",
    },
    "min": 0,
}
"""A line with gaps where there is no data: a flat lie is worse."""

STEPS: Mapping[str, Node] = {
    "color": _PALETTE,
    "custom": {
        "drawStyle": "line",
        "lineInterpolation": "stepAfter",
        "lineWidth": 1,
        "fillOpacity": 0,
        "spanNulls": False,
        "showPoints": "never",
    },
    "min": 0,
}

STACKED: Mapping[str, Node] = {
    "color": _PALETTE,
    "custom": {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 40,
        "spanNulls": False,
        "showPoints": "never",
        "stacking": {"group": "A", "mode": "normal"},
    },
    "min": 0,
}

SURGING: Mapping[str, Node] = {
    "mappings": [
        {
            "type": "value",
            "options": {
                "0": {"text": "normal", "color": "green", "index": 0},
                "1": {"text": "surge", "color": "red", "index": 1},
            },
        }
    ],
    "color": {"mode": "thresholds"},
    "thresholds": {
        "mode": "absolute",
        "steps": [{"color": "green", "value": 0}, {"color": "red", "value": 1}],
    },
    "custom": {"fillOpacity": 80, "lineWidth": 0},
}


def named(legend: str, **properties: Node) -> Node:
    """Return an override of the field with that legend; dots of property names are written as two underscores."""
    return {
        "matcher": {"id": "byName", "options": legend},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def by_label(label: str) -> str:
    """Return the legend that is the value of a label.

    >>> by_label("service")
    '{{service}}'
    """
    return f"{{{{{label}}}}}"


def _fixed(colour: str) -> Node:
    return {"mode": "fixed", "fixedColor": colour}


BAND = (
    named("tickets", custom__lineWidth=2, color=_fixed("orange")),
    named("expected", custom__lineStyle={"fill": "dash", "dash": [6, 6]}, color=_fixed("blue")),
    named("upper", custom__fillBelowTo="expected", custom__fillOpacity=12, color=_fixed("light-blue")),
)
"""Tickets in front of what is called normal: the expectation, dashed, and the band up to the largest normal count."""


INCIDENTS = (
    named("incident", custom__width=90),
    named("severity", custom__width=100),
    named("since", unit="dateTimeFromNow", custom__width=150),
)
"""Columns of incidents, narrow enough for half a screen. A date as the unit of all would make dates of names as well."""


def hidden_columns(*names: str, renamed: Mapping[str, str]) -> Node:
    """Return the transformation that leaves columns of a table out and gives others a name."""
    return {
        "id": "organize",
        "options": {
            "excludeByName": dict.fromkeys(names, True),
            "indexByName": {},
            "renameByName": dict(renamed),
        },
    }
