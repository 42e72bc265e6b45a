"""Puts the simulated desk on a loopback port: sockets, threads, faults and headers."""

import socket
import threading
from base64 import b64decode
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from spikewatch.sandbox.helpdesk.api import ADMIN, Api
from spikewatch.sandbox.helpdesk.faults import Answer, Fault
from spikewatch.sandbox.helpdesk.ledger import Catalogue, DeskTicket, Ledger
from spikewatch.sandbox.helpdesk.questions import Asked, Endpoint, endpoint_of
from spikewatch.sandbox.helpdesk.spells import Spell

_REMEMBERED = 10_000
_STOP_CHECK_S = 0.02


class HelpDesk:
    """A simulated desk on 127.0.0.1; use as a context manager, or `start` and `stop`.

    tickets  every version of every ticket, the future included, in any order
    now      the desk's clock
    spells   faults that last a while
    port     0 takes a free one; `url` tells which
    tokens   access tokens that never end, and API tokens as `<email>/token:<token>`
    role     of the person whose tokens these are; only an admin may read the export
    """

    def __init__(
        self,
        tickets: Iterable[DeskTicket],
        *,
        now: Callable[[], datetime],
        client_id: str,
        client_secret: str,
        catalogue: Catalogue | None = None,
        spells: Iterable[Spell] = (),
        port: int = 0,
        exports_per_minute: int = 10,
        requests_per_minute: int = 700,
        token_life: timedelta = timedelta(minutes=30),
        tokens: Collection[str] = (),
        role: str = ADMIN,
    ) -> None:
        self._api = Api(
            Ledger(tickets),
            catalogue=catalogue or Catalogue(),
            client_id=client_id,
            client_secret=client_secret,
            exports_per_minute=exports_per_minute,
            requests_per_minute=requests_per_minute,
            token_life=token_life,
            tokens=tokens,
            role=role,
        )
        self._now = now
        self._port = port
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._faults: defaultdict[Endpoint, deque[Fault]] = defaultdict(deque)
        self._spells = tuple(spells)
        self._spoiled = [0] * len(self._spells)
        self._asked: deque[Asked] = deque(maxlen=_REMEMBERED)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end; only while it runs."""
        if self._server is None:
            raise RuntimeError("the desk has no address before start()")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> Sequence[Asked]:
        """The latest requests, oldest first."""
        with self._lock:
            return tuple(self._asked)

    @property
    def spoiled(self) -> Sequence[int]:
        """How many answers each spell has spoiled."""
        with self._lock:
            return tuple(self._spoiled)

    def fault(self, endpoint: Endpoint, fault: Fault, *, times: int = 1) -> None:
        """Spoil the next answers of an endpoint; faults of one endpoint come in the order they were placed."""
        with self._lock:
            self._faults[endpoint].extend([fault] * times)

    def revoke_tokens(self) -> None:
        """Make every token given out so far worthless."""
        with self._lock:
            self._api.revoke_tokens()

    def start(self) -> Self:
        """Listen; raises OSError where the port is taken."""
        self._stopped.clear()
        self._server = _Server(("127.0.0.1", self._port), _handler(self.answer, self._stopped))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STOP_CHECK_S,), name="sandbox-helpdesk", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and end every open connection at once."""
        if self._server is None or self._thread is None:
            return
        self._stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_all()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def answer(self, method: str, target: str, *, token: str | None, body: bytes) -> Answer:
        """Answer one request, faults included."""
        split = urlsplit(target)
        at = self._now()
        asked = Asked(endpoint_of(method, split.path), dict(parse_qsl(split.query)), at, token, body)
        with self._lock:
            self._asked.append(asked)
            answer = self._api.answer(asked, url=self.url)
            waiting = self._faults[asked.endpoint]
            fault = waiting.popleft() if waiting else self._spell(asked, answer)
        dated = {"Date": format_datetime(at, usegmt=True)}
        spoiled = fault.spoil(answer)
        headers = {name: value for name, value in {**dated, **spoiled.headers}.items() if value}
        return replace(spoiled, headers=headers)

    def _spell(self, asked: Asked, answer: Answer) -> Fault:
        """Return the fault of the first spell that meets the answer; one that changes nothing where there is none."""
        for number, spell in enumerate(self._spells):
            if (spell.most is None or self._spoiled[number] < spell.most) and spell.meets(asked, answer):
                self._spoiled[number] += 1
                return spell.fault
        return Fault()


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping does not wait for clients."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that went away in the middle of an answer is part of the game."""

    def close_all(self) -> None:
        """End every connection and give the port back."""
        with self._lock:
            still_open = tuple(self._open)
        for connection in still_open:
            with suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.server_close()


def _credentials(header: str) -> str | None:
    """Return the token of a request, or the name and password of one that signs in by an API token."""
    scheme, _, rest = header.partition(" ")
    if scheme == "Basic":
        with suppress(ValueError):
            return b64decode(rest, validate=True).decode()
    return rest if scheme == "Bearer" else None


def _handler(answer: Callable[..., Answer], stopped: threading.Event) -> type[BaseHTTPRequestHandler]:
    numbers = count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def log_message(self, *_args: object) -> None:
            """Print nothing."""

        def _answer(self, body: bytes) -> None:
            token = _credentials(self.headers.get("Authorization", ""))
            given = answer(self.command, self.path, token=token, body=body)
            if given.delay:
                stopped.wait(given.delay.total_seconds())
            if given.drop:
                self.close_connection = True
                return
            self.send_response_only(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("x-request-id", f"sandbox-{next(numbers)}")
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            if given.breaks_off:
                self.close_connection = True
                self.wfile.write(given.body[: len(given.body) // 2])
                return
            self.wfile.write(given.body)

    return Handler
