"""Whoever watches the writes of a store is told of each, of a failed one too, and of no reading."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spikewatch.adapters.sql_store import open_store
from spikewatch.ports import CycleCommit, JudgeState

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def test_every_write_happens_within_the_watch(tmp_path: Path) -> None:
    seen: list[str] = []

    @contextmanager
    def watch() -> Iterator[None]:
        seen.append("begun")
        yield
        seen.append("ended")

    store = open_store(f"sqlite:///{tmp_path}/store.db", step=timedelta(minutes=5))
    store.watch_writes(watch)

    store.judge_state()
    read_only = list(seen)
    store.commit_cycle(CycleCommit(state=JudgeState(judged_until=7)))
    store.close()

    assert read_only == []
    assert seen == ["begun", "ended"]
