"""The page of a replay: figures, weeks, services, categories, and every incident with its chart and its reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from spikewatch.core.counts import Panel
from spikewatch.core.events import Label
from spikewatch.core.incidents import Severity
from spikewatch.core.markup import node
from spikewatch.lab.pages.frame import name, page, with_contents
from spikewatch.lab.pages.incidents import Shown, article
from spikewatch.lab.pages.reasons import table
from spikewatch.lab.pages.setting import Setting, number
from spikewatch.lab.pages.tables import categories, choice, controls, field, section, services
from spikewatch.lab.pages.weeks import calendar
from spikewatch.lab.tallies import Said, Tallies
from spikewatch.lab.witnessing import NOTHING_SEEN, Sight


@dataclass(frozen=True)
class Reviewed:
    """A replay with everything its page shows.

    source    the input as it was named
    config    the configuration as it was named
    flatters  whether the input knows more than a live run would
    """

    tallies: Tallies
    sights: Mapping[str, Sight]
    panel: Panel
    source: str
    config: str
    flatters: bool = False


def backtest_page(reviewed: Reviewed, setting: Setting) -> str:
    """Return the whole page."""
    tallies, words = reviewed.tallies, setting.words
    made_of = words.made_of.format(input=name(reviewed.source), config=name(reviewed.config))
    body = with_contents(
        header(f"{words.title}{words.colon}{name(reviewed.source)}", tallies, made_of, setting),
        node(
            "main",
            None,
            figures(tallies, setting),
            notes(
                [
                    *([words.flatters] if reviewed.flatters else []),
                    *([] if tallies.labelled else [words.no_labels]),
                ],
                setting,
            ),
            node("p", {"class": "small", "data-plain": ""}, words.no_script),
            _missed(tallies.missed, setting) if tallies.labelled else None,
            section(
                "weeks",
                words.calendar,
                node("p", {"class": "small"}, words.calendar_help),
                calendar(tallies, reviewed.panel, setting),
            )
            if tallies.weeks
            else None,
            services(tallies, setting),
            categories(tallies, setting),
            _incidents(reviewed, setting),
        ),
        label=words.contents,
    )
    return page(
        title=f"{words.title}{words.colon}{name(reviewed.source)}", language=setting.language, body=body
    )


def header(title: str, tallies: Tallies, made_of: str, setting: Setting) -> Element:
    """Return what a page is about."""
    words = setting.words
    span = words.span.format(
        start=setting.local(tallies.judged_from),
        end=setting.local(tallies.judged_until),
        weeks=number(tallies.judged_weeks),
        zone=setting.zone.key,
    )
    return node("header", None, node("h1", None, title), node("p", None, span), node("p", None, made_of))


def figures(tallies: Tallies, setting: Setting) -> Element:
    """Return the few numbers that say how it went."""
    words = setting.words
    weeks, total = tallies.judged_weeks, len(tallies.incidents)
    critical = sum(incident.severity is Severity.CRITICAL for incident in tallies.incidents)
    within = tallies.spent <= tallies.asked
    cards = [
        figure(
            words.incidents,
            str(total),
            words.a_week.format(number=number(total / weeks) if weeks > 0 else "0", critical=critical),
        ),
        figure(
            words.budget,
            words.budget_used.format(spent=tallies.spent, asked=number(tallies.asked)),
            f"{words.budget_within if within else words.budget_beyond}{words.colon}"
            + words.budget_of.format(per_week=number(tallies.per_week)),
            kind="good" if within else "bad",
        ),
    ]
    if tallies.labelled:
        counts = " · ".join(f"{words.said[said]} {tallies.counted.get(said, 0)}" for said in Said)
        cards.append(
            figure(words.labels, counts, words.missed.format(number=len(tallies.missed)), kind="text")
        )
    return node("div", {"class": "figures"}, cards)


def figure(title: str, value: str, remark: str, *, kind: str = "") -> Element:
    """Return one number with its name and a remark."""
    return node(
        "div",
        {"class": f"figure {kind}".strip()},
        node("p", {"class": "name"}, title),
        node("p", {"class": "value"}, value),
        node("p", {"class": "small"}, remark),
    )


def notes(said: Sequence[str], setting: Setting) -> Element | None:
    """Return what a person should know about the result."""
    if not said:
        return None
    title = setting.words.notes
    return node(
        "section",
        {"class": "note", "aria-label": title},
        node("ul", None, [node("li", None, each) for each in said]),
    )


def filters(
    setting: Setting,
    services_named: Sequence[str],
    *,
    changes: Sequence[tuple[str, str]] = (),
    labelled: bool,
) -> Element:
    """Return the controls of a list of incidents."""
    words = setting.words
    orders = [
        ("at", "-1", words.newest),
        ("at", "1", words.oldest),
        ("score", "-1", words.highest),
        ("extra", "-1", words.largest),
        ("lasted", "-1", words.longest),
    ]
    options = [
        node("option", {"value": f"{key} {way}", "selected": "" if place == 1 else None}, text)
        for place, (key, way, text) in enumerate(orders)
    ]
    said = [(each.value, words.said[each]) for each in Said]
    severities = [(each.value, words.severities[each]) for each in Severity]
    return controls(
        field(words.find, node("input", {"type": "search", "data-find": "incidents"})),
        choice("service", words.all_services, [(each, each) for each in services_named]),
        choice("severity", words.all_severities, severities),
        *([choice("label", words.all_labels, said)] if labelled else []),
        *([choice("change", words.all_changes, changes)] if changes else []),
        field(words.order, node("select", {"data-order": "incidents"}, options)),
        node("output", {"data-shown": "incidents", "data-phrase": words.shown, "aria-live": "polite"}),
    )


def legend(setting: Setting) -> Element:
    """Return what the lines of the charts mean."""
    kinds = ("observed", "expected", "band", "upper")
    return node(
        "ul",
        {"class": "legend"},
        [node("li", {"class": kind}, word) for kind, word in zip(kinds, setting.words.legend, strict=True)],
    )


def _incidents(reviewed: Reviewed, setting: Setting) -> Element:
    tallies, words = reviewed.tallies, setting.words
    if not tallies.incidents:
        unjudged = tallies.judged_until <= tallies.judged_from
        text = words.unjudged_text if unjudged else words.none_text
        return section("incidents", words.none_title, node("p", {"class": "empty"}, text))
    named = sorted({setting.service(incident.service) for incident in tallies.incidents})
    return section(
        "incidents",
        words.incidents,
        filters(setting, named, labelled=tallies.labelled),
        legend(setting),
        node("p", {"class": "empty", "data-nothing": "incidents", "hidden": ""}, words.nothing_shown),
        node(
            "div",
            {"data-list": "incidents"},
            [
                article(
                    Shown(
                        incident,
                        reviewed.sights.get(incident.id, NOTHING_SEEN),
                        tallies.said[incident.id] if tallies.labelled else None,
                    ),
                    setting,
                    until=tallies.judged_until,
                )
                for incident in tallies.incidents
            ],
        ),
    )


def _missed(missed: Sequence[Label], setting: Setting) -> Element:
    words = setting.words
    if not missed:
        return node("p", {"class": "small"}, words.missed_none)
    rows = [
        (
            f"{setting.local(label.span.start)} – {setting.local(label.span.end)}",
            setting.service(label.service),
            words.whole_service if label.category is None else name(label.category),
        )
        for label in missed
    ]
    return section(
        "missed",
        words.missed_title,
        table(words.missed_title, (words.time, words.service, words.category), rows, captioned=False),
    )
