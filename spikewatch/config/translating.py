"""What pydantic found wrong, in plain words with a remedy, at the line where it stands.

No word of pydantic's own reaches a person, and no value of a key that could hold a secret.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from spikewatch.config.reading import KeyPath, Problem, Reading
from spikewatch.core.settings import format_duration


class Misfit(ValueError):
    """A value that does not fit another one; `at` is the path below the field that was checked."""

    def __init__(self, message: str, *, at: KeyPath) -> None:
        """Hold the message and where it belongs."""
        super().__init__(message)
        self.at = at


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant; None where none comes close.

    >>> nearest("min_ticket", ["min_ratio", "min_tickets"])
    'min_tickets'
    """
    by_folded = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def problems_of(error: ValidationError, *, model: type[BaseModel], reading: Reading) -> list[Problem]:
    """Return every mistake that pydantic found, each at its line."""
    problems = []
    for detail in error.errors(include_url=False):
        path = _path_in(reading.values, detail["loc"])
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Misfit):
            path = (*path, *cause.at)
        if detail["type"].startswith("union_tag_"):
            path = (*path, str(detail["ctx"]["discriminator"]).strip("'"))
        problems.append(Problem(reading.line_of(path), _said(detail, path, model=model), path))
    return problems


def _path_in(values: object, loc: Sequence[str | int]) -> KeyPath:
    """Return the location as it stands in the file: pydantic adds the names of union members, which do not."""
    path: list[str | int] = []
    loc = loc[:-1] if loc and loc[-1] == "[key]" else loc
    for place, part in enumerate(loc):
        is_last = place == len(loc) - 1
        if isinstance(values, dict) and part == values.get("kind") and part not in values:
            continue  # which of several settings classes it is
        if isinstance(values, dict) and (part in values or is_last):
            path.append(part)
            values = values.get(part)
        elif isinstance(values, list) and isinstance(part, int):
            path.append(part)
            values = values[part] if part < len(values) else None
    return tuple(path)


def _said(detail: ErrorDetails, path: KeyPath, *, model: type[BaseModel]) -> str:
    context, given = detail.get("ctx", {}), detail["input"]
    kind = "float_type" if isinstance(given, float) and math.isnan(given) else detail["type"]
    if kind.startswith("union_tag_"):
        return _of_no_kind(context, known=_kinds_at(model, detail["loc"]))
    if kind == "missing":
        return _missing(str(path[-1]), section=_model_at(model, detail["loc"][:-1]))
    if kind == "extra_forbidden":
        return _unknown(str(path[-1]), section=_model_at(model, detail["loc"][:-1]))
    if given is None:
        return "is empty; give it a value or remove the key (a text that begins with # must be quoted)"
    if kind == "value_error":
        cause = context["error"]
        return (
            _said(cause.errors()[0], path, model=model) if isinstance(cause, ValidationError) else str(cause)
        )
    return (
        _choice(kind, context, given)
        or _bounds(kind, context, given)
        or _shape(kind, context, given)
        or f"{_named(given)}: {detail['msg'].lower()}"
    )


def _of_no_kind(context: dict[str, Any], *, known: Sequence[str]) -> str:
    if "tag" not in context:
        return "is missing; write one of " + ", ".join(known)
    return _not_among(str(context["tag"]), ", ".join(known))


def _choice(kind: str, context: dict[str, Any], given: object) -> str | None:
    if kind not in ("enum", "literal_error"):
        return None
    return _not_among(str(given), str(context.get("expected", "")))


def _missing(key: str, *, section: type[BaseModel] | None) -> str:
    field = keys_of(section).get(key) if section else None
    example = (field.examples or [None])[0] if field else None
    return "is missing; add it" + (f", for example {key}: {example}" if example is not None else "")


def _unknown(key: str, *, section: type[BaseModel] | None) -> str:
    known = sorted(keys_of(section)) if section else []
    near = nearest(key, known)
    if near:
        return f"is no known key; did you mean {near}?"
    return "is no known key; known here: " + ", ".join(known)


def _not_among(given: str, expected: str) -> str:
    known = [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]
    near = nearest(given, known)
    return f"{given!r} is not understood; " + (
        f"did you mean {near}?" if near else "use " + " or ".join(known)
    )


def _bounds(kind: str, context: dict[str, Any], given: object) -> str | None:
    match kind:
        case "greater_than_equal":
            return f"{given} is too small; use {_shown(context['ge'])} or more"
        case "greater_than":
            return f"{given} is too small; use more than {_shown(context['gt'])}"
        case "less_than_equal":
            return f"{given} is too large; use {_shown(context['le'])} or less"
        case "less_than":
            return f"{given} is too large; use less than {_shown(context['lt'])}"
        case "too_short" | "string_too_short":
            return (
                "is empty; name at least one"
                if kind == "too_short"
                else "is empty; write at least one character"
            )
        case _:
            return None


def _shown(bound: float | timedelta) -> str:
    return format_duration(bound) if isinstance(bound, timedelta) else f"{bound:g}"


_SHAPES = (
    ("int_", "is no whole number; write digits, such as 5"),
    ("float_", "is no number; write digits, such as 1.5"),
    ("finite_", "is no number; write digits, such as 1.5"),
    ("bool_", "is neither true nor false; write one of them"),
    ("date_", "is no date; write it as 2026-12-30"),
    ("datetime_", "is no time; write it with its offset, as 2026-12-30T09:00:00+09:00"),
    ("path_", "is no path; write one, such as /run/secrets/name"),
    ("url_", "is no address; write one that begins with https://"),
)


def _shape(kind: str, context: dict[str, Any], given: object) -> str | None:
    if kind == "string_type":
        return (
            f"{given!r} is no text; put it in quotes"
            if _is_plain(given)
            else "must be a text, not a section or a list"
        )
    if kind == "string_pattern_mismatch":
        return f"{given!r} has a form that is not accepted; it must match {context['pattern']}"
    if kind in ("model_type", "model_attributes_type", "dict_type", "mapping_type", "dataclass_type"):
        return f"{_named(given)} is no section; write keys with values, indented below it"
    if kind in ("tuple_type", "list_type", "set_type", "frozen_set_type"):
        return f"{_named(given)} is no list; write it in brackets, such as [a, b]"
    remedy = next((remedy for prefix, remedy in _SHAPES if kind.startswith(prefix)), None)
    return f"{_named(given)} {remedy}" if remedy else None


def _named(given: object) -> str:
    """Return a value for a message; of a section or a list only that it is one, for it may hold anything."""
    if isinstance(given, dict):
        return "a section"
    return "a list" if isinstance(given, list) else repr(given)


def _is_plain(given: object) -> bool:
    return not isinstance(given, dict | list)


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """Return the settings class that a path of the file leads to."""
    found: Any = model
    for part in path:
        found = _inside(found, part)
    return found if _is_model(found) else next(filter(_is_model, get_args(found)), None)


def _inside(annotation: Any, part: str | int) -> Any:  # noqa: ANN401 -- types as the typing module spells them
    if _is_model(annotation):
        if part in _kinds_of(annotation):
            return annotation
        field = keys_of(annotation).get(str(part))
        return field.annotation if field else None
    inner = get_args(annotation)
    if get_origin(annotation) is dict:
        return inner[1]
    if get_origin(annotation) is tuple and isinstance(part, int):
        return inner[0]
    return next((found for member in inner if (found := _inside(member, part)) is not None), None)


def _kinds_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    """Return the kinds of settings that may stand at a path."""
    found: Any = model
    for part in path:
        found = _inside(found, part)
    union = next(iter(get_args(found)), None)
    return [kind for member in get_args(union) for kind in _kinds_of(member)]


def _kinds_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return what `kind` says in a settings class that has one."""
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a settings class by the key that stands in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _is_model(annotation: Any) -> bool:  # noqa: ANN401 -- a type as the typing module spells it
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 -- a type as the typing module spells it
    """Return the settings class inside an annotation such as `dict[str, X]`, `tuple[X, ...]` or `X | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := model_in(inner))), None)
