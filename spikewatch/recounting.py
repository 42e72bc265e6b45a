"""Recounting: after the rules or names of a source have changed, its history is counted by them too, without fetching.

The store knows what is left to do, so this may end anywhere and go on at the next start. Until it is done nothing is judged.
"""

import logging
from datetime import timedelta

from spikewatch.ports import Clock, Naming, Store

STEP = 5_000
"""Tickets looked at in one transaction: a fraction of a second, so that nobody waits long for the store."""

_log = logging.getLogger(__name__)


def take_up(store: Store, source: str, naming: Naming) -> bool:
    """Count a source by its naming from now on, where its tickets were counted by another one; tell whether some move."""
    kept = store.naming(source)
    if kept is None or kept.digest == naming.digest:
        return False
    sets = store.adopt(source, naming)
    if sets:
        _log.info("recount_began", extra={"source": source, "attribute_sets": sets})
    return bool(sets)


def finish(store: Store, source: str, *, clock: Clock, step: int = STEP) -> bool:
    """Move what still counts by an earlier naming, if anything does; tell whether that is done: not when it was stopped."""
    kept = store.naming(source)
    if kept is None or not kept.is_pending:
        return True
    began, after = clock.now(), ""
    while not clock.wait(timedelta(0)):
        reached = store.recount(source, after=after, most=step)
        if reached is None:
            took = clock.real_seconds(clock.now() - began)
            _log.info("recount_ended", extra={"source": source, "seconds": round(took, 1)})
            return True
        after = reached
    return False
