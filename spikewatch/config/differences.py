"""What is different between two configurations, setting by setting, and which of it takes a restart."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from spikewatch.config.explaining import shown
from spikewatch.config.model import Config

_UNSET = "not set"

RESTART: Mapping[str, str] = {
    "bucket": "counts are stored in buckets of this width; move the store away as well, history is read again",
    "metrics.bearer_token": "the port is opened with it",
    "metrics.bearer_token_file": "the port is opened with it",
    "metrics.label_names": "rules and dashboards ask for the names; write these anew as well",
    "metrics.listen": "the port is opened once",
    "metrics.max_connections": "the port is opened with it",
    "metrics.password_hash": "the port is opened with it",
    "metrics.password_hash_file": "the port is opened with it",
    "metrics.timeout": "the port is opened with it",
    "metrics.tls": "the port is opened with these files; what is in them is read anew when they change",
    "metrics.user": "the port is opened with it",
    "renames": "the store is opened with them",
    "store": "the store is opened once",
    "store.password": "the store is opened with it",
    "store_password_file": "the store is opened with it",
}
"""Settings that are taken up at a start only, and why."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs.

    before, after  as the configuration reads them; a secret never
    restart        why it takes a restart; None where it comes into force at once
    """

    path: str
    before: str
    after: str
    restart: str | None = None

    def __str__(self) -> str:
        """Return it as a line.

        >>> str(Change("poll.every", "2m", "1m"))
        'poll.every: 2m → 1m'
        """
        return f"{self.path}: {self.before} → {self.after}"


def settings_of(config: Config) -> dict[str, str]:
    """Return every effective setting by its path, in plain text and without secrets; sources and events by their names.

    Of a service and a category only what is set: nothing else about it is its own.
    """
    values = dict(_section(config, ""))
    return values | dict.fromkeys(config.secrets, "<secret>")


def _section(section: BaseModel, path: str) -> Iterator[tuple[str, str]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        is_own = path.startswith("services.") and name not in section.model_fields_set
        if not (is_own and name != "categories"):
            yield from _value(value, _below(path, field.alias or name))


def _value(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        yield from _section(value, path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _value(inner, _below(path, str(key)))
    elif isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
        for place, item in enumerate(value):
            yield from _value(item, _below(path, str(getattr(item, "name", None) or place)))
    elif value not in (None, ()):
        yield path, shown(value)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def changes(
    before: Mapping[str, str], after: Mapping[str, str], *, renewed: frozenset[str] = frozenset()
) -> tuple[Change, ...]:
    """Return what differs, in the order of the new settings, then what is gone.

    renewed  places of secrets whose text is another one now
    """
    paths = [*after, *(path for path in before if path not in after)]
    return tuple(
        Change(path, before.get(path, _UNSET), after.get(path, _UNSET), _why_restart(path))
        for path in paths
        if before.get(path) != after.get(path) or path in renewed
    )


def between(before: Config, after: Config) -> tuple[Change, ...]:
    """Return what differs between two configurations as they were loaded, secrets compared by their text."""
    renewed = {
        place
        for place, secret in after.secrets.items()
        if place in before.secrets and before.secrets[place].get_secret_value() != secret.get_secret_value()
    }
    return changes(settings_of(before), settings_of(after), renewed=frozenset(renewed))


def digest_of(config: Config) -> str:
    """Return twelve letters that change with any setting; no secret goes into them."""
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()[:12]


def _why_restart(path: str) -> str | None:
    return next(
        (
            why
            for key, why in RESTART.items()
            if path == key or (key != "store" and path.startswith(f"{key}."))
        ),
        None,
    )
