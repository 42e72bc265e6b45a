"""All rules together, as a rules file, as the operator's resource, and as the page of runbooks."""

from collections.abc import Sequence
from enum import StrEnum

from spikewatch.core.settings import format_duration
from spikewatch.prom import health, surges, upkeep
from spikewatch.prom.alert import Alert, Recording
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.nodes import Node


class Flavor(StrEnum):
    """Who reads the rules."""

    PROMETHEUS = "prometheus"
    """Prometheus 2.42 or newer."""
    VMALERT = "vmalert"
    """VictoriaMetrics' vmalert, whose older versions refuse a rules file with `keep_firing_for`."""
    PROMETHEUSRULE = "prometheusrule"
    """The Prometheus operator: a PrometheusRule resource."""


def all_alerts(monitored: Monitored, *, health_only: bool = False) -> Sequence[Alert]:
    """Return every alert, those on surges first; or all but these."""
    on_surges = () if health_only else surges.alerts(monitored)
    return (*on_surges, *health.alerts(monitored), *upkeep.alerts(monitored))


def rules(
    monitored: Monitored, *, flavor: Flavor = Flavor.PROMETHEUS, health_only: bool = False
) -> dict[str, Node]:
    """Return the rules file of a flavour.

    health_only  leave out the alerts on surges, for those who are paged by Slack; what they record stays
    """
    keeps = flavor is not Flavor.VMALERT
    # a group is evaluated in order: what an alert reads is recorded right before it
    groups: list[Node] = [
        _group(
            "surges",
            surges.recordings(monitored),
            () if health_only else surges.alerts(monitored),
            monitored,
            keeps=keeps,
        ),
        _group("health", health.recordings(), health.alerts(monitored), monitored, keeps=keeps),
        _group("upkeep", upkeep.recordings(), upkeep.alerts(monitored), monitored, keeps=keeps),
    ]
    if flavor is not Flavor.PROMETHEUSRULE:
        return {"groups": groups}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": monitored.job, "labels": {"app.kubernetes.io/name": "spikewatch"}},
        "spec": {"groups": groups},
    }


def _group(
    name: str,
    recordings: Sequence[Recording],
    alerts: Sequence[Alert],
    monitored: Monitored,
    *,
    keeps: bool,
) -> dict[str, Node]:
    recorded = [_recorded(recording) for recording in recordings]
    raised = [_alerting(alert, monitored, keeps=keeps) for alert in alerts]
    return {"name": f"spikewatch-{name}", "rules": [*recorded, *raised]}


def _recorded(recording: Recording) -> dict[str, Node]:
    return {"record": recording.name, "expr": recording.expr}


def _alerting(alert: Alert, monitored: Monitored, *, keeps: bool) -> dict[str, Node]:
    rule: dict[str, Node] = {"alert": alert.name, "expr": alert.expr}
    if alert.wait:
        rule["for"] = format_duration(alert.wait)
    if alert.keep and keeps:
        rule["keep_firing_for"] = format_duration(alert.keep)
    rule["labels"] = {"severity": alert.urgency.value}
    rule["annotations"] = {
        "summary": alert.summary,
        "description": alert.description,
        "runbook_url": f"{monitored.runbooks}#{alert.name.lower()}",
    }
    return rule


def runbooks(monitored: Monitored) -> str:
    """Return the page of runbooks in Markdown; each heading is the anchor that its alert links to."""
    parts = [
        "# Runbooks",
        "One for each alert that `spikewatch prom rules` writes. `F` is the configuration file of the daemon.",
        *(_runbook(alert) for alert in all_alerts(monitored)),
    ]
    return "\n\n".join(parts) + "\n"


def _runbook(alert: Alert) -> str:
    looks = "\n".join(f"{number}. {step}" for number, step in enumerate(alert.runbook.look, start=1))
    does = "\n".join(f"- {step}" for step in alert.runbook.do)
    waits = f", after {format_duration(alert.wait)}" if alert.wait else ""
    return "\n\n".join(
        (
            f"## {alert.name}",
            f"Severity {alert.urgency}{waits}.",
            alert.runbook.means,
            f"**Look**\n\n{looks}",
            f"**Do**\n\n{does}",
            f"**Fires while**\n\n```promql\n{alert.expr}\n```",
        )
    )
