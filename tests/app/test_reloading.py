"""A changed configuration: taken over whole between two cycles, or refused whole and told, on a clock that stands still."""

import gc
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.app.assembly import Assembly, assemble
from spikewatch.app.reloading import Reloader
from spikewatch.config import Purpose, load
from spikewatch.sandbox.chat import Chat
from spikewatch.sandbox.helpdesk import Endpoint, HelpDesk
from tests.still_desk import CATALOGUE, CONFIG, MINUTE, NOW, SECRETS, StillClock, steady


class World:
    """A desk with a surge, a chat, and a daemon whose jobs are run by hand."""

    def __init__(self, folder: Path, desk: HelpDesk, chat: Chat, clock: ManualClock) -> None:
        self.desk, self.chat, self.clock = desk, chat, clock
        self.file = folder / "watch.yaml"
        self.text = CONFIG.format(store=folder / "watch.db", desk=desk.url, chat=chat.url)
        self.file.write_text(self.text, "utf-8")
        self.assembly: Assembly
        self.reloader: Reloader

    @contextmanager
    def daemon(self) -> Iterator[Assembly]:
        """A daemon as after a start, which has read, judged and told once."""
        config = load(self.file, env=SECRETS, purpose=Purpose.RUN)
        self.assembly = assemble(config, clock=self.clock)
        self.reloader = Reloader(self.assembly, self.file, env=SECRETS)
        with closing(self.assembly.store):
            self.reloader.begin()
            self.turn()
            yield self.assembly

    def turn(self) -> None:
        for job in ("poll:desk", "judge", "deliver"):
            self.assembly.daemon.run_once(job)

    def write(self, text: str) -> None:
        """Put a text into the file, look as often as it takes, and deliver."""
        self.file.write_text(text, "utf-8")
        self.look()

    def look(self) -> None:
        for _ in range(2):
            self.reloader.look()
        self.clock.advance(2 * MINUTE)
        self.assembly.daemon.run_once("deliver")

    def metrics(self) -> dict[str, float]:
        body = self.assembly.standing.exposition.scrape("all", openmetrics=False, gzipped=False).decode()
        pairs = (line.rsplit(" ", 1) for line in body.splitlines() if line[0] != "#")
        return {name: float(value) for name, value in pairs}

    def asked(self) -> int:
        return sum(asked.endpoint is Endpoint.EXPORT for asked in self.desk.requests)

    def notes(self) -> list[str]:
        """What the channel shows of configurations, as it stands now."""
        return [message.text for message in self.chat.messages if "onfiguration" in message.text]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = StillClock(NOW)
    with ExitStack() as stack:
        desk = stack.enter_context(
            HelpDesk(
                steady(surge_at=NOW - 35 * MINUTE),
                now=clock.now,
                client_id="tests",
                client_secret="s3cret",
                catalogue=CATALOGUE,
                exports_per_minute=1000,
            )
        )
        chat = stack.enter_context(Chat(clock=clock, channels=("ops", "shop")))
        yield World(tmp_path, desk, chat, clock)


def open_incidents(assembly: Assembly) -> list[str]:
    return [incident.id for incident in assembly.store.judge_state().incidents.active]


def test_a_changed_threshold_is_in_force_with_all_that_was_known_and_nothing_asked_again(
    world: World,
) -> None:
    with world.daemon() as daemon:
        incidents, before, asked = open_incidents(daemon), world.metrics(), world.asked()
        reader, deliverer = daemon.readers, daemon.parts.deliverer

        world.write(world.text + "detection: {min_tickets: 40, min_ratio: 3}\nretention: {counts: 60w}\n")
        daemon.daemon.run_once("judge")
        after = world.metrics()

        assert daemon.cycle.detector.detection.min_tickets == 40
        assert open_incidents(daemon) == incidents == ["SW-1"]
        assert daemon.readers == reader
        assert daemon.parts.deliverer is deliverer
        assert world.asked() == asked
        for name in ("spikewatch_polls_total", "spikewatch_tickets_total"):
            held = [key for key in before if key.startswith(name)]
            assert held
            assert [after[key] for key in held] == [before[key] for key in held]
        assert [key for key in after if key.startswith("spikewatch_config_info")] != [
            key for key in before if key.startswith("spikewatch_config_info")
        ]
        world.clock.advance(20 * MINUTE)
        world.turn()
        uppers = [
            value
            for key, value in world.metrics().items()
            if key.startswith("spikewatch_service_tickets_upper")
        ]
        assert uppers
        assert min(uppers) >= 39


def test_an_open_incident_is_told_on_in_its_message_after_the_channel_of_others_has_changed(
    world: World,
) -> None:
    with world.daemon() as daemon:
        world.write(world.text + 'services: {shop: {channel: "#shop"}}\n')
        world.clock.advance(timedelta(hours=2))
        world.turn()

        assert [message.channel_name for message in world.chat.roots] == ["ops"]
        assert world.chat.roots[0].text.startswith("Resolved")
        assert [incident.id for incident in daemon.store.incidents(since=NOW - timedelta(days=1))] == ["SW-1"]


def test_a_file_with_mistakes_is_refused_everywhere_once_and_mended_in_the_same_message(world: World) -> None:
    bad = world.text + "detection: {min_ratio: 0.5}\n"
    with world.daemon() as daemon:
        config = daemon.parts.config
        world.write(bad)
        world.look()
        refused, metric, kept = world.notes(), world.metrics(), daemon.store.in_force()
        world.write(world.text + "polll: {every: 1m}\n")
        still = world.notes()
        world.write(world.text)

        assert daemon.parts.config is config
        assert len(refused) == len(still) == len(world.notes()) == 1
        assert f"{world.file}:16: detection.min_ratio: 0.5" in refused[0]
        assert "polll: is no known key; did you mean poll?" in still[0]
        assert world.notes()[0].startswith("The configuration is in force again. From 18:00 JST")
        assert metric["spikewatch_config_last_reload_successful"] == 0
        assert world.metrics()["spikewatch_config_last_reload_successful"] == 1
        assert kept is not None
        assert len(kept.refused) == 1
        assert kept.settings["detection.min_ratio"] != "0.5"
        in_force = daemon.store.in_force()
        assert in_force is not None
        assert in_force.refused == ()


def test_what_takes_a_restart_is_refused_whole_with_that_remedy(world: World) -> None:
    with world.daemon() as daemon:
        world.write(world.text.replace("bucket: 15m", "bucket: 30m") + "poll: {every: 5m}\n")

        assert daemon.parts.config.poll.every == timedelta(minutes=2)
        (note,) = world.notes()
        assert "takes a restart" in note
        assert "bucket: 15m → 30m takes a restart" in note


def test_a_refusal_told_before_a_restart_is_mended_by_it(world: World) -> None:
    with world.daemon():
        world.write(world.text.replace("bucket: 15m", "bucket: 30m"))
        told = world.notes()
    world.file.write_text(world.text, "utf-8")

    with world.daemon():
        assert told[0].startswith("A changed configuration is refused")
        assert world.notes()[0].startswith("The configuration is in force again")
        assert len(world.notes()) == 1


def test_a_file_that_is_still_being_written_is_left_alone(world: World) -> None:
    with world.daemon() as daemon:
        world.file.write_text(world.text[:200], "utf-8")
        world.reloader.look()
        world.write(world.text + "poll: {every: 5m}\n")

        assert world.notes() == []
        assert daemon.parts.config.poll.every == timedelta(minutes=5)


def test_asking_loads_at_once_and_says_where_nothing_has_changed(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with world.daemon(), caplog.at_level("INFO", logger="spikewatch.app.reloading"):
        world.reloader.ask()
        world.reloader.look()
        world.file.write_text(world.text + "poll: {every: 5m}\n", "utf-8")
        world.reloader.ask()
        world.reloader.look()

    assert [record.message for record in caplog.records] == ["config_unchanged", "config_reloaded"]
    assert caplog.records[1].__dict__["changes"] == ["poll.every: 2m → 5m"]


def test_a_source_that_is_added_is_read_and_one_that_goes_is_read_no_more(world: World) -> None:
    calls = world.file.parent / "calls.csv"
    calls.write_text("timestamp,service,category,count\n2026-05-11T08:00:00+00:00,phone,call,3\n", "utf-8")
    more = world.text.replace("slack:", f"  - {{kind: csv, name: calls, path: {calls}}}\nslack:")
    with world.daemon() as daemon:
        (desk,) = daemon.readers
        world.write(more)
        with_calls = [reader.name for reader in daemon.readers]
        daemon.daemon.run_once("poll:calls")
        states = set(daemon.store.source_states())
        calls_reader = daemon.readers[1]
        up = 'spikewatch_source_up{source="calls"}'
        was_up = world.metrics()[up]
        world.write(world.text)

        assert with_calls == ["desk", "calls"]
        assert states == {"desk", "calls"}
        assert was_up == 1
        assert daemon.readers == (desk,)
        assert calls_reader.retired.is_set()
        assert not desk.retired.is_set()
        assert up not in world.metrics()
        with pytest.raises(KeyError):
            daemon.daemon.run_once("poll:calls")


def test_a_source_that_is_mapped_otherwise_is_counted_anew_without_being_fetched_anew(world: World) -> None:
    with world.daemon() as daemon:
        pages = world.asked()
        world.write(world.text.replace("category: {field: 900}", "category: {field: 900, show: value}"))
        world.turn()

        categories = {key.category for key in daemon.store.roster().keys}
        assert "login" in categories
        assert "Log-in" not in categories
        assert world.asked() - pages <= 4


RELOADS = 50


@pytest.fixture
def _nothing_collected() -> Iterator[None]:
    """What nobody closes stays open: in life nobody knows when the collector comes round."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held() -> tuple[int, int]:
    """How many files and sockets are open, and how many threads run."""
    return sum(1 for _ in Path("/dev/fd").iterdir()), threading.active_count()


@pytest.mark.usefixtures("_nothing_collected")
def test_sources_and_receivers_that_were_replaced_leave_nothing_open(world: World) -> None:
    counts = world.file.parent / "calls.db"
    with closing(sqlite3.connect(counts)) as database:
        database.execute("CREATE TABLE calls (day TEXT)")
    query = "SELECT day AS bucket_start, 'phone' AS service, 'call' AS category, 0 AS count FROM calls WHERE :since < :until"
    calls = f"  - {{kind: sql, name: calls, url: 'sqlite:///{counts}', query: \"{query}\", lag: %dm}}\nslack:"
    more = world.text.replace("slack:", calls)
    changed = [more % (20 + turn % 2) for turn in range(RELOADS + 5)]
    changed = [
        text.replace("{channel:", f'{{mention: "U0{turn}", channel:') for turn, text in enumerate(changed)
    ]
    changed = [text.replace("minute: 100", f"minute: {80 + turn % 2}") for turn, text in enumerate(changed)]
    opened = []
    with world.daemon() as daemon:
        for text in changed:
            world.write(text)
            for job in ("poll:desk", "poll:calls", "beside:desk", "beside:calls"):
                daemon.daemon.run_once(job)
            opened.append(held())

        assert world.notes() == []
        assert daemon.parts.config.slack is not None
        assert daemon.parts.config.slack.mention == f"U0{RELOADS + 4}"
        assert daemon.store.source_states().keys() == {"desk", "calls"}
    # What leaks only grows; a thread of the stand-in that is about to end does not last.
    for each in zip(*opened, strict=True):
        assert min(each[-5:]) <= max(each[:5])
