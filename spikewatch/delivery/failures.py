"""A port's failure as the outbox understands it."""

from spikewatch.core.outbox import Failure, Trouble
from spikewatch.ports import (
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    OutcomeUnknown,
    PortError,
    Unavailable,
)


def failure_of(error: PortError) -> Failure:
    """Return the outbox's word for a port's failure; one that it does not know may have done something."""
    match error:
        case Unavailable(reason="rate_limited"):
            return Failure(Trouble.LIMITED, str(error), error.retry_after)
        case Unavailable():
            return Failure(Trouble.UNAVAILABLE, str(error), error.retry_after)
        case CredentialsRefused():
            return Failure(Trouble.CREDENTIALS, str(error))
        case ChannelRefused():
            return Failure(Trouble.CHANNEL, str(error))
        case ContentRefused():
            return Failure(Trouble.CONTENT, str(error))
        case OutcomeUnknown() | _:
            return Failure(Trouble.UNKNOWN, str(error))
