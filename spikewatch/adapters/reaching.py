"""Whether an address can be reached: a connection that is opened, and closed again before anything is said."""

import socket
import ssl
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit

from spikewatch.ports import Unavailable

_PORTS = {"http": 80, "https": 443, "smtp": 25, "smtps": 465}
_TLS = frozenset({"https", "smtps"})


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a connection was opened; `proxy` is the one that stands between, where the environment names one."""

    host: str
    port: int
    proxy: str | None = None


def reach(address: str, *, timeout_s: float) -> Reached:
    """Open a connection to where a URL leads, and close it; nothing is sent but what TLS needs.

    Messages name host and port alone, for the rest of an address may be a secret. Raises Unavailable.
    """
    split = urlsplit(address)
    host = split.hostname
    if host is None or split.scheme not in _PORTS:
        raise Unavailable("the address is none: check its beginning, such as https://", reason="connect")
    port = split.port or _PORTS[split.scheme]
    proxy = _proxy(split.scheme, host)
    if proxy is None:
        _connect(host, port, tls=split.scheme in _TLS, timeout_s=timeout_s)
        return Reached(host, port)
    through = urlsplit(proxy)
    _connect(through.hostname or "", through.port or _PORTS["http"], tls=False, timeout_s=timeout_s)
    return Reached(host, port, proxy=f"{through.hostname}:{through.port or _PORTS['http']}")


def _proxy(scheme: str, host: str) -> str | None:
    if urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get(scheme)
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _connect(host: str, port: int, *, tls: bool, timeout_s: float) -> None:
    place = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=timeout_s) as line:
            if tls:
                ssl.create_default_context().wrap_socket(line, server_hostname=host).close()
    except socket.gaierror as error:
        raise Unavailable(f"{host} is not known to DNS: check the address, and the network") from error
    except TimeoutError as error:
        raise Unavailable(f"{place} gives no answer in time: check the network, and firewalls") from error
    except ssl.SSLError as error:
        raise Unavailable(
            f"{place} cannot be trusted, no valid TLS certificate: check for a proxy that opens TLS, and the clock"
        ) from error
    except OSError as error:
        said = error.strerror or type(error).__name__
        raise Unavailable(f"{place}: {said}: check that it runs, and the address") from error
