"""The daemon and its port: whether one runs, whether it runs with this configuration, and whether the port is free."""

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException

from spikewatch.adapters.http.settings import MetricsSettings, parse_listen
from spikewatch.app.doctor.findings import Finding, Part
from spikewatch.app.doctor.scene import Scene
from spikewatch.app.probing import PATIENCE_S, asked, own_address
from spikewatch.config.differences import digest_of
from spikewatch.errors import Fault

PART = Part("daemon")
_OURS = "spikewatch"
"""What our server says of itself, whoever asks."""

_HASH = re.compile(r'^spikewatch_config_info\{[^}]*hash="([0-9a-f]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Who answers at a port.

    digest     of its configuration, where a spikewatch tells us
    otherwise  how the port stands, where that is not as the configuration has it
    """

    server: str
    digest: str | None
    otherwise: str | None = None

    @property
    def is_ours(self) -> bool:
        """Tell whether it is a spikewatch."""
        return self.server == _OURS


def daemon_findings(scene: Scene) -> Iterator[Finding]:
    """Yield whether a daemon runs and what its port is used for."""
    host, port = parse_listen(scene.config.metrics.listen)
    answer = _asked(scene.config.metrics) if port else None
    is_ours = answer is not None and answer.is_ours
    yield from _runs(scene, answer if is_ours else None)
    if not port:
        yield PART.ok("port", "metrics.listen takes any free port")
    elif is_ours:
        yield PART.ok("port", f"{host}:{port} answers: it is spikewatch's own")
    else:
        yield _free(host, port, answer)


def _runs(scene: Scene, answer: _Answer | None) -> Iterator[Finding]:
    try:
        holder = None if scene.store is None else scene.store.holder()
    except Fault as error:
        yield PART.skip("runs", str(error))
        return
    if answer is not None and answer.otherwise is not None:
        yield PART.warn(
            "runs",
            f"a daemon answers, and {answer.otherwise}, which is not what this file holds now",
            remedy="restart it: metrics.tls is taken up at a start only",
        )
    elif answer is not None and answer.digest is None:
        yield PART.ok(
            "runs", "a daemon runs; its port is closed to us, so its configuration was not compared"
        )
    elif answer is not None and answer.digest != digest_of(scene.config):
        yield PART.warn(
            "runs",
            "a daemon answers, with another configuration than this file holds now",
            remedy="restart or reload it, or give this one a port and a store of its own",
        )
    elif answer is not None:
        yield PART.ok("runs", "a daemon runs with this configuration")
    elif holder is not None:
        yield PART.ok(
            "runs",
            f"a daemon writes to the store ({holder}): fine if it is yours; a second one would refuse to start",
        )
    else:
        yield PART.ok("runs", f"none yet: spikewatch run --config {scene.path}")


def _asked(metrics: MetricsSettings) -> _Answer | None:
    """Return who answers at the port of a daemon; None where nobody listens."""
    try:
        reply = asked(metrics, "/metrics/health")
    except ConnectionRefusedError:
        return None
    except (OSError, HTTPException):
        return _Answer("", None) if _listens(*own_address(metrics)) else None
    found = _HASH.search(reply.text)
    stands = "it is encrypted" if reply.is_encrypted else "it is not encrypted"
    is_as_said = reply.is_encrypted == (metrics.tls is not None)
    return _Answer(reply.server, None if found is None else found[1], None if is_as_said else stands)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=PATIENCE_S).close()
    except OSError:
        return False
    return True


def _free(host: str, port: int, answer: _Answer | None) -> Finding:
    remedy = "stop what uses it, or name another under metrics.listen"
    if answer is not None:
        who = f" ({answer.server})" if answer.server else ""
        return PART.fail("port", f"{host}:{port} is used by another program{who}", remedy=remedy)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            line.bind((host, port))
    except OSError as error:
        return PART.fail("port", f"{host}:{port} cannot be listened on: {error.strerror}", remedy=remedy)
    return PART.ok("port", f"{host}:{port} is free")
