"""A notice as one text: what notifications and screen readers say, and all that there is where blocks are refused."""

from collections.abc import Iterable

from spikewatch.core.events import LabelKind
from spikewatch.core.incidents import Phase
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.wording.blocks import TEXT_LIMIT, identifier, person, shown_address
from spikewatch.core.wording.names import incident_name, part_name
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.untrusted import clip, escaped

LISTED_IN_TEXT = 3


class Notification:
    """One notice being said."""

    def __init__(self, notice: Notice, say: Phrases) -> None:
        """Hold the notice, and the words to say it in."""
        self._reason = notice.reason
        self._facts = notice.facts
        self._say = say
        self._words = say.words

    def title(self) -> str:
        """Return what it is, and of what."""
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
            Phase.OPEN: words.ebbing_of if facts.ebbing else words.surge,
            Phase.RESOLVED: words.resolved,
            Phase.CLOSED: words.merged if self._is_merged else words.resolved,
        }
        return phases[facts.phase].format(name=name)

    def news(self) -> Iterable[str]:
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

    def text(self, *, alone: bool) -> str:
        """Return the notification; `alone` where there are no blocks, so that it must say everything."""
        stop = self._words.full_stop
        sentences = [self.title(), *self._clauses(), *(self._details() if alone else ())]
        joined = stop.join(sentence.rstrip(stop) for sentence in sentences) + stop.rstrip()
        return clip(escaped(joined), TEXT_LIMIT)

    def _clauses(self) -> Iterable[str]:
        facts, say, words = self._facts, self._say, self._words
        if self._is_merged:
            target = identifier(facts.merged_into)
            yield words.merged_into.format(incident=target)
            if facts.handling.acknowledged_by is not None:
                yield words.merged_owned.format(who=person(facts.handling.acknowledged_by), incident=target)
            return
        if facts.resolved_at is not None and facts.phase is not Phase.OPEN:
            ended = say.time(facts.resolved_at, beside=facts.data_until)
            yield words.resolved_at.format(
                time=ended, duration=say.duration(facts.resolved_at - facts.started_at)
            )
            yield words.excess_was.format(count=say.tickets(facts.excess))
            return
        yield from self.news()
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
            yield self._words.breakdown_item.format(
                name=part_name(part.series, self._words, inside=self._facts.service), count=count
            )

    def _details(self) -> Iterable[str]:
        facts, words = self._facts, self._words
        yield words.data_until.format(time=self._say.time(facts.data_until, beside=facts.started_at))
        if facts.runbook is not None:
            yield words.runbook_at.format(link=shown_address(facts.runbook))
        yield identifier(facts.incident)

    @property
    def _is_merged(self) -> bool:
        return self._facts.merged_into is not None
