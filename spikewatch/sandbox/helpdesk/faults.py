"""How a simulated desk misbehaves: one fault spoils one answer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Self

_HTML = b"<!doctype html><title>Maintenance</title><p>We will be back soon.</p>"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `drop` means that the connection ends without one, `breaks_off` in the middle of its body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    delay: timedelta = timedelta(0)
    breaks_off: bool = False

    @classmethod
    def of(cls, status: int, value: Any, *, headers: Mapping[str, str] | None = None) -> Self:
        """Return a JSON answer."""
        body = json.dumps(value, separators=(",", ":")).encode()
        return cls(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})

    @classmethod
    def plain(cls, status: int, text: str, *, headers: Mapping[str, str] | None = None) -> Self:
        """Return an answer of plain text."""
        return cls(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one answer instead; what is not named stays as it would have been.

    headers     on top of those of the real answer; an empty one takes the header away
    edit        receives the JSON value of the real answer and returns the one to send
    truncate    sends the first half of the body, as if it were all
    drop        ends the connection without an answer
    delay       of the machine's time, before the answer; stopping the desk ends it
    breaks_off  ends the connection after the headers and half of the body
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    edit: Callable[[Any], Any] | None = None
    truncate: bool = False
    drop: bool = False
    delay: timedelta = timedelta(0)
    breaks_off: bool = False

    @classmethod
    def error(cls, status: int, *, retry_after: str | None = None) -> Self:
        """Return a failure in JSON, as 429 and 5xx come, with a Retry-After where given."""
        headers = {"Content-Type": "application/json"}
        if retry_after is not None:
            headers["Retry-After"] = retry_after
        return cls(status=status, headers=headers, body=json.dumps({"error": f"Simulated{status}"}).encode())

    @classmethod
    def html(cls, *, status: int = 200) -> Self:
        """Return a maintenance page, by default with a status that says all is well."""
        return cls(status=status, headers={"Content-Type": "text/html; charset=utf-8"}, body=_HTML)

    def spoil(self, answer: Answer) -> Answer:
        """Return the answer as it goes out."""
        body = answer.body if self.body is None else self.body
        if self.edit is not None:
            body = json.dumps(self.edit(json.loads(body))).encode()
        if self.truncate:
            body = body[: len(body) // 2]
        return replace(
            answer,
            status=answer.status if self.status is None else self.status,
            headers={**answer.headers, **self.headers},
            body=body,
            drop=self.drop,
            delay=self.delay,
            breaks_off=self.breaks_off,
        )
