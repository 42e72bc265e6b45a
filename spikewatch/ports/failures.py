"""The few ways in which the outside fails: one type per different reaction.

An adapter that does not know better raises `Unavailable` for a read and `OutcomeUnknown` for a write.
"""

from datetime import timedelta


class PortError(Exception):
    """A failure of the outside; `reason` is one of a closed set and labels metrics."""

    reason = "other"


class Unavailable(PortError):
    """It may work later; nothing has happened. `retry_after` is the vendor's wish, where it stated one."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None, reason: str = "server") -> None:
        """Hold the wish and the reason: timeout, connect, rate_limited, server or parse."""
        super().__init__(message)
        self.retry_after = retry_after
        self.reason = reason


class OutcomeUnknown(PortError):
    """A write may or may not have happened: look before doing it again."""

    reason = "unknown"


class TooLarge(PortError):
    """The answer would take too long to make: the source asks for less next time, so ask again."""

    reason = "timeout"


class CredentialsRefused(PortError):
    """Nothing will work until a person mends the credentials or the permissions."""

    reason = "auth"


class CursorRefused(PortError):
    """The source does not accept the position any more: go back in time and read again."""

    reason = "cursor"


class QueryRefused(PortError):
    """This question is not answered, however often it is asked; another may be."""

    reason = "query"


class ChannelRefused(PortError):
    """This channel does not accept messages; another may."""

    reason = "channel"


class ContentRefused(PortError):
    """This content will never be accepted; a plainer form of it may."""

    reason = "content"


class MessageGone(PortError):
    """The message to be edited exists no more: post a new one."""

    reason = "gone"
