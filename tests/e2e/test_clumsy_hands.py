"""Interrupted, piped into nothing, onto a full disk: the command ends as any other program does, and says why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

CONFIG = "timezone: Asia/Tokyo\nstore: sqlite:///watch.db\nsources: [{kind: csv, name: desk, path: a.csv}]\n"
INTERRUPTS = """\
import sys


class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "spikewatch.cli.frame":
            raise KeyboardInterrupt


sys.meta_path.insert(0, Interrupting())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "watch.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


def shell(line: str, *, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line as a person would type it; SPIKEWATCH stands for the command."""
    typed = line.replace("SPIKEWATCH", f"'{sys.executable}' -m spikewatch")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPIKEWATCH_")}
    clean |= {"PYTHONPATH": str(folder), "SPIKEWATCH_SLACK_BOT_TOKEN": "xoxb-1"}
    return subprocess.run(
        ["/bin/sh", "-c", typed],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_an_interruption_while_the_program_is_loaded_shows_no_traceback(folder: Path) -> None:
    (folder / "sitecustomize.py").write_text(INTERRUPTS, encoding="utf-8")

    done = shell("SPIKEWATCH --help", folder=folder)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_without_anybody_to_read_results_it_goes_on(folder: Path) -> None:
    done = shell("SPIKEWATCH check --config watch.yaml >&-", folder=folder)

    assert done.returncode == 0
    assert "bug" not in done.stderr


def test_errors_never_go_where_results_go(folder: Path) -> None:
    done = shell("SPIKEWATCH check --config nowhere.yaml 2>&-", folder=folder)

    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_results_for_which_there_is_no_room_are_a_fault_with_its_remedy(folder: Path) -> None:
    done = shell("SPIKEWATCH check --explain --config watch.yaml >/dev/full", folder=folder)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "spikewatch: the results cannot be written: No space left on device; make room, or send them elsewhere"
    )


def test_what_a_vendors_library_says_of_a_failure_is_not_shown_beside_our_own_words(folder: Path) -> None:
    text = CONFIG + 'slack: {channel: "#ops", url: "http://127.0.0.1:9"}\n'
    (folder / "watch.yaml").write_text(text, encoding="utf-8")

    done = shell("SPIKEWATCH notify test --config watch.yaml", folder=folder)

    assert done.returncode == 1
    assert [line[:12] for line in done.stderr.splitlines()] == ["spikewatch: "]


def test_results_can_be_read_where_only_ascii_can_be_written(folder: Path) -> None:
    text = CONFIG + 'slack: {channel: "#決済"}\n'
    (folder / "watch.yaml").write_text(text, encoding="utf-8")

    done = shell("PYTHONIOENCODING=ascii SPIKEWATCH check --explain --config watch.yaml", folder=folder)

    assert (done.returncode, "bug" in done.stderr) == (0, False)
    assert r"#\u6c7a\u6e08" in done.stdout
