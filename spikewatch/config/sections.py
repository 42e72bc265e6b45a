"""Sections and values that belong to no part of their own: the time zone, where everything is kept, how often is read.

What one section must not say stands here; what several must agree on is in `agreeing`.
"""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, field_validator

from spikewatch.adapters.alertmanager.settings import AlertmanagerSettings
from spikewatch.adapters.csv_source.settings import CsvSettings
from spikewatch.adapters.mail.settings import MailSettings
from spikewatch.adapters.sql_source.settings import SqlSettings
from spikewatch.adapters.webhook.settings import WebhookSettings
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.config.translating import nearest
from spikewatch.core.counts import ALL
from spikewatch.core.settings import Duration, Secret, Settings, format_duration

_ABBREVIATIONS = {
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "PST": "America/Los_Angeles",
    "BST": "Europe/London",
}


class Purpose(StrEnum):
    """What a configuration is loaded for, which decides how much of it must be there."""

    RUN = "run"
    """The daemon: sources and every secret are needed."""
    CHECK = "check"
    """As for the daemon, but a missing secret is only noted: it may exist where the daemon runs."""
    REPLAY = "replay"
    """Recorded counts: `timezone` is enough, and no secret is read but the store's."""


def _zone(name: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    if isinstance(name, ZoneInfo):
        return name
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = _zone_near(str(name))
        remedy = f"did you mean {near}?" if near else "write one such as Asia/Tokyo"
        message = f"{name!r} is no time zone; {remedy}"
        raise ValueError(message) from None


def _zone_near(name: str) -> str | None:
    names = sorted(available_timezones())
    cities = {zone.rpartition("/")[2]: zone for zone in names}
    city = nearest(name, cities)
    return _ABBREVIATIONS.get(name.upper()) or nearest(name, names) or (cities[city] if city else None)


Zone: TypeAlias = Annotated[ZoneInfo, BeforeValidator(_zone), PlainSerializer(str, return_type=str)]


def _between(duration: timedelta, *, least: timedelta, most: timedelta) -> timedelta:
    if not least <= duration <= most:
        near = least if duration < least else most
        bounds = f"{format_duration(least)} to {format_duration(most)}"
        message = f"{format_duration(duration)} is outside {bounds}; use {format_duration(near)}"
        raise ValueError(message)
    return duration


class PollSettings(Settings):
    """How often sources are read."""

    every: Duration = timedelta(minutes=2)
    """Time between two readings; a shorter one tells sooner and uses more of the help desk's request limit."""

    @field_validator("every")
    @classmethod
    def _bearable(cls, every: timedelta) -> timedelta:
        return _between(every, least=timedelta(seconds=10), most=timedelta(hours=1))


class RetentionSettings(Settings):
    """How long the store keeps what it has counted; both reach at least as far back as `history`."""

    tickets: Duration = timedelta(weeks=13)
    """Ids and categories of tickets: as long as a change of a ticket may still move a count."""
    counts: Duration = timedelta(weeks=53)
    """Counts, incidents and what was told: a year and a week, for comparison with the same week last year."""


class HeartbeatSettings(Settings):
    """A monitoring service that raises the alarm when it is not called any more; the address is kept as a secret."""

    url: Secret | None = None
    """Address called after every pass of judging that worked; SPIKEWATCH_HEARTBEAT_URL wins."""
    url_file: Path | None = None
    """File that holds the address, for those who mount secrets."""


def _service(name: str) -> str:
    if name == ALL:
        message = "'*' is no service; what holds for all of them stands under detection"
        raise ValueError(message)
    return name


def _store(url: str) -> str:
    kind = url.partition("://")[0]
    if kind in {"postgresql", "postgresql+psycopg"}:
        return _server(url)
    if url == "sqlite:///":
        message = "names no file; write sqlite:///var/spikewatch.db"
        raise ValueError(message)
    if not url.startswith("sqlite:///"):
        remedy = "write sqlite:///var/spikewatch.db or postgresql+psycopg://user@host/database"
        message = f"{kind!r} is no store that this version knows; {remedy}"
        raise ValueError(message)
    return url


def _server(url: str) -> str:
    split = urlsplit(url)
    if split.password is not None or {"password", "sslpassword"} & parse_qs(split.query).keys():
        message = (
            "a password must not stand in this file; remove it, and set SPIKEWATCH_STORE_PASSWORD in the environment,"
            " or name a file that holds it with store_password_file"
        )
        raise ValueError(message)
    if not split.path.strip("/"):
        message = "names no database; write postgresql+psycopg://user@host/database"
        raise ValueError(message)
    return url


ServiceName: TypeAlias = Annotated[str, AfterValidator(_service)]
StoreAddress: TypeAlias = Annotated[str, AfterValidator(_store)]

SourceSettings: TypeAlias = Annotated[
    ZendeskSettings | SqlSettings | CsvSettings, Field(discriminator="kind")
]


AnyReceiver: TypeAlias = Annotated[
    WebhookSettings | AlertmanagerSettings | MailSettings, Field(discriminator="kind")
]


def environment_word(name: str) -> str:
    """Return a source's name as it stands in the names of environment variables.

    >>> environment_word("desk-east")
    'DESK_EAST'
    """
    return "".join(letter if letter.isalnum() else "_" for letter in name).upper()
