"""Whether an address can be reached: connections that are opened and closed, and what is said where they cannot be."""

import socket
from collections.abc import Iterator

import pytest

from spikewatch.adapters.reaching import Reached, reach
from spikewatch.ports import Unavailable

WITHIN_S = 5.0


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Somebody who listens, and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


def test_nothing_is_said_to_whoever_answers(server: socket.socket) -> None:
    reached = reach(f"http://127.0.0.1:{port_of(server)}/s3cret", timeout_s=WITHIN_S)

    line, _ = server.accept()
    with line:
        assert line.recv(10) == b""
    assert reached == Reached("127.0.0.1", port_of(server))


def test_a_proxy_of_the_environment_is_reached_in_place_of_the_address(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port_of(server)}")

    reached = reach("https://hooks.example.com/s3cret", timeout_s=WITHIN_S)

    assert reached == Reached("hooks.example.com", 443, proxy=f"127.0.0.1:{port_of(server)}")


def test_no_proxy_is_honoured(server: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    assert reach(f"http://127.0.0.1:{port_of(server)}/", timeout_s=WITHIN_S).proxy is None


def test_silence_where_tls_belongs_has_an_end(server: socket.socket) -> None:
    with pytest.raises(Unavailable, match="no answer in time"):
        reach(f"https://127.0.0.1:{port_of(server)}/s3cret", timeout_s=0.2)


@pytest.mark.parametrize("address", ["s3cret", "ftp://host/s3cret", "https:///s3cret"])
def test_what_is_no_address_is_told_without_being_shown(address: str) -> None:
    with pytest.raises(Unavailable, match="the address is none") as told:
        reach(address, timeout_s=WITHIN_S)

    assert "s3cret" not in str(told.value)


def test_nobody_there_is_told_by_host_and_port_alone(server: socket.socket) -> None:
    port = port_of(server)
    server.close()

    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}: Connection refused") as told:
        reach(f"http://127.0.0.1:{port}/s3cret", timeout_s=WITHIN_S)

    assert "s3cret" not in str(told.value)
