"""One incident can be followed by its id: through the log, the messages and the metrics, from its opening to its end."""

import json
import logging
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMessenger, MemoryMeter
from spikewatch.adapters.prometheus.fleet import FleetRenderer
from spikewatch.core import outbox
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.core.settings import Language
from spikewatch.cycle import Cycle
from spikewatch.delivery import Deliverer
from tests.simulated_desk import JUDGED, LOGIN, STEP, Desk, Live, Surge

CHANNEL = "#desk"
BURST = Surge(LOGIN, JUDGED + timedelta(hours=1), tickets=30, buckets=2)


def plan(notices: Sequence[Notice], now: datetime) -> Sequence[Delivery]:
    """Everything is told in one channel."""
    return outbox.plan(notices, receiver="memory", channel_of=lambda _: CHANNEL, now=now)


def exposed_ids(live: Live) -> set[str]:
    """The incidents that the metrics name now."""
    assert live.cycle.snapshot is not None
    rendered = FleetRenderer().render(live.cycle.snapshot, now=live.read_until)
    return set(re.findall(r'start_timestamp_seconds\{[^}]*incident="([^"]+)"', rendered.text.plain.decode()))


def test_the_same_id_stands_in_log_message_and_metrics(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    live, messenger, clock = Live(Desk.steady(BURST)).begin(), MemoryMessenger(), ManualClock(JUDGED)
    live.cycle = Cycle(live.store, live.judged_by, plan=plan)
    deliverer = Deliverer(
        store=live.store,
        messenger=messenger,
        clock=clock,
        meter=MemoryMeter(),
        language=Language.EN,
        zone=ZoneInfo("Asia/Tokyo"),
    )
    exposed = set()

    while live.read_until < BURST.start + timedelta(hours=3):
        live.live_through(live.read_until + STEP)
        exposed |= exposed_ids(live)
        clock.advance(STEP)
        deliverer.drain()

    logged = {record.message: vars(record).get("incident") for record in caplog.records}
    said = {json.dumps(posted.message.blocks) for posted in messenger.messages(CHANNEL)}
    assert exposed == {"SW-1"}
    assert {logged[event] for event in ("incident_opened", "incident_resolved", "delivered")} == {"SW-1"}
    assert said
    assert all("SW-1" in each for each in said)
    assert exposed_ids(live) == set()
