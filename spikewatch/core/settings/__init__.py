"""What a person may choose about detection, calendar, incidents and wording; pydantic models, each field with its reason.

No numerics and no I/O here: `spikewatch check` imports this and nothing heavy. Settings of an adapter live in the
adapter's own package, the file as a whole in `spikewatch.config`.

values     how single values are written
days       the calendar
detection  when a rise is a surge
services   what services and categories do differently
telling    language, links and the report
checking   the nightly check of the counts
"""

from spikewatch.core.settings.checking import ReconcileSettings
from spikewatch.core.settings.days import (
    MOST_EXPECTED,
    BusinessHoursSettings,
    CalendarEvent,
    CalendarSettings,
    Learn,
    Mute,
)
from spikewatch.core.settings.detection import MOST_BUDGET, DetectionSettings, GridSettings, ModelName
from spikewatch.core.settings.services import (
    MOST_WEIGHT,
    CategorySettings,
    RenameSettings,
    RuleSeverity,
    SeriesRule,
    ServiceSettings,
    StaticRule,
    rule_for,
)
from spikewatch.core.settings.telling import Language, LinkSettings, ReportSettings
from spikewatch.core.settings.values import (
    FIRST_YEAR,
    LAST_YEAR,
    ClockTime,
    Duration,
    Moment,
    Name,
    Ratio,
    Secret,
    Settings,
    TimeOfDay,
    format_duration,
    local_moment,
    parse_duration,
)

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "MOST_BUDGET",
    "MOST_EXPECTED",
    "MOST_WEIGHT",
    "BusinessHoursSettings",
    "CalendarEvent",
    "CalendarSettings",
    "CategorySettings",
    "ClockTime",
    "DetectionSettings",
    "Duration",
    "GridSettings",
    "Language",
    "Learn",
    "LinkSettings",
    "ModelName",
    "Moment",
    "Mute",
    "Name",
    "Ratio",
    "ReconcileSettings",
    "RenameSettings",
    "ReportSettings",
    "RuleSeverity",
    "Secret",
    "SeriesRule",
    "ServiceSettings",
    "Settings",
    "StaticRule",
    "TimeOfDay",
    "format_duration",
    "local_moment",
    "parse_duration",
    "rule_for",
]
