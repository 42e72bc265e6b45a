"""`backfill` by several sources: what each of them brought, and what is there in all."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.clock import ManualClock, SystemClock
from spikewatch.app.fetching import backfill
from spikewatch.errors import Fault
from tests.core_factories import NOON

CONFIG = """\
timezone: Asia/Tokyo
bucket: 15m
store: sqlite:///{folder}/watch.db
sources:
  - {{kind: csv, name: shop, path: "{folder}/shop.csv", lag: 1m}}
  - {{kind: csv, name: calls, path: "{folder}/calls.csv", lag: 1m}}
"""


def export(file: Path, *, tickets: int, at: datetime) -> None:
    rows = [f"{file.stem}{number},{at.isoformat()},{file.stem},login" for number in range(tickets)]
    file.write_text("\n".join(["id,created_at,service,category", *rows, ""]), encoding="utf-8")


def test_each_source_says_what_it_brought_and_the_store_what_it_holds(tmp_path: Path) -> None:
    at = SystemClock().now() - timedelta(days=3)
    export(tmp_path / "shop.csv", tickets=5, at=at)
    export(tmp_path / "calls.csv", tickets=2, at=at)
    file = tmp_path / "watch.yaml"
    file.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")

    is_all, first = backfill(file, env={}, weeks=2)
    _, again = backfill(file, env={}, weeks=2)

    assert is_all
    assert [line.partition(", all that")[0] for line in first] == [
        "source shop: 5 tickets more",
        "source calls: 2 tickets more",
        "7 tickets are counted in the store",
    ]
    assert [line.partition(", all that")[0] for line in again] == [
        "source shop: no ticket more",
        "source calls: no ticket more",
        "7 tickets are counted in the store",
    ]
    assert first[0].endswith("JST is read")


def test_a_source_that_is_not_there_ends_it_with_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "watch.yaml"
    file.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")

    with pytest.raises(
        Fault, match=r"source shop: .*shop\.csv: No such file.*; put it right.* same command again"
    ):
        backfill(file, env={}, weeks=2, clock=ManualClock(NOON))
