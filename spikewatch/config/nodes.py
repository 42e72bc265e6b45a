"""Where the parts of a YAML text stand: nodes as the parser found them, and the aliases that it resolves silently."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode


@dataclass(frozen=True, slots=True)
class Alias:
    """A place that takes its value from an anchor: `*name` in `[start, end)` of the text."""

    name: str
    start: int
    end: int


def composed(text: str) -> Node:
    """Return the root of a text; an alias is the very node that its anchor names."""
    return YAML(typ="safe", pure=True).compose(io.StringIO(text))


def aliases(text: str) -> Sequence[Alias]:
    """Return every alias of a text, in order."""
    events = YAML(typ="safe", pure=True).parse(io.StringIO(text))
    return [
        Alias(event.anchor, event.start_mark.index, event.end_mark.index)
        for event in events
        if isinstance(event, AliasEvent)
    ]


def entry(node: Node, key: str) -> tuple[Node, Node] | None:
    """Return key and value of an entry of a mapping, of those that stand in it and are not merged into it."""
    if not isinstance(node, MappingNode):
        return None
    return next(((name, value) for name, value in node.value if name.value == key), None)


def end_of(node: Node) -> int:
    """Return where the content of a node ends, comments after it left out."""
    if isinstance(node, ScalarNode):
        is_block = node.style in ("|", ">")
        return node.end_mark.index - 1 if is_block else node.end_mark.index
    if isinstance(node, MappingNode) and node.value and not node.flow_style:
        return max(end_of(part) for part in node.value[-1])
    if isinstance(node, SequenceNode) and node.value and not node.flow_style:
        return end_of(node.value[-1])
    return int(node.end_mark.index)
