"""The commented sample configuration, written from the settings' own docstrings so that it cannot grow stale.

`spikewatch init` writes this text, and `config/spikewatch.yaml` holds it; what is commented out shows its default.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from spikewatch.config.explaining import shown
from spikewatch.config.model import Config
from spikewatch.config.translating import keys_of, model_in

_WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:%-]*")

_HEAD = """\
# yaml-language-server: $schema=spikewatch.schema.json
# spikewatch: which tickets are counted, what is a surge, and who is told.
#
# Mistakes in here:   spikewatch check --config spikewatch.yaml
# What holds and why: spikewatch check --config spikewatch.yaml --explain
# What would change:  spikewatch check --config spikewatch.yaml --diff
#
# Durations read 30s, 5m, 3h, 2d, 8w. A key that is commented out shows its default. Secrets never stand in here: they
# come from environment variables (SPIKEWATCH_<SOURCE NAME>_CLIENT_SECRET, SPIKEWATCH_SLACK_BOT_TOKEN) or from files
# that *_file keys name.
"""

_SAMPLE: Mapping[str, Any] = {
    "timezone": "Asia/Tokyo",
    "language": "ja",
    "sources": [
        {
            "kind": "zendesk",
            "name": "desk",
            "subdomain": "acme",
            "client_id": "spikewatch",
            "service": {"from": "brand"},
            "category": {"field": 360001234567},
        }
    ],
    "store": "sqlite:///var/spikewatch.db",
    "poll": {"every": "2m"},
    "calendar": {"country": "JP", "days_off": ["2026-12-30", "2026-12-31"]},
    "detection": {"false_alarms_per_week": 1.0, "min_tickets": 5, "min_ratio": 1.5},
    "slack": {"channel": "#support-alerts"},
    "links": {"tickets": True},
    "metrics": {"listen": "127.0.0.1:9463"},
    "retention": {"counts": "53w"},
    "reconcile": {"at": "04:00"},
    "report": {"at": "Mon 09:00"},
}

_FIRST = ("timezone", "language")

_SERVICES = """\
# services:
#   payments:
#     channel: "#payments-oncall"
#     runbook: https://wiki.example.com/payments
#     categories:
#       "login*": {min_tickets: 8}
#       spam: {enabled: false}
#       leak: {rules: [{tickets: 3, within: 30m, severity: critical}]}
"""


def text() -> str:
    """Return the sample; it loads as it stands, for a Japanese desk on Zendesk."""
    lines: list[str] = []
    keys = keys_of(Config)
    for key in sorted(keys, key=lambda key: _FIRST.index(key) if key in _FIRST else len(_FIRST)):
        field = keys[key]
        lines += ["", *_said(field, indent=0)]
        if key == "services":
            lines += [*_service_keys(), *_SERVICES.splitlines()]
        else:
            lines += _entry(key, field, sample=_SAMPLE, indent=0)
    return _HEAD + "\n".join(lines) + "\n"


def _service_keys() -> Iterator[str]:
    service = model_in(Config.model_fields["services"].annotation)
    for key, field in keys_of(service).items() if service else ():
        first, *rest = textwrap.wrap(f"{key}: {field.description}", _WIDTH - 4)
        yield f"#   {first}"
        yield from (f"#     {line}" for line in rest)


def _section(model: type[BaseModel], *, sample: Mapping[str, Any], indent: int) -> Iterator[str]:
    for key, field in keys_of(model).items():
        yield from _said(field, indent=indent)
        yield from _entry(key, field, sample=sample, indent=indent)


def _said(field: FieldInfo, *, indent: int) -> Iterator[str]:
    prefix = " " * indent + "# "
    for line in (field.description or "").splitlines():
        yield from textwrap.wrap(line, _WIDTH, initial_indent=prefix, subsequent_indent=prefix)


def _entry(key: str, field: FieldInfo, *, sample: Mapping[str, Any], indent: int) -> Iterator[str]:
    space = " " * indent
    if key not in sample:
        yield f"{space}# {key}: {_default(field)}".rstrip()
        return
    model, value = model_in(field.annotation), sample[key]
    if model and isinstance(value, list):
        yield f"{space}{key}:"
        for item in value:
            yield from _item(model, item, indent=indent + 2)
    elif model and indent == 0:
        yield f"{space}{key}:"
        yield from _section(model, sample=value, indent=indent + 2)
    else:
        yield f"{space}{key}: {_flow(value)}"


def _item(model: type[BaseModel], sample: Mapping[str, Any], *, indent: int) -> Iterator[str]:
    lines = list(_section(model, sample=sample, indent=indent + 2))
    first = next(place for place, line in enumerate(lines) if not line.lstrip().startswith("#"))
    lines[first] = " " * indent + "- " + lines[first].lstrip()
    yield from lines


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None or default is PydanticUndefined or default == ():
        return _flow((field.examples or [""])[0])
    if isinstance(default, BaseModel):
        return _flow(default.model_dump(mode="json", by_alias=True, exclude_unset=True))
    return _flow(default)


def _flow(value: object) -> str:
    """Return a value on one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    plain = shown(value)
    if not isinstance(value, str) or not plain or _PLAIN.fullmatch(plain):
        return plain
    return json.dumps(plain, ensure_ascii=False)
