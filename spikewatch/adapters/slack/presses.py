"""What an interaction stands for: the act of a person, read from what Slack sends when a button is pressed."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from spikewatch.core.acts import Act, ActKind, Via
from spikewatch.core.timegrid import EPOCH
from spikewatch.core.wording.controls import EVENT_FORM, pressed

log = logging.getLogger(__name__)


def read(payload: Mapping[str, Any], *, envelope: str) -> Act | None:
    """Return the act of an interaction of any kind; None where there is none."""
    understood = named_event if payload.get("type") == "view_submission" else act_of
    return understood(payload, envelope=envelope)


def named_event(payload: Mapping[str, Any], *, envelope: str) -> Act | None:
    """Return the act that names the event of an expected rise; None where nothing was named, or the form is not ours.

    Its key is the person and the form, which a repeated envelope shares; it counts as done when the button was pressed.
    """
    try:
        view, user = payload["view"], dict(payload["user"])
        if view["callback_id"] != EVENT_FORM:
            return None
        note = str(view["state"]["values"][EVENT_FORM][EVENT_FORM].get("value") or "").strip()
        incident, channel, message, address, moment = json.loads(view["private_metadata"])
        identity, form = str(user["id"]), str(view["id"])
        at = datetime.fromtimestamp(float(moment), tz=UTC)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as error:
        log.warning("press_not_understood", extra={"envelope": envelope, "error": repr(error)})
        return None
    if not note:
        return None
    return Act(
        key=f"slack:{identity}:{form}:event",
        kind=ActKind.EXPECTED,
        incident=str(incident),
        by=str(user.get("name") or user.get("username") or identity),
        via=Via.SLACK,
        at=at,
        user=identity,
        note=note,
        message=(str(channel), str(message)),
        address=address,
    )


def act_of(payload: Mapping[str, Any], *, envelope: str) -> Act | None:
    """Return the act that an interaction stands for; None where it is none of ours or makes no sense.

    Its key is the person, the message and the moment of the press, which a repeated envelope shares.
    """
    try:
        action = payload["actions"][0]
        choice = action.get("selected_option") or action
        found = pressed(str(action["action_id"]), str(choice["value"]))
        user, channel = dict(payload["user"]), str(payload["channel"]["id"])
        identity = str(user["id"])
        moment, message = str(action["action_ts"]), str(payload["container"]["message_ts"])
        at = datetime.fromtimestamp(float(moment), tz=UTC)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as error:
        log.warning("press_not_understood", extra={"envelope": envelope, "error": repr(error)})
        return None
    if found is None or payload.get("type") != "block_actions" or at < EPOCH:
        return None
    return Act(
        key=f"slack:{identity}:{channel}:{message}:{found.kind}:{moment}",
        kind=found.kind,
        incident=found.incident,
        by=str(user.get("name") or user.get("username") or identity),
        via=Via.SLACK,
        at=at,
        user=identity,
        lasts=found.lasts,
        message=(channel, message),
        address=payload.get("response_url"),
    )
