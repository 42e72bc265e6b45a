"""What a person may choose about metrics and where they are served."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from spikewatch.core.settings import Duration, Settings, format_duration

_LISTEN = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.%\w]+)\]|(?P<host>[^:\[\]\s/]+)):(?P<port>\d{1,5})")
_LAST_PORT = 65535
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(minutes=5)


def parse_listen(listen: str) -> tuple[str, int]:
    """Return host and port; ValueError says what is wrong.

    >>> parse_listen("127.0.0.1:9463"), parse_listen("[::1]:0")
    (('127.0.0.1', 9463), ('::1', 0))
    """
    found = _LISTEN.fullmatch(listen)
    if not found or int(found["port"]) > _LAST_PORT:
        message = f"{listen!r} is no address to listen on; write host:port, for example 127.0.0.1:9463 or [::1]:9463"
        raise ValueError(message)
    return found["six"] or found["host"], int(found["port"])


def _valid_listen(listen: str) -> str:
    parse_listen(listen)
    return listen


def _valid_user(user: str) -> str:
    if not re.fullmatch(r"[^:\s]+", user):
        message = f"{user!r} is no name to say with a password; write one without a colon or a space"
        raise ValueError(message)
    return user


def _bearable(duration: timedelta) -> timedelta:
    if not _SHORTEST <= duration <= _LONGEST:
        message = f"{format_duration(duration)} is outside 1s to 5m; use 10s"
        raise ValueError(message)
    return duration


class TlsSettings(Settings):
    """Encrypted connections; the files are read anew when they change."""

    cert_file: Path = Field(examples=["/etc/spikewatch/tls.crt"])
    """The server's certificate with those it was signed by, in PEM."""
    key_file: Path = Field(examples=["/etc/spikewatch/tls.key"])
    """Its private key in PEM, without a passphrase; readable by the daemon alone."""
    client_ca_file: Path | None = None
    """Certificates of those who sign clients' ones. With it only clients that show such a certificate may read anything
    but /healthz and /readyz."""


_OF_PROMETHEUS = {"alertname", "cluster", "instance", "job", "le", "quantile"}
_BESIDE_THEM = {"incident", "severity", "window"}
TAKEN_LABELS = frozenset(_OF_PROMETHEUS | _BESIDE_THEM)
"""Labels that metrics of a series have already, from Prometheus or from us."""


def _valid_label(name: str) -> str:
    if not re.fullmatch(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", name):
        message = (
            f"{name!r} is no name of a label; write letters, digits and _, no digit first, and no __ first"
        )
        raise ValueError(message)
    if name in TAKEN_LABELS or name.startswith("exported_"):
        message = (
            f"{name!r} is a label that these metrics have already; choose another name, such as desk_service"
        )
        raise ValueError(message)
    return name


LabelName: TypeAlias = Annotated[str, AfterValidator(_valid_label)]


class LabelNamesSettings(Settings):
    """What the labels of a series are called in metrics, rules and dashboards: other names where `service` is taken."""

    service: LabelName = "service"
    """Label of the service; on Kubernetes `desk_service`, say, as targets have a label service there."""
    category: LabelName = "category"
    """Label of the category."""

    @model_validator(mode="after")
    def _are_two(self) -> Self:
        if self.service == self.category:
            message = f"service and category are both called {self.service!r}; give them different names"
            raise ValueError(message)
        return self


class MetricsSettings(Settings):
    """What is exposed to Prometheus, and where."""

    listen: Annotated[str, AfterValidator(_valid_listen)] = "127.0.0.1:9463"
    """Address of the web server; this machine only, unless you say otherwise (0.0.0.0:9463). Port 0 takes a free one."""
    windows: tuple[Duration, ...] = (timedelta(minutes=15),)
    """Windows exposed for each series; each further one adds four samples a series."""
    detail: Literal["full", "active", "surging", "none"] = "full"
    """Which series are exposed: all up to max_series, those with a ticket within a week (active), only those of open
    incidents (surging), or none but the roll-ups."""
    max_series: Annotated[int, Field(ge=0, le=20_000)] = 2000
    """Most (service, category) series exposed: surging ones first, then by score, then by volume. The rest is counted."""
    stale_after: Duration = timedelta(minutes=10)
    """Counts and scores vanish from the metrics once the next bucket is overdue by this much: a gap, not a flat lie."""
    label_names: LabelNamesSettings = LabelNamesSettings(service="service", category="category")
    """What the labels of a series are called; write rules, dashboards and scrape anew after a change."""
    tls: TlsSettings | None = Field(
        default=None,
        examples=[{"cert_file": "/etc/spikewatch/tls.crt", "key_file": "/etc/spikewatch/tls.key"}],
    )
    """Certificate and key for https; without them connections are not encrypted, which is enough on this machine alone."""
    user: Annotated[str, AfterValidator(_valid_user)] = "prometheus"
    """Name that goes with the password; nobody is asked for either before there is a hash of one."""
    password_hash_file: Path | None = None
    """File with the hash of the password that readers need; SPIKEWATCH_METRICS_PASSWORD_HASH wins. The command
    `spikewatch prom password` makes one. /healthz and /readyz are told to everybody."""
    bearer_token_file: Path | None = None
    """File with a token that readers may show in place of a password; SPIKEWATCH_METRICS_BEARER_TOKEN wins."""
    max_connections: Annotated[int, Field(ge=4, le=1000)] = 32
    """Most connections at a time, each with a thread; beyond them the one that waits longest for its client gives way."""
    timeout: Annotated[Duration, AfterValidator(_bearable)] = timedelta(seconds=10)
    """Most that a request may take to come in, and an answer to be read: Prometheus gives up after 10s by default."""
