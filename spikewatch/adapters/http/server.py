"""A small threaded web server for Prometheus, for probes and for the curious; see `connections` for who gets a place.

It stands on the standard library's `http.server`, which parses requests, because what is hard here is elsewhere: to serve
from the process that holds the metrics, to bound connections so that slow clients give way to others, to take renewed
certificates without a restart. Servers that do all of this need an event loop or worker processes beside the daemon; the
threaded ones bind a worker to a slow client, or leave TLS to a proxy.
"""

import errno
import logging
import threading

from spikewatch.adapters.http.connections import Connections
from spikewatch.adapters.http.encrypting import Certificates
from spikewatch.adapters.http.guarding import Guard
from spikewatch.adapters.http.handling import Handler
from spikewatch.adapters.http.pages import Condition, Pages
from spikewatch.adapters.http.settings import parse_listen
from spikewatch.errors import Fault

__all__ = ["Condition", "HttpServer", "Pages"]

log = logging.getLogger(__name__)


class HttpServer:
    """Serves the pages from `start` to `stop`.

    listen           host:port; port 0 takes a free one
    guard            who may read more than the probes
    certificates     what connections are encrypted with; None: they are not
    max_connections  places; see `connections` for what happens beyond them
    timeout_s        most a client may take to send a request, and to read an answer
    """

    def __init__(
        self,
        listen: str,
        *,
        pages: Pages,
        guard: Guard | None = None,
        certificates: Certificates | None = None,
        max_connections: int = 32,
        timeout_s: float = 10.0,
    ) -> None:
        """Hold everything; nothing is bound before `start`."""
        self._listen = listen
        self._pages = pages
        self._guard = guard or Guard()
        self._certificates = certificates
        self._max_connections = max_connections
        self._timeout_s = timeout_s
        self._server: Connections | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where it listens, as `host:port` with the real port once started."""
        if self._server is None:
            return self._listen
        host, port = self._server.server_name, self._server.server_port
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def url(self) -> str:
        """Its address with the scheme: `http://127.0.0.1:9463`."""
        return f"{'http' if self._certificates is None else 'https'}://{self.address}"

    def start(self) -> None:
        """Bind and serve in the background; Fault names the port and the remedy where that is impossible."""
        try:
            self._server = Connections(
                parse_listen(self._listen),
                Handler,
                pages=self._pages,
                guard=self._guard,
                certificates=self._certificates,
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
