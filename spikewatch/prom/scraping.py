"""How Prometheus reads us, and how Alertmanager passes on what the rules raise: examples to be copied from."""

from spikewatch.prom.monitored import Monitored
from spikewatch.prom.nodes import Node
from spikewatch.prom.rules import Flavor

_SPLIT_ABOVE = 2000
"""From so many series on, a scrape that grows too large should not cost us the daemon's own health with it."""

_SAMPLES_OF_A_SERIES = 6
_OTHER_SAMPLES = 3000
_INTERVAL = "30s"


def scrape(monitored: Monitored, *, flavor: Flavor = Flavor.PROMETHEUS) -> dict[str, Node]:
    """Return the scrape configuration: one job, or two where there are many series.

    A sample limit fails the whole scrape, hence health in a job of its own once the limit may be reached.
    """
    if flavor is Flavor.PROMETHEUSRULE:
        return _service_monitor(monitored)
    jobs = [_job(monitored, name, path, _INTERVAL) for name, path in _endpoints(monitored)]
    return {"scrape_configs": jobs}


def _endpoints(monitored: Monitored) -> tuple[tuple[str, str], ...]:
    if monitored.max_series <= _SPLIT_ABOVE:
        return ((monitored.job, "/metrics"),)
    return ((monitored.job, "/metrics/health"), (monitored.series_job, "/metrics/series"))


def _job(monitored: Monitored, name: str, path: str, interval: str) -> dict[str, Node]:
    return {
        "job_name": name,
        "metrics_path": path,
        "scrape_interval": interval,
        "sample_limit": _sample_limit(monitored),
        **monitored.access.of_job(),
        "static_configs": [{"targets": [monitored.address]}],
        "metric_relabel_configs": [
            _own_service_wins(monitored, "source_labels", "target_label"),
            *_one_job(monitored, name, "target_label"),
        ],
    }


def _sample_limit(monitored: Monitored) -> int:
    return monitored.max_series * _SAMPLES_OF_A_SERIES + _OTHER_SAMPLES


def _own_service_wins(monitored: Monitored, source_labels: str, target_label: str) -> dict[str, Node]:
    """Return the relabelling that gives our label of the service its name back, where the target has one too."""
    name = monitored.labels.service
    return {source_labels: [f"exported_{name}"], "regex": "(.+)", target_label: name}


def _one_job(monitored: Monitored, name: str, target_label: str) -> tuple[dict[str, Node], ...]:
    """Return what gives every sample the one job; `up` keeps that of its scrape, so that each can be seen to fail.

    With a job of their own, alerts on series would not be held back by the alerts on health that explain them.
    """
    return () if name == monitored.job else ({target_label: "job", "replacement": monitored.job},)


def _service_monitor(monitored: Monitored) -> dict[str, Node]:
    endpoints: list[Node] = [
        {
            "port": "metrics",
            "path": path,
            "interval": _INTERVAL,
            "honorLabels": True,
            **monitored.access.of_endpoint(),
            "metricRelabelings": [
                _own_service_wins(monitored, "sourceLabels", "targetLabel"),
                *_one_job(monitored, name, "targetLabel"),
            ],
            "relabelings": [{"targetLabel": "job", "replacement": name}],
        }
        for name, path in _endpoints(monitored)
    ]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": monitored.job, "labels": {"app.kubernetes.io/name": "spikewatch"}},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "spikewatch"}},
            "sampleLimit": _sample_limit(monitored),
            "endpoints": endpoints,
        },
    }


def prometheus(
    monitored: Monitored, *, alertmanager: str = "127.0.0.1:9093", interval: str = _INTERVAL
) -> dict[str, Node]:
    """Return a whole Prometheus configuration, for those who have none yet.

    alertmanager  its address, host:port
    """
    return {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": ["spikewatch.rules.yaml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "scrape_configs": [_job(monitored, name, path, interval) for name, path in _endpoints(monitored)],
    }


def alertmanager(
    monitored: Monitored,
    *,
    hooks: str = "http://127.0.0.1:8080",
    group_wait: str = "10s",
    group_interval: str = "1m",
) -> dict[str, Node]:
    """Return an Alertmanager configuration: who is woken, what goes to a chat, and what holds back what.

    hooks  where the receivers are called
    """
    return {
        "route": {
            "receiver": "chat",
            "group_by": ["alertname", "cluster", "job", monitored.labels.service],
            "group_wait": group_wait,
            "group_interval": group_interval,
            "repeat_interval": "4h",
            "routes": [
                {
                    "matchers": ["severity = none"],
                    "receiver": "dead-mans-switch",
                    "group_wait": "0s",
                    "repeat_interval": "1m",
                },
                {"matchers": ["severity = critical"], "receiver": "on-call"},
                {"matchers": ["severity = info"], "receiver": "nobody"},
            ],
        },
        "inhibit_rules": [
            _inhibits(["SpikewatchCompanySurge"], ["SpikewatchServiceSurge", "SpikewatchTicketSurge"], []),
            _inhibits(["SpikewatchServiceSurge"], ["SpikewatchTicketSurge"], [monitored.labels.service]),
            _inhibits(
                ["SpikewatchSourceStale"],
                ["SpikewatchDataBehind", "SpikewatchPollsFailing"],
                ["source"],
            ),
            # what is behind is told by source, over all instances
            _inhibits(
                ["SpikewatchDetectionLate", "SpikewatchStoreWriteFailing"], ["SpikewatchDataBehind"], []
            ),
            _inhibits(
                ["SpikewatchStoreWriteFailing"],
                ["SpikewatchSourceStale", "SpikewatchDetectionLate", "SpikewatchNotificationBacklog"],
                ["instance"],
            ),
            _inhibits(
                ["SpikewatchNotificationsFailing"], ["SpikewatchNotificationBacklog"], ["instance", "channel"]
            ),
        ],
        "receivers": [
            {"name": "on-call", "webhook_configs": [_webhook(f"{hooks}/on-call")]},
            {"name": "chat", "webhook_configs": [_webhook(f"{hooks}/chat")]},
            {"name": "dead-mans-switch", "webhook_configs": [_webhook(f"{hooks}/dead-mans-switch")]},
            {"name": "nobody"},
        ],
    }


def _inhibits(loud: list[str], quiet: list[str], equal: list[str]) -> dict[str, Node]:
    return {
        "source_matchers": [_one_of(loud)],
        "target_matchers": [_one_of(quiet)],
        "equal": ["cluster", "job", *equal],
    }


def _one_of(names: list[str]) -> str:
    return f'alertname =~ "{"|".join(names)}"' if len(names) > 1 else f"alertname = {names[0]}"


def _webhook(url: str) -> dict[str, Node]:
    return {"url": url, "send_resolved": True}
