"""`spikewatch backtest` from the outside: what it reads and writes, gates, refusals, and the same bytes twice."""

import csv
import gzip
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.running import environment, eventually, spikewatch

pytestmark = pytest.mark.e2e

TOKYO = ZoneInfo("Asia/Tokyo")
START = datetime(2026, 4, 6, tzinfo=TOKYO)
END = START + timedelta(days=21)
OUTAGE = datetime(2026, 4, 23, 14, 10, tzinfo=TOKYO)
STEP = timedelta(minutes=5)
CONFIG = "timezone: Asia/Tokyo\ncalendar: {country: JP}\n"
HOURLY = {("payments", "login"): 6.0, ("payments", "refund"): 3.0, ("shop", "late"): 4.0}


def tickets() -> Iterator[tuple[datetime, str, str]]:
    """Yield three quiet weeks with one outage of half an hour, by creation."""
    dice = random.Random(20260406)
    created = []
    for (service, category), rate in HOURLY.items():
        at = START
        while (at := at + timedelta(hours=dice.expovariate(rate))) < END:
            created.append((at, service, category))
    created += [(OUTAGE + timedelta(seconds=30 * number), "payments", "login") for number in range(60)]
    yield from sorted(created)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same desk as a counts file and as a tickets file, and a configuration."""
    place = tmp_path_factory.mktemp("backtest")
    (place / "c.yaml").write_text(CONFIG, encoding="utf-8")
    with (
        (place / "counts.csv").open("w", encoding="utf-8", newline="") as counts,
        gzip.open(place / "tickets.csv.gz", "wt", encoding="utf-8", newline="") as listed,
    ):
        count_rows, ticket_rows = csv.writer(counts), csv.writer(listed)
        count_rows.writerow(("timestamp", "service", "category", "count"))
        ticket_rows.writerow(("id", "created_at", "service", "category"))
        for number, (at, service, category) in enumerate(tickets(), start=1):
            bucket = at - (at - START) % STEP
            count_rows.writerow((bucket.isoformat(), service, category, 1))
            ticket_rows.writerow((number, at.isoformat(), service, category))
    return place


def test_a_counts_file_gives_one_line_an_incident_and_the_same_bytes_twice(folder: Path) -> None:
    command = ("backtest", "counts.csv", "--config", "c.yaml", "--since", "2026-04-21", "--format", "jsonl")

    once = spikewatch(*command, folder=folder)
    twice = spikewatch(*command, "--out", "found.jsonl", folder=folder)

    assert (once.returncode, twice.returncode) == (0, 0), once.stderr + twice.stderr
    assert twice.stdout == ""
    assert (folder / "found.jsonl").read_text("utf-8") == once.stdout
    assert list(folder.glob(".found*")) == []
    (found,) = [json.loads(line) for line in once.stdout.splitlines()]
    opened = datetime.fromisoformat(found["opened_at"])
    assert OUTAGE < opened <= OUTAGE + timedelta(minutes=20)
    assert found["opened_at"].endswith("+09:00")
    assert found["resolved_at"] is not None
    assert (found["series"][0]["service"], found["series"][0]["category"]) == ("payments", "login")
    assert found["series"][0]["observed"] > found["series"][0]["upper"]
    assert found["series"][0]["score"] >= 1


def test_tickets_and_counts_of_one_desk_find_the_same(folder: Path) -> None:
    options = ("--config", "c.yaml", "--since", "2026-04-21", "--format", "jsonl")

    of_counts = spikewatch("backtest", "counts.csv", *options, folder=folder)
    of_tickets = spikewatch("backtest", "tickets.csv.gz", *options, folder=folder)

    assert of_tickets.stdout == of_counts.stdout != ""
    assert "this flatters" in of_tickets.stderr
    assert "flatters" not in of_counts.stderr


def test_the_table_says_where_judging_began_and_what_rose(folder: Path) -> None:
    done = spikewatch("backtest", "counts.csv", "--config", "c.yaml", folder=folder)

    assert done.returncode == 0, done.stderr
    assert "judging begins once 14 days are known: 2026-04-20T00:" in done.stderr
    assert "payments/login" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 incident in 1.0 weeks")


def test_an_outage_in_a_gap_is_not_seen(folder: Path) -> None:
    gap = (
        f"{(OUTAGE - timedelta(hours=1)).isoformat()},{(OUTAGE + timedelta(hours=4)).isoformat()},payments\n"
    )
    (folder / "gaps.csv").write_text(f"start,end,service\n{gap}", encoding="utf-8")
    options = ("--since", "2026-04-23", "--until", "2026-04-24", "--format", "jsonl", "--gaps", "gaps.csv")

    done = spikewatch("backtest", "counts.csv", "--config", "c.yaml", *options, folder=folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_an_input_that_ends_in_the_outage_leaves_it_open_and_no_output_half_written(folder: Path) -> None:
    until = (OUTAGE + timedelta(minutes=25)).isoformat()
    options = ("--since", "2026-04-23", "--until", until, "--format", "jsonl")
    (folder / "kept.jsonl").write_text("what stood here before\n", encoding="utf-8")
    command = ("backtest", "counts.csv", "--config", "c.yaml", *options)

    done = spikewatch(*command, folder=folder)
    failed = spikewatch(*command, "--out", "nowhere/kept.jsonl", folder=folder)
    replaced = spikewatch(*command, "--out", "kept.jsonl", folder=folder)

    (found,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert found["resolved_at"] is None
    assert failed.returncode == 1
    assert "nowhere/kept.jsonl: cannot be written" in failed.stderr
    assert replaced.returncode == 0
    assert (folder / "kept.jsonl").read_text("utf-8") == done.stdout


def test_labels_are_read_and_a_wrong_one_is_told_at_its_line(folder: Path) -> None:
    command = ("backtest", "counts.csv", "--config", "c.yaml", "--since", "2026-04-21", "--format", "jsonl")
    header, span = (
        "start,end,service,category,kind,note",
        "2026-04-23T14:10:00+09:00,2026-04-23T14:40:00+09:00",
    )
    (folder / "labels.csv").write_text(f"{header}\n{span},payments,login,incident,-\n", encoding="utf-8")
    (folder / "wrong.csv").write_text(f"{header}\n{span},payments,login,outage,-\n", encoding="utf-8")

    plain = spikewatch(*command, folder=folder)
    good = spikewatch(*command, "--labels", "labels.csv", folder=folder)
    wrong = spikewatch(*command, "--labels", "wrong.csv", folder=folder)

    assert good.returncode == 0, good.stderr
    (found, told) = (json.loads(run.stdout.splitlines()[0]) for run in (plain, good))
    assert (told["opened_at"], told["series"]) == (found["opened_at"], found["series"])
    assert wrong.returncode == 2
    assert "wrong.csv:2: kind: 'outage' is no kind of label" in wrong.stderr


def test_a_muted_event_keeps_a_backtest_quiet(folder: Path) -> None:
    event = "{name: works, start: 2026-04-23, end: 2026-04-24, service: payments, expect: mute}"
    text = f"timezone: Asia/Tokyo\ncalendar: {{country: JP, events: [{event}]}}\n"
    (folder / "muted.yaml").write_text(text, encoding="utf-8")

    ran = spikewatch(
        "backtest",
        "counts.csv",
        "--config",
        "muted.yaml",
        "--since",
        "2026-04-21",
        "--format",
        "jsonl",
        folder=folder,
    )

    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr


# -- pages, differences, gates


def test_a_page_holds_the_incidents_of_the_lines_and_nothing_is_left_beside_it(folder: Path) -> None:
    options = ("counts.csv", "--config", "c.yaml", "--since", "2026-04-21")

    lines = spikewatch("backtest", *options, "--format", "jsonl", folder=folder)
    page = spikewatch("backtest", *options, "--format", "html", "--out", "found.html", folder=folder)

    written = (folder / "found.html").read_text("utf-8")
    assert page.returncode == 0, page.stderr
    assert written.startswith("<!DOCTYPE html>")
    assert [json.loads(line)["incident"] for line in lines.stdout.splitlines()] == [
        part.split('"')[0] for part in written.split('<article id="')[1:]
    ]
    assert list(folder.glob(".found*")) == []


def test_a_difference_is_a_gate_with_exit_status_3_that_says_which(folder: Path) -> None:
    (folder / "deaf.yaml").write_text(f"{CONFIG}detection: {{min_tickets: 500}}\n", encoding="utf-8")
    command = ("backtest", "--diff", "c.yaml", "deaf.yaml", "counts.csv", "--since", "2026-04-21")

    held = spikewatch(*command, "--max-lost", "0", "--format", "jsonl", "--out", "diff.jsonl", folder=folder)
    passed = spikewatch(*command, "--max-lost", "1", "--max-new", "0", folder=folder)

    assert (held.returncode, passed.returncode) == (3, 0), held.stderr
    assert passed.stdout.splitlines()[-1] == "1 -> 0 incidents: 1 lost, 0 gained, 0 earlier, 0 later"
    assert held.stderr.splitlines()[-1] == (
        "spikewatch: gate not met: 1 incident lost, and --max-lost allows 0"
    )
    (line,) = [json.loads(line) for line in (folder / "diff.jsonl").read_text("utf-8").splitlines()]
    assert (line["change"], line["after"], line["delay_minutes"]) == ("lost", None, None)
    assert line["before"]["series"][0]["service"] == "payments"


def is_read(pipe: Path, ends: list[int]) -> bool:
    """Whether somebody reads a pipe; its writing end is kept, for closing it would end what is read."""
    try:
        ends.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(("way", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_backtest_says_so_and_leaves_what_was_there(
    folder: Path, way: signal.Signals, status: int
) -> None:
    kept, endless = folder / "kept.html", folder / f"endless-{status}.csv"
    kept.write_text("what stood here before\n", encoding="utf-8")
    os.mkfifo(endless)
    command = (endless.name, "--config", "c.yaml", "--format", "html", "--out", "kept.html")
    process = subprocess.Popen(
        [sys.executable, "-m", "spikewatch", "backtest", *command],
        cwd=folder,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )

    ends: list[int] = []
    eventually(lambda: is_read(endless, ends))
    process.send_signal(way)
    _, told = process.communicate(timeout=20)
    os.close(ends[0])

    assert process.returncode == status
    assert told == "spikewatch: interrupted: nothing was written\n"
    assert kept.read_text("utf-8") == "what stood here before\n"
    assert list(folder.glob(".kept*")) == []
