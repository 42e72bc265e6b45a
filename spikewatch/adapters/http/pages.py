"""What the server shows, as functions that somebody else hands over."""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol, TypeAlias

Part: TypeAlias = Literal["all", "series", "health"]


class Condition(NamedTuple):
    """Whether all is well, and in a few words why or why not."""

    ok: bool
    reason: str


class Scrape(Protocol):
    """Where metrics come from; called from many threads."""

    def __call__(
        self, part: Part, *, openmetrics: bool, gzipped: bool, names: frozenset[str] = frozenset()
    ) -> bytes:
        """Return the exposition as bytes; with names only those metrics."""
        ...


class Front(NamedTuple):
    """The front page: HTML in one language, and the policy that its browser follows."""

    body: bytes
    language: str
    policy: str


_FRONT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>spikewatch</title></head>
<body><main><h1>spikewatch</h1><p><a href="/metrics">/metrics</a></p></main></body></html>
"""


def bare_front(language: str | None) -> Front:
    """Return a page that leads to the metrics, for a server that has nothing else to show."""
    del language
    return Front(_FRONT.encode(), "en", "default-src 'none'")


class Pages(NamedTuple):
    """What the server shows; all are called from many threads and must not wait for anything.

    front  takes the language that the reader wishes, None where they did not say
    """

    scrape: Scrape
    health: Callable[[], Condition]
    readiness: Callable[[], Condition]
    front: Callable[[str | None], Front] = bare_front
