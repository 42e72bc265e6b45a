"""Amending: the text of a configuration with some settings changed, and every other line as it was.

A dumper would reflow what it writes; so only the places are taken from the parser, and the text between them is kept as it
stands, comments, order and quotes included. What comes out is read again: either it says exactly what was asked for, or
nothing comes out.
"""

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from spikewatch.config.reading import dotted, read
from spikewatch.errors import Mistake

Plain: TypeAlias = "str | int | float | bool | Sequence[Plain] | Mapping[str, Plain] | None"

_INDENT = 2
_WORD = re.compile(r"[A-Za-z_/][\w /.-]*[\w]|[A-Za-z_]")
_MEANS_ELSE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_DURATION = re.compile(r"(?:\d+[smhdw])+")


def amended(text: str, changes: Mapping[tuple[str, ...], Plain]) -> str:
    """Return a YAML text in which these settings, by their paths, have these values.

    Raises Mistake where the text is written in a way (with anchors, say) in which that cannot be done safely.
    """
    wanted: Any = read(text).values
    for path, value in changes.items():
        _put(wanted, path, value)
        text = _set(text, path, value)
        if read(text).values != wanted:
            raise Mistake(
                f"{dotted(path)}: the file is written in a way that cannot be changed safely;"
                f" set it to {_flow(value)} by hand"
            )
    return text


def _put(values: dict[str, Any], path: tuple[str, ...], value: Plain) -> None:
    for part in path[:-1]:
        if not isinstance(values.get(part), dict):
            values[part] = {}
        values = values[part]
    # as it is read again: text stays text, a list a list
    values[path[-1]] = read(f"value: {_flow(value)}").values["value"]


def _set(text: str, path: tuple[str, ...], value: Plain) -> str:
    root = YAML(typ="safe", pure=True).compose(io.StringIO(text))
    node, depth, parent = root, 0, None
    while depth < len(path):
        found = _entry(node, path[depth])
        if found is None:
            break
        parent, node, depth = found[0], found[1], depth + 1
    rest = path[depth:]
    if not rest:
        return _replaced(text, node, value)
    if isinstance(node, MappingNode) and node.flow_style:
        return _into_braces(text, node, rest, value)
    if isinstance(node, MappingNode):
        return _below(text, _end(node), node.start_mark.column, rest, value)
    if parent is not None and isinstance(node, ScalarNode) and not node.value:
        return _below(text, parent.end_mark.index, parent.start_mark.column + _INDENT, rest, value)
    return text


def _entry(node: Node, key: str) -> tuple[Node, Node] | None:
    """Return key and value of an entry of a mapping."""
    if not isinstance(node, MappingNode):
        return None
    return next(((name, value) for name, value in node.value if name.value == key), None)


def _replaced(text: str, node: Node, value: Plain) -> str:
    before, after = text[: node.start_mark.index], text[_end(node) :]
    if isinstance(node, ScalarNode) and not node.value and not before.endswith(" "):
        before += " "
    if isinstance(node, SequenceNode) and not node.flow_style:
        before = before.rstrip() + " "
    return f"{before}{_flow(value)}{after}"


def _into_braces(text: str, node: MappingNode, rest: tuple[str, ...], value: Plain) -> str:
    closing = node.end_mark.index - 1
    inner = _flow(_nested(rest[1:], value))
    comma = ", " if node.value else ""
    before = text[:closing].rstrip() if node.value else text[:closing]
    return f"{before}{comma}{_scalar(rest[0])}: {inner}{text[closing:]}"


def _below(text: str, end: int, column: int, rest: tuple[str, ...], value: Plain) -> str:
    """Return the text with new lines after the line on which something ends."""
    line = text.find("\n", end)
    at = len(text) if line < 0 else line
    lines = _block(_nested(rest, value), " " * column)
    return f"{text[:at]}\n{lines}{text[at:]}"


def _end(node: Node) -> int:
    """Return where the content of a node ends, comments after it left out."""
    if isinstance(node, ScalarNode):
        is_block = node.style in ("|", ">")
        return node.end_mark.index - 1 if is_block else node.end_mark.index
    if isinstance(node, MappingNode) and node.value and not node.flow_style:
        return max(_end(part) for part in node.value[-1])
    if isinstance(node, SequenceNode) and node.value and not node.flow_style:
        return _end(node.value[-1])
    return int(node.end_mark.index)


def _nested(path: tuple[str, ...], value: Plain) -> Plain:
    for part in reversed(path):
        value = {part: value}
    return value


def _block(value: Plain, indent: str) -> str:
    """Return a mapping as lines; what is in it and no mapping stands on its key's line."""
    lines = []
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if isinstance(inner, Mapping) and inner:
            lines += [f"{indent}{_scalar(key)}:", _block(inner, indent + " " * _INDENT)]
        else:
            lines.append(f"{indent}{_scalar(key)}: {_flow(inner)}")
    return "\n".join(lines)


def _flow(value: Plain) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, Sequence):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _scalar(text: str) -> str:
    """Return a text as YAML reads it as that text: plain where that is safe, else in double quotes."""
    plain = _DURATION.fullmatch(text) or (_WORD.fullmatch(text) and text.lower() not in _MEANS_ELSE)
    return text if plain else json.dumps(text, ensure_ascii=False)
