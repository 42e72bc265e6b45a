"""A notice as text and blocks: header, lead, fields, a chart, the categories that drive it, context with links.

Names from the help desk stand in plain text only (header, table, chart, plain sections), and escaped in the notification
text. The rungs of plainness: 0 everything, 1 a picture in place of the chart, 2 no picture, 3 no table either, 4 text only.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.incidents import REOPEN_FOR, Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.settings import Language
from spikewatch.core.surges import QUIET_FOR
from spikewatch.core.wording import charts, parts
from spikewatch.core.wording.blocks import (
    HEADER_LIMIT,
    NOTE_LIMIT,
    Block,
    block_name,
    identifier,
    link,
    markup,
    person,
    person_markup,
    plain,
)
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.commands import LONGEST, explain_command
from spikewatch.core.wording.controls import buttons
from spikewatch.core.wording.links import NOWHERE, Links
from spikewatch.core.wording.message import Message, Picture
from spikewatch.core.wording.notification import Notification
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.rungs import TEXT_ONLY, WITHOUT_CHART, WITHOUT_TABLE
from spikewatch.core.wording.untrusted import clip, escaped, harmless, width

MOST_CONTEXT = 10

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
    say = Phrases(CATALOGUES[language], zone)
    spoken, letter = Notification(notice, say), _Letter(notice, say, links)
    urgent = notice.facts.phase is Phase.OPEN and notice.reason in _URGENT
    if rung >= TEXT_ONLY:
        return Message(spoken.text(alone=True), urgent=urgent)
    drawn = letter.picture() if rung == WITHOUT_CHART else None
    chart = letter.chart() if rung < WITHOUT_CHART else None
    shown = drawn[0] if drawn is not None else chart
    actions = buttons(notice.facts, language=language) if controls else None
    blocks = letter.blocks(chart=shown, table=rung < WITHOUT_TABLE, actions=actions)
    return Message(
        spoken.text(alone=False),
        blocks=tuple(blocks),
        urgent=urgent,
        picture=None if drawn is None else drawn[1],
    )


class _Letter:
    """One notice being put into words."""

    def __init__(self, notice: Notice, say: Phrases, links: Links) -> None:
        self._spoken = Notification(notice, say)
        self._reason = notice.reason
        self._facts = notice.facts
        self._say = say
        self._words = say.words
        self._links = links

    # -- names

    def _headline(self) -> str:
        """Return the first line: what rises, how much against the usual, and since when."""
        facts, say, words = self._facts, self._say, self._words
        title = self._spoken.title()
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

    @property
    def _is_merged(self) -> bool:
        return self._facts.merged_into is not None

    @property
    def _is_company_wide(self) -> bool:
        return self._facts.service is None

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
        if parts.are_listed(self._facts):
            yield (parts.table if table else parts.lines)(self._facts, self._say, name=self._name("parts"))
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
        yield from self._spoken.news()
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
            target = escaped(identifier(facts.merged_into))
            yield words.lead_merged.format(incident=target)
            if facts.handling.acknowledged_by is not None:
                who = person_markup(facts.handling.acknowledged_by)
                yield words.merged_owned.format(who=who, incident=target)
            return
        yield words.lead_resolved.format(calm=say.duration(QUIET_FOR))
        ended = facts.resolved_at or facts.data_until
        yield words.lead_lasted.format(
            duration=say.duration(ended - facts.started_at), count=say.tickets(facts.excess)
        )

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
        if parts.are_listed(facts) and facts.more:
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
