"""`spikewatch demo` from the outside: the whole story by itself, in both languages, without a terminal."""

import os
import re
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.cells import cell_len

from spikewatch.adapters.clock import SystemClock
from spikewatch.core.settings import Language
from spikewatch.demo.script import SCENES
from spikewatch.demo.tales import ENDINGS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


class Told(NamedTuple):
    """What a run of the demo printed, and what its port answered while it ran: the page when it was first asked."""

    lines: list[str]
    errors: str
    status: int
    seconds: float
    health: list[int]
    metrics: str
    page: str

    def saying(self, words: str) -> list[str]:
        """Return the lines that hold these words."""
        return [line for line in self.lines if words in line]


def told(folder: Path, *options: str, while_running: str) -> Told:
    """Run the demo to its end; ask its port at each line that holds `while_running`."""
    clock, lines, health, address, metrics, page = SystemClock(), [], [], "", "", ""
    front = "/"
    began = clock.now()
    with (folder / "errors").open("w+", encoding="utf-8") as errors:
        command = [sys.executable, "-m", "spikewatch", "demo", *options]
        with subprocess.Popen(
            command, cwd=folder, env=plain(), stdout=subprocess.PIPE, stderr=errors
        ) as process:
            assert process.stdout is not None
            for raw in process.stdout:
                line = raw.decode().rstrip("\n")
                lines.append(line)
                named = re.search(r"http://([0-9.:]+)/metrics", line)
                address = named[1] if named else address
                shown = re.search(r"http://[0-9.:]+(/\?lang=\w+)", line)
                front = shown[1] if shown else front
                if while_running in line:
                    health.append(got(address, "/healthz")[0])
                    metrics = got(address, "/metrics")[1]
                    page = page or got(address, front)[1]
            status = process.wait(timeout=10)
        errors.seek(0)
        said = errors.read()
    return Told(lines, said, status, (clock.now() - began).total_seconds(), health, metrics, page)


def plain() -> dict[str, str]:
    """Return an environment without settings of ours and with no terminal."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("SPIKEWATCH_", "COLUMNS"))
    }


def got(address: str, path: str) -> tuple[int, str]:
    connection = HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def minutes(clock_time: str) -> int:
    hours, past = clock_time.split(":")
    return int(hours) * 60 + int(past)


def test_the_demo_tells_its_story_in_japanese(tmp_path: Path) -> None:
    story = told(tmp_path, while_running="同じメッセージが更新されました")

    assert story.errors == ""
    assert story.status == 0
    assert story.seconds < 90
    (posted,) = story.saying("Slack に投稿されました")
    (way,) = story.saying("障害の発生")
    began, found, shown = re.findall(r"\d\d:\d\d", way)
    assert began == "14:10"
    assert minutes("14:15") <= minutes(found) <= minutes(shown) <= minutes("14:50")
    assert posted.startswith(shown)
    assert len(story.saying("問い合わせ急増: ログイン")) > 1
    assert len(story.saying("解消: ログイン")) == 1
    assert story.saying("障害 1 件、Slack は投稿 1 通")
    for scene in SCENES:
        assert story.saying(scene.after[Language.JA])
    assert story.health
    assert set(story.health) == {200}
    assert 'spikewatch_incidents_open{severity="critical"}' in story.metrics
    assert 'spikewatch_service_tickets{service="ログイン"' in story.metrics
    assert story.saying("/healthz")
    assert story.saying("状態ページ http://")
    assert '<html lang="ja">' in story.page
    assert "ログイン" in story.page
    assert {cell_len(line) for line in story.lines if line[:1] in "│╭╰"} == {100}


def test_a_scenario_is_told_in_english_and_ends_as_it_has_to(tmp_path: Path) -> None:
    options = ("--once", "--language", "en", "--scenario", "spam-wave", "--speed", "240")

    story = told(tmp_path, *options, while_running="Posted to Slack")

    assert story.errors == ""
    assert story.status == 0
    assert story.seconds < 150
    assert len(story.saying("Posted to Slack")) == 1
    assert story.saying("Ticket surge: Login")
    assert len(story.saying("Resolved: Login")) == 1
    assert story.saying("incidents: 1, Slack messages: 1 (edited ")
    assert ENDINGS["spam-wave"].after[Language.EN] in " ".join(" ".join(story.lines).split())
    assert story.health == [200]
    assert 'service="Login"' in story.metrics
    assert story.saying("Status page at http://")
    assert '<html lang="en">' in story.page
    assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", "\n".join(story.lines))
