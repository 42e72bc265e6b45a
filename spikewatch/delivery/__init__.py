"""From the outbox to a receiver: each incident has one living message a channel, posted once and edited from then on.

What matters is also said in the thread below it: replies go out one after the other, once the message stands. A reply says
nothing that the message said already when it was posted.

A delivery is saved as being sent before the call and as sent after it, so that whatever breaks in between leaves a row
that says so; the next drain then looks in the channel before it posts again.

    deliverer    empties the outbox of one receiver
    attempting   one attempt: the call, and what becomes of the delivery
    shown        what every living message says at the moment
    composing    a delivery as a message
    pacing       when each may be tried
    failures     a port's failure as the outbox understands it
    standing_in  another way for what a receiver cannot be told
"""

from spikewatch.delivery.deliverer import Deliverer, DrainResult
from spikewatch.delivery.standing_in import StandIn

__all__ = ["Deliverer", "DrainResult", "StandIn"]
