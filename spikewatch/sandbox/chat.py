"""A stand-in for Slack on loopback: enough of the Web API to post, edit and find messages, with Slack's limits and faults.

It keeps messages as a workspace would, refuses what Slack refuses, and misbehaves on request: slow, limited, down, or
silent after it has accepted a message. A method of the Web API is one entry in `_methods`.
"""

import json
import math
import re
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

from spikewatch.ports import Clock
from spikewatch.sandbox.block_rules import wrong_blocks
from spikewatch.sandbox.presses import Press, Presses
from spikewatch.sandbox.sockets import Sockets

Json: TypeAlias = Mapping[str, Any]

POST_EVERY = timedelta(seconds=1)
TEXT_LIMIT = 40_000
EDIT_TEXT_LIMIT = 4_000
BLOCKS_SIZE_LIMIT = 13_200
METADATA_LIMIT = 8_000
PAGE_LIMIT = 200

SCOPES = (
    "chat:write",
    "channels:history",
    "channels:read",
    "groups:history",
    "groups:read",
    "files:read",
    "files:write",
    "usergroups:read",
)
"""What the bot token of the stand-in may do, unless told otherwise: all that spikewatch ever asks for."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message as the workspace holds it.

    channel  id of the channel; `channel_name` is what people call it
    ts       the message's name in its channel
    """

    channel: str
    channel_name: str
    ts: str
    text: str
    blocks: tuple[Json, ...]
    metadata: Json | None
    posted_at: datetime
    edited_at: datetime | None = None
    thread_ts: str | None = None
    """The message below which it stands; None for a message of its own."""
    broadcast: bool = False
    """Whether a reply is shown in the channel too."""


@dataclass(frozen=True, slots=True)
class ChatFile:
    """A file that was uploaded; `content` is None until it was, and `shared` once the upload was completed."""

    id: str
    name: str
    length: int
    alt: str = ""
    content: bytes | None = None
    completed: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived."""

    method: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour, used up by the next call of its method.

    status, headers, body  answered instead of the truth; without a body the truth is answered with that status
    drop_before            the connection ends before anything happened
    drop_after             everything happens, and then the connection ends without an answer
    delay_s                the answer comes so many real seconds late
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    drop_before: bool = False
    drop_after: bool = False
    delay_s: float = 0.0


class Refusal(Exception):
    """An answer that is not ok."""

    def __init__(
        self, error: str, *, status: int = 200, details: Sequence[str] = (), retry_after: int = 0
    ) -> None:
        """Hold Slack's error code, and what goes with it."""
        super().__init__(error)
        self.error = error
        self.status = status
        self.details = tuple(details)
        self.retry_after = retry_after


class Chat:
    """The stand-in: `with Chat(clock=…) as chat:` serves at `chat.url` until the block ends.

    channels   names of the channels that the bot has joined
    token      the only bot token that is accepted
    app_token  the only token that opens a connection for presses of buttons
    port       0 takes any free one
    on_change  called with a message whenever it was posted or edited, from a serving thread
    refuses    types of blocks that this workspace does not take, as one that lacks a feature
    slow_files how many times `files.info` says that a file is not ready yet
    scopes     what the bot token may do, as every answer says
    unjoined   names of public channels that the bot has not joined, and in which it may not post
    """

    def __init__(
        self,
        *,
        clock: Clock,
        channels: Sequence[str] = ("support",),
        token: str = "xoxb-sandbox",  # noqa: S107 -- opens nothing but this stand-in
        app_token: str = "xapp-sandbox",  # noqa: S107 -- as above
        port: int = 0,
        on_change: Callable[[ChatMessage], None] | None = None,
        refuses: Collection[str] = (),
        slow_files: int = 0,
        scopes: Sequence[str] = SCOPES,
        unjoined: Sequence[str] = (),
    ) -> None:
        """Prepare the workspace; nothing listens yet."""
        self._scopes = tuple(scopes)
        self._unjoined = {
            f"C9{number:07d}": name.lstrip("#") for number, name in enumerate(unjoined, start=1)
        }
        self._refuses = frozenset(refuses)
        self._slow_files = slow_files
        self._files: dict[str, ChatFile] = {}
        self._asked: dict[str, int] = {}
        self._clock = clock
        self._token = token
        self._app_token = app_token
        self._groups: dict[str, tuple[str, ...]] = {}
        self.sockets = Sockets()
        self.presses = Presses(clock, self.sockets)
        self._port = port
        self._on_change = on_change
        self._channels = {f"C{number:08d}": name.lstrip("#") for number, name in enumerate(channels, start=1)}
        self._lock = Lock()
        self._messages: dict[tuple[str, str], ChatMessage] = {}
        self._edits: list[ChatMessage] = []
        self._calls: list[Call] = []
        self._faults: dict[str, deque[Fault]] = {}
        self._last_post: dict[str, datetime] = {}
        self._last_ts = (0, 0)
        self._stopped = Event()
        self._server: ThreadingHTTPServer | None = None
        self._methods: Mapping[str, Callable[[Json], Json]] = {
            "apps.connections.open": self._open_connection,
            "auth.test": self._auth_test,
            "blocks.validate": self._validate,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.info": self._room,
            "conversations.list": self._list_channels,
            "conversations.replies": self._replies,
            "files.completeUploadExternal": self._complete_upload,
            "files.delete": self._delete_file,
            "files.getUploadURLExternal": self._upload_url,
            "files.info": self._file_info,
            "usergroups.users.list": self._group_members,
            "users.conversations": self._joined,
            "views.open": self._open_form,
        }

    # -- life

    def start(self) -> None:
        """Listen and serve in threads of its own."""
        self.sockets.start()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.02,), name="sandbox-chat", daemon=True).start()

    def stop(self) -> None:
        """Stop serving; answers that are being delayed come at once."""
        self._stopped.set()
        self.sockets.stop()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """The address of the Web API, to be used instead of https://slack.com/api/."""
        if self._server is None:
            message = "the stand-in chat is not started"
            raise RuntimeError(message)
        return f"http://127.0.0.1:{self._server.server_port}/api/"

    # -- looking on

    @property
    def messages(self) -> Sequence[ChatMessage]:
        """All messages as they stand, oldest first."""
        with self._lock:
            return tuple(self._messages.values())

    @property
    def roots(self) -> Sequence[ChatMessage]:
        """The messages that stand in a channel by themselves, oldest first."""
        return tuple(message for message in self.messages if message.thread_ts is None)

    def thread(self, root: ChatMessage) -> Sequence[ChatMessage]:
        """The replies below a message, oldest first."""
        return tuple(
            message
            for message in self.messages
            if (message.channel, message.thread_ts) == (root.channel, root.ts)
        )

    @property
    def files(self) -> Sequence[ChatFile]:
        """The files that the workspace holds, oldest first."""
        with self._lock:
            return tuple(self._files.values())

    @property
    def edits(self) -> Sequence[ChatMessage]:
        """Every state that an edit brought about, in order."""
        with self._lock:
            return tuple(self._edits)

    @property
    def calls(self) -> Sequence[Call]:
        """Every request that arrived, in order."""
        with self._lock:
            return tuple(self._calls)

    def times_edited(self, message: ChatMessage) -> int:
        """Count the edits of a message."""
        return sum((edit.channel, edit.ts) == (message.channel, message.ts) for edit in self.edits)

    # -- people

    def press(
        self,
        message: ChatMessage,
        action: str,
        *,
        choice: str | None = None,
        user: str = "U00000001",
        name: str = "sato",
    ) -> Press:
        """Press a button below a message as it stands; raise LookupError where it offers no such thing."""
        return self.presses.press(
            channel=message.channel,
            ts=message.ts,
            blocks=message.blocks,
            action=action,
            choice=choice,
            user=user,
            name=name,
            url=self.url.replace("/api/", "/answers/"),
        )

    def group(self, identity: str, *members: str) -> None:
        """Let these people be the members of a user group."""
        with self._lock:
            self._groups[identity] = members

    # -- making trouble

    def fail(self, method: str, *faults: Fault) -> None:
        """Let the next calls of a method meet these faults, one each."""
        with self._lock:
            self._faults.setdefault(method, deque()).extend(faults)

    def delete(self, message: ChatMessage) -> None:
        """Delete a message, as a person would."""
        with self._lock:
            del self._messages[message.channel, message.ts]

    def close_channel(self, name: str) -> None:
        """Take a channel away, as if it had been archived and forgotten."""
        with self._lock:
            self._channels = {key: kept for key, kept in self._channels.items() if kept != name.lstrip("#")}

    # -- one request

    def answer(
        self, method: str, arguments: Json, *, authorization: str
    ) -> tuple[Fault, int, Json, Mapping[str, str]]:
        """Return the fault to act out, the status, the body and the headers of one call."""
        with self._lock:
            self._calls.append(Call(method, arguments))
            fault = self._faults[method].popleft() if self._faults.get(method) else Fault()
        if fault.drop_before or fault.body is not None:
            return fault, fault.status, {}, fault.headers
        try:
            body, status, headers = (
                self._perform(method, arguments, authorization=authorization),
                fault.status,
                {},
            )
        except Refusal as refusal:
            body = {"ok": False, "error": refusal.error}
            if refusal.details:
                body = {**body, "errors": list(refusal.details)}
            status = refusal.status
            headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
        if fault.delay_s:
            self._stopped.wait(fault.delay_s)
        scopes = {"x-oauth-scopes": ",".join(self._scopes)}
        return fault, status, body, {**scopes, **headers, **fault.headers}

    def _perform(self, method: str, arguments: Json, *, authorization: str) -> dict[str, Any]:
        token = authorization.removeprefix("Bearer ").strip()
        if not token:
            raise Refusal("not_authed")
        if token != (self._app_token if method == "apps.connections.open" else self._token):
            raise Refusal("invalid_auth")
        perform = self._methods.get(method)
        if perform is None:
            raise Refusal("unknown_method")
        return {"ok": True, **perform(arguments)}

    # -- methods

    def _open_connection(self, _: Json) -> Json:
        return {"url": self.sockets.url}

    def _open_form(self, arguments: Json) -> Json:
        wrong = self.presses.open_form(
            str(arguments.get("trigger_id", "")), _decoded(arguments.get("view")) or {}
        )
        if wrong is not None:
            raise Refusal(wrong)
        return {"view": {"id": self.presses.forms[-1].id}}

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
            metadata = _metadata(arguments)
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
                broadcast=thread is not None and _is_true(arguments.get("reply_broadcast")),
            )
            self._messages[channel, message.ts] = message
        self._tell(message)
        return {"channel": channel, "ts": message.ts, "message": _wire(message)}

    def _update(self, arguments: Json) -> Json:
        with self._lock:
            channel, ts = self._by_id(arguments), str(arguments.get("ts", ""))
            text, blocks = self._content(arguments, text_limit=EDIT_TEXT_LIMIT)
            before = self._messages.get((channel, ts))
            if before is None:
                raise Refusal("message_not_found")
            metadata = _metadata(arguments) if "metadata" in arguments else before.metadata
            message = replace(
                before, text=text, blocks=blocks, metadata=metadata, edited_at=self._clock.now()
            )
            self._messages[channel, ts] = message
            self._edits.append(message)
        self._tell(message)
        return {"channel": channel, "ts": ts, "text": text, "message": _wire(message)}

    def _history(self, arguments: Json) -> Json:
        with self._lock:
            channel = self._by_id(arguments)
            found = [
                message
                for message in self._messages.values()
                if message.channel == channel and (message.thread_ts is None or message.broadcast)
            ]
        return _page(found, arguments)

    def _replies(self, arguments: Json) -> Json:
        with self._lock:
            channel, ts = self._by_id(arguments), str(arguments.get("ts", ""))
            root = self._messages.get((channel, ts))
            if root is None:
                raise Refusal("thread_not_found")
            below = [
                each for each in self._messages.values() if (each.channel, each.thread_ts) == (channel, ts)
            ]
        return _page([root, *below], arguments)

    def _upload_url(self, arguments: Json) -> Json:
        with self._lock:
            file = ChatFile(
                id=f"F{len(self._files) + 1:08d}",
                name=str(arguments.get("filename") or ""),
                length=int(arguments.get("length") or 0),
                alt=str(arguments.get("alt_txt") or ""),
            )
            if not file.name or not file.length:
                raise Refusal("invalid_arguments")
            self._files[file.id] = file
        return {"upload_url": f"{self.url.removesuffix('api/')}upload/{file.id}", "file_id": file.id}

    def _complete_upload(self, arguments: Json) -> Json:
        with self._lock:
            wanted = [str(entry.get("id")) for entry in _decoded(arguments.get("files")) or []]
            for name in wanted:
                file = self._files.get(name)
                if file is None or file.content is None:
                    raise Refusal("file_not_found")
                self._files[name] = replace(file, completed=True)
        return {"files": [{"id": name} for name in wanted]}

    def _file_info(self, arguments: Json) -> Json:
        with self._lock:
            name = str(arguments.get("file", ""))
            file = self._files.get(name)
            if file is None:
                raise Refusal("file_not_found")
            asked = self._asked[name] = self._asked.get(name, 0) + 1
        ready = file.completed and asked > self._slow_files
        return {"file": {"id": name, "name": file.name, "mimetype": "image/png" if ready else ""}}

    def _delete_file(self, arguments: Json) -> Json:
        with self._lock:
            if self._files.pop(str(arguments.get("file", "")), None) is None:
                raise Refusal("file_not_found")
        return {}

    def take_file(self, name: str, content: bytes) -> int:
        """Take the bytes of a file that were sent to its upload address; return the status of the answer."""
        with self._lock:
            self._calls.append(Call("upload", {"file": name, "length": len(content)}))
            fault = self._faults["upload"].popleft() if self._faults.get("upload") else Fault()
            file = self._files.get(name)
            if fault.status != 200 or file is None or file.length != len(content):  # noqa: PLR2004 -- HTTP's OK
                return fault.status if fault.status != 200 else 400  # noqa: PLR2004 -- as above
            self._files[name] = replace(file, content=content)
            return 200

    def _content(self, arguments: Json, *, text_limit: int) -> tuple[str, tuple[Json, ...]]:
        """Return text and blocks, whose files must be ready and whose types this workspace must take."""
        text, blocks = _content(arguments, text_limit=text_limit)
        wrong = self._unsupported(blocks)
        wrong += [
            f"invalid slack file [json-pointer:/blocks/{place}/slack_file]"
            for place, block in enumerate(blocks)
            if block.get("type") == "image" and not self._is_ready(str(block["slack_file"].get("id", "")))
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

    def _is_ready(self, file: str) -> bool:
        return (
            file in self._files
            and self._files[file].completed
            and self._asked.get(file, 0) >= min(1, self._slow_files)
        )

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
        blocks = _decoded(arguments.get("blocks")) or []
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


# -- what Slack checks


def _content(arguments: Json, *, text_limit: int) -> tuple[str, tuple[Json, ...]]:
    text = str(arguments.get("text") or "")
    blocks = _decoded(arguments.get("blocks")) or []
    if not text and not blocks:
        raise Refusal("no_text")
    if len(text) > text_limit:
        raise Refusal("msg_too_long")
    wrong = list(wrong_blocks(blocks))
    if wrong:
        raise Refusal("invalid_blocks", details=wrong)
    if len(json.dumps(blocks, ensure_ascii=False)) > BLOCKS_SIZE_LIMIT:
        raise Refusal("msg_blocks_too_long")
    return text, tuple(blocks)


def _metadata(arguments: Json) -> Json | None:
    metadata = _decoded(arguments.get("metadata"))
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
        raise Refusal("invalid_metadata_format")
    if len(json.dumps(metadata)) > METADATA_LIMIT:
        raise Refusal("metadata_too_large")
    return metadata


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _page(found: Sequence[ChatMessage], arguments: Json) -> Json:
    """Return a page of messages newer than `oldest`, newest first."""
    oldest = float(arguments.get("oldest") or 0)
    newest_first = [message for message in reversed(found) if float(message.ts) > oldest]
    start = int(arguments.get("cursor") or 0)
    stop = start + min(int(arguments.get("limit") or 100), PAGE_LIMIT)
    with_metadata = _is_true(arguments.get("include_all_metadata"))
    page = [_wire(message, metadata=with_metadata) for message in newest_first[start:stop]]
    more = stop < len(newest_first)
    return {
        "messages": page,
        "has_more": more,
        "response_metadata": {"next_cursor": str(stop) if more else ""},
    }


def _is_true(value: Any) -> bool:
    return str(value or "").lower() in ("1", "true")


# -- the wire


def _wire(message: ChatMessage, *, metadata: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": "message",
        "ts": message.ts,
        "bot_id": "B0BOT",
        "text": message.text,
        "blocks": list(message.blocks),
    }
    if message.thread_ts is not None:
        shown["thread_ts"] = message.thread_ts
    if metadata and message.metadata is not None:
        shown["metadata"] = message.metadata
    if message.edited_at is not None:
        shown["edited"] = {"user": "B0BOT", "ts": f"{message.edited_at.timestamp():.6f}"}
    return shown


_METHOD = re.compile(r"^/api/([A-Za-z.]+)/?$")
_UPLOAD = re.compile(r"^/upload/(F[0-9]+)$")


_ANSWER = re.compile(r"^/answers/(\d+)$")


def _pressed(chat: Chat, raw: bytes) -> tuple[int, str]:
    """Press a button as a request says: `{"ts": "…", "action": "snooze", "choice": "2h", "user": "U1", "name": "sato"}`."""
    try:
        wanted = json.loads(raw)
        message = next(each for each in chat.messages if each.ts == wanted["ts"])
        known = {key: str(wanted[key]) for key in ("choice", "user", "name") if key in wanted}
        press = chat.press(message, str(wanted["action"]), **known)
    except StopIteration:
        return 404, "no such message\n"
    except (LookupError, ValueError, TypeError) as error:
        return 400, f"{error}\n"
    return (200, f"{press.id}\n") if press.arrived else (503, "nobody is connected\n")


def _handler(chat: Chat) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- named so by the parent
            """Stay silent: the terminal belongs to the story."""

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = _ANSWER.match(urlsplit(self.path).path)
            if told is not None:
                taken, text = chat.presses.take_answer(told.group(1), raw)
                self._send(taken, text.encode(), {})
                return
            if urlsplit(self.path).path == "/press":
                taken, text = _pressed(chat, raw)
                self._send(taken, text.encode(), {})
                return
            upload = _UPLOAD.match(urlsplit(self.path).path)
            if upload is not None:
                self._send(chat.take_file(upload.group(1), raw), b"OK", {})
                return
            method = _METHOD.match(urlsplit(self.path).path)
            fault, status, body, headers = chat.answer(
                method.group(1) if method else "",
                _arguments(raw, kind=self.headers.get("Content-Type", "")),
                authorization=self.headers.get("Authorization", ""),
            )
            if fault.drop_before or fault.drop_after:
                self.close_connection = True
                return
            payload = fault.body if fault.body is not None else json.dumps(body, ensure_ascii=False)
            with suppress(OSError):
                self._send(status, payload.encode(), headers)

        def _send(self, status: int, payload: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            given = {
                "Content-Type": "application/json; charset=utf-8",
                "Content-Length": str(len(payload)),
                **headers,
            }
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

    return Handler


def _arguments(raw: bytes, *, kind: str) -> Json:
    if "json" in kind:
        with suppress(ValueError):
            decoded = json.loads(raw)
            if isinstance(decoded, dict):
                return decoded
    return {name: values[0] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}
