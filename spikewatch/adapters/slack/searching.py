"""A message found again by the key in its metadata, in a channel's history or in a thread."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from spikewatch.adapters.slack.calling import ScopeMissing, pages
from spikewatch.core.outbox import Receipt
from spikewatch.ports import ChannelRefused, ContentRefused, MessageGone, OutcomeUnknown, Unavailable

EVENT_TYPE = "spikewatch"
LOOK_BACK = timedelta(minutes=5)
"""A search begins this much earlier, for Slack's clock is not ours, and ours may be wrong."""

PAGES = 5
PAGE_SIZE = 200
CHANNEL_PAGES = 20

_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{7,}")


class Search:
    """Looks through the channels that a bot has joined; their ids are asked for once."""

    def __init__(self, client: WebClient) -> None:
        """Hold the client; nothing is asked yet."""
        self._client = client
        self._ids: dict[str, str] = {}

    def find(self, *, channel: str, key: str, since: datetime, root: Receipt | None = None) -> Receipt | None:
        """Return the message with a key, the oldest of several copies; None where there is none.

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
        except ScopeMissing as error:
            raise ChannelRefused(f"{channel} cannot be searched: {error}") from error
        except (ContentRefused, MessageGone) as error:
            raise ChannelRefused(str(error)) from error
        return Receipt(identity, min(found, key=_moment)) if found else None

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


def _moment(ts: str) -> tuple[int, int]:
    whole, _, fraction = ts.partition(".")
    return int(whole), int(fraction or 0)
