"""The week as Markdown, as one HTML page without script, as JSON, or as the blocks of a message."""

import json
from collections.abc import Iterator
from enum import StrEnum
from html import escape
from zoneinfo import ZoneInfo

from spikewatch.core.settings import Language
from spikewatch.core.weekly import Weekly, document, notice_of_week
from spikewatch.core.wording import render
from spikewatch.core.wording.weekly import Section, Table, sections_of, title_of

MOST_ROWS = 20
"""Rows of a table in Markdown; HTML and JSON have them all."""

_STYLE = """\
:root { color-scheme: light dark; --ink: #1d1c1d; --soft: #5c5b60; --line: #d9d8dd; --paper: #ffffff; --band: #f6f5f8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ecebee; --soft: #a9a7b0; --line: #403e46; --paper: #1b1a1e; --band: #242329; }
}
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, "Hiragino Sans", "Noto Sans CJK JP", sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
p { margin: .25rem 0; } .rest { color: var(--soft); }
.scroll { overflow-x: auto; max-height: 36rem; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .3rem .6rem; text-align: left; vertical-align: top; }
th { position: sticky; top: 0; background: var(--band); color: var(--soft); font-weight: 600; }
tbody tr { border-bottom: 1px solid var(--line); } .number { text-align: right; font-variant-numeric: tabular-nums; }
"""


class Form(StrEnum):
    """How a week is shown."""

    MARKDOWN = "markdown"
    SLACK = "slack"
    HTML = "html"
    JSON = "json"


def shown(weekly: Weekly, form: Form, *, language: Language, zone: ZoneInfo) -> Iterator[str]:
    """Yield the lines of a week in a form; the same week gives the same lines."""
    match form:
        case Form.MARKDOWN:
            yield from markdown(weekly, language=language, zone=zone)
        case Form.HTML:
            yield from page(weekly, language=language, zone=zone)
        case Form.SLACK:
            message = render(notice_of_week(weekly, at=weekly.until), language=language, zone=zone)
            yield json.dumps(
                {"text": message.text, "blocks": list(message.blocks)}, ensure_ascii=False, indent=2
            )
        case Form.JSON:
            yield json.dumps(document(weekly, zone=zone), ensure_ascii=False, indent=2)


def markdown(weekly: Weekly, *, language: Language, zone: ZoneInfo) -> Iterator[str]:
    """Yield the report as Markdown."""
    yield f"# {title_of(weekly, language=language)}"
    for section in sections_of(weekly, language=language, zone=zone, most=MOST_ROWS):
        yield ""
        yield f"## {section.title}"
        yield ""
        yield from (f"- {_marked(line)}" for line in section.lines)
        if section.table is not None:
            yield from _markdown_table(section.table)
        if section.rest:
            yield ""
            yield section.rest


def _markdown_table(table: Table) -> Iterator[str]:
    yield f"| {' | '.join(table.headings)} |"
    rules = ("---:" if column in table.numeric else "---" for column in range(len(table.headings)))
    yield f"| {' | '.join(rules)} |"
    yield from (f"| {' | '.join(map(_marked, row))} |" for row in table.rows)


def _marked(text: str) -> str:
    """Return text in which nothing is taken for a mark."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in text)


def page(weekly: Weekly, *, language: Language, zone: ZoneInfo) -> Iterator[str]:
    """Yield the report as one page that needs nothing else, not even a script."""
    title = escape(title_of(weekly, language=language))
    yield "<!doctype html>"
    yield f'<html lang="{language.value}">'
    yield f'<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    yield f"<style>{_STYLE}</style></head>"
    yield f"<body><main><h1>{title}</h1>"
    for section in sections_of(weekly, language=language, zone=zone):
        yield from _html_section(section)
    yield "</main></body></html>"


def _html_section(section: Section) -> Iterator[str]:
    name = f"week-{section.key}"
    yield f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(section.title)}</h2>'
    yield from (f"<p>{escape(line)}</p>" for line in section.lines)
    table = section.table
    if table is not None:
        yield f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{name}"><table><thead><tr>'
        yield "".join(_cell("th", cell, table, column) for column, cell in enumerate(table.headings))
        yield "</tr></thead><tbody>"
        for row in table.rows:
            yield f"<tr>{''.join(_cell('td', cell, table, column) for column, cell in enumerate(row))}</tr>"
        yield "</tbody></table></div>"
    if section.rest:
        yield f'<p class="rest">{escape(section.rest)}</p>'
    yield "</section>"


def _cell(tag: str, text: str, table: Table, column: int) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    aligned = ' class="number"' if column in table.numeric else ""
    return f"<{tag}{scope}{aligned}>{escape(text)}</{tag}>"
