"""People in the stand-in for Slack: they press buttons below messages, and read what only they are told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeAlias

from spikewatch.ports import Clock
from spikewatch.sandbox.sockets import Sockets

Json: TypeAlias = Mapping[str, Any]

ANSWERS = 5
ANSWERABLE_FOR = timedelta(minutes=30)


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


@dataclass
class Presses:
    """Presses and answers of one workspace."""

    clock: Clock
    sockets: Sockets
    answers: list[Answer] = field(default_factory=list)
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
