"""The section `services:` against what there is: names and globs that match nothing, and categories left to defaults."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Protocol

from spikewatch.app.doctor.findings import Finding, Part, some
from spikewatch.app.doctor.scene import Scene
from spikewatch.config.translating import nearest
from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.dimensions import renamed
from spikewatch.core.settings import ServiceSettings

PART = Part("services")


def service_findings(scene: Scene) -> Iterator[Finding]:
    """Yield what the section names in vain; nothing where there is no such section."""
    config = scene.config
    if not config.services:
        return
    stored = () if scene.store is None else scene.store.roster().keys
    known = {renamed(key, config.renames) for key in (*stored, *scene.seen)}
    if not known:
        yield PART.skip("names", "no ticket is known yet to compare the section with")
        return
    fault = PART.fail if len(stored) else PART.warn  # a first page of a source does not show everything
    by_service: dict[str, set[str]] = {}
    for key in known:
        by_service.setdefault(key.service, set()).add(key.category)
    strange = 0
    for name, settings in config.services.items():
        for finding in _service(name, settings, by_service, fault=fault):
            strange += 1
            yield finding
    if not strange:
        yield PART.ok("names", f"every name and glob matches some of {_number(known)} series")
    yield from _without_settings(config.services, by_service)


def _number(known: set[SeriesKey]) -> int:
    return len({key for key in known if ALL not in key})


class _Fault(Protocol):
    """Makes a finding of something that is wrong."""

    def __call__(self, check: str, says: str, *, remedy: str) -> Finding:
        """Return it."""
        ...


def _service(
    name: str, settings: ServiceSettings, by_service: dict[str, set[str]], *, fault: _Fault
) -> Iterator[Finding]:
    categories = by_service.get(name)
    if categories is None:
        yield fault(
            "service",
            f"services.{name} matches no service that had a ticket",
            remedy=_hint(name, sorted(by_service.keys() - {ALL})),
        )
        return
    for sought in settings.categories:
        if not any(sought == category or fnmatchcase(category, sought) for category in categories):
            yield fault(
                "category",
                f"services.{name}.categories.{sought} matches no category that had a ticket",
                remedy=_hint(sought, sorted(categories - {ALL})),
            )


def _hint(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    return (
        f"correct it; did you mean {near}?" if near else f"correct it, or remove it; there are: {some(known)}"
    )


def _without_settings(
    services: dict[str, ServiceSettings], by_service: dict[str, set[str]]
) -> Iterator[Finding]:
    """Say which categories fall back to their service's settings, where others of the service have their own."""
    for name, settings in services.items():
        if not settings.categories or name not in by_service:
            continue
        left = sorted(
            category
            for category in by_service[name] - {ALL}
            if not any(category == sought or fnmatchcase(category, sought) for sought in settings.categories)
        )
        if left:
            yield PART.ok(
                "defaults", f"{name}: {len(left)} categories without settings of their own: {some(left)}"
            )
