"""What a person may choose about a Zendesk account; imports nothing heavy."""

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from spikewatch.core.settings import Duration, Settings


class Attribute(Settings):
    """Where a ticket's service or category is read from; exactly one of `from`, `field` and `tag`."""

    model_config = ConfigDict(serialize_by_alias=True)

    origin: Annotated[Literal["brand"] | None, Field(alias="from")] = None
    """`brand`: the name of the ticket's brand."""
    field: Annotated[int | None, Field(gt=0)] = None
    """Number of a custom field, as Admin Center shows it."""
    tag: str | None = None
    """A pattern with one star, such as `svc_*`: the name is what the star stands for in the first tag that matches."""
    show: Literal["value", "label"] = "value"
    """For a drop-down field: `value` is the option's tag and survives renaming; `label` is what agents see."""

    @model_validator(mode="after")
    def _one_way(self) -> "Attribute":
        if sum(way is not None for way in (self.origin, self.field, self.tag)) != 1:
            message = "name exactly one of {from: brand}, {field: 360001234567} or {tag: 'svc_*'}"
            raise ValueError(message)
        if self.tag is not None and self.tag.count("*") != 1:
            message = f"tag: {self.tag!r} needs one star for the part that is the name, for example 'svc_*'"
            raise ValueError(message)
        return self


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
    client_id: Annotated[str, Field(min_length=1)]
    """Identifier of the OAuth client (confidential, grant `client_credentials`, scope `read`) of an admin."""
    client_secret_file: Path | None = None
    """File that holds the OAuth client's secret; without it SPIKEWATCH_<NAME>_CLIENT_SECRET does."""
    service: Attribute = Attribute.model_validate({"from": "brand"})
    """What makes the service of a ticket."""
    category: Attribute
    """What makes the category of a ticket."""
    fallback: Annotated[str, Field(min_length=1)] = "uncategorised"
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

    @field_validator("fallback")
    @classmethod
    def _legal_name(cls, fallback: str) -> str:
        if "*" in fallback or not fallback.isprintable() or not fallback.strip():
            message = (
                f"{fallback!r} is no name for a service or category; use letters, for example uncategorised"
            )
            raise ValueError(message)
        return fallback

    @model_validator(mode="after")
    def _some_account(self) -> "ZendeskSettings":
        if (self.subdomain is None) == (self.url is None):
            message = "name the account by subdomain, for example acme, or by url; not both"
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
    def secret_variable(self) -> str:
        """Name of the environment variable that holds the secret."""
        return f"SPIKEWATCH_{self.name.upper()}_CLIENT_SECRET"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
