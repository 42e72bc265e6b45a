"""Where messages go, and the people who press the buttons below them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from spikewatch.core.outbox import Receipt
from spikewatch.core.wording import Message


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a receiver can do beside taking a message.

    edits          a message can be replaced in place; else `edit` raises MessageGone
    replies        something can be said below a message; else `reply` raises MessageGone
    finds          a message can be found again; else `find` finds nothing, and what is in doubt is sent again with its key
    recaps         people read it: what began and ended while it was down is told in one message
    plain          the first rung of plainness that it shows; see `core.outbox.PLAINEST`
    repeats_every  how often it wants to hear that something lasts; None: never again
    """

    edits: bool = True
    replies: bool = True
    finds: bool = True
    recaps: bool = True
    plain: int = 0
    repeats_every: timedelta | None = None


class Messenger(Protocol):
    """Where messages go. Each call makes one attempt; retrying is the outbox's business."""

    @property
    def name(self) -> str:
        """Return the configured name, for example `slack`."""
        ...

    @property
    def abilities(self) -> Abilities:
        """Return what it can do; the same for as long as it lives."""
        ...

    def post(self, message: Message, *, channel: str, key: str) -> Receipt:
        """Post a new message; `key` travels with it, so that it can be found again.

        Raises Unavailable, OutcomeUnknown, CredentialsRefused, ChannelRefused or ContentRefused.
        """
        ...

    def edit(self, receipt: Receipt, message: Message) -> None:
        """Replace a message in place; repeating it does no harm.

        Raises as `post` does, and MessageGone.
        """
        ...

    def reply(self, root: Receipt, message: Message, *, key: str) -> Receipt:
        """Post a message in the thread below another; a loud one is shown in the channel too.

        Raises as `post` does, and MessageGone where the thread is no more or takes no replies.
        """
        ...

    def find(self, *, channel: str, key: str, since: datetime, root: Receipt | None = None) -> Receipt | None:
        """Look for a message posted with the key, or for a reply below `root`; None where there is none.

        Raises Unavailable, CredentialsRefused or ChannelRefused.
        """
        ...


class Audience(Protocol):
    """The people who press buttons: who of them may, and how they are answered."""

    def may_act(self, user: str) -> bool:
        """Tell whether a person may act on incidents.

        Raises Unavailable, CredentialsRefused or ChannelRefused where that cannot be looked up.
        """
        ...

    def answer(self, address: str, text: str) -> None:
        """Say something to the one person who pressed; nobody else sees it.

        Raises Unavailable where it may work later, and ContentRefused where the address takes no more answers.
        """
        ...
