"""Buttons below a living message: what a person can do about an incident, and what a press means.

A press carries the incident's id beside the act, never anything that a person typed. What is over has no buttons.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from spikewatch.core.acts import ActKind
from spikewatch.core.incidents import Phase
from spikewatch.core.notices import Facts
from spikewatch.core.settings import Language
from spikewatch.core.wording.blocks import Block, block_name, identifier

PREFIX = "spikewatch."
"""Every action of ours begins like this; others that share the app are left alone."""

MORNING = "morning"
SNOOZES: Mapping[str, timedelta | None] = {
    "30m": timedelta(minutes=30),
    "2h": timedelta(hours=2),
    MORNING: None,
}
"""How long a choice snoozes; None: until the next business morning."""

EVENT_FORM = f"{PREFIX}event"
EVENT_LIMIT = 80

_BETWEEN = ":"


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a press means; `lasts` is of a snooze, None until the next business morning."""

    kind: ActKind
    incident: str
    lasts: timedelta | None = None


@dataclass(frozen=True, slots=True)
class _Confirm:
    title: str
    text: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class _Event:
    """The form that asks for the event of an expected rise."""

    title: str
    label: str
    hint: str
    save: str
    skip: str


@dataclass(frozen=True, slots=True)
class _Words:
    """The labels of one language, as short as a phone needs them."""

    acknowledge: str
    hand_back: str
    snooze: str
    snoozes: Mapping[str, str]
    expected: str
    confirm: str
    false_alarm: str
    sure_expected: _Confirm
    sure_false: _Confirm
    event: _Event


_JAPANESE = _Words(
    acknowledge="対応する",
    hand_back="対応を返す",
    snooze="通知を止める",
    snoozes={"30m": "30分", "2h": "2時間", MORNING: "翌営業日の朝まで"},
    expected="想定内",
    confirm="実際の障害",
    false_alarm="誤検知",
    sure_expected=_Confirm(
        "想定内として閉じますか?",
        "告知済みのキャンペーンなど、想定していた増加として記録し、この期間を平常の学習から外します。",
        "閉じる",
        "戻る",
    ),
    sure_false=_Confirm(
        "誤検知として閉じますか?",
        "障害ではなかったものとして記録し、この急増の通知を終えます。",
        "閉じる",
        "戻る",
    ),
    event=_Event(
        "想定内として記録しました",
        "何による増加ですか?",
        "例: 春のキャンペーン。週報や次の判断の手がかりになります。",
        "保存",
        "入力しない",
    ),
)

_ENGLISH = _Words(
    acknowledge="Acknowledge",
    hand_back="Hand Back",
    snooze="Snooze",
    snoozes={"30m": "30 min", "2h": "2 h", MORNING: "Until business morning"},
    expected="Expected",
    confirm="Real Incident",
    false_alarm="False Alarm",
    sure_expected=_Confirm(
        "Close as expected?",
        "It is noted as announced or planned, its time is not learnt from, and messages about it end.",
        "Close",
        "Go Back",
    ),
    sure_false=_Confirm(
        "Close as a false alarm?",
        "It is noted as nothing real, and messages about it end.",
        "Close",
        "Go Back",
    ),
    event=_Event(
        "Noted as expected",
        "Which event was it?",
        "Such as: spring sale. It helps whoever looks at this later.",
        "Save",
        "Skip",
    ),
)

_WORDS: Mapping[Language, _Words] = {Language.JA: _JAPANESE, Language.EN: _ENGLISH}


def buttons(facts: Facts, *, language: Language) -> Block | None:
    """Return the buttons of an incident; None where nothing can be done about it any more."""
    if facts.phase is not Phase.OPEN or facts.handling.is_dismissed:
        return None
    words = _WORDS[language]
    incident = identifier(facts.incident)
    owned = facts.handling.acknowledged_by is not None
    first = (
        _button(ActKind.HAND_BACK, words.hand_back, incident)
        if owned
        else {**_button(ActKind.ACKNOWLEDGE, words.acknowledge, incident), "style": "primary"}
    )
    return {
        "type": "actions",
        "block_id": block_name(facts.incident, facts.revision, "actions"),
        "elements": [
            first,
            _select(words, incident),
            _button(ActKind.CONFIRM, words.confirm, incident),
            {**_button(ActKind.EXPECTED, words.expected, incident), "confirm": _asked(words.sure_expected)},
            {
                **_button(ActKind.FALSE_ALARM, words.false_alarm, incident),
                "confirm": _asked(words.sure_false),
            },
        ],
    }


def pressed(action: str, value: str) -> Pressed | None:
    """Return what a press means, from the name of the action and the value it carries; None where it is not ours.

    >>> pressed("spikewatch.snooze", "2h:SW-7")
    Pressed(kind=<ActKind.SNOOZE: 'snooze'>, incident='SW-7', lasts=datetime.timedelta(seconds=7200))
    >>> pressed("other.snooze", "2h:SW-7") is None
    True
    """
    name = action.removeprefix(PREFIX)
    if name == action or name not in set(ActKind):
        return None
    kind = ActKind(name)
    if kind is not ActKind.SNOOZE:
        return Pressed(kind, value)
    choice, between, incident = value.partition(_BETWEEN)
    return Pressed(kind, incident, SNOOZES[choice]) if between and choice in SNOOZES else None


def event_form(hidden: str, *, language: Language) -> Block:
    """Return the form (a modal) that asks for the event of an expected rise.

    hidden  comes back with the answer; at most 3,000 characters
    """
    words = _WORDS[language].event
    return {
        "type": "modal",
        "callback_id": EVENT_FORM,
        "private_metadata": hidden,
        "title": _text(words.title),
        "submit": _text(words.save),
        "close": _text(words.skip),
        "blocks": [
            {
                "type": "input",
                "block_id": EVENT_FORM,
                "optional": True,
                "label": _text(words.label),
                "hint": _text(words.hint),
                "element": {"type": "plain_text_input", "action_id": EVENT_FORM, "max_length": EVENT_LIMIT},
            }
        ],
    }


def _button(kind: ActKind, label: str, incident: str) -> dict[str, object]:
    return {"type": "button", "action_id": f"{PREFIX}{kind}", "text": _text(label), "value": incident}


def _select(words: _Words, incident: str) -> Block:
    return {
        "type": "static_select",
        "action_id": f"{PREFIX}{ActKind.SNOOZE}",
        "placeholder": _text(words.snooze),
        "options": [
            {"text": _text(words.snoozes[choice]), "value": f"{choice}{_BETWEEN}{incident}"}
            for choice in SNOOZES
        ],
    }


def _asked(confirm: _Confirm) -> Block:
    return {
        "title": _text(confirm.title),
        "text": _text(confirm.text),
        "confirm": _text(confirm.yes),
        "deny": _text(confirm.no),
    }


def _text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
