"""The reference of all keys in Markdown, made from the schema, and so from the settings' own docstrings."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from spikewatch.config.differences import RESTART
from spikewatch.config.schema import schema

_Part: TypeAlias = Mapping[str, Any]

_HEAD = """\
# Configuration reference

Every key of `spikewatch.yaml`, generated from the settings themselves. `spikewatch check --config F` finds every mistake
in a file, `--explain` shows what holds and where it comes from, `--diff` what would change in the running daemon.

- Durations read `30s`, `5m`, `3h`, `2d`, `8w`.
- Secrets never stand in the file: they come from the environment or from files that `*_file` keys name.
- What is changed comes into force within seconds, or on SIGHUP; {restarts} take a restart.
"""


def text() -> str:
    """Return the page as the file in the repository holds it."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    whole = schema()
    names = [f"`{path}`" for path in RESTART if path != "store.password"]
    yield _HEAD.format(restarts=", ".join(names[:-1]) + " and " + names[-1])
    yield "## Top level\n"
    yield from _table(whole, whole)
    for path, part in _sections(whole, whole, path=""):
        yield f"\n## {path}\n"
        if part.get("description"):
            yield f"{_cell(part['description'])}\n"
        yield from _table(part, whole)


def _sections(part: _Part, whole: _Part, *, path: str) -> Iterator[tuple[str, _Part]]:
    """Yield every section with its path, each below the one that holds it."""
    for key, field in part.get("properties", {}).items():
        for suffix, found in _objects(field, whole):
            below = f"{path}.{key}{suffix}" if path else f"{key}{suffix}"
            yield below, found
            yield from _sections(found, whole, path=below)


def _objects(field: _Part, whole: _Part) -> Iterator[tuple[str, _Part]]:
    """Yield the sections that a key may hold, with what follows its name."""
    if "$ref" in field:
        found = whole["$defs"][field["$ref"].rpartition("/")[2]]
        if found.get("type") == "object":
            yield "", found
    for choice in (*field.get("anyOf", ()), *field.get("oneOf", ())):
        for suffix, found in _objects(choice, whole):
            kind = found["properties"].get("kind", {}).get("const")
            yield f"{suffix} (kind: {kind})" if kind else suffix, found
    if isinstance(field.get("items"), dict):
        yield from ((f"[]{suffix}", found) for suffix, found in _objects(field["items"], whole))
    inner = field.get("additionalProperties")
    if isinstance(inner, dict):
        yield from ((f".NAME{suffix}", found) for suffix, found in _objects(inner, whole))


def _table(part: _Part, whole: _Part) -> Iterator[str]:
    yield "| key | takes | default | meaning | example |"
    yield "|---|---|---|---|---|"
    needed = {*part.get("required", ()), *(("timezone",) if part is whole else ())}
    for key, field in part.get("properties", {}).items():
        default = "**needed**" if key in needed else _code(field["default"]) if "default" in field else ""
        examples = field.get("examples") or ()
        example = _code(examples[0]) if examples else ""
        meaning = _cell(_meaning(field, whole))
        yield f"| `{key}` | {_cell(_takes(field, whole))} | {default} | {meaning} | {example} |"


def _meaning(field: _Part, whole: _Part) -> str:
    """Return what a key says of itself, or else what its section says."""
    section = whole["$defs"].get(str(field.get("$ref", "")).rpartition("/")[2], {})
    return str(field.get("description") or section.get("description", ""))


def _takes(field: _Part, whole: _Part) -> str:
    """Return in words what may stand at a key."""
    if "$ref" in field:
        return _takes(whole["$defs"][field["$ref"].rpartition("/")[2]], whole)
    choices = (*field.get("anyOf", ()), *field.get("oneOf", ()))
    if choices:
        return " or ".join(dict.fromkeys(_takes(choice, whole) for choice in choices))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{word}`" for word in field.get("enum", [field.get("const")]))
    kind = field.get("type")
    if kind == "array":
        return f"list of {_takes(field.get('items', {}), whole)}"
    plain = {
        "object": "section" if "properties" in field else "names with values",
        "boolean": "`true`, `false`",
        "number": f"number{_bounds(field)}",
        "integer": f"whole number{_bounds(field)}",
    }
    return plain.get(str(kind)) or _text_kind(field)


def _text_kind(field: _Part) -> str:
    if field.get("format") in ("date", "date-time"):
        return "date" if field["format"] == "date" else "time with offset"
    pattern = field.get("pattern", "")
    if "smhdw" in pattern:
        return "duration"
    return "time of day" if "[0-5]" in pattern else "text"


def _bounds(field: _Part) -> str:
    least, most = field.get("minimum"), field.get("maximum")
    above = field.get("exclusiveMinimum")
    if least is not None and most is not None:
        return f", {least:g} to {most:g}"
    if above is not None:
        return f" above {above:g}"
    return f", at least {least:g}" if least is not None else f", at most {most:g}" if most is not None else ""


def _code(value: object) -> str:
    plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{_cell(plain)}`" if plain not in ("", "[]", "{}") else ""


def _cell(said: str) -> str:
    return said.replace("|", "\\|").replace("\n", " ")
