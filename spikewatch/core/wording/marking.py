"""What a message says about itself, above everything else: a sample, late, by another way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from spikewatch.core.settings import Language
from spikewatch.core.wording.blocks import TEXT_LIMIT, Block, plain
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.message import Mark, Message
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.untrusted import clip, escaped, harmless

NAME_LIMIT = 60
MARK_LIMIT = 200
BLOCK = "sw.mark"


@dataclass(frozen=True, slots=True)
class _Words:
    """The phrases of one language; braces are filled by name."""

    test: str
    fallback: str
    late: str
    told: str
    tag: str


_WORDS: Mapping[Language, _Words] = {
    Language.JA: _Words(
        test="これはテストです。実際には何も起きていません",
        fallback="{other} に届けられないため、この経路でお知らせします",
        late="通知が{duration}遅れました",
        told="この間は {other} でお知らせ済みです",
        tag="【{name}】",
    ),
    Language.EN: _Words(
        test="This is a test: nothing has happened",
        fallback="Sent this way because {other} cannot be reached",
        late="Told {duration} late",
        told="Told by {other} meanwhile",
        tag="[{name}] ",
    ),
}

_TAGS: Mapping[Language, Mapping[Mark, str]] = {
    Language.JA: {Mark.TEST: "テスト", Mark.FALLBACK: "代替経路"},
    Language.EN: {Mark.TEST: "test", Mark.FALLBACK: "fallback"},
}
"""Marks that stand before the notification as well; of the rest it says the whole sentence at its end."""


def marked(
    message: Message,
    *,
    language: Language,
    zone: ZoneInfo,
    test: bool = False,
    fallback_for: str | None = None,
    late: timedelta | None = None,
    told_by: str | None = None,
) -> Message:
    """Return the message with what it has to say about itself; the message itself where there is nothing.

    test          it is a sample
    fallback_for  the receiver that could not be reached
    late          how long it had to wait
    told_by       the receiver that told it meanwhile
    """
    said = dict(_said(language, zone, test=test, fallback_for=fallback_for, late=late, told_by=told_by))
    if not said:
        return message
    words = _WORDS[language]
    tags = [words.tag.format(name=name) for mark, name in _TAGS[language].items() if mark in said]
    stop = CATALOGUES[language].full_stop.rstrip()
    rest = [f"{line}{stop}" for mark, line in said.items() if mark not in _TAGS[language]]
    text = " ".join(["".join(tags) + message.text, *map(escaped, rest)])
    block: Block = {
        "type": "context",
        "block_id": BLOCK,
        "elements": [plain(line, limit=MARK_LIMIT) for line in said.values()],
    }
    blocks = (block, *message.blocks) if message.blocks else ()
    return replace(message, text=clip(text, TEXT_LIMIT), blocks=blocks, marks=tuple(said))


def _said(
    language: Language,
    zone: ZoneInfo,
    *,
    test: bool,
    fallback_for: str | None,
    late: timedelta | None,
    told_by: str | None,
) -> Iterable[tuple[Mark, str]]:
    words, say = _WORDS[language], Phrases(CATALOGUES[language], zone)
    if test:
        yield Mark.TEST, words.test
    if fallback_for is not None:
        yield Mark.FALLBACK, words.fallback.format(other=harmless(fallback_for, limit=NAME_LIMIT))
    if late is not None:
        yield Mark.LATE, words.late.format(duration=say.duration(late))
    if told_by is not None:
        yield Mark.TOLD, words.told.format(other=harmless(told_by, limit=NAME_LIMIT))
