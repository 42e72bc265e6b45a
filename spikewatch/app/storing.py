"""The store that a configuration names, opened in the one way that fits all of it."""

from spikewatch.adapters.sql_store import SqlStore, open_store
from spikewatch.config import Config


def store_of(config: Config, *, exclusive: bool = True, guest: bool = False) -> SqlStore:
    """Open the store of a configuration.

    exclusive  be the only daemon on it; without it the store exists already and is only read
    guest      write beside a daemon, a row now and then; only without `exclusive`

    Raises Fault where it cannot be used: the message says why and what to do about it.
    """
    return open_store(
        config.store,
        step=config.bucket,
        exclusive=exclusive,
        guest=guest,
        password=config.secret("store.password"),
        renames=config.renames,
    )
