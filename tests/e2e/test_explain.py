"""`spikewatch explain` from the outside: text and JSON from a store on disk, and a plain line for what cannot be told."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.sql_store import open_store
from spikewatch.core.counts import SeriesKey
from spikewatch.cycle import Cycle
from spikewatch.ports import Page
from tests.e2e.running import spikewatch
from tests.simulated_desk import BEGAN, JUDGED, STEP, Desk, Surge, detector, plan

pytestmark = pytest.mark.e2e

LOGIN, QUOTED = SeriesKey("決済", "ログイン できない"), SeriesKey("決済", "it's; $(odd)")
BURST = Surge(LOGIN, JUDGED + timedelta(hours=1), tickets=30, buckets=2)
OPENED = "2026-04-29T10:15:00+09:00"
CONFIG = """\
timezone: Asia/Tokyo
bucket: 15m
history: 3w
store: sqlite:///watch.db
retention: {counts: 2000w, tickets: 2000w}
detection:
  windows: [15m, 1h, 3h]
services:
  決済:
    categories:
      "it's*": {min_tickets: 90}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store on disk that a cycle judged, and its configuration."""
    place = tmp_path_factory.mktemp("explain")
    (place / "watch.yaml").write_text(CONFIG, encoding="utf-8")
    simulated = Desk.simulated()
    names = dict(
        zip(
            simulated.counts,
            (LOGIN, QUOTED, SeriesKey("配送", "遅延"), SeriesKey("アプリ", "起動")),
            strict=True,
        )
    )
    desk = Desk({names[key]: row for key, row in simulated.counts.items()}).with_(BURST)
    store = open_store(f"sqlite:///{place}/watch.db", step=STEP)
    cycle = Cycle(store, detector(), plan=plan)
    start, end = BEGAN, JUDGED
    while end <= JUDGED + timedelta(hours=2):
        page = Page(desk.tickets(start, end), end.isoformat(), caught_up=True, watermark=end)
        store.commit_page("desk", page, since=BEGAN, seen_at=end)
        cycle.run(now=end)
        start, end = end, end + STEP
    store.close()
    return place


def test_an_alert_is_explained_in_text_and_in_json_alike(folder: Path) -> None:
    command = ("explain", "--config", "watch.yaml", *LOGIN, "--at", OPENED)

    shown = spikewatch(*command, folder=folder)
    facts = spikewatch(*command, "--format", "json", folder=folder)

    assert (shown.returncode, facts.returncode) == (0, 0), shown.stderr + facts.stderr
    told = json.loads(facts.stdout)
    lead = next(each for each in told["windows"] if each["window_minutes"] == told["window_minutes"])
    first = shown.stdout.splitlines()[0]
    assert first.startswith(
        f"決済/ログイン できない at 2026-04-29 10:15 JST: alerts: {lead['observed']} tickets in "
    )
    assert first.endswith(f"more than {lead['upper']} alert")
    (incident,) = told["incidents"]
    assert (incident["incident"], incident["opened_at"]) == ("SW-1", OPENED)
    assert incident["joined"]["observed"] == lead["observed"]


def test_a_limit_names_the_line_that_sets_it(folder: Path) -> None:
    done = spikewatch("explain", "--config", "watch.yaml", *QUOTED, folder=folder)

    assert done.returncode == 0, done.stderr
    (gate,) = [line for line in done.stdout.splitlines() if " min_tickets " in line]
    assert "at least 90" in gate
    assert gate.endswith("services.決済.categories.it's*.min_tickets, watch.yaml:11")


def test_the_whole_fleet_is_explained(folder: Path) -> None:
    done = spikewatch("explain", "--config", "watch.yaml", "*", folder=folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the whole fleet at 2026-04-29 11:00 JST: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("決剤",), "service '決剤' was never counted; did you mean '決済'?"),
        (("決済", "--at", "2026-04-29T10:15:00"), "--at: '2026-04-29T10:15:00' has no UTC offset"),
        (("決済", "--at", "2026-04-30"), "the newest bucket that is known ended at 2026-04-29T11:00+09:00"),
        (("決済", "--at", "2026-01-01"), "history begins at 2026-04-13T09:00+09:00"),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_line(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = spikewatch("explain", "--config", "watch.yaml", *words, folder=folder)

    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("spikewatch: ")
    assert said in line


def test_a_store_that_is_not_there_says_who_makes_it(tmp_path: Path) -> None:
    (tmp_path / "watch.yaml").write_text(CONFIG, encoding="utf-8")

    done = spikewatch("explain", "--config", "watch.yaml", "決済", folder=tmp_path)

    assert done.returncode == 1
    assert "does not exist yet: `spikewatch run`" in done.stderr


def test_the_chart_comes_as_a_png_that_can_be_sent_into_a_file(folder: Path) -> None:
    command = (
        sys.executable,
        "-m",
        "spikewatch",
        "explain",
        "--config",
        "watch.yaml",
        *LOGIN,
        "--format",
        "png",
    )

    drawn = subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=60)

    assert drawn.stdout.startswith(b"\x89PNG\r\n\x1a\n")
    assert drawn.stderr == b""
