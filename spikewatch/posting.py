"""How a receiver's address is posted to, and what each answer leads to.

One attempt a call, no redirect is followed, and a proxy of the environment is honoured. An address may be a secret, so none
stands in a message.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from math import isfinite
from urllib.parse import urlsplit

import requests

from spikewatch import __version__
from spikewatch.ports import (
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    OutcomeUnknown,
    PortError,
    Unavailable,
)

SAID = 200
"""So many characters of a refusal are repeated, for it usually names what is wrong."""

_SECRET_FROM = 8
"""A part of an address that is shorter is a word; an answer may be cut within a longer one, so that many signs tell it."""

_CREDENTIALS = frozenset({401, 403, 407})
_ELSEWHERE = frozenset({301, 302, 303, 307, 308, 404, 405, 410})
_SOON = frozenset({408, 425})
_TOO_MANY = 429
_REFUSED_FROM, _BROKEN_FROM = 400, 500
_CONNECTS_WITHIN_S = 5.0
_LONGEST_WISH_S = 86_400.0


def post_json(
    url: str,
    body: bytes,
    *,
    name: str,
    headers: Mapping[str, str],
    timeout_s: float,
    auth: tuple[str, str] | None = None,
) -> None:
    """Post JSON once; whatever goes wrong becomes one of the port's failures, which call the receiver by its name."""
    given = {"Content-Type": "application/json", "User-Agent": f"spikewatch/{__version__}", **headers}
    try:
        with (
            requests.Session() as session,
            session.post(
                url,
                data=body,
                headers=given,
                timeout=(min(_CONNECTS_WITHIN_S, timeout_s), timeout_s),
                allow_redirects=False,
                stream=True,
                auth=auth,
            ) as response,
        ):
            refusal = refused(response, name=name)
    except requests.RequestException as error:
        raise _unreached(error, name=name) from None
    if refusal is not None:
        raise refusal


def refused(response: requests.Response, *, name: str) -> PortError | None:
    """Return what an answer means for what to do next; None where it was accepted."""
    status = response.status_code
    if status < 300:  # noqa: PLR2004 -- what HTTP calls success
        return None
    said = f"{name} answered {status}{_said(response)}"
    if status == _TOO_MANY or status in _SOON:
        return Unavailable(said, retry_after=_wish(response), reason="rate_limited")
    if status >= _BROKEN_FROM:
        return OutcomeUnknown(said)
    if status in _CREDENTIALS:
        return CredentialsRefused(said)
    if status in _ELSEWHERE or status < _REFUSED_FROM:
        return ChannelRefused(f"{said}: check its address")
    return ContentRefused(said)


def _said(response: requests.Response) -> str:
    if not _REFUSED_FROM <= response.status_code < _BROKEN_FROM:
        return ""
    try:
        first: bytes = next(response.iter_content(SAID), b"")
    except requests.RequestException:
        return ""
    line = " ".join(first.decode("utf-8", "replace").split())
    return f": {line}" if line.isprintable() and line and not _repeats(line, response.request) else ""


def _repeats(line: str, request: requests.PreparedRequest) -> bool:
    """Tell whether an answer holds what may be a secret: a token, or a long part of the address (`Cannot POST /hooks/…`)."""
    parts = re.split(r"[/?&=]", urlsplit(request.url or "")._replace(scheme="", netloc="").geturl())
    token = str(request.headers.get("Authorization", "")).rpartition(" ")[2]
    return any(part[:_SECRET_FROM] in line for part in (*parts, token) if len(part) >= _SECRET_FROM)


def _wish(response: requests.Response) -> timedelta | None:
    try:
        wait_s = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return timedelta(seconds=min(max(wait_s, 0.0), _LONGEST_WISH_S)) if isfinite(wait_s) else None


def _unreached(error: requests.RequestException, *, name: str) -> PortError:
    """Return the failure of a connection: nothing was sent where there was none."""
    if isinstance(error, requests.ConnectTimeout):
        return Unavailable(f"{name} could not be reached in time", reason="timeout")
    if isinstance(error, requests.Timeout):
        return OutcomeUnknown(f"{name} did not answer in time")
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if type(reason).__name__ in {"NewConnectionError", "NameResolutionError", "SSLError", "ProxyError"}:
        return Unavailable(f"{name} could not be reached", reason="connect")
    return OutcomeUnknown(f"the connection to {name} was lost")
