"""What a person chooses about a webhook."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from spikewatch.core.oncall import ReceiverSettings
from spikewatch.core.settings import Secret


class WebhookSettings(ReceiverSettings):
    """An address that takes every state of an incident as JSON, in the form of config/webhook.schema.json."""

    kind: Literal["webhook"]
    """webhook."""
    url: Secret | None = Field(default=None, examples=["https://hooks.example.com/spikewatch"])
    """Address to post to; SPIKEWATCH_<NAME>_URL wins. Kept as a secret, for many addresses are one."""
    url_file: Path | None = None
    """File that holds the address."""
    signing_secret_file: Path | None = None
    """File with the secret that signs each request, in the header X-Spikewatch-Signature;
    SPIKEWATCH_<NAME>_SIGNING_SECRET wins."""
    token_file: Path | None = None
    """File with a token that is sent as `Authorization: Bearer`; SPIKEWATCH_<NAME>_TOKEN wins."""
    report: bool = False
    """Also told the week in figures, at the time that `report` names."""
    timeout_s: Annotated[int, Field(ge=1, le=30)] = 10
    """Seconds to wait for each part of an answer."""
