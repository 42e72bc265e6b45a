"""A result appears whole or not at all, however the program that writes it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import environment

pytestmark = pytest.mark.e2e

WRITER = """
import sys
from pathlib import Path
from spikewatch.cli import files

def lines():
    for number in range(20_000):
        yield f"line {number}"
    print("half", flush=True)
    sys.stdin.readline()

files.write(lines(), out=Path("result.txt"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "result.txt").write_text("what stood here before\n", encoding="utf-8")
    return tmp_path


def half_way(folder: Path) -> subprocess.Popen[str]:
    """A process that has written half of its result and waits for a line to write the rest."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER],
        cwd=folder,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whoever_ends_it_half_way_finds_what_was_there_before_and_nothing_else(
    folder: Path, way: signal.Signals
) -> None:
    process = half_way(folder)

    process.send_signal(way)
    process.communicate(timeout=20)

    assert process.returncode != 0
    assert [each.name for each in folder.iterdir()] == ["result.txt"]
    assert (folder / "result.txt").read_text("utf-8") == "what stood here before\n"


def test_it_is_replaced_whole_once_it_is_complete(folder: Path) -> None:
    process = half_way(folder)
    before = (folder / "result.txt").read_text("utf-8")

    process.communicate("\n", timeout=20)

    assert before == "what stood here before\n"
    assert process.returncode == 0
    assert [each.name for each in folder.iterdir()] == ["result.txt"]
    assert len((folder / "result.txt").read_text("utf-8").splitlines()) == 20_000
    assert (folder / "result.txt").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
