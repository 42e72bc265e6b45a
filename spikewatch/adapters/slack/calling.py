"""One call of the Slack Web API: its answer, or one of the port's few failures.

The vendor's own retries stay off: after a lost answer they would post a message twice. What matters here is to say truly
whether something may have happened.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from http.client import HTTPException
from typing import Any, TypeAlias
from urllib.error import URLError

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from spikewatch.ports import (
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    MessageGone,
    OutcomeUnknown,
    PortError,
    Unavailable,
)

Call: TypeAlias = Callable[[], SlackResponse]

_CREDENTIALS = frozenset(
    {
        "accesslimited",
        "account_inactive",
        "invalid_auth",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
_CHANNEL = frozenset(
    {
        "channel_is_archived",
        "channel_not_found",
        "ekm_access_denied",
        "is_archived",
        "messages_tab_disabled",
        "not_in_channel",
    }
)
_GONE = frozenset(
    {
        "cannot_reply_to_message",
        "cant_update_message",
        "edit_window_closed",
        "is_inactive",
        "message_not_found",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)
_LIMITED = frozenset({"rate_limited", "ratelimited"})
_FULL = frozenset({"message_limit_exceeded", "team_added_to_org"})
_UNKNOWN = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
_FULL_FOR = timedelta(minutes=10)
_SERVER_ERROR = 500
_TOO_MANY = 429


class Silence(OutcomeUnknown):
    """Nobody answered in time."""


class ScopeMissing(CredentialsRefused):
    """The token is good, but not for this."""


def attempt(call: Call) -> Mapping[str, Any]:
    """Make one call and return its answer; whatever goes wrong becomes one of the port's failures."""
    try:
        data = call().data
    except SlackApiError as error:
        raise _translated(error) from error
    except URLError as error:
        raise _unreached(error) from error
    except TimeoutError as error:
        raise Silence("Slack did not answer in time") from error
    except (OSError, HTTPException) as error:
        raise OutcomeUnknown(f"the connection to Slack was lost: {error}") from error
    except (SlackClientError, ValueError, AttributeError, TypeError) as error:
        # An answer that is no JSON object makes the vendor's client stumble over its own feet.
        raise OutcomeUnknown(f"Slack's answer made no sense: {error}") from error
    if not isinstance(data, dict):
        raise OutcomeUnknown("Slack's answer is not an object")
    return data


def _unreached(error: URLError) -> PortError:
    """Return the failure of a connection: sent nothing, unless it broke while waiting for the answer."""
    if isinstance(error.reason, ConnectionResetError | BrokenPipeError):
        return OutcomeUnknown(f"the connection to Slack was lost: {error.reason}")
    if isinstance(error.reason, TimeoutError):
        return Unavailable("Slack could not be reached in time", reason="timeout")
    return Unavailable(f"Slack could not be reached: {error.reason}", reason="connect")


def _translated(error: SlackApiError) -> PortError:  # noqa: PLR0911 -- one return a kind of failure
    """Return what an answer that is not ok means for what to do next; the status goes before the words."""
    response = error.response
    status, code = int(response.status_code), _code(response)
    described = _described(response, code=code)
    if status == _TOO_MANY or code in _LIMITED:
        return Unavailable(described, retry_after=_wish(response.headers), reason="rate_limited")
    if status >= _SERVER_ERROR or code in _UNKNOWN or code is None:
        return OutcomeUnknown(described)
    if code in _FULL:
        return Unavailable(described, retry_after=_FULL_FOR, reason="rate_limited")
    if code == "missing_scope":
        return ScopeMissing(described)
    if code in _CREDENTIALS:
        return CredentialsRefused(described)
    if code in _GONE:
        return MessageGone(described)
    if code in _CHANNEL or code.startswith("restricted_action"):
        return ChannelRefused(described)
    return ContentRefused(described)


def _code(response: SlackResponse) -> str | None:
    """Return Slack's error code; None where the answer was no JSON, which the vendor describes in a sentence."""
    code = response.get("error") if isinstance(response.data, dict) else None
    return str(code) if code and re.fullmatch(r"[a-z0-9_]+", str(code)) else None


def _described(response: SlackResponse, *, code: str | None) -> str:
    details = response.get("errors") if isinstance(response.data, dict) else None
    said = "; ".join(str(detail) for detail in details) if isinstance(details, list) else ""
    needed = response.get("needed") if code == "missing_scope" else None
    parts = [
        code or f"no JSON in the answer (HTTP {response.status_code})",
        said,
        f"needs {needed}" if needed else "",
    ]
    return ": ".join(part for part in parts if part)


def _wish(headers: Mapping[str, Any]) -> timedelta | None:
    """Return Retry-After, which may be a fraction, missing or nonsense."""
    found = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    first = found[0] if isinstance(found, list) and found else found
    try:
        wait_s = float(first or "")
    except (TypeError, ValueError):
        return None
    return timedelta(seconds=min(max(wait_s, 0.0), 86_400.0)) if math.isfinite(wait_s) else None


def pages(call: Callable[[str | None], SlackResponse], *, at_most: int) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a list, from the one without a cursor on; failures as `attempt` raises them."""
    cursor: str | None = None
    for _ in range(at_most):
        wanted = cursor
        page = attempt(lambda: call(wanted))  # noqa: B023 -- called before the loop goes on
        yield page
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None:
            return
