"""What a Prometheus server answers over its HTTP API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from spikewatch.errors import Fault, Mistake

_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One sample of an instant query."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule as Prometheus has it; `error` is that of its newest evaluation, empty where there was none."""

    name: str
    health: str
    error: str


@dataclass(frozen=True, slots=True)
class Target:
    """A target as Prometheus scrapes it; `error` is that of its newest scrape."""

    job: str
    address: str
    is_up: bool
    error: str


class PrometheusServer:
    """Asks one server; every failure is a Fault that says what to do."""

    def __init__(self, url: str) -> None:
        """Hold the address; a name and password in it are kept out of every message. Raises Mistake for one that is none."""
        parts = urlsplit(url)
        user, _, host = parts.netloc.rpartition("@")
        if parts.scheme not in {"http", "https"} or not host:
            raise Mistake(f"--url: {url!r} is no address; write for example http://127.0.0.1:9090")
        name, _, password = user.partition(":")
        self._auth = (unquote(name), unquote(password)) if user else None
        self._url = parts._replace(netloc=host).geturl().rstrip("/")

    def query(self, expr: str) -> Sequence[Answer]:
        """Return what an expression comes to now, as a vector."""
        found = self._get("query", query=expr)["result"]
        return [Answer(one["metric"], float(one["value"][1])) for one in found]

    def rules(self) -> Sequence[LoadedRule]:
        """Return every rule that is loaded."""
        return [
            LoadedRule(rule["name"], rule["health"], rule.get("lastError", ""))
            for group in self._get("rules")["groups"]
            for rule in group["rules"]
        ]

    def targets(self) -> Sequence[Target]:
        """Return every target that is scraped."""
        return [
            Target(
                one["labels"].get("job", ""),
                one["scrapeUrl"],
                one["health"] == "up",
                one.get("lastError", ""),
            )
            for one in self._get("targets", state="active")["activeTargets"]
        ]

    def _get(self, page: str, **query: str) -> Any:
        try:
            answer = requests.get(
                f"{self._url}/api/v1/{page}", params=query, auth=self._auth, timeout=_TIMEOUT_S
            )
            answer.raise_for_status()
            return answer.json()["data"]
        except (requests.RequestException, ValueError, KeyError) as error:
            message = f"{self._url}: no answer of a Prometheus ({error}); check the address, and that it runs"
            raise Fault(message) from error
