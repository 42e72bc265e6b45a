"""What has just changed, in one or two lines for the thread below the living message.

The first line is ours and bold; names from the help desk and of people stand in plain text below it.
"""

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from spikewatch.core.incidents import Phase
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.settings import Language
from spikewatch.core.wording.blocks import (
    NOTE_LIMIT,
    SECTION_LIMIT,
    TEXT_LIMIT,
    Block,
    block_name,
    markup,
    person,
    plain,
)
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.message import Message
from spikewatch.core.wording.names import incident_name, part_name
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.rungs import TEXT_ONLY
from spikewatch.core.wording.untrusted import clip, escaped, harmless

_SIGNS = {
    Reason.RAISED: ":arrow_up:",
    Reason.REOPENED: ":repeat:",
    Reason.RESOLVED: ":white_check_mark:",
    Reason.HANDED_BACK: ":wave:",
    Reason.UNMUTED: ":bell:",
}
"""Of the reasons whose first line holds nobody's words but ours."""

_FOLDED = ":hourglass:"

_LOUD = frozenset({Reason.RAISED, Reason.REOPENED, Reason.UNMUTED})


def render(notices: Sequence[Notice], *, language: Language, zone: ZoneInfo, plain: int = 0) -> Message:
    """Return the reply that tells these notices of one incident, oldest first; several are told with their times.

    plain  4 text only
    """
    say, last = Phrases(CATALOGUES[language], zone), notices[-1]
    still_open = last.facts.phase is Phase.OPEN
    reasons = {notice.reason for notice in notices}
    urgent = still_open and Reason.RAISED in reasons
    loud = still_open and not reasons.isdisjoint(_LOUD)
    name = incident_name(last.facts, say.words)
    lines = _lines(notices, say)
    spoken = say.words.full_stop.join([f"{name}: {lines[0]}", *lines[1:]])
    text = clip(escaped(f"{spoken}{say.words.full_stop}".rstrip()), TEXT_LIMIT)
    if plain >= TEXT_ONLY:
        return Message(text, urgent=urgent, loud=loud)
    shown = [lines[0], name, *lines[1:]] if loud else lines
    return Message(text, blocks=tuple(_blocks(notices, shown)), urgent=urgent, loud=loud)


def _lines(notices: Sequence[Notice], say: Phrases) -> list[str]:
    if len(notices) == 1:
        return list(_told(notices[0], say))
    joint, last = say.words.full_stop, notices[-1]
    return [
        say.words.reply_folded,
        *(
            say.words.reply_at.format(
                time=say.time(notice.at, beside=last.at), said=joint.join(_told(notice, say))
            )
            for notice in notices
        ),
    ]


def _blocks(notices: Sequence[Notice], lines: Sequence[str]) -> Iterable[Block]:
    last = notices[-1]
    name = block_name(last.incident, last.facts.revision, "reply")
    first, rest = lines[0], lines[1:]
    sign = _SIGNS.get(last.reason) if len(notices) == 1 else _FOLDED
    shown = plain(first, limit=SECTION_LIMIT) if sign is None else markup(f"{sign} *{first}*")
    yield {"type": "section", "block_id": name, "text": shown}
    if rest:
        below = plain("\n".join(rest), limit=SECTION_LIMIT)
        yield {"type": "section", "block_id": f"{name}.more", "text": below}


def _told(notice: Notice, say: Phrases) -> Iterable[str]:
    """Yield the lines that tell one notice."""
    facts, words = notice.facts, say.words
    match notice.reason:
        case Reason.RAISED:
            yield words.reply_raised.format(severity=say.severity(facts.severity))
            yield say.now_count(facts.lead)
        case Reason.REOPENED:
            yield words.reply_reopened
            yield say.now_count(facts.lead)
        case Reason.UNMUTED:
            yield words.reply_unmuted
            yield say.now_count(facts.lead)
        case Reason.RESOLVED:
            yield words.reply_resolved
            yield words.reply_joint.join(_outcome(notice, say))
        case Reason.HANDED_BACK:
            yield words.reply_handed_back
        case Reason.ACKNOWLEDGED | Reason.SNOOZED | Reason.LABELLED | Reason.DISMISSED:
            yield _act(notice, say)
        case Reason.OPENED | Reason.JOINED | Reason.CHANGED | Reason.MERGED:
            if not facts.joined:
                yield say.now_count(facts.lead)
    if facts.joined:
        names = [part_name(series, words, inside=facts.service) for series in facts.joined]
        yield words.reply_joined.format(names=words.joined_joint.join(names))


def _outcome(notice: Notice, say: Phrases) -> Iterable[str]:
    facts, words = notice.facts, say.words
    ended = facts.resolved_at or facts.data_until
    yield words.reply_lasted.format(duration=say.duration(ended - facts.started_at))
    yield words.reply_peak.format(peak=say.peak(facts.peak))
    yield words.reply_excess.format(count=say.tickets(max(facts.excess, 0.0)))


def _act(notice: Notice, say: Phrases) -> str:
    """Return what somebody has done, with the name as plain text."""
    handling, words = notice.facts.handling, say.words
    verdict = handling.verdict
    kind = None if verdict is None else verdict.kind
    match notice.reason:
        case Reason.ACKNOWLEDGED:
            return words.reply_acknowledged.format(who=person(handling.acknowledged_by or words.somebody))
        case Reason.SNOOZED:
            until = handling.snoozed_until or notice.at
            who = person(handling.snoozed_by or words.somebody)
            return words.reply_snoozed.format(who=who, time=say.time(until, beside=notice.at))
        case Reason.DISMISSED:
            who = person(handling.dismissed_by or words.somebody)
            return say.dismissed(kind, who=who)
        case _:
            note = "" if verdict is None or not verdict.note else harmless(verdict.note, limit=NOTE_LIMIT)
            named = say.verdict(kind)
            said = words.verdict_note.format(kind=named, note=note) if note else named
            who = person(words.somebody if verdict is None else verdict.by)
            return words.reply_labelled.format(who=who, kind=said)
