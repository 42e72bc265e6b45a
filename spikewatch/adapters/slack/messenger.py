"""Messages by the Slack Web API: one attempt a call, and every failure translated into the port's few kinds.

The vendor's own retries stay off: after a lost answer they would post a message twice. What to do next is the outbox's
business, so what matters here is to say truly whether something may have happened.
"""

import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any, TypeAlias
from urllib.error import URLError
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from spikewatch.adapters.slack.pictures import Draw, Pictures, Wait
from spikewatch.adapters.slack.settings import SLACK_URL, is_loopback
from spikewatch.core.oncall import NOBODY
from spikewatch.core.outbox import Receipt
from spikewatch.core.wording import Message
from spikewatch.ports import (
    Abilities,
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    MessageGone,
    OutcomeUnknown,
    PortError,
    Unavailable,
)

EVENT_TYPE = "spikewatch"
LOOK_BACK = timedelta(minutes=5)
"""A search begins this much earlier, for Slack's clock is not ours, and ours may be wrong."""

PAGES = 5
PAGE_SIZE = 200
CHANNEL_PAGES = 20

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
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{7,}")
_SERVER_ERROR = 500
_TOO_MANY = 429

_quiet = logging.getLogger("spikewatch.adapters.slack.vendor")
_quiet.setLevel(logging.WARNING)  # the vendor's debug lines hold whole messages


class SlackMessenger:
    """Posts to Slack as a bot.

    token      of the bot (`xoxb-…`)
    url        of the Web API
    mention    whom an urgent post calls: `here`, `channel`, or the id of a user group or person
    timeout_s  seconds of silence after which a call is given up
    draw       returns a picture as PNG; without it a message with a picture is refused, and goes out plainer
    wait       waits so long for Slack to take a picture in, and tells whether it was stopped meanwhile
    """

    name = "slack"
    abilities = Abilities()

    def __init__(
        self,
        *,
        token: str,
        url: str = SLACK_URL,
        mention: str | None = None,
        timeout_s: int = 10,
        draw: Draw | None = None,
        wait: Wait = lambda _: True,
    ) -> None:
        """Prepare; nothing is sent yet."""
        self._client = WebClient(
            token=token, base_url=url, timeout=timeout_s, retry_handlers=[], logger=_quiet
        )
        if is_loopback(url):
            # The vendor honours a proxy from the environment even for this machine and cannot be told not to; a server
            # named as its own proxy is spoken to directly.
            self._client.proxy = f"http://{urlsplit(url).netloc}"
        self._mention = mention
        self._ids: dict[str, str] = {}
        self._pictures = None if draw is None else Pictures(self._client, draw=draw, wait=wait)
        self._files: dict[Receipt, str] = {}

    def post(self, message: Message, *, channel: str, key: str) -> Receipt:
        """Post a new message, with the key in its metadata."""
        file = self._file(message)
        try:
            receipt = self._posted(message, channel=channel, key=key, file=file)
        except MessageGone as error:
            self._discard(file)
            raise ContentRefused(str(error)) from error
        except PortError as error:
            self._discard_unshown(file, error)
            raise
        self._shows(receipt, file)
        return receipt

    def reply(self, root: Receipt, message: Message, *, key: str) -> Receipt:
        """Post a message in the thread below another; a loud one is shown in the channel as well."""
        return self._posted(message, channel=root.channel, key=key, root=root)

    def _posted(
        self,
        message: Message,
        *,
        channel: str,
        key: str,
        file: str | None = None,
        root: Receipt | None = None,
    ) -> Receipt:
        text, blocks = self._called(message, file=file)
        thread: dict[str, Any] = {}
        if root is not None:
            thread = {"thread_ts": root.message, "reply_broadcast": message.loud}

        def call() -> SlackResponse:
            return self._client.chat_postMessage(
                channel=channel,
                text=text,
                blocks=blocks,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
                **thread,
            )

        return _receipt(attempt(call))

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Replace a message in place; an unknown outcome is only a reason to do it again."""
        file = self._file(message)
        blocks = _blocks(message, file=file)

        def call() -> SlackResponse:
            return self._client.chat_update(
                channel=receipt.channel,
                ts=receipt.message,
                text=message.text,
                blocks=blocks,
                parse="none",
                link_names=False,
            )

        try:
            attempt(call)
        except PortError as error:
            self._discard_unshown(file, error)
            if not isinstance(error, OutcomeUnknown):
                raise
            raise Unavailable(
                str(error), reason="timeout" if isinstance(error, _Silence) else "server"
            ) from error
        self._shows(receipt, file)

    def find(self, *, channel: str, key: str, since: datetime, root: Receipt | None = None) -> Receipt | None:
        """Look through the channel's history, or through a thread; of several copies the oldest counts.

        A history that may not be read raises ChannelRefused.
        """
        try:
            identity = self._identity(channel) if root is None else root.channel
            listed = self._history(
                identity, since=since - LOOK_BACK, thread=None if root is None else root.message
            )
            found = [ts for ts, found_key in listed if found_key == key]
        except OutcomeUnknown as error:
            raise Unavailable(str(error)) from error
        except _ScopeMissing as error:
            raise ChannelRefused(f"{channel} cannot be searched: {error}") from error
        except (ContentRefused, MessageGone) as error:
            raise ChannelRefused(str(error)) from error
        return Receipt(identity, min(found, key=_moment)) if found else None

    def _file(self, message: Message) -> str | None:
        """Return the file of a message's picture, uploaded for it; None where it has none."""
        if message.picture is None:
            return None
        if self._pictures is None:
            raise ContentRefused("nobody draws pictures here")
        return self._pictures.upload(message.picture)

    def _shows(self, receipt: Receipt, file: str | None) -> None:
        """Remember the file that a message shows, and discard the one that it showed before."""
        before = self._files.pop(receipt, None)
        if file is not None:
            self._files[receipt] = file
        if before is not None and self._pictures is not None:
            self._pictures.discard(before)

    def _discard_unshown(self, file: str | None, error: PortError) -> None:
        """Discard the file of a message that Slack did not take; one whose outcome is unknown may be shown."""
        if not isinstance(error, OutcomeUnknown):
            self._discard(file)

    def _discard(self, file: str | None) -> None:
        if file is not None and self._pictures is not None:
            self._pictures.discard(file)

    def _called(self, message: Message, *, file: str | None) -> tuple[str, list[dict[str, Any]]]:
        """Return text and blocks with the mention where the message is urgent."""
        blocks = _blocks(message, file=file)
        whom = self._mention if message.mention is None else message.mention
        if whom is None or whom == NOBODY or not message.urgent:
            return message.text, blocks
        call = _mention(whom)
        if not blocks:
            return f"{message.text} {call}", blocks
        called: dict[str, Any] = {
            "type": "section",
            "block_id": "sw.mention",
            "text": {"type": "mrkdwn", "text": call},
        }
        return message.text, [*blocks, called]

    def _identity(self, channel: str) -> str:
        """Return the id of a channel, which reading a history requires; posting also takes a name."""
        if _CHANNEL_ID.fullmatch(channel):
            return channel
        if channel not in self._ids:
            self._ids |= {f"#{name}": identity for name, identity in self._channels()}
        name = channel if channel.startswith("#") else f"#{channel}"
        if name not in self._ids:
            raise ChannelRefused(f"channel_not_found: the bot sees no channel {name}; invite it there")
        return self._ids[name]

    def _channels(self) -> Iterator[tuple[str, str]]:
        def call(cursor: str | None) -> SlackResponse:
            return self._client.conversations_list(
                types="public_channel,private_channel", exclude_archived=True, limit=1000, cursor=cursor
            )

        for page in pages(call, at_most=CHANNEL_PAGES):
            for channel in page.get("channels") or []:
                yield str(channel["name"]), str(channel["id"])

    def _history(
        self, channel: str, *, since: datetime, thread: str | None
    ) -> Iterator[tuple[str, str | None]]:
        """Yield (ts, key) of every message since then, or of every reply in a thread."""

        def call(cursor: str | None) -> SlackResponse:
            oldest = f"{since.timestamp():.6f}"
            if thread is None:
                return self._client.conversations_history(
                    channel=channel, oldest=oldest, limit=PAGE_SIZE, include_all_metadata=True, cursor=cursor
                )
            return self._client.conversations_replies(
                channel=channel,
                ts=thread,
                oldest=oldest,
                limit=PAGE_SIZE,
                include_all_metadata=True,
                cursor=cursor,
            )

        for page in pages(call, at_most=PAGES):
            for message in page.get("messages") or []:
                metadata = message.get("metadata") or {}
                if metadata.get("event_type") == EVENT_TYPE:
                    yield str(message["ts"]), metadata.get("event_payload", {}).get("key")


def _blocks(message: Message, *, file: str | None) -> list[dict[str, Any]]:
    """Return the blocks; the one of the picture shows the file."""
    blocks = [dict(block) for block in message.blocks]
    for block in blocks:
        if message.picture is not None and block.get("block_id") == message.picture.block:
            block["slack_file"] = {"id": file}
    return blocks


class _Silence(OutcomeUnknown):
    """Nobody answered in time."""


class _ScopeMissing(CredentialsRefused):
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
        raise _Silence("Slack did not answer in time") from error
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
        return _ScopeMissing(described)
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


def _receipt(answer: Mapping[str, Any]) -> Receipt:
    channel, ts = answer.get("channel"), answer.get("ts")
    if not isinstance(channel, str) or not isinstance(ts, str):
        raise OutcomeUnknown("Slack's answer names no message")
    return Receipt(channel, ts)


def _moment(ts: str) -> tuple[int, int]:
    whole, _, fraction = ts.partition(".")
    return int(whole), int(fraction or 0)


def _mention(who: str) -> str:
    if who in ("here", "channel"):
        return f"<!{who}>"
    return f"<!subteam^{who}>" if who.startswith("S") else f"<@{who}>"
