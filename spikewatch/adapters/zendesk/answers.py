"""What an answer of a Zendesk account means: a JSON object, or one of the failures of `ports`.

No text of a library or of the account gets into a message: it may hold a query, a name or a secret.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from spikewatch.adapters.zendesk.settings import Auth, ZendeskSettings
from spikewatch.ports import CredentialsRefused, PortError, Unavailable

_RETRY_AFTER = timedelta(seconds=60)
_RETRY_AFTER_LEAST = timedelta(seconds=1)
_RETRY_AFTER_MOST = timedelta(hours=1)

_GOOD = 2
"""First digit of the status of every good answer."""

_NEEDS = {
    Auth.CLIENT_CREDENTIALS: "the OAuth client needs scope read and an admin as its user",
    Auth.OAUTH_TOKEN: "the token needs scope read and an admin as its user",
    Auth.API_TOKEN: "email must be that of an admin, and token access must be on in Admin Center",
}


class Declined(Exception):
    """The account does not accept the request itself; only `source` knows what that means."""

    def __init__(self, message: str, *, status: int) -> None:
        """Hold the HTTP status, which is all that tells one refusal from another."""
        super().__init__(message)
        self.status = status


class TooSlow(Unavailable):
    """The account gave up making the answer: less may work."""


class TokenRefused(Exception):
    """The token is not valid (any more): sign in again, once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object and what came with it; `date` is the server's, None where it states none to be believed."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    date: datetime | None


def is_good(response: requests.Response) -> bool:
    """Tell whether an answer is what was asked for; one that leads elsewhere is not."""
    return response.status_code // 100 == _GOOD


def answer_of(response: requests.Response, *, address: str, date: datetime | None) -> Answer:
    """Return what a good answer of that date holds; raises Unavailable where it is no JSON object."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise garbled(address, f"{response.headers.get('Content-Type')} that is no JSON") from error
    if not isinstance(body, dict):
        raise garbled(address, f"a JSON {type(body).__name__} where an object belongs")
    return Answer(body, response.headers, date)


def failure_of(  # noqa: PLR0911 -- one return a kind of failure
    response: requests.Response, *, settings: ZendeskSettings, server_now: datetime
) -> PortError | Declined | TokenRefused:
    """Return what an answer that is none means."""
    status = response.status_code
    says = f"{settings.address} answers {status}"
    match status:
        case 401:
            return TokenRefused(says)
        case 403:
            return CredentialsRefused(f"{says}: {_NEEDS[settings.auth]}")
        case 408:
            return Unavailable(says, reason="timeout")
        case _ if response.is_redirect:
            return Unavailable(_redirected(response, settings.address), reason="connect")
        case 429:
            wish = retry_after(response.headers.get("Retry-After"), server_now=server_now)
            return Unavailable(says, retry_after=wish or _RETRY_AFTER, reason="rate_limited")
        case 504:
            return TooSlow(says, reason="timeout")
        case _ if 400 <= status < 500:  # noqa: PLR2004 -- the range of client errors
            return Declined(says, status=status)
        case _:
            wish = retry_after(response.headers.get("Retry-After"), server_now=server_now)
            return Unavailable(says, retry_after=wish, reason="server")


def _redirected(response: requests.Response, address: str) -> str:
    """Say where a redirect leads, by host alone; it is never followed, for it would take the credentials along."""
    try:
        host = urlsplit(response.headers.get("Location", "")).hostname
    except ValueError:
        host = None
    says = f"{address} redirects to {host or 'another address'}"
    return f"{says}: was the account renamed? set subdomain (or url) to where it is"


def unreachable(error: requests.RequestException, *, address: str) -> Unavailable:
    """Return what a request without a usable answer means; the library's own text, which may hold a query, stays out."""
    host = urlsplit(address).hostname
    match error:
        case requests.Timeout():
            return Unavailable(f"{address} gives no answer in time: {type(error).__name__}", reason="timeout")
        case requests.exceptions.ProxyError():
            remedy = f"check HTTPS_PROXY in the environment, or name {host} in NO_PROXY"
            return Unavailable(f"{address} is not reached through the proxy: {remedy}", reason="connect")
        case requests.exceptions.SSLError():
            remedy = (
                "check for a proxy that opens TLS (REQUESTS_CA_BUNDLE names its certificate), and the clock"
            )
            return Unavailable(
                f"{address} cannot be trusted: no valid TLS certificate; {remedy}", reason="connect"
            )
        case requests.exceptions.ContentDecodingError():
            return garbled(address, "what is compressed wrongly")
        case requests.ConnectionError() if "NameResolutionError" in repr(error):
            return Unavailable(
                f"{host} is not known to DNS: check subdomain (or url), and the network", reason="connect"
            )
    return Unavailable(f"{address} gives no answer: {type(error).__name__}", reason="connect")


def garbled(address: str, what: str) -> Unavailable:
    """Return the failure that an answer without sense is."""
    return Unavailable(f"{address} answers with {what}", reason="parse")


def retry_after(text: str | None, *, server_now: datetime) -> timedelta | None:
    """Return how long a Retry-After header wants us to stay away, 1 s to 1 h; None where it is absent or no time.

    >>> retry_after("1.5", server_now=datetime(2026, 5, 11, tzinfo=UTC))
    datetime.timedelta(seconds=1, microseconds=500000)
    >>> retry_after("Mon, 11 May 2026 00:02:00 GMT", server_now=datetime(2026, 5, 11, tzinfo=UTC))
    datetime.timedelta(seconds=120)
    """
    if text is None:
        return None
    try:
        wish_s = float(text)
    except ValueError:
        date = date_of(text)
        if date is None:
            return None
        wish_s = (date - server_now).total_seconds()
    if math.isnan(wish_s):
        return None
    least, most = _RETRY_AFTER_LEAST.total_seconds(), _RETRY_AFTER_MOST.total_seconds()
    return timedelta(seconds=min(max(wish_s, least), most))


def date_of(text: str | None) -> datetime | None:
    """Return the instant that a header states; None where it is absent or no date."""
    try:
        date = parsedate_to_datetime(text or "")
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
