"""A real Prometheus reads the real server: over TLS, with and without the right password, and a very large fleet in time."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.http.encrypting import Certificates
from spikewatch.adapters.http.guarding import Guard, hashed
from spikewatch.adapters.http.server import Condition, HttpServer, Pages
from spikewatch.adapters.http.settings import TlsSettings
from spikewatch.adapters.prometheus.asking import PrometheusServer
from spikewatch.adapters.prometheus.exposition import Exposition
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.adapters.prometheus.health import HealthMetrics, new_registry
from spikewatch.core.counts import Roster, SeriesKey
from spikewatch.core.snapshot import Snapshot, WindowReadings
from spikewatch.prom import scraping
from spikewatch.prom.monitored import Monitored
from tests.certificates import Authority, authority
from tests.e2e.running import eventually, now
from tests.prom.real import answers, free_port, process
from tests.servers import require

pytestmark = pytest.mark.servers

MANY = 10_000
IN_TIME_S = 0.1
HOUR = timedelta(hours=1)
PASSWORD = "correct horse"


def fleet_of(series: int) -> Pages:
    """So many series in ten services, as the daemon renders them."""
    roster = Roster.of(
        SeriesKey(f"service-{number % 10}", f"問い合わせ種別 {number}") for number in range(series)
    )
    row = np.arange(len(roster))
    readings = WindowReadings(
        window=timedelta(minutes=15),
        observed=row,
        expected=row.astype(np.float64) * 0.9 + 0.123456789,
        upper=row + 3,
        score=row.astype(np.float64) / len(roster),
        judged=np.ones(len(roster), dtype=np.bool_),
    )
    snapshot = Snapshot(
        roster=roster,
        judged_until=now(),
        readings={15: readings},
        surging=row % 500 == 0,
        learned=np.ones(len(roster), dtype=np.bool_),
        tickets_total=row * 1000,
        watermarks={"desk": now()},
    )
    registry, clock = new_registry(), SystemClock()
    HealthMetrics(registry, clock=clock, version="1.2.3")
    exposition = Exposition(
        FleetRenderer(max_series=20_000), registry=registry, clock=clock, stale_after=HOUR
    )
    exposition.publish(snapshot)
    fine = Condition(ok=True, reason="turning")
    return Pages(scrape=exposition.scrape, health=lambda: fine, readiness=lambda: fine)


def jobs(server: HttpServer, signer: Authority) -> list[dict[str, Any]]:
    """One job for each way in which a client may come."""
    reader = signer.signed("reader", subject="prometheus")
    trusting = {"ca_file": str(signer.own.cert)}
    certified = trusting | {"cert_file": str(reader.cert), "key_file": str(reader.key)}
    ways: dict[str, dict[str, Any]] = {
        "password": {
            "tls_config": certified,
            "basic_auth": {"username": "prometheus", "password": PASSWORD},
        },
        "token": {"tls_config": certified, "authorization": {"credentials": "letmein"}},
        "wrong password": {
            "tls_config": certified,
            "basic_auth": {"username": "prometheus", "password": "wrong"},
        },
        "no certificate": {"tls_config": trusting, "authorization": {"credentials": "letmein"}},
        "unknown authority": {"authorization": {"credentials": "letmein"}},
    }
    return [
        {
            "job_name": name,
            "scheme": "https",
            "scrape_interval": "1s",
            "metrics_path": "/metrics" if name == "password" else "/metrics/health",
            "static_configs": [{"targets": [server.address]}],
            **way,
        }
        for name, way in ways.items()
    ]


@contextmanager
def prometheus(folder: Path, scraped: Sequence[Any]) -> Iterator[PrometheusServer]:
    program, address = str(require("prometheus", "prometheus")), f"127.0.0.1:{free_port()}"
    (folder / "prometheus.yaml").write_text(json.dumps({"scrape_configs": scraped}), "utf-8")
    said = folder / "prometheus.log"
    command = (
        program,
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={address}",
        "--log.level=warn",
    )
    with process(said, *command):
        eventually(lambda: answers(f"http://{address}/-/ready"), why=lambda: said.read_text("utf-8"))
        yield PrometheusServer(f"http://{address}")


def test_who_may_read_does_so_in_time_and_nobody_else_does(tmp_path: Path) -> None:
    require("prometheus", "prometheus")
    signer = authority(tmp_path)
    pair = signer.signed("server")
    tls = TlsSettings(cert_file=pair.cert, key_file=pair.key, client_ca_file=signer.own.cert)
    guard = Guard(user="prometheus", password_hash=hashed(PASSWORD), bearer_token="letmein")
    server = HttpServer("127.0.0.1:0", pages=fleet_of(MANY), guard=guard, certificates=Certificates(tls))
    with ExitStack() as stack:
        server.start()
        stack.callback(server.stop)
        watching = stack.enter_context(prometheus(tmp_path, jobs(server, signer)))

        def up() -> dict[str, float]:
            return {found.labels["job"]: found.value for found in watching.query("up")}

        admitted = {"password": 1, "token": 1}
        refused = {"wrong password": 0, "no certificate": 0, "unknown authority": 0}
        eventually(lambda: up() == admitted | refused, why=lambda: str(up()))
        eventually(lambda: bool(watching.query('scrape_samples_scraped{job="password"} > 60000')))
        quickest = 'min_over_time(scrape_duration_seconds{job="password"}[1m])'
        eventually(
            lambda: watching.query(quickest)[0].value < IN_TIME_S,
            why=lambda: f"the quickest scrape took {watching.query(quickest)[0].value:.3f} s",
        )


def test_one_daemon_is_one_job_to_every_rule_where_it_is_scraped_in_two(tmp_path: Path) -> None:
    require("prometheus", "prometheus")
    server = HttpServer("127.0.0.1:0", pages=fleet_of(10), guard=Guard(), certificates=None)
    with ExitStack() as stack:
        server.start()
        stack.callback(server.stop)
        monitored = Monitored(address=server.address, max_series=MANY)
        made: Any = scraping.prometheus(monitored, interval="1s")
        watching = stack.enter_context(prometheus(tmp_path, made["scrape_configs"]))

        def jobs_of(metric: str) -> set[str]:
            return {found.labels["job"] for found in watching.query(metric)}

        eventually(lambda: jobs_of("up == 1") == {"spikewatch", "spikewatch-series"})
        eventually(lambda: bool(jobs_of("spikewatch_polls_total or spikewatch_build_info")))
        eventually(lambda: bool(jobs_of("spikewatch_window_end_timestamp_seconds")))

        assert jobs_of('{__name__=~"spikewatch_.+"}') == {"spikewatch"}
