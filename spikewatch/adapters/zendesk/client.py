"""One request at a time to a Zendesk account: sign-in, and every failure as one of `ports`.

zenpy's client carries the request, on a session of our own. A hook judges each answer before zenpy sees it, for zenpy
waits out a 429 in the calling thread, without end and deaf to a stop. Nothing here logs a body, a token or a secret.
"""

import json
import logging
import math
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from zenpy import Zenpy

from spikewatch import __version__
from spikewatch.adapters.zendesk.settings import Auth, ZendeskSettings
from spikewatch.ports import Clock, CredentialsRefused, Meter, PortError, Unavailable

_RETRY_AFTER = timedelta(seconds=60)
_RETRY_AFTER_LEAST = timedelta(seconds=1)
_RETRY_AFTER_MOST = timedelta(hours=1)
_RENEW_EARLY = timedelta(seconds=60)

SKEW_BEARABLE = timedelta(seconds=30)
"""A clock that is further away from the account's is worth a warning."""

_log = logging.getLogger(__name__)


class Declined(Exception):
    """The account does not accept the request itself; only `source` knows what that means."""

    def __init__(self, message: str, *, status: int) -> None:
        """Hold the HTTP status, which is all that tells one refusal from another."""
        super().__init__(message)
        self.status = status


class TooSlow(Unavailable):
    """The account gave up making the answer: less may work."""


class _TokenRefused(Exception):
    """The token is not valid (any more): sign in again, once."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object and what came with it; `date` is the server's, None where it states none."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    date: datetime | None


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    renew_at: datetime


class Client:
    """A signed-in session with one account; for one thread."""

    def __init__(self, settings: ZendeskSettings, *, secret: SecretStr, clock: Clock, meter: Meter) -> None:
        self._settings = settings
        self._secret = secret
        self._clock = clock
        self._meter = meter
        self._token: _Token | None = None
        self._ahead = timedelta(0)
        self._asked_at = clock.now()
        self._is_skewed = False
        self._sign_in_session = self._session()
        self._sign_in_session.auth = _unsigned
        session = self._session()
        session.auth = self._sign
        session.hooks["response"] = [self._judge]
        self._api = Zenpy(
            subdomain=settings.subdomain or "local",
            session=session,
            anonymous=True,  # the session signs by itself
            disable_cache=True,
            timeout=settings.timeout.total_seconds(),
        ).tickets

    def get(self, path: str, query: Mapping[str, str | int]) -> Answer:
        """Return the answer to a GET; signs in before it where needed, and once more when the token is refused.

        Raises Unavailable, CredentialsRefused or Declined.
        """
        url = f"{self._settings.address}{path}?{urlencode(query)}"
        try:
            return self._once(url)
        except _TokenRefused as error:
            if self._settings.auth is not Auth.CLIENT_CREDENTIALS:
                raise CredentialsRefused(self._refused_for_good()) from error
            self._token = None
        try:
            return self._once(url)
        except _TokenRefused as error:
            raise CredentialsRefused(
                f"{self._settings.address} refuses a fresh token: the OAuth client's user must be an admin"
            ) from error

    def server_now(self) -> datetime:
        """Return the instant by the server's clock as last seen; signs in first where it was never seen.

        With a token that needs no signing in, the first answer brings it; until then our own clock has to do.
        """
        if self._token is None and self._settings.auth is Auth.CLIENT_CREDENTIALS:
            self._token = self._sign_in()
        return self._clock.now() + self._ahead

    def close(self) -> None:
        """End idle connections."""
        self._sign_in_session.close()
        self._api.session.close()

    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = not self._settings.is_local
        session.headers["User-Agent"] = f"spikewatch/{__version__}"
        session.mount("https://", HTTPAdapter(max_retries=0))
        session.mount("http://", HTTPAdapter(max_retries=0))
        return session

    def _once(self, url: str) -> Answer:
        try:
            response = self._api._get(url, raw_response=True, allow_redirects=False)  # noqa: SLF001 -- one raw page
        except requests.RequestException as error:
            raise self._unreachable(error) from error
        return self._answer(response)

    def _judge(self, response: requests.Response, **_: Any) -> None:
        self._note(response)
        if not response.ok or response.is_redirect:
            raise self._failure(response)

    def _note(self, response: requests.Response) -> None:
        """Read the answer to its end, so that one that breaks off counts as an error alone, and note it."""
        len(response.content)
        self._meter.request(self._settings.name, code=str(response.status_code))
        date = _date(response.headers.get("Date"))
        if date is not None:
            now = self._clock.now()
            self._ahead = date - now
            self._note_skew(skew(date, asked_at=self._asked_at, answered_at=now))

    def _note_skew(self, ahead: timedelta) -> None:
        """Note how wrong a clock is, and say so where it begins and ends to matter; nothing is decided by ours."""
        self._meter.clock_skew(self._settings.name, ahead=ahead)
        is_skewed = abs(ahead) > SKEW_BEARABLE
        fields = {"source": self._settings.name, "ahead_s": ahead.total_seconds()}
        if is_skewed and not self._is_skewed:
            _log.warning("source_clock_skewed", extra=fields)
        elif self._is_skewed and not is_skewed:
            _log.info("source_clock_agrees", extra=fields)
        self._is_skewed = is_skewed

    def _answer(self, response: requests.Response) -> Answer:
        try:
            body = json.loads(response.content)
        except ValueError as error:
            raise self._garbled(f"{response.headers.get('Content-Type')} that is no JSON") from error
        if not isinstance(body, dict):
            raise self._garbled(f"a JSON {type(body).__name__} where an object belongs")
        return Answer(body, response.headers, _date(response.headers.get("Date")))

    def _failure(  # noqa: PLR0911 -- one return a kind of failure
        self, response: requests.Response
    ) -> PortError | Declined | _TokenRefused:
        status = response.status_code
        says = f"{self._settings.address} answers {status}"
        server_now = self._clock.now() + self._ahead
        match status:
            case 401:
                return _TokenRefused(says)
            case 403:
                return CredentialsRefused(f"{says}: {_NEEDS[self._settings.auth]}")
            case 408:
                return Unavailable(says, reason="timeout")
            case _ if response.is_redirect:
                return Unavailable(self._redirected(response), reason="connect")
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

    def _redirected(self, response: requests.Response) -> str:
        """Say where a redirect leads, by host alone; it is never followed, for it would take the credentials along."""
        host = urlsplit(response.headers.get("Location", "")).hostname or "another address"
        says = f"{self._settings.address} redirects to {host}"
        return f"{says}: was the account renamed? set subdomain (or url) to where it is"

    def _unreachable(self, error: requests.RequestException) -> Unavailable:
        """Return what a request without a usable answer means; the library's own text, which may hold a query, stays out."""
        self._meter.request(self._settings.name, code="error")
        address, host = self._settings.address, urlsplit(self._settings.address).hostname
        match error:
            case requests.Timeout():
                return Unavailable(
                    f"{address} gives no answer in time: {type(error).__name__}", reason="timeout"
                )
            case requests.exceptions.ProxyError():
                remedy = f"check HTTPS_PROXY in the environment, or name {host} in NO_PROXY"
                return Unavailable(f"{address} is not reached through the proxy: {remedy}", reason="connect")
            case requests.exceptions.SSLError():
                remedy = "check for a proxy that opens TLS (REQUESTS_CA_BUNDLE names its certificate), and the clock"
                return Unavailable(
                    f"{address} cannot be trusted: no valid TLS certificate; {remedy}", reason="connect"
                )
            case requests.exceptions.ContentDecodingError():
                return self._garbled("what is compressed wrongly")
            case requests.ConnectionError() if "NameResolutionError" in repr(error):
                return Unavailable(
                    f"{host} is not known to DNS: check subdomain (or url), and the network", reason="connect"
                )
        return Unavailable(f"{address} gives no answer: {type(error).__name__}", reason="connect")

    def _garbled(self, what: str) -> Unavailable:
        return Unavailable(f"{self._settings.address} answers with {what}", reason="parse")

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._authorization()
        self._asked_at = self._clock.now()
        return request

    def _authorization(self) -> str:
        secret = self._secret.get_secret_value()
        match self._settings.auth:
            case Auth.CLIENT_CREDENTIALS:
                return f"Bearer {self._fresh_token()}"
            case Auth.OAUTH_TOKEN:
                return f"Bearer {secret}"
            case Auth.API_TOKEN:
                return "Basic " + b64encode(f"{self._settings.email}/token:{secret}".encode()).decode()

    def _fresh_token(self) -> str:
        if self._token is None or self._clock.now() >= self._token.renew_at:
            self._token = self._sign_in()
        return self._token.value

    def _refused_for_good(self) -> str:
        what = "the token" if self._settings.auth is Auth.OAUTH_TOKEN else "email and token"
        remedy = f"check {self._settings.secret_variable} (or {self._settings.secret_key}_file)"
        return f"{self._settings.address} refuses {what}: {remedy}; it may be deactivated or expired"

    def _sign_in(self) -> _Token:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._secret.get_secret_value(),
            "scope": "read",
        }
        self._asked_at = self._clock.now()
        try:
            response = self._sign_in_session.post(
                f"{self._settings.address}/oauth/tokens",
                json=form,
                timeout=self._settings.timeout.total_seconds(),
                allow_redirects=False,
            )
            self._note(response)
        except requests.RequestException as error:
            raise self._unreachable(error) from error
        if not response.ok or response.is_redirect:
            raise self._sign_in_failure(response)
        return self._read_token(self._answer(response).body)

    def _sign_in_failure(self, response: requests.Response) -> Exception:
        if response.status_code in {400, 401, 403}:
            return CredentialsRefused(
                f"{self._settings.address} refuses OAuth client {self._settings.client_id!r}: check client_id and "
                f"{self._settings.secret_variable} (or client_secret_file)"
            )
        failure = self._failure(response)
        if isinstance(failure, Declined):
            return Unavailable(f"{failure}: check subdomain (or url), for no account is there")
        return failure

    def _read_token(self, body: Mapping[str, Any]) -> _Token:
        value, life_s = body.get("access_token"), body.get("expires_in", 1800)
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise self._garbled("no access token")
        if not isinstance(life_s, int) or not 0 < life_s <= timedelta(days=365).total_seconds():
            raise self._garbled("a token of impossible life")
        life = timedelta(seconds=life_s)
        return _Token(value, self._clock.now() + life - min(_RENEW_EARLY, life / 2))


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
        date = _date(text)
        if date is None:
            return None
        wish_s = (date - server_now).total_seconds()
    if math.isnan(wish_s):
        return None
    least, most = _RETRY_AFTER_LEAST.total_seconds(), _RETRY_AFTER_MOST.total_seconds()
    return timedelta(seconds=min(max(wish_s, least), most))


def skew(date: datetime, *, asked_at: datetime, answered_at: datetime) -> timedelta:
    """Return by how much the clock that stated `date` is ahead of ours, at least; it looked between the two instants.

    >>> noon = datetime(2026, 5, 11, 12, tzinfo=UTC)
    >>> skew(noon - timedelta(minutes=10), asked_at=noon, answered_at=noon + timedelta(seconds=5))
    datetime.timedelta(days=-1, seconds=85800)
    >>> skew(noon + timedelta(seconds=3), asked_at=noon, answered_at=noon + timedelta(seconds=5))
    datetime.timedelta(0)
    """
    return date - min(max(date, asked_at), max(asked_at, answered_at))


_NEEDS = {
    Auth.CLIENT_CREDENTIALS: "the OAuth client needs scope read and an admin as its user",
    Auth.OAUTH_TOKEN: "the token needs scope read and an admin as its user",
    Auth.API_TOKEN: "email must be that of an admin, and token access must be on in Admin Center",
}


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep a request as it is; without this, requests would look for a password in ~/.netrc."""
    return request
