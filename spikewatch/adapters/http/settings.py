"""What a person may choose about metrics and where they are served."""

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from spikewatch.core.settings import Duration, Settings

_LISTEN = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.%\w]+)\]|(?P<host>[^:\[\]\s/]+)):(?P<port>\d{1,5})")
_LAST_PORT = 65535


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
