"""What a person chooses about Alertmanager."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from spikewatch.core.oncall import ReceiverSettings


class AlertmanagerSettings(ReceiverSettings):
    """An Alertmanager that is told of incidents directly; then leave the Prometheus rules for surges out."""

    kind: Literal["alertmanager"]
    """alertmanager."""
    url: str = Field(examples=["http://alertmanager:9093"])
    """Its address, without /api/v2/alerts."""
    labels: dict[Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")], str] = Field(
        default_factory=dict, examples=[{"team": "support"}]
    )
    """Labels that every alert has beside alertname, incident, severity, service or source."""
    username: str | None = None
    """Name for basic authentication; the password comes from SPIKEWATCH_<NAME>_PASSWORD or `password_file`."""
    password_file: Path | None = None
    """File with the password."""
    token_file: Path | None = None
    """File with a token that is sent as `Authorization: Bearer`; SPIKEWATCH_<NAME>_TOKEN wins."""
    timeout_s: Annotated[int, Field(ge=1, le=30)] = 10
    """Seconds to wait for each part of an answer."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.password is not None:
            message = f"{url!r} is no address of an Alertmanager; write one such as http://alertmanager:9093"
            raise ValueError(message)
        return url.rstrip("/").removesuffix("/api/v2/alerts")

    @field_validator("labels")
    @classmethod
    def _own_labels_stay(cls, labels: dict[str, str]) -> dict[str, str]:
        taken = sorted(labels.keys() & OWN_LABELS)
        if taken:
            message = f"{', '.join(taken)}: set by spikewatch itself; choose another name"
            raise ValueError(message)
        return labels


OWN_LABELS = frozenset({"alertname", "incident", "service", "severity", "source"})
