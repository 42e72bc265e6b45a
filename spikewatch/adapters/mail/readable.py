"""The blocks of a message (Slack Block Kit) as plain text and as HTML, so that a mail says what Slack says.

Text that came from elsewhere stands in plain text blocks; in markup only our own words, links and dates are interpreted.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape, unescape
from typing import Any

_TOKEN = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>|\*([^*\n]+)\*|:([a-z_]+):")
_SIGNS = {
    "red_circle": "🔴",
    "large_orange_circle": "🟠",
    "white_check_mark": "✅",
    "black_square_for_stop": "⏹️",
    "no_bell": "🔕",
    "twisted_rightwards_arrows": "🔀",
    "hourglass": "⏳",
    "warning": "⚠️",
    "arrow_up": "⬆️",
    "repeat": "🔁",
    "wave": "👋",
    "bell": "🔔",
}

_STYLE = "font-family:sans-serif;font-size:14px;line-height:1.5;color:#1d1c1d"
_CELL = "padding:4px 10px;border-bottom:1px solid #ddd;text-align:left;vertical-align:top"
_SMALL = "color:#616061;font-size:12px"


def as_text(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return blocks as plain text, a paragraph a block."""
    return "\n\n".join(part for block in blocks if (part := "\n".join(_lines(block)).strip()))


def as_html(blocks: Sequence[Mapping[str, Any]], *, pictures: Mapping[str, str]) -> str:
    """Return blocks as the body of an HTML mail.

    pictures  by the name of its block, the content id of each picture
    """
    body = "".join(_element(block, pictures) for block in blocks)
    return f'<!DOCTYPE html><html><body><div style="{_STYLE}">{body}</div></body></html>'


# -- plain text


def _lines(block: Mapping[str, Any]) -> Iterator[str]:
    match block.get("type"):
        case "header":
            yield _text(block["text"])
        case "section":
            yield from [_text(block["text"])] if "text" in block else []
            yield from (_text(field).replace("\n", ": ", 1) for field in block.get("fields") or ())
        case "table":
            yield from (" | ".join(_cells(row)) for row in block["rows"])
        case "context":
            yield " · ".join(_text(each) for each in block["elements"] if "text" in each)
        case "image":
            yield str(block.get("alt_text", ""))


def _text(text: Mapping[str, Any]) -> str:
    given = str(text["text"])
    return _spoken(given) if text["type"] == "mrkdwn" else given


def _spoken(markup: str) -> str:
    def word(found: re.Match[str]) -> str:
        target, label, bold, sign = found.groups()
        if bold is not None:
            return _spoken(bold)
        if sign is not None:
            return _SIGNS.get(sign, "")
        if target.startswith("!date^"):
            return str(label)
        return f"{label}: {target}" if label else str(target)

    return unescape(_TOKEN.sub(word, markup))


# -- HTML


def _element(block: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    match block.get("type"):
        case "header":
            return f'<h2 style="font-size:18px;margin:0 0 8px">{escape(_text(block["text"]))}</h2>'
        case "section":
            said = f"<p>{_html(block['text'])}</p>" if "text" in block else ""
            return said + _fields(block.get("fields") or ())
        case "table":
            return _table([_cells(row) for row in block["rows"]])
        case "context":
            parts = " · ".join(_html(each) for each in block["elements"] if "text" in each)
            return f'<p style="{_SMALL}">{parts}</p>'
        case "image":
            return _image(block, pictures)
        case _:
            return ""


def _html(text: Mapping[str, Any]) -> str:
    given = str(text["text"])
    return _marked(given) if text["type"] == "mrkdwn" else escape(given).replace("\n", "<br>")


def _marked(markup: str) -> str:
    """Return markup as HTML; everything between its marks is escaped once, whatever it holds."""
    parts, end = [], 0
    for found in _TOKEN.finditer(markup):
        parts += [_plain(markup[end : found.start()]), _word(found)]
        end = found.end()
    return "".join([*parts, _plain(markup[end:])])


def _plain(piece: str) -> str:
    return escape(unescape(piece)).replace("\n", "<br>")


def _word(found: re.Match[str]) -> str:
    target, label, bold, sign = found.groups()
    if bold is not None:
        return f"<strong>{_marked(bold)}</strong>"
    if sign is not None:
        return _SIGNS.get(sign, "")
    if target.startswith(("http://", "https://")):
        return f'<a href="{escape(unescape(target))}">{_plain(label or target)}</a>'
    return _plain(label or target)


def _fields(fields: Iterable[Mapping[str, Any]]) -> str:
    rows = [_html(field).partition("<br>") for field in fields]
    if not rows:
        return ""
    cells = "".join(
        f'<tr><td style="{_CELL}">{name}</td><td style="{_CELL}">{value}</td></tr>' for name, _, value in rows
    )
    return f'<table style="border-collapse:collapse">{cells}</table>'


def _table(rows: Sequence[Sequence[str]]) -> str:
    shown = []
    for place, row in enumerate(rows):
        tag = "td" if place else "th"
        shown.append("".join(f'<{tag} style="{_CELL}">{escape(cell)}</{tag}>' for cell in row))
    body = "".join(f"<tr>{row}</tr>" for row in shown)
    return f'<table style="border-collapse:collapse;margin:8px 0">{body}</table>'


def _cells(row: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(cell.get("text", "")) for cell in row]


def _image(block: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    content = pictures.get(str(block.get("block_id")))
    alt = escape(str(block.get("alt_text", "")))
    return (
        f'<p><img src="cid:{content}" alt="{alt}" style="max-width:100%"></p>' if content else f"<p>{alt}</p>"
    )
