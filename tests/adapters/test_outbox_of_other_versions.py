"""Outbox rows in a form that this version does not read: told in the log, parked, and in nobody's way."""

import json
import logging
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.sql_store import SqlStore, open_store
from spikewatch.core.outbox import Stage
from spikewatch.ports import CycleCommit, JudgeState
from tests.contract.oncall import delivery

STEP = timedelta(minutes=5)


def opened(path: Path, *, exclusive: bool = True) -> SqlStore:
    return open_store(f"sqlite:///{path}", step=STEP, exclusive=exclusive)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with three deliveries, one of which another version wrote that had other facts."""
    path = tmp_path / "store.db"
    with closing(opened(path)) as store:
        rows = (
            delivery("old"),
            delivery("new", of="INC-2"),
            delivery("told", of="INC-3", stage=Stage.SENT),
        )
        store.commit_cycle(CycleCommit(JudgeState(), deliveries=rows))
    with closing(sqlite3.connect(path)) as connection, connection:
        for key in ("old", "told"):
            (text,) = connection.execute("SELECT json FROM outbox WHERE key = ?", [key]).fetchone()
            row = json.loads(text)
            del row["notice"]["facts"]
            connection.execute("UPDATE outbox SET json = ? WHERE key = ?", [json.dumps(row), key])
    return path


def stages(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT key, stage FROM outbox").fetchall())


def test_what_cannot_be_read_is_parked_and_said_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        opened(path).close()
        opened(path).close()

    (record,) = caplog.records
    assert (record.getMessage(), vars(record)["key"]) == ("delivery_unreadable", "old")
    assert "facts: Field required" in vars(record)["error"]
    assert stages(path) == {"old": "dead", "new": "queued", "told": "sent"}


@pytest.mark.parametrize("exclusive", [True, False])
def test_what_cannot_be_read_is_in_the_way_of_nothing(path: Path, *, exclusive: bool) -> None:
    with closing(opened(path, exclusive=exclusive)) as store:
        assert [each.key for each in store.unsettled()] == ["new"]
        assert [each.key for each in store.deliveries()] == ["new"]
        assert list(store.deliveries_of("INC-1")) == []


def test_a_newer_message_of_the_same_incident_goes_out(path: Path) -> None:
    with closing(opened(path)) as store:
        store.commit_cycle(CycleCommit(JudgeState(), deliveries=[delivery("newest")]))

        assert [each.key for each in store.unsettled()] == ["new", "newest"]
