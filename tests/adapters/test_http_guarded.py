"""Who may read: passwords, tokens and certificates, against real sockets."""

import base64
import http.client
import logging
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.adapters.http.encrypting import Certificates
from spikewatch.adapters.http.guarding import Guard, NoHash, hashed
from spikewatch.adapters.http.pages import Condition, Pages
from spikewatch.adapters.http.server import HttpServer
from spikewatch.adapters.http.settings import TlsSettings, parse_listen
from spikewatch.errors import Fault
from tests.certificates import Authority, Pair, authority

DEADLINE_S = 10.0
FINE = Condition(ok=True, reason="turning")
PAGES = Pages(scrape=lambda *_, **__: b"up 1\n", health=lambda: FINE, readiness=lambda: FINE)
PASSWORD_HASH = hashed("correct horse")

Serve = Callable[..., HttpServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers and stop them after the test."""
    started: list[HttpServer] = []

    def start(
        *, guard: Guard | None = None, tls: TlsSettings | None = None, timeout_s: float = DEADLINE_S
    ) -> HttpServer:
        certificates = None if tls is None else Certificates(tls)
        server = HttpServer(
            "127.0.0.1:0", pages=PAGES, guard=guard, certificates=certificates, timeout_s=timeout_s
        )
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


def ask(
    server: HttpServer,
    path: str = "/metrics",
    *,
    authorization: str | None = None,
    trusting: Authority | None = None,
    showing: Pair | None = None,
) -> tuple[int, http.client.HTTPMessage]:
    host, port = parse_listen(server.address)
    if trusting is None:
        connection = http.client.HTTPConnection(host, port, timeout=DEADLINE_S)
    else:
        context = ssl.create_default_context(cafile=trusting.own.cert)
        if showing is not None:
            context.load_cert_chain(showing.cert, showing.key)
        connection = http.client.HTTPSConnection(host, port, timeout=DEADLINE_S, context=context)
    with closing(connection):
        connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


# -- passwords and tokens


def test_without_password_and_token_everybody_may_read(serve: Serve) -> None:
    assert ask(serve())[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/metrics/series", "/metrics/health", "/nothing"])
def test_whoever_does_not_say_who_they_are_is_asked(serve: Serve, path: str) -> None:
    server = serve(guard=Guard(user="prometheus", password_hash=PASSWORD_HASH, bearer_token="letmein"))

    status, headers = ask(server, path)

    assert status == 401
    assert headers.get_all("WWW-Authenticate") == [
        'Basic realm="spikewatch", charset="UTF-8"',
        'Bearer realm="spikewatch"',
    ]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_told_to_everybody(serve: Serve, path: str) -> None:
    assert ask(serve(guard=Guard(user="prometheus", password_hash=PASSWORD_HASH)), path)[0] == 200


@pytest.mark.parametrize(
    ("said", "admitted"),
    [
        (basic("prometheus", "correct horse"), True),
        (basic("prometheus", "correct horse").replace("Basic", "bAsIc"), True),
        (basic("prometheus", "wrong"), False),
        (basic("prometheus", ""), False),
        (basic("somebody", "correct horse"), False),
        ("Basic !!!", False),
        ("Basic /w==", False),
        ("Bearer letmein", True),
        ("Bearer letmei", False),
        ("Bearer ", False),
        ("Digest letmein", False),
        ("", False),
    ],
)
def test_only_the_right_password_or_token_admits(said: str, admitted: bool) -> None:  # noqa: FBT001 -- pytest passes it by name
    guard = Guard(user="prometheus", password_hash=PASSWORD_HASH, bearer_token="letmein")

    assert guard.admits(said) is admitted
    assert guard.admits(said) is admitted


def test_a_right_password_stays_right_and_a_wrong_one_wrong_in_between() -> None:
    guard = Guard(user="prometheus", password_hash=PASSWORD_HASH)
    right, wrong = basic("prometheus", "correct horse"), basic("prometheus", "wrong")

    assert [guard.admits(said) for said in (right, wrong, right, wrong)] == [True, False, True, False]


@given(st.text())
def test_no_header_upsets_the_guard(said: str) -> None:
    assert not Guard(bearer_token="a token that nobody guesses").admits(said)


@pytest.mark.parametrize(
    "stated",
    [
        "correct horse",
        "",
        "scrypt:32768:8:1$salt$",
        "scrypt:32768:8:1$$00",
        "scrypt:32767:8:1$salt$00",
        "scrypt:1:1:1$salt$zz",
        "scrypt:1073741824:8:1$salt$00",
        "bcrypt:1:1:1$salt$00",
        f"scrypt:-2:-8:1$salt${'00' * 64}",
        f"scrypt:2:-8:-1$salt${'00' * 64}",
        PASSWORD_HASH[:-2],
    ],
)
def test_what_is_no_hash_is_refused_with_the_remedy_and_without_the_text(stated: str) -> None:
    with pytest.raises(NoHash, match="spikewatch prom password") as caught:
        Guard(user="prometheus", password_hash=stated)

    assert "horse" not in str(caught.value)


@given(n=st.integers(-4, 4), r=st.integers(-4, 4), p=st.integers(-4, 4))
def test_whatever_costs_a_hash_states_it_is_one_or_is_refused(n: int, r: int, p: int) -> None:
    try:
        guard = Guard(user="prometheus", password_hash=f"scrypt:{n}:{r}:{p}$salt${'00' * 64}")
    except NoHash:
        return

    assert not guard.admits(basic("prometheus", "correct horse"))
    assert min(n, r, p) > 0


def test_each_hash_of_a_password_has_a_salt_of_its_own() -> None:
    assert hashed("correct horse") != hashed("correct horse")


# -- certificates


def test_a_client_that_trusts_the_authority_reads_over_tls(serve: Serve, signer: Authority) -> None:
    pair = signer.signed("server")
    server = serve(tls=TlsSettings(cert_file=pair.cert, key_file=pair.key))

    assert server.url.startswith("https://127.0.0.1:")
    assert ask(server, trusting=signer)[0] == 200


def test_a_plain_request_to_an_encrypted_port_gets_nothing(serve: Serve, signer: Authority) -> None:
    pair = signer.signed("server")
    server = serve(tls=TlsSettings(cert_file=pair.cert, key_file=pair.key))

    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(server)
    assert ask(server, trusting=signer)[0] == 200


def test_a_client_that_never_shakes_hands_keeps_nobody_out(serve: Serve, signer: Authority) -> None:
    pair = signer.signed("server")
    server = serve(tls=TlsSettings(cert_file=pair.cert, key_file=pair.key), timeout_s=0.3)
    with socket.create_connection(parse_listen(server.address), timeout=DEADLINE_S) as silent:
        assert ask(server, trusting=signer)[0] == 200
        assert silent.recv(1) == b""


def test_only_clients_with_a_certificate_read_where_one_is_asked_for(serve: Serve, signer: Authority) -> None:
    pair, reader = signer.signed("server"), signer.signed("reader", subject="prometheus")
    server = serve(tls=TlsSettings(cert_file=pair.cert, key_file=pair.key, client_ca_file=signer.own.cert))

    assert ask(server, trusting=signer, showing=reader)[0] == 200
    assert ask(server, trusting=signer)[0] == 403
    assert ask(server, "/healthz", trusting=signer)[0] == 200


def test_a_certificate_of_another_authority_is_refused(
    serve: Serve, signer: Authority, tmp_path: Path
) -> None:
    pair, stranger = signer.signed("server"), authority(tmp_path).signed("stranger")
    server = serve(tls=TlsSettings(cert_file=pair.cert, key_file=pair.key, client_ca_file=signer.own.cert))

    with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
        ask(server, trusting=signer, showing=stranger)


def serial(server: HttpServer) -> bytes:
    """What the server shows of itself, whoever signed it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = parse_listen(server.address)
    with (
        socket.create_connection(address, timeout=DEADLINE_S) as connection,
        context.wrap_socket(connection) as encrypted,
    ):
        return encrypted.getpeercert(binary_form=True) or b""


def test_a_renewed_certificate_is_taken_up_without_a_restart(
    serve: Serve, signer: Authority, tmp_path: Path
) -> None:
    first, second = signer.signed("first"), signer.signed("second")
    used = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    shutil.copy(first.cert, used.cert)
    shutil.copy(first.key, used.key)
    server = serve(tls=TlsSettings(cert_file=used.cert, key_file=used.key))
    before = serial(server)

    shutil.copy(second.cert, used.cert)
    half_renewed = serial(server)
    shutil.copy(second.key, used.key)
    renewed = serial(server)

    assert half_renewed == before
    assert renewed != before
    assert ask(server, trusting=signer)[0] == 200


def test_a_certificate_that_vanishes_is_logged_once_and_the_old_one_serves_on(
    serve: Serve, signer: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pair = signer.signed("server")
    used = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    shutil.copy(pair.cert, used.cert)
    shutil.copy(pair.key, used.key)
    server = serve(tls=TlsSettings(cert_file=used.cert, key_file=used.key))

    used.cert.unlink()
    with caplog.at_level(logging.ERROR):
        answers = [ask(server, trusting=signer)[0] for _ in range(3)]

    assert answers == [200, 200, 200]
    assert [record.message for record in caplog.records] == ["tls_reload_failed"]


def test_a_protocol_older_than_tls_1_2_is_refused(signer: Authority) -> None:
    pair = signer.signed("server")

    assert Certificates(TlsSettings(cert_file=pair.cert, key_file=pair.key)).context().minimum_version == (
        ssl.TLSVersion.TLSv1_2
    )


def test_a_key_that_is_not_the_certificates_is_a_fault_that_names_both(signer: Authority) -> None:
    one, other = signer.signed("one"), signer.signed("other")

    with pytest.raises(Fault, match=r"metrics\.tls: .*one\.crt and .*other\.key cannot be used"):
        Certificates(TlsSettings(cert_file=one.cert, key_file=other.key))


def test_a_certificate_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="No such file"):
        Certificates(TlsSettings(cert_file=tmp_path / "no.crt", key_file=tmp_path / "no.key"))
