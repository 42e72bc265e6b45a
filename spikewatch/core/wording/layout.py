"""A notice as text and blocks: header, lead, fields, the categories that drive it, context.

Names from the help desk stand in plain text only (header, table, plain sections), and escaped in the notification text.
Three rungs of plainness: 0 everything, 1 without the table, 2 text only.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.incidents import REOPEN_FOR, Phase, Severity
from spikewatch.core.notices import Notice, Part, Reason
from spikewatch.core.settings import Language
from spikewatch.core.surges import QUIET_FOR
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.commands import LONGEST, explain_command
from spikewatch.core.wording.message import Message
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.untrusted import clip, escaped, harmless

Block: TypeAlias = Mapping[str, object]

NAME_LIMIT = 60
HEADER_LIMIT = 150
ID_LIMIT = 60
TEXT_LIMIT = 3_500
LINK_LIMIT = 1_000
LISTED_IN_TEXT = 3
WITHOUT_TABLE = 1
TEXT_ONLY = 2

_LINK = re.compile(r"https?://[\w!#$%&'()*+,./:;=?@\[\]~-]+")
_URGENT = frozenset({Reason.OPENED, Reason.RAISED, Reason.REOPENED})


def render(notice: Notice, *, language: Language, zone: ZoneInfo, plain: int = 0) -> Message:
    """Return the message of a notice.

    plain  0 the whole layout; 1 without the table; 2 text only
    """
    letter = _Letter(notice, Phrases(CATALOGUES[language], zone))
    urgent = notice.facts.phase is Phase.OPEN and notice.reason in _URGENT
    if plain >= TEXT_ONLY:
        return Message(letter.text(alone=True), urgent=urgent)
    blocks = letter.blocks(table=plain < WITHOUT_TABLE)
    return Message(letter.text(alone=False), blocks=tuple(blocks), urgent=urgent)


class _Letter:
    """One notice being put into words."""

    def __init__(self, notice: Notice, say: Phrases) -> None:
        self._reason = notice.reason
        self._facts = notice.facts
        self._say = say
        self._words = say.words

    # -- names

    def _title(self) -> str:
        pattern = {
            Phase.OPEN: self._words.surge,
            Phase.RESOLVED: self._words.resolved,
            Phase.CLOSED: self._words.merged if self._is_merged else self._words.resolved,
        }[self._facts.phase]
        return pattern.format(name=self._name())

    @property
    def _is_merged(self) -> bool:
        return self._facts.merged_into is not None

    @property
    def _is_company_wide(self) -> bool:
        return self._facts.service is None

    def _name(self) -> str:
        """Return what rises: the series that leads, and which parts are behind it."""
        facts, words = self._facts, self._words
        lead = self._series(facts.lead_series)
        if not facts.parts:
            return lead
        others = len(facts.parts) + facts.more - 1
        first = self._part_name(facts.parts[0])
        if self._is_company_wide:
            inside = words.and_more_services.format(name=first, n=others) if others else first
            return words.whole_with_parts.format(whole=words.several, parts=inside)
        if not facts.lead_series.is_rollup:
            return words.and_more_categories.format(name=lead, n=others) if others else lead
        inside = (
            words.and_more_categories.format(name=first, n=others)
            if others
            else words.mostly.format(name=first)
        )
        return words.whole_with_parts.format(whole=lead, parts=inside)

    def _series(self, series: SeriesKey) -> str:
        if series.is_fleet:
            return self._words.everything
        service = harmless(series.service, limit=NAME_LIMIT)
        if series.is_rollup:
            return service
        return self._words.series.format(
            service=service, category=harmless(series.category, limit=NAME_LIMIT)
        )

    def _part_name(self, part: Part) -> str:
        """Return the category alone inside a service, the service or the whole series otherwise."""
        if self._is_company_wide or part.series.category == ALL:
            return self._series(part.series)
        return harmless(part.series.category, limit=NAME_LIMIT)

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
            yield words.merged_into.format(incident=_identifier(facts.merged_into))
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
        yield words.since.format(time=say.time(facts.started_at, beside=facts.data_until))
        if len(facts.parts) > 1:
            yield words.breakdown.format(items=words.breakdown_joint.join(self._largest()))
        if self._reason is not Reason.RAISED:
            yield words.severity_is.format(severity=say.severity(facts.severity))

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
            yield words.runbook_at.format(link=_address(facts.runbook))
        yield _identifier(facts.incident)

    # -- the blocks

    def blocks(self, *, table: bool) -> Iterable[Block]:
        """Yield the blocks from top to bottom."""
        yield {**self._block("header", "head"), "text": _plain(self._title(), limit=HEADER_LIMIT)}
        yield {**self._block("section", "lead"), "text": _markup(self._lead())}
        yield {
            **self._block("section", "fields"),
            "fields": [_markup(f"*{k}*\n{v}") for k, v in self._fields()],
        }
        if self._lists_parts:
            yield self._table() if table else self._list()
        yield {**self._block("context", "context"), "elements": list(self._context())}

    def _block(self, kind: str, name: str) -> dict[str, object]:
        incident = harmless(self._facts.incident, limit=ID_LIMIT)
        return {"type": kind, "block_id": f"sw.{incident}.r{self._facts.revision}.{name}"}

    def _lead(self) -> str:
        lines = self._lead_closed() if self._facts.phase is not Phase.OPEN else self._lead_open()
        return f"{self._sign()} " + "\n".join(line for line in lines if line)

    def _sign(self) -> str:
        if self._is_merged:
            return ":twisted_rightwards_arrows:"
        if self._facts.phase is not Phase.OPEN:
            return ":white_check_mark:"
        return ":red_circle:" if self._facts.severity is Severity.CRITICAL else ":large_orange_circle:"

    def _lead_open(self) -> Iterable[str]:
        lead, say = self._facts.lead, self._say
        yield from self._news()
        ratio = say.ratio(lead)
        pattern = self._words.lead_usual if ratio is None else self._words.lead_ratio
        span, count = say.span(lead.window_minutes), say.tickets(lead.observed)
        yield pattern.format(span=span, count=count, usual=say.usual(lead), ratio=ratio)
        yield self._words.sentence_joint.join(self._background())

    def _background(self) -> Iterable[str]:
        """Yield what helps to judge the count: how wide the surge is, how much came so far, how sure it is."""
        facts, say, words = self._facts, self._say, self._words
        yield from self._together()
        if self._reason is not Reason.OPENED and facts.excess >= 1:
            yield words.lead_excess.format(count=say.tickets(facts.excess))
        chance = say.chance(facts.chance_weeks)
        if chance is not None:
            yield words.by_chance.format(chance=chance)

    def _lead_closed(self) -> Iterable[str]:
        facts, say, words = self._facts, self._say, self._words
        if self._is_merged:
            yield words.lead_merged.format(incident=escaped(_identifier(facts.merged_into)))
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

    def _fields(self) -> Sequence[tuple[str, str]]:
        facts, say, words = self._facts, self._say, self._words
        severity = (words.severity, say.severity(facts.severity))
        started = (words.started, say.token(facts.started_at))
        if self._is_merged:
            target = escaped(_identifier(facts.merged_into))
            return ((words.status, words.closed_by_merge), (words.moved_to, target), started, severity)
        if facts.phase is not Phase.OPEN:
            ended = (words.ended, say.token(facts.resolved_at or facts.data_until))
            status = (words.status, words.closed_by_calm)
            peak = (words.peaked, say.peak(facts.peak))
            usual = (words.usual, say.usual_range(facts.peak))
            return (status, severity, started, ended, peak, usual)
        return ((words.status, words.open_), severity, started, (words.usual, say.usual_range(facts.lead)))

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
        say, name = self._say, self._part_name(part)
        share = "–" if part.share is None else f"{part.share:.0%}"
        shown = name if part.surging else self._words.not_alone.format(name=name)
        return shown, say.within(part.reading), say.usual(part.reading), say.ratio(part.reading) or "–", share

    def _list(self) -> Block:
        lines = [
            self._words.breakdown_item.format(name=self._part_name(part), count=self._say.peak(part.reading))
            for part in self._facts.parts
        ]
        return {**self._block("section", "parts"), "text": _plain("\n".join(lines), limit=3_000)}

    def _context(self) -> Iterable[Block]:
        facts, words = self._facts, self._words
        if self._lists_parts and facts.more:
            yield _plain(words.more.format(n=facts.more), limit=HEADER_LIMIT)
        yield _plain(_identifier(facts.incident), limit=HEADER_LIMIT)
        yield _markup(words.data_until_local.format(time=self._say.token(facts.data_until, style="{time}")))
        if facts.runbook is not None:
            yield _link(facts.runbook, label=words.runbook)
        if facts.phase is Phase.RESOLVED:
            yield _markup(words.reopens.format(span=self._span(REOPEN_FOR)))
        command = explain_command(facts.lead_series, at=facts.data_until.astimezone(self._say.zone))
        if facts.phase is Phase.OPEN and command is not None:
            yield _plain(words.explained.format(command=command), limit=2 * LONGEST)

    def _span(self, duration: timedelta) -> str:
        return self._words.minutes.format(n=int(duration.total_seconds() // 60))


def _identifier(incident: str | None) -> str:
    return harmless(incident or "", limit=ID_LIMIT)


def _plain(text: str, *, limit: int) -> Block:
    return {"type": "plain_text", "text": clip(text, limit), "emoji": False}


def _markup(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _link(address: str, *, label: str) -> Block:
    """Return a link; an address that is none, or that could break out of the markup, is shown as plain text."""
    if _is_link(address):
        return _markup(f"<{escaped(address)}|{label}>")
    return _plain(f"{label}: {_address(address)}", limit=HEADER_LIMIT)


def _address(address: str) -> str:
    return address if _is_link(address) else harmless(address, limit=100)


def _is_link(address: str) -> bool:
    return len(address) <= LINK_LIMIT and _LINK.fullmatch(address) is not None
