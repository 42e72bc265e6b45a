"""From the attributes of a ticket to its service and category, by the rules of the configuration. Pure.

Rules look at attributes alone: a ticket that comes in and one that is counted again under other rules cannot be treated
differently.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from spikewatch.adapters.zendesk.attributes import FIELD_KIND, Held
from spikewatch.adapters.zendesk.matching import clean, from_tags, picked
from spikewatch.adapters.zendesk.rules import NAMED_WAYS, Rule
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.core.counts import Attributes, SeriesKey
from spikewatch.ports import Naming


def needs_names(rule: Rule) -> bool:
    """Tell whether what the rule looks at is named elsewhere in the account."""
    return (rule.way in NAMED_WAYS and rule.way != "channel") or rule.field is not None


def wanted_names(attributes: Iterable[Attributes], *, settings: ZendeskSettings) -> set[str]:
    """Return the words whose names have to be known before these tickets can be counted.

    Values of a field are among them where their labels are shown or looked for, and where a ticket has several, for then
    the order of the options decides.
    """
    rules = [rule for rule in (*settings.service, *settings.category) if needs_names(rule)]
    ways = {rule.way for rule in rules if rule.field is None}
    labelled = {rule.field for rule in rules if rule.show == "label" or rule.names is not None}
    ruled = {rule.field for rule in rules if rule.field is not None}
    wanted = set()
    for each in set(attributes):
        held = Held.of(each)
        wanted |= {f"{way}:{held.ways[way]}" for way in ways & held.ways.keys()}
        wanted |= {
            f"{FIELD_KIND}:{number}={value}"
            for number, values in held.fields.items()
            if number in labelled or (number in ruled and len(values) > 1)
            for value in values
        }
    return wanted


def naming_of(settings: ZendeskSettings, names: Mapping[str, str]) -> Naming:
    """Return how an account's tickets are named: by its rules, with names by word in the order of the account's options."""
    digest = hashlib.sha256(
        json.dumps(
            [
                [rule.model_dump(mode="json") for rule in settings.service],
                [rule.model_dump(mode="json") for rule in settings.category],
                settings.fallback,
                list(names.items()),
            ]
        ).encode()
    ).hexdigest()[:16]
    order = {word: place for place, word in enumerate(names)}

    @lru_cache(maxsize=65_536)
    def series_of(attributes: Attributes) -> SeriesKey:
        held = Held.of(attributes)
        service, category = (
            first_found(rules, held, names, order)[1] or settings.fallback
            for rules in (settings.service, settings.category)
        )
        return SeriesKey(service, category)

    return Naming(digest, dict(names), series_of)


def first_found(
    rules: Sequence[Rule], held: Held, names: Mapping[str, str], order: Mapping[str, int]
) -> tuple[int | None, str]:
    """Return the number of the first rule that finds a name, and the name; None and nothing where none does."""
    for number, rule in enumerate(rules):
        found = _found(rule, held, names, order)
        if found:
            return number, found
    return None, ""


def _found(rule: Rule, held: Held, names: Mapping[str, str], order: Mapping[str, int]) -> str:
    if rule.default is not None:
        return rule.default
    if rule.tag is not None:
        return clean(from_tags(rule.picks, held.tags))
    if rule.field is not None:
        return clean(_from_field(rule, held.fields.get(rule.field, ()), names, order))
    known = held.ways.get(rule.way)
    if known is None:
        return ""
    unnamed = known if rule.way == "channel" else f"{rule.way} {known}"
    own = names.get(f"{rule.way}:{known}", unnamed)
    return clean(picked(rule.picks, [(known, own)]))


def _from_field(rule: Rule, values: Sequence[str], names: Mapping[str, str], order: Mapping[str, int]) -> str:
    """Return the name that a field gives; of several values the first in the order of the options, else of the alphabet."""
    words = {value: f"{FIELD_KIND}:{rule.field}={value}" for value in values}
    ordered = sorted(words, key=lambda value: (order.get(words[value], len(order)), value))
    labelled = [(value, names.get(words[value], value)) for value in ordered]
    if rule.names is None:
        return next((label if rule.show == "label" else value for value, label in labelled), "")
    return picked(rule.names, labelled)
