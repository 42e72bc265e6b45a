"""The heartbeat against a local web server, alone and in the daemon."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.heartbeat import Heartbeat
from spikewatch.app.assembly import Assembly, assemble
from spikewatch.config import Config, Purpose, explain, load
from spikewatch.errors import Mistake
from spikewatch.ports import Unavailable

CONFIG = """\
timezone: Asia/Tokyo
store: sqlite:///{store}
sources:
  - {{kind: zendesk, name: desk, url: "http://127.0.0.1:9", client_id: tests, category: {{field: 900}}}}
metrics: {{listen: "127.0.0.1:0"}}
"""


class Monitor:
    """A monitoring service: it notes which paths are called, and answers what it is told to."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.status = 200
        self.stopped = threading.Event()
        self.is_slow = False
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                monitor.called.append(self.path)
                if monitor.is_slow:
                    monitor.stopped.wait(30)
                self.send_response_only(monitor.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_port}/s3cret-id"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        if self.stopped.is_set():
            return
        self.stopped.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with closing(Monitor()) as opened:
        yield opened


def config_of(folder: Path, *, heartbeat: str = "", env: str | None = None) -> Config:
    file = folder / "watch.yaml"
    file.write_text(CONFIG.format(store=folder / "watch.db") + heartbeat, "utf-8")
    secrets = {"SPIKEWATCH_DESK_CLIENT_SECRET": "s3cret"}
    if env is not None:
        secrets["SPIKEWATCH_HEARTBEAT_URL"] = env
    return load(file, env=secrets, purpose=Purpose.RUN)


def test_a_beat_calls_the_address_once(monitor: Monitor) -> None:
    Heartbeat(monitor.url).beat()

    assert monitor.called == ["/s3cret-id"]


def test_a_beat_that_is_not_welcome_is_a_failure_that_keeps_the_address(monitor: Monitor) -> None:
    monitor.status = 404

    with pytest.raises(Unavailable, match="404") as failure:
        Heartbeat(monitor.url).beat()

    assert "s3cret" not in str(failure.value)


def test_a_monitoring_service_that_does_not_answer_is_given_up(monitor: Monitor) -> None:
    monitor.is_slow = True

    with pytest.raises(Unavailable) as failure:
        Heartbeat(monitor.url, timeout_s=0.1).beat()

    assert failure.value.reason == "timeout"


def test_a_monitoring_service_that_is_gone_is_a_failure(monitor: Monitor) -> None:
    monitor.close()

    with pytest.raises(Unavailable) as failure:
        Heartbeat(monitor.url).beat()

    assert failure.value.reason == "connect"
    assert "s3cret" not in str(failure.value)


@pytest.mark.parametrize("url", ["", "ping.example.com/id", "ftp://ping.example.com/id", "https://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        Heartbeat(url)


@pytest.mark.parametrize("way", ["yaml", "env", "file"])
def test_the_address_comes_from_the_configuration_the_environment_or_a_file(
    monitor: Monitor, way: str, tmp_path: Path
) -> None:
    (tmp_path / "address").write_text(f"{monitor.url}\n", "utf-8")
    stated = {"yaml": f'heartbeat: {{url: "{monitor.url}"}}', "file": "heartbeat: {url_file: address}"}
    config = config_of(tmp_path, heartbeat=stated.get(way, ""), env=monitor.url if way == "env" else None)

    assembly = assemble(config, clock=SystemClock())
    with closing(assembly.store):
        assembly.daemon.run_once("judge")
        assembly.daemon.run_once("heartbeat")

    assert monitor.called == ["/s3cret-id"]
    assert "s3cret-id" not in "".join(str(line) for line in explain(config))


def test_it_beats_once_for_each_good_pass_and_not_without_one(monitor: Monitor, tmp_path: Path) -> None:
    assembly = assemble(config_of(tmp_path, env=monitor.url), clock=SystemClock())
    with closing(assembly.store):
        assembly.daemon.run_once("heartbeat")
        before = len(monitor.called)
        assembly.daemon.run_once("judge")
        assembly.daemon.run_once("heartbeat")
        assembly.daemon.run_once("heartbeat")

    assert (before, len(monitor.called)) == (0, 1)


def test_calls_and_failures_are_counted(monitor: Monitor, tmp_path: Path) -> None:
    assembly = assemble(config_of(tmp_path, env=monitor.url), clock=SystemClock())
    assembly.http.start()
    with closing(assembly.store):
        for status in (200, 500):
            monitor.status = status
            assembly.daemon.run_once("judge")
            assembly.daemon.run_once("heartbeat")
        shown = _health(assembly)
    assembly.http.stop()

    assert "spikewatch_heartbeats_total 2.0" in shown
    assert "spikewatch_heartbeat_failures_total 1.0" in shown


def _health(assembly: Assembly) -> str:
    with urllib.request.urlopen(f"http://{assembly.http.address}/metrics/health", timeout=10) as response:
        return str(response.read().decode())


def test_an_address_that_is_none_stops_the_start_and_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="heartbeat") as mistake:
        assemble(config_of(tmp_path, env="s3cret"), clock=SystemClock())

    assert "s3cret" not in str(mistake.value)
