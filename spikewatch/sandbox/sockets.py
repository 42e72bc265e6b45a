"""Socket Mode of the stand-in for Slack: WebSocket connections on loopback, envelopes, acknowledgements, dropped lines.

The server's side of RFC 6455 as far as Slack uses it: text frames in one piece, ping and pong, close.
"""

import base64
import hashlib
import json
import re
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY = re.compile(rb"(?i)^sec-websocket-key:\s*(\S+)\s*$", re.MULTILINE)
_HEAD_LIMIT = 8_192
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_FINAL, _MASKED = 0x80, 0x80
_SHORT, _MEDIUM, _LONG = 125, 126, 127


@dataclass
class Sockets:
    """Accepts connections and sends envelopes on the newest of them.

    is_deaf  True: pings are not answered, as on a line that is half open
    """

    is_deaf: bool = False
    _server: socket.socket | None = None
    _lines: list[socket.socket] = field(default_factory=list)
    _acknowledged: list[str] = field(default_factory=list)
    _opened: int = 0
    _changed: Condition = field(default_factory=Condition)

    def start(self) -> None:
        """Listen and serve in threads of its own."""
        self._server = server = socket.create_server(("127.0.0.1", 0))
        Thread(target=self._accept, args=(server,), name="sandbox-sockets", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and cut every line."""
        if self._server is not None:
            with suppress(OSError):
                self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()
            self._server = None
        self.drop()

    @property
    def url(self) -> str:
        """The address that `apps.connections.open` hands out."""
        if self._server is None:
            message = "the sockets of the stand-in are not started"
            raise RuntimeError(message)
        return f"ws://127.0.0.1:{self._server.getsockname()[1]}/link?ticket=sandbox"

    @property
    def acknowledged(self) -> Sequence[str]:
        """The ids of all envelopes that were acknowledged, in order."""
        with self._changed:
            return tuple(self._acknowledged)

    def send(self, envelope: Json) -> bool:
        """Send an envelope on the newest line; return False where there is none, for then a press is lost."""
        with self._changed:
            line = self._lines[-1] if self._lines else None
        if line is None:
            return False
        try:
            _send(line, _TEXT, json.dumps(envelope, ensure_ascii=False).encode())
        except OSError:
            return False
        return True

    def drop(self) -> None:
        """Cut every line without a word."""
        with self._changed:
            lines, self._lines = self._lines, []
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def wait_connected(self, *, times: int = 1, within_s: float = 10.0) -> bool:
        """Wait until a client has connected so many times in all, and is connected; tell whether it did in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._opened >= times and bool(self._lines), within_s)

    def wait_acknowledged(self, envelope: str, *, times: int = 1, within_s: float = 10.0) -> bool:
        """Wait until an envelope was acknowledged so many times; tell whether it was in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._acknowledged.count(envelope) >= times, within_s)

    # -- one line

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(line,), name="sandbox-socket", daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with suppress(OSError, struct.error):
            if not _shaken_hands(line):
                line.close()
                return
            _send(line, _TEXT, json.dumps({"type": "hello", "num_connections": 1}).encode())
            with self._changed:
                self._lines.append(line)
                self._opened += 1
                self._changed.notify_all()
            while self._answered(line):
                pass
        with self._changed:
            self._lines = [each for each in self._lines if each is not line]
        line.close()

    def _answered(self, line: socket.socket) -> bool:
        """Take one frame; tell whether the line goes on."""
        kind, data = _frame(line)
        if kind == _PING and not self.is_deaf:
            _send(line, _PONG, data)
        elif kind == _TEXT:
            self._acknowledge(data)
        return kind != _CLOSE

    def _acknowledge(self, data: bytes) -> None:
        with suppress(ValueError, AttributeError):
            envelope = json.loads(data).get("envelope_id")
            if isinstance(envelope, str):
                with self._changed:
                    self._acknowledged.append(envelope)
                    self._changed.notify_all()


def _shaken_hands(line: socket.socket) -> bool:
    head = b""
    while b"\r\n\r\n" not in head:
        part = line.recv(1024)
        head += part
        if not part or len(head) > _HEAD_LIMIT:
            return False
    key = _KEY.search(head)
    if key is None:
        return False
    accept = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())  # noqa: S324 -- RFC 6455 says so
    line.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    return True


def _frame(line: socket.socket) -> tuple[int, bytes]:
    first, second = _exactly(line, 2)
    size = second & ~_MASKED
    if size == _MEDIUM:
        (size,) = struct.unpack("!H", _exactly(line, 2))
    elif size == _LONG:
        (size,) = struct.unpack("!Q", _exactly(line, 8))
    mask = _exactly(line, 4) if second & _MASKED else b"\0\0\0\0"
    data = _exactly(line, size)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))


def _exactly(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = line.recv(size - len(found))
        if not part:
            message = "the line was closed"
            raise ConnectionError(message)
        found += part
    return found


def _send(line: socket.socket, kind: int, data: bytes) -> None:
    size = len(data)
    if size <= _SHORT:
        length = bytes([size])
    elif size < 1 << 16:
        length = bytes([_MEDIUM]) + struct.pack("!H", size)
    else:
        length = bytes([_LONG]) + struct.pack("!Q", size)
    line.sendall(bytes([_FINAL | kind]) + length + data)
