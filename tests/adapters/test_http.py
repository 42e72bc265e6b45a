"""The daemon's web server: what it answers, to whom, and that nobody can hold it up."""

import gzip
import http.client
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spikewatch.adapters.http.handling import MOST_REQUEST_BYTES, OPENMETRICS, TEXT
from spikewatch.adapters.http.negotiating import language_of, takes_gzip, wants_openmetrics
from spikewatch.adapters.http.pages import Condition, Front, Pages
from spikewatch.adapters.http.server import HttpServer
from spikewatch.adapters.http.settings import MetricsSettings, parse_listen
from spikewatch.errors import Fault

DEADLINE_S = 10.0
FINE = Condition(ok=True, reason="turning")


def scrape(
    part: Literal["all", "series", "health"],
    *,
    openmetrics: bool,
    gzipped: bool,
    names: frozenset[str] = frozenset(),
) -> bytes:
    asked = f" {sorted(names)}" if names else ""
    body = f"{part} {'openmetrics' if openmetrics else 'text'}{asked}\n".encode()
    return gzip.compress(body) if gzipped else body


def front(language: str | None) -> Front:
    return Front(f"<p>{language}</p>".encode(), language or "ja", "default-src 'none'")


PAGES = Pages(scrape=scrape, health=lambda: FINE, readiness=lambda: FINE, front=front)

Serve = Callable[..., HttpServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers and stop them after the test."""
    started: list[HttpServer] = []

    def start(
        pages: Pages = PAGES,
        *,
        listen: str = "127.0.0.1:0",
        max_connections: int = 32,
        timeout_s: float = DEADLINE_S,
    ) -> HttpServer:
        server = HttpServer(listen, pages=pages, max_connections=max_connections, timeout_s=timeout_s)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


def client(server: HttpServer) -> http.client.HTTPConnection:
    host, port = parse_listen(server.address)
    return http.client.HTTPConnection(host, port, timeout=DEADLINE_S)


def connect(server: HttpServer) -> socket.socket:
    return socket.create_connection(parse_listen(server.address), timeout=DEADLINE_S)


def ask(
    server: HttpServer, path: str, *, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    with closing(client(server)) as connection:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


@pytest.mark.parametrize(
    ("path", "part"), [("/metrics", "all"), ("/metrics/series", "series"), ("/metrics/health?x=1", "health")]
)
def test_each_metrics_path_shows_its_part_as_text_by_default(serve: Serve, path: str, part: str) -> None:
    status, headers, body = ask(serve(), path)

    assert (status, headers["Content-Type"], body) == (200, TEXT, f"{part} text\n".encode())
    assert "Content-Encoding" not in headers
    assert headers["Vary"] == "Accept, Accept-Encoding"


def test_prometheus_gets_openmetrics_in_gzip_as_it_asks(serve: Serve) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

    _, headers, body = ask(serve(), "/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"})

    assert (headers["Content-Type"], headers["Content-Encoding"]) == (OPENMETRICS, "gzip")
    assert gzip.decompress(body) == b"all openmetrics\n"


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("application/openmetrics-text", True),
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,*/*;q=0.1",
            True,
        ),
        ("application/openmetrics-text; version=1.0.0; escaping=allow-utf-8; q=0.5, text/plain;q=0.4", True),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.9", False),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=lots", False),
    ],
)
def test_openmetrics_is_for_those_who_prefer_it(accept: str, openmetrics: bool) -> None:  # noqa: FBT001 -- pytest passes it by name
    assert wants_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("accept", "taken"), [("", False), ("gzip", True), ("*", True), ("*;q=0", False), ("*, gzip;q=0", False)]
)
def test_gzip_is_for_those_who_can_read_it(accept: str, taken: bool) -> None:  # noqa: FBT001 -- pytest passes it by name
    assert takes_gzip(accept) is taken


@given(st.text())
def test_no_header_upsets_the_negotiation(header: str) -> None:
    assert isinstance(wants_openmetrics(header), bool)
    assert isinstance(takes_gzip(header), bool)
    assert language_of(header, offered=("ja", "en")) in ("ja", "en", None)


@pytest.mark.parametrize(
    ("path", "accept", "language"),
    [
        ("/", "en-GB,en;q=0.8,ja;q=0.5", "en"),
        ("/", "fr, ja;q=0.2", "ja"),
        ("/?lang=ja", "en", "ja"),
        ("/?lang=klingon", "en", "en"),
        (f"/?from={'a' * 200}&lang=ja", "en", "ja"),
        ("/", "", None),
        ("/?lang", "de", None),
    ],
)
def test_the_front_page_comes_in_the_language_that_is_asked_for_or_liked_best(
    serve: Serve, path: str, accept: str, language: str | None
) -> None:
    _, headers, body = ask(serve(), path, headers={"Accept-Language": accept})

    assert body == f"<p>{language}</p>".encode()
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Language"] == (language or "ja")
    assert headers["Content-Security-Policy"] == "default-src 'none'"
    assert headers["Vary"] == "Accept-Language"


def test_a_client_may_ask_for_a_few_metrics_by_name(serve: Serve) -> None:
    path = "/metrics?name[]=up&name%5B%5D=spikewatch_series&other=1"

    assert ask(serve(), path)[2] == b"all text ['spikewatch_series', 'up']\n"


@pytest.mark.parametrize("path", ["/metrics", "/metrics/health", "/"])
def test_a_request_that_asks_endlessly_much_is_a_bad_one(serve: Serve, path: str) -> None:
    status, _, body = ask(serve(), f"{path}?{'&'.join(['name[]=a'] * 101)}")

    assert (status, body) == (400, b"At most 100 fields at a time.\n")


@pytest.mark.parametrize("path", ["/metric", "/metrics/", "/metrics/series/1", "/favicon.ico", "/../metrics"])
def test_everything_else_is_not_found(serve: Serve, path: str) -> None:
    status, _, body = ask(serve(), path)

    assert status == 404
    assert b"metrics" not in body


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/nothing"])
def test_head_says_what_get_would_say_less_the_body(serve: Serve, path: str) -> None:
    server = serve()

    got, head = ask(server, path), ask(server, path, method="HEAD")

    assert head[0] == got[0]
    assert head[1]["Content-Length"] == got[1]["Content-Length"] == str(len(got[2]))
    assert head[2] == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed_here(serve: Serve, method: str) -> None:
    status, headers, _ = ask(serve(), "/", method=method)

    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("request_line", "said"),
    [
        (b"BREW /metrics HTTP/1.1", b"HTTP/1.1 501 "),
        (b"GET", b"Bad request syntax ('GET')"),
        (b"GET /metrics HTTP/two", b"Bad request version ('HTTP/two')"),
        (b"GET /metrics HTTP/2.0", b"Invalid HTTP version (2.0)"),
        (b"GET /<script> HTTP/one", b"Bad request version"),
        (b"GET http://[x HTTP/1.1", b"HTTP/1.1 400 "),
    ],
)
def test_what_is_no_request_is_refused_in_plain_words(serve: Serve, request_line: bytes, said: bytes) -> None:
    with connect(serve()) as connection:
        connection.sendall(request_line + b"\r\nConnection: close\r\n\r\n")
        heard = everything(connection)

    assert said in heard
    assert b"<" not in heard


def test_a_request_line_without_end_is_cut_off(serve: Serve) -> None:
    with connect(serve()) as connection:
        flood(connection, b"GET /" + b"a" * MOST_REQUEST_BYTES)

        heard = everything(connection)

    assert heard.split(b"\r\n")[0] in (b"HTTP/1.1 414 Request-URI Too Long", b"")


@pytest.mark.parametrize("header", [b"X: y\r\n", b"X: " + b"y" * 999 + b"\r\n"])
def test_headers_without_end_are_cut_off(serve: Serve, header: bytes) -> None:
    server = serve()
    with connect(server) as connection:
        flood(connection, b"GET /metrics HTTP/1.1\r\n" + header * 20_000)

        assert b" 200 " not in everything(connection)
    assert ask(server, "/metrics")[0] == 200


def test_a_body_without_end_is_not_read(serve: Serve) -> None:
    server = serve()
    with connect(server) as connection:
        flood(connection, b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 5_000_000)

        assert everything(connection).count(b"HTTP/1.1 ") <= 1
    assert ask(server, "/metrics")[0] == 200


def flood(connection: socket.socket, what: bytes) -> None:
    """Send much; a server that has heard enough may hang up meanwhile."""
    with suppress(ConnectionError):
        connection.sendall(what)


@pytest.mark.parametrize("trickle", [b"a", b"X: y\r\n"])
def test_a_request_that_trickles_in_is_hung_up_on_although_it_never_pauses(
    serve: Serve, trickle: bytes
) -> None:
    server = serve(timeout_s=0.4)
    pause, hung_up = threading.Event(), False
    with connect(server) as connection:
        flood(connection, b"GET /metrics HTTP/1.1\r\nX: ")
        for _ in range(int(DEADLINE_S / 0.02)):
            try:
                connection.sendall(trickle)
            except ConnectionError:
                hung_up = True
                break
            pause.wait(0.02)

    assert hung_up


def test_an_answer_that_is_read_in_drips_is_broken_off(serve: Serve) -> None:
    big = bytes(64_000_000)
    server = serve(PAGES._replace(scrape=lambda *_, **__: big), timeout_s=0.4)
    pause, heard = threading.Event(), 0
    with connect(server) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        for _ in range(50):
            heard += len(connection.recv(2000))
            pause.wait(0.02)
        heard += len(everything(connection))

    assert heard < len(big)
    assert ask(server, "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", None),
        ("*", None),
        ("ja;q=0", None),
        ("en;q=0.1,ja;q=0.9", "ja"),
        ("EN-us", "en"),
        ("ja;q=x,en", "en"),
    ],
)
def test_the_language_is_the_one_liked_best_of_those_there_are(accept: str, language: str | None) -> None:
    assert language_of(accept, offered=("ja", "en")) == language


def test_a_body_nobody_asked_for_is_not_taken_for_the_next_request(serve: Serve) -> None:
    with connect(serve()) as connection:
        connection.sendall(
            b"GET /healthz HTTP/1.1\r\nContent-Length: 30\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"
        )
        heard = everything(connection)

    assert heard.count(b"HTTP/1.1 ") == 1


def everything(connection: socket.socket) -> bytes:
    """Read until the other side hangs up; a reset counts as hanging up."""
    heard = b""
    try:
        while piece := connection.recv(65536):
            heard += piece
    except ConnectionResetError:
        pass
    return heard


def test_liveness_and_readiness_are_told_apart_with_their_reasons(serve: Serve) -> None:
    waiting = Condition(ok=False, reason="no good poll yet")
    server = serve(PAGES._replace(readiness=lambda: waiting))

    assert ask(server, "/healthz")[::2] == (200, b"turning\n")
    assert ask(server, "/readyz")[::2] == (503, b"no good poll yet\n")


def test_one_connection_carries_many_scrapes(serve: Serve) -> None:
    with closing(client(serve())) as connection:
        for _ in range(3):
            connection.request("GET", "/metrics")
            first_socket = connection.sock
            answer = connection.getresponse()
            assert (answer.version, answer.read()) == (11, b"all text\n")
            assert connection.sock is first_socket


def test_a_page_that_fails_breaks_one_request_and_is_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Condition:
        raise LookupError("no loop")

    server = serve(PAGES._replace(health=broken))

    with pytest.raises(http.client.RemoteDisconnected), caplog.at_level(logging.ERROR):
        ask(server, "/healthz")

    assert ask(server, "/readyz")[0] == 200
    assert [record.message for record in caplog.records] == ["http_request_failed"]


def test_a_port_in_use_is_a_fault_that_names_the_port_and_the_remedy(serve: Serve) -> None:
    taken = serve().address
    port = parse_listen(taken)[1]

    with pytest.raises(Fault, match=rf"metrics\.listen: port {port} of .* is in use; .*another port"):
        HttpServer(taken, pages=PAGES).start()


def test_an_address_of_another_machine_is_a_fault() -> None:
    with pytest.raises(Fault, match="name an address of this machine"):
        HttpServer("192.0.2.1:0", pages=PAGES).start()


def test_ipv6_is_served_too(serve: Serve) -> None:
    try:
        server = serve(listen="[::1]:0")
    except Fault:
        pytest.skip("IPv6 loopback is absent: nothing to do on a machine without it")

    assert server.address.startswith("[::1]:")
    assert ask(server, "/healthz")[0] == 200


def test_stopping_hangs_up_on_everybody_and_frees_the_port(serve: Serve) -> None:
    server = serve()
    address = server.address
    with closing(client(server)) as idle, connect(server) as silent:
        idle.request("GET", "/metrics")
        idle.getresponse().read()

        server.stop()

        assert everything(silent) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(parse_listen(address), timeout=DEADLINE_S)
    server.stop()
    assert serve(listen=address).address == address


def test_stopping_before_starting_is_harmless() -> None:
    HttpServer("127.0.0.1:0", pages=PAGES).stop()


def test_clients_that_send_half_a_request_keep_nobody_out(serve: Serve) -> None:
    server = serve(max_connections=3, timeout_s=6 * DEADLINE_S)
    slow = [connect(server) for _ in range(8)]
    try:
        for each in slow:
            each.sendall(b"GET /metrics HTTP/1.1\r\n")

        assert ask(server, "/metrics")[0] == 200
        assert everything(slow[0]) == b""
    finally:
        for each in slow:
            each.close()


def test_a_client_that_reads_nothing_keeps_nobody_out(serve: Serve) -> None:
    big = bytes(64_000_000)
    begun = threading.Semaphore(0)

    def much(part: str, *, openmetrics: bool, gzipped: bool, names: frozenset[str] = frozenset()) -> bytes:
        del part, openmetrics, gzipped, names
        begun.release()
        return big

    server = serve(PAGES._replace(scrape=much))
    with connect(server) as deaf:
        deaf.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert begun.acquire(timeout=DEADLINE_S)

        assert ask(server, "/healthz")[0] == 200
        assert len(ask(server, "/metrics")[2]) == len(big)


def test_when_every_place_is_busy_answering_the_newcomer_is_told_to_come_back(serve: Serve) -> None:
    begun, release = threading.Semaphore(0), threading.Event()

    def lengthy() -> Condition:
        begun.release()
        release.wait(DEADLINE_S)
        return FINE

    server = serve(PAGES._replace(health=lengthy), max_connections=2)
    busy = [connect(server) for _ in range(2)]
    try:
        for each in busy:
            each.sendall(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert begun.acquire(timeout=DEADLINE_S)

        with connect(server) as newcomer:
            assert everything(newcomer).startswith(b"HTTP/1.1 503 ")

        release.set()
        assert all(everything(each).startswith(b"HTTP/1.1 200 ") for each in busy)
        assert ask(server, "/readyz")[0] == 200
    finally:
        release.set()
        for each in busy:
            each.close()


def test_a_client_that_stays_silent_is_hung_up_on(serve: Serve) -> None:
    with connect(serve(timeout_s=0.05)) as silent:
        assert everything(silent) == b""


@pytest.mark.parametrize(
    "listen",
    ["", "9463", ":9463", "localhost", "127.0.0.1:", "127.0.0.1:99999", "::1:9463", "http://a:1", "a b:1"],
)
def test_what_is_no_address_is_refused_with_an_example(listen: str) -> None:
    with pytest.raises(ValidationError, match=r"write host:port, for example 127\.0\.0\.1:9463"):
        MetricsSettings(listen=listen)


@pytest.mark.parametrize(
    ("listen", "parsed"),
    [
        ("127.0.0.1:9463", ("127.0.0.1", 9463)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::]:9463", ("::", 9463)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_an_address_is_host_and_port(listen: str, parsed: tuple[str, int]) -> None:
    assert parse_listen(MetricsSettings(listen=listen).listen) == parsed
