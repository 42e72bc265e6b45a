"""What a receiver shows of a notice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """What a receiver shows: a full sentence for notifications, and blocks (Slack Block Kit) for the eye.

    urgent  somebody should look now: a receiver may call people by name when it posts this
    """

    text: str
    blocks: Sequence[Mapping[str, object]] = field(default_factory=tuple)
    urgent: bool = False
