"""One cause, one page: what Alertmanager holds back while another alert fires, asked of a real one.

The labels of each alert are those that promtool saw it fire with, so a rule that changes its labels shows here.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from spikewatch.prom.monitored import Monitored
from tests.e2e.running import eventually
from tests.prom.real import alertmanager, webhook
from tests.prom.test_alerts import cases

pytestmark = pytest.mark.servers

DESK, CHAT = {"source": "desk"}, {"source": "chat"}

TOGETHER: Mapping[str, tuple[Sequence[tuple[str, Mapping[str, str]]], Sequence[str]]] = {
    "the help desk does not answer": (
        (("SourceStale", DESK), ("PollsFailing", DESK), ("DataBehind", DESK)),
        ("SourceStale",),
    ),
    "one source is stale, another is behind by itself": (
        (("SourceStale", DESK), ("DataBehind", CHAT)),
        ("SourceStale", "DataBehind"),
    ),
    "judging hangs": (
        (("DetectionLate", {}), ("DataBehind", DESK), ("DataBehind", CHAT)),
        ("DetectionLate",),
    ),
    "judging hangs in another job": (
        (("DetectionLate", {"job": "another"}), ("DataBehind", DESK)),
        ("DetectionLate", "DataBehind"),
    ),
    "the disk refuses writes": (
        (
            ("StoreWriteFailing", {}),
            ("SourceStale", DESK),
            ("DetectionLate", {}),
            ("DataBehind", DESK),
            ("NotificationBacklog", {}),
        ),
        ("StoreWriteFailing",),
    ),
    "a channel is down": (
        (("NotificationsFailing", {}), ("NotificationBacklog", {})),
        ("NotificationsFailing",),
    ),
    "one channel is down, another one is slow": (
        (("NotificationsFailing", {}), ("NotificationBacklog", {"channel": "#shop"})),
        ("NotificationsFailing", "NotificationBacklog"),
    ),
    "the whole company": (
        (("CompanySurge", {}), ("ServiceSurge", {}), ("TicketSurge", {})),
        ("CompanySurge",),
    ),
    "a whole service, and a category of another": (
        (("ServiceSurge", {"service": "pay"}), ("TicketSurge", {"service": "shop"})),
        ("ServiceSurge", "TicketSurge"),
    ),
}
"""What fires together, and what of it is told; alerts without their common beginning."""


@cache
def labels_of(alert: str) -> Mapping[str, str]:
    """The labels with which promtool saw an alert fire first."""
    checks = (check for each in cases()["tests"] for check in each["alert_rule_test"])
    fired = next(check for check in checks if check["alertname"] == alert and check["exp_alerts"])
    return dict(fired["exp_alerts"][0]["exp_labels"])


def posted(url: str, body: object) -> None:
    request = Request(
        url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}, method="POST"
    )
    with urlopen(request, timeout=5) as answer:
        assert answer.status == 200


def told(found: Sequence[Mapping[str, Any]], case: str) -> list[str]:
    """The alerts of a case that nothing holds back."""
    return sorted(
        alert["labels"]["alertname"].removeprefix("Spikewatch")
        for alert in found
        if alert["labels"]["cluster"] == case and alert["status"]["state"] == "active"
    )


def test_of_all_alerts_with_one_cause_the_one_that_names_it_is_told(tmp_path: Path) -> None:
    firing = [
        {"labels": {**labels_of(name), "alertname": name, **other, "cluster": case}}
        for case, (alerts, _) in TOGETHER.items()
        for name, other in ((f"Spikewatch{short}", other) for short, other in alerts)
    ]

    with webhook() as hook, alertmanager(tmp_path, hook, Monitored()) as address:
        alerts = f"http://{address}/api/v2/alerts"
        posted(alerts, firing)

        def judged() -> list[Mapping[str, Any]]:
            with urlopen(alerts, timeout=5) as answer:
                found: list[Mapping[str, Any]] = json.load(answer)
            return [alert for alert in found if alert["status"]["state"] != "unprocessed"]

        eventually(lambda: len(judged()) == len(firing), why=lambda: str(judged()))
        found = judged()

    assert {case: told(found, case) for case in TOGETHER} == {
        case: sorted(expected) for case, (_, expected) in TOGETHER.items()
    }
