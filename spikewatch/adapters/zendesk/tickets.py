"""From a row of the export to a ticket: where its service and category come from, and what they are called. Pure."""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from spikewatch.adapters.zendesk.settings import Attribute, ZendeskSettings
from spikewatch.core.counts import Ticket

_DELETED = "deleted"


class Lookup(NamedTuple):
    """Something whose name the account keeps elsewhere: a brand (`field` None) or an option of a field."""

    field: int | None
    value: str


def to_ticket(row: Mapping[str, Any], *, settings: ZendeskSettings, names: Mapping[Lookup, str]) -> Ticket:
    """Return the ticket of a row; raises KeyError, TypeError, ValueError, OverflowError or OSError if it is none."""
    return Ticket(
        id=str(int(row["id"])),
        created_at=datetime.fromisoformat(row["created_at"]),
        service=_name(settings.service, row, names) or settings.fallback,
        category=_name(settings.category, row, names) or settings.fallback,
        version=_version(row["generated_timestamp"]),
        counted=row["status"] != _DELETED and settings.merged_tag not in (row.get("tags") or ()),
    )


def lookups(rows: Iterable[Mapping[str, Any]], *, settings: ZendeskSettings) -> set[Lookup]:
    """Return all that has to be looked up before the rows can be named."""
    attributes = [attribute for attribute in (settings.service, settings.category) if needs_names(attribute)]
    found = (_lookup(attribute, row) for row in rows for attribute in attributes)
    return {lookup for lookup in found if lookup is not None}


def needs_names(attribute: Attribute) -> bool:
    """Tell whether names of this attribute are kept elsewhere in the account."""
    return attribute.origin is not None or (attribute.field is not None and attribute.show == "label")


@lru_cache(maxsize=4096)
def clean(name: str) -> str:
    """Return a name that can be shown, stored and told from a roll-up; empty where nothing is left.

    >>> clean("  log in * ")
    'log in ＊'
    """
    legal = (" " if unicodedata.category(sign) in {"Cc", "Cs"} else sign for sign in name.replace("*", "＊"))
    return " ".join("".join(legal).split())


def _version(second: Any) -> int:
    """Return the second of a change, which must be an instant."""
    datetime.fromtimestamp(second, tz=UTC)
    return int(second)


def _name(attribute: Attribute, row: Mapping[str, Any], names: Mapping[Lookup, str]) -> str:
    if attribute.tag is not None:
        return clean(_from_tags(attribute.tag, row.get("tags") or ()))
    lookup = _lookup(attribute, row)
    if lookup is None:
        return ""
    unnamed = f"brand {lookup.value}" if lookup.field is None else lookup.value
    return clean(names.get(lookup, unnamed))


def _lookup(attribute: Attribute, row: Mapping[str, Any]) -> Lookup | None:
    value = row.get("brand_id") if attribute.field is None else _from_fields(attribute.field, row)
    match value:
        case None | "" | []:
            return None
        case bool():
            return Lookup(attribute.field, str(value).lower())
        case list():
            return Lookup(attribute.field, min(map(str, value)))
        case _:
            return Lookup(attribute.field, str(value))


def _from_fields(number: int, row: Mapping[str, Any]) -> Any:
    for entry in row.get("custom_fields") or ():
        if entry["id"] == number:
            return entry["value"]
    return None


def _from_tags(pattern: str, tags: Iterable[str]) -> str:
    before, after = pattern.split("*")
    matching = sorted(
        tag for tag in tags if len(tag) > len(pattern) - 1 and tag.startswith(before) and tag.endswith(after)
    )
    return matching[0][len(before) : len(matching[0]) - len(after)] if matching else ""
