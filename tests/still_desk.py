"""A desk of three weeks with a surge, and the configuration of a daemon that reads it, on a clock that stands still."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from spikewatch.adapters.clock import ManualClock
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown

NOW = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
HISTORY = timedelta(weeks=3)
MINUTE = timedelta(minutes=1)
FIELD = 900
CATALOGUE = Catalogue({1: "shop"}, (DropDown(FIELD, "Category", {"login": "Log-in"}),))
CONFIG = """\
timezone: Asia/Tokyo
language: en
bucket: 15m
history: 3w
store: sqlite:///{store}
sources:
  - kind: zendesk
    name: desk
    url: {desk}
    client_id: tests
    category: {{field: 900}}
    requests_per_minute: 100
    backfill_requests_per_minute: 100
slack: {{channel: "#ops", url: "{chat}"}}
metrics: {{listen: "127.0.0.1:0"}}
"""
SECRETS = {"SPIKEWATCH_DESK_CLIENT_SECRET": "s3cret", "SPIKEWATCH_SLACK_BOT_TOKEN": "xoxb-sandbox"}


class StillClock(ManualClock):
    """A clock that stands still, on which a second is a second of the machine."""

    def real_seconds(self, duration: timedelta) -> float:
        return duration.total_seconds()


def ticket(number: int, created: datetime) -> DeskTicket:
    return DeskTicket(number, created, int(created.timestamp()), brand_id=1, values=((FIELD, "login"),))


def steady(*, surge_at: datetime) -> Iterator[DeskTicket]:
    """Yield one ticket in ten minutes for weeks and on into the day, and sixty in half an hour from `surge_at` on."""
    for number in range((HISTORY + timedelta(days=3)) // (10 * MINUTE)):
        yield ticket(1 + number, NOW - HISTORY - timedelta(days=2) + number * 10 * MINUTE)
    for number in range(60):
        yield ticket(100_000 + number, surge_at + number * MINUTE / 2)
