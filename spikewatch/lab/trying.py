"""Trying: what settings came to against what is known of the past, side by side, and as YAML to take home."""

import json
import re
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
import pandas as pd

from spikewatch.core.events import Label
from spikewatch.cycle import Detector
from spikewatch.errors import Mistake
from spikewatch.lab.replay import Replayed
from spikewatch.lab.yardstick import Yardstick

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z_0-9 ]*[A-Za-z_0-9]")


def outcomes_frame(replays: Mapping[str, Replayed], *, labels: Sequence[Label]) -> pd.DataFrame:
    """Return what each replay came to, indexed by its name.

    labels  of the incidents that were real, three or more: then all else that was told counts as a false alarm, and with
            fewer only what a label calls one

    Columns: incidents `told` of the `real` ones, `false_alarms`, the same `a_week`, and the median `minutes` from the
    beginning of a real one to its message, missing where none was told. Raises Mistake where less than half a week was
    judged.
    """
    return pd.DataFrame(
        [_outcome(replayed, labels) for replayed in replays.values()],
        index=pd.Index(list(replays), name="settings"),
    )


def settings_text(detector: Detector) -> str:
    """Return the settings of a detector that differ from the defaults as YAML, ready for a configuration."""
    values = {
        "detection": detector.detection.model_dump(mode="json", exclude_defaults=True),
        "services": {
            name: found.model_dump(mode="json", exclude_defaults=True)
            for name, found in detector.services.items()
        },
    }
    return "\n".join(_lines({key: value for key, value in values.items() if value}, indent="")) + "\n"


def _outcome(replayed: Replayed, labels: Sequence[Label]) -> dict[str, float]:
    stick = Yardstick.of(replayed, labels)
    if not stick.n_weeks:
        judged = replayed.judged_until - replayed.judged_from
        raise Mistake(f"{judged} were judged, too little to compare settings on; judge a week or more")
    outcome = stick.outcome(replayed)
    reached = outcome.minutes[np.isfinite(outcome.minutes)].tolist()
    return {
        "told": outcome.told,
        "real": len(outcome.minutes),
        "false_alarms": outcome.false_alarms,
        "a_week": round(outcome.false_alarms / len(outcome.alarms), 1),
        "minutes": median(reached) if reached else float("nan"),
    }


def _lines(values: Mapping[str, object], *, indent: str) -> list[str]:
    lines = []
    for key, value in values.items():
        name = key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *_lines(value, indent=f"{indent}  ")]
        else:
            lines.append(f"{indent}{name}: {json.dumps(value, ensure_ascii=False)}")
    return lines
