"""`ports.Messenger` into lists, which fails on request."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from threading import RLock

from spikewatch.core.outbox import Receipt
from spikewatch.core.wording import Message
from spikewatch.ports import Abilities, MessageGone, PortError

FULL = Abilities()
"""All that Slack can do."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A message as a memory channel holds it."""

    receipt: Receipt
    key: str
    message: Message
    edits: int = 0
    root: Receipt | None = None
    """The message below which it stands; None for a message of its own."""


class MemoryMessenger:
    """A messenger whose channels are lists, and which fails when it is told to."""

    def __init__(self, *, name: str = "memory", abilities: Abilities = FULL) -> None:
        """Begin without messages; what it lacks it refuses as a receiver of that kind would."""
        self._name = name
        self._abilities = abilities
        self._lock = RLock()
        self._numbers = count(1)
        self._posted: dict[Receipt, Posted] = {}
        self._failures: deque[tuple[PortError, bool]] = deque()

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    @property
    def abilities(self) -> Abilities:
        """What it can do."""
        return self._abilities

    def fail_next(self, *errors: PortError, done: bool = False) -> None:
        """Raise these at the next calls, one a call; with `done` the call does its work first, as when an answer is lost."""
        with self._lock:
            self._failures.extend((error, done) for error in errors)

    def messages(self, channel: str) -> Sequence[Posted]:
        """Return what stands in a channel, in the order of posting; replies stand in their threads."""
        with self._lock:
            return [
                each for each in self._posted.values() if each.receipt.channel == channel and not each.root
            ]

    def replies(self, root: Receipt) -> Sequence[Posted]:
        """Return what stands in the thread below a message, in the order of posting."""
        with self._lock:
            return [each for each in self._posted.values() if each.root == root]

    def remove(self, receipt: Receipt) -> None:
        """Delete a message, as a person may."""
        with self._lock:
            del self._posted[receipt]

    def post(self, message: Message, *, channel: str, key: str) -> Receipt:
        """Post a new message."""
        with self._attempt():
            receipt = Receipt(channel, str(next(self._numbers)))
            self._posted[receipt] = Posted(receipt, key, message)
            return receipt

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Replace a message in place."""
        with self._attempt():
            posted = self._posted.get(receipt)
            if posted is None or not self._abilities.edits:
                raise MessageGone(f"{receipt.channel} has no message {receipt.message}")
            self._posted[receipt] = replace(posted, message=message, edits=posted.edits + 1)

    def reply(self, root: Receipt, message: Message, *, key: str) -> Receipt:
        """Post a message in the thread below another."""
        with self._attempt():
            if root not in self._posted or not self._abilities.replies:
                raise MessageGone(f"{root.channel} has no message {root.message}")
            receipt = Receipt(root.channel, str(next(self._numbers)))
            self._posted[receipt] = Posted(receipt, key, message, root=root)
            return receipt

    def find(
        self,
        *,
        channel: str,
        key: str,
        since: datetime,  # noqa: ARG002 -- part of the port; without a clock nothing here is too old to be found
        root: Receipt | None = None,
    ) -> Receipt | None:
        """Look for a message posted with the key."""
        with self._attempt():
            if not self._abilities.finds:
                return None
            found = [each for each in self._posted.values() if each.key == key and each.root == root]
            return next((each.receipt for each in found if root or each.receipt.channel == channel), None)

    @contextmanager
    def _attempt(self) -> Iterator[None]:
        with self._lock:
            error, done = self._failures.popleft() if self._failures else (None, False)
            if error is not None and not done:
                raise error
            yield
            if error is not None:
                raise error
