"""A stand-in for Slack on loopback: enough of the Web API to post, edit and find messages, with Slack's limits and faults.

It keeps messages as a workspace would, refuses what Slack refuses, and misbehaves on request: slow, limited, down, or
silent after it has accepted a message. A method of the Web API is one entry in `_methods`.
"""

import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import parse_qs, urlsplit

from spikewatch.ports import Clock

Json: TypeAlias = Mapping[str, Any]

POST_EVERY = timedelta(seconds=1)
TEXT_LIMIT = 40_000
EDIT_TEXT_LIMIT = 4_000
BLOCK_LIMIT = 50
BLOCKS_SIZE_LIMIT = 13_200
METADATA_LIMIT = 8_000
PAGE_LIMIT = 200


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
    port       0 takes any free one
    on_change  called with a message whenever it was posted or edited, from a serving thread
    """

    def __init__(
        self,
        *,
        clock: Clock,
        channels: Sequence[str] = ("support",),
        token: str = "xoxb-sandbox",  # noqa: S107 -- opens nothing but this stand-in
        port: int = 0,
        on_change: Callable[[ChatMessage], None] | None = None,
    ) -> None:
        """Prepare the workspace; nothing listens yet."""
        self._clock = clock
        self._token = token
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
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.list": self._list_channels,
        }

    # -- life

    def start(self) -> None:
        """Listen and serve in threads of its own."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _handler(self))
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.02,), name="sandbox-chat", daemon=True).start()

    def stop(self) -> None:
        """Stop serving; answers that are being delayed come at once."""
        self._stopped.set()
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
        return fault, status, body, {**headers, **fault.headers}

    def _perform(self, method: str, arguments: Json, *, authorization: str) -> dict[str, Any]:
        token = authorization.removeprefix("Bearer ").strip()
        if not token:
            raise Refusal("not_authed")
        if token != self._token:
            raise Refusal("invalid_auth")
        perform = self._methods.get(method)
        if perform is None:
            raise Refusal("unknown_method")
        return {"ok": True, **perform(arguments)}

    # -- methods

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
            text, blocks = _content(arguments, text_limit=TEXT_LIMIT)
            metadata = _metadata(arguments)
            now = self._clock.now()
            self._limit(channel, now=now)
            name = self._channels[channel]
            message = ChatMessage(channel, name, self._next_ts(now), text, blocks, metadata, posted_at=now)
            self._messages[channel, message.ts] = message
        self._tell(message)
        return {"channel": channel, "ts": message.ts, "message": _wire(message)}

    def _update(self, arguments: Json) -> Json:
        with self._lock:
            channel, ts = self._by_id(arguments), str(arguments.get("ts", ""))
            text, blocks = _content(arguments, text_limit=EDIT_TEXT_LIMIT)
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
            found = [message for message in self._messages.values() if message.channel == channel]
        oldest = float(arguments.get("oldest") or 0)
        newest_first = [message for message in reversed(found) if float(message.ts) > oldest]
        start = int(arguments.get("cursor") or 0)
        stop = start + min(int(arguments.get("limit") or 100), PAGE_LIMIT)
        with_metadata = str(arguments.get("include_all_metadata", "")).lower() in ("1", "true")
        page = [_wire(message, metadata=with_metadata) for message in newest_first[start:stop]]
        more = stop < len(newest_first)
        return {
            "messages": page,
            "has_more": more,
            "response_metadata": {"next_cursor": str(stop) if more else ""},
        }

    def _list_channels(self, _: Json) -> Json:
        with self._lock:
            listed = [{"id": key, "name": name, "is_member": True} for key, name in self._channels.items()]
        return {"channels": listed, "response_metadata": {"next_cursor": ""}}

    # -- rules

    def _named(self, arguments: Json) -> str:
        """Return the id of a channel given by id or, as posting allows, by name."""
        wanted = str(arguments.get("channel", ""))
        for key, name in self._channels.items():
            if wanted in (key, name, f"#{name}"):
                return key
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


def _units(text: Any) -> int:
    return len(str(text).encode("utf-16-le", "surrogatepass")) // 2


def wrong_blocks(blocks: Sequence[Json]) -> Iterator[str]:
    """Yield what Slack would refuse about blocks, each with a JSON pointer."""
    if len(blocks) > BLOCK_LIMIT:
        yield f"no more than {BLOCK_LIMIT} items allowed [json-pointer:/blocks]"
    names = [block.get("block_id") for block in blocks]
    if len(set(names)) < len(names):
        yield "block_id must be unique [json-pointer:/blocks]"
    if sum(block.get("type") == "table" for block in blocks) > 1:
        yield "only_one_table_allowed [json-pointer:/blocks]"
    for place, block in enumerate(blocks):
        pointer = f"/blocks/{place}"
        if _units(block.get("block_id", "")) > 255:  # noqa: PLR2004 -- Slack's limit
            yield f"must be less than 256 characters [json-pointer:{pointer}/block_id]"
        check = _CHECKS.get(str(block.get("type")))
        if check is None:
            yield f"unsupported type: {block.get('type')} [json-pointer:{pointer}/type]"
        else:
            yield from check(block, pointer)


def _wrong_text(element: Any, pointer: str, *, limit: int, kinds: Sequence[str]) -> Iterator[str]:
    if not isinstance(element, dict) or element.get("type") not in kinds:
        yield f"must be {' or '.join(kinds)} [json-pointer:{pointer}]"
    elif not 1 <= _units(element.get("text", "")) <= limit:
        yield f"must be 1 to {limit} characters [json-pointer:{pointer}/text]"


_ANY_TEXT = ("plain_text", "mrkdwn")


def _wrong_header(block: Json, pointer: str) -> Iterator[str]:
    yield from _wrong_text(block.get("text"), f"{pointer}/text", limit=150, kinds=("plain_text",))


def _wrong_section(block: Json, pointer: str) -> Iterator[str]:
    fields = block.get("fields", [])
    if "text" not in block and not fields:
        yield f"missing required field: text [json-pointer:{pointer}]"
    if "text" in block:
        yield from _wrong_text(block["text"], f"{pointer}/text", limit=3_000, kinds=_ANY_TEXT)
    if len(fields) > 10:  # noqa: PLR2004 -- Slack's limit
        yield f"no more than 10 items allowed [json-pointer:{pointer}/fields]"
    for place, element in enumerate(fields):
        yield from _wrong_text(element, f"{pointer}/fields/{place}", limit=2_000, kinds=_ANY_TEXT)


def _wrong_context(block: Json, pointer: str) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 10:  # noqa: PLR2004 -- Slack's limit
        yield f"must have 1 to 10 items [json-pointer:{pointer}/elements]"
    for place, element in enumerate(elements):
        yield from _wrong_text(element, f"{pointer}/elements/{place}", limit=3_000, kinds=_ANY_TEXT)


def _wrong_table(block: Json, pointer: str) -> Iterator[str]:
    rows = block.get("rows", [])
    if not 1 <= len(rows) <= 100 or any(not 1 <= len(row) <= 20 for row in rows):  # noqa: PLR2004 -- Slack's limits
        yield f"must have 1 to 100 rows of 1 to 20 cells [json-pointer:{pointer}/rows]"
    cells = [cell for row in rows for cell in row]
    if any(cell.get("type") != "raw_text" or not cell.get("text") for cell in cells):
        yield f"cells must be raw_text and not empty [json-pointer:{pointer}/rows]"
    if sum(_units(cell.get("text", "")) for cell in cells) > 10_000:  # noqa: PLR2004 -- Slack's limit
        yield f"must be less than 10001 characters [json-pointer:{pointer}/rows]"


def _wrong_nothing(_: Json, __: str) -> Iterator[str]:
    return iter(())


_CHECKS: Mapping[str, Callable[[Json, str], Iterator[str]]] = {
    "header": _wrong_header,
    "section": _wrong_section,
    "context": _wrong_context,
    "table": _wrong_table,
    "divider": _wrong_nothing,
}


# -- the wire


def _wire(message: ChatMessage, *, metadata: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": "message",
        "ts": message.ts,
        "bot_id": "B0BOT",
        "text": message.text,
        "blocks": list(message.blocks),
    }
    if metadata and message.metadata is not None:
        shown["metadata"] = message.metadata
    if message.edited_at is not None:
        shown["edited"] = {"user": "B0BOT", "ts": f"{message.edited_at.timestamp():.6f}"}
    return shown


_METHOD = re.compile(r"^/api/([A-Za-z.]+)/?$")


def _handler(chat: Chat) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- named so by the parent
            """Stay silent: the terminal belongs to the story."""

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
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
