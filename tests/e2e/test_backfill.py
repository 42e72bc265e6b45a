"""`spikewatch backfill` from the outside: stopped in every way, resumed, and nothing read twice."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.sql_store import open_store
from spikewatch.ports import SourceState
from spikewatch.sandbox.helpdesk import HelpDesk
from tests.e2e.running import (
    chat_of,
    desk_of,
    environment,
    eventually,
    exports,
    now,
    quiet_weeks,
    spikewatch,
    write_config,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[HelpDesk]:
    """A desk of three weeks whose pages hold 200 tickets, and a configuration for it."""
    with desk_of(list(quiet_weeks(now()))) as desk, chat_of() as chat:
        file = write_config(tmp_path, desk=desk, chat=chat)
        text = file.read_text("utf-8").replace(
            "requests_per_minute: 100\n", "per_page: 200\n    requests_per_minute: 100\n", 1
        )
        file.write_text(text.replace("history: 3w", "history: 2w"), "utf-8")
        yield desk


def begun(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start a backfill."""
    return subprocess.Popen(
        [sys.executable, "-m", "spikewatch", "backfill", "--config", "watch.yaml", *options],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def state_of(folder: Path) -> SourceState:
    with closing(open_store(f"sqlite:///{folder / 'watch.db'}", step=timedelta(seconds=10))) as store:
        state = store.source_state("desk")
    assert state is not None
    return state


def starts(desk: HelpDesk) -> list[datetime]:
    """Where each reading without a cursor began."""
    return [
        datetime.fromtimestamp(int(query["start_time"]), tz=now().tzinfo)
        for query in exports(desk)
        if "start_time" in query
    ]


def test_history_is_fetched_once_and_further_back_when_more_weeks_are_asked_for(
    desk: HelpDesk, tmp_path: Path
) -> None:
    first = spikewatch("backfill", "--config", "watch.yaml", folder=tmp_path)
    assert first.returncode == 0, first.stderr
    shorter = state_of(tmp_path)
    pages = len(exports(desk))

    again = spikewatch("backfill", "--config", "watch.yaml", folder=tmp_path)
    small = len(exports(desk)) - pages
    further = spikewatch("backfill", "--config", "watch.yaml", "--weeks", "3", folder=tmp_path)

    assert first.returncode == again.returncode == further.returncode == 0, first.stderr + further.stderr
    assert re.fullmatch(
        r"source desk: (\d+) tickets more, all that has changed since \d{4}-\d\d-\d\d \d\d:\d\d JST is read\n"
        r"the store holds \1 tickets and \d+ counts\n",
        first.stdout,
    )
    progress = [
        line for line in map(json.loads, first.stderr.splitlines()) if line["event"] == "backfill_progress"
    ]
    assert progress
    assert progress[-1]["done"].startswith("100 %")
    assert {"source", "pages", "tickets", "tickets_per_minute"} <= progress[-1].keys()
    assert small == 1
    assert state_of(tmp_path).since < shorter.since - timedelta(days=5)
    assert starts(desk)[0] - timedelta(days=6) > starts(desk)[1]
    assert len(starts(desk)) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_in_the_middle_the_same_command_goes_on_where_it_was(
    desk: HelpDesk, tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "watch.yaml"
    file.write_text(file.read_text("utf-8").replace("per_page: 200", "per_page: 20"), "utf-8")
    with begun(tmp_path) as process:
        eventually(lambda: len(exports(desk)) >= 5)
        process.send_signal(number)
        output, errors = process.communicate(timeout=40)
    before = len(exports(desk))
    file.write_text(file.read_text("utf-8").replace("per_page: 20", "per_page: 1000"), "utf-8")

    done = spikewatch("backfill", "--config", "watch.yaml", folder=tmp_path)

    if number is signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 130, errors
        assert "run the same command again to go on" in output
    assert done.returncode == 0, done.stderr
    assert "cursor" in exports(desk)[before]
    assert len(starts(desk)) == 1


def test_more_weeks_than_are_kept_are_refused_with_what_to_do(desk: HelpDesk, tmp_path: Path) -> None:
    refused = spikewatch("backfill", "--config", "watch.yaml", "--weeks", "52", folder=tmp_path)

    assert refused.returncode == 2
    assert "use --weeks 12, or raise retention.tickets" in refused.stderr
    assert exports(desk) == []
