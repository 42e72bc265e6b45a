"""Routing: which channel hears of an incident, whom it calls and in which language, or why it waits.

Routes are tried in order and the first that matches wins; what it does not say is as if there were no routes: the channel
of the service, the mention and the language of Slack's settings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from spikewatch.core.business_hours import BusinessHours
from spikewatch.core.counts import ALL
from spikewatch.core.incidents import Severity
from spikewatch.core.muting import Mute, Muted, surging
from spikewatch.core.notices import Facts, Notice
from spikewatch.core.oncall import NOBODY, ReceiverSettings, RouteSettings, When
from spikewatch.core.settings import Language, RuleSeverity


@dataclass(frozen=True, slots=True)
class Route:
    """Where a notice goes.

    mention   whom an urgent message calls; None: nobody
    language  None: the language of the channel
    """

    channel: str
    mention: str | None = None
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """All that a route follows from.

    channel          of every incident that has none of its own
    company_channel  of incidents that span several services; None: `channel`
    services         channels by service
    """

    channel: str
    hours: BusinessHours
    company_channel: str | None = None
    services: Mapping[str, str] | None = None
    mention: str | None = None
    routes: Sequence[RouteSettings] = ()

    def channel_of(self, service: str | None) -> str:
        """Return the channel of a service, or of the whole company (None), where no route says otherwise."""
        if service is None:
            return self.company_channel or self.channel
        return (self.services or {}).get(service, self.channel)


def route(notice: Notice, rules: Routing, *, at: datetime) -> Route | Mute:
    """Return where a notice goes at an instant, or why it waits."""
    facts = notice.facts
    found = next((each for each in rules.routes if _matches(each, facts, rules, at=at)), None)
    if found is None:
        return Route(rules.channel_of(facts.service), rules.mention)
    if found.at_least is RuleSeverity.CRITICAL and facts.severity is not Severity.CRITICAL:
        return Mute(Muted.BELOW_SEVERITY, name=f"{found.at_least.value} in {found.when.value}")
    mention = rules.mention if found.mention is None else found.mention
    return Route(
        channel=found.channel or rules.channel_of(facts.service),
        mention=None if mention == NOBODY else mention,
        language=found.language,
    )


def concerns(wanted: ReceiverSettings, facts: Facts) -> bool:
    """Tell whether a receiver beside Slack wants to hear of an incident as it is now."""
    if wanted.at_least is RuleSeverity.CRITICAL and facts.severity is not Severity.CRITICAL:
        return False
    return _is_about(facts, service=wanted.service, category=wanted.category)


def why_later(wanted: ReceiverSettings, hours: BusinessHours, *, at: datetime) -> Mute | None:
    """Return why a receiver beside Slack hears of nothing new at an instant; None where it does."""
    if _is_time(wanted.when, hours, at=at):
        return None
    return Mute(Muted.OUTSIDE_HOURS, name=f"told in {wanted.when.value} only")


def _matches(given: RouteSettings, facts: Facts, rules: Routing, *, at: datetime) -> bool:
    if not _is_time(given.when, rules.hours, at=at):
        return False
    return _is_about(facts, service=given.service, category=given.category)


def _is_time(when: When, hours: BusinessHours, *, at: datetime) -> bool:
    return when is When.ALWAYS or (when is When.BUSINESS_HOURS) == hours.is_open(at)


def _is_about(facts: Facts, *, service: str, category: str) -> bool:
    if service != ALL and (facts.service is None or not fnmatchcase(facts.service, service)):
        return False
    return category == ALL or any(
        not series.is_rollup and fnmatchcase(series.category, category) for series in surging(facts)
    )
