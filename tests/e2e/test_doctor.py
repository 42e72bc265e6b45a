"""`spikewatch doctor` from the outside: what it prints, and its exit status."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from spikewatch.sandbox.chat import Chat
from spikewatch.sandbox.helpdesk import Endpoint, Fault, HelpDesk
from tests.e2e.running import (
    BOT_TOKEN,
    CLIENT_SECRET,
    chat_of,
    desk_of,
    environment,
    spikewatch,
    ticket,
    write_config,
)
from tests.e2e.running import now as time_now

pytestmark = pytest.mark.e2e


@dataclass
class Installed:
    """A configuration with the stand-ins that it names."""

    folder: Path
    file: Path
    desk: HelpDesk
    chat: Chat


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installed]:
    """A desk of 120 tickets and a chat."""
    newest = time_now() - timedelta(minutes=3)
    shown = [
        ticket(number, newest - timedelta(minutes=number), brand=1 + number % 2, option="login")
        for number in range(120)
    ]
    with desk_of(shown) as desk, chat_of() as chat:
        yield Installed(tmp_path, write_config(tmp_path, desk=desk, chat=chat), desk, chat)


def test_a_sound_installation_passes_and_no_secret_is_shown(installed: Installed) -> None:
    done = spikewatch("doctor", "--config", "watch.yaml", folder=installed.folder)

    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    assert "checks passed" in done.stdout.splitlines()[-1]
    assert "  ok   sign-in " in done.stdout
    assert CLIENT_SECRET not in done.stdout
    assert BOT_TOKEN not in done.stdout


def test_what_fails_is_told_with_its_remedy_and_status_3(installed: Installed) -> None:
    long_ago = {"Date": "Mon, 11 May 2026 00:00:00 GMT"}
    installed.desk.fault(Endpoint.TOKENS, Fault(status=401, headers=long_ago, body=b"{}"))
    installed.chat.close_channel("pay")

    done = spikewatch("doctor", "--config", "watch.yaml", folder=installed.folder)

    assert done.returncode == 3
    lines = done.stdout.splitlines()
    refused = next(place for place, line in enumerate(lines) if line.startswith("  fail sign-in"))
    assert "-> check client_id and SPIKEWATCH_DESK_CLIENT_SECRET" in lines[refused + 1]
    assert any(line.startswith("  fail channel") and "#pay (services.pay.channel)" in line for line in lines)
    assert any(line.startswith("  fail clock") for line in lines)
    assert lines[-1].startswith("3 of ")
    assert done.stderr == ""


def test_json_holds_every_finding(installed: Installed) -> None:
    installed.chat.close_channel("pay")

    done = spikewatch("doctor", "--config", "watch.yaml", "--json", folder=installed.folder)

    told = json.loads(done.stdout)
    assert done.returncode == 3
    assert (told["good"], told["failed"]) == (False, 1)
    failed = [each for each in told["findings"] if each["result"] == "fail"]
    assert [(each["part"], each["check"]) for each in failed] == [("slack", "channel")]
    assert "/invite" in failed[0]["remedy"]


def test_a_wrong_configuration_is_status_2_and_nothing_is_asked(installed: Installed) -> None:
    installed.file.write_text("timezone: Asia/Tokio\n", "utf-8")

    done = spikewatch("doctor", "--config", "watch.yaml", folder=installed.folder)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "Asia/Tokyo" in done.stderr
    assert installed.desk.requests == ()


def test_the_environment_may_name_the_configuration(installed: Installed) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "spikewatch", "check"],
        cwd=installed.folder,
        env=environment() | {"SPIKEWATCH_CONFIG": "watch.yaml"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == "watch.yaml: no mistakes\n"


def test_a_terminal_gets_marks_colours_and_lines_that_fit(installed: Installed) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "spikewatch", "doctor", "--config", "watch.yaml"],
        cwd=installed.folder,
        env=environment() | {"COLUMNS": "80", "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)

    shown = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)

    assert process.wait(timeout=60) == 0
    assert "\x1b[32m✓\x1b[0m sign-in" in shown
    plain = shown.replace("\x1b[32m", "").replace("\x1b[0m", "").replace("\x1b[1m", "")
    assert max(len(line) for line in plain.splitlines()) <= 80


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 4096)
    except OSError:  # the other end is closed
        return b""
