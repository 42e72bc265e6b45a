"""The flavour for vmalert, and the dashboards' queries, with a real VictoriaMetrics that reads a real server."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.http.server import Condition, HttpServer, Pages
from spikewatch.adapters.prometheus.asking import PrometheusServer
from spikewatch.adapters.prometheus.catalogue import LabelNames
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.adapters.prometheus.health import HealthMetrics, new_registry
from spikewatch.core.counts import SeriesKey
from spikewatch.prom import scraping
from spikewatch.prom.dashboards import boards
from spikewatch.prom.files import rules_files, to_yaml
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.rules import Flavor, all_alerts
from tests.adapters.test_prometheus import incident, snapshot_of
from tests.e2e.running import eventually, now
from tests.prom.real import answers, free_port, process
from tests.prom.test_dashboards import filled
from tests.servers import require

pytestmark = pytest.mark.servers

SERIES = [SeriesKey("pay", "login"), SeriesKey("pay", "refund")]


def surging_fleet(names: LabelNames) -> Pages:
    """Two series, of which one surges in an open incident, as the daemon renders them."""
    registry, clock = new_registry(), SystemClock()
    health = HealthMetrics(registry, clock=clock, version="1.2.3", sources=["desk"], channels=["#ops"])
    health.cycle(seconds=0.1, buckets=1)
    shown = Exposition(
        FleetRenderer(label_names=names), registry=registry, clock=clock, stale_after=timedelta(hours=1)
    )
    shown.publish(
        replace(
            snapshot_of(SERIES, surging=["login"]),
            judged_until=now(),
            incidents=(incident(7, series=SERIES[:1]),),
        )
    )
    fine = Condition(ok=True, reason="turning")
    return Pages(scrape=shown.scrape, health=lambda: fine, readiness=lambda: fine)


@contextmanager
def victoria_metrics(folder: Path, monitored: Monitored) -> Iterator[str]:
    """VictoriaMetrics with the generated scrape, each second; its address."""
    program, said = str(require("victoria-metrics", "victoria-metrics")), folder / "victoria-metrics.log"
    made: Any = scraping.prometheus(monitored, interval="1s")
    (folder / "scrape.yaml").write_text(to_yaml({"scrape_configs": made["scrape_configs"]}), "utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    command = (
        program,
        f"-promscrape.config={folder}/scrape.yaml",
        "-promscrape.config.strictParse",
        f"-storageDataPath={folder}/victoria",
        f"-httpListenAddr={url.removeprefix('http://')}",
        "-search.latencyOffset=0s",  # it hides the newest half minute otherwise
    )
    with process(said, *command):
        eventually(lambda: answers(f"{url}/health"), why=lambda: said.read_text("utf-8"))
        yield url


@contextmanager
def vmalert(folder: Path, rules: Path, *, source: str) -> Iterator[str]:
    """A vmalert that evaluates the rules each second; its address."""
    program, said = str(require("victoria-metrics", "vmalert")), folder / "vmalert.log"
    url = f"http://127.0.0.1:{free_port()}"
    command = (
        program,
        f"-rule={rules}",
        f"-datasource.url={source}",
        f"-remoteWrite.url={source}",
        f"-notifier.url={source}",  # nobody is told here; what fires is asked of it
        "-evaluationInterval=1s",
        f"-httpListenAddr={url.removeprefix('http://')}",
    )
    with process(said, *command):
        eventually(lambda: answers(f"{url}/health"), why=lambda: said.read_text("utf-8"))
        yield url


def rules_file(folder: Path, monitored: Monitored, *, health_only: bool = False) -> Path:
    name, text = next(iter(rules_files(monitored, flavor=Flavor.VMALERT, health_only=health_only).items()))
    (folder / name).write_text(text, "utf-8")
    return folder / name


def fired(url: str) -> Mapping[str, Mapping[str, Any]]:
    """What vmalert fires now, by name."""
    with urlopen(f"{url}/api/v1/alerts", timeout=5) as answer:
        found: Sequence[Mapping[str, Any]] = json.load(answer)["data"]["alerts"] or ()
    return {alert["name"]: alert for alert in found if alert["state"] == "firing"}


def errors_of(url: str) -> list[str]:
    """What vmalert could not evaluate."""
    with urlopen(f"{url}/api/v1/rules", timeout=5) as answer:
        groups: Sequence[Any] = json.load(answer)["data"]["groups"]
    return [
        f"{rule['name']}: {rule['lastError']}"
        for group in groups
        for rule in group["rules"]
        if rule["lastError"]
    ]


@pytest.mark.parametrize("health_only", [False, True])
def test_vmalert_accepts_the_flavour_that_is_written_for_it(tmp_path: Path, *, health_only: bool) -> None:
    program = str(require("victoria-metrics", "vmalert"))
    file = rules_file(tmp_path, Monitored(), health_only=health_only)

    done = subprocess.run(
        [program, "-dryRun", f"-rule={file}"], check=False, capture_output=True, text=True, timeout=30
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("names", [LabelNames(), LabelNames(service="desk", category="kind")])
def test_victoria_metrics_scrapes_answers_every_query_and_raises_a_surge_with_its_incident(
    tmp_path: Path, names: LabelNames
) -> None:
    server = HttpServer("127.0.0.1:0", pages=surging_fleet(names))
    with ExitStack() as stack:
        server.start()
        stack.callback(server.stop)
        monitored = Monitored(address=server.address, labels=names)
        source = stack.enter_context(victoria_metrics(tmp_path, monitored))
        alerts = stack.enter_context(vmalert(tmp_path, rules_file(tmp_path, monitored), source=source))
        asked = PrometheusServer(source)

        for alert in all_alerts(monitored):
            asked.query(alert.expr)
        for board in boards(monitored):
            for panel in board.panels:
                for query in panel.queries:
                    asked.query(filled(query.expr))
        eventually(lambda: "SpikewatchTicketSurge" in fired(alerts), why=lambda: str(fired(alerts)))
        surge = fired(alerts)["SpikewatchTicketSurge"]

        assert errors_of(alerts) == []
        assert (surge["labels"][names.service], surge["labels"][names.category]) == ("pay", "login")
        assert surge["annotations"]["summary"] == "Ticket surge in pay / login"
        assert surge["annotations"]["description"].startswith("Incident INC-7. 0 tickets in the newest 15m")
        assert "SpikewatchDown" not in fired(alerts)
