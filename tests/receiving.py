"""Loopback servers that take what receivers beside Slack are sent, and misbehave on request."""

import json
import socket
import socketserver
import ssl
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """What one request meets; `drop` ends the connection in place of an answer, `hang` lets it wait."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    drop: bool = False
    hang: bool = False


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever was posted
        """Its body, read."""
        return json.loads(self.body)


class HttpDesk:
    """Takes what is posted to it."""

    def __init__(self) -> None:
        """Prepare; nothing listens yet."""
        self.requests: list[Request] = []
        self.answers: deque[Answer] = deque()
        self._over = Event()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Listen."""
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- named so by the parent
                """Stay silent."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = desk.answers.popleft() if desk.answers else Answer()
                if answer.hang:
                    desk._over.wait(5)
                if answer.drop:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                if answer.status < 300:
                    desk.requests.append(Request(self.path, dict(self.headers), body))
                payload = answer.body.encode()
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(payload)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; whoever hangs is let go."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


class SmtpDesk:
    """Takes mail; `answers` holds what it says to a command in place of yes, such as `{"DATA": "554 no"}`.

    An answer may be given to one address alone: `{"lead@example.com": "452 full"}`. `drop` names the command (or `.`: the
    end of a mail) at which the line is cut, after a mail was kept. With `tls` the line is private once STARTTLS was asked
    for, or from the first byte on where `at_once`; `clear` holds what was said before.
    """

    def __init__(
        self,
        *,
        answers: Mapping[str, str] | None = None,
        drop: str | None = None,
        tls: ssl.SSLContext | None = None,
        at_once: bool = False,
    ) -> None:
        """Prepare; nothing listens yet."""
        self.mails: list[EmailMessage] = []
        self.commands: list[str] = []
        self.clear: list[str] = []
        self.tls = tls
        self.at_once = at_once
        self.answers = dict(answers or {})
        self.drop = drop

    @property
    def port(self) -> int:
        """Its port."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        """Listen."""
        self._server = _SmtpServer(("127.0.0.1", 0), _SmtpLine)
        self._server.desk = self
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


class _SmtpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    desk: SmtpDesk


class _SmtpLine(socketserver.StreamRequestHandler):
    timeout = 5
    server: _SmtpServer

    def handle(self) -> None:
        with suppress(OSError):  # a client that trusts nobody cuts the line
            self._talk(self.server.desk)
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.close()

    def _talk(self, desk: SmtpDesk) -> None:
        if desk.tls is not None and desk.at_once:
            self._go_private(desk.tls)
        self._say(desk.answers.get("CONNECT", "220 desk"))
        while line := self.rfile.readline().decode("ascii", "replace").rstrip("\r\n"):
            command = line.split(" ")[0].upper()
            desk.commands.append(line)
            if not isinstance(self.connection, ssl.SSLSocket):
                desk.clear.append(line)
            if command == desk.drop:
                return
            self._say(self._answer(desk, command, line))
            if command == "STARTTLS" and desk.tls is not None:
                self._go_private(desk.tls)
            takes = command == "DATA" and "DATA" not in desk.answers
            if command == "QUIT" or (takes and not self._take(desk)):
                return

    def _answer(self, desk: SmtpDesk, command: str, line: str) -> str:
        alone = (said for address, said in desk.answers.items() if f"<{address}>" in line)
        said = desk.answers.get(command) or (next(alone, None) if command == "RCPT" else None)
        is_offered = desk.tls is not None and not isinstance(self.connection, ssl.SSLSocket)
        usual = {**_USUAL, "EHLO": "250-desk\r\n250 STARTTLS"} if is_offered else _USUAL
        return said or usual.get(command, "250 ok")

    def _go_private(self, context: ssl.SSLContext) -> None:
        self.connection = self.request = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def _take(self, desk: SmtpDesk) -> bool:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        desk.mails.append(message_from_bytes(b"".join(lines), policy=default))
        if desk.drop == ".":
            return False
        self._say(desk.answers.get(".", "250 kept"))
        return True

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


_USUAL = {
    "EHLO": "250-desk\r\n250 AUTH PLAIN LOGIN",
    "DATA": "354 go on",
    "AUTH": "235 welcome",
    "QUIT": "221 bye",
    "STARTTLS": "220 go private",
}


def spoken(mail: EmailMessage) -> str:
    """Return the plain text of a mail."""
    body = mail.get_body(preferencelist=("plain",))
    assert body is not None
    return str(body.get_content()).strip()
