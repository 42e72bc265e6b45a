"""What a person may choose about a Zendesk account; imports nothing heavy."""

import ipaddress
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from spikewatch.adapters.zendesk.rules import LegalName, Rule, Rules
from spikewatch.core.settings import Duration, Settings


class Auth(StrEnum):
    """How to sign in to an account."""

    CLIENT_CREDENTIALS = "client_credentials"
    OAUTH_TOKEN = "oauth_token"  # noqa: S105 -- the name of a way, no secret
    API_TOKEN = "api_token"  # noqa: S105 -- the name of a way, no secret


SECRET_KEYS = {
    Auth.CLIENT_CREDENTIALS: "client_secret",
    Auth.OAUTH_TOKEN: "oauth_token",
    Auth.API_TOKEN: "api_token",
}
"""The secret that each way needs; `_file` behind it is the key that names a file with it."""

_BELONGS_TO = {
    "client_id": Auth.CLIENT_CREDENTIALS,
    "client_secret_file": Auth.CLIENT_CREDENTIALS,
    "oauth_token_file": Auth.OAUTH_TOKEN,
    "email": Auth.API_TOKEN,
    "api_token_file": Auth.API_TOKEN,
}


class ZendeskSettings(Settings):
    """One Zendesk account that is read."""

    kind: Literal["zendesk"]
    """`zendesk`."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """What this source is called in metrics, logs and the names of environment variables."""
    subdomain: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")] = None
    """The account: `acme` for acme.zendesk.com."""
    url: str | None = None
    """Replaces https://<subdomain>.zendesk.com, for example for the sandbox: http://127.0.0.1:8081."""
    auth: Auth = Auth.CLIENT_CREDENTIALS
    """`client_credentials`: an OAuth client of your own, whose tokens are renewed; `oauth_token`: one that does not expire;
    `api_token`: with email, for accounts that have one (Zendesk ends them on 2027-04-30)."""
    client_id: Annotated[str | None, Field(min_length=1)] = None
    """For client_credentials: identifier of the OAuth client (confidential, scope `read`) of an admin."""
    client_secret_file: Path | None = None
    """For client_credentials: file that holds the client's secret; without it SPIKEWATCH_<NAME>_CLIENT_SECRET does."""
    oauth_token_file: Path | None = None
    """For oauth_token: file that holds the access token; without it SPIKEWATCH_<NAME>_OAUTH_TOKEN does."""
    email: Annotated[str | None, Field(pattern=r"^[^@\s:/]+@[^@\s:/]+$")] = None
    """For api_token: the address of the admin to whom the token belongs."""
    api_token_file: Path | None = None
    """For api_token: file that holds the token; without it SPIKEWATCH_<NAME>_API_TOKEN does."""
    service: Rules = (Rule.model_validate({"from": "brand"}),)
    """What makes the service of a ticket: a rule, or a list of which the first that finds a name wins, for example
    [{brand: {Shop JP: shop}}, {tag: "svc_*"}, {default: other}]. A change counts history anew, without reading it again."""
    category: Rules
    """What makes the category of a ticket, likewise: brand, group, form, organisation, channel, field, tag or default."""
    fallback: LegalName = "uncategorised"
    """Name where a ticket has no service or no category (yet); such tickets are counted like all others."""
    merged_tag: str | None = "closed_by_merge"
    """Tickets with this tag were merged into another and count nowhere; without it they count."""
    requests_per_minute: Annotated[float, Field(gt=0, le=100)] = 4
    """Pages read in a minute; the account allows 10 for all its integrations together, so leave some to others."""
    backfill_requests_per_minute: Annotated[float, Field(gt=0, le=100)] = 6
    """The same while history is read for the first time; 6 bring 360,000 tickets an hour."""
    per_page: Annotated[int, Field(ge=1, le=1000)] = 1000
    """Tickets asked for at once; less where the account answers 504."""
    timeout: Duration = timedelta(seconds=60)
    """How long to wait for an answer; a full page of a large account takes half a minute."""

    @field_validator("url")
    @classmethod
    def _plain_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        split = urlsplit(url)
        if split.scheme not in {"http", "https"} or not split.hostname or split.query or split.fragment:
            message = f"{url!r} is no address; write https://support.example.com"
            raise ValueError(message)
        if split.scheme == "http" and not _is_loopback(split.hostname):
            message = f"{url!r} would send the secret in the clear; use https"
            raise ValueError(message)
        return url.rstrip("/")

    @model_validator(mode="after")
    def _some_account(self) -> "ZendeskSettings":
        if (self.subdomain is None) == (self.url is None):
            message = "name the account by subdomain, for example acme, or by url; not both"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _one_way_in(self) -> "ZendeskSettings":
        for key, auth in _BELONGS_TO.items():
            given = getattr(self, key) is not None
            if given and auth is not self.auth:
                said = f"{key} belongs to `auth: {auth}`, and this source says {self.auth}"
                message = f"{said}; write auth: {auth}, or remove {key}"
                raise ValueError(message)
        if self.auth is Auth.CLIENT_CREDENTIALS and self.client_id is None:
            message = (
                "client_id is missing: the identifier of an OAuth client; without one write auth: oauth_token,"
                " or auth: api_token and email"
            )
            raise ValueError(message)
        if self.auth is Auth.API_TOKEN and self.email is None:
            message = (
                "email is missing: `auth: api_token` needs the address of the admin to whom the token belongs"
            )
            raise ValueError(message)
        return self

    @property
    def address(self) -> str:
        """Where the account is, without a slash at the end."""
        return self.url or f"https://{self.subdomain}.zendesk.com"

    @property
    def is_local(self) -> bool:
        """Tell whether the account is on this machine: a sandbox, to be reached past any proxy."""
        return _is_loopback(urlsplit(self.address).hostname or "")

    @property
    def secret_key(self) -> str:
        """What the secret is called, which depends on how to sign in."""
        return SECRET_KEYS[self.auth]

    @property
    def secret_variable(self) -> str:
        """Name of the environment variable that holds the secret."""
        return f"SPIKEWATCH_{self.name.upper()}_{self.secret_key.upper()}"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
