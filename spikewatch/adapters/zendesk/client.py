"""One request at a time to a Zendesk account, signed in; `answers` says what comes of each.

zenpy's client carries the request, on a session of our own. A hook judges each answer before zenpy sees it, for zenpy
waits out a 429 in the calling thread, without end and deaf to a stop. Nothing here logs a body, a token or a secret.
"""

import logging
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import requests
from pydantic import SecretStr
from requests.adapters import HTTPAdapter
from zenpy import Zenpy

from spikewatch import __version__
from spikewatch.adapters.zendesk.answers import (
    Answer,
    Declined,
    TokenRefused,
    answer_of,
    date_of,
    failure_of,
    garbled,
    is_good,
    unreachable,
)
from spikewatch.adapters.zendesk.settings import Auth, ZendeskSettings
from spikewatch.ports import Clock, CredentialsRefused, Meter, PortError, Unavailable

_RENEW_EARLY = timedelta(seconds=60)

_MOST_SKEW = timedelta(days=1)

SKEW_BEARABLE = timedelta(seconds=30)
"""A clock that is further away from the account's is worth a warning."""

_log = logging.getLogger(__name__)


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
        except TokenRefused as error:
            if self._settings.auth is not Auth.CLIENT_CREDENTIALS:
                raise CredentialsRefused(self._refused_for_good()) from error
            self._token = None
        try:
            return self._once(url)
        except TokenRefused as error:
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
        return answer_of(response, address=self._settings.address, date=self._believable(response))

    def _judge(self, response: requests.Response, **_: Any) -> None:
        self._note(response)
        if not is_good(response):
            raise self._failure(response)

    def _note(self, response: requests.Response) -> None:
        """Read the answer to its end, so that one that breaks off counts as an error alone, and note it."""
        len(response.content)
        self._meter.request(self._settings.name, code=str(response.status_code))
        now, date = self._clock.now(), date_of(response.headers.get("Date"))
        if date is None:
            return
        if self._believable(response) is not None:
            self._ahead = date - now
        self._note_skew(skew(date, asked_at=self._asked_at, answered_at=now))

    def _believable(self, response: requests.Response) -> datetime | None:
        """Return the server's date; None where it is days away: a watermark by it could never go back to the present."""
        date = date_of(response.headers.get("Date"))
        return date if date is not None and abs(date - self._clock.now()) <= _MOST_SKEW else None

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

    def _unreachable(self, error: requests.RequestException) -> Unavailable:
        self._meter.request(self._settings.name, code="error")
        return unreachable(error, address=self._settings.address)

    def _failure(self, response: requests.Response) -> PortError | Declined | TokenRefused:
        server_now = self._clock.now() + self._ahead
        return failure_of(response, settings=self._settings, server_now=server_now)

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
        if not is_good(response):
            raise self._sign_in_failure(response)
        return self._read_token(answer_of(response, address=self._settings.address, date=None).body)

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
            raise garbled(self._settings.address, "no access token")
        if not isinstance(life_s, int) or not 0 < life_s <= timedelta(days=365).total_seconds():
            raise garbled(self._settings.address, "a token of impossible life")
        life = timedelta(seconds=life_s)
        return _Token(value, self._clock.now() + life - min(_RENEW_EARLY, life / 2))


def skew(date: datetime, *, asked_at: datetime, answered_at: datetime) -> timedelta:
    """Return by how much the clock that stated `date` is ahead of ours, at least; it looked between the two instants.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 5, 11, 12, tzinfo=UTC)
    >>> skew(noon - timedelta(minutes=10), asked_at=noon, answered_at=noon + timedelta(seconds=5))
    datetime.timedelta(days=-1, seconds=85800)
    >>> skew(noon + timedelta(seconds=3), asked_at=noon, answered_at=noon + timedelta(seconds=5))
    datetime.timedelta(0)
    """
    return date - min(max(date, asked_at), max(asked_at, answered_at))


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep a request as it is; without this, requests would look for a password in ~/.netrc."""
    return request
