"""A recap in words: what began and ended while nobody could be told, worst first; in Japanese or English."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from spikewatch.core.incidents import Severity
from spikewatch.core.notices import Facts
from spikewatch.core.recaps import RecapNotice
from spikewatch.core.settings import Language
from spikewatch.core.wording.blocks import (
    HEADER_LIMIT,
    SECTION_LIMIT,
    TEXT_LIMIT,
    Block,
    block_name,
    identifier,
    markup,
    plain,
)
from spikewatch.core.wording.catalogue import CATALOGUES
from spikewatch.core.wording.message import Message
from spikewatch.core.wording.names import incident_name
from spikewatch.core.wording.phrases import Phrases
from spikewatch.core.wording.rungs import TEXT_ONLY, WITHOUT_TABLE
from spikewatch.core.wording.untrusted import clip, escaped

LISTED = 15
LISTED_IN_TEXT = 3


@dataclass(frozen=True, slots=True)
class _Words:
    """The phrases of one language; braces are filled by name."""

    title_one: str
    title: str
    since: str
    over: str
    largest: str
    item: str
    more: str
    head: tuple[str, str, str, str]


_WORDS: Mapping[Language, _Words] = {
    Language.JA: _Words(
        title_one="通知できなかった間に急増1件が発生し、解消しました",
        title="通知できなかった間に急増{n}件が発生し、解消しました",
        since="{since} から {until} まで、お知らせを届けられませんでした。",
        over="いずれもすでに平常の範囲に戻っています。",
        largest="増加の大きかったもの: {items}",
        item="{name} {peak}",
        more="ほか{n}件は省略",
        head=("急増", "期間", "ピーク", "重大度"),
    ),
    Language.EN: _Words(
        title_one="While messages could not be delivered, 1 surge came and went",
        title="While messages could not be delivered, {n} surges came and went",
        since="Nothing could be told from {since} to {until}.",
        over="All of it is back in the usual range.",
        largest="Largest: {items}",
        item="{name} {peak}",
        more="and {n} more",
        head=("Surge", "When", "Peak", "Severity"),
    ),
}


def render(notice: RecapNotice, *, language: Language, zone: ZoneInfo, plain: int = 0) -> Message:
    """Return the message of a recap; from `plain` 3 on without a table, from 4 on as text only."""
    letter = _Letter(notice, Phrases(CATALOGUES[language], zone), _WORDS[language])
    if plain >= TEXT_ONLY:
        return Message(letter.text())
    return Message(letter.text(), blocks=tuple(letter.blocks(table=plain < WITHOUT_TABLE)))


class _Letter:
    """One recap being put into words."""

    def __init__(self, notice: RecapNotice, say: Phrases, words: _Words) -> None:
        self._notice = notice
        self._say = say
        self._words = words
        missed = notice.facts.missed
        worst = sorted(missed, key=lambda each: (each.severity is not Severity.CRITICAL, -each.excess))
        self._worst: Sequence[Facts] = worst

    def text(self) -> str:
        """Return the notification."""
        words, stop = self._words, self._say.words.full_stop
        joint = self._say.words.breakdown_joint
        items = joint.join(self._item(each) for each in self._worst[:LISTED_IN_TEXT])
        sentences = (self._title(), self._since(), words.over, words.largest.format(items=items))
        spoken = stop.join(sentence.rstrip(stop) for sentence in sentences) + stop.rstrip()
        return clip(escaped(spoken), TEXT_LIMIT)

    def blocks(self, *, table: bool) -> Iterable[Block]:
        """Yield the blocks from top to bottom."""
        lead = f":hourglass: *{self._since()}*\n{self._words.over}"
        yield {
            "type": "header",
            "block_id": self._name("head"),
            "text": plain(self._title(), limit=HEADER_LIMIT),
        }
        yield {"type": "section", "block_id": self._name("lead"), "text": markup(lead)}
        yield self._table() if table else self._list()
        left_out = len(self._worst) - LISTED
        if left_out > 0:
            more = plain(self._words.more.format(n=left_out), limit=HEADER_LIMIT)
            yield {"type": "context", "block_id": self._name("more"), "elements": [more]}

    def _title(self) -> str:
        number = len(self._worst)
        return self._words.title_one if number == 1 else self._words.title.format(n=number)

    def _since(self) -> str:
        facts, say = self._notice.facts, self._say
        since = say.time(facts.since, beside=self._notice.at)
        return self._words.since.format(since=since, until=say.time(self._notice.at, beside=facts.since))

    def _item(self, facts: Facts) -> str:
        name = incident_name(facts, self._say.words)
        return self._words.item.format(name=name, peak=self._say.peak(facts.peak))

    def _table(self) -> Block:
        rows = [self._words.head, *(self._row(each) for each in self._worst[:LISTED])]
        cells = [[{"type": "raw_text", "text": cell} for cell in row] for row in rows]
        settings = [{"is_wrapped": True}] * len(self._words.head)
        return {"type": "table", "block_id": self._name("table"), "column_settings": settings, "rows": cells}

    def _row(self, facts: Facts) -> tuple[str, str, str, str]:
        say, ended = self._say, facts.resolved_at or facts.data_until
        when = f"{say.time(facts.started_at, beside=self._notice.at)} – {say.time(ended, beside=self._notice.at)}"
        name = f"{incident_name(facts, say.words)} ({identifier(facts.incident)})"
        return name, when, say.peak(facts.peak), say.severity(facts.severity)

    def _list(self) -> Block:
        lines = "\n".join(self._item(each) for each in self._worst[:LISTED])
        return {"type": "section", "block_id": self._name("list"), "text": plain(lines, limit=SECTION_LIMIT)}

    def _name(self, name: str) -> str:
        return block_name(self._notice.incident, self._notice.facts.revision, name)
