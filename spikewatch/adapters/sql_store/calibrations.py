"""Calibrations: the few weeks of thresholds that a restart goes on with, as JSON beside the other odds and ends."""

import json

import numpy as np
from sqlalchemy import Connection, delete, select

from spikewatch.adapters.sql_store.tables import meta
from spikewatch.adapters.sql_store.upserts import upsert
from spikewatch.core.calibration import KEPT_WEEKS, Calibration, Peaks

_PREFIX = "calibration_"


def read(connection: Connection, *, week: int) -> Calibration | None:
    """Return the calibration of a week; None where it was not kept."""
    text = connection.scalar(select(meta.c.value).where(meta.c.key == _key(week)))
    return None if text is None else _calibration(week, text)


def write(connection: Connection, calibration: Calibration) -> None:
    """Keep a calibration in place of an earlier one of its week, and drop those of weeks long before it."""
    row = {"key": _key(calibration.week), "value": _text(calibration)}
    connection.execute(upsert(connection.dialect, meta, on=["key"], replace=["value"]), [row])
    long_ago = _key(calibration.week - KEPT_WEEKS)
    connection.execute(delete(meta).where(meta.c.key.startswith(_PREFIX), meta.c.key <= long_ago))


def drop_all(connection: Connection) -> None:
    """Drop every calibration: the past that they were made of is counted otherwise now."""
    connection.execute(delete(meta).where(meta.c.key.startswith(_PREFIX)))


def _key(week: int) -> str:
    # padded, so that keys sort as their weeks do
    return f"{_PREFIX}{week:06}"


def _text(calibration: Calibration) -> str:
    peaks = calibration.peaks
    return json.dumps(
        {
            "settings": calibration.settings,
            "days": None if peaks is None else peaks.n_days,
            "score": [] if peaks is None else peaks.score.tolist(),
            "day": [] if peaks is None else peaks.day.tolist(),
        }
    )


def _calibration(week: int, text: str) -> Calibration:
    kept = json.loads(text)
    if kept["days"] is None:
        return Calibration(week, kept["settings"], None)
    score, day = np.array(kept["score"], dtype=np.float64), np.array(kept["day"], dtype=np.int64)
    return Calibration(week, kept["settings"], Peaks(score, day, kept["days"]))
