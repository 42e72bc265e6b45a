"""What a person may choose about a database that is asked for counts; imports nothing heavy."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, field_validator

from spikewatch.core.settings import Duration, Settings

_BINDS = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
_NEEDED = {"since", "until"}
_SECRETS = {"password", "passwd", "pwd", "sslpassword", "token", "credentials_base64"}


class SqlSettings(Settings):
    """One database that counts for us."""

    kind: Literal["sql"]
    """`sql`."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """What this source is called in metrics, logs and the names of environment variables."""
    url: str = Field(examples=["postgresql+psycopg://reader@warehouse.example.com/support"])
    """Address as SQLAlchemy writes it, without a password; most databases need their dialect installed beside spikewatch."""
    password_file: Path | None = None
    """File that holds the password; SPIKEWATCH_<NAME>_PASSWORD wins. Without both the driver looks in its own places."""
    query: str = Field(
        examples=["SELECT … FROM counts WHERE bucket_start >= :since AND bucket_start < :until"]
    )
    """Returns bucket_start (with its offset), service, category and count for `:since <= bucket_start < :until`."""
    lag: Duration = timedelta(minutes=10)
    """How long after a bucket has ended its rows are complete; nothing newer is asked for, and nobody hears sooner."""
    overlap: Duration = timedelta(hours=3)
    """How far back each reading goes once more, so that rows that came later correct the counts."""
    at_once: Duration = timedelta(days=1)
    """How much time one query asks for while history is read; half of it after a query took longer than the time-out."""
    timeout: Duration = timedelta(seconds=60)
    """How long a query may take; the database ends it then, where it knows how to."""
    fallback: Annotated[str, Field(pattern=r"^[^*\x00-\x1f]*\S[^*\x00-\x1f]*$")] = "uncategorised"
    """Name of a service or category that is null or empty in a row."""

    @field_validator("url")
    @classmethod
    def _an_address_without_secrets(cls, url: str) -> str:
        split = urlsplit(url)
        if not split.scheme or "://" not in url:
            message = "is no database address; write for example postgresql+psycopg://reader@host/database"
            raise ValueError(message)
        if split.password is not None or _SECRETS & {key.lower() for key in parse_qs(split.query)}:
            message = (
                "a password must not stand in this file; remove it, and set SPIKEWATCH_<NAME>_PASSWORD in the"
                " environment, or name a file that holds it with password_file"
            )
            raise ValueError(message)
        return url

    @field_validator("query")
    @classmethod
    def _asks_for_a_range(cls, query: str) -> str:
        found = set(_BINDS.findall(query))
        missing, unknown = sorted(_NEEDED - found), sorted(found - _NEEDED)
        if missing:
            message = f"does not use :{missing[0]}; keep to :since <= bucket_start and bucket_start < :until"
            raise ValueError(message)
        if unknown:
            message = (
                f":{unknown[0]} has no value; only :since and :until have one (write \\: for a plain colon)"
            )
            raise ValueError(message)
        return query

    @field_validator("at_once", "timeout")
    @classmethod
    def _longer_than_nothing(cls, duration: timedelta) -> timedelta:
        if duration < timedelta(seconds=1):
            message = "is too short; use 1s or more"
            raise ValueError(message)
        return duration
