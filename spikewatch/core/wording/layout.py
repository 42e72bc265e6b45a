"""A notice as text and blocks: header, lead, fields, a chart, the categories that drive it, context with links.

Names from the help desk stand in plain text only (header, table, chart, plain sections), and escaped in the notification
text. The rungs of plainness: 0 everything, 1 a picture in place of the chart, 2 no picture, 3 no table either, 4 text only.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.events import LabelKind
from spikewatch.core.incidents import REOPEN_FOR, Phase, Severity
from spikewatch.core.notices import Notice, Part, Reason
from spikewatch.core.settings import Language
from spikewatch.core.surges import QUIET_FOR
from spikewatch.core.wording import charts
from spikewatch.core.wording.blocks import (
    HEADER_LIMIT,
    SECTION_LIMIT,
    TEXT_LIMIT,
    Block,
    block_name,
    identifier,
    link,
    markup,
    person,
    person_markup,
    plain,
    shown_address,
)
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.commands import LONGEST, explain_command
from spikewatch.core.wording.controls import buttons
from spikewatch.core.wording.links import NOWHERE, Links
from spikewatch.core.wording.message import Message, Picture
from spikewatch.core.wording.names import incident_name, listed_name, part_name
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.untrusted import clip, escaped, harmless, width

LISTED_IN_TEXT = 3
MOST_CONTEXT = 10
NOTE_LIMIT = 80
WITHOUT_CHART, WITHOUT_PICTURE, WITHOUT_TABLE, TEXT_ONLY = 1, 2, 3, 4

_URGENT = frozenset({Reason.OPENED, Reason.RAISED, Reason.REOPENED, Reason.UNMUTED})


def render(
    notice: Notice,
    *,
    language: Language,
    zone: ZoneInfo,
    rung: int = 0,
    links: Links = NOWHERE,
    controls: bool = False,
) -> Message:
    """Return the message of a notice.

    rung      how plain it is to be: see above
    links     where it leads to, beside the runbook
    controls  whether people can press buttons below it
    """
    letter = _Letter(notice, Phrases(CATALOGUES[language], zone), links)
    urgent = notice.facts.phase is Phase.OPEN and notice.reason in _URGENT
    if rung >= TEXT_ONLY:
        return Message(letter.text(alone=True), urgent=urgent)
    drawn = letter.picture() if rung == WITHOUT_CHART else None
    chart = letter.chart() if rung < WITHOUT_CHART else None
    shown = drawn[0] if drawn is not None else chart
    actions = buttons(notice.facts, language=language) if controls else None
    blocks = letter.blocks(chart=shown, table=rung < WITHOUT_TABLE, actions=actions)
    return Message(
        letter.text(alone=False),
        blocks=tuple(blocks),
        urgent=urgent,
        picture=None if drawn is None else drawn[1],
    )


class _Letter:
    """One notice being put into words."""

    def __init__(self, notice: Notice, say: Phrases, links: Links) -> None:
        self._reason = notice.reason
        self._facts = notice.facts
        self._say = say
        self._words = say.words
        self._links = links

    # -- names

    def _title(self) -> str:
        facts, words = self._facts, self._words
        name = incident_name(facts, words)
        if facts.phase is Phase.OPEN and facts.handling.is_dismissed:
            verdict = facts.handling.verdict
            patterns = {LabelKind.FALSE_ALARM: words.false_alarm_of, LabelKind.EXPECTED: words.expected_of}
            pattern = (
                words.dismissed_of if verdict is None else patterns.get(verdict.kind, words.dismissed_of)
            )
            return pattern.format(name=name)
        phases = {
            Phase.OPEN: words.surge,
            Phase.RESOLVED: words.resolved,
            Phase.CLOSED: words.merged if self._is_merged else words.resolved,
        }
        return phases[facts.phase].format(name=name)

    def _headline(self) -> str:
        """Return the first line: what rises, how much against the usual, and since when."""
        facts, say, words = self._facts, self._say, self._words
        title = self._title()
        if self._is_merged or (facts.phase is Phase.OPEN and facts.handling.is_dismissed):
            return clip(title, HEADER_LIMIT)
        if facts.phase is Phase.OPEN:
            ratio = say.ratio(facts.lead)
            gist = say.within(facts.lead) if ratio is None else words.headline_ratio.format(ratio=ratio)
            time = say.time(facts.started_at, beside=facts.data_until)
            pattern = words.headline.replace("{gist}", gist).replace("{time}", time)
        else:
            ended = facts.resolved_at or facts.data_until
            duration = say.duration(ended - facts.started_at)
            pattern = words.headline_resolved.replace("{duration}", duration)
        room = HEADER_LIMIT - width(pattern.replace("{title}", ""))
        return pattern.replace("{title}", clip(title, room))

    def _part_name(self, part: Part) -> str:
        return part_name(part.series, self._words, inside=self._facts.service)

    @property
    def _is_merged(self) -> bool:
        return self._facts.merged_into is not None

    @property
    def _is_company_wide(self) -> bool:
        return self._facts.service is None

    # -- the notification

    def text(self, *, alone: bool) -> str:
        """Return the notification; `alone` where there are no blocks, so that it must say everything."""
        stop = self._words.full_stop
        sentences = [self._title(), *self._clauses(), *(self._details() if alone else ())]
        joined = stop.join(sentence.rstrip(stop) for sentence in sentences) + stop.rstrip()
        return clip(escaped(joined), TEXT_LIMIT)

    def _clauses(self) -> Iterable[str]:
        facts, say, words = self._facts, self._say, self._words
        if self._is_merged:
            yield words.merged_into.format(incident=identifier(facts.merged_into))
            return
        if facts.resolved_at is not None and facts.phase is not Phase.OPEN:
            ended = say.time(facts.resolved_at, beside=facts.data_until)
            yield words.resolved_at.format(
                time=ended, duration=say.duration(facts.resolved_at - facts.started_at)
            )
            yield words.excess_was.format(count=say.tickets(facts.excess))
            return
        yield from self._news()
        yield say.now_count(facts.lead)
        if facts.rule is not None:
            yield say.rule(facts.rule)
        yield words.since.format(time=say.time(facts.started_at, beside=facts.data_until))
        if len(facts.parts) > 1:
            yield words.breakdown.format(items=words.breakdown_joint.join(self._largest()))
        if self._reason is not Reason.RAISED:
            yield words.severity_is.format(severity=say.severity(facts.severity))
        yield from self._handled()

    def _handled(self) -> Iterable[str]:
        """Yield who closed it by hand, or who is on it: one of them, for a reader would call that person."""
        handling, words = self._facts.handling, self._words
        if handling.is_dismissed:
            verdict = handling.verdict
            who = person(handling.dismissed_by or words.somebody)
            yield self._say.dismissed(None if verdict is None else verdict.kind, who=who)
        elif handling.acknowledged_by is not None:
            yield words.reply_acknowledged.format(who=person(handling.acknowledged_by))

    def _largest(self) -> Iterable[str]:
        window = self._facts.lead.window_minutes
        for part in self._facts.parts[:LISTED_IN_TEXT]:
            reading = part.reading
            same = reading.window_minutes == window
            count = self._say.tickets(reading.observed) if same else self._say.within(reading)
            yield self._words.breakdown_item.format(name=self._part_name(part), count=count)

    def _details(self) -> Iterable[str]:
        facts, words = self._facts, self._words
        yield words.data_until.format(time=self._say.time(facts.data_until, beside=facts.started_at))
        if facts.runbook is not None:
            yield words.runbook_at.format(link=shown_address(facts.runbook))
        yield identifier(facts.incident)

    # -- the blocks

    def chart(self) -> Block | None:
        """Return the chart as a block; None where there is none."""
        return None if self._is_merged else charts.chart(self._facts, self._say, name=self._name("chart"))

    def picture(self) -> tuple[Block, Picture] | None:
        """Return the chart as a picture that is to be drawn; None where there is none."""
        return None if self._is_merged else charts.picture(self._facts, self._say, name=self._name("picture"))

    def blocks(self, *, chart: Block | None, table: bool, actions: Block | None) -> Iterable[Block]:
        """Yield the blocks from top to bottom."""
        yield {**self._block("header", "head"), "text": plain(self._headline(), limit=HEADER_LIMIT)}
        yield {**self._block("section", "lead"), "text": markup(self._lead())}
        yield {
            **self._block("section", "fields"),
            "fields": [markup(f"*{k}*\n{v}") for k, v in self._fields()],
        }
        if chart is not None:
            yield chart
        if self._lists_parts:
            yield self._table() if table else self._list()
        if actions is not None:
            yield actions
        addresses = list(self._addresses())
        if addresses:
            yield {**self._block("context", "links"), "elements": addresses[:MOST_CONTEXT]}
        yield {**self._block("context", "context"), "elements": list(self._context())[:MOST_CONTEXT]}

    def _name(self, name: str) -> str:
        return block_name(self._facts.incident, self._facts.revision, name)

    def _block(self, kind: str, name: str) -> dict[str, object]:
        return {"type": kind, "block_id": self._name(name)}

    def _lead(self) -> str:
        lines = self._lead_closed() if self._facts.phase is not Phase.OPEN else self._lead_open()
        return f"{self._sign()} " + "\n".join(line for line in lines if line)

    def _sign(self) -> str:
        if self._is_merged:
            return ":twisted_rightwards_arrows:"
        if self._facts.phase is not Phase.OPEN:
            return ":white_check_mark:"
        if self._facts.handling.is_dismissed:
            return ":no_bell:"
        return ":red_circle:" if self._facts.severity is Severity.CRITICAL else ":large_orange_circle:"

    def _lead_open(self) -> Iterable[str]:
        lead, say = self._facts.lead, self._say
        if self._facts.handling.is_dismissed:
            yield self._closed_by_hand()
            return
        yield from self._news()
        span, count = say.span(lead.window_minutes), say.tickets(lead.observed)
        yield self._words.lead_usual.format(span=span, count=count, usual=say.usual(lead))
        yield self._words.sentence_joint.join(self._background())

    def _background(self) -> Iterable[str]:
        """Yield what helps to judge the count: how wide the surge is, which rule it meets, how sure it is.

        The chance is that of the peak, and says so once that is past; a surge that subsides has none.
        """
        facts, say, words = self._facts, self._say, self._words
        yield from self._together()
        if facts.rule is not None:
            yield say.rule(facts.rule)
        chance = say.chance(facts.chance_weeks)
        if chance is not None and not facts.ebbing:
            pattern = words.by_chance if self._is_at_its_peak else words.by_chance_then
            yield pattern.format(chance=chance)

    @property
    def _is_at_its_peak(self) -> bool:
        """Tell whether it has never scored higher than now, as far as the facts say: a roll-up is no series of the peak."""
        facts = self._facts
        return facts.growing or self._reason is Reason.OPENED or facts.lead == facts.peak

    def _lead_closed(self) -> Iterable[str]:
        facts, say, words = self._facts, self._say, self._words
        if self._is_merged:
            yield words.lead_merged.format(incident=escaped(identifier(facts.merged_into)))
            return
        yield words.lead_resolved.format(calm=say.duration(QUIET_FOR))
        ended = facts.resolved_at or facts.data_until
        yield words.lead_lasted.format(
            duration=say.duration(ended - facts.started_at), count=say.tickets(facts.excess)
        )

    def _news(self) -> Iterable[str]:
        """Yield what has changed since the last time, where a person should be told so."""
        match self._reason:
            case Reason.RAISED:
                yield self._words.raised.format(severity=self._say.severity(self._facts.severity))
            case Reason.JOINED:
                yield self._words.joined
            case Reason.REOPENED:
                yield self._words.reopened
            case _ if self._facts.ebbing:
                yield self._words.ebbing
            case _:
                return

    def _together(self) -> Iterable[str]:
        rising = sum(part.surging for part in self._facts.parts)
        if rising > 1 and not self._facts.ebbing:
            number = self._words.at_least.format(n=rising) if self._facts.more else str(rising)
            pattern = (
                self._words.together_services if self._is_company_wide else self._words.together_categories
            )
            yield pattern.format(n=number)

    def _closed_by_hand(self) -> str:
        handling = self._facts.handling
        verdict = handling.verdict
        said = self._say.dismissed(
            None if verdict is None else verdict.kind,
            who=person_markup(handling.dismissed_by or self._words.somebody),
        )
        return self._words.lead_dismissed.format(said=said)

    def _fields(self) -> Sequence[tuple[str, str]]:
        facts, say, words = self._facts, self._say, self._words
        severity = (words.severity, say.severity(facts.severity))
        started = (words.started, say.token(facts.started_at))
        if self._is_merged:
            target = escaped(identifier(facts.merged_into))
            return ((words.status, words.closed_by_merge), (words.moved_to, target), started, severity)
        owner = (words.owner, self._owner())
        extra = (words.extra, say.roughly(max(facts.excess, 0.0)))
        if facts.phase is not Phase.OPEN:
            ended = (words.ended, say.token(facts.resolved_at or facts.data_until))
            status = (words.status, words.closed_by_calm)
            peak = (words.peaked, say.peak(facts.peak))
            usual = (words.usual, say.usual_range(facts.peak))
            return (status, severity, started, ended, peak, usual, extra, owner)
        usual = (words.usual, say.usual_range(facts.lead))
        return ((words.status, self._status()), severity, owner, started, usual, extra)

    def _status(self) -> str:
        """Return where an open incident stands, in a word or two."""
        facts, words = self._facts, self._words
        if facts.handling.is_dismissed:
            return words.dismissed
        state = words.ebbing_state if facts.ebbing else words.growing if facts.growing else words.open_
        if facts.handling.acknowledged_by is None:
            return state
        return words.state_with_owner.format(owned=words.acknowledged, state=state.lower())

    def _owner(self) -> str:
        handling, words = self._facts.handling, self._words
        if handling.acknowledged_by is None:
            return words.nobody if self._facts.phase is Phase.OPEN else "–"
        who = person_markup(handling.acknowledged_by)
        if handling.acknowledged_at is None:
            return who
        return words.owned_since.format(
            who=who, time=self._say.token(handling.acknowledged_at, style="{time}")
        )

    @property
    def _lists_parts(self) -> bool:
        """Tell whether the parts say more than the title does."""
        listed = len(self._facts.parts)
        return bool(listed) and listed + self._facts.more > 1 and not self._is_merged

    def _table(self) -> Block:
        words = self._words
        head = (
            words.service if self._is_company_wide else words.category,
            words.count,
            words.usual,
            words.ratio,
            words.share,
        )
        rows = [head, *(self._row(part) for part in self._facts.parts)]
        settings = [{"is_wrapped": True}, *({"align": "right"} for _ in head[1:])]
        cells = [[{"type": "raw_text", "text": cell} for cell in row] for row in rows]
        return {**self._block("table", "parts"), "column_settings": settings, "rows": cells}

    def _row(self, part: Part) -> tuple[str, str, str, str, str]:
        say, shown = self._say, listed_name(part, self._words, inside=self._facts.service)
        share = "–" if part.share is None else f"{part.share:.0%}"
        return shown, say.within(part.reading), say.usual(part.reading), say.ratio(part.reading) or "–", share

    def _list(self) -> Block:
        lines = [
            self._words.breakdown_item.format(name=self._part_name(part), count=self._say.peak(part.reading))
            for part in self._facts.parts
        ]
        return {**self._block("section", "parts"), "text": plain("\n".join(lines), limit=SECTION_LIMIT)}

    def _addresses(self) -> Iterable[Block]:
        """Yield where to look further: the tickets themselves, the graph at that time, what to do."""
        facts, words, since = self._facts, self._words, self._facts.started_at
        searches = self._links.tickets(facts.lead_series, since=since)
        for desk, address in searches.items():
            several = words.tickets_link_of.format(desk=escaped(harmless(desk, limit=NOTE_LIMIT)))
            yield link(address, label=several if len(searches) > 1 else words.tickets_link)
        graph = self._links.graph(facts.lead_series, since=since, until=facts.data_until)
        if graph is not None:
            yield link(graph, label=words.graph_link)
        if facts.runbook is not None:
            yield link(facts.runbook, label=words.runbook)

    def _context(self) -> Iterable[Block]:
        facts, words = self._facts, self._words
        if self._lists_parts and facts.more:
            yield plain(words.more.format(n=facts.more), limit=HEADER_LIMIT)
        yield plain(identifier(facts.incident), limit=HEADER_LIMIT)
        yield markup(words.data_until_local.format(time=self._say.token(facts.data_until, style="{time}")))
        yield from self._said()
        if facts.phase is Phase.RESOLVED:
            yield markup(words.reopens.format(span=self._span(REOPEN_FOR)))
        command = explain_command(facts.lead_series, at=facts.data_until.astimezone(self._say.zone))
        if facts.phase is Phase.OPEN and command is not None:
            yield plain(words.explained.format(command=command), limit=2 * LONGEST)

    def _said(self) -> Iterable[Block]:
        """Yield what people have decided about it."""
        handling, say, words = self._facts.handling, self._say, self._words
        if handling.snoozed_until is not None and self._facts.phase is Phase.OPEN:
            until = say.time(handling.snoozed_until, beside=self._facts.data_until)
            yield plain(words.snoozed_until.format(time=until), limit=HEADER_LIMIT)
        if handling.verdict is not None:
            kind = say.verdict(handling.verdict.kind)
            if handling.verdict.note:
                note = harmless(handling.verdict.note, limit=NOTE_LIMIT)
                kind = words.verdict_note.format(kind=kind, note=note)
            said = words.said_to_be.format(who=person(handling.verdict.by), kind=kind)
            yield plain(said, limit=2 * HEADER_LIMIT)

    def _span(self, duration: timedelta) -> str:
        return self._words.minutes.format(n=int(duration.total_seconds() // 60))
