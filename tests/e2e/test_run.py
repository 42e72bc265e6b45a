"""`spikewatch run` from the outside: real process, real sockets, real signals, and crashes that repeat nothing."""

import json
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from spikewatch.sandbox.chat import Chat
from spikewatch.sandbox.chat import Fault as ChatFault
from spikewatch.sandbox.helpdesk import DeskTicket, Endpoint, HelpDesk
from spikewatch.sandbox.helpdesk import Fault as DeskFault
from tests.e2e.running import (
    BOT_TOKEN,
    CLIENT_SECRET,
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

SURGE_FIRST_ID = 1_000_000
FAMILIES = (
    "spikewatch_series_tickets{",
    "spikewatch_series_tickets_expected{",
    "spikewatch_series_tickets_upper{",
    "spikewatch_series_score{",
    "spikewatch_service_tickets{",
    "spikewatch_fleet_tickets{",
    "spikewatch_tickets_total{",
    "spikewatch_incidents_open{",
    "spikewatch_source_up{",
    "spikewatch_detection_last_run_timestamp_seconds ",
    "spikewatch_store_size_bytes ",
    "spikewatch_build_info{",
    "process_resident_memory_bytes ",
)


class Place(NamedTuple):
    """A folder with a configuration, and the stand-ins that it names.

    ended  when the tickets of the desk end: a little before what the desk withholds
    """

    folder: Path
    desk: HelpDesk
    chat: Chat
    ended: datetime
    tickets: list[DeskTicket]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Three quiet weeks and a surge in the shop's logins that is under way."""
    ended = now() - timedelta(minutes=2)
    tickets = [
        *quiet_weeks(ended),
        *surge(ended - timedelta(minutes=10), tickets=40, first_id=SURGE_FIRST_ID),
    ]
    with desk_of(tickets) as desk, chat_of() as chat:
        write_config(tmp_path, desk=desk, chat=chat)
        yield Place(tmp_path, desk, chat, ended, tickets)


def port_of(desk: HelpDesk) -> int:
    return int(desk.url.rsplit(":", 1)[1])


def test_a_surge_is_read_judged_told_and_shown(place: Place) -> None:
    with daemon(place.folder) as running:
        running.wait_for("started")
        assert running.get("/healthz")[0] == 200
        running.wait_for("delivered")
        eventually(lambda: running.get("/readyz")[0] == 200)

        _, metrics = running.get("/metrics")
        told = spikewatch("status", "--config", "watch.yaml", folder=place.folder)
        told_as_json = spikewatch("status", "--config", "watch.yaml", "--json", folder=place.folder)
        second = spikewatch("run", "--config", "watch.yaml", folder=place.folder)
        ended_with = running.terminate()
        lines, events = running.lines, running.events

    told_after = spikewatch("status", "--config", "watch.yaml", folder=place.folder)

    assert ended_with == 0
    assert [message.channel_name for message in place.chat.roots] == ["alerts"]
    assert "shop" in place.chat.roots[0].text
    assert [family for family in FAMILIES if family not in metrics] == []
    assert 'spikewatch_incidents_open{severity="warning"} 1' in metrics
    assert 'spikewatch_notifications_pending{channel="#pay"} 0' in metrics
    assert told.returncode == 0
    assert "open incidents: 1\n  SW-1  warning  shop  since " in told.stdout
    facts = json.loads(told_as_json.stdout)
    assert [incident["incident"] for incident in facts["incidents"]] == ["SW-1"]
    assert facts["queue"] == {}
    assert 0 <= facts["sources"]["desk"]["age_seconds"] < 120
    assert second.returncode == 1
    assert f"in use by another spikewatch (process {running.process.pid})" in second.stderr
    assert "Traceback" not in second.stderr
    assert told_after.returncode == 0
    assert "SW-1" in told_after.stdout
    assert {"started", "incident_opened", "delivered", "stopped"} <= {line["event"] for line in events}
    assert all({"timestamp", "level", "event", "logger"} <= line.keys() for line in events)
    assert [line["event"] for line in events if line["level"] in {"warning", "error"}] == [
        "configuration_note"
    ]
    assert not any(secret in line for line in lines for secret in (CLIENT_SECRET, BOT_TOKEN))


def test_a_restart_goes_on_where_it_stopped_and_edits_the_message_that_stands(place: Place) -> None:
    with daemon(place.folder) as running:
        running.wait_for("delivered")
        assert running.terminate() == 0
    (posted,) = place.chat.roots
    port = port_of(place.desk)
    place.desk.stop()
    since, shown_at = place.ended - timedelta(minutes=5), place.ended + timedelta(seconds=5)
    spread = [
        found
        for number, option in enumerate(("late", "refund"), start=1)
        for found in surge(
            since,
            tickets=20,
            first_id=SURGE_FIRST_ID + 100 * number,
            option=option,
            shown_at=shown_at,
        )
    ]

    with desk_of([*place.tickets, *spread], port=port) as desk, daemon(place.folder) as running:
        running.wait_for("started")
        shown_at_once = running.get("/metrics/series")[1]
        running.wait_for("incident_raised")
        eventually(lambda: len(place.chat.edits) > 0, why=running.story)
        assert running.terminate() == 0
        asked = exports(desk)

    assert 'spikewatch_incidents_open{severity="warning"} 1' in shown_at_once
    assert [message.ts for message in place.chat.roots] == [posted.ts]
    assert "raised" in place.chat.edits[0].blocks[1]["text"]["text"]
    assert all("cursor" in query for query in asked)
    assert len(asked) < 15
    assert len(exports(place.desk)) >= 4


def test_a_power_cut_while_slack_answers_leaves_exactly_one_message(place: Place) -> None:
    place.chat.fail("chat.postMessage", ChatFault(delay_s=30.0))
    with daemon(place.folder) as running:
        eventually(lambda: len(place.chat.roots) == 1, why=running.story)
        running.kill()

    with daemon(place.folder) as running:
        running.wait_for("delivered")
        eventually(lambda: 'notifications_pending{channel="#alerts"} 0' in running.get("/metrics")[1])
        assert running.terminate() == 0

    assert len(place.chat.roots) == 1
    assert "conversations.history" in [call.method for call in place.chat.calls]


def test_a_power_cut_while_history_is_read_costs_at_most_a_page(place: Place) -> None:
    place.desk.fault(Endpoint.EXPORT, DeskFault(), times=2)
    place.desk.fault(Endpoint.EXPORT, DeskFault(delay=timedelta(seconds=30)))
    with daemon(place.folder) as running:
        eventually(lambda: len(exports(place.desk)) == 3, why=running.story)
        running.kill()

    with daemon(place.folder) as running:
        running.wait_for("delivered")
        assert running.terminate() == 0
    asked = exports(place.desk)

    assert asked[3]["cursor"] == asked[2]["cursor"]
    assert sum("start_time" in query for query in asked) == 1
    assert len(place.chat.roots) == 1


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_desk_that_hangs_does_not_keep_the_daemon_from_ending(place: Place, end: signal.Signals) -> None:
    place.desk.fault(Endpoint.EXPORT, DeskFault(delay=timedelta(seconds=60)), times=3)
    with daemon(place.folder) as running:
        running.wait_for("started")
        eventually(lambda: len(exports(place.desk)) == 1)
        waiting, alive = running.get("/readyz"), running.get("/healthz")

        ended_with = running.end(end)

        assert ended_with == 0
        assert running.says("stopped")
        assert waiting == (503, "waiting for the first complete read of the help desk\n")
        assert alive[0] == 200


def test_a_signal_that_comes_the_moment_it_has_started_is_heard(tmp_path: Path) -> None:
    with desk_of([]) as desk, chat_of() as chat:
        write_config(tmp_path, desk=desk, chat=chat)
        with daemon(tmp_path) as running:
            running.wait_for("started")

            assert running.terminate() == 0


@pytest.mark.parametrize(
    "trouble",
    [
        ChatFault(status=429, headers={"Retry-After": "3600"}, body='{"ok": false, "error": "ratelimited"}'),
        ChatFault(delay_s=60.0),
    ],
    ids=["asks to wait an hour", "does not answer"],
)
def test_slack_in_trouble_does_not_keep_the_daemon_from_ending(place: Place, trouble: ChatFault) -> None:
    place.chat.fail("chat.postMessage", trouble)
    with daemon(place.folder) as running:
        eventually(
            lambda: "chat.postMessage" in [call.method for call in place.chat.calls],
            why=running.story,
        )

        ended_with = running.terminate()

        assert ended_with == 0
        assert running.says("stopped")
        assert not running.says("job_failed")


def test_a_wait_that_slack_asked_for_is_kept_over_a_restart(place: Place) -> None:
    wait = ChatFault(
        status=429, headers={"Retry-After": "3600"}, body='{"ok": false, "error": "ratelimited"}'
    )
    place.chat.fail("chat.postMessage", wait)
    with daemon(place.folder) as running:
        running.wait_for("delivery_failed")
        assert running.terminate() == 0

    with daemon(place.folder) as running:
        running.wait_for("started")
        eventually(lambda: 'notifications_pending{channel="#alerts"} 1' in running.get("/metrics")[1])
        assert running.terminate() == 0
    told = spikewatch("status", "--config", "watch.yaml", folder=place.folder)

    assert [call.method for call in place.chat.calls].count("chat.postMessage") == 1
    assert "messages waiting: 1 queued" in told.stdout


def test_what_was_lived_through_can_be_replayed_from_the_store(place: Place) -> None:
    with daemon(place.folder) as running:
        running.wait_for("delivered")
        assert running.terminate() == 0
    since = (place.ended - timedelta(minutes=30)).isoformat(timespec="seconds")

    done = spikewatch(
        *("backtest", "store", "--config", "watch.yaml", "--since", since, "--format", "jsonl"),
        folder=place.folder,
    )

    assert done.returncode == 0, done.stderr
    (found,) = [json.loads(line) for line in done.stdout.splitlines()]
    services = {series["service"] for series in found["series"]}
    assert services - {None} == {"shop"}  # the fleet as a whole may have risen with it
    assert found["resolved_at"] is None
