"""What an account counts by its own search, for comparison with what was read: which queries the rules allow. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

from spikewatch.adapters.zendesk.attributes import FIELD_KIND
from spikewatch.adapters.zendesk.matching import clean
from spikewatch.adapters.zendesk.rules import Rule, as_pattern
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.core.counts import SeriesKey
from spikewatch.ports import Scope

MOST_SCOPES = 40
"""Queries of one kind a night; the busiest names come first."""

SINGLE_CHOICE = "tagger"
"""Zendesk's word for a drop-down; of several values a ticket counts under one, and a search finds it under each."""

_WORDS = {
    "brand": "brand_id",
    "group": "group",
    "form": "form",
    "organisation": "organization",
    "channel": "via",
}


def scopes_of(
    series: Sequence[SeriesKey],
    *,
    settings: ZendeskSettings,
    names: Mapping[str, str],
    kinds: Mapping[int, str],
) -> list[Scope]:
    """Return what can be searched for of these series, busiest first: by category, by service, and all of it.

    names  of words such as `brand:21`, as the account has them
    kinds  of the account's custom fields
    """
    words = {**names, **{f"{FIELD_KIND}:{number}": kind for number, kind in kinds.items()}}
    categories = _part(settings.category, "category", series, settings=settings, words=words)
    services = _part(settings.service, "service", series, settings=settings, words=words)
    desk = Scope("desk", "", frozenset(series), "")
    return [*islice(categories, MOST_SCOPES), *islice(services, MOST_SCOPES), desk]


def query_of(scope: Scope, *, settings: ZendeskSettings, start: datetime, end: datetime) -> str:
    """Return the query that counts the tickets of a scope that were created in `[start, end)`."""
    merged = f' -tags:"{settings.merged_tag}"' if settings.merged_tag else ""
    span = f"created>={_iso(start)} created<{_iso(end)}"
    return f"type:ticket {span} {scope.query}".rstrip() + merged


def _part(
    rules: tuple[Rule, ...],
    what: str,
    series: Sequence[SeriesKey],
    *,
    settings: ZendeskSettings,
    words: Mapping[str, str],
) -> Iterator[Scope]:
    """Yield a scope for each service or category that one word of the search finds."""
    rule = _only_rule(rules, words)
    if rule is None:
        return
    level = "brand" if rule.way == "brand" else "rule"
    unnamed = {settings.fallback, *(each.default for each in rules if each.default is not None)}
    for name in dict.fromkeys(getattr(key, what) for key in series):
        word = None if name in unnamed else _word(rule, name, words)
        if word is not None:
            yield Scope(level, name, frozenset(key for key in series if getattr(key, what) == name), word)


def _only_rule(rules: tuple[Rule, ...], words: Mapping[str, str]) -> Rule | None:
    """Return the one rule that decides, if a search can say the same."""
    rule, *others = rules
    decides = all(other.default is not None for other in others)
    keeps_names = isinstance(rule.picks, str) and as_pattern(rule.picks) is None
    if not decides or not keeps_names:
        return None
    if rule.field is not None:
        return rule if words.get(f"{FIELD_KIND}:{rule.field}") == SINGLE_CHOICE else None
    return rule if rule.way in _WORDS else None


def _word(rule: Rule, name: str, words: Mapping[str, str]) -> str | None:
    """Return the word of the search that finds a name; None where several things are called so, or none."""
    if rule.field is not None and rule.show == "value":
        return f'custom_field_{rule.field}:"{name}"'
    if rule.way == "channel":
        return f'via:"{name}"'
    kind = rule.way if rule.field is None else f"{FIELD_KIND}:{rule.field}"
    known = _called(name, words, begins=f"{kind}:" if rule.field is None else f"{kind}=")
    if len(known) != 1:
        return None
    (number,) = known
    return f'custom_field_{rule.field}:"{number}"' if rule.field is not None else f"{_WORDS[kind]}:{number}"


def _called(name: str, words: Mapping[str, str], *, begins: str) -> Collection[str]:
    return {
        word.removeprefix(begins)
        for word, own in words.items()
        if word.startswith(begins) and clean(own) == name
    }


def _iso(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
