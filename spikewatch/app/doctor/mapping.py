"""The rules that make services and categories: what they name and the account does not have, and what they find."""

from collections.abc import Iterator, Mapping, Sequence

from spikewatch.adapters.zendesk.dimensions import wanted_names
from spikewatch.adapters.zendesk.rules import Rule
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.adapters.zendesk.surveying import RuleUse, strangers, survey
from spikewatch.adapters.zendesk.vocabulary import FieldFound
from spikewatch.app.doctor.findings import Finding, Part, some
from spikewatch.config.translating import nearest
from spikewatch.core.counts import Attributes
from spikewatch.ports import PortError

ENOUGH = 100
"""Tickets among which a rule that is of use finds at least one."""

_USABLE = {"tagger": "drop-down", "multiselect": "multi-select", "checkbox": "checkbox"}


def mapping_findings(
    part: Part,
    source: ZendeskSource,
    settings: ZendeskSettings,
    *,
    tickets: Mapping[Attributes, int],
    origin: str,
) -> Iterator[Finding]:
    """Yield what the rules of an account name in vain, and what each of them finds.

    tickets  how many have which attributes
    origin   where they come from: `of the newest 1000 tickets in the store`
    """
    try:
        fields = source.fields()
        names = source.names(wanted_names(tickets, settings=settings))
    except PortError as error:
        yield part.failed("names", error, remedy="let the token read brands, groups, forms and ticket fields")
        return
    yield from _fields(part, settings, fields)
    yield from _strangers(part, settings, names)
    yield from _uses(part, settings, names, tickets=tickets, origin=origin)


def _fields(part: Part, settings: ZendeskSettings, found: Sequence[FieldFound]) -> Iterator[Finding]:
    by_number = {field.number: field for field in found}
    for rule in (*settings.service, *settings.category):
        if rule.field is None:
            continue
        field = by_number.get(rule.field)
        if field is None:
            yield part.fail(
                "field",
                f"the account has no ticket field {rule.field}",
                remedy=f"name one of {_choices(found)}",
            )
        elif field.kind not in _USABLE:
            yield part.warn(
                "field",
                f"{rule.field} ({field.title}) is of type {field.kind}: each text would be a name of its own",
                remedy=f"name a drop-down, a multi-select or a checkbox: {_choices(found)}",
            )
        else:
            yield part.ok(
                "field",
                f"{rule.field} is {field.title}, a {_USABLE[field.kind]} of {len(field.options)} options",
            )


def _choices(found: Sequence[FieldFound]) -> str:
    usable = [
        f"{field.number} ({field.title}, {_USABLE[field.kind]})" for field in found if field.kind in _USABLE
    ]
    return some(usable) or "those that Admin Center lists under Objects and rules, Tickets, Fields"


def _strangers(part: Part, settings: ZendeskSettings, names: Mapping[str, str]) -> Iterator[Finding]:
    for rule, sought in strangers(settings, names):
        what = f"option of field {rule.field}" if rule.field is not None else rule.way
        known = _known(rule, names)
        near = nearest(sought, known)
        hint = f"did you mean {near}?" if near else f"there are: {some(known)}" if known else "there is none"
        yield part.fail(rule.way, f"no {what} is called {sought!r}", remedy=f"correct it; {hint}")


def _known(rule: Rule, names: Mapping[str, str]) -> Sequence[str]:
    """Return what could be meant: names as people see them, and the values of options."""
    if rule.field is None:
        return sorted(name for word, name in names.items() if word.startswith(f"{rule.way}:"))
    beginning = f"field:{rule.field}="
    return sorted(word.removeprefix(beginning) for word in names if word.startswith(beginning))


def _uses(
    part: Part,
    settings: ZendeskSettings,
    names: Mapping[str, str],
    *,
    tickets: Mapping[Attributes, int],
    origin: str,
) -> Iterator[Finding]:
    if not tickets:
        yield part.skip("rules", "no ticket to try them on; run it again once some were written")
        return
    found = survey(tickets, settings=settings, names=names)
    sides = (("service", found.service, found.no_service), ("category", found.category, found.no_category))
    for side, uses, unnamed in sides:
        for place, use in enumerate(uses, start=1):
            yield _use(part, f"{side} rule {place}", use, tickets=found.tickets, origin=origin)
        if unnamed == found.tickets:
            present = some([way for way in found.present if way != side]) or "nothing that rules may look at"
            yield part.fail(
                side,
                f"no rule finds any {side}: all are {settings.fallback}",
                remedy=f"name in the rules what these tickets have: {present}",
            )
        elif unnamed:
            share = 100 * unnamed / found.tickets
            yield part.ok(side, f"{unnamed} {origin} ({share:.0f} %) count as {settings.fallback}")


def _use(part: Part, check: str, use: RuleUse, *, tickets: int, origin: str) -> Finding:
    if use.tickets:
        shown = some([f"{name} {number}" for name, number in use.names], most=3)
        return part.ok(check, f"{use.rule}: {use.tickets} {origin} ({shown})")
    if use.rule.startswith("default"):
        return part.ok(check, f"{use.rule}: none {origin} needed it")
    says = f"{use.rule}: matches none {origin}"
    remedy = "remove it, or correct what it looks for; a rule above it may also take all of its tickets"
    return (part.fail if tickets >= ENOUGH else part.warn)(check, says, remedy=remedy)
