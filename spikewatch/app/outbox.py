"""`outbox`: what is on its way to people, what is held back and why, and what was given up."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from spikewatch.adapters.clock import SystemClock
from spikewatch.announcing import EVERYBODY
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.outbox import Delivery, Stage, superseded
from spikewatch.errors import Mistake
from spikewatch.ports import Store

_NOT_DONE = (Stage.QUEUED, Stage.SENDING, Stage.UNKNOWN, Stage.DEAD, Stage.HELD)
_WAITS = (Stage.QUEUED, Stage.DEAD)
_LATELY = 50


def listed(config: Config, *, everything: bool, as_json: bool) -> Iterator[str]:
    """Yield a line a delivery that is not done; with `everything` also the newest of those that are."""
    store = store_of(config, exclusive=False)
    try:
        rows = store.deliveries()
    finally:
        store.close()
    done = [row for row in rows if row.stage not in _NOT_DONE]
    shown = [row for row in rows if row.stage in _NOT_DONE]
    if everything:
        shown = sorted([*shown, *done[-_LATELY:]], key=lambda row: row.created_at)
    if as_json:
        yield json.dumps([_object(row, config) for row in shown], ensure_ascii=False)
        return
    if not shown:
        yield "nothing waits"
    for row in shown:
        made = row.created_at.astimezone(config.timezone)
        why = f"  {row.last_error}" if row.last_error else ""
        channel = row.channel or ("every channel" if row.receiver == EVERYBODY else row.receiver)
        yield (
            f"{row.stage.value:<10}  {made:%m-%d %H:%M:%S}  {row.kind.value:<5}  {row.incident}"
            f"  {channel}  {row.attempts} attempts  {row.key}{why}"
        )


def retry(config: Config, *, key: str) -> str:
    """Send a delivery at once that waits or was given up, in its fullest form; `all` means every one that was given up."""
    now = SystemClock().now()
    store = store_of(config, exclusive=False, guest=True)
    try:
        chosen = _chosen(store, key, stages=_WAITS)
        for row in chosen:
            store.save_delivery(replace(row, stage=Stage.QUEUED, due=now, plain=0, attempts=0, receipt=None))
    finally:
        store.close()
    return f"{_many(chosen)} tried again within seconds, once a daemon runs"


def drop(config: Config, *, key: str) -> str:
    """Give a delivery up that waits, is held back or was given up already; `all` means every one that was given up."""
    store = store_of(config, exclusive=False, guest=True)
    try:
        chosen = _chosen(store, key, stages=(*_WAITS, Stage.HELD))
        for row in chosen:
            store.save_delivery(superseded(row, why="dropped by hand"))
    finally:
        store.close()
    return f"{_many(chosen)} never told"


def _chosen(store: Store, key: str, *, stages: Sequence[Stage]) -> Sequence[Delivery]:
    rows = store.deliveries()
    if key == "all":
        return [row for row in rows if row.stage is Stage.DEAD]
    found = next((row for row in rows if row.key == key), None)
    if found is None:
        raise Mistake(f"{key}: there is no such delivery; spikewatch outbox list shows what waits")
    if found.stage not in stages:
        raise Mistake(f"{key} is {found.stage.value}; only what is {' or '.join(stages)} can be changed")
    return [found]


def _many(rows: Sequence[Delivery]) -> str:
    return "1 delivery is" if len(rows) == 1 else f"{len(rows)} deliveries are"


def _object(row: Delivery, config: Config) -> dict[str, object]:
    zone = config.timezone
    return {
        "key": row.key,
        "incident": row.incident,
        "receiver": row.receiver,
        "channel": row.channel or None,
        "kind": row.kind.value,
        "stage": row.stage.value,
        "attempts": row.attempts,
        "created_at": row.created_at.astimezone(zone).isoformat(),
        "due": row.due.astimezone(zone).isoformat(),
        "last_error": row.last_error,
    }
