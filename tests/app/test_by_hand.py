"""What people do from a shell: acts, silences, labels and the outbox, beside a daemon or without one."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from spikewatch.adapters.clock import ManualClock, SystemClock
from spikewatch.adapters.sql_store import SqlStore, open_store
from spikewatch.cli import main
from spikewatch.core.acts import ActStage
from spikewatch.core.outbox import Stage, held
from tests.people import STEP, People

CONFIG = """\
timezone: Asia/Tokyo
language: en
store: sqlite:///{folder}/watch.db
sources:
  - {{kind: zendesk, name: desk, subdomain: acme, client_id: spikewatch, category: {{field: 1}}}}
slack: {{channel: "#support"}}
maintenance:
  - {{name: always, service: shop, weekly: {{days: [mon, tue, wed, thu, fri, sat, sun], at: "00:00", lasts: 24h}}}}
"""
LABELS = "start,end,service,category,kind\n2026-05-01T10:00:00+09:00,2026-05-01T11:00:00+09:00,payments,,incident\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "watch.yaml").write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as a person would; return status, output and complaints."""

    def ran(*argv: str) -> tuple[int, str, str]:
        place = 2 if argv[0] in ("silence", "labels", "outbox") else 1
        with_config = [*argv[:place], "--config", str(folder / "watch.yaml"), *argv[place:]]
        try:
            status = main(with_config)
        except SystemExit as ended:
            status = int(str(ended.code))
        told = capsys.readouterr()
        return status, told.out.strip(), told.err.strip()

    return ran


def desk(folder: Path) -> tuple[People, SqlStore]:
    store = open_store(f"sqlite:///{folder}/watch.db", step=STEP)
    return People(store=store, clock=ManualClock(SystemClock().now())), store


@pytest.fixture
def surging(folder: Path) -> None:
    """SW-1 was told, and no daemon runs."""
    people, store = desk(folder)
    people.told()
    store.close()


@pytest.fixture
def empty(folder: Path) -> None:
    """Nothing has happened yet, and no daemon runs."""
    desk(folder)[1].close()


@pytest.mark.usefixtures("surging")
def test_without_a_daemon_an_act_is_settled_at_once_and_told_later(run: Run, folder: Path) -> None:
    assert run("ack", "sw-1", "--by", "sato") == (0, "SW-1 is yours.", "")

    people, store = desk(folder)
    assert people.incident().handling.acknowledged_by == "sato"
    assert len(people.waiting()) == 1
    store.close()
    status, out, _ = run("ack", "SW-1", "--by", "suzuki")
    assert (status, out.partition(" at ")[0]) == (0, "SW-1: sato did so")
    assert run("ack", "SW-1", "--hand-back", "--by", "sato")[1] == "SW-1 is handed back: nobody has it."


def test_beside_a_daemon_an_act_is_settled_by_it(run: Run, folder: Path) -> None:
    people, store = desk(folder)
    people.told()

    def daemon() -> None:
        clock = SystemClock()
        while not store.acts(stage=ActStage.RECEIVED) and not clock.wait(timedelta(milliseconds=20)):
            pass
        people.acting.run()

    working = Thread(target=daemon)
    working.start()
    status, out, _ = run("snooze", "SW-1", "--until", "morning", "--by", "sato")
    working.join(10)

    assert status == 0
    assert out.startswith("SW-1 keeps quiet until ")
    assert people.incident().handling.snoozed_by == "sato"
    store.close()


@pytest.mark.usefixtures("surging")
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("confirm", "SW-1", "--note", "bank down"), "SW-1 is noted as a real incident."),
        (("expected", "SW-1", "--event", "autumn sale"), "SW-1 is noted as expected."),
        (("false-alarm", "SW-1"), "SW-1 is closed as a false alarm."),
    ],
)
def test_a_verdict_is_a_label(run: Run, argv: tuple[str, ...], said: str) -> None:
    status, out, _ = run(*argv, "--by", "sato")

    assert (status, out.startswith(said)) == (0, True)
    (label,) = json.loads(run("labels", "list", "--json")[1])
    assert (label["incident"], label["author"], label["service"]) == ("SW-1", "sato", "payments")
    assert label["note"] == (argv[3] if len(argv) > 2 else None)
    refused = run("labels", "remove", str(label["label"]))
    assert (refused[0], "verdict on SW-1" in refused[2]) == (2, True)


@pytest.mark.usefixtures("surging")
def test_what_is_wrong_with_an_act_is_said(run: Run) -> None:
    assert run("ack", "SW-9")[0] == 2
    assert "there is SW-1" in run("ack", "SW-9")[2]
    assert run("snooze", "SW-1", "--until", "2020-01-01")[0] == 2
    assert run("snooze", "SW-1")[0] == 2
    assert "30m or 2h" in run("snooze", "SW-1", "--for", "0m")[2]
    assert run("resolve", "SW-1", "--by", "sato")[0] == 0
    status, _, complaint = run("ack", "SW-1", "--by", "suzuki")
    assert (status, "was closed by sato" in complaint) == (1, True)


def test_a_store_that_does_not_exist_is_not_made_by_a_question(run: Run, folder: Path) -> None:
    assert run("ack", "SW-1")[0] == 1
    assert run("silence", "list")[0] == 1
    assert not (folder / "watch.db").exists()


@pytest.mark.usefixtures("empty")
def test_a_silence_is_begun_shown_and_ended(run: Run) -> None:
    status, out, _ = run(
        "silence", "add", "payments/login*", "--for", "2h", "--reason", "bank", "--by", "sato"
    )
    assert (status, out.startswith("silence 1: payments/login*  until ")) == (0, True)

    listed = run("silence", "list")[1].splitlines()
    assert [line.split()[:2] for line in listed] == [["1", "payments/login*"], ["–", "maintenance"]]
    first, window = json.loads(run("silence", "list", "--json")[1])
    assert (first["silence"], first["author"], first["reason"], first["in_force"]) == (
        1,
        "sato",
        "bank",
        True,
    )
    assert (window["kind"], window["service"]) == ("maintenance", "shop")
    assert run("silence", "remove", "1")[0] == 0
    assert run("silence", "remove", "1")[0] == 2


@pytest.mark.usefixtures("empty")
def test_a_silence_needs_an_end_and_a_reason(run: Run) -> None:
    assert run("silence", "add", "payments", "--for", "2h")[0] == 2
    assert run("silence", "add", "payments", "--reason", "x")[0] == 2
    past = run("silence", "add", "payments", "--until", "2020-01-01", "--reason", "x")
    assert (past[0], "name a later time" in past[2]) == (2, True)
    later = run(
        "silence",
        "add",
        "*",
        "--from",
        "2098-01-01",
        "--until",
        "2098-01-02",
        "--reason",
        "x",
        "--severity",
        "warning",
    )
    assert "*/* warning  from 2098-01-01 00:00 until 2098-01-02 00:00 JST" in later[1]


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("end", [("--until", "2199-12-31"), ("--for", "53w")])
def test_a_silence_of_more_than_a_year_is_refused_with_what_to_do(run: Run, end: tuple[str, str]) -> None:
    status, _, said = run("silence", "add", "payments", *end, "--reason", "x")

    assert status == 2
    assert "more than a year" in said
    assert "enabled: false" in said
    assert run("silence", "list", "--json")[1].count('"kind": "silence"') == 0


@pytest.mark.usefixtures("surging")
@pytest.mark.parametrize("end", [("--until", "2199-12-31"), ("--for", "53w")])
def test_a_snooze_of_more_than_a_year_is_refused_with_what_to_do(run: Run, end: tuple[str, str]) -> None:
    status, _, said = run("snooze", "SW-1", *end)

    assert status == 2
    assert "more than a year" in said
    assert "spikewatch resolve" in said


@pytest.mark.usefixtures("empty")
def test_labels_are_added_listed_and_removed(run: Run) -> None:
    span = ("--start", "2026-05-11T10:00:00+09:00", "--end", "2026-05-11T12:00:00+09:00")
    assert run("labels", "list")[1] == "no labels"
    assert run("labels", "add", "incident", *span, "--service", "payments", "--by", "sato", "--new")[0] == 0

    listed = run("labels", "list")[1]
    assert "incident     2026-05-11 10:00 to 2026-05-11 12:00 JST  payments/*, by sato" in listed
    assert run("labels", "remove", "1")[0] == 0
    assert run("labels", "remove", "1")[0] == 2
    assert run("labels", "add", "incident", "--start", "2026-05-12", "--end", "2026-05-11")[0] == 2


@pytest.mark.usefixtures("empty")
def test_labels_are_imported_whole_or_not_at_all_and_once(run: Run, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(LABELS, encoding="utf-8")
    bad.write_text(LABELS + "soon,later,x,,incident\n", encoding="utf-8")

    assert run("labels", "import", str(bad))[0] == 2
    assert f"{bad}:3:" in run("labels", "import", str(bad))[2]
    assert run("labels", "list")[1] == "no labels"
    assert run("labels", "import", str(good))[1].startswith("1 of 1 labels")
    assert run("labels", "import", str(good))[1].startswith("0 of 1 labels")


def test_the_outbox_shows_what_waits_and_tries_again_or_drops_it(run: Run, folder: Path) -> None:
    people, store = desk(folder)
    people.told()
    (root,) = store.deliveries()
    dead = replace(root, key="dead", stage=Stage.DEAD, last_error="invalid_blocks", plain=4)
    store.save_delivery(dead)
    store.save_delivery(replace(root, key="held", stage=Stage.HELD, last_error="silence 1 by sato"))
    store.close()

    shown = json.loads(run("outbox", "list", "--json")[1])
    assert [(row["key"], row["stage"], row["last_error"]) for row in shown] == [
        ("dead", "dead", "invalid_blocks"),
        ("held", "held", "silence 1 by sato"),
    ]
    assert len(run("outbox", "list", "--all")[1].splitlines()) == 3
    assert run("outbox", "retry", "all")[1].startswith("1 delivery is tried again")
    assert run("outbox", "drop", "held")[0] == 0
    stages = {row["key"]: row["stage"] for row in json.loads(run("outbox", "list", "--all", "--json")[1])}
    assert (stages["dead"], stages["held"], stages[root.key]) == ("queued", "superseded", "sent")
    assert run("outbox", "drop", root.key)[0] == 2
    assert run("outbox", "retry", "nothing")[0] == 2


def test_the_outbox_names_who_waits_where_that_is_not_everybody(run: Run, folder: Path) -> None:
    people, store = desk(folder)
    people.told()
    (root,) = store.deliveries()
    for receiver in ("everybody", "slack"):
        store.save_delivery(held(root.notice, receiver=receiver, why="below_severity", now=people.now))
    store.close()

    everybody, slack = run("outbox", "list")[1].splitlines()

    assert "  every channel  " in everybody
    assert "  slack  " in slack


@pytest.mark.usefixtures("surging")
def test_status_tells_who_has_an_incident_and_what_the_budget_says(run: Run) -> None:
    run("ack", "SW-1", "--by", "sato")
    run("confirm", "SW-1", "--by", "sato")
    run("silence", "add", "payments", "--for", "2h", "--reason", "bank", "--by", "suzuki")

    told = run("status")[1]
    facts = json.loads(run("status", "--json")[1])

    assert "(acknowledged by sato, labelled incident)" in told
    assert "silence 1: payments/* until" in told
    assert facts["incidents"][0]["acknowledged_by"] == "sato"
    assert facts["incidents"][0]["label"] == "incident"
    assert facts["silences"][0]["author"] == "suzuki"
    assert facts["budget"]["not_labelled_real"] == 0
