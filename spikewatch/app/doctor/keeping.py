"""The store: whether the daemon can write there, and how much room is left. Nothing is made or written."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from spikewatch.adapters.sql_store import file_of
from spikewatch.app.doctor.findings import Finding, Part
from spikewatch.app.doctor.scene import Scene
from spikewatch.app.storing import store_of
from spikewatch.errors import Fault, Mistake

PART = Part("store")
LITTLE_BYTES = 2_000_000_000
TOO_LITTLE_BYTES = 200_000_000


def store_findings(scene: Scene) -> Iterator[Finding]:
    """Yield what there is to say of the store, and open it for the checks that follow."""
    file = file_of(scene.config.store)
    if file is not None:
        yield from _place(file)
        yield from _room(file)
        if not file.exists():
            return
    try:
        scene.store = store_of(scene.config, exclusive=False)
        stats = scene.store.stats()
    except (Fault, Mistake) as error:
        says, _, remedy = str(error).partition(": ")
        yield PART.fail("opens", says, remedy=remedy or "name another under `store`")
        return
    held = f"{stats.tickets} tickets, {stats.count_rows} counts"
    yield PART.ok("opens", f"{held}, {stats.size_bytes / 1e6:.1f} MB, schema up to date")


def _place(file: Path) -> Iterator[Finding]:
    folder = file.parent
    if not folder.is_dir():
        yield PART.fail("place", f"the folder {folder} does not exist", remedy=f"make it: mkdir -p {folder}")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield PART.fail(
            "place",
            f"this user may not write in {folder}",
            remedy=f"let it (chown or chmod {folder}), run as the daemon's user, or name another place under `store`",
        )
    elif file.exists() and not os.access(file, os.R_OK | os.W_OK):
        yield PART.fail(
            "place",
            f"this user may not write {file}",
            remedy=f"let it (chown or chmod {file}), or run as the daemon's user",
        )
    elif file.exists():
        yield PART.ok("place", f"{file} may be written")
    else:
        yield PART.ok("place", f"{file} is not there yet; the daemon will make it")


def _room(file: Path) -> Iterator[Finding]:
    if not file.parent.is_dir():
        return
    free = shutil.disk_usage(file.parent).free
    says = f"{free / 1e9:.1f} GB free on its disk"
    remedy = "make room, or move the store to another disk"
    if free < TOO_LITTLE_BYTES:
        yield PART.fail("room", says, remedy=remedy)
    elif free < LITTLE_BYTES:
        yield PART.warn("room", says, remedy=f"{remedy}: a million tickets take some hundred megabytes")
    else:
        yield PART.ok("room", says)
