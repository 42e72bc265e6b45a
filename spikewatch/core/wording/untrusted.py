"""Names that people typed somewhere else, made harmless and short enough to show.

Services and categories come from the help desk. Nothing they contain may mention people, hide text, turn its direction,
make a link, or break a limit; Slack counts UTF-16 units, so lengths here do too.
"""

import re
import unicodedata

_SPACE = re.compile(r"\s+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = re.compile(r"(?i)\bwww\.")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINER = "\u200d"
_TRAILING = "\u200d\ufe0f\u3000 "


def width(text: str) -> int:
    """Return the length in UTF-16 units.

    >>> width("a🔥")
    3
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def clip(text: str, limit: int) -> str:
    """Return the text within `limit` UTF-16 units; what is cut is marked by an ellipsis.

    >>> clip("payments", 5)
    'paym…'
    """
    if width(text) <= limit:
        return text
    room = limit - 1
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * room].decode("utf-16-le", "ignore")
    return kept.rstrip(_TRAILING) + "…"


def harmless(text: str, *, limit: int, empty: str = "?") -> str:
    r"""Return untrusted text as one visible line without mentions or links.

    >>> harmless("<!channel> see https://evil.example\u202e now", limit=80)
    '‹!channel› see https[:]//evil.example now'
    """
    seen = "".join(_visible(sign) for sign in text[: 4 * limit])
    line = _SPACE.sub(" ", seen).strip(_TRAILING)
    quoted = line.replace("<", "‹").replace(">", "›")
    unlinked = _HOST.sub("www[.]", _SCHEME.sub(r"\1[:]//", quoted))
    return clip(unlinked, limit).strip(_TRAILING) or empty


def _visible(sign: str) -> str:
    if sign == _JOINER:
        return sign
    return " " if unicodedata.category(sign) in _INVISIBLE else sign


def escaped(text: str) -> str:
    """Return text with Slack's three entities, for fields that read markup.

    >>> escaped("R&D <now>")
    'R&amp;D &lt;now&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
