"""What the stand-in for Slack holds: channels, groups and messages, and what the Web API does with them."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from spikewatch.ports import Clock
from spikewatch.sandbox.block_rules import wrong_blocks
from spikewatch.sandbox.chat.exchange import Json, Refusal, decoded, is_true
from spikewatch.sandbox.chat.files import Files
from spikewatch.sandbox.chat.messages import (
    EDIT_TEXT_LIMIT,
    TEXT_LIMIT,
    ChatMessage,
    content_of,
    metadata_of,
    page_of,
    wire,
)

POST_EVERY = timedelta(seconds=1)


class Workspace:
    """What the stand-in holds, and the methods of the Web API on it.

    channels  names of the channels that the bot has joined
    unjoined  names of public channels that the bot has not joined, and in which it may not post
    refuses   types of blocks that are not taken
    files     those that blocks may show
    on_change called with a message whenever it was posted or edited
    """

    def __init__(
        self,
        *,
        clock: Clock,
        channels: Sequence[str],
        unjoined: Sequence[str],
        refuses: Collection[str],
        files: Files,
        on_change: Callable[[ChatMessage], None] | None,
    ) -> None:
        """Begin without messages."""
        self._clock = clock
        self._channels = {f"C{number:08d}": name.lstrip("#") for number, name in enumerate(channels, start=1)}
        self._unjoined = {
            f"C9{number:07d}": name.lstrip("#") for number, name in enumerate(unjoined, start=1)
        }
        self._refuses = frozenset(refuses)
        self._files = files
        self._on_change = on_change
        self._groups: dict[str, tuple[str, ...]] = {}
        self._lock = Lock()
        self._messages: dict[tuple[str, str], ChatMessage] = {}
        self._edits: list[ChatMessage] = []
        self._last_post: dict[str, datetime] = {}
        self._last_ts = (0, 0)
        self.methods: Mapping[str, Callable[[Json], Json]] = {
            "auth.test": self._auth_test,
            "blocks.validate": self._validate,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.info": self._room,
            "conversations.list": self._list_channels,
            "conversations.replies": self._replies,
            "usergroups.users.list": self._group_members,
            "users.conversations": self._joined,
        }

    @property
    def messages(self) -> Sequence[ChatMessage]:
        """All messages as they stand, oldest first."""
        with self._lock:
            return tuple(self._messages.values())

    @property
    def edits(self) -> Sequence[ChatMessage]:
        """Every state that an edit brought about, in order."""
        with self._lock:
            return tuple(self._edits)

    def group(self, identity: str, *members: str) -> None:
        """Let these people be the members of a user group."""
        with self._lock:
            self._groups[identity] = members

    def delete(self, message: ChatMessage) -> None:
        """Delete a message, as a person would."""
        with self._lock:
            del self._messages[message.channel, message.ts]

    def close_channel(self, name: str) -> None:
        """Take a channel away, as if it had been archived and forgotten."""
        with self._lock:
            self._channels = {key: kept for key, kept in self._channels.items() if kept != name.lstrip("#")}

    # -- methods

    def _group_members(self, arguments: Json) -> Json:
        with self._lock:
            members = self._groups.get(str(arguments.get("usergroup", "")))
        if members is None:
            raise Refusal("no_such_subteam")
        return {"users": list(members)}

    def _auth_test(self, _: Json) -> Json:
        return {
            "team": "sandbox",
            "team_id": "T0SANDBOX",
            "user": "spikewatch",
            "user_id": "U0BOT",
            "bot_id": "B0BOT",
        }

    def _post(self, arguments: Json) -> Json:
        with self._lock:
            channel = self._named(arguments)
            text, blocks = self._content(arguments, text_limit=TEXT_LIMIT)
            thread = self._thread_of(channel, arguments)
            metadata = metadata_of(arguments)
            now = self._clock.now()
            self._limit(channel, now=now)
            name = self._channels[channel]
            message = ChatMessage(
                channel,
                name,
                self._next_ts(now),
                text,
                blocks,
                metadata,
                posted_at=now,
                thread_ts=thread,
                broadcast=thread is not None and is_true(arguments.get("reply_broadcast")),
            )
            self._messages[channel, message.ts] = message
        self._tell(message)
        return {"channel": channel, "ts": message.ts, "message": wire(message)}

    def _update(self, arguments: Json) -> Json:
        with self._lock:
            channel, ts = self._by_id(arguments), str(arguments.get("ts", ""))
            text, blocks = self._content(arguments, text_limit=EDIT_TEXT_LIMIT)
            before = self._messages.get((channel, ts))
            if before is None:
                raise Refusal("message_not_found")
            metadata = metadata_of(arguments) if "metadata" in arguments else before.metadata
            message = replace(
                before, text=text, blocks=blocks, metadata=metadata, edited_at=self._clock.now()
            )
            self._messages[channel, ts] = message
            self._edits.append(message)
        self._tell(message)
        return {"channel": channel, "ts": ts, "text": text, "message": wire(message)}

    def _history(self, arguments: Json) -> Json:
        with self._lock:
            channel = self._by_id(arguments)
            found = [
                message
                for message in self._messages.values()
                if message.channel == channel and (message.thread_ts is None or message.broadcast)
            ]
        return page_of(found, arguments)

    def _replies(self, arguments: Json) -> Json:
        with self._lock:
            channel, ts = self._by_id(arguments), str(arguments.get("ts", ""))
            root = self._messages.get((channel, ts))
            if root is None:
                raise Refusal("thread_not_found")
            below = [
                each for each in self._messages.values() if (each.channel, each.thread_ts) == (channel, ts)
            ]
        return page_of([root, *below], arguments)

    def _content(self, arguments: Json, *, text_limit: int) -> tuple[str, tuple[Json, ...]]:
        """Return text and blocks, whose files must be ready and whose types this workspace must take."""
        text, blocks = content_of(arguments, text_limit=text_limit)
        wrong = self._unsupported(blocks)
        wrong += [
            f"invalid slack file [json-pointer:/blocks/{place}/slack_file]"
            for place, block in enumerate(blocks)
            if block.get("type") == "image"
            and not self._files.is_ready(str(block["slack_file"].get("id", "")))
        ]
        if wrong:
            raise Refusal("invalid_blocks", details=wrong)
        return text, blocks

    def _unsupported(self, blocks: Sequence[Json]) -> list[str]:
        return [
            f"unsupported type: {block['type']} [json-pointer:/blocks/{place}/type]"
            for place, block in enumerate(blocks)
            if block.get("type") in self._refuses
        ]

    def _thread_of(self, channel: str, arguments: Json) -> str | None:
        ts = arguments.get("thread_ts")
        if ts is None:
            return None
        root = self._messages.get((channel, str(ts)))
        if root is None:
            raise Refusal("thread_not_found")
        return root.ts

    def _rooms(self) -> list[dict[str, Any]]:
        with self._lock:
            both = ((self._channels, True), (self._unjoined, False))
            return [
                {"id": key, "name": name, "is_member": joined, "is_archived": False, "is_private": False}
                for channels, joined in both
                for key, name in channels.items()
            ]

    def _joined(self, _: Json) -> Json:
        rooms = [room for room in self._rooms() if room["is_member"]]
        return {"channels": rooms, "response_metadata": {"next_cursor": ""}}

    def _room(self, arguments: Json) -> Json:
        for room in self._rooms():
            if room["id"] == arguments.get("channel"):
                return {"channel": room}
        raise Refusal("channel_not_found")

    def _validate(self, arguments: Json) -> Json:
        blocks = decoded(arguments.get("blocks")) or []
        wrong = [*wrong_blocks(blocks), *self._unsupported(blocks)]
        if wrong:
            raise Refusal("invalid_blocks", details=wrong)
        return {}

    def _list_channels(self, _: Json) -> Json:
        listed = self._rooms()
        return {"channels": listed, "response_metadata": {"next_cursor": ""}}

    # -- rules

    def _named(self, arguments: Json) -> str:
        """Return the id of a channel given by id or, as posting allows, by name."""
        wanted = str(arguments.get("channel", ""))
        for key, name in self._channels.items():
            if wanted in (key, name, f"#{name}"):
                return key
        if any(wanted in (key, name, f"#{name}") for key, name in self._unjoined.items()):
            raise Refusal("not_in_channel")
        raise Refusal("channel_not_found")

    def _by_id(self, arguments: Json) -> str:
        wanted = str(arguments.get("channel", ""))
        if wanted not in self._channels:
            raise Refusal("channel_not_found")
        return wanted

    def _limit(self, channel: str, *, now: datetime) -> None:
        last = self._last_post.get(channel)
        if last is not None and timedelta(0) <= now - last < POST_EVERY:
            wait = math.ceil((POST_EVERY - (now - last)).total_seconds())
            raise Refusal("ratelimited", status=429, retry_after=max(1, wait))
        self._last_post[channel] = now

    def _next_ts(self, now: datetime) -> str:
        moment = divmod(
            round((now - datetime.fromtimestamp(0, tz=UTC)) / timedelta(microseconds=1)), 1_000_000
        )
        if moment <= self._last_ts:
            moment = divmod(self._last_ts[0] * 1_000_000 + self._last_ts[1] + 1, 1_000_000)
        self._last_ts = moment
        return f"{moment[0]}.{moment[1]:06d}"

    def _tell(self, message: ChatMessage) -> None:
        if self._on_change is not None:
            self._on_change(message)
