"""Values that several places share, by anchors and merge keys: changed in one place alone, the others go on sharing.

A place that is an alias merges what it named and overrides one key. A place that holds the anchor hands it down: what
others share stands below a merge key, or at the next of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node

from spikewatch.config.nodes import Alias, aliases, composed, end_of, entry
from spikewatch.config.writing import INDENT, Plain, flow, scalar


@dataclass(frozen=True, slots=True)
class Missing:
    """A key that a place does not have itself, with all that it has to hold: what was merged from elsewhere included."""

    path: tuple[str, ...]
    value: Plain


def set_apart(text: str, path: tuple[str, ...], wanted: Any) -> str | Missing | None:  # noqa: ANN401 -- plain YAML
    """Return a text in which the place of a path shares nothing any more that has to be another value there.

    wanted  all values, as they shall be read afterwards

    Returns the key to add where nothing stands that could be replaced, and None where nothing is shared.
    """
    shared, node = aliases(text), composed(text)
    for depth, key in enumerate(path, start=1):
        wanted = wanted[key]
        found = entry(node, key)
        if found is None:
            return Missing(path[:depth], wanted)
        name, node = found
        rest = path[depth:]
        alias = _alias_after(name, text, shared)
        if alias is not None:
            return f"{text[: alias.start]}{_instead(alias, rest, wanted)}{text[alias.end :]}"
        heir = next((each for each in shared if each.name == node.anchor), None)
        if heir is not None and rest:
            return _merged(text, name, node, own=f"{scalar(rest[0])}: {flow(wanted[rest[0]])}")
        if heir is not None:
            return _passed_on(text, node, wanted, heir=heir)
    return None


def _alias_after(key: Node, text: str, shared: Sequence[Alias]) -> Alias | None:
    """Return the alias that is the value of a key."""
    after = key.end_mark.index
    found = next((alias for alias in shared if alias.start >= after), None)
    return found if found is not None and text[after : found.start].strip(" ") == ":" else None


def _instead(alias: Alias, rest: tuple[str, ...], wanted: Any) -> str:  # noqa: ANN401 -- plain YAML
    if not rest:
        return flow(wanted)
    return f"{{<<: *{alias.name}, {scalar(rest[0])}: {flow(wanted[rest[0]])}}}"


def _passed_on(text: str, node: Node, value: Any, *, heir: Alias) -> str:  # noqa: ANN401 -- plain YAML
    """Return the text with a value of its own where an anchor stood, which the first place that shares it takes over."""
    start, end = node.start_mark.index, end_of(node)
    return f"{text[:start]}{flow(value)}{text[end : heir.start]}{text[start:end]}{text[heir.end :]}"


def _merged(text: str, key: Node, node: Node, *, own: str) -> str:
    """Return the text with an anchored mapping below a merge key, beside what its place has of its own."""
    start, end = node.start_mark.index, end_of(node)
    if isinstance(node, MappingNode) and node.flow_style:
        return f"{text[:start]}{{<<: {text[start:end]}, {own}}}{text[end:]}"
    line = text.find("\n", end)
    stop = len(text) if line < 0 else line
    indent = " " * (key.start_mark.column + INDENT)
    deeper = re.sub(r"\n(?=[^\n])", "\n" + " " * INDENT, text[start:stop])
    return f"{text[:start].rstrip(' ')}\n{indent}<<: {deeper}\n{indent}{own}{text[stop:]}"
