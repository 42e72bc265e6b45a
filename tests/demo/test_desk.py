"""The desk that `sandbox desk` serves lives in the present: a daemon that is pointed at it finds tickets of now."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.demo.desk import CLIENT_ID, CLIENT_SECRET, desk_of, story_near
from spikewatch.lab.synthetic import demo_world
from spikewatch.ports import Position


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        ("2027-03-08T06:00:00+09:00", "2027-03-08T06:00:00+09:00"),
        ("2027-03-08T14:00:00+09:00", "2027-03-08T06:00:00+09:00"),
        ("2027-03-08T14:00:01+09:00", "2027-03-15T06:00:00+09:00"),
        ("2027-03-10T12:00:00+09:00", "2027-03-15T06:00:00+09:00"),
        ("2027-03-14T23:59:00+00:00", "2027-03-15T06:00:00+09:00"),
    ],
)
def test_the_story_is_that_of_the_next_monday_whose_outage_is_still_to_come(now: str, begins: str) -> None:
    found = story_near(datetime.fromisoformat(now))

    assert found.isoformat() == begins


def test_a_source_that_reads_the_desk_is_up_to_date_at_whatever_time_that_is() -> None:
    now = datetime(2027, 3, 10, 3, tzinfo=UTC)
    clock, world = ManualClock(now), demo_world(start_of_live=story_near(now))

    with desk_of(world, now=clock.now) as desk:
        settings = ZendeskSettings.model_validate(
            {
                "name": "desk",
                "kind": "zendesk",
                "url": desk.url,
                "client_id": CLIENT_ID,
                "category": {"from": "brand"},
            }
        )
        source = ZendeskSource(settings, secret=SecretStr(CLIENT_SECRET), clock=clock, meter=MemoryMeter())
        page = source.fetch_page(Position(None, now - timedelta(hours=1)))
        source.close()

    assert page.caught_up
    assert page.watermark == now - timedelta(minutes=1)
    assert any(ticket.created_at > now - timedelta(minutes=15) for ticket in page.tickets)
