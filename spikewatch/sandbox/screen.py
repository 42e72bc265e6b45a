"""A chat message as a terminal shows it: the blocks that the stand-in chat really received, drawn with rich.

Only what our own messages use is drawn; a block of another kind shows its type, so that nothing is hidden.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.emoji import Emoji
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from spikewatch.core.settings import Language
from spikewatch.sandbox.chat import ChatMessage

_SET_IN = 4
_HEIGHTS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class _Words:
    edited: str
    reply: str
    broadcast: str


_WORDS: Mapping[Language, _Words] = {
    Language.JA: _Words("{n}回編集", "スレッドへの返信", "スレッドへの返信（チャンネルにも表示）"),
    Language.EN: _Words("edited {n} times", "reply in the thread", "reply, shown in the channel too"),
}

_TOKEN = re.compile(
    r"<!date\^\d+\^[^|>]*\|(?P<date>[^>]*)>"
    r"|<!subteam\^(?P<group>\w+)>|<!(?P<call>\w+)>|<@(?P<person>\w+)>"
    r"|<(?P<link>https?://[^|>]+)(?:\|(?P<label>[^>]*))?>"
    r"|\*(?P<bold>[^*\n]+)\*|`(?P<code>[^`\n]+)`"
)


def draw(message: ChatMessage, *, edited: int, language: Language) -> RenderableType:
    """Return the message as a panel of its channel; a reply is set in, as in a thread.

    edited  how many times it was changed since it was posted
    """
    words = _WORDS[language]
    parts = [_block(block) for block in message.blocks] or [markup(message.text)]
    footer = words.edited.format(n=edited) if edited else None
    title = f"#{message.channel_name}"
    if message.thread_ts is not None:
        title = f"{title} ↳ {words.broadcast if message.broadcast else words.reply}"
    panel = Panel(
        Group(*parts),
        title=title,
        title_align="left",
        subtitle=footer,
        subtitle_align="right",
        box=box.ROUNDED,
        border_style=_colour(message),
        padding=(0, 1),
    )
    return panel if message.thread_ts is None else Padding(panel, (0, 0, 0, _SET_IN))


def markup(text: str) -> Text:
    """Return Slack's markup as styled text: bold, code, links, dates, mentions and emoji names.

    >>> markup(":white_check_mark: *done* at <!date^0^{time}|09:45 JST>").plain
    '✅ done at 09:45 JST'
    """
    drawn, last = Text(), 0
    for token in _TOKEN.finditer(text):
        drawn.append(_literal(text[last : token.start()]))
        drawn.append_text(_token(token))
        last = token.end()
    return drawn.append(_literal(text[last:]))


def _token(token: re.Match[str]) -> Text:
    found = token.groupdict()
    if found["date"] is not None:
        return Text(unescape(found["date"]))
    if found["link"] is not None:
        return Text(unescape(found["label"] or found["link"]), style=f"underline blue link {found['link']}")
    if found["bold"] is not None:
        inner = markup(found["bold"])
        inner.stylize("bold")
        return inner
    if found["code"] is not None:
        return Text(unescape(found["code"]), style="cyan")
    return Text(f"@{found['group'] or found['call'] or found['person']}", style="bold yellow")


def _literal(text: str) -> str:
    return Emoji.replace(unescape(text).replace(":large_orange_circle:", "🟠"))


def _block(block: Mapping[str, Any]) -> RenderableType:  # noqa: PLR0911 -- one return a kind of block
    match block.get("type"):
        case "header":
            return Text(str(block["text"]["text"]), style="bold")
        case "section" if "fields" in block:
            return Padding(_fields(block["fields"]), (1, 0, 0, 0))
        case "section":
            return Padding(_text(block["text"]), (1, 0, 0, 0))
        case "table":
            return Padding(_table(block), (1, 0, 0, 0))
        case "context":
            return Padding(_context(block["elements"]), (1, 0, 0, 0))
        case "data_visualization":
            return Padding(_chart(block), (1, 0, 0, 0))
        case "image" if "alt_text" in block:
            return Padding(Text(f"🖼  {block['alt_text']}", style="dim"), (1, 0, 0, 0))
        case "divider":
            return Text("─" * 20, style="dim")
        case kind:
            return Text(f"[{kind}]", style="dim")


def _text(element: Mapping[str, Any]) -> Text:
    text = str(element["text"])
    return markup(text) if element["type"] == "mrkdwn" else Text(text)


def _fields(fields: Sequence[Mapping[str, Any]]) -> Table:
    grid = Table.grid(padding=(0, 4))
    for left, right in zip(fields[::2], [*fields[1::2], None], strict=False):
        grid.add_row(_text(left), _text(right) if right else "")
    return grid


def _table(block: Mapping[str, Any]) -> Table:
    settings = block.get("column_settings", [])
    head, *rows = block["rows"]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
    for place, cell in enumerate(head):
        right = place < len(settings) and settings[place].get("align") == "right"
        table.add_column(Text(cell["text"]), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell["text"]) for cell in row))
    return table


def _chart(block: Mapping[str, Any]) -> RenderableType:
    """Return a chart as lines of small columns, all to one scale, each with its newest number."""
    chart = block["chart"]
    labels = chart["axis_config"]["categories"]
    lines = {line["name"]: [float(point["value"]) for point in line["data"]] for line in chart["series"]}
    highest = max((value for values in lines.values() for value in values), default=0.0)
    grid = Table.grid(padding=(0, 2))
    for name, values in lines.items():
        newest = f"{values[-1]:,.1f}".removesuffix(".0")
        grid.add_row(Text(name), Text(columns(values, highest=highest)), Text(newest))
    grid.add_row("", Text(f"{labels[0]} – {labels[-1]}", style="dim"), "")
    return Group(Text(str(block["title"]), style="bold"), grid)


def columns(values: Sequence[float], *, highest: float) -> str:
    """Return numbers as columns of eight heights, so that only nothing looks like nothing.

    >>> columns([0, 1, 4, 8], highest=8)
    ' ▁▄█'
    """
    if highest <= 0:
        return " " * len(values)
    return "".join(_HEIGHTS[math.ceil(8 * min(value, highest) / highest)] for value in values)


def _context(elements: Iterable[Mapping[str, Any]]) -> Text:
    drawn = Text(" · ").join(_text(element) for element in elements)
    drawn.stylize("dim")
    return drawn


def _colour(message: ChatMessage) -> str:
    lead = next(
        (str(b["text"]["text"]) for b in message.blocks if b.get("type") == "section" and "text" in b), ""
    )
    if ":white_check_mark:" in lead:
        return "green"
    if ":red_circle:" in lead or ":arrow_up:" in lead:
        return "red"
    return "yellow" if ":large_orange_circle:" in lead else "blue"
