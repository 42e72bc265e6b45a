"""What one request asks, how it may go wrong, and how it is refused."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived."""

    method: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour, used up by the next call of its method.

    status, headers, body  answered instead of the truth; without a body the truth is answered with that status
    drop_before            the connection ends before anything happened
    drop_after             everything happens, and then the connection ends without an answer
    delay_s                the answer comes so many real seconds late
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    drop_before: bool = False
    drop_after: bool = False
    delay_s: float = 0.0


class Refusal(Exception):
    """An answer that is not ok."""

    def __init__(
        self, error: str, *, status: int = 200, details: Sequence[str] = (), retry_after: int = 0
    ) -> None:
        """Hold Slack's error code, and what goes with it."""
        super().__init__(error)
        self.error = error
        self.status = status
        self.details = tuple(details)
        self.retry_after = retry_after


def decoded(value: Any) -> Any:
    """Return a value that may arrive as text of JSON."""
    return json.loads(value) if isinstance(value, str) else value


def is_true(value: Any) -> bool:
    """Tell whether an argument means yes."""
    return str(value or "").lower() in ("1", "true")
