"""The whole way of a press: from a button in the stand-in for Slack to the message that says who has it."""

from collections.abc import Iterator
from datetime import timedelta
from queue import Queue
from typing import Any

import pytest

from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.adapters.slack.socket import SlackSocket
from spikewatch.core.incidents import Phase
from spikewatch.core.notices import Reason
from spikewatch.core.settings import Language
from spikewatch.core.wording import render
from spikewatch.delivery import Deliverer
from spikewatch.sandbox.block_rules import wrong_blocks
from spikewatch.sandbox.chat import Chat, ChatMessage
from tests.factories import notice
from tests.people import TOKYO, People


@pytest.fixture
def people() -> People:
    return People()


@pytest.fixture
def chat(people: People) -> Iterator[Chat]:
    with Chat(clock=people.clock, channels=("payments",)) as running:
        yield running


@pytest.fixture
def socket(chat: Chat, people: People) -> Iterator[SlackSocket]:
    connected: Queue[bool] = Queue()
    made = SlackSocket(
        token="xapp-sandbox",
        url=chat.url,
        timeout_s=5,
        receive=people.acting.receive,
        on_connected=connected.put,
        check_s=0.05,
    )
    made.start()
    assert connected.get(timeout=10)
    yield made
    made.stop()


def deliver(people: People, chat: Chat, socket: SlackSocket | None = None) -> ChatMessage:
    """Deliver all that waits, and return the living message."""
    Deliverer(
        store=people.store,
        messenger=SlackMessenger(token="xoxb-sandbox", url=chat.url),
        clock=people.clock,
        meter=people.meter,
        language=Language.EN,
        zone=TOKYO,
        controls=lambda: socket is not None and socket.arrives,
    ).drain()
    people.clock.advance(timedelta(seconds=5))
    return chat.roots[0]


def offered(message: ChatMessage) -> list[str]:
    """Return what a message lets people do."""
    actions = [block for block in message.blocks if block["type"] == "actions"]
    return [str(each["action_id"]).partition(".")[2] for block in actions for each in block["elements"]]


def press(people: People, chat: Chat, message: ChatMessage, action: str, **who: Any) -> None:  # noqa: ANN401 -- who and what
    pressed = chat.press(message, action, **who)
    assert chat.sockets.wait_acknowledged(pressed.id)
    people.acting.run()


@pytest.fixture
def message(people: People, chat: Chat, socket: SlackSocket) -> ChatMessage:
    people.opened()
    people.happens(notice(Reason.OPENED, incident="SW-1"))
    return deliver(people, chat, socket)


def test_a_press_changes_the_message_for_everybody(
    people: People, chat: Chat, socket: SlackSocket, message: ChatMessage
) -> None:
    assert offered(message) == ["acknowledge", "snooze", "confirm", "expected", "false_alarm"]

    press(people, chat, message, "acknowledge", name="sato")
    after = deliver(people, chat, socket)

    assert offered(after)[0] == "hand_back"
    assert "sato" in str(after.blocks)
    assert len(chat.roots) == 1


def test_a_press_on_an_older_state_of_the_message_is_answered(
    people: People, chat: Chat, socket: SlackSocket, message: ChatMessage
) -> None:
    press(people, chat, message, "acknowledge", name="sato")
    deliver(people, chat, socket)

    press(people, chat, message, "acknowledge", name="suzuki", user="U2")

    assert people.incident().handling.acknowledged_by == "sato"
    assert "sato did so" in people.crowd.heard[0][1]


@pytest.mark.parametrize("action", ["expected", "false_alarm"])
def test_what_is_closed_by_hand_has_no_buttons_any_more(
    people: People, chat: Chat, socket: SlackSocket, message: ChatMessage, action: str
) -> None:
    press(people, chat, message, action)

    assert offered(deliver(people, chat, socket)) == []


def test_what_has_resolved_has_no_buttons_and_a_late_press_is_answered(
    people: People, chat: Chat, socket: SlackSocket, message: ChatMessage
) -> None:
    people.opened(phase=Phase.RESOLVED, resolved_at=people.now, revision=2)
    people.happens(
        notice(Reason.RESOLVED, incident="SW-1", revision=2, phase=Phase.RESOLVED, resolved_at=people.now)
    )
    assert offered(deliver(people, chat, socket)) == []

    press(people, chat, message, "acknowledge")

    assert "was over at" in people.crowd.heard[0][1]


def test_without_an_app_token_no_message_has_buttons(people: People, chat: Chat) -> None:
    people.opened()
    people.happens(notice(Reason.OPENED, incident="SW-1"))

    assert offered(deliver(people, chat)) == []


@pytest.mark.parametrize("language", list(Language))
def test_buttons_keep_to_slacks_rules_whatever_the_incident_is_called(language: Language) -> None:
    odd = notice(incident="<!channel>" + "x" * 300)

    shown = render(odd, language=language, zone=TOKYO, controls=True)

    assert list(wrong_blocks(shown.blocks)) == []
