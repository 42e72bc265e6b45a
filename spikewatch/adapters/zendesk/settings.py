"""What a person may choose about a Zendesk account; imports nothing heavy."""

import ipaddress
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from spikewatch.core.settings import Duration, Settings

WAYS = ("brand", "group", "form", "organisation", "channel", "field", "tag", "default")
"""What a rule may look at."""

NAMED_WAYS = ("brand", "group", "form", "organisation", "channel")
"""Those that a ticket has one of."""


def _legal_name(name: str) -> str:
    if "*" in name or not name.isprintable() or not name.strip():
        message = f"{name!r} is no name for a service or category; use letters, for example uncategorised"
        raise ValueError(message)
    return name


def as_pattern(text: str) -> re.Pattern[str] | None:
    """Return the regular expression that stands between slashes; None where the text is a name or a glob.

    >>> as_pattern("/^svc_(.+)$/").pattern, as_pattern("svc_*")
    ('^svc_(.+)$', None)
    """
    if len(text) > len("//") and text.startswith("/") and text.endswith("/"):
        return re.compile(text[1:-1])
    return None


def _matchable(text: object) -> str:
    if not isinstance(text, str) or not text:
        message = f"{text!r} is no text to look for; put it in quotes"
        raise ValueError(message)
    try:
        as_pattern(text)
    except re.error as error:
        message = (
            f"{text!r} is no regular expression ({error}); for a glob leave the slashes out, such as 'svc_*'"
        )
        raise ValueError(message) from None
    return text


def _picks(given: Any) -> Any:
    """Check what a rule looks for: a text, or a section of texts and names. Raises ValueError with the remedy."""
    if not isinstance(given, dict):
        return _matchable(given)
    for sought, name in given.items():
        if not isinstance(name, str):
            message = f"{sought}: {name!r} is no name; put it in quotes"
            raise ValueError(message)  # noqa: TRY004 -- pydantic reports a ValueError and lets a TypeError through
        _legal_name(name)
        _matchable(sought)
    if not given:
        message = "names nothing; write for example {Shop JP: shop}"
        raise ValueError(message)
    return given


LegalName = Annotated[str, AfterValidator(_legal_name)]
Names = Annotated[dict[str, str], BeforeValidator(_picks)]
Picks: TypeAlias = Annotated[
    str | dict[str, str], BeforeValidator(_picks, json_schema_input_type=str | int | dict[str, str])
]


class Rule(Settings):
    """Where a service or category may come from; a list of rules is tried in order, and the first that finds a name wins.

    Exactly one of the keys but `show` and `names`. A text is a glob (`Shop *`) for what keeps its own name; a section
    gives names: `{Shop JP: shop, "Shop *": abroad}`. A pattern between slashes is a regular expression.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    origin: Annotated[
        Literal["brand", "group", "form", "organisation", "channel"] | None, Field(alias="from")
    ] = None
    """`brand`, `group`, `form`, `organisation` or `channel`: its name, whatever it is."""
    brand: Picks | None = None
    """The ticket's brand, by its name or number."""
    group: Picks | None = None
    """The group it is assigned to, by its name or number."""
    form: Picks | None = None
    """The form it was written in, by its name or number."""
    organisation: Picks | None = None
    """The organisation of whoever wrote it, by its name or number."""
    channel: Picks | None = None
    """How it came: web, email, api, chat, voice and so on."""
    field: Annotated[int | None, Field(gt=0)] = None
    """Number of a custom field, as Admin Center shows it: a drop-down, a multi-select or a checkbox."""
    show: Literal["value", "label"] = "value"
    """For a field: `value` is the option's tag and survives renaming; `label` is what agents see."""
    names: Names | None = None
    """For a field: names by value or label; the first line that fits one of the values wins, other values find no name."""
    tag: Picks | None = None
    """`svc_*`: the name is what the star stands for in the first tag that matches; `/^svc_(.+)$/`: what the group holds."""
    default: LegalName | None = None
    """The name where no rule before it has found one; only the last rule may say so."""

    @model_validator(mode="after")
    def _one_way(self) -> "Rule":
        ways = [way for way in ("origin", *WAYS) if getattr(self, way) is not None]
        if len(ways) != 1:
            message = (
                "name exactly one of brand, group, form, organisation, channel, field, tag and default, for example"
                " {from: brand}, {brand: {Shop JP: shop}}, {field: 360001234567} or {tag: 'svc_*'}"
            )
            raise ValueError(message)
        if self.field is None and self.model_fields_set & {"show", "names"}:
            message = f"show and names belong to field; for a {ways[0]} write {{{ways[0]}: {{old: new}}}}"
            raise ValueError(message)
        if isinstance(self.tag, str) and as_pattern(self.tag) is None and self.tag.count("*") != 1:
            message = (
                f"tag: {self.tag!r} needs one star for the part that is the name, for example 'svc_*';"
                f" to name one tag write {{tag: {{{self.tag}: name}}}}"
            )
            raise ValueError(message)
        return self

    @property
    def way(self) -> str:
        """What the rule looks at: one of WAYS."""
        return self.origin or next(way for way in WAYS if getattr(self, way) is not None)

    @property
    def picks(self) -> str | dict[str, str]:
        """What it looks for there: a glob or a pattern for what keeps its name, or names by glob or pattern."""
        if self.field is not None:
            return "*" if self.names is None else self.names
        picks: str | dict[str, str] | None = None if self.origin else getattr(self, self.way)
        return "*" if picks is None else picks

    def __str__(self) -> str:
        """Return the rule about as it stands in the file."""
        given = self.model_dump(exclude_defaults=True)
        return ", ".join(f"{key}: {_shown(value)}" for key, value in given.items())


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {name}" for key, name in value.items()) + "}"
    return str(value)


def _listed(given: Any) -> Any:
    """Return the rules as a list, where only one was written."""
    return [given] if isinstance(given, dict | Rule) else given


def _defaults_last(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if not rules:
        message = "name at least one rule, for example {from: brand}"
        raise ValueError(message)
    for number, rule in enumerate(rules[:-1], start=1):
        if rule.default is not None:
            message = f"rule {number}, default: {rule.default}, leaves nothing to the rules below it; move it to the end"
            raise ValueError(message)
    return rules


Rules = Annotated[
    tuple[Rule, ...],
    BeforeValidator(_listed, json_schema_input_type=Rule | tuple[Rule, ...]),
    AfterValidator(_defaults_last),
]


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
