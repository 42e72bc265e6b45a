"""What an incident is called: the series that leads, and which parts are behind it."""

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.notices import Facts, Part
from spikewatch.core.wording.catalogue import Catalogue
from spikewatch.core.wording.untrusted import harmless

NAME_LIMIT = 60


def incident_name(facts: Facts, words: Catalogue) -> str:
    """Return what rises, in plain text: `payments (login and 2 more)`."""
    lead = series_name(facts.lead_series, words)
    if not facts.parts:
        return lead
    others = len(facts.parts) + facts.more - 1
    first = part_name(facts.parts[0].series, words, inside=facts.service)
    if facts.service is None:
        inside = words.and_more_services.format(name=first, n=others) if others else first
        return words.whole_with_parts.format(whole=words.several, parts=inside)
    if not facts.lead_series.is_rollup:
        return words.and_more_categories.format(name=lead, n=others) if others else lead
    inside = (
        words.and_more_categories.format(name=first, n=others) if others else words.mostly.format(name=first)
    )
    return words.whole_with_parts.format(whole=lead, parts=inside)


def series_name(series: SeriesKey, words: Catalogue) -> str:
    """Return a series in plain text: `payments / login`, `payments`, `all services`."""
    if series.is_fleet:
        return words.everything
    service = harmless(series.service, limit=NAME_LIMIT)
    if series.is_rollup:
        return service
    return words.series.format(service=service, category=harmless(series.category, limit=NAME_LIMIT))


def part_name(series: SeriesKey, words: Catalogue, *, inside: str | None) -> str:
    """Return the category alone inside a service, the service or the whole series otherwise."""
    if inside is None or series.category == ALL:
        return series_name(series, words)
    return harmless(series.category, limit=NAME_LIMIT)


def listed_name(part: Part, words: Catalogue, *, inside: str | None) -> str:
    """Return a part as a table lists it; one that would not be unusual by itself says so."""
    name = part_name(part.series, words, inside=inside)
    return name if part.surging else words.not_alone.format(name=name)
