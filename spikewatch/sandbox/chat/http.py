"""The stand-in for Slack on HTTP: which address leads where."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from spikewatch.sandbox.chat.exchange import Fault, Json

Answer: TypeAlias = tuple[Fault, int, Json, Mapping[str, str]]
"""The fault to act out, the status, the body and the headers of one call."""

_METHOD = re.compile(r"^/api/([A-Za-z.]+)/?$")

_UPLOAD = re.compile(r"^/upload/(F[0-9]+)$")

_ANSWER = re.compile(r"^/answers/(\d+)$")


@dataclass(frozen=True, slots=True)
class Doors:
    """What requests lead to.

    answer  a call of the Web API
    upload  the bytes of a file by its name; returns the status
    told    an answer to a press by its number; returns status and text
    press   a press of a button, as JSON; returns status and text
    """

    answer: Callable[..., Answer]
    upload: Callable[[str, bytes], int]
    told: Callable[[str, bytes], tuple[int, str]]
    press: Callable[[bytes], tuple[int, str]]


def handler(doors: Doors) -> type[BaseHTTPRequestHandler]:
    """Return what serves the doors."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- named so by the parent
            """Stay silent: the terminal belongs to the story."""

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            told = _ANSWER.match(path)
            if told is not None:
                taken, text = doors.told(told.group(1), raw)
                self._send(taken, text.encode(), {})
                return
            if path == "/press":
                taken, text = doors.press(raw)
                self._send(taken, text.encode(), {})
                return
            upload = _UPLOAD.match(path)
            if upload is not None:
                self._send(doors.upload(upload.group(1), raw), b"OK", {})
                return
            method = _METHOD.match(path)
            fault, status, body, headers = doors.answer(
                method.group(1) if method else "",
                _arguments(raw, kind=self.headers.get("Content-Type", "")),
                authorization=self.headers.get("Authorization", ""),
            )
            if fault.drop_before or fault.drop_after:
                self.close_connection = True
                return
            payload = fault.body if fault.body is not None else json.dumps(body, ensure_ascii=False)
            with suppress(OSError):
                self._send(status, payload.encode(), headers)

        def _send(self, status: int, payload: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            given = {
                "Content-Type": "application/json; charset=utf-8",
                "Content-Length": str(len(payload)),
                **headers,
            }
            for name, value in given.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

    return Handler


def _arguments(raw: bytes, *, kind: str) -> Json:
    if "json" in kind:
        with suppress(ValueError):
            decoded = json.loads(raw)
            if isinstance(decoded, dict):
                return decoded
    return {name: values[0] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}
