"""The sections of a week as a message: text, and blocks within Slack's limits."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from spikewatch.core.settings import Language
from spikewatch.core.weekly import Weekly, WeeklyNotice
from spikewatch.core.wording.blocks import (
    HEADER_LIMIT,
    SECTION_LIMIT,
    TEXT_LIMIT,
    Block,
    block_name,
    markup,
    plain,
)
from spikewatch.core.wording.message import Message
from spikewatch.core.wording.rungs import TEXT_ONLY
from spikewatch.core.wording.untrusted import clip, escaped
from spikewatch.core.wording.weekly.sections import Section, Table, sections_of, title_of

MOST_ROWS = 6
BODY_LIMIT = 1_500
"""Of one section: eight of them stay below what a message may hold in all, and below a section's own limit."""


def render(notice: WeeklyNotice, *, language: Language, zone: ZoneInfo, rung: int = 0) -> Message:
    """Return the message of a week; from rung 4 on as text only."""
    weekly = notice.facts
    title = title_of(weekly, language=language)
    sections = sections_of(weekly, language=language, zone=zone, most=MOST_ROWS)
    spoken = "\n".join([title, *sections[0].lines])
    if rung >= TEXT_ONLY:
        whole = "\n\n".join([spoken, *(f"{each.title}\n{_body(each)}" for each in sections[1:])])
        return Message(clip(escaped(whole), TEXT_LIMIT))
    blocks = tuple(_blocks(notice.incident, weekly, title, sections))
    return Message(clip(escaped(spoken), TEXT_LIMIT), blocks=blocks)


def _blocks(incident: str, weekly: Weekly, title: str, sections: tuple[Section, ...]) -> Iterator[Block]:
    def name(what: str) -> str:
        return block_name(incident, weekly.revision, what)

    yield {"type": "header", "block_id": name("head"), "text": plain(title, limit=HEADER_LIMIT)}
    for section in sections:
        yield {
            "type": "section",
            "block_id": name(section.key),
            "text": markup(f"*{escaped(section.title)}*"),
        }
        body = plain(_body(section), limit=min(BODY_LIMIT, SECTION_LIMIT))
        yield {"type": "section", "block_id": name(f"{section.key}.body"), "text": body}


def _body(section: Section) -> str:
    """Return lines and rows as text."""
    rows = [] if section.table is None else [_row(section.table, row) for row in section.table.rows]
    return "\n".join([*section.lines, *rows, *([section.rest] if section.rest else [])])


def _row(table: Table, row: tuple[str, ...]) -> str:
    first, *others = (
        f"{heading} {cell}" if column in table.named else cell
        for column, (heading, cell) in enumerate(zip(table.headings, row, strict=True))
    )
    return f"• {first}: {' · '.join(others)}"
