"""From the settings of a source to the source, and how long judging waits for one that is behind."""

from datetime import timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.csv_source.growing import CsvSource
from spikewatch.adapters.memory import MemoryMeter
from spikewatch.adapters.sql_source.source import SqlSource
from spikewatch.adapters.zendesk.source import ZendeskSource
from spikewatch.app.sources import grace_of, source_of
from spikewatch.config import Config, Purpose, load
from spikewatch.coverage import GRACE
from spikewatch.errors import Mistake
from spikewatch.ports import Source

ZENDESK = "{kind: zendesk, name: desk, subdomain: acme, client_id: spikewatch, category: {field: 1}}"
SQL = """
    kind: sql
    name: lake
    url: sqlite:///lake.db
    lag: 20m
    query: SELECT * FROM counted WHERE bucket_start >= :since AND bucket_start < :until"""
CSV = "{kind: csv, name: calls, path: /var/exports/calls.csv}"


def configured(folder: Path, *sources: str, **env: str) -> Config:
    file = folder / "spikewatch.yaml"
    file.write_text("timezone: Asia/Tokyo\nsources:\n" + "".join(f"  - {each.strip()}\n" for each in sources))
    return load(file, env=env, purpose=Purpose.CHECK)


def opened(config: Config) -> list[Source]:
    return [source_of(each, config, clock=SystemClock(), meter=MemoryMeter()) for each in config.sources]


def test_each_kind_becomes_its_source_under_its_name(tmp_path: Path) -> None:
    config = configured(tmp_path, ZENDESK, SQL, CSV, SPIKEWATCH_DESK_CLIENT_SECRET="s3cret")

    made = opened(config)

    assert [type(source) for source in made] == [ZendeskSource, SqlSource, CsvSource]
    assert [source.name for source in made] == ["desk", "lake", "calls"]


def test_a_help_desk_without_its_secret_is_a_mistake(tmp_path: Path) -> None:
    config = configured(tmp_path, ZENDESK)

    with pytest.raises(Mistake, match=r"sources\.desk: set SPIKEWATCH_DESK_CLIENT_SECRET"):
        opened(config)


def test_a_password_of_a_database_is_taken_from_the_environment_and_not_needed(tmp_path: Path) -> None:
    without, given = configured(tmp_path, SQL), configured(tmp_path, SQL, SPIKEWATCH_LAKE_PASSWORD="s3cret")

    secret = given.secret("sources.lake.password")
    assert without.secret("sources.lake.password") is None
    assert secret is not None
    assert secret.get_secret_value() == "s3cret"
    assert not [note for note in without.notes if "secret" in note]


def test_the_password_of_the_store_is_read_for_a_replay_too(tmp_path: Path) -> None:
    file = tmp_path / "spikewatch.yaml"
    (tmp_path / "secret").write_text("s3cret\n")
    file.write_text(
        "timezone: Asia/Tokyo\nstore: postgresql+psycopg://a@host/b\nstore_password_file: secret\n"
    )

    config = load(file, env={}, purpose=Purpose.REPLAY)

    secret = config.secret("store.password")
    assert secret is not None
    assert secret.get_secret_value() == "s3cret"


def test_judging_waits_for_a_source_as_long_as_its_lag_and_the_polls_explain(tmp_path: Path) -> None:
    slow = configured(tmp_path, SQL, CSV)
    quick = configured(tmp_path, CSV)

    assert grace_of(slow) == timedelta(minutes=20 + 2 * 2 + 5)
    assert grace_of(quick) == max(GRACE, timedelta(minutes=5 + 2 * 2 + 5))
