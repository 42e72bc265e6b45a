"""`check --diff`: what a changed configuration would change in the one that a daemon runs with."""

from collections.abc import Iterator, Mapping, Sequence

from spikewatch.app.storing import store_of
from spikewatch.config import Config, Purpose, load
from spikewatch.config.differences import Change, between, changes, settings_of
from spikewatch.errors import Fault
from spikewatch.ports import InForce


def compared(config: Config, *, against: str | None, env: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines that tell what would change.

    against  another file; None: what the daemon on the configuration's store runs with

    Raises Fault where no daemon ever ran on that store, or where it cannot be read.
    """
    if against is not None:
        other = load(against, env=env, purpose=Purpose.CHECK)
        yield from told(between(other, config), than=against)
        return
    kept = _in_force(config)
    yield from told(changes(kept.settings, _seen_from_here(config, kept)), than="the configuration in force")


def told(found: Sequence[Change], *, than: str) -> Iterator[str]:
    """Yield a line for each change, and at the end what it takes for them to come into force."""
    if not found:
        yield f"nothing differs from {than}"
        return
    for change in found:
        yield f"{change}" if change.restart is None else f"{change}  [takes a restart: {change.restart}]"
    restarts = sum(change.restart is not None for change in found)
    differ = "1 setting differs" if len(found) == 1 else f"{len(found)} settings differ"
    if restarts:
        yield f"{differ}, {restarts} of them only after a restart; without one none comes into force"
    else:
        yield f"{differ}; that comes into force within seconds of a change of the daemon's file"


def _in_force(config: Config) -> InForce:
    store = store_of(config, exclusive=False)
    try:
        kept = store.in_force()
    finally:
        store.close()
    if kept is None:
        raise Fault(
            f"store {config.store}: no daemon has run on it; start `spikewatch run`, or compare files with --against"
        )
    return kept


def _seen_from_here(config: Config, kept: InForce) -> dict[str, str]:
    """Return the settings; a secret that the daemon has and this shell lacks is no difference."""
    settings = settings_of(config)
    hidden = {path: value for path, value in kept.settings.items() if value == "<secret>"}
    return hidden | settings
