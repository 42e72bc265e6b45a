"""Prometheus and Alertmanager as processes on loopback, and a webhook that they reach."""

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from spikewatch.adapters.prometheus.asking import PrometheusServer
from spikewatch.prom import scraping
from spikewatch.prom.files import to_yaml
from spikewatch.prom.monitored import Monitored
from spikewatch.prom.rules import rules
from tests.e2e.running import eventually
from tests.servers import require


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass
class Hook:
    """Everything that Alertmanager sent, by the path of the receiver."""

    url: str
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def alerts(
        self, name: str, *, status: str = "firing", receiver: str | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Every alert of that name that arrived."""
        return [
            alert
            for path, call in list(self.calls)
            for alert in call["alerts"]
            if alert["labels"]["alertname"] == name
            and alert["status"] == status
            and receiver in (None, path.strip("/"))
        ]


@contextmanager
def webhook() -> Iterator[Hook]:
    """A receiver on a free port."""
    calls: list[tuple[str, Mapping[str, Any]]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Hook(f"http://127.0.0.1:{server.server_port}", calls)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@contextmanager
def process(log_file: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is ended with the block; what it says goes to a file."""
    with log_file.open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(timeout=10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait(timeout=5)


def answers(url: str) -> bool:
    """Whether a page can be read."""
    try:
        with urlopen(url, timeout=2):
            return True
    except (URLError, OSError):
        return False


@dataclass(frozen=True)
class Watching:
    """A Prometheus that scrapes, with its Alertmanager and what that sent."""

    url: str
    server: PrometheusServer
    hook: Hook


@contextmanager
def prometheus(
    folder: Path, monitored: Monitored, *, extra_jobs: Sequence[Any] = (), blocks: Path | None = None
) -> Iterator[Watching]:
    """Prometheus with the generated rules and scrape of `monitored`, each second, and Alertmanager behind it.

    blocks  data of the past to begin with
    """
    program, data = str(require("prometheus", "prometheus")), blocks or folder / "data"
    with ExitStack() as stack:
        hook = stack.enter_context(webhook())
        manager = stack.enter_context(alertmanager(folder, hook, monitored))
        made: dict[str, Any] = scraping.prometheus(monitored, alertmanager=manager, interval="1s")
        made["scrape_configs"] = [*made["scrape_configs"], *extra_jobs]
        (folder / "spikewatch.rules.yaml").write_text(to_yaml(rules(monitored)), "utf-8")
        (folder / "prometheus.yaml").write_text(to_yaml(made), "utf-8")
        url = f"http://127.0.0.1:{free_port()}"
        stack.enter_context(
            process(
                folder / "prometheus.log",
                program,
                f"--config.file={folder}/prometheus.yaml",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=90d",
                f"--web.listen-address={url.removeprefix('http://')}",
                "--rules.alert.resend-delay=2s",
                "--log.level=warn",
            )
        )
        said = folder / "prometheus.log"
        eventually(lambda: answers(f"{url}/-/ready"), why=lambda: said.read_text("utf-8"))
        yield Watching(url, PrometheusServer(url), hook)


@contextmanager
def alertmanager(folder: Path, hook: Hook, monitored: Monitored) -> Iterator[str]:
    """Alertmanager with the generated configuration, quick to tell; its address, host:port."""
    program = str(require("alertmanager", "prometheus-alertmanager", "alertmanager"))
    made = scraping.alertmanager(monitored, hooks=hook.url, group_wait="1s", group_interval="2s")
    file, address = folder / "alertmanager.yaml", f"127.0.0.1:{free_port()}"
    file.write_text(to_yaml(made), "utf-8")
    command = (
        program,
        f"--config.file={file}",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    )
    with process(folder / "alertmanager.log", *command):
        eventually(lambda: answers(f"http://{address}/-/ready"))
        yield address
