"""One incident on the page: how it stands, its chart, what drives it, and where to look further."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element

from spikewatch.core import svg
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.markup import node
from spikewatch.core.notices import Facts, Part
from spikewatch.core.timegrid import Span
from spikewatch.core.wording.charts import chart_title
from spikewatch.core.wording.commands import explain_command
from spikewatch.core.wording.links import is_link
from spikewatch.core.wording.names import incident_name, listed_name
from spikewatch.core.wording.phrases import Phrases
from spikewatch.statuspage.elements import facts_of, link, moment, name_of, table
from spikewatch.statuspage.standing import Shown
from spikewatch.statuspage.words import Words


@dataclass(frozen=True, slots=True)
class Voice:
    """Says things on the page: the phrases of messages, those of the page, and the instant of rendering."""

    say: Phrases
    words: Words
    now: datetime

    def ago(self, instant: datetime) -> str:
        """Return how long ago something was."""
        since = self.now - instant
        if since.total_seconds() < 60:  # noqa: PLR2004 -- a minute
            return self.words.just_now
        return self.words.ago.format(duration=self.say.duration(since))

    def when(self, instant: datetime) -> Element:
        """Return an instant in local time."""
        return moment(instant, self.say.time(instant, beside=self.now))

    def since(self, instant: datetime) -> Element:
        """Return an instant in local time, and how long ago it was."""
        return node("span", None, self.when(instant), f" ({self.ago(instant)})")


def incident(shown: Shown, voice: Voice) -> Element:
    """Return an incident in full."""
    facts, say = shown.facts, voice.say
    return node(
        "article",
        {"class": "incident", "id": _anchor(facts), "aria-labelledby": f"{_anchor(facts)}-name"},
        _top(facts, voice),
        node("p", {"class": "lead"}, say.now_count(facts.lead)),
        node("div", {"class": "halves"}, _standing(facts, voice), _figure(shown, voice)),
        _parts(facts, voice),
        _links(shown, voice),
    )


def resolved(shown: Shown, voice: Voice) -> list[Element | str | None]:
    """Return an incident that is over as a row of a table."""
    facts = shown.facts
    ended = facts.resolved_at or facts.data_until
    return [
        f"{name_of(facts.incident)} {incident_name(facts, voice.say.words)}",
        voice.when(facts.started_at),
        voice.since(ended),
        voice.say.peak(facts.peak),
    ]


def _anchor(facts: Facts) -> str:
    return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in facts.incident)


def _top(facts: Facts, voice: Voice) -> Element:
    loud = facts.severity is Severity.CRITICAL
    return node(
        "div",
        {"class": "top"},
        node("h3", {"id": f"{_anchor(facts)}-name"}, incident_name(facts, voice.say.words)),
        node("span", {"class": f"badge {'bad' if loud else 'warn'}"}, voice.say.severity(facts.severity)),
        node("span", {"class": "badge plain"}, _state(facts, voice)),
        node("span", {"class": "soft"}, name_of(facts.incident)),
    )


def _state(facts: Facts, voice: Voice) -> str:
    words = voice.say.words
    if facts.phase is not Phase.OPEN:
        return words.closed_by_calm
    if facts.handling.is_dismissed:
        return words.dismissed
    if facts.growing:
        return words.growing
    return words.ebbing_state if facts.ebbing else words.open_


def _standing(facts: Facts, voice: Voice) -> Element:
    words, handling = voice.say.words, facts.handling
    owner = words.nobody
    if handling.acknowledged_by is not None:
        owner = name_of(handling.acknowledged_by)
        if handling.acknowledged_at is not None:
            time = voice.say.time(handling.acknowledged_at, beside=voice.now)
            owner = words.owned_since.format(who=owner, time=time)
    snoozed = handling.snoozed_until
    if snoozed is not None and snoozed > voice.now:
        quiet = words.snoozed_until.format(time=voice.say.time(snoozed, beside=voice.now))
        owner = words.state_with_owner.format(owned=owner, state=quiet)
    verdict = handling.verdict
    rule = facts.rule
    return facts_of(
        (
            (words.started, voice.since(facts.started_at)),
            (words.owner, owner),
            (words.usual, voice.say.usual_range(facts.lead)),
            (words.peaked, voice.say.peak(facts.peak)),
            (words.extra, voice.say.roughly(facts.excess)),
            (
                words.status,
                None if verdict is None else f"{voice.say.verdict(verdict.kind)} ({name_of(verdict.by)})",
            ),
            (voice.words.why, None if rule is None else voice.say.rule(rule)),
            (voice.words.explained, _explained(facts, voice)),
        )
    )


def _explained(facts: Facts, voice: Voice) -> Element | None:
    command = explain_command(facts.lead_series, at=facts.data_until.astimezone(voice.say.zone))
    return None if command is None else node("code", None, command)


def _figure(shown: Shown, voice: Voice) -> Element | None:
    course, facts, words = shown.course, shown.facts, voice.say.words
    if course is None:
        return None
    title = chart_title(facts.lead_series, course, voice.say)
    said = f"{title}{words.full_stop}{voice.say.now_count(facts.lead)}".strip()
    ended = facts.resolved_at or max(facts.data_until, facts.started_at)
    return node(
        "figure",
        None,
        node("figcaption", None, f"{title} ({voice.say.zone_name(course.start)})"),
        svg.drawn(course, said=said, zone=voice.say.zone, surge=Span(facts.started_at, ended)),
        svg.legend(course, _legend(voice)),
    )


def _legend(voice: Voice) -> svg.Legend:
    return svg.Legend(
        tickets=voice.say.words.chart_tickets,
        out=voice.words.out_mark,
        usual=voice.words.usual_mark,
        week_ago=voice.say.words.chart_week_ago,
        unknown=voice.words.unknown_mark,
    )


def _parts(facts: Facts, voice: Voice) -> Element | None:
    words = voice.say.words
    if len(facts.parts) + facts.more < 2:  # noqa: PLR2004 -- a single part is what the incident is called
        return None
    heads = (
        words.service if facts.service is None else words.category,
        voice.words.count_in.format(count=words.count, span=voice.say.span(facts.lead.window_minutes)),
        words.usual,
        words.ratio,
        words.share,
    )
    made = table(voice.words.parts, heads, (_part(part, facts, voice) for part in facts.parts))
    more = node("p", {"class": "soft"}, words.more.format(n=facts.more)) if facts.more else None
    return node("div", None, made, more)


def _part(part: Part, facts: Facts, voice: Voice) -> Iterator[str]:
    yield listed_name(part, voice.say.words, inside=facts.service)
    yield f"{part.reading.observed:,}"
    yield voice.say.usual(part.reading)
    yield voice.say.ratio(part.reading) or "–"
    yield "–" if part.share is None else f"{part.share:.0%}"


def _links(shown: Shown, voice: Voice) -> Element | None:
    words = voice.say.words
    named = {
        words.tickets_link
        if len(shown.tickets) == 1
        else words.tickets_link_of.format(desk=name_of(desk)): address
        for desk, address in shown.tickets.items()
    }
    named |= {words.graph_link: shown.graph or "", words.runbook: shown.facts.runbook or ""}
    items = [
        node("li", None, link(name, address, {"rel": "noreferrer"}))
        for name, address in named.items()
        if is_link(address)
    ]
    return node("ul", {"class": "links"}, *items) if items else None
