"""What Prometheus needs to be let in: https, a certificate, a password or a token; the files are placeholders."""

from dataclasses import dataclass
from typing import TypeAlias

from spikewatch.prom.nodes import Node

FOLDER = "/etc/prometheus/spikewatch"
SECRET = "spikewatch-metrics"  # noqa: S105 -- the name of a Kubernetes secret, not what is in it

_Way: TypeAlias = dict[str, Node]


@dataclass(frozen=True, slots=True)
class Access:
    """How the daemon's port is closed; by default it is open.

    is_encrypted          it speaks https
    asks_for_certificate  readers show a certificate of their own
    user                  who is asked for a password; None: nobody
    takes_token           readers may show a token
    """

    is_encrypted: bool = False
    asks_for_certificate: bool = False
    user: str | None = None
    takes_token: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether everybody reads, unencrypted."""
        return self == Access()

    def of_job(self) -> _Way:
        """Return what a scrape job says to be let in."""
        way: _Way = {}
        if self.is_encrypted:
            tls = {"ca_file": f"{FOLDER}/ca.crt"}
            if self.asks_for_certificate:
                tls |= {"cert_file": f"{FOLDER}/tls.crt", "key_file": f"{FOLDER}/tls.key"}
            way |= {"scheme": "https", "tls_config": tls}
        if self.user is not None:
            way["basic_auth"] = {"username": self.user, "password_file": f"{FOLDER}/password"}
        elif self.takes_token:
            way["authorization"] = {"credentials_file": f"{FOLDER}/token"}
        return way

    def of_endpoint(self) -> _Way:
        """Return the same for the Prometheus operator, which takes everything from a secret."""
        way: _Way = {}
        if self.is_encrypted:
            tls: _Way = {"ca": {"secret": _key("ca.crt")}}
            if self.asks_for_certificate:
                tls |= {"cert": {"secret": _key("tls.crt")}, "keySecret": _key("tls.key")}
            way |= {"scheme": "https", "tlsConfig": tls}
        if self.user is not None:
            way["basicAuth"] = {"username": _key("username"), "password": _key("password")}
        elif self.takes_token:
            way["authorization"] = {"credentials": _key("token")}
        return way


def _key(name: str) -> _Way:
    return {"name": SECRET, "key": name}
