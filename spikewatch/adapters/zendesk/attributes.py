"""What is kept of a ticket: attributes such as `brand:21` or `field:900=login`, and nothing that names a person. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spikewatch.adapters.zendesk.matching import from_tags
from spikewatch.adapters.zendesk.rules import Rule
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.core.counts import Attributes

FIELD_KIND = "field"

TAG_KIND = "tag"
ORGANISATION_KIND = "organisation"

_LONGEST = 255
"""Zendesk's own limit for a tag; a longer value is a text."""

_PERSONAL = re.compile(r"@|\d{7}")
"""A tag that holds an address, a telephone number or an order's number is somebody's."""

_ID_OF: Mapping[str, str] = {
    "brand": "brand_id",
    "group": "group_id",
    "form": "ticket_form_id",
    ORGANISATION_KIND: "organization_id",
}


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
    return tuple(sorted({storable(word) for word in words}))


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


def storable(text: str) -> str:
    r"""Return a text that every store keeps: half an emoji, as JSON may hold it, and a NUL character are replaced.

    >>> storable("cut \ud83d")
    'cut ?'
    """
    return text.encode(errors="replace").decode().replace("\0", " ")


def _is_kept(tag: str, kept: Kept) -> bool:
    return not _PERSONAL.search(tag) or any(from_tags(rule.picks, [tag]) for rule in kept.tags)


def kind_of(word: str) -> str:
    """Return what a word tells of.

    >>> kind_of("brand:21"), kind_of("field:900=login")
    ('brand', 'field')
    """
    return word.partition(":")[0]


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
