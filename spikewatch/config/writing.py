"""Plain values as YAML text, which reads back as exactly these values."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Plain: TypeAlias = "str | int | float | bool | Sequence[Plain] | Mapping[str, Plain] | None"

INDENT = 2
_WORD = re.compile(r"[A-Za-z_/][\w /.-]*[\w]|[A-Za-z_]")
_MEANS_ELSE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_DURATION = re.compile(r"(?:\d+[smhdw])+")


def nested(path: tuple[str, ...], value: Plain) -> Plain:
    """Return a value below these keys.

    >>> nested(("shop", "weight"), 2)
    {'shop': {'weight': 2}}
    """
    for part in reversed(path):
        value = {part: value}
    return value


def block(value: Plain, indent: str) -> str:
    """Return a mapping as lines; what is in it and no mapping stands on its key's line."""
    lines = []
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if isinstance(inner, Mapping) and inner:
            lines += [f"{indent}{scalar(key)}:", block(inner, indent + " " * INDENT)]
        else:
            lines.append(f"{indent}{scalar(key)}: {flow(inner)}")
    return "\n".join(lines)


def flow(value: Plain) -> str:
    """Return a value on one line.

    >>> flow({"windows": ["5m", "1h"], "weight": 0.5})
    '{windows: [5m, 1h], weight: 0.5}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, Sequence):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def scalar(text: str) -> str:
    """Return a text as YAML reads it as that text: plain where that is safe, else in double quotes."""
    plain = _DURATION.fullmatch(text) or (_WORD.fullmatch(text) and text.lower() not in _MEANS_ELSE)
    return text if plain else json.dumps(text, ensure_ascii=False)
