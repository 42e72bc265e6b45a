"""Real, messy reports through the live code: outage reports of a Californian power company, October 2019.

Four public safety shut-offs cut power to whole regions for days. Where the data is present, a slice of it is replayed with
the example configuration.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from spikewatch.app.replaying import backtest
from spikewatch.config import Purpose, load
from spikewatch.core.timegrid import Span

EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "outages.yaml"
SHUT_OFFS = (
    Span(datetime(2019, 10, 9, 0, tzinfo=UTC), datetime(2019, 10, 13, 12, tzinfo=UTC)),
    Span(datetime(2019, 10, 23, 12, tzinfo=UTC), datetime(2019, 10, 26, 0, tzinfo=UTC)),
    Span(datetime(2019, 10, 26, 12, tzinfo=UTC), datetime(2019, 11, 2, 0, tzinfo=UTC)),
)
"""When power was cut and came back, as the company announced it; a day of margin at the end."""


@pytest.mark.data
def test_the_shut_offs_of_october_2019_are_found(recorded_data: Path) -> None:
    folder = recorded_data / "pge_outages_2019"
    if not (folder / "tickets.csv.gz").exists():
        pytest.skip(f"no pge_outages_2019/tickets.csv.gz in {recorded_data}")
    config = load(EXAMPLE, env={}, purpose=Purpose.REPLAY)

    lines = list(
        backtest(
            str(folder / "tickets.csv.gz"),
            config=config,
            since=datetime(2019, 10, 7, tzinfo=UTC),
            until=datetime(2019, 11, 3, tzinfo=UTC),
            gaps=folder / "gaps.csv",
            output_format="jsonl",
        )
    )

    opened = [datetime.fromisoformat(json.loads(line)["opened_at"]) for line in lines]
    assert all(any(span.holds(at) for at in opened) for span in SHUT_OFFS)
