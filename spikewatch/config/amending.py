"""Amending: the text of a configuration with some settings changed, and every other line as it was.

A dumper would reflow what it writes; so only the places are taken from the parser, and the text between them is kept as it
stands, comments, order and quotes included. What comes out is read again: either it says exactly what was asked for, or
nothing comes out.
"""

from collections.abc import Mapping
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from spikewatch.config.nodes import composed, end_of, entry
from spikewatch.config.reading import dotted, read
from spikewatch.config.sharing import Missing, set_apart
from spikewatch.config.writing import INDENT, Plain, block, flow, nested, scalar
from spikewatch.errors import Mistake

__all__ = ["Plain", "amended"]


def amended(text: str, changes: Mapping[tuple[str, ...], Plain]) -> str:
    """Return a YAML text in which these settings, by their paths, have these values.

    What a place shares with others (anchors, merge keys) is changed in that place alone. Raises Mistake where the text is
    written in a way in which that cannot be done safely.
    """
    wanted: Any = read(text).values
    for path, value in changes.items():
        _put(wanted, path, value)
        text = _changed(text, path, value, wanted=wanted)
    return text


def _changed(text: str, path: tuple[str, ...], value: Plain, *, wanted: Any) -> str:  # noqa: ANN401 -- plain YAML
    """Return the text with one value that is another; it is read again, for only that tells what it says."""
    found = _set(text, path, value)
    if read(found).values == wanted:
        return found
    apart = set_apart(text, path, wanted)
    found = _set(text, apart.path, apart.value) if isinstance(apart, Missing) else apart or text
    if read(found).values == wanted:
        return found
    raise Mistake(
        f"{dotted(path)} (line {_line(text, path)}): the file is written in a way that cannot be changed safely;"
        f" set it to {flow(value)} by hand"
    )


def _line(text: str, path: tuple[str, ...]) -> int:
    """Return the line of the deepest part of a path that stands where it is used: an alias names something further up."""
    reading = read(text)
    return max(reading.line_of(path[:depth]) for depth in range(1, len(path) + 1))


def _put(values: dict[str, Any], path: tuple[str, ...], value: Plain) -> None:
    for part in path[:-1]:
        if not isinstance(values.get(part), dict):
            values[part] = {}
        values = values[part]
    # as it is read again: text stays text, a list a list
    values[path[-1]] = read(f"value: {flow(value)}").values["value"]


def _set(text: str, path: tuple[str, ...], value: Plain) -> str:
    node, depth, parent = composed(text), 0, None
    while depth < len(path):
        found = entry(node, path[depth])
        if found is None:
            break
        parent, node, depth = found[0], found[1], depth + 1
    rest = path[depth:]
    if not rest:
        return _replaced(text, node, value)
    if isinstance(node, MappingNode) and node.flow_style:
        return _into_braces(text, node, rest, value)
    if isinstance(node, MappingNode):
        return _below(text, end_of(node), node.start_mark.column, rest, value)
    if parent is not None and isinstance(node, ScalarNode) and not node.value:
        return _below(text, parent.end_mark.index, parent.start_mark.column + INDENT, rest, value)
    return text


def _replaced(text: str, node: Node, value: Plain) -> str:
    before, after = text[: node.start_mark.index], text[end_of(node) :]
    if isinstance(node, ScalarNode) and not node.value and not before.endswith(" "):
        before += " "
    if isinstance(node, SequenceNode) and not node.flow_style:
        before = before.rstrip() + " "
    return f"{before}{flow(value)}{after}"


def _into_braces(text: str, node: MappingNode, rest: tuple[str, ...], value: Plain) -> str:
    closing = node.end_mark.index - 1
    inner = flow(nested(rest[1:], value))
    comma = ", " if node.value else ""
    before = text[:closing].rstrip() if node.value else text[:closing]
    return f"{before}{comma}{scalar(rest[0])}: {inner}{text[closing:]}"


def _below(text: str, end: int, column: int, rest: tuple[str, ...], value: Plain) -> str:
    """Return the text with new lines after the line on which something ends."""
    line = text.find("\n", end)
    at = len(text) if line < 0 else line
    lines = block(nested(rest, value), " " * column)
    return f"{text[:at]}\n{lines}{text[at:]}"
