"""From what is known of a ticket to its service and category: attributes, rules in order, and names. Pure.

A row of the export becomes attributes, `brand:21` or `field:900=login`, and everything after that looks at attributes
alone: a ticket that comes in and one that is counted again under other rules cannot be treated differently.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from spikewatch.adapters.zendesk.settings import NAMED_WAYS, Rule, ZendeskSettings, as_pattern
from spikewatch.core.counts import Attributes, SeriesKey
from spikewatch.ports import Naming

FIELD_KIND = "field"
TAG_KIND = "tag"

_LONGEST = 255
"""Zendesk's own limit for a tag; a longer value is a text."""

_PERSONAL = re.compile(r"@|\d{7}")
"""A tag that holds an address, a telephone number or an order's number is somebody's."""

_LISTED_WAYS = ("brand", "group", "form")

_ID_OF: Mapping[str, str] = {
    "brand": "brand_id",
    "group": "group_id",
    "form": "ticket_form_id",
    "organisation": "organization_id",
}


# -- what is kept of a ticket


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a ticket whatever it looks like, because rules look at it."""

    fields: frozenset[int]
    tags: tuple[Rule, ...]

    @classmethod
    def of(cls, settings: ZendeskSettings) -> "Kept":
        """Return what the rules of an account look at."""
        rules = (*settings.service, *settings.category)
        fields = frozenset(rule.field for rule in rules if rule.field is not None)
        return cls(fields, tuple(rule for rule in rules if rule.tag is not None))


def attributes_of(row: Mapping[str, Any], *, kept: Kept) -> Attributes:
    """Return what may ever decide where a ticket counts: numbers, tags and the options that were chosen.

    A field that no rule looks at is kept where its values are tags too, which is so for drop-downs and multi-selects, or
    where it is a box that is ticked; so no text that somebody wrote is ever among them. Nor is a tag that looks like
    somebody's, unless a rule looks for it.
    """
    tags = frozenset(str(tag) for tag in row.get("tags") or () if _is_kept(str(tag), kept))
    words = {f"{way}:{row[key]}" for way, key in _ID_OF.items() if row.get(key) is not None}
    channel = (row.get("via") or {}).get("channel")
    if channel not in (None, ""):
        words.add(f"channel:{channel}")
    words.update(f"{TAG_KIND}:{tag}" for tag in tags)
    for entry in row.get("custom_fields") or ():
        number, values = entry["id"], values_of(entry["value"])
        if number in kept.fields or (values and (entry["value"] is True or tags.issuperset(values))):
            words.update(f"{FIELD_KIND}:{number}={value}" for value in values if len(value) <= _LONGEST)
    return tuple(sorted(words))


def values_of(value: Any) -> list[str]:
    """Return what a custom field holds: an option or several, whether a box is ticked, or nothing."""
    match value:
        case None | "":
            return []
        case bool():
            return [str(value).lower()]
        case list():
            return [str(each) for each in value]
        case _:
            return [str(value)]


def _is_kept(tag: str, kept: Kept) -> bool:
    return not _PERSONAL.search(tag) or any(_from_tags(rule.picks, [tag]) for rule in kept.tags)


@dataclass(frozen=True, slots=True)
class Held:
    """Attributes, sorted out.

    ways    the one brand, group and so on that the ticket has, by number or word
    fields  the values of each field
    """

    ways: Mapping[str, str]
    fields: Mapping[int, Sequence[str]]
    tags: Sequence[str]

    @classmethod
    def of(cls, attributes: Attributes) -> "Held":
        """Return what the words say."""
        ways: dict[str, str] = {}
        fields: dict[int, list[str]] = {}
        tags: list[str] = []
        for word in attributes:
            kind, _, rest = word.partition(":")
            if kind == TAG_KIND:
                tags.append(rest)
            elif kind == FIELD_KIND:
                number, _, value = rest.partition("=")
                fields.setdefault(int(number), []).append(value)
            else:
                ways[kind] = rest
        return cls(ways, fields, tags)


# -- which names have to be looked up


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


# -- rules


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
            _first(rules, held, names, order)[1] or settings.fallback
            for rules in (settings.service, settings.category)
        )
        return SeriesKey(service, category)

    return Naming(digest, dict(names), series_of)


def _first(
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
        return clean(_from_tags(rule.picks, held.tags))
    if rule.field is not None:
        return clean(_from_field(rule, held.fields.get(rule.field, ()), names, order))
    known = held.ways.get(rule.way)
    if known is None:
        return ""
    unnamed = known if rule.way == "channel" else f"{rule.way} {known}"
    own = names.get(f"{rule.way}:{known}", unnamed)
    return clean(_picked(rule.picks, [(known, own)]))


def _from_field(rule: Rule, values: Sequence[str], names: Mapping[str, str], order: Mapping[str, int]) -> str:
    """Return the name that a field gives; of several values the first in the order of the options, else of the alphabet."""
    words = {value: f"{FIELD_KIND}:{rule.field}={value}" for value in values}
    ordered = sorted(words, key=lambda value: (order.get(words[value], len(order)), value))
    labelled = [(value, names.get(words[value], value)) for value in ordered]
    if rule.names is None:
        return next((label if rule.show == "label" else value for value, label in labelled), "")
    return _picked(rule.names, labelled)


def _picked(picks: str | Mapping[str, str], held: Sequence[tuple[str, str]]) -> str:
    """Return the name of the first line that fits one of what is held, (number or value, name) each."""
    if isinstance(picks, str):
        return next((own for known, own in held if _fits(picks, known) or _fits(picks, own)), "")
    for sought, name in picks.items():
        if any(_fits(sought, known) or _fits(sought, own) for known, own in held):
            return name
    return ""


def _from_tags(picks: str | Mapping[str, str], tags: Sequence[str]) -> str:
    if not isinstance(picks, str):
        return _picked(picks, [(tag, tag) for tag in sorted(tags)])
    found = (_part(picks, tag) for tag in sorted(tags))
    return next((part for part in found if part), "")


def _part(sought: str, tag: str) -> str:
    """Return the part of a tag that is the name: what the star stands for, or the first group, or the whole match."""
    pattern = as_pattern(sought)
    if pattern is not None:
        match = pattern.search(tag)
        return "" if match is None else (match[1] or "" if pattern.groups else match[0])
    before, after = sought.split("*")
    if len(tag) > len(before) + len(after) and tag.startswith(before) and tag.endswith(after):
        return tag[len(before) : len(tag) - len(after)]
    return ""


def _fits(sought: str, text: str) -> bool:
    pattern = as_pattern(sought)
    if pattern is not None:
        return pattern.search(text) is not None
    return sought == text or fnmatchcase(text, sought)


@lru_cache(maxsize=4096)
def clean(name: str) -> str:
    """Return a name that can be shown, stored and told from a roll-up; empty where nothing is left.

    >>> clean("  log in * ")
    'log in ＊'
    """
    legal = (" " if unicodedata.category(sign) in {"Cc", "Cs"} else sign for sign in name.replace("*", "＊"))
    return " ".join("".join(legal).split())


# -- what the rules do, for whoever wants to see it


def strangers(settings: ZendeskSettings, names: Mapping[str, str]) -> Sequence[tuple[Rule, str]]:
    """Return what rules look for and the account does not have: brands, groups, forms, options; by rule.

    names  of all that there is, by word; of organisations, channels and tags nobody has a list
    """
    found = []
    for rule in (*settings.service, *settings.category):
        known = _listed(rule, names)
        sought = [rule.picks] if isinstance(rule.picks, str) else list(rule.picks)
        if known is not None:
            found += [(rule, text) for text in sought if not any(_fits(text, own) for own in known)]
    return found


def _listed(rule: Rule, names: Mapping[str, str]) -> Sequence[str] | None:
    """Return every number, value and name that a rule could find; None where there is no list of them."""
    if rule.field is None and rule.way not in _LISTED_WAYS:
        return None
    kind = rule.way if rule.field is None else f"{FIELD_KIND}:{rule.field}"
    mark = ":" if rule.field is None else "="
    known = [
        (word.removeprefix(kind + mark), name) for word, name in names.items() if word.startswith(kind + mark)
    ]
    if rule.field is not None and (rule.names is None or not known):
        return None  # any value will do, or the field is a box without options
    return [text for pair in known for text in pair]


@dataclass(frozen=True, slots=True)
class RuleUse:
    """What one rule did to some tickets.

    rule     as it stands in the file
    tickets  for how many it found the name
    names    the names it found, with tickets each, most first
    """

    rule: str
    tickets: int
    names: tuple[tuple[str, int], ...]

    @property
    def never(self) -> bool:
        """Tell whether it found no name at all."""
        return not self.tickets


@dataclass(frozen=True, slots=True)
class Survey:
    """What the rules of an account do to some tickets, and what these tickets have that rules may look at.

    tickets                  how many were looked at
    service, category        each rule with its use, in their order
    no_service, no_category  for how many no rule found a name
    present                  by way (brand, group, form, organisation, channel, tag, `field 900`), most first: value,
                             name as far as it is known, tickets
    """

    tickets: int
    service: tuple[RuleUse, ...]
    category: tuple[RuleUse, ...]
    no_service: int
    no_category: int
    present: Mapping[str, tuple[tuple[str, str, int], ...]]


def survey(
    tickets: Mapping[Attributes, int], *, settings: ZendeskSettings, names: Mapping[str, str]
) -> Survey:
    """Return which rule found the names of how many tickets, given by their attributes, and what there is to look at."""
    service, no_service = _used(settings.service, tickets, names)
    category, no_category = _used(settings.category, tickets, names)
    return Survey(
        sum(tickets.values()), service, category, no_service, no_category, dict(_present(tickets, names))
    )


def _used(
    rules: Sequence[Rule], tickets: Mapping[Attributes, int], names: Mapping[str, str]
) -> tuple[tuple[RuleUse, ...], int]:
    order = {word: place for place, word in enumerate(names)}
    found: list[dict[str, int]] = [{} for _ in rules]
    unnamed = 0
    for attributes, number in tickets.items():
        place, name = _first(rules, Held.of(attributes), names, order)
        if place is None:
            unnamed += number
        else:
            found[place][name] = found[place].get(name, 0) + number
    uses = tuple(
        RuleUse(
            str(rule), sum(each.values()), tuple(sorted(each.items(), key=lambda pair: (-pair[1], pair[0])))
        )
        for rule, each in zip(rules, found, strict=True)
    )
    return uses, unnamed


def _present(
    tickets: Mapping[Attributes, int], names: Mapping[str, str]
) -> Iterator[tuple[str, tuple[tuple[str, str, int], ...]]]:
    seen: dict[str, dict[tuple[str, str], int]] = {}
    for attributes, number in tickets.items():
        for word in attributes:
            kind, _, rest = word.partition(":")
            if kind == FIELD_KIND:
                field, _, rest = rest.partition("=")
                kind = f"{FIELD_KIND} {field}"
            there = seen.setdefault(kind, {})
            there[rest, names.get(word, rest)] = there.get((rest, names.get(word, rest)), 0) + number
    for kind in sorted(seen):
        ordered = sorted(seen[kind].items(), key=lambda pair: (-pair[1], pair[0]))
        yield kind, tuple((known, name, number) for (known, name), number in ordered)
