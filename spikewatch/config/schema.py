"""The JSON Schema of a configuration, for editors: made from the settings and their docstrings, so it cannot grow stale.

It sees mistakes of form: unknown keys, wrong kinds of values, words outside a closed set. What depends on more than one key
only `spikewatch check` sees.
"""

import json
from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from spikewatch.config.explaining import shown
from spikewatch.config.including import KEYS
from spikewatch.config.model import Config

NAME = "spikewatch.schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = {"type": "string", "pattern": r"^(\d+[smhdw])+$"}
_ZONE_EXAMPLES = ["Asia/Tokyo", "Asia/Seoul", "Europe/Berlin", "America/New_York", "UTC"]


class _Generator(GenerateJsonSchema):
    """Writes types the way the file does: durations as 5m, times of day as 09:00, paths and zones as text."""

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        del schema
        return dict(_DURATION)

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        del schema
        return {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$"}

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        del schema
        return {"type": "string"}

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 -- pydantic hands over any default
        return _plain(dft)


def schema() -> dict[str, Any]:
    """Return the schema."""
    made = Config.model_json_schema(by_alias=True, schema_generator=_Generator)
    properties = made["properties"]
    properties["timezone"] |= {"type": "string", "examples": _ZONE_EXAMPLES}
    for part in (made, *made.get("$defs", {}).values()):
        part.pop("title", None)
        for each in part.get("properties", {}).values():
            each.pop("title", None)
            if "description" in each:
                each["description"] = " ".join(str(each["description"]).split())
    made = _without_null(made)
    # a file of a team is edited with the same schema: it holds no time zone, and nothing but these
    del made["required"]
    team = {"required": [], "propertyNames": {"enum": list(KEYS)}}
    return {
        "$schema": _DIALECT,
        "title": "spikewatch",
        "description": "Configuration of spikewatch; a file with only `services` and `maintenance` is one that it includes.",
        **_without(made, "description"),
        "anyOf": [{"required": ["timezone"]}, team],
    }


def text() -> str:
    """Return the schema as the file in the repository holds it."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"


def _without_null(part: Any) -> Any:  # noqa: ANN401 -- any piece of a schema
    """Return a piece of schema in which no value may be empty: a key without a value is a mistake."""
    if isinstance(part, list):
        return [_without_null(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _without_null(value) for key, value in part.items() if not (key == "default" and value is None)
    }
    choices = kept.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [choice for choice in choices if choice != {"type": "null"}]
        outer = _without(kept, "anyOf")
        return {**rest[0], **outer} if len(rest) == 1 else {"anyOf": rest, **outer}
    return kept


def _without(part: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key not in keys}


def _plain(value: object) -> object:
    """Return a default as it would stand in the file."""
    match value:
        case BaseModel():
            return {
                key: _plain(inner)
                for key, inner in ((name, getattr(value, name)) for name in type(value).model_fields)
                if inner is not None
            }
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case tuple() | list() | set() | frozenset():
            return [_plain(inner) for inner in value]
        case None | bool() | int() | float():
            return value
        case timedelta() | time() | date() | datetime():
            return shown(value)
        case _:
            return str(value)
