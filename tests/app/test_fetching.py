"""`backfill` by several sources: what each of them brought, and what is there in all."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.clock import ManualClock
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
    clock, at = ManualClock(NOON), NOON - timedelta(days=3)
    export(tmp_path / "shop.csv", tickets=5, at=at)
    export(tmp_path / "calls.csv", tickets=2, at=at)
    file = tmp_path / "watch.yaml"
    file.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")

    is_all, first = backfill(file, env={}, weeks=2, clock=clock)
    _, again = backfill(file, env={}, weeks=2, clock=clock)

    assert is_all
    assert [line.partition(", all that")[0] for line in first] == [
        "source shop: 5 tickets more",
        "source calls: 2 tickets more",
        "the store holds 7 tickets and 2 counts",
    ]
    assert [line.partition(", all that")[0] for line in again] == [
        "source shop: no ticket more",
        "source calls: no ticket more",
        "the store holds 7 tickets and 2 counts",
    ]
    assert first[0].endswith("JST is read")


def test_a_source_that_counts_for_itself_says_how_many_it_has_counted(tmp_path: Path) -> None:
    at = (NOON - timedelta(days=3)).isoformat()
    for name in ("shop", "calls"):
        rows = f"timestamp,service,category,count\n{at},{name},login,40\n{at},{name},refund,2\n"
        (tmp_path / f"{name}.csv").write_text(rows, encoding="utf-8")
    file = tmp_path / "watch.yaml"
    file.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")

    _, lines = backfill(file, env={}, weeks=2, clock=ManualClock(NOON))

    assert [line.partition(", all that")[0] for line in lines] == [
        "source shop: 42 tickets more",
        "source calls: 42 tickets more",
        "the store holds 0 tickets and 4 counts",
    ]


def test_a_source_that_is_not_there_ends_it_with_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "watch.yaml"
    file.write_text(CONFIG.format(folder=tmp_path), encoding="utf-8")

    with pytest.raises(
        Fault, match=r"source shop: .*shop\.csv: No such file.*; put it right.* same command again"
    ):
        backfill(file, env={}, weeks=2, clock=ManualClock(NOON))
