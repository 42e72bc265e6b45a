"""The whole daemon goes blind and sees again: desk, store, lookout, outbox and chat, on a clock that stands still."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.app.assembly import Assembly, assemble
from spikewatch.config import Config, Purpose, load
from spikewatch.sandbox.chat import Chat, ChatMessage
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown, Endpoint, Fault, HelpDesk, Spell

NOW = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
HISTORY = timedelta(weeks=3)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FIELD = 900
CATALOGUE = Catalogue({1: "shop"}, (DropDown(FIELD, "Category", {"login": "Log-in"}),))
CONFIG = """\
timezone: Asia/Tokyo
language: en
bucket: 15m
history: 3w
store: sqlite:///{store}
sources:
  - kind: zendesk
    name: desk
    url: {desk}
    client_id: tests
    category: {{field: 900}}
    requests_per_minute: 100
    backfill_requests_per_minute: 100
slack: {{channel: "#ops", url: "{chat}"}}
metrics: {{listen: "127.0.0.1:0"}}
"""
SECRETS = {"SPIKEWATCH_DESK_CLIENT_SECRET": "s3cret", "SPIKEWATCH_SLACK_BOT_TOKEN": "xoxb-sandbox"}


class StillClock(ManualClock):
    """A clock that stands still, on which a second is a second of the machine."""

    def real_seconds(self, duration: timedelta) -> float:
        return duration.total_seconds()


def ticket(number: int, created: datetime) -> DeskTicket:
    return DeskTicket(number, created, int(created.timestamp()), brand_id=1, values=((FIELD, "login"),))


def steady(*, surge_at: datetime) -> Iterator[DeskTicket]:
    """Yield one ticket in ten minutes for weeks and on into the day, and sixty in half an hour from `surge_at` on."""
    for number in range((HISTORY + timedelta(days=3)) // (10 * MINUTE)):
        yield ticket(1 + number, NOW - HISTORY - timedelta(days=2) + number * 10 * MINUTE)
    for number in range(60):
        yield ticket(100_000 + number, surge_at + number * MINUTE / 2)


class World:
    """A desk that cannot be read for a while, a chat, and a daemon whose jobs are run by hand."""

    def __init__(self, desk: HelpDesk, chat: Chat, clock: ManualClock, config: Config) -> None:
        self.desk, self.chat, self.clock, self.config = desk, chat, clock, config

    @contextmanager
    def daemon(self) -> Iterator[Assembly]:
        """A daemon as after a start."""
        assembly = assemble(self.config, clock=self.clock)
        with closing(assembly.store):
            yield assembly

    def turn(self, assembly: Assembly) -> None:
        """Poll, judge and deliver once."""
        for job in ("poll:desk", "judge", "deliver"):
            assembly.daemon.run_once(job)

    def live(self, assembly: Assembly, duration: timedelta) -> None:
        """Do so every five minutes."""
        until = self.clock.now() + duration
        while self.clock.now() < until:
            self.clock.advance(5 * MINUTE)
            self.turn(assembly)

    def said(self) -> Sequence[str]:
        """The titles of all messages in the channel, as they stand now."""
        return [message.text.partition(". ")[0] for message in self.messages()]

    def messages(self) -> Sequence[ChatMessage]:
        """All messages in the channel."""
        return self.chat.messages


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = StillClock(NOW)
    down = Spell(Endpoint.EXPORT, Fault.error(503), NOW + MINUTE, NOW + 3 * HOUR)
    with (
        HelpDesk(
            steady(surge_at=NOW + HOUR),
            now=clock.now,
            client_id="tests",
            client_secret="s3cret",
            catalogue=CATALOGUE,
            exports_per_minute=1000,
            spells=[down],
        ) as desk,
        Chat(clock=clock, channels=("ops",)) as chat,
    ):
        file = tmp_path / "watch.yaml"
        file.write_text(CONFIG.format(store=tmp_path / "watch.db", desk=desk.url, chat=chat.url), "utf-8")
        yield World(desk, chat, clock, load(file, env=SECRETS, purpose=Purpose.RUN))


def test_three_hours_of_blindness_are_told_once_and_the_surge_in_them_afterwards(world: World) -> None:
    with world.daemon() as daemon:
        world.turn(daemon)
        world.live(daemon, 25 * MINUTE)
        blind = list(world.said())
        world.live(daemon, HOUR)
        still_blind = list(world.said())

    with world.daemon() as daemon:  # a restart in the middle
        world.live(daemon, 2 * HOUR)
        after = world.messages()
        incidents = daemon.store.incidents(since=NOW)

    assert blind == still_blind == ["Blind: desk is not being read"]
    seeing, *surges = after
    assert seeing.text.startswith("Seeing again: desk.")
    assert "One surge began in it" in seeing.text
    assert seeing.edited_at is not None
    assert len(surges) == len(incidents) == 1
    assert NOW + HOUR <= incidents[0].opened_at <= NOW + 2 * HOUR
    assert "Since 19:00 JST" in surges[0].text or surges[0].text.startswith("Resolved")


def test_a_daemon_that_was_only_stopped_does_not_say_that_it_was_blind(world: World) -> None:
    with world.daemon() as daemon:
        world.turn(daemon)
    world.clock.advance(4 * HOUR)

    with world.daemon() as daemon:
        daemon.daemon.run_once("judge")
        world.turn(daemon)

    assert not [text for text in world.said() if "Blind" in text or "Seeing" in text]
