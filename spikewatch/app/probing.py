"""A daemon asked at its own port, encrypted or not: whether it is alive, for health checks of containers and for scripts.

Whether the port is encrypted is taken up at a start only. So a daemon that was started before `metrics.tls` was changed is
asked in the way that it answers, and not in the way that the file holds now.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from spikewatch.adapters.http.settings import MetricsSettings, parse_listen
from spikewatch.config import Purpose, load
from spikewatch.errors import Fault, Mistake

PATIENCE_S = 4.0

_OWN = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- recognised here, never listened on
_MOST_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody at a port answered.

    server        what it says it is
    is_encrypted  the way in which it was asked
    """

    status: int
    text: str
    server: str
    is_encrypted: bool


def answer(path: str | Path, *, env: Mapping[str, str]) -> str:
    """Return what the daemon of a configuration says of itself; raises Fault where it is not alive."""
    metrics = load(path, env=env, purpose=Purpose.REPLAY).metrics
    try:
        reply = asked(metrics, "/healthz")
    except (OSError, HTTPException) as error:
        message = f"metrics.listen: nobody answers at {metrics.listen} ({error}); see the log of the daemon"
        raise Fault(message) from error
    said = reply.text.strip()
    if reply.status != HTTPStatus.OK:
        raise Fault(f"the daemon at {metrics.listen} answers {reply.status}: {said}; see its log")
    return said


def asked(metrics: MetricsSettings, page: str) -> Reply:
    """Ask the daemon of these settings on this machine for a page; no credentials are shown to whoever it is.

    Raises Mistake where its port is any free one, OSError or HTTPException where nobody answers in either way.
    """
    is_encrypted = metrics.tls is not None
    try:
        return _asked(metrics, page, is_encrypted=is_encrypted)
    except (ConnectionRefusedError, TimeoutError):
        raise
    except (OSError, HTTPException) as error:
        try:
            return _asked(metrics, page, is_encrypted=not is_encrypted)
        except (OSError, HTTPException):
            raise error from None


def own_address(metrics: MetricsSettings) -> tuple[str, int]:
    """Return where the daemon of these settings is asked on this machine. Raises Mistake where its port is any free one."""
    host, port = parse_listen(metrics.listen)
    if port == 0:
        raise Mistake(
            "metrics.listen: port 0 is another one at each start; choose one to ask the daemon there"
        )
    return _OWN.get(host, host), port


def _asked(metrics: MetricsSettings, page: str, *, is_encrypted: bool) -> Reply:
    connection = _connection(metrics, is_encrypted=is_encrypted)
    try:
        connection.request("GET", page)
        response = connection.getresponse()
        text = response.read(_MOST_BYTES).decode("utf-8", "replace")
    finally:
        connection.close()
    return Reply(response.status, text, response.headers.get("Server") or "", is_encrypted)


def _connection(metrics: MetricsSettings, *, is_encrypted: bool) -> HTTPConnection:
    host, port = own_address(metrics)
    if not is_encrypted:
        return HTTPConnection(host, port, timeout=PATIENCE_S)
    # Its certificate names the machine as others call it, and a probe says and learns nothing that is secret.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=PATIENCE_S, context=context)
