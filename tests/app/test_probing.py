"""`status --live`: what a health check asks the daemon, wherever it listens and however it is encrypted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spikewatch.adapters.http.encrypting import Certificates
from spikewatch.adapters.http.guarding import Guard
from spikewatch.adapters.http.pages import Condition, Pages, Part
from spikewatch.adapters.http.server import HttpServer
from spikewatch.adapters.http.settings import TlsSettings
from spikewatch.cli import main
from tests.certificates import authority

TURNING = Condition(ok=True, reason="turning")


def nothing(part: Part, *, openmetrics: bool, gzipped: bool, names: frozenset[str] = frozenset()) -> bytes:
    raise AssertionError(f"a probe reads no metrics: {part} {openmetrics} {gzipped} {names}")


@contextmanager
def daemon(condition: Condition, *, tls: TlsSettings | None = None) -> Iterator[str]:
    """Serve the probes alone, to everybody; yields the address."""
    server = HttpServer(
        "127.0.0.1:0",
        pages=Pages(scrape=nothing, health=lambda: condition, readiness=lambda: condition),
        guard=Guard(bearer_token="letmein"),
        certificates=None if tls is None else Certificates(tls),
    )
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


def live(folder: Path, listen: str, *, more: str = "") -> int:
    file = folder / "watch.yaml"
    file.write_text(f'timezone: Asia/Tokyo\nmetrics: {{listen: "{listen}"{more}}}\n', "utf-8")
    return main(["status", "--live", "--config", str(file)])


def test_a_daemon_that_turns_is_alive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with daemon(TURNING) as address:
        status = live(tmp_path, address)

    assert (status, capsys.readouterr().out) == (0, "turning\n")


def test_one_that_listens_everywhere_is_asked_on_this_machine(tmp_path: Path) -> None:
    with daemon(TURNING) as address:
        assert live(tmp_path, f"0.0.0.0:{address.rsplit(':', 1)[1]}") == 0


def test_encryption_and_a_certificate_for_readers_do_not_keep_the_probe_out(tmp_path: Path) -> None:
    signer = authority(tmp_path)
    pair = signer.signed("server")
    tls = TlsSettings(cert_file=pair.cert, key_file=pair.key, client_ca_file=signer.own.cert)

    with daemon(TURNING, tls=tls) as address:
        encrypted = live(tmp_path, address, more=f", tls: {{cert_file: {pair.cert}, key_file: {pair.key}}}")
        plain = live(tmp_path, address)

    assert (encrypted, plain) == (0, 0), (
        "a file that has changed since it was started is no reason to end a daemon"
    )


def test_a_daemon_that_is_not_encrypted_yet_is_alive_after_the_file_asks_for_it(tmp_path: Path) -> None:
    pair = authority(tmp_path).signed("server")

    with daemon(TURNING) as address:
        status = live(tmp_path, address, more=f", tls: {{cert_file: {pair.cert}, key_file: {pair.key}}}")

    assert status == 0


def test_one_that_hangs_is_not_alive_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with daemon(Condition(ok=False, reason="judging hangs")) as address:
        status = live(tmp_path, address)

    assert status == 1
    assert "answers 503: judging hangs" in capsys.readouterr().err


def test_nobody_there_is_not_alive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with daemon(TURNING) as address:
        pass

    assert live(tmp_path, address) == 1
    assert f"nobody answers at {address}" in capsys.readouterr().err


def test_a_port_that_is_another_at_each_start_cannot_be_asked(tmp_path: Path) -> None:
    assert live(tmp_path, "127.0.0.1:0") == 2
