"""A daemon asked at its own port, encrypted or not: whether it is alive, for health checks of containers and for scripts."""

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from spikewatch.adapters.http.settings import MetricsSettings, parse_listen
from spikewatch.config import Purpose, load
from spikewatch.errors import Fault, Mistake

PATIENCE_S = 4.0

_OWN = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- recognised here, never listened on


def answer(path: str | Path, *, env: Mapping[str, str]) -> str:
    """Return what the daemon of a configuration says of itself; raises Fault where it is not alive."""
    metrics = load(path, env=env, purpose=Purpose.REPLAY).metrics
    connection = connection_to(metrics)
    try:
        connection.request("GET", "/healthz")
        reply = connection.getresponse()
        said = reply.read().decode("utf-8", "replace").strip()
    except (OSError, HTTPException) as error:
        message = f"metrics.listen: nobody answers at {metrics.listen} ({error}); see the log of the daemon"
        raise Fault(message) from error
    finally:
        connection.close()
    if reply.status != HTTPStatus.OK:
        raise Fault(f"the daemon at {metrics.listen} answers {reply.status}: {said}; see its log")
    return said


def connection_to(metrics: MetricsSettings) -> HTTPConnection:
    """Return what asks the daemon of these settings on this machine. Raises Mistake where its port is any free one."""
    host, port = parse_listen(metrics.listen)
    if port == 0:
        raise Mistake(
            "metrics.listen: port 0 is another one at each start; choose one to ask the daemon there"
        )
    if metrics.tls is None:
        return HTTPConnection(_OWN.get(host, host), port, timeout=PATIENCE_S)
    # Its certificate names the machine as others call it, and a probe says and learns nothing that is secret.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(_OWN.get(host, host), port, timeout=PATIENCE_S, context=context)
