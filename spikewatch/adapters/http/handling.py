"""One connection: reads its requests, each within a bound, and answers them."""

import http.client
import ssl
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import parse_qs, urlsplit

from spikewatch.adapters.http.connections import Connections
from spikewatch.adapters.http.negotiating import language_of, takes_gzip, wants_openmetrics
from spikewatch.adapters.http.pages import Condition, Part

PLAIN = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

MOST_REQUEST_BYTES = 16_384
"""A request line with all headers is at most this long; Prometheus sends less than one kilobyte."""

MOST_FIELDS = 100
"""Fields of a query, such as names of metrics."""

_PARTS: dict[str, Part] = {"/metrics": "all", "/metrics/series": "series", "/metrics/health": "health"}
_LANGUAGES = ("ja", "en")


class _TooLong(http.client.HTTPException):
    """A request that goes on and on."""


class _Bounded:
    """Lines of a request, as long as there are not too many of them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = MOST_REQUEST_BYTES

    def begin(self) -> None:
        self._left = MOST_REQUEST_BYTES

    def readline(self, most: int) -> bytes:
        line = self._stream.readline(min(most, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise _TooLong(f"more than {MOST_REQUEST_BYTES} bytes")
        return line

    def close(self) -> None:
        self._stream.close()


class _Reply(NamedTuple):
    status: HTTPStatus
    body: bytes
    content_type: str = PLAIN
    headers: Sequence[tuple[str, str]] = ()


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Connections
    rfile: Any  # BinaryIO in the library's words; only lines are read from it
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    error_message_format = "%(message)s\n"
    error_content_type = PLAIN

    def setup(self) -> None:
        """Agree on encryption first, in this connection's own thread."""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()
        self.rfile = _Bounded(self.rfile)

    def handle_one_request(self) -> None:
        """Read a request within its bound, and answer it."""
        self.rfile.begin()
        try:
            super().handle_one_request()
        except _TooLong:
            self.requestline, self.request_version, self.command = "", "", ""
            self.send_error(HTTPStatus.REQUEST_URI_TOO_LONG)

    def do_GET(self) -> None:
        """Answer with a body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with what GET would say, less the body."""
        self._answer(with_body=False)

    def _refuse(self) -> None:
        self._answer(with_body=True)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse  # noqa: N815 -- the library's

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
        if self.command not in ("GET", "HEAD"):
            said = b"Everything here is only to be read: GET or HEAD.\n"
            return _Reply(HTTPStatus.METHOD_NOT_ALLOWED, said, headers=(("Allow", "GET, HEAD"),))
        try:
            url = urlsplit(self.path)
        except ValueError:
            return _Reply(HTTPStatus.BAD_REQUEST, b"This is no address.\n")
        if url.path == "/healthz":
            return _told(self.server.pages.health())
        if url.path == "/readyz":
            return _told(self.server.pages.readiness())
        return self._refused() or self._shown(url.path, url.query)

    def _shown(self, path: str, query: str) -> _Reply:
        try:
            asked = parse_qs(query, max_num_fields=MOST_FIELDS)
        except ValueError:
            return _Reply(HTTPStatus.BAD_REQUEST, f"At most {MOST_FIELDS} fields at a time.\n".encode())
        if path == "/":
            return self._front((asked.get("lang") or [""])[-1])
        if path in _PARTS:
            return self._metrics(_PARTS[path], frozenset(asked.get("name[]", ())))
        return _Reply(HTTPStatus.NOT_FOUND, b"There is nothing here; / shows what there is.\n")

    def _refused(self) -> _Reply | None:
        """Return why a client may not read, None where it may: neither probe says anything but that we live."""
        if self.server.asks_clients and not self._certified():
            return _Reply(HTTPStatus.FORBIDDEN, b"Only clients with a certificate may read this.\n")
        guard = self.server.guard
        if guard.admits(self._header("Authorization")):
            return None
        ways = [("WWW-Authenticate", challenge) for challenge in guard.challenges]
        return _Reply(HTTPStatus.UNAUTHORIZED, b"Say who you are.\n", headers=ways)

    def _certified(self) -> bool:
        return isinstance(self.request, ssl.SSLSocket) and bool(self.request.getpeercert(binary_form=True))

    def _front(self, language: str) -> _Reply:
        wished = language_of(self._header("Accept-Language"), offered=_LANGUAGES)
        front = self.server.pages.front(language if language in _LANGUAGES else wished)
        headers = (
            ("Content-Language", front.language),
            ("Content-Security-Policy", front.policy),
            ("Referrer-Policy", "no-referrer"),
            ("Vary", "Accept-Language"),
        )
        return _Reply(HTTPStatus.OK, front.body, HTML, headers)

    def _metrics(self, part: Part, names: frozenset[str]) -> _Reply:
        openmetrics = wants_openmetrics(self._header("Accept"))
        gzipped = takes_gzip(self._header("Accept-Encoding"))
        body = self.server.pages.scrape(part, openmetrics=openmetrics, gzipped=gzipped, names=names)
        encoding = (("Content-Encoding", "gzip"),) if gzipped else ()
        headers = (("Vary", "Accept, Accept-Encoding"), *encoding)
        return _Reply(HTTPStatus.OK, body, OPENMETRICS if openmetrics else TEXT, headers)

    def _header(self, name: str) -> str:
        return ", ".join(self.headers.get_all(name, []))

    def _send(self, reply: _Reply, *, with_body: bool) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in reply.headers:
            self.send_header(name, value)
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
