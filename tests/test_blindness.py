"""The whole daemon goes blind and sees again: desk, store, lookout, outbox and chat, on a clock that stands still."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.app.assembly import Assembly, assemble
from spikewatch.config import Config, Purpose, load
from spikewatch.ports import Page
from spikewatch.sandbox.chat import Chat, ChatMessage
from spikewatch.sandbox.helpdesk import Endpoint, Fault, HelpDesk, Spell
from tests.still_desk import CATALOGUE, CONFIG, MINUTE, NOW, SECRETS, StillClock, steady

HOUR = timedelta(hours=1)


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
    assert surges[0].text.startswith("Resolved: shop / login. All-clear at 20:00 JST, 1 h after the start.")


def test_a_daemon_that_was_only_stopped_does_not_say_that_it_was_blind(world: World) -> None:
    with world.daemon() as daemon:
        world.turn(daemon)
    world.clock.advance(4 * HOUR)

    with world.daemon() as daemon:
        daemon.daemon.run_once("judge")
        world.turn(daemon)

    assert not [text for text in world.said() if "Blind" in text or "Seeing" in text]


def test_a_source_that_is_configured_no_more_holds_nothing_up_and_is_there_again_once_it_is(
    world: World,
) -> None:
    unread = Page((), "c", caught_up=False)
    with world.daemon() as daemon:
        daemon.store.commit_page("old", unread, since=NOW - HOUR, seen_at=NOW)
        world.turn(daemon)
        held_up = daemon.parts.chores.is_ready()

    with world.daemon() as daemon:
        world.turn(daemon)
        ready = daemon.parts.chores.is_ready()
        states = set(daemon.store.source_states())
        kept = daemon.store.source_state("old")

    assert (held_up.ok, ready.ok) == (False, True)
    assert states == {"desk"}
    assert kept is not None
