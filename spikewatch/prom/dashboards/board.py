"""A dashboard: its variables, its panels in rows, its links to the others."""

from collections.abc import Sequence
from dataclasses import dataclass

from spikewatch.adapters.prometheus.catalogue import LabelNames
from spikewatch.core.settings import format_duration
from spikewatch.prom.dashboards.panels import DATASOURCE, JOB, Panel
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.nodes import Node

WIDE = 24
_SCHEMA = 39


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of a dashboard.

    query     what Prometheus is asked for the values
    is_multi  several at once, or all
    shown     the choice at first, where it is not all
    """

    name: str
    label: str
    query: str
    is_multi: bool = True
    shown: str = ""

    def node(self) -> dict[str, Node]:
        """Return the variable; refreshed with the time range, so that it offers what was there then."""
        first: dict[str, Node] = (
            {"text": "All", "value": "$__all"} if self.is_multi else {"text": self.shown, "value": self.shown}
        )
        made: dict[str, Node] = {
            "type": "query",
            "name": self.name,
            "label": self.label,
            "datasource": DATASOURCE,
            "query": {"query": self.query, "refId": self.name},
            "definition": self.query,
            "refresh": 2,
            "sort": 1,
            "multi": self.is_multi,
            "includeAll": self.is_multi,
            "current": first,
            "options": [],
            "hide": 0,
        }
        return made | {"allValue": ".+"} if self.is_multi else made


JOBS = Variable(
    "job", "Job", 'label_values({__name__=~"spikewatch_build_info|spikewatch_series_limit"}, job)'
)


def services_of(monitored: Monitored, *, is_multi: bool = True) -> Variable:
    """Return the choice of services, or of one."""
    query = f'label_values(spikewatch_service_surging{{job=~"$job"}}, {monitored.labels.service})'
    return Variable("service", "Service", query, is_multi=is_multi)


def window_of(monitored: Monitored) -> Variable:
    """Return the choice of a window: sums over several windows would count tickets twice."""
    return Variable(
        "window",
        "Window",
        'label_values(spikewatch_window_duration_seconds{job=~"$job"}, window)',
        is_multi=False,
        shown=format_duration(monitored.window),
    )


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard; `uid` never changes, for links and bookmarks hold it.

    labels  what the labels of a series are called
    """

    uid: str
    title: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]
    labels: LabelNames

    def node(self) -> dict[str, Node]:
        """Return the dashboard as Grafana reads it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "tags": ["spikewatch"],
            "schemaVersion": _SCHEMA,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "refresh": "1m",
            "time": {"from": "now-24h", "to": "now"},
            "templating": {"list": [_DATASOURCES, *(variable.node() for variable in self.variables)]},
            "annotations": {"list": [_incidents(self.labels)]},
            "links": [_OTHERS],
            "panels": _placed(self.panels),
        }


_DATASOURCES: dict[str, Node] = {
    "type": "datasource",
    "name": "datasource",
    "label": "Data source",
    "query": "prometheus",
    "current": {"text": "default", "value": "default"},
    "options": [],
    "refresh": 1,
    "hide": 0,
    "multi": False,
    "includeAll": False,
}


def _incidents(names: LabelNames) -> dict[str, Node]:
    by = f"incident, {names.service}, {names.category}, severity"
    return {
        "name": "Incidents",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": f"max by ({by}) (spikewatch_incident_start_timestamp_seconds{{{JOB}}}) * 1000",
        "useValueForTime": True,
        "titleFormat": f"{{{{incident}}}} {{{{{names.service}}}}} {{{{{names.category}}}}}",
        "textFormat": "{{severity}}",
        "step": "60s",
    }


_OTHERS: dict[str, Node] = {
    "title": "spikewatch",
    "type": "dashboards",
    "tags": ["spikewatch"],
    "asDropdown": True,
    "includeVars": True,
    "keepTime": True,
    "targetBlank": False,
    "icon": "external link",
    "tooltip": "",
    "url": "",
}


def _placed(panels: Sequence[Panel]) -> list[Node]:
    placed: list[Node] = []
    x = y = tallest = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > WIDE:
            x, y, tallest = 0, y + tallest, 0
        placed.append(panel.node(number, x=x, y=y))
        x, tallest = x + panel.width, max(tallest, panel.height)
    return placed
