"""Names of services and categories as people type them, against those that tickets have counted under."""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from spikewatch.config import Config
from spikewatch.config.translating import nearest
from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.muting import Matcher

_SOME = 8
_WILD = frozenset("*?[")


class Names:
    """Every name that counts tickets, or that the configuration gives: a service of next week may stand there already."""

    def __init__(self, config: Config, *, keys: Iterable[SeriesKey]) -> None:
        """Take the names of the series that are counted, and of those that are configured.

        A name that is called otherwise by now (`renames`) is known too: the store takes it for the present one.
        """
        self._categories: dict[str, set[str]] = {}
        for key in keys:
            if not key.is_fleet:
                self._categories.setdefault(key.service, set()).update(
                    () if key.is_rollup else [key.category]
                )
        for name, service in config.services.items():
            exact = (category for category in service.categories if not _WILD & set(category))
            self._categories.setdefault(name, set()).update(exact)
        former = config.renames.categories
        self._former = frozenset(config.renames.services)
        self._former_categories = frozenset((*former, *(name.partition("/")[2] for name in former)))

    def unknown(self, service: str | None, category: str | None) -> str | None:
        """Return what is strange about a name, with the nearest that is known; None where nothing is.

        None is all services, or all categories.
        """
        if service is not None and service not in self._categories.keys() | self._former:
            return f"no service is called {service!r}; {_remedy(service, self._categories, what='services')}"
        if category is None or category in self._former_categories:
            return None
        known = self._of(service)
        if category in known:
            return None
        where = "" if service is None else f" of {service}"
        return f"no category{where} is called {category!r}; {_remedy(category, known, what='categories')}"

    def unmatched(self, matcher: Matcher) -> str | None:
        """Return what is strange about globs that nothing matches so far; None where something does."""
        services = [name for name in self._categories if fnmatchcase(name, matcher.service)]
        if not services and matcher.service != ALL:
            remedy = _remedy(matcher.service, self._categories, what="services")
            return f"no service is called {matcher.service!r} so far; {remedy}"
        known = {category for service in services for category in self._categories[service]}
        if matcher.category == ALL or any(fnmatchcase(name, matcher.category) for name in known):
            return None
        remedy = _remedy(matcher.category, known, what="categories")
        return f"no category is called {matcher.category!r} there so far; {remedy}"

    def _of(self, service: str | None) -> Collection[str]:
        if service is not None:
            return self._categories.get(service, set())
        return set().union(*self._categories.values())


def _remedy(name: str, known: Collection[str], *, what: str) -> str:
    near = nearest(name, known)
    if near is not None:
        return f"did you mean {near!r}?"
    if not known:
        return f"no {what} have counted a ticket yet"
    more = f" and {len(known) - _SOME} more" if len(known) > _SOME else ""
    return f"there is {', '.join(sorted(known)[:_SOME])}{more}"
