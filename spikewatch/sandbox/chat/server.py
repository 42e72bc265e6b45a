"""The stand-in for Slack as tests and the demo hold it: served on loopback, looked at, and made to fail."""

import json
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self

from spikewatch.ports import Clock
from spikewatch.sandbox.chat.exchange import Call, Fault, Json, Refusal, decoded
from spikewatch.sandbox.chat.files import ChatFile, Files
from spikewatch.sandbox.chat.http import Answer, Doors, handler
from spikewatch.sandbox.chat.messages import ChatMessage
from spikewatch.sandbox.chat.workspace import Workspace
from spikewatch.sandbox.presses import Press, Presses
from spikewatch.sandbox.sockets import Sockets

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
        self._token = token
        self._app_token = app_token
        self._port = port
        self._files = Files(slow=slow_files, address=lambda: f"{self.url.removesuffix('api/')}upload/")
        self._workspace = Workspace(
            clock=clock,
            channels=channels,
            unjoined=unjoined,
            refuses=refuses,
            files=self._files,
            on_change=on_change,
        )
        self.sockets = Sockets()
        self.presses = Presses(clock, self.sockets)
        self._lock = Lock()
        self._calls: list[Call] = []
        self._faults: dict[str, deque[Fault]] = {}
        self._stopped = Event()
        self._server: ThreadingHTTPServer | None = None
        self._methods: Mapping[str, Callable[[Json], Json]] = {
            **self._workspace.methods,
            **self._files.methods,
            "apps.connections.open": self._open_connection,
            "views.open": self._open_form,
        }

    # -- life

    def start(self) -> None:
        """Listen and serve in threads of its own."""
        self.sockets.start()
        doors = Doors(self.answer, self.take_file, self.presses.take_answer, self.pressed)
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler(doors))
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
        return self._workspace.messages

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
        return self._files.all

    @property
    def edits(self) -> Sequence[ChatMessage]:
        """Every state that an edit brought about, in order."""
        return self._workspace.edits

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

    def pressed(self, raw: bytes) -> tuple[int, str]:
        """Press as a request says: `{"ts": "…", "action": "snooze", "choice": "2h", "user": "U1", "name": "sato"}`."""
        try:
            wanted = json.loads(raw)
            message = next(each for each in self.messages if each.ts == wanted["ts"])
            known = {key: str(wanted[key]) for key in ("choice", "user", "name") if key in wanted}
            press = self.press(message, str(wanted["action"]), **known)
        except StopIteration:
            return 404, "no such message\n"
        except (LookupError, ValueError, TypeError) as error:
            return 400, f"{error}\n"
        return (200, f"{press.id}\n") if press.arrived else (503, "nobody is connected\n")

    def group(self, identity: str, *members: str) -> None:
        """Let these people be the members of a user group."""
        self._workspace.group(identity, *members)

    # -- making trouble

    def fail(self, method: str, *faults: Fault) -> None:
        """Let the next calls of a method meet these faults, one each."""
        with self._lock:
            self._faults.setdefault(method, deque()).extend(faults)

    def delete(self, message: ChatMessage) -> None:
        """Delete a message, as a person would."""
        self._workspace.delete(message)

    def close_channel(self, name: str) -> None:
        """Take a channel away, as if it had been archived and forgotten."""
        self._workspace.close_channel(name)

    # -- one request

    def answer(self, method: str, arguments: Json, *, authorization: str) -> Answer:
        """Return the fault to act out, the status, the body and the headers of one call."""
        with self._lock:
            self._calls.append(Call(method, arguments))
            fault = self._faults[method].popleft() if self._faults.get(method) else Fault()
        if fault.drop_before or fault.body is not None:
            return fault, fault.status, {}, fault.headers
        try:
            body = self._perform(method, arguments, authorization=authorization)
            status, headers = fault.status, {}
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

    def take_file(self, name: str, content: bytes) -> int:
        """Take the bytes of a file that were sent to its upload address; return the status of the answer."""
        with self._lock:
            self._calls.append(Call("upload", {"file": name, "length": len(content)}))
            fault = self._faults["upload"].popleft() if self._faults.get("upload") else Fault()
        if fault.status != HTTPStatus.OK:
            return fault.status
        if not self._files.fits(name, content):
            return HTTPStatus.BAD_REQUEST
        self._files.keep(name, content)
        return HTTPStatus.OK

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

    def _open_connection(self, _: Json) -> Json:
        return {"url": self.sockets.url}

    def _open_form(self, arguments: Json) -> Json:
        wrong = self.presses.open_form(
            str(arguments.get("trigger_id", "")), decoded(arguments.get("view")) or {}
        )
        if wrong is not None:
            raise Refusal(wrong)
        return {"view": {"id": self.presses.forms[-1].id}}
