"""Troubles that last: which answers a fault spoils, and for how long."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from spikewatch.sandbox.helpdesk.faults import Answer, Fault
from spikewatch.sandbox.helpdesk.questions import Asked, Endpoint

_OK = 200


@dataclass(frozen=True, slots=True)
class Spell:
    """A fault that spoils every answer of an endpoint in `[start, end)`.

    when  which requests it meets
    most  how many answers it spoils at most; None is all
    """

    endpoint: Endpoint
    fault: Fault
    start: datetime
    end: datetime
    when: Callable[[Asked], bool] = lambda _: True
    most: int | None = None

    def meets(self, asked: Asked, answer: Answer) -> bool:
        """Tell whether it spoils this answer; only a good one can be edited."""
        is_editable = self.fault.edit is None or answer.status == _OK
        in_time = self.start <= asked.at < self.end
        return in_time and asked.endpoint is self.endpoint and is_editable and self.when(asked)
