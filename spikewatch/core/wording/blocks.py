"""The pieces that messages are built of (Slack Block Kit), each within its limits and safe for what it holds."""

import re
from collections.abc import Mapping
from typing import TypeAlias

from spikewatch.core.wording.links import is_link
from spikewatch.core.wording.untrusted import clip, escaped, harmless

Block: TypeAlias = Mapping[str, object]

HEADER_LIMIT = 150
SECTION_LIMIT = 3_000
ID_LIMIT = 60
TEXT_LIMIT = 3_500
PERSON_LIMIT = 60
NOTE_LIMIT = 80
ADDRESS_SHOWN = 100

_PERSON = re.compile(r"[UW][A-Z0-9]{7,20}")
"""An id that the vendor gave a person; anything else is a name."""

_EDGE = re.compile(r"(?<!\w)_|_(?!\w)")
_ALIKE = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ", ":": "："})


def plain(text: str, *, limit: int) -> Block:
    """Return text in which nothing is interpreted."""
    return {"type": "plain_text", "text": clip(text, limit), "emoji": False}


def markup(text: str) -> Block:
    """Return text of our own in which marks, dates and links are interpreted."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def link(address: str, *, label: str) -> Block:
    """Return a link; an address that is none, or that could break out of the markup, is shown as plain text."""
    if is_link(address):
        return markup(f"<{escaped(address)}|{label}>")
    return plain(f"{label}: {shown_address(address)}", limit=HEADER_LIMIT)


def shown_address(address: str) -> str:
    """Return an address for plain text; one that is no link is made harmless."""
    return address if is_link(address) else harmless(address, limit=ADDRESS_SHOWN)


def identifier(incident: str | None) -> str:
    """Return the id of an incident, made harmless."""
    return harmless(incident or "", limit=ID_LIMIT)


def block_name(incident: str, revision: int, name: str) -> str:
    """Return the name of a block, which is another one in each revision."""
    return f"sw.{identifier(incident)}.r{revision}.{name}"


def person(who: str) -> str:
    """Return a person for plain text."""
    return harmless(who, limit=PERSON_LIMIT)


def person_markup(who: str) -> str:
    """Return a person for markup: whom the vendor knows by id under the name that each reader sees."""
    return f"<@{who}>" if _PERSON.fullmatch(who) else _quieted(person(who))


def _quieted(name: str) -> str:
    """Return a name in markup whose signs mean nothing there: look-alikes stand for what would be bold, code or an emoji."""
    return escaped(_EDGE.sub("＿", name).translate(_ALIKE))
