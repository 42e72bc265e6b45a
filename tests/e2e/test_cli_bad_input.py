"""Bad input of every kind, given to the real command: the right status, plain lines, never a traceback."""

import gzip
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

COUNTS = "timestamp,service,category,count\n"
GAPS = "start,end,service\n"
T = "2026-05-11T10:00:00+09:00"
GOOD = COUNTS + f"{T},pay,login,1\n"
REPLAY = "timezone: Asia/Tokyo\ncalendar: {country: JP}\n"
DESK = """\
timezone: Asia/Tokyo
calendar: {country: JP}
sources:
  - {kind: zendesk, name: desk, url: 'http://127.0.0.1:9', client_id: spikewatch, category: {field: 1}}
"""
SECRET = {"SPIKEWATCH_DESK_CLIENT_SECRET": "hunter2", "SPIKEWATCH_METRICS_LISTEN": "127.0.0.1:0"}


def spikewatch(
    *argv: str, folder: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the real command in a folder, with no setting but those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SPIKEWATCH_")}
    command = [sys.executable, "-m", "spikewatch", *argv]
    return subprocess.run(
        command,
        cwd=folder,
        env=clean | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def assert_told(done: subprocess.CompletedProcess[str], *, status: int, said: list[str]) -> None:
    """Check status and complaint; each line has the prefix, and nothing went to standard output."""
    assert done.returncode == status, done.stderr
    assert [text for text in said if text not in done.stderr] == []
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timezone: Asia/Tokyo\nbucket: [5m\n", ["spikewatch: c.yaml:3: column 1: this is no YAML"]),
        ("", ["spikewatch: c.yaml:1: the file is empty"]),
        ("bucket: 5m\n", ["c.yaml:1: timezone: is missing; add it, for example timezone: Asia/Tokyo"]),
        (
            "timezone: Asia/Tokio\n",
            ["c.yaml:1: timezone: 'Asia/Tokio' is no time zone; did you mean Asia/Tokyo?"],
        ),
        (
            "timezone: Asia/Tokyo\nbukket: 5m\ndetection:\n  min_tikets: 3\n",
            [
                "c.yaml:2: bukket: is no known key; did you mean bucket?",
                "c.yaml:4: detection.min_tikets: is no known",
            ],
        ),
        (
            "timezone: Asia/Tokyo\nbucket: 7m\ndetection: {min_ratio: 0.5, false_alarms_per_week: -1}\n",
            ["c.yaml:2: bucket: 7m does not", "0.5 would alert on falls; use 1.0 or more", "-1 is too small"],
        ),
    ],
)
def test_a_wrong_configuration(text: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "in.csv").write_text(GOOD, encoding="utf-8")

    done = spikewatch("backtest", "in.csv", "--config", "c.yaml", folder=tmp_path)

    assert_told(done, status=2, said=said)


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    done = spikewatch("check", "--config", "c.yaml", folder=tmp_path)

    assert_told(
        done, status=2, said=["spikewatch: c.yaml: there is no such file; `spikewatch init c.yaml` writes"]
    )


def test_a_missing_secret(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(DESK, encoding="utf-8")

    done = spikewatch("run", "--config", "c.yaml", folder=tmp_path)

    said = [
        "c.yaml:4: the secret sources.desk.client_secret is missing",
        "SPIKEWATCH_DESK_CLIENT_SECRET",
        "_file",
    ]
    assert_told(done, status=2, said=said)


def test_a_secret_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        DESK.replace("name: desk", "name: desk, client_secret: hunter2"), "utf-8"
    )

    done = spikewatch("check", "--config", "c.yaml", folder=tmp_path)

    assert_told(
        done, status=2, said=["c.yaml:4: sources[0].client_secret: a secret must not stand in this file"]
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "in.csv: the file is empty; expected a header, timestamp,service,category,count"),
        (COUNTS.encode(), "in.csv: there is no ticket below the header"),
        (b"time,service,category,count\n", "in.csv:1: the header is 'time,service,category,count'; expected"),
        (
            (COUNTS + "11/05/2026 10:00,pay,login,1\n").encode(),
            "in.csv:2: timestamp: '11/05/2026 10:00' is no time",
        ),
        (
            (COUNTS + "2026-05-11T10:00,pay,login,1\n").encode(),
            "in.csv:2: timestamp: '2026-05-11T10:00' has no UTC",
        ),
        ((GOOD + f"{T},pay,login,-3\n").encode(), "in.csv:3: count: '-3' is negative"),
        ((GOOD + f"{T},pay,login,2.5\n").encode(), "in.csv:3: count: '2.5' is fractional"),
        ((GOOD + f"{T},pay\n").encode(), "in.csv:3: too few fields: 2 instead of 4"),
        (gzip.compress(GOOD.encode() * 99)[:-20], "in.csv: the gzip data are cut off or damaged"),
        (GOOD.replace("pay", "決済").encode("shift_jis"), "in.csv:2: this is not UTF-8"),
        (b"id,created_at,service,category\n1,soon,pay,login\n", "in.csv:2: created_at: 'soon' is no time"),
    ],
)
def test_a_wrong_input_file(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(REPLAY, encoding="utf-8")
    (tmp_path / "in.csv").write_bytes(content)

    done = spikewatch("backtest", "in.csv", "--config", "c.yaml", "--out", "out.txt", folder=tmp_path)

    assert_told(done, status=2, said=[f"spikewatch: {said}"])
    assert not (tmp_path / "out.txt").exists()


def test_an_input_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(REPLAY, encoding="utf-8")

    done = spikewatch("backtest", "in.csv", "--config", "c.yaml", folder=tmp_path)

    assert_told(done, status=2, said=["spikewatch: in.csv: there is no such file"])


def test_a_grid_finer_than_the_data(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(REPLAY, encoding="utf-8")
    rows = "".join(
        f"2026-05-11T{hour:02}:{minute}:00Z,pay,login,1\n" for hour in range(24) for minute in (15, 30, 45)
    )
    (tmp_path / "in.csv").write_text(COUNTS + rows, encoding="utf-8")

    done = spikewatch("backtest", "in.csv", "--config", "c.yaml", folder=tmp_path)

    assert_told(
        done, status=2, said=["in.csv: the counts are 15m wide, so bucket: 5m is too fine; use bucket: 15m"]
    )


def test_a_wrong_gap(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(REPLAY, encoding="utf-8")
    (tmp_path / "in.csv").write_text(GOOD, encoding="utf-8")
    (tmp_path / "gaps.csv").write_text(GAPS + f"{T},2026-05-11,\n", encoding="utf-8")

    done = spikewatch("backtest", "in.csv", "--config", "c.yaml", "--gaps", "gaps.csv", folder=tmp_path)

    assert_told(done, status=2, said=["spikewatch: gaps.csv:2: end: '2026-05-11' has no UTC offset"])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--since", "2026-05-11T10:00"], "--since: '2026-05-11T10:00' has no UTC offset"),
        (["--until", "tomorrow"], "--until: 'tomorrow' is no time"),
        (
            ["--since", "2026-05-11", "--until", "2026-05-10"],
            "--until 2026-05-10 is not after --since 2026-05-11",
        ),
        (["--format", "xml"], "argument --format: invalid choice: 'xml'"),
    ],
)
def test_a_wrong_option(option: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(REPLAY, encoding="utf-8")
    (tmp_path / "in.csv").write_text(GOOD, encoding="utf-8")

    done = spikewatch("backtest", "in.csv", "--config", "c.yaml", *option, folder=tmp_path)

    assert_told(done, status=2, said=[said])


# -- what only the running daemon meets


def test_a_store_from_a_newer_version(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"{DESK}store: sqlite:///s.db\n", encoding="utf-8")
    store = sqlite3.connect(tmp_path / "s.db")
    store.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    store.execute("INSERT INTO alembic_version VALUES ('from_the_future')")
    store.commit()
    store.close()

    done = spikewatch("run", "--config", "c.yaml", folder=tmp_path, env=SECRET)

    assert_told(done, status=1, said=["s.db", "newer"])


def test_a_store_on_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"{DESK}store: sqlite:///c.yaml/s.db\n", encoding="utf-8")

    done = spikewatch("run", "--config", "c.yaml", folder=tmp_path, env=SECRET)

    assert_told(done, status=1, said=["spikewatch: ", "c.yaml"])


def test_a_port_in_use(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(f"{DESK}store: sqlite:///s.db\n", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        env = SECRET | {"SPIKEWATCH_METRICS_LISTEN": f"127.0.0.1:{port}"}

        done = spikewatch("run", "--config", "c.yaml", folder=tmp_path, env=env)

    assert_told(done, status=1, said=[f"127.0.0.1:{port}"])
