"""Presses of buttons by Socket Mode: kept before they are acknowledged, over lines that break."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from queue import Queue
from socket import create_server
from typing import Any

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.slack.audience import KNOWN_FOR, SlackAudience
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.adapters.slack.presses import act_of, named_event
from spikewatch.adapters.slack.socket import SlackSocket
from spikewatch.core.acts import Act, ActKind, Via
from spikewatch.core.settings import Language
from spikewatch.core.wording import render
from spikewatch.errors import Fault
from spikewatch.ports import ContentRefused, CredentialsRefused, PortError, Unavailable
from spikewatch.sandbox.chat import Chat, ChatMessage
from spikewatch.sandbox.chat import Fault as ChatFault
from tests.factories import notice
from tests.people import TOKYO

START = datetime(2026, 11, 20, 0, 45, tzinfo=UTC)
WITHIN_S = 10.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def chat(clock: ManualClock) -> Iterator[Chat]:
    with Chat(clock=clock, channels=("support",)) as running:
        yield running


@pytest.fixture
def message(chat: Chat) -> ChatMessage:
    """A message with buttons, as it stands in the channel."""
    shown = render(notice(incident="SW-7"), language=Language.EN, zone=TOKYO, controls=True)
    SlackMessenger(token="xoxb-sandbox", url=chat.url).post(shown, channel="#support", key="k")
    return chat.messages[-1]


@pytest.fixture
def inbox() -> "Queue[Act]":
    return Queue()


Connect = Callable[..., SlackSocket]


@pytest.fixture
def connect(chat: Chat, inbox: "Queue[Act]") -> Iterator[Connect]:
    made: list[SlackSocket] = []

    def connected(**more: Any) -> SlackSocket:  # noqa: ANN401 -- any argument of the socket
        given = {"token": "xapp-sandbox", "url": chat.url, "timeout_s": 5, "receive": inbox.put, **more}
        socket = SlackSocket(**given, check_s=0.05, ping_s=0.3)
        made.append(socket)
        socket.start()
        return socket

    yield connected
    for socket in made:
        socket.stop()


def test_a_press_is_kept_with_who_pressed_what_where_and_then_acknowledged(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]"
) -> None:
    connect()
    assert chat.sockets.wait_connected()

    press = chat.press(message, "snooze", choice="2h", user="U777", name="sato")

    act = inbox.get(timeout=WITHIN_S)
    assert chat.sockets.wait_acknowledged(press.id)
    assert (act.kind, act.incident, act.by, act.user, act.via) == (
        ActKind.SNOOZE,
        "SW-7",
        "sato",
        "U777",
        Via.SLACK,
    )
    assert (act.lasts, act.message) == (timedelta(hours=2), (message.channel, message.ts))
    assert act.address is not None


@pytest.mark.parametrize("kind", ["acknowledge", "confirm", "expected", "false_alarm"])
def test_every_button_of_a_message_is_understood(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]", kind: str
) -> None:
    connect()
    assert chat.sockets.wait_connected()

    chat.press(message, kind)

    assert inbox.get(timeout=WITHIN_S).kind == kind


def test_an_envelope_that_comes_again_is_the_same_act(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]"
) -> None:
    connect()
    assert chat.sockets.wait_connected()
    press = chat.press(message, "acknowledge")

    assert chat.presses.again(press)

    assert inbox.get(timeout=WITHIN_S) == inbox.get(timeout=WITHIN_S)
    assert chat.sockets.wait_acknowledged(press.id, times=2)


def test_what_cannot_be_kept_is_not_acknowledged(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]"
) -> None:
    refusals = iter([Fault("the disk is full")])

    def receive(act: Act) -> None:
        error = next(refusals, None)
        inbox.put(act)
        if error is not None:
            raise error

    connect(receive=receive)
    assert chat.sockets.wait_connected()

    lost = chat.press(message, "acknowledge")
    inbox.get(timeout=WITHIN_S)
    kept = chat.press(message, "acknowledge")

    assert chat.sockets.wait_acknowledged(kept.id)
    assert lost.id not in chat.sockets.acknowledged


def test_a_press_of_somebody_elses_button_is_acknowledged_and_left_alone(
    chat: Chat, connect: Connect, inbox: "Queue[Act]"
) -> None:
    connect()
    assert chat.sockets.wait_connected()
    strange = {"envelope_id": "E1", "type": "interactive", "payload": {"type": "view_submission"}}

    chat.sockets.send(strange)

    assert chat.sockets.wait_acknowledged("E1")
    assert inbox.empty()


def test_a_line_that_is_cut_is_made_anew(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]"
) -> None:
    told: Queue[bool] = Queue()
    connect(on_connected=told.put)
    assert chat.sockets.wait_connected()
    assert told.get(timeout=WITHIN_S)

    chat.sockets.drop()
    assert not chat.press(message, "acknowledge").arrived

    assert chat.sockets.wait_connected(times=2)
    assert told.get(timeout=WITHIN_S) is False
    assert told.get(timeout=WITHIN_S) is True
    chat.press(message, "acknowledge")
    assert inbox.get(timeout=WITHIN_S).incident == "SW-7"


def test_a_line_on_which_nobody_answers_pings_is_made_anew(chat: Chat, connect: Connect) -> None:
    connect()
    assert chat.sockets.wait_connected()

    chat.sockets.is_deaf = True

    assert chat.sockets.wait_connected(times=2, within_s=15)


def test_slack_may_ask_for_a_new_line(chat: Chat, connect: Connect) -> None:
    connect()
    assert chat.sockets.wait_connected()

    chat.sockets.send({"type": "disconnect", "reason": "refresh_requested"})

    assert chat.sockets.wait_connected(times=2)


def test_the_old_line_is_given_up_only_once_the_new_one_stands(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]"
) -> None:
    attempts: Queue[bool] = Queue()
    told: Queue[bool] = Queue()
    connect(on_attempt=attempts.put, on_connected=told.put)
    assert chat.sockets.wait_connected()
    assert attempts.get(timeout=WITHIN_S)
    chat.fail("apps.connections.open", ChatFault(status=500, body="<html>"))

    chat.sockets.send({"type": "disconnect", "reason": "refresh_requested"})

    assert [attempts.get(timeout=WITHIN_S) for _ in range(2)] == [False, True]
    assert chat.press(message, "acknowledge").arrived
    assert inbox.get(timeout=WITHIN_S).incident == "SW-7"
    assert told.get(timeout=WITHIN_S)
    assert told.empty()


def test_a_connection_that_is_cut_while_it_is_made_leaves_no_socket_open(
    chat: Chat, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks: Queue[object] = Queue()
    monkeypatch.setattr(sys, "unraisablehook", leaks.put)
    attempts: Queue[bool] = Queue()
    with create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WITHIN_S)
        address = f"ws://127.0.0.1:{server.getsockname()[1]}/link"
        chat.fail("apps.connections.open", ChatFault(body=json.dumps({"ok": True, "url": address})))
        connect(on_attempt=attempts.put)

        line, _ = server.accept()
        line.close()

        assert attempts.get(timeout=WITHIN_S) is False
    assert chat.sockets.wait_connected()
    assert leaks.empty()


def test_slack_down_at_the_start_is_tried_again_until_it_is_up(chat: Chat, connect: Connect) -> None:
    attempts: Queue[bool] = Queue()
    chat.fail(
        "apps.connections.open",
        ChatFault(drop_before=True),
        ChatFault(status=500, body="<html>"),
        ChatFault(body='{"ok": false, "error": "internal_error"}'),
    )

    socket = connect(on_attempt=attempts.put)

    assert chat.sockets.wait_connected()
    assert [attempts.get(timeout=WITHIN_S) for _ in range(4)] == [False, False, False, True]
    assert socket.arrives


def test_a_wrong_app_token_means_no_buttons_and_no_end_of_trying(chat: Chat, connect: Connect) -> None:
    attempts: Queue[bool] = Queue()

    socket = connect(token="xapp-wrong", on_attempt=attempts.put)

    assert [attempts.get(timeout=WITHIN_S) for _ in range(2)] == [False, False]
    assert not socket.arrives
    assert not socket.is_connected
    assert not chat.sockets.wait_connected(within_s=0)


PAYLOAD: Mapping[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "username": "sato"},
    "channel": {"id": "C1"},
    "container": {"message_ts": "1.0"},
    "actions": [{"action_id": "spikewatch.acknowledge", "value": "SW-7", "action_ts": "1763600000.000001"}],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"actions": []},
        {"actions": [{"action_id": "spikewatch.acknowledge"}]},
        {"actions": [{"action_id": "spikewatch.dance", "value": "SW-7", "action_ts": "1.0"}]},
        {"actions": [{"action_id": "other.acknowledge", "value": "SW-7", "action_ts": "1.0"}]},
        {"actions": [{"action_id": "spikewatch.snooze", "value": "9y:SW-7", "action_ts": "1.0"}]},
        {"actions": [{"action_id": "spikewatch.acknowledge", "value": "SW-7", "action_ts": "soon"}]},
        {"actions": [{"action_id": "spikewatch.acknowledge", "value": "SW-7", "action_ts": "1e400"}]},
        {"user": None},
        {"channel": {}},
        {"container": {}},
        {"type": "shortcut"},
    ],
)
def test_a_payload_that_makes_no_sense_is_no_act(changes: Mapping[str, Any]) -> None:
    assert act_of(PAYLOAD, envelope="E1") is not None

    assert act_of({**PAYLOAD, **changes}, envelope="E1") is None


# -- the people


def audience(chat: Chat, clock: ManualClock, **more: Any) -> SlackAudience:  # noqa: ANN401 -- who may act
    return SlackAudience(token="xoxb-sandbox", url=chat.url, timeout_s=5, clock=clock, **more)


def test_everybody_may_act_unless_somebody_is_named(chat: Chat, clock: ManualClock) -> None:
    assert audience(chat, clock).may_act("U9")
    assert audience(chat, clock, users=["U1"]).may_act("U1")
    assert not audience(chat, clock, users=["U1"]).may_act("U9")


def test_members_of_the_group_may_act_and_are_asked_for_now_and_then(chat: Chat, clock: ManualClock) -> None:
    chat.group("S1", "U1", "U2")
    asked = audience(chat, clock, group="S1", users=["U5"])

    assert [asked.may_act(user) for user in ("U1", "U5", "U9")] == [True, True, False]
    chat.group("S1", "U9")
    assert not asked.may_act("U9")
    clock.advance(KNOWN_FOR)
    assert asked.may_act("U9")


def test_a_group_that_cannot_be_looked_up_keeps_its_last_members(chat: Chat, clock: ManualClock) -> None:
    chat.group("S1", "U1")
    asked = audience(chat, clock, group="S1")
    chat.fail("usergroups.users.list", ChatFault(body='{"ok": false, "error": "missing_scope"}'))

    with pytest.raises(CredentialsRefused):
        asked.may_act("U1")
    assert asked.may_act("U1")
    clock.advance(KNOWN_FOR)
    chat.fail("usergroups.users.list", ChatFault(status=500, body="{}"))
    assert asked.may_act("U1")


def test_an_answer_reaches_the_one_who_pressed_and_is_harmless(
    chat: Chat, clock: ManualClock, message: ChatMessage
) -> None:
    press = chat.press(message, "acknowledge", user="U7")
    address = press.envelope["payload"]["response_url"]

    audience(chat, clock).answer(address, "<!channel> done")

    assert [(answer.user, answer.text) for answer in chat.presses.answers] == [
        ("U7", "&lt;!channel&gt; done")
    ]


def test_an_address_is_used_up_after_five_answers_and_expires(
    chat: Chat, clock: ManualClock, message: ChatMessage
) -> None:
    people = audience(chat, clock)
    used, old = (chat.press(message, "acknowledge") for _ in range(2))
    for _ in range(5):
        people.answer(used.envelope["payload"]["response_url"], "x")

    with pytest.raises(ContentRefused):
        people.answer(used.envelope["payload"]["response_url"], "x")
    clock.advance(timedelta(minutes=31))
    with pytest.raises(ContentRefused):
        people.answer(old.envelope["payload"]["response_url"], "x")


def test_an_answer_may_wait_while_slack_cannot_be_reached(chat: Chat, clock: ManualClock) -> None:
    people = audience(chat, clock)
    chat.stop()

    failures: list[type[PortError]] = [Unavailable]
    with pytest.raises(tuple(failures)):
        people.answer("http://127.0.0.1:9/answers/1", "x")


# -- pressing from a shell


def pressed(chat: Chat, **wanted: str) -> tuple[int, str]:
    request = urllib.request.Request(
        chat.url.replace("/api/", "/press"), json.dumps(wanted).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_button_can_be_pressed_by_a_request(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]"
) -> None:
    assert pressed(chat, ts=message.ts, action="acknowledge") == (503, "nobody is connected\n")
    connect()
    assert chat.sockets.wait_connected()

    status, _ = pressed(chat, ts=message.ts, action="snooze", choice="30m", name="suzuki")

    assert status == 200
    assert inbox.get(timeout=WITHIN_S).by == "suzuki"
    assert pressed(chat, ts="9.9", action="acknowledge")[0] == 404
    assert pressed(chat, ts=message.ts, action="dance")[0] == 400


# -- the event of an expected rise


def test_whoever_says_expected_may_name_the_event_in_a_form(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]"
) -> None:
    connect(bot_token="xoxb-sandbox", language_of=lambda _: Language.JA)
    assert chat.sockets.wait_connected()

    chat.press(message, "expected", user="U777", name="sato")
    at_once = inbox.get(timeout=WITHIN_S)
    form = chat.presses.wait_form()
    envelope = chat.presses.submit(form, " 春のキャンペーン ")
    named = inbox.get(timeout=WITHIN_S)

    assert (at_once.kind, at_once.note) == (ActKind.EXPECTED, None)
    assert form.view["blocks"][0]["label"]["text"] == "何による増加ですか?"
    assert (named.kind, named.incident, named.note, named.by) == (
        ActKind.EXPECTED,
        "SW-7",
        "春のキャンペーン",
        "sato",
    )
    assert (named.message, named.address, named.user) == (at_once.message, at_once.address, "U777")
    assert named.key != at_once.key
    assert chat.sockets.wait_acknowledged(envelope)


def test_a_form_left_empty_changes_nothing_and_is_acknowledged(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]"
) -> None:
    connect(bot_token="xoxb-sandbox")
    assert chat.sockets.wait_connected()
    chat.press(message, "expected")
    inbox.get(timeout=WITHIN_S)

    envelope = chat.presses.submit(chat.presses.wait_form(), None)

    assert chat.sockets.wait_acknowledged(envelope)
    assert inbox.empty()


def test_where_no_form_can_be_opened_the_press_stands_all_the_same(
    chat: Chat, message: ChatMessage, connect: Connect, inbox: "Queue[Act]"
) -> None:
    connect(bot_token="xoxb-sandbox")
    assert chat.sockets.wait_connected()
    chat.fail("views.open", ChatFault(body='{"ok": false, "error": "expired_trigger_id"}'))

    press = chat.press(message, "expected")
    again = chat.press(message, "acknowledge")

    assert inbox.get(timeout=WITHIN_S).kind is ActKind.EXPECTED
    assert chat.sockets.wait_acknowledged(press.id)
    assert chat.sockets.wait_acknowledged(again.id)
    assert not chat.presses.forms


@pytest.mark.parametrize("view", [{}, {"callback_id": "other.form"}, {"callback_id": "spikewatch.event"}])
def test_a_form_that_is_not_ours_or_makes_no_sense_is_no_act(view: Mapping[str, Any]) -> None:
    assert named_event({"view": view, "user": {"id": "U1"}}, envelope="E1") is None
