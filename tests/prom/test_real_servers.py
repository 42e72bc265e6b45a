"""The real daemon, read by a real Prometheus, whose alerts a real Alertmanager sends to a webhook."""

import json
import math
import re
import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from spikewatch.adapters.prometheus.asking import PrometheusServer
from spikewatch.prom.dashboards import boards
from spikewatch.prom.monitored import Monitored, Thresholds
from spikewatch.prom.rules import all_alerts
from spikewatch.sandbox.chat import Chat
from spikewatch.sandbox.helpdesk import HelpDesk
from tests.e2e.running import (
    Running,
    chat_of,
    daemon,
    desk_of,
    eventually,
    now,
    quiet_weeks,
    spikewatch,
    surge,
    write_config,
)
from tests.prom.real import Watching, prometheus

pytestmark = [pytest.mark.e2e, pytest.mark.servers]

SECOND = timedelta(seconds=1)
QUICK = Thresholds(stale_polls=2, stale_for=SECOND, keep_firing=SECOND)
"""Polls come every ten seconds here, so a source is stale after twenty."""

CHOICES = {
    "$__rate_interval": "30s",
    "$__range": "1h",
    "$job": "spikewatch",
    "$window": "15m",
    "$service": "shop",
    "$category": ".+",
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[HelpDesk, Chat]]:
    """Three quiet weeks and a surge in the shop's logins that is under way, and the configuration to watch them."""
    ended = now() - timedelta(minutes=2)
    tickets = [*quiet_weeks(ended), *surge(ended - timedelta(minutes=10), tickets=40, first_id=1_000_000)]
    with desk_of(tickets) as helpdesk, chat_of() as chat:
        write_config(tmp_path, desk=helpdesk, chat=chat)
        yield helpdesk, chat


def backfilled(folder: Path, promtool: str, *, address: str, around: datetime) -> Path:
    """Blocks of the daemon's store, for the hour around an instant."""
    written = spikewatch(
        *("prom", "backfill", "--config", "watch.yaml", "--out", "history.om", "--instance", address),
        *("--since", (around - timedelta(minutes=30)).isoformat()),
        *("--until", (around + timedelta(minutes=30)).isoformat()),
        folder=folder,
    )
    assert written.returncode == 0, written.stderr
    blocks = folder / "blocks"
    made = subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", str(folder / "history.om"), str(blocks)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return blocks


def address_of(running: Running) -> str:
    url = next(str(line["metrics"]) for line in running.events if line["event"] == "started")
    return url.split("/")[2]


def filled(expr: str) -> str:
    for name, value in CHOICES.items():
        expr = expr.replace(name, value)
    return expr


def panel_queries() -> Sequence[tuple[str, str]]:
    """Every query of every dashboard, with where it stands."""
    made: list[Any] = [json.loads(json.dumps(board.node())) for board in boards(Monitored())]
    queries = [
        (f"{board['uid']}: {panel['title']}", filled(target["expr"]))
        for board in made
        for panel in board["panels"]
        for target in panel["targets"]
    ]
    return [
        *queries,
        *((f"{made[0]['uid']}: annotation", filled(made[0]["annotations"]["list"][0]["expr"])),),
    ]


def without_data(server: PrometheusServer) -> list[str]:
    """Every query whose result is empty, or no number; the time of a delivery is none while nothing is delivered."""
    return [
        f"{place}: {expr}"
        for place, expr in panel_queries()
        if not any(
            "notification_duration" in expr or math.isfinite(answer.value) for answer in server.query(expr)
        )
    ]


def test_dashboards_alerts_history_and_ids_hold_with_real_servers(
    tmp_path: Path, promtool: str, desk: tuple[HelpDesk, Chat]
) -> None:
    helpdesk, chat = desk
    with daemon(tmp_path) as running:
        running.wait_for("delivered")
        address = address_of(running)
        blocks = backfilled(tmp_path, promtool, address=address, around=now() - timedelta(weeks=1))
        monitored = Monitored(address=address, thresholds=QUICK)
        clashing = {
            "job_name": "clashing",
            "static_configs": [{"targets": [address], "labels": {"service": "kubernetes"}}],
        }
        with prometheus(tmp_path, monitored, extra_jobs=[clashing], blocks=blocks) as watching:
            every_panel_has_data(watching)
            every_rule_is_healthy(watching)
            one_incident_stands_in_log_message_metrics_and_alert(watching, running, chat)
            verifying_finds_all_well_and_a_clash_where_one_is(watching, tmp_path)
            helpdesk.stop()
            a_stale_source_pages_and_the_surge_stays(watching)


def every_panel_has_data(watching: Watching) -> None:
    eventually(
        lambda: not without_data(watching.server),
        within_s=60,
        why=lambda: "\n".join(["no data:", *without_data(watching.server)]),
    )


def every_rule_is_healthy(watching: Watching) -> None:
    eventually(
        lambda: all(rule.health == "ok" for rule in watching.server.rules()),
        why=lambda: str([rule for rule in watching.server.rules() if rule.health != "ok"]),
    )
    assert {alert.name for alert in all_alerts(Monitored())} <= {
        rule.name for rule in watching.server.rules()
    }


def one_incident_stands_in_log_message_metrics_and_alert(
    watching: Watching, running: Running, chat: Chat
) -> None:
    eventually(
        lambda: any(
            alert["labels"]["job"] == "spikewatch"
            for alert in watching.hook.alerts("SpikewatchTicketSurge", receiver="chat")
        )
    )
    eventually(lambda: bool(watching.hook.alerts("SpikewatchWatchdog", receiver="dead-mans-switch")))

    alert = next(
        alert
        for alert in watching.hook.alerts("SpikewatchTicketSurge", receiver="chat")
        if alert["labels"]["job"] == "spikewatch"
    )
    logged = {line["incident"] for line in running.events if line["event"] == "incident_opened"}
    delivered = {line.get("incident") for line in running.events if line["event"] == "delivered"}
    exposed = watching.server.query('spikewatch_incident_start_timestamp_seconds{job="spikewatch"}')
    paged = re.findall(r"Incident (SW-\d+)\.", alert["annotations"]["description"])

    assert alert["labels"]["service"] == "shop"
    assert logged == {"SW-1"}
    assert delivered == logged
    assert {answer.labels["incident"] for answer in exposed} == logged
    assert set(paged) == logged
    assert all("SW-1" in json.dumps(message.blocks) or "SW-1" in message.text for message in chat.messages)


def verifying_finds_all_well_and_a_clash_where_one_is(watching: Watching, folder: Path) -> None:
    def verified(job: str) -> subprocess.CompletedProcess[str]:
        return spikewatch("prom", "verify", "--url", watching.url, "--job", job, folder=folder)

    well, clashing = verified("spikewatch"), verified("clashing")

    assert (well.returncode, well.stderr) == (0, ""), well.stdout
    assert well.stdout.count("ok   ") == len(well.stdout.splitlines())
    assert clashing.returncode == 3
    assert "BAD  label clash: our label service arrives as exported_service" in clashing.stdout


def a_stale_source_pages_and_the_surge_stays(watching: Watching) -> None:
    eventually(lambda: bool(watching.hook.alerts("SpikewatchSourceStale", receiver="on-call")), within_s=60)

    alert = watching.hook.alerts("SpikewatchSourceStale", receiver="on-call")[0]
    assert alert["labels"]["source"] == "desk"
    assert alert["annotations"]["summary"].startswith("No good poll of desk for ")
    assert [answer.value for answer in watching.server.query('up{job="spikewatch"}')] == [1]
    assert [answer.value for answer in watching.server.query('spikewatch_source_up{job="spikewatch"}')] == [0]
    assert watching.server.query('spikewatch_series_surging{job="spikewatch"} == 1')
    eventually(lambda: bool(watching.server.query('spikewatch_poll_interval_seconds{job="spikewatch"} > 10')))
