"""What a person chooses about mail."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from spikewatch.core.oncall import ReceiverSettings

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class Encryption(StrEnum):
    """How the line to the server is kept private."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


_PORTS = {Encryption.STARTTLS: 587, Encryption.TLS: 465, Encryption.NONE: 25}


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        message = f"{text!r} is no mail address; write one such as oncall@example.com"
        raise ValueError(message)
    return text


Address = Annotated[str, AfterValidator(_address)]


class MailSettings(ReceiverSettings):
    """People who are told by mail."""

    kind: Literal["mail"]
    """mail."""
    host: Annotated[str, Field(min_length=1)] = Field(examples=["smtp.example.com"])
    """Server that takes mail."""
    encryption: Encryption = Encryption.STARTTLS
    """`starttls`, `tls` from the first byte, or `none`, which is for a server on this machine. A private authority is
    trusted where the environment variable SSL_CERT_FILE names its file."""
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    """Port; without it 587 for starttls, 465 for tls, 25 for none."""
    username: str | None = None
    """Name to sign in with; the password comes from SPIKEWATCH_<NAME>_PASSWORD or `password_file`."""
    password_file: Path | None = None
    """File with the password."""
    sender: Address = Field(examples=["spikewatch@example.com"])
    """Address that mails come from."""
    to: tuple[Address, ...] = Field(examples=[["oncall@example.com"]])
    """Addresses that mails go to."""
    report: bool = False
    """Also told the week in figures, at the time that `report` names."""
    timeout_s: Annotated[int, Field(ge=1, le=60)] = 20
    """Seconds to wait for each answer of the server."""

    @property
    def port_used(self) -> int:
        """The port, or the usual one of the encryption."""
        return self.port or _PORTS[self.encryption]

    @field_validator("to")
    @classmethod
    def _somebody(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        if not to:
            message = "is empty; name at least one address"
            raise ValueError(message)
        return to

    @field_validator("username")
    @classmethod
    def _is_kept_private(cls, username: str | None, info: ValidationInfo) -> str | None:
        host = info.data.get("host")
        if username is not None and info.data.get("encryption") is Encryption.NONE and host not in _HERE:
            message = "would send its password in the clear; use encryption: starttls or tls"
            raise ValueError(message)
        return username


_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
