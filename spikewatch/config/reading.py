"""YAML text as plain values, with the line of each, and every mistake of form at once.

What the values mean is not known here. Keys are always text, whatever they look like; a key that stands twice is a
mistake, for YAML would silently keep the last.
"""

import io
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

KeyPath: TypeAlias = tuple[str | int, ...]

_SCALARS = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "timestamp")}
_NULL = "tag:yaml.org,2002:null"
_DEEPEST = 12
_REMEDIES = {
    "\\t": "indent with spaces, not with tabs",
    "mapping values are not allowed": "a text that holds ': ' must be quoted, and a key needs a line of its own",
    "stream end": "a bracket or a quote is still open",
    "unexpected end of stream": "a bracket or a quote is still open",
    "expected ',' or": "a bracket is still open",
    "another document": "keep one configuration in the file; remove the line '---'",
    "undefined alias": "a text that starts with * or & must be quoted",
    "expected <block end>": "lines of one section must begin in the same column",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: on which line (from 1), at which key, what is wrong and what to do.

    file  the included file that it stands in; empty for the main one
    """

    line: int
    text: str
    path: KeyPath = ()
    file: str = ""

    def told(self, file: str) -> str:
        """Return the line that a person reads."""
        key = f"{dotted(self.path)}: " if self.path else ""
        return f"{self.file or file}:{self.line}: {key}{self.text}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as plain values.

    lines     where each path begins, from 1: the key of a mapping, the item of a list
    problems  mistakes of form; the values are usable all the same
    files     which file a path and all below it stands in, where that is not the main one
    """

    values: dict[str, Any]
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    files: dict[KeyPath, str] = field(default_factory=dict)

    def file_of(self, path: KeyPath) -> str:
        """Return the included file that a path stands in; empty for the main one."""
        return next(
            (self.files[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self.files),
            "",
        )

    def line_of(self, path: KeyPath) -> int:
        """Return the line of the path, or of the nearest thing around it that stands in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def dotted(path: KeyPath) -> str:
    """Write a path the way people do.

    >>> dotted(("sources", 0, "name"))
    'sources[0].name'
    """
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


def read(text: str) -> Reading:
    """Return the values of a YAML text; what is no YAML at all leaves one problem and no values."""
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(io.StringIO(text))
    except MarkedYAMLError as error:
        return Reading({}, problems=[_malformed(error)])
    except RecursionError:
        return Reading({}, problems=[Problem(1, "brackets are nested without end; close them")])
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return Reading({}, problems=[Problem(line, "the line holds a control character; remove it")])
    if root is None or not root.value:
        return Reading({}, problems=[Problem(1, "the file is empty; `spikewatch init` writes a starter")])
    if not isinstance(root, MappingNode):
        remedy = "write keys with values, such as 'timezone: Asia/Tokyo'"
        return Reading({}, problems=[Problem(1, f"this is no mapping; {remedy}")])
    reading = Reading({})
    values = _Builder(yaml, reading).value(root, ())
    return Reading(values, reading.lines, reading.problems)


def _malformed(error: MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    said = " ".join(filter(None, (error.problem, error.context)))
    remedy = next(
        (remedy for sign, remedy in _REMEDIES.items() if sign in said), "look at this line and the one above"
    )
    return Problem(line, f"column {column}: this is no YAML ({error.problem}); {remedy}")


@dataclass(frozen=True, slots=True)
class _Builder:
    yaml: YAML
    reading: Reading

    def value(self, node: Node, path: KeyPath) -> Any:  # noqa: ANN401 -- whatever the YAML holds
        self.reading.lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > _DEEPEST:
            self._mind(node, path[:3], "this is nested without end; an anchor must not hold itself")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged |= self._merged(value_node, path)
            elif not isinstance(key_node, ScalarNode):
                self._mind(key_node, path, "a key must be plain text")
            elif (key := str(key_node.value)) in values:
                before = self.reading.lines[(*path, key)]
                self._mind(key_node, (*path, key), f"stands twice, first on line {before}; keep one of them")
            else:
                self.reading.lines[(*path, key)] = key_node.start_mark.line + 1
                values[key] = self.value(value_node, (*path, key))
        return merged | values

    def _merged(self, node: Node, path: KeyPath) -> dict[str, Any]:
        parts = node.value if isinstance(node, SequenceNode) else [node]
        if not all(isinstance(part, MappingNode) for part in parts):
            self._mind(node, path, "<< must name a mapping by its anchor")
            return {}
        merged: dict[str, Any] = {}
        for part in reversed(parts):
            merged |= self._mapping(part, path)
        return merged

    def _scalar(self, node: Node, path: KeyPath) -> Any:  # noqa: ANN401 -- whatever the YAML holds
        if str(node.tag) not in _SCALARS:
            self._mind(node, path, f"the tag {node.tag} is not understood; remove it")
            return None
        if node.tag == _NULL and not node.value:
            remedy = "give it a value or remove the key (a text that begins with # must be quoted)"
            self._mind(node, path, f"is empty; {remedy}", line=self.reading.lines[path])
            return None
        try:
            return self.yaml.constructor.construct_object(node)
        except (ValueError, YAMLError):
            return node.value  # looks like a number or a date and is none: whoever expects one will say so

    def _mind(self, node: Node, path: KeyPath, text: str, *, line: int | None = None) -> None:
        self.reading.problems.append(Problem(line or node.start_mark.line + 1, text, path))
