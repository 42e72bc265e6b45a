"""The nightly check of the counts."""

from datetime import time
from typing import Annotated

from pydantic import (
    Field,
)

from spikewatch.core.settings.values import Settings, TimeOfDay


class ReconcileSettings(Settings):
    """The nightly check of what was counted against what the help desk has."""

    enabled: bool = True
    """Without it nobody notices what a reading passed by; it costs some twenty requests a night."""
    at: TimeOfDay = time(4)
    """Local time at which it begins: when the desk is quiet, and yesterday is in the help desk's search index."""
    tolerance: Annotated[float, Field(ge=0, le=0.5)] = 0.01
    """Share by which two counts of a day may differ without a warning; one ticket always may."""
