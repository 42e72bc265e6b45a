"""A heartbeat: an address of somebody else's that is called while all is well, and raises the alarm when it is not."""

from urllib.parse import urlsplit

import requests

from spikewatch import __version__
from spikewatch.ports import Unavailable

TIMEOUT_S = 10


class Heartbeat:
    """Calls one address, which stays out of every message: whoever knows it can pretend that all is well."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Hold the address; nothing is called yet. Raises ValueError where it is none."""
        split = urlsplit(url)
        if split.scheme not in {"http", "https"} or not split.hostname:
            raise ValueError(
                "the heartbeat's address is none; write https://… as the monitoring service shows it"
            )
        self._url = url
        self._timeout_s = timeout_s

    def beat(self) -> None:
        """Call the address once. Raises Unavailable where it is not answered with success."""
        headers = {"User-Agent": f"spikewatch/{__version__}"}
        try:
            response = requests.get(self._url, headers=headers, timeout=self._timeout_s)
        except requests.Timeout:
            raise Unavailable("the heartbeat's address does not answer in time", reason="timeout") from None
        except (requests.RequestException, ValueError):
            raise Unavailable("the heartbeat's address gives no answer", reason="connect") from None
        if not response.ok:
            raise Unavailable(f"the heartbeat's address answers {response.status_code}")
