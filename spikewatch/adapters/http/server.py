"""A small threaded web server for Prometheus, for probes and for the curious.

Every connection has a thread, a time limit and one of a bounded number of places. When all places are taken, the
connection that has waited longest for its client gives way, so clients that are slow or hold on for nothing keep nobody
out; only when every place is busy answering is the newcomer told to come back.
"""

import errno
import logging
import socket
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias
from urllib.parse import urlsplit

from spikewatch.adapters.http.settings import parse_listen
from spikewatch.errors import Fault

log = logging.getLogger(__name__)

Part: TypeAlias = Literal["all", "series", "health"]

PLAIN = "text/plain; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_PARTS: dict[str, Part] = {"/metrics": "all", "/metrics/series": "series", "/metrics/health": "health"}
_OPENMETRICS_VERSIONS = ("", "0.0.1", "1.0.0")
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
_PAGE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>spikewatch</title></head><body>
<h1>spikewatch</h1>
<ul>
<li><a href="/metrics">/metrics</a> everything, for Prometheus</li>
<li><a href="/metrics/series">/metrics/series</a> the fleet alone</li>
<li><a href="/metrics/health">/metrics/health</a> the daemon alone</li>
<li><a href="/healthz">/healthz</a> does the daemon turn?</li>
<li><a href="/readyz">/readyz</a> has it begun to work?</li>
</ul></body></html>
"""


class Condition(NamedTuple):
    """Whether all is well, and in a few words why or why not."""

    ok: bool
    reason: str


class Scrape(Protocol):
    """Where metrics come from; called from many threads."""

    def __call__(self, part: Part, *, openmetrics: bool, gzipped: bool) -> bytes:
        """Return the exposition as bytes."""
        ...


class Pages(NamedTuple):
    """What the server shows; all are called from many threads and must not wait for anything."""

    scrape: Scrape
    health: Callable[[], Condition]
    readiness: Callable[[], Condition]


class _Reply(NamedTuple):
    status: HTTPStatus
    body: bytes
    content_type: str = PLAIN
    gzipped: bool = False


def wants_openmetrics(accept: str) -> bool:
    """Tell whether a client likes OpenMetrics 1.0 at least as well as plain text.

    >>> wants_openmetrics("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
    True
    >>> wants_openmetrics("*/*")
    False
    """
    openmetrics = text = 0.0
    for name, options in _preferences(accept):
        quality = _quality(options)
        if name == "application/openmetrics-text" and options.get("version", "") in _OPENMETRICS_VERSIONS:
            openmetrics = max(openmetrics, quality)
        elif name in ("text/plain", "text/*", "*/*"):
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether a client can read gzip.

    >>> takes_gzip("br, gzip;q=0.5"), takes_gzip("gzip;q=0, identity")
    (True, False)
    """
    qualities = {name: _quality(options) for name, options in _preferences(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _preferences(header: str) -> list[tuple[str, dict[str, str]]]:
    preferences = []
    for choice in header.lower().split(","):
        name, *options = (part.strip() for part in choice.split(";"))
        pairs = (option.partition("=") for option in options)
        preferences.append((name, {key.strip(): value.strip().strip('"') for key, _, value in pairs}))
    return preferences


def _quality(options: dict[str, str]) -> float:
    try:
        return float(options.get("q", "1"))
    except ValueError:
        return 0.0


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: "_Server"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer with a body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with what GET would say, less the body."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # a body nobody reads would be taken for the next request
        if not self.server.begin_answer(self.connection):
            self.close_connection = True
            return
        try:
            self._send(self._reply(), with_body=with_body)
        finally:
            self.server.end_answer(self.connection)

    def _reply(self) -> _Reply:
        match urlsplit(self.path).path:
            case "/":
                return _Reply(HTTPStatus.OK, _PAGE, "text/html; charset=utf-8")
            case "/metrics" | "/metrics/series" | "/metrics/health" as path:
                return self._metrics(_PARTS[path])
            case "/healthz":
                return _told(self.server.pages.health())
            case "/readyz":
                return _told(self.server.pages.readiness())
            case _:
                return _Reply(HTTPStatus.NOT_FOUND, b"There is nothing here; / lists what there is.\n")

    def _metrics(self, part: Part) -> _Reply:
        openmetrics = wants_openmetrics(", ".join(self.headers.get_all("Accept", [])))
        gzipped = takes_gzip(", ".join(self.headers.get_all("Accept-Encoding", [])))
        body = self.server.pages.scrape(part, openmetrics=openmetrics, gzipped=gzipped)
        return _Reply(HTTPStatus.OK, body, OPENMETRICS if openmetrics else TEXT, gzipped)

    def _send(self, reply: _Reply, *, with_body: bool) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if reply.content_type in (TEXT, OPENMETRICS):
            self.send_header("Vary", "Accept, Accept-Encoding")
        if reply.gzipped:
            self.send_header("Content-Encoding", "gzip")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if with_body:
            self.wfile.write(reply.body)

    def version_string(self) -> str:
        """Name the server, and no version: that is in the metrics."""
        return "spikewatch"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name of the overridden parameter
        """Stay silent: a scrape every few seconds is no news."""


def _told(condition: Condition) -> _Reply:
    status = HTTPStatus.OK if condition.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return _Reply(status, f"{condition.reason}\n".encode())


class _Server(ThreadingHTTPServer):
    """Keeps account of its connections: which are open, and which of them wait for their client."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], *, pages: Pages, max_connections: int, timeout_s: float
    ) -> None:
        self.pages = pages
        self._timeout_s = timeout_s
        self._max_connections = max_connections
        self._changed = threading.Condition()
        self._waiting: dict[socket.socket, None] = {}
        self._answering: set[socket.socket] = set()
        self._leaving: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind without the name lookup that the library adds, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a place, if need be that of the one waiting longest, or turn it away."""
        if self._admit(request):
            request.settimeout(self._timeout_s)  # holds for each read, and for an answer as a whole
            super().process_request(request, client_address)
            return
        request.settimeout(0)
        try:
            request.send(_BUSY)
        finally:
            self.shutdown_request(request)

    def _admit(self, connection: socket.socket) -> bool:
        with self._changed:
            if len(self._waiting) + len(self._answering) >= self._max_connections:
                longest = next(iter(self._waiting), None)
                if longest is None:
                    return False
                del self._waiting[longest]
                self._leaving.add(longest)
                _hang_up(longest)
            self._waiting[connection] = None
        return True

    def begin_answer(self, connection: socket.socket) -> bool:
        """Note that a request was read whole; False where the connection has given way meanwhile."""
        with self._changed:
            if connection not in self._waiting:
                return False
            del self._waiting[connection]
            self._answering.add(connection)
        return True

    def end_answer(self, connection: socket.socket) -> None:
        """Note that the connection waits for its client again."""
        with self._changed:
            self._answering.discard(connection)
            self._waiting[connection] = None

    def shutdown_request(self, request: Any) -> None:
        """Close the connection and free its place."""
        super().shutdown_request(request)
        with self._changed:
            self._waiting.pop(request, None)
            self._answering.discard(request)
            self._leaving.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- overrides
        """Log what went wrong in a handler; a client that went away or fell asleep is no news."""
        if isinstance(sys.exception(), OSError):
            log.debug("http_client_lost")
        else:
            log.error("http_request_failed", exc_info=sys.exception())

    def close_all(self, *, within_s: float) -> None:
        """Hang up on everybody and wait until their threads have noticed."""
        with self._changed:
            for connection in (*self._waiting, *self._answering):
                _hang_up(connection)
            self._changed.wait_for(
                lambda: not (self._waiting or self._answering or self._leaving), timeout=within_s
            )


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("http_client_already_gone")


class HttpServer:
    """Serves the pages from `start` to `stop`.

    listen           host:port; port 0 takes a free one
    max_connections  places; see the module for what happens beyond them
    timeout_s        most a client may take to send part of a request, and to read an answer
    """

    def __init__(
        self, listen: str, *, pages: Pages, max_connections: int = 32, timeout_s: float = 10.0
    ) -> None:
        """Hold everything; nothing is bound before `start`."""
        self._listen = listen
        self._pages = pages
        self._max_connections = max_connections
        self._timeout_s = timeout_s
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where it listens, as `host:port` with the real port once started."""
        if self._server is None:
            return self._listen
        host, port = self._server.server_name, self._server.server_port
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def start(self) -> None:
        """Bind and serve in the background; Fault names the port and the remedy where that is impossible."""
        try:
            self._server = _Server(
                parse_listen(self._listen),
                pages=self._pages,
                max_connections=self._max_connections,
                timeout_s=self._timeout_s,
            )
        except OSError as error:
            raise Fault(_why_not_bound(self._listen, error)) from error
        # Shutting down takes at most one interval of this loop.
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True
        )
        self._thread.start()
        log.info("http_listening", extra={"address": self.address})

    def stop(self) -> None:
        """Stop listening and hang up on everybody, at once; harmless before `start` and when repeated."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._server = self._thread = None
        server.shutdown()
        server.server_close()
        server.close_all(within_s=1.0)
        thread.join()


def _why_not_bound(listen: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        port = parse_listen(listen)[1]
        return (
            f"metrics.listen: port {port} of {listen} is in use; stop the program that holds it "
            f"(ss -ltnp 'sport = :{port}' names it) or choose another port"
        )
    if error.errno == errno.EACCES:
        return f"metrics.listen: {listen} is not ours to use; ports below 1024 need privileges, choose a higher one"
    return f"metrics.listen: cannot listen on {listen} ({error.strerror or error}); name an address of this machine"
