"""Labels follow renames where they are read, so that what is not learnt from is found under the name of today."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.memory import MemoryStore
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.events import Label, LabelKind
from spikewatch.core.labels import Noted, label_now
from spikewatch.core.settings import RenameSettings
from spikewatch.core.timegrid import Span
from spikewatch.cycle import labelled
from spikewatch.ports import Store
from tests.simulated_desk import detector

STEP = timedelta(minutes=5)
DAY = Span(datetime(2026, 5, 11, tzinfo=UTC), datetime(2026, 5, 12, tzinfo=UTC))
RENAMES = RenameSettings(
    services={"Shop (old)": "shop"}, categories={"log-in": "login", "shop/lost": "parcel"}
)


def memory(_folder: Path) -> Store:
    return MemoryStore(step=STEP, renames=RENAMES)


def sqlite(folder: Path) -> Store:
    return open_store(f"sqlite:///{folder}/store.db", step=STEP, renames=RENAMES)


@pytest.mark.parametrize("made", [memory, sqlite])
def test_what_is_not_learnt_from_is_called_as_today(made: Callable[[Path], Store], tmp_path: Path) -> None:
    store = made(tmp_path)
    store.add_labels([Noted(Label(DAY, "Shop (old)", "lost", LabelKind.INCIDENT), "sato")])

    (noted,) = store.labels()
    (mask,) = labelled(detector(), store).masks

    assert (noted.label.service, noted.label.category) == ("shop", "parcel")
    assert (mask.service, mask.category) == ("shop", "parcel")
    store.close()


@pytest.mark.parametrize(
    ("named", "now"),
    [
        ((None, None), (None, None)),
        ((None, "log-in"), (None, "login")),
        (("Shop (old)", None), ("shop", None)),
        (("shop", "lost"), ("shop", "parcel")),
        (("pay", "lost"), ("pay", "lost")),
    ],
)
def test_a_label_that_covers_all_still_does(
    named: tuple[str | None, str | None], now: tuple[str | None, str | None]
) -> None:
    found = label_now(Label(DAY, *named, LabelKind.EXPECTED), RENAMES)

    assert (found.service, found.category) == now
    assert label_now(found, RENAMES) == found
