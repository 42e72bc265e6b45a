"""Backups: a whole store into an archive, and a store made of one, on whichever database a configuration names."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from spikewatch import __version__
from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.sql_store import archiving
from spikewatch.adapters.sql_store.archiving import Row, Shelf
from spikewatch.app.exporting.archives import Manifest, Reader, opened, written
from spikewatch.app.storing import store_of
from spikewatch.config import Config
from spikewatch.core.settings import format_duration
from spikewatch.core.timegrid import seconds
from spikewatch.errors import Mistake


def back_up(config: Config, *, out: Path, on_progress: Callable[[float], None] = lambda _: None) -> str:
    """Write all that the store holds into an archive, as it stands at this moment, and return a line that says so.

    Works beside a running daemon. Raises Mistake where something stands at `out`, Fault where store or archive fail.
    """
    store_of(config, exclusive=False).close()  # says in its own words what is wrong with the store
    with (
        written(out) as archive,
        archiving.photographed(config.store, password=config.secret("store.password")) as photograph,
    ):
        sizes = [photograph.size(shelf) for shelf in photograph.shelves]
        done, all_ = 0, max(1, sum(sizes))
        for shelf, size in zip(photograph.shelves, sizes, strict=True):
            archive.add(shelf, photograph.rows(shelf))
            done += size
            on_progress(done / all_)
        now = SystemClock().now().isoformat(timespec="seconds")
        archive.finish(Manifest(__version__, photograph.revision, seconds(config.bucket), now))
    rows = {part.shelf.name: part.rows for part in archive.parts}
    return f"exported to {out}: {_told(rows)}"


def bring_back(
    config: Config,
    *,
    archive: Path,
    replace_all: bool = False,
    on_progress: Callable[[float], None] = lambda _: None,
) -> str:
    """Fill the store with what an archive holds, all or nothing, and return a line that says so.

    replace_all  drop what the store holds; without it a store that holds anything is refused

    Raises Mistake for an archive that is damaged or does not fit, Fault where the store is in use or holds data.
    """
    with opened(archive) as reader:
        manifest = reader.manifest
        if manifest.bucket_s != seconds(config.bucket):
            made = format_duration(timedelta(seconds=manifest.bucket_s))
            raise Mistake(
                f"{archive}: counted in buckets of {made}, the configuration says {format_duration(config.bucket)};"
                f" set `bucket: {made}`"
            )
        archiving.restore(
            config.store,
            revision=manifest.schema,
            shelves=_shelves(reader, on_progress),
            replace=replace_all,
            password=config.secret("store.password"),
        )
    rows = {part.shelf.name: part.rows for part in manifest.parts}
    return f"imported {archive} of {manifest.exported_at} into {config.store}: {_told(rows)}"


def _shelves(reader: Reader, on_progress: Callable[[float], None]) -> Iterator[tuple[Shelf, Iterator[Row]]]:
    done, all_ = 0, max(1, sum(part.rows for part in reader.manifest.parts))
    for part in reader.manifest.parts:
        yield part.shelf, reader.rows(part)
        done += part.rows
        on_progress(done / all_)


def _told(rows: dict[str, int]) -> str:
    names = {
        "ticket": "tickets",
        "count": "counts",
        "incident": "incidents",
        "label": "labels",
        "silence": "silences",
        "outbox": "messages",
    }
    return ", ".join(f"{rows.get(table, 0):,} {name}" for table, name in names.items())
