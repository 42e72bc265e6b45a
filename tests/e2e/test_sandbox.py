"""`spikewatch sandbox` from the outside: one line that says where it is, and an end when it is told to."""

import re
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.e2e.running import environment, spikewatch

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("which", "path", "end", "status"),
    [
        ("chat", "/api/auth.test", signal.SIGINT, 130),
        ("chat", "/api/auth.test", signal.SIGTERM, 143),
        ("desk", "/api/v2/ticket_fields", signal.SIGTERM, 143),
    ],
)
def test_a_stand_in_serves_until_it_is_told_to_end(
    which: str, path: str, end: signal.Signals, status: int, tmp_path: Path
) -> None:
    with (tmp_path / "errors").open("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "spikewatch", "sandbox", which],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        with process:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.match(rf"{which} at http://(127\.0\.0\.1:\d+)\S* \(.*\); Ctrl-C ends it\n", line)
            assert found, line
            connection = HTTPConnection(found[1], timeout=10)
            connection.request("POST" if which == "chat" else "GET", path, body="")
            answer = connection.getresponse()
            answer.read()
            connection.close()

            process.send_signal(end)

            assert process.wait(timeout=5) == status
        errors.seek(0)
        assert errors.read() == ""
    assert answer.status in {200, 401}


def test_a_port_that_is_taken_is_named_with_the_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        done = spikewatch("sandbox", "chat", "--port", port, folder=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith(f"spikewatch: port {port}: Address already in use; name another --port")
