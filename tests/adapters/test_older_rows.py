"""What earlier versions of the program wrote into a store is read by this one, as it stands in `older_rows`.

Each file holds one value as the version wrote it that had its shape first. A file is never changed: a new shape gets a new
one, and what this version cannot read any more is rewritten by a migration.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, insert

from spikewatch.adapters.sql_store import SqlStore, open_store, tables
from spikewatch.adapters.sql_store.opening import alembic_config
from spikewatch.core.acts import ActStage
from spikewatch.core.blindness import BlindNotice
from spikewatch.core.incidents import Incident
from spikewatch.core.misconfiguration import ConfigNotice
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.core.recaps import RecapNotice
from spikewatch.core.weekly import WeeklyNotice

T0 = datetime(2026, 11, 7, 9, 30, tzinfo=UTC)
OLDER = Path(__file__).with_name("older_rows")
SHAPES = "0006"
"""Schema version with which the newest of these rows were written."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def written(name: str) -> str:
    """Return a value as it was written: in one line and without a space."""
    value = json.loads((OLDER / f"{name}.json").read_text("utf-8"))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def opened_with(path: Path, table: str, row: Mapping[str, object]) -> SqlStore:
    """Make a store as an earlier version left it, with one row, and open it with this version."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), SHAPES)
        connection.execute(insert(tables.metadata.tables[table]), row)
    engine.dispose()
    return open_store(f"sqlite:///{path}", step=timedelta(minutes=5))


def incident_in(path: Path, name: str) -> Incident:
    """Return an incident that an earlier version wrote."""
    row = {"place": 0, "phase": "open", "opened_at": 0, "opened_as": "warning"}
    store = opened_with(path, "incident", {"id": "INC-20261107-1", "json": written(name)} | row)
    found = store.incident("INC-20261107-1")
    store.close()
    assert found is not None
    return found


def delivery_in(path: Path, name: str) -> Delivery:
    """Return a delivery that an earlier version wrote."""
    row = {"incident": "INC-20261107-1", "receiver": "slack", "channel": "#support", "stage": "queued"}
    due = {"key": "key", "created_at": 0, "due": 0, "json": written(name)}
    store = opened_with(path, "outbox", row | due)
    (found,) = store.unsettled()
    store.close()
    return found


def test_an_incident_of_the_first_version_goes_on(path: Path) -> None:
    found = incident_in(path, "incident_first")

    assert (found.id, found.service, found.opened_at) == ("INC-20261107-1", "payments", T0)
    assert found.surges[0].peak.observed == 3
    assert found.handling.acknowledged_by is None
    assert found.explained is None


def test_an_incident_that_was_handled_and_explained_keeps_both(path: Path) -> None:
    found = incident_in(path, "incident_handled_and_explained")

    assert found.handling.verdict is not None
    assert found.explained is not None
    assert found.explained.windows[0].reading.observed == 3


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("delivery_first", Notice),
        ("delivery_with_a_course", Notice),
        ("delivery_blind", BlindNotice),
        ("delivery_recap", RecapNotice),
        ("delivery_configuration", ConfigNotice),
        ("delivery_weekly", WeeklyNotice),
    ],
)
def test_a_delivery_of_an_earlier_version_is_told_as_what_it_is(path: Path, name: str, kind: type) -> None:
    found = delivery_in(path, name)

    assert type(found.notice) is kind
    assert found.created_at == T0


def test_a_weekly_report_on_its_way_still_says_how_many_incidents_it_leaves_out(path: Path) -> None:
    told = delivery_in(path, "delivery_weekly").notice

    assert isinstance(told, WeeklyNotice)
    assert told.facts.unlisted.incidents == 3


def test_an_act_a_silence_and_a_configuration_of_an_earlier_version_are_read(path: Path) -> None:
    row = {"key": "key", "incident": "INC-20261107-1", "stage": "received", "received_at": 0}
    store = opened_with(path, "act", row | {"json": written("act")})
    run(path, "silence", {"start": 0, "end": 9 * 10**15, "json": written("silence")})
    run(path, "meta", {"key": "configuration", "value": written("in_force")})

    (entry,) = store.acts(stage=ActStage.RECEIVED)
    (silence,) = store.silences(ending_after=T0)
    kept = store.in_force()
    store.close()

    assert entry.act.incident == "INC-20261107-1"
    assert silence.span.start == T0
    assert kept is not None
    assert kept.since == T0


def run(path: Path, table: str, row: Mapping[str, object]) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(insert(tables.metadata.tables[table]), row)
    engine.dispose()
