"""Log lines: one event, one line. `key=value` for people at a terminal, one JSON object for machines.

The rest of the program uses the standard library: `log.info("surge_began", extra={"service": ...})`. Only this module
knows how a line looks, that other people's loggers are kept quiet, and which values are secret.
"""

import json as json_format
import logging
import math
from collections.abc import Iterable, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from typing import Any, TextIO, TypeAlias
from urllib.parse import quote, quote_plus

import structlog

QUIET = ("alembic", "apscheduler", "matplotlib", "slack_sdk", "urllib3", "zenpy")
"""Loggers of others: they speak up from WARNING only."""

SECRET = "<secret>"  # noqa: S105 -- what is shown in place of a secret

_Event: TypeAlias = MutableMapping[str, Any]
# A handler that formats the record before ours, such as a test runner's, leaves the last three on it.
_STANDARD = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "taskName"}
_LEADING = ("timestamp", "level", "event", "logger")


class _LineHandler(logging.StreamHandler[TextIO]):
    """Our own handler, told apart from those that a test runner adds."""


def configure(stream: TextIO, *, level: str, json: bool | None = None, secrets: Iterable[str] = ()) -> None:
    """Send all log records to the stream as single lines; repeating it replaces what was configured before.

    level    debug, info, warning or error
    json     None: JSON unless the stream is a terminal
    secrets  values that must never appear; they are replaced wherever they stand, also URL-quoted and in tracebacks
    """
    as_json = not stream.isatty() if json is None else json
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_fields],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _Plain(secrets),
            _json_line if as_json else _key_value_line,
        ],
    )
    handler = _LineHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _LineHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _fields(_logger: object, _method: str, event: _Event) -> _Event:
    record: logging.LogRecord = event["_record"]
    moment = datetime.fromtimestamp(record.created, tz=UTC)
    leading = {
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "event": event["event"],
        "logger": record.name,
    }
    extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    rest = {**extra, **event}
    return leading | {key: value for key, value in rest.items() if key not in leading}


class _Plain:
    """Turns every value into what JSON can hold, without secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings: set[str] = set()
        for secret in filter(None, secrets):
            spellings |= {secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1]}
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __call__(self, _logger: object, _method: str, event: _Event) -> _Event:
        """Return the event with plain values."""
        return {self._masked(key): self._plain(value) for key, value in event.items()}

    def _plain(self, value: object) -> object:
        plain: object
        match value:
            case None | bool():
                plain = value
            case int() | float():
                plain = self._number(value)
            case date():
                plain = value.isoformat()
            case timedelta():
                plain = self._number(value.total_seconds())
            case Mapping():
                plain = {self._masked(str(key)): self._plain(inner) for key, inner in value.items()}
            case list() | tuple() | AbstractSet():
                plain = [self._plain(inner) for inner in value]
            case _:
                plain = self._masked(str(value))
        return plain

    def _number(self, value: float) -> object:
        shown = str(value)
        if self._masked(shown) != shown:
            return self._masked(shown)
        return value if math.isfinite(value) else shown

    def _masked(self, text: str) -> str:
        for spelling in self._spellings:
            text = text.replace(spelling, SECRET)
        return text


def _quoted(value: object) -> str:
    text = json_format.dumps(value, ensure_ascii=False)
    # JSON leaves alone what some readers take for the end of a line, and halves of characters that no stream can encode.
    for sign in "\x7f\x85\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode("utf-8", "backslashreplace").decode()


def _json_line(_logger: object, _method: str, event: _Event) -> str:
    return _quoted(dict(event))


def _key_value_line(_logger: object, _method: str, event: _Event) -> str:
    leading = (_bare(event.get(key, "")) for key in _LEADING[:-1])
    fields = (f"{_bare(key)}={_bare(value)}" for key, value in event.items() if key not in _LEADING)
    return " ".join((*leading, *fields))


def _bare(value: object) -> str:
    if isinstance(value, str) and value and value.isprintable() and not set(value) & set(" \"'=\\"):
        return value
    return _quoted(value)
