"""Incidents on a page: one article each, with its chart, what drove it, and why it alerted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from spikewatch.core.incidents import Incident
from spikewatch.core.markup import node
from spikewatch.core.notices import Part
from spikewatch.core.surges import Surge
from spikewatch.core.timegrid import EPOCH, Span
from spikewatch.lab.pages.charts import Mark, chart
from spikewatch.lab.pages.reasons import readings, reasons, sentence
from spikewatch.lab.pages.setting import Setting, number
from spikewatch.lab.tallies import Said
from spikewatch.lab.witnessing import NOTHING_SEEN, Sight, View


@dataclass(frozen=True)
class Shown:
    """An incident as a page shows it.

    badges  further words for its first line, each with a class of the style sheet
    marks   instants worth a line in its charts
    facts   further attributes that filters look at
    """

    incident: Incident
    sight: Sight = NOTHING_SEEN
    said: Said | None = None
    badges: Sequence[tuple[str, str]] = ()
    marks: Sequence[Mark] = ()
    facts: Mapping[str, str] | None = None


def article(shown: Shown, setting: Setting, *, until: datetime) -> Element:
    """Return one incident; `until` ends one that is still open."""
    incident, words = shown.incident, setting.words
    return node(
        "article",
        {"id": incident.id, "class": "incident", **_facts(shown, setting, until)},
        node(
            "h3",
            None,
            node("time", {"datetime": incident.opened_at.isoformat()}, setting.local(incident.opened_at)),
            " ",
            node("span", {"class": "service"}, setting.service(incident.service)),
        ),
        node(
            "p",
            {"class": "badges"},
            [
                part
                for kind, word in _badges(shown, setting, until)
                for part in (node("span", {"class": f"badge {kind}"}, word), " ")
            ],
            node("a", {"class": "anchor", "href": f"#{incident.id}"}, incident.id),
        ),
        None if incident.explained is None else node("p", None, sentence(incident.explained, setting)),
        node(
            "div",
            {"class": "look"},
            [_figure(view, shown, setting, until, 0) for view in shown.sight.views[:1]],
            _drivers(shown.sight, setting),
        ),
        _others(shown, setting, until),
        None if incident.explained is None else reasons(incident.explained, setting),
        node("p", {"class": "small"}, words.chance.format(weeks=number(shown.sight.chance_weeks)))
        if shown.sight.chance_weeks
        else None,
    )


def _badges(shown: Shown, setting: Setting, until: datetime) -> Sequence[tuple[str, str]]:
    incident, words = shown.incident, setting.words
    lasted = words.lasted.format(duration=setting.span(_lasted(incident, until)))
    badges = [
        *shown.badges,
        (incident.severity.value, words.severities[incident.severity]),
        *([] if shown.said is None else [(shown.said.value, words.said[shown.said])]),
        ("plain", words.score.format(score=f"{incident.peak_score:.1f}")),
        ("plain", words.extra.format(tickets=f"{incident.excess:,.0f}")),
        ("plain", lasted),
    ]
    if incident.resolved_at is None:
        badges.append(("open", words.open))
    return badges


def _facts(shown: Shown, setting: Setting, until: datetime) -> Mapping[str, str]:
    incident = shown.incident
    names = " ".join(setting.series(surge.series) for surge in incident.surges)
    return {
        "data-service": setting.service(incident.service),
        "data-severity": incident.severity.value,
        "data-label": "" if shown.said is None else shown.said.value,
        "data-at": f"{incident.opened_at.timestamp():.0f}",
        "data-score": f"{incident.peak_score:.3f}",
        "data-extra": f"{incident.excess:.1f}",
        "data-lasted": f"{_lasted(incident, until).total_seconds():.0f}",
        "data-text": f"{names} {incident.id}".lower(),
        **(shown.facts or {}),
    }


def _lasted(incident: Incident, until: datetime) -> timedelta:
    return (incident.resolved_at or until) - incident.started_at


def _figure(view: View, shown: Shown, setting: Setting, until: datetime, place: int) -> Element:
    incident, words = shown.incident, setting.words
    surge = next((each for each in incident.surges if each.series == view.series), None)
    title = words.chart.format(
        window=setting.span(view.window),
        name=setting.series(view.series),
        start=setting.local(_at(view, 0)),
        end=setting.local(_at(view, -1)),
    )
    return node(
        "figure",
        None,
        chart(
            view.course,
            surge=_surging(incident, surge, until),
            marks=shown.marks or [Mark(incident.opened_at, words.opened)],
            title=title,
            zone=setting.zone,
            identifier=f"{incident.id}-{place}",
        ),
        node("figcaption", None, title),
    )


def _surging(incident: Incident, surge: Surge | None, until: datetime) -> Span:
    if surge is None:
        return Span(incident.started_at, incident.resolved_at or until)
    return Span(surge.began, max(surge.began, surge.last_surging))


def _at(view: View, place: int) -> datetime:
    return EPOCH + timedelta(seconds=int(view.course.at[place]))


def _drivers(sight: Sight, setting: Setting) -> Element | None:
    words = setting.words
    if not sight.drivers:
        return None
    return node(
        "div",
        {"class": "drivers"},
        readings(
            [(setting.series(part.series), part.reading, _share(part, setting)) for part in sight.drivers],
            setting,
            caption=f"{words.drivers} ({setting.minutes(sight.drivers[0].reading.window_minutes)})",
        ),
        node("p", {"class": "small"}, words.more_drivers.format(number=sight.more)) if sight.more else None,
    )


def _share(part: Part, setting: Setting) -> str:
    share = "" if part.share is None else f"{part.share:.0%}"
    return share if part.surging else f"{share} ({setting.words.driver_quiet})"


def _others(shown: Shown, setting: Setting, until: datetime) -> Element | None:
    """Return the charts of further series, folded away."""
    views = shown.sight.views
    if len(views) < 2:  # noqa: PLR2004 -- one is shown already
        return None
    return node(
        "details",
        {"class": "others"},
        node("summary", None, " · ".join(setting.series(view.series) for view in views[1:])),
        [_figure(view, shown, setting, until, place) for place, view in enumerate(views[1:], start=1)],
    )
