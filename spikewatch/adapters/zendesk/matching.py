"""How a rule's text finds a name in what a ticket has: by a glob, a pattern between slashes, or the word itself. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from spikewatch.adapters.zendesk.rules import as_pattern


def picked(picks: str | Mapping[str, str], held: Sequence[tuple[str, str]]) -> str:
    """Return the name of the first line that fits one of what is held, (number or value, name) each; empty for none."""
    if isinstance(picks, str):
        return next((own for known, own in held if fits(picks, known) or fits(picks, own)), "")
    for sought, name in picks.items():
        if any(fits(sought, known) or fits(sought, own) for known, own in held):
            return name
    return ""


def from_tags(picks: str | Mapping[str, str], tags: Sequence[str]) -> str:
    """Return the name that tags give: of several that fit the first of the alphabet; empty where none does."""
    if not isinstance(picks, str):
        return picked(picks, [(tag, tag) for tag in sorted(tags)])
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


def fits(sought: str, text: str) -> bool:
    """Tell whether a text is what a line looks for: the word itself, a glob, or a pattern between slashes."""
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
