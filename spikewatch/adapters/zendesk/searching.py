"""How agents find the tickets of a series by hand: the account's own search, filled in as well as the rules allow. Pure."""

from spikewatch.adapters.zendesk.rules import Rule, as_pattern
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.core.wording import Search

_WORDS = {
    "brand": 'brand:"{name}"',
    "group": 'group:"{name}"',
    "form": 'form:"{name}"',
    "organisation": 'organization:"{name}"',
    "channel": 'via:"{name}"',
}


def search_of(settings: ZendeskSettings) -> Search:
    """Return the search of an account; what its rules make of several attributes, or rename, is not searched for."""
    return Search(
        address=f"{settings.address}/agent/search/1?type=ticket&q={{query}}",
        since="type:ticket created>={since}",
        service=_part(settings.service),
        category=_part(settings.category),
        unnamed=settings.fallback,
    )


def _part(rules: tuple[Rule, ...]) -> str | None:
    """Return the part of a query that finds a name; None where no single word of the search does."""
    rule, *others = rules
    if any(other.default is None for other in others):
        return None
    if rule.origin is not None:
        return _WORDS[rule.origin]
    if rule.field is not None and rule.names is None and rule.show == "value":
        return f'custom_field_{rule.field}:"{{name}}"'
    if isinstance(rule.tag, str) and as_pattern(rule.tag) is None:
        return f'tags:"{rule.tag.replace("*", "{name}")}"'
    if rule.way in _WORDS and isinstance(rule.picks, str) and as_pattern(rule.picks) is None:
        return _WORDS[rule.way]
    return None
