"""A real Alertmanager takes our alerts, tells a receiver behind it, and hears when they are over."""

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.alertmanager.messenger import AlertmanagerMessenger
from spikewatch.adapters.clock import SystemClock
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.settings import Language
from spikewatch.core.wording import Message, Source, render
from tests.factories import notice
from tests.receiving import HttpDesk
from tests.servers import require

pytestmark = pytest.mark.servers

TOKYO = ZoneInfo("Asia/Tokyo")
ROUTES = """\
route:
  receiver: desk
  group_by: [incident]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: desk
    webhook_configs:
      - url: {url}
        send_resolved: true
"""


@dataclass
class Real:
    """A running Alertmanager, and the desk that it tells."""

    url: str
    desk: HttpDesk

    def alerts(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5) as answer:
            return list(json.load(answer))

    def told(self) -> list[tuple[str, str, str]]:
        """What was told: incident, severity and status of each alert, in order."""
        alerts = [alert for request in self.desk.requests for alert in request.json["alerts"]]
        return [
            (alert["labels"]["incident"], alert["labels"]["severity"], alert["status"]) for alert in alerts
        ]


def soon(is_so: Callable[[], bool], *, within_s: float = 15.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within_s  # noqa: TID251 -- a real program runs by the wall clock
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be so in time"  # noqa: TID251 -- as above
        time.sleep(0.05)  # noqa: TID251 -- as above


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    program = require("alertmanager", "alertmanager", "prometheus-alertmanager")
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with HttpDesk() as desk:
        config = tmp_path / "alertmanager.yml"
        config.write_text(ROUTES.format(url=desk.url), encoding="utf-8")
        command = [
            str(program),
            f"--config.file={config}",
            f"--storage.path={tmp_path}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        with (
            (tmp_path / "log").open("wb") as log,
            subprocess.Popen(command, stderr=log, stdout=log) as running,
        ):
            try:
                url = f"http://127.0.0.1:{port}"
                soon(lambda: _is_ready(url))
                yield Real(url, desk)
            finally:
                running.terminate()
                running.wait(10)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
            return True
    except OSError:
        return False


def message(told: Notice) -> Message:
    said = render(told, language=Language.JA, zone=TOKYO, plain=4)
    return Message(said.text, source=Source(told, Language.JA, TOKYO))


def test_an_incident_is_told_raised_and_over_by_a_real_alertmanager(real: Real) -> None:
    pager = AlertmanagerMessenger(
        name="pager", url=real.url, clock=SystemClock(), labels={"team": "サポート"}
    )

    receipt = pager.post(message(notice()), channel="c", key="k")
    soon(lambda: real.told() == [("INC-7", "warning", "firing")])
    [alert] = real.alerts()
    assert (alert["labels"]["service"], alert["labels"]["team"]) == ("payments", "サポート")
    assert alert["annotations"]["summary"] == "問い合わせ急増: payments / login"

    pager.edit(receipt, message(notice(Reason.RAISED, severity=Severity.CRITICAL, revision=2)))
    soon(
        lambda: (
            ("INC-7", "critical", "firing") in real.told() and ("INC-7", "warning", "resolved") in real.told()
        )
    )
    assert [alert["labels"]["severity"] for alert in real.alerts()] == ["critical"]

    over = notice(Reason.RESOLVED, phase=Phase.RESOLVED, severity=Severity.CRITICAL, revision=3)
    pager.edit(receipt, message(over))
    soon(lambda: ("INC-7", "critical", "resolved") in real.told())
    assert real.alerts() == []
