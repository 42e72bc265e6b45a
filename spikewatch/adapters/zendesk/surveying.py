"""What an account's rules do to tickets that were read, and what they look for in vain: for people to see. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from spikewatch.adapters.zendesk.attributes import FIELD_KIND, Held
from spikewatch.adapters.zendesk.dimensions import first_found
from spikewatch.adapters.zendesk.matching import fits
from spikewatch.adapters.zendesk.rules import Rule
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.core.counts import Attributes

_LISTED_WAYS = ("brand", "group", "form")


def strangers(settings: ZendeskSettings, names: Mapping[str, str]) -> Sequence[tuple[Rule, str]]:
    """Return what rules look for and the account does not have: brands, groups, forms, options; by rule.

    names  of all that there is, by word; of organisations, channels and tags nobody has a list
    """
    found = []
    for rule in (*settings.service, *settings.category):
        known = _listed(rule, names)
        sought = [rule.picks] if isinstance(rule.picks, str) else list(rule.picks)
        if known is not None:
            found += [(rule, text) for text in sought if not any(fits(text, own) for own in known)]
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
        place, name = first_found(rules, Held.of(attributes), names, order)
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
