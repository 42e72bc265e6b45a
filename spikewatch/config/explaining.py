"""Every effective value, and where it came from: what `check --explain` prints."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time, timedelta

from pydantic import BaseModel

from spikewatch.config.model import Config
from spikewatch.config.reading import KeyPath, dotted
from spikewatch.core.counts import ALL
from spikewatch.core.settings import format_duration, rule_for


@dataclass(frozen=True, slots=True)
class Explained:
    """One effective value.

    path    as in the file; a rule of one series reads `services.payments/login*.min_tickets`
    origin  `file:line`, an environment variable, or `default`
    """

    path: str
    value: str
    origin: str


def explain(config: Config) -> tuple[Explained, ...]:
    """Return every effective value in the order of the file's reference, then what holds for the services named."""
    secrets = (
        Explained(place, repr(secret), config.origins[place,]) for place, secret in config.secrets.items()
    )
    return (*_section(config, (), config.origins), *secrets, *_rules(config))


def _section(section: BaseModel, path: KeyPath, origins: Mapping[KeyPath, str]) -> Iterator[Explained]:
    for name, field in type(section).model_fields.items():
        if path or name != "services":
            yield from _value(getattr(section, name), (*path, field.alias or name), origins)


def _value(value: object, path: KeyPath, origins: Mapping[KeyPath, str]) -> Iterator[Explained]:
    if isinstance(value, BaseModel):
        yield from _section(value, path, origins)
    elif isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _value(inner, (*path, str(key)), origins)
    elif isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
        below = (known[len(path)] for known in origins if known[: len(path)] == path != known)
        is_alone = any(isinstance(key, str) for key in below)
        for place, item in enumerate(value):  # a rule may stand alone where a list of them may stand
            yield from _value(item, path if is_alone else (*path, place), origins)
    else:
        yield Explained(dotted(path), shown(value), origins.get(path, "default"))


def _rules(config: Config) -> Iterator[Explained]:
    """Return what holds for every service and category that the file names."""
    by_name = {dotted(path): origin for path, origin in config.origins.items()}
    for name, service in config.services.items():
        yield from _channel(config, name, by_name)
        for category in (ALL, *service.categories):
            rule = rule_for(name, category, detection=config.detection, services=config.services)
            for key, origin in rule.origin.items():
                place = by_name.get(origin, "default")
                said = (
                    place if origin.startswith("services.") or place == "default" else f"{place} ({origin})"
                )
                yield Explained(f"services.{name}/{category}.{key}", shown(getattr(rule, key)), said)


def _channel(config: Config, name: str, by_name: Mapping[str, str]) -> Iterator[Explained]:
    """Return where surges of a service are told, unless a route says otherwise."""
    path, own = f"services.{name}.channel", config.services[name].channel
    if own is not None:
        yield Explained(path, own, by_name.get(path, "default"))
    elif config.slack is not None:
        origin = by_name.get("slack.channel", "default")
        yield Explained(path, config.slack.channel, f"{origin} (slack.channel)")


def shown(value: object) -> str:
    """Return a value the way the configuration reads it; a secret never.

    >>> shown((timedelta(minutes=5), None, True))
    '[5m, none, true]'
    """
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case timedelta():
            return format_duration(value)
        case time():
            return value.strftime("%H:%M")
        case BaseModel() | tuple() | list():
            return _several(value)
        case _:
            return str(value)


def _several(value: BaseModel | tuple[object, ...] | list[object]) -> str:
    if not isinstance(value, BaseModel):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    given = ((name, getattr(value, name)) for name in type(value).model_fields)
    return "{" + ", ".join(f"{name}: {shown(inner)}" for name, inner in given if inner is not None) + "}"
