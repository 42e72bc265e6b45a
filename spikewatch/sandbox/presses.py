"""People in the stand-in for Slack: they press buttons below messages, and read what only they are told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Condition, Lock
from typing import Any, TypeAlias

from spikewatch.ports import Clock
from spikewatch.sandbox.sockets import Sockets

Json: TypeAlias = Mapping[str, Any]

ANSWERS = 5
ANSWERABLE_FOR = timedelta(minutes=30)
OPENS_WITHIN = timedelta(seconds=3)
TITLE_LIMIT = 24
HIDDEN_LIMIT = 3_000


@dataclass(frozen=True, slots=True)
class Press:
    """One press of a button; `arrived` is False where no connection stood, for then Slack loses it.

    envelope  what Socket Mode carries
    address   the last part of where the person can be answered
    """

    envelope: Json
    address: str
    user: str
    at: datetime
    arrived: bool

    @property
    def id(self) -> str:
        """The id of the envelope."""
        return str(self.envelope["envelope_id"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person was told."""

    user: str
    text: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form (a modal) that an app opened for whoever pressed."""

    id: str
    view: Json
    user: str
    name: str


@dataclass
class Presses:
    """Presses and answers of one workspace."""

    clock: Clock
    sockets: Sockets
    answers: list[Answer] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    _opened: Condition = field(default_factory=Condition)
    _made: dict[str, Press] = field(default_factory=dict)
    _used: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def press(
        self,
        *,
        channel: str,
        ts: str,
        blocks: Sequence[Json],
        action: str,
        choice: str | None,
        user: str,
        name: str,
        url: str,
    ) -> Press:
        """Press what the blocks offer under that action; raise LookupError where they offer no such thing.

        choice  the beginning of the value that is chosen, where there is a list
        url     below which answers are taken
        """
        element = _element(blocks, action)
        chosen = _chosen(element, choice)
        now = self.clock.now()
        with self._lock:
            number = len(self._made) + 1
            moment = f"{now.timestamp():.6f}"
            envelope = {
                "envelope_id": f"E{number:08d}",
                "type": "interactive",
                "accepts_response_payload": False,
                "payload": {
                    "type": "block_actions",
                    "user": {"id": user, "username": name, "name": name, "team_id": "T0SANDBOX"},
                    "channel": {"id": channel},
                    "container": {"type": "message", "message_ts": ts, "channel_id": channel},
                    "trigger_id": f"{number}.trigger",
                    "response_url": f"{url}{number}",
                    "actions": [
                        {**chosen, "action_id": element["action_id"], "action_ts": f"{moment}{number:03d}"}
                    ],
                },
            }
            press = Press(envelope, str(number), user, now, arrived=self.sockets.send(envelope))
            self._made[press.address] = press
            return press

    def again(self, press: Press) -> bool:
        """Deliver an envelope once more, as Slack may."""
        return self.sockets.send(press.envelope)

    def open_form(self, trigger: str, view: Json) -> str | None:
        """Open a form for whoever pressed; return what is wrong, in the words of Slack, or None."""
        with self._lock:
            press = self._made.get(trigger.partition(".")[0])
        if press is None:
            return "invalid_trigger_id"
        if self.clock.now() - press.at > OPENS_WITHIN:
            return "expired_trigger_id"
        short = (view.get("title", {}), view.get("submit", {}), view.get("close", {}))
        if view.get("type") != "modal" or any(len(str(each.get("text", ""))) > TITLE_LIMIT for each in short):
            return "invalid_arguments"
        if len(str(view.get("private_metadata", ""))) > HIDDEN_LIMIT or not view.get("blocks"):
            return "invalid_arguments"
        person = press.envelope["payload"]["user"]
        with self._opened:
            self.forms.append(Form(f"V{len(self.forms) + 1:08d}", view, press.user, str(person["name"])))
            self._opened.notify_all()
        return None

    def wait_form(self, *, within_s: float = 10.0) -> Form:
        """Wait for a form to be opened and return the newest; raise TimeoutError where none is in time."""
        with self._opened:
            if not self._opened.wait_for(lambda: bool(self.forms), within_s):
                message = f"no form was opened within {within_s} s"
                raise TimeoutError(message)
            return self.forms[-1]

    def submit(self, form: Form, text: str | None) -> str:
        """Fill in the one field of a form, send it, and return the id of the envelope."""
        block = next(each for each in form.view["blocks"] if each["type"] == "input")
        state = {
            block["block_id"]: {
                block["element"]["action_id"]: {"type": "plain_text_input", "value": text or None}
            }
        }
        envelope = {
            "envelope_id": f"F{form.id}",
            "type": "interactive",
            "accepts_response_payload": True,
            "payload": {
                "type": "view_submission",
                "user": {"id": form.user, "username": form.name, "name": form.name, "team_id": "T0SANDBOX"},
                "view": {**form.view, "id": form.id, "state": {"values": state}},
            },
        }
        self.sockets.send(envelope)
        return str(envelope["envelope_id"])

    def take_answer(self, address: str, raw: bytes) -> tuple[int, str]:
        """Take what an app says to one person; return status and body as Slack would."""
        with self._lock:
            press = self._made.get(address)
            used = self._used.get(address, 0)
            if press is None or self.clock.now() - press.at > ANSWERABLE_FOR:
                return 404, "expired_url"
            if used >= ANSWERS:
                return 404, "used_url"
            self._used[address] = used + 1
            self.answers.append(Answer(press.user, str(json.loads(raw).get("text", ""))))
            return 200, "ok"


def _element(blocks: Sequence[Json], action: str) -> Json:
    elements = [each for block in blocks if block.get("type") == "actions" for each in block["elements"]]
    for element in elements:
        if str(element["action_id"]).rpartition(".")[2] == action:
            return dict(element)
    offered = ", ".join(str(element["action_id"]) for element in elements) or "nothing"
    message = f"the message offers no {action}, but {offered}"
    raise LookupError(message)


def _chosen(element: Json, choice: str | None) -> Json:
    """Return what an action carries: a button's value, or the option that was chosen."""
    if "options" not in element:
        return {"type": "button", "value": element["value"], "text": element["text"]}
    for option in element["options"]:
        if str(option["value"]).startswith(choice or ""):
            return {"type": "static_select", "selected_option": option}
    message = f"the list offers no {choice}"
    raise LookupError(message)
