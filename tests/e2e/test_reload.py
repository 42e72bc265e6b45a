"""SIGHUP on the real daemon: what changed is in force, what was known stays, and a mistake is shown and survived."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest

from tests.e2e.running import (
    chat_of,
    daemon,
    desk_of,
    eventually,
    exports,
    now,
    quiet_weeks,
    spikewatch,
    surge,
    write_config,
)

pytestmark = pytest.mark.e2e


def test_a_hangup_puts_the_changed_file_into_force_or_shows_why_not(tmp_path: Path) -> None:
    ended = now() - timedelta(minutes=2)
    tickets = [
        *quiet_weeks(ended),
        *surge(ended - timedelta(minutes=10), tickets=40, first_id=1_000_000),
    ]
    with desk_of(tickets) as desk, chat_of() as chat:
        file = write_config(tmp_path, desk=desk, chat=chat)
        text = file.read_text("utf-8").replace("every: 10s", "every: 10m")
        file.write_text(text, "utf-8")
        with daemon(tmp_path) as running:
            running.wait_for("delivered")
            asked = len(exports(desk))

            file.write_text(text.replace("every: 10m", "every: 20m"), "utf-8")
            running.process.send_signal(signal.SIGHUP)
            running.wait_for("config_reloaded")
            file.write_text(text + "polll: {}\n", "utf-8")
            running.process.send_signal(signal.SIGHUP)
            running.wait_for("config_refused")
            eventually(lambda: len(chat.roots) == 2, why=running.story)
            told = chat.roots[1].text
            _, refused = running.get("/metrics/health")
            status = spikewatch("status", "--config", "watch.yaml", folder=tmp_path)
            (tmp_path / "new.yaml").write_text(text, "utf-8")
            diff = spikewatch("check", "--config", "new.yaml", "--diff", folder=tmp_path)
            file.write_text(text, "utf-8")
            eventually(lambda: chat.roots[1].text != told, why=running.story)
            _, series = running.get("/metrics/series")
            assert running.terminate() == 0

        assert len(exports(desk)) == asked
        assert "spikewatch_config_last_reload_successful 0.0" in refused
        assert 'spikewatch_incidents_open{severity="warning"} 1' in series
        assert "shop" in chat.roots[0].text
        assert told.startswith("A changed configuration is refused. watch.yaml has mistakes")
        assert "polll" in status.stdout + status.stderr
        assert chat.roots[1].text.startswith("The configuration is in force again.")
        assert "poll.every: 20m → 10m" in diff.stdout
        assert not [line for line in running.events if line["event"] == "job_failed"]
