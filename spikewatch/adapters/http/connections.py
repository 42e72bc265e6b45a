"""The connections of the server: each has a thread, a time limit and one of a bounded number of places.

When all places are taken, the connection that has waited longest for its client gives way, so clients that are slow or
hold on for nothing keep nobody out; only when every place is busy answering is the newcomer told to come back. A request
that has not come in whole, or an answer that was not read, within the time limit is hung up on, however it trickles.
"""

import logging
import socket
import ssl
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from spikewatch.adapters.http.encrypting import Certificates
from spikewatch.adapters.http.guarding import Guard
from spikewatch.adapters.http.pages import Pages

log = logging.getLogger(__name__)

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
_LOOKS = 4
"""So often is looked at each connection within the time limit; no clock is needed to count them."""


class Connections(ThreadingHTTPServer):
    """Keeps account of its connections: which are open, and which of them wait for their client.

    timeout_s  most that a request may take to come in, and an answer to be read
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        *,
        pages: Pages,
        guard: Guard,
        certificates: Certificates | None,
        max_connections: int,
        timeout_s: float,
    ) -> None:
        """Bind, and begin to look after connections."""
        self.pages = pages
        self.guard = guard
        self._certificates = certificates
        self._timeout_s = timeout_s
        self._max_connections = max_connections
        self._changed = threading.Condition()
        self._waiting: dict[socket.socket, int] = {}
        self._answering: dict[socket.socket, int] = {}
        self._leaving: set[socket.socket] = set()
        self._closed = threading.Event()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)
        threading.Thread(target=self._look_after, name="http-timeouts", daemon=True).start()

    @property
    def asks_clients(self) -> bool:
        """Tell whether clients need a certificate of their own."""
        return self._certificates is not None and self._certificates.asks_clients

    def server_bind(self) -> None:
        """Bind without the name lookup that the library adds, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return the next connection; its handshake is left to its own thread."""
        connection, address = super().get_request()
        if self._certificates is None:
            return connection, address
        context = self._certificates.context()
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a place, if need be that of the one waiting longest, or turn it away."""
        if self._admit(request):
            request.settimeout(self._timeout_s)
            super().process_request(request, client_address)
            return
        if not isinstance(request, ssl.SSLSocket):
            request.settimeout(0)
            with suppress(OSError):
                request.send(_BUSY)
        self.shutdown_request(request)

    def _admit(self, connection: socket.socket) -> bool:
        with self._changed:
            if len(self._waiting) + len(self._answering) >= self._max_connections:
                longest = next(iter(self._waiting), None)
                if longest is None:
                    return False
                self._let_go(longest)
            self._waiting[connection] = 0
        return True

    def _let_go(self, connection: socket.socket) -> None:
        self._waiting.pop(connection, None)
        self._answering.pop(connection, None)
        self._leaving.add(connection)
        _hang_up(connection)

    def _look_after(self) -> None:
        """Hang up on each connection whose client takes too long, until the server is closed."""
        while not self._closed.wait(self._timeout_s / _LOOKS):
            with self._changed:
                for connection in (*_older(self._waiting), *_older(self._answering)):
                    self._let_go(connection)

    def begin_answer(self, connection: socket.socket) -> bool:
        """Note that a request was read whole; False where the connection has given way meanwhile."""
        with self._changed:
            if self._waiting.pop(connection, None) is None:
                return False
            self._answering[connection] = 0
        return True

    def end_answer(self, connection: socket.socket) -> None:
        """Note that the connection waits for its client again."""
        with self._changed:
            if self._answering.pop(connection, None) is not None:
                self._waiting[connection] = 0

    def shutdown_request(self, request: Any) -> None:
        """Close the connection and free its place."""
        super().shutdown_request(request)
        with self._changed:
            self._waiting.pop(request, None)
            self._answering.pop(request, None)
            self._leaving.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- overrides
        """Log what went wrong in a handler; a client that went away or fell asleep is no news."""
        if isinstance(sys.exception(), OSError):
            log.debug("http_client_lost", extra={"error": repr(sys.exception())})
        else:
            log.error("http_request_failed", exc_info=sys.exception())

    def close_all(self, *, within_s: float) -> None:
        """Hang up on everybody and wait until their threads have noticed."""
        self._closed.set()
        with self._changed:
            for connection in (*self._waiting, *self._answering):
                _hang_up(connection)
            self._changed.wait_for(
                lambda: not (self._waiting or self._answering or self._leaving), timeout=within_s
            )


def _older(looked_at: dict[socket.socket, int]) -> list[socket.socket]:
    """Count one more look at each connection, and return those that were seen so long that their time is over."""
    looked_at.update(_counted(looked_at))
    return [connection for connection, looks in looked_at.items() if looks > _LOOKS]


def _counted(looked_at: Mapping[socket.socket, int]) -> dict[socket.socket, int]:
    return {connection: looks + 1 for connection, looks in looked_at.items()}


def _hang_up(connection: socket.socket) -> None:
    """Break a connection off without a word: what its own thread reads or writes on it ends at once."""
    try:
        socket.socket.shutdown(
            connection, socket.SHUT_RDWR
        )  # the bare one: encryption belongs to the other thread
    except OSError:
        log.debug("http_client_already_gone")
