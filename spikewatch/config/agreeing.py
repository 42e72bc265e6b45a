"""What sections of a configuration must agree on, each told at the place that has to change.

Every check is asked for a section once those before it are there; what is missing there is a mistake of its own, which is
told there.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import ValidationInfo

from spikewatch.adapters.http.settings import MetricsSettings
from spikewatch.adapters.slack.settings import SlackSettings
from spikewatch.config.reading import KeyPath
from spikewatch.config.sections import (
    AnyReceiver,
    Purpose,
    RetentionSettings,
    SourceSettings,
    environment_word,
)
from spikewatch.config.translating import Misfit, nearest
from spikewatch.core.oncall import LONGEST_MUTE, MaintenanceSettings
from spikewatch.core.settings import (
    CalendarSettings,
    CategorySettings,
    DetectionSettings,
    ServiceSettings,
    format_duration,
    local_moment,
)
from spikewatch.core.timegrid import WEEK

_WORDS_TAKEN = frozenset({"SLACK", "STORE", "METRICS", "HEARTBEAT", "MEMORY", "EVERYBODY"})
"""What stands in the names of other environment variables, or of rows in the outbox."""

_LONGEST_WINDOW = timedelta(days=1)
_SOME = 5


def names_differ(sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
    """Refuse two sources of one name, as environment variables write it."""
    names = [environment_word(source.name) for source in sources]
    for place, name in enumerate(names):
        if name in names[:place]:
            message = f"{sources[place].name!r} is taken by another source; give each a name of its own"
            raise Misfit(message, at=(place, "name"))
    return sources


def receivers_are_told_apart(
    receivers: tuple[AnyReceiver, ...], info: ValidationInfo
) -> tuple[AnyReceiver, ...]:
    """Refuse a receiver whose name a source, another receiver or an environment variable has."""
    sources: tuple[SourceSettings, ...] = info.data.get("sources") or ()
    taken = {environment_word(source.name) for source in sources} | _WORDS_TAKEN
    for place, receiver in enumerate(receivers):
        word = environment_word(receiver.name)
        if word in taken:
            message = (
                f"{receiver.name!r} is taken by a source or another receiver; give each a name of its own"
            )
            raise Misfit(message, at=(place, "name"))
        taken.add(word)
    return receivers


def a_known_receiver_stands_in(slack: SlackSettings | None, info: ValidationInfo) -> SlackSettings | None:
    """Refuse a receiver that stands in for Slack and is described nowhere."""
    if slack is None or slack.fallback_receiver is None or "receivers" not in info.data:
        return slack
    names = [receiver.name for receiver in info.data["receivers"]]
    if slack.fallback_receiver not in names:
        near = nearest(slack.fallback_receiver, names)
        remedy = f"did you mean {near}?" if near else "describe it under receivers"
        message = f"{slack.fallback_receiver!r} is no receiver; {remedy}"
        raise Misfit(message, at=("fallback_receiver",))
    return slack


def holidays_are_known(calendar: CalendarSettings) -> CalendarSettings:
    """Refuse a country or a part of one whose holidays nobody knows."""
    if calendar.country is None:
        if calendar.subdivision is not None:
            raise Misfit("needs calendar.country beside it", at=("subdivision",))
        return calendar
    subdivisions = _subdivisions(calendar.country)
    if calendar.subdivision is not None and calendar.subdivision not in subdivisions:
        near = nearest(calendar.subdivision, subdivisions)
        some = ", ".join(subdivisions[:_SOME])
        remedy = (
            f"did you mean {near}?" if near else f"write its code, such as {some}" if some else "remove it"
        )
        message = f"{calendar.subdivision!r} is no part of {calendar.country}; {remedy}"
        raise Misfit(message, at=("subdivision",))
    return calendar


def events_last(calendar: CalendarSettings, info: ValidationInfo) -> CalendarSettings:
    """Refuse an event that is over before it begins."""
    zone: ZoneInfo | None = info.data.get("timezone")
    if zone is None:
        return calendar
    for place, event in enumerate(calendar.events):
        if local_moment(event.end, zone) <= local_moment(event.start, zone):
            said = f"{event.end.isoformat()} is not after start, {event.start.isoformat()}"
            message = f"{said}; name the first day or time that is no more part of it"
            raise Misfit(message, at=("events", place, "end"))
    return calendar


def maintenance_lasts(
    windows: tuple[MaintenanceSettings, ...], info: ValidationInfo
) -> tuple[MaintenanceSettings, ...]:
    """Refuse a maintenance window that is over before it begins, or lasts for more than a year."""
    zone: ZoneInfo | None = info.data.get("timezone")
    for place, window in enumerate(windows):
        if zone is None or window.start is None or window.end is None:
            continue
        if local_moment(window.end, zone) <= local_moment(window.start, zone):
            said = f"{window.end.isoformat()} is not after start, {window.start.isoformat()}"
            raise Misfit(f"{said}; name the first time that is no more part of it", at=(place, "end"))
        if local_moment(window.end, zone) - local_moment(window.start, zone) > LONGEST_MUTE:
            said = f"{window.end.isoformat()} is more than a year after start, {window.start.isoformat()}"
            remedy = "name an earlier end, or set enabled: false for what is never to be told"
            raise Misfit(f"{said}; {remedy}", at=(place, "end"))
    return windows


def windows_fit(detection: DetectionSettings, info: ValidationInfo) -> DetectionSettings:
    """Return the windows fitted to the bucket where nobody chose them; refuse chosen ones that do not fit."""
    bucket: timedelta | None = info.data.get("bucket")
    if bucket is None:
        return detection
    if "windows" not in detection.model_fields_set:
        return detection.model_copy(update={"windows": _fitted(detection.windows, bucket)})
    long = [format_duration(window) for window in detection.windows if window > _LONGEST_WINDOW]
    if long:
        raise Misfit(f"{', '.join(long)}: a window is at most 1d", at=("windows",))
    odd = [window for window in detection.windows if window % bucket]
    if odd:
        said = ", ".join(format_duration(window) for window in odd)
        better = ", ".join(format_duration(window) for window in _fitted(detection.windows, bucket))
        message = f"{said}: no multiple of the bucket, {format_duration(bucket)}; use [{better}]"
        raise Misfit(message, at=("windows",))
    return detection


def channels_are_told(
    services: dict[str, ServiceSettings], info: ValidationInfo
) -> dict[str, ServiceSettings]:
    """Refuse a channel of a service where Slack is told nothing."""
    for name, service in services.items():
        silent = "slack" in info.data and info.data["slack"] is None and info.context != Purpose.REPLAY
        if service.channel is not None and silent:
            raise Misfit("nothing is told to Slack without a section slack; add one", at=(name, "channel"))
    return services


def rules_fit(services: dict[str, ServiceSettings], info: ValidationInfo) -> dict[str, ServiceSettings]:
    """Refuse static rules that the bucket or the windows cannot keep."""
    bucket: timedelta | None = info.data.get("bucket")
    detection: DetectionSettings | None = info.data.get("detection")
    if bucket is None or detection is None:
        return services
    for name, service in services.items():
        _require_fitting(service, bucket, detection, at=(name,))
        for category, inner in service.categories.items():
            _require_fitting(inner, bucket, detection, at=(name, "categories", category))
    return services


def shows_windows_that_are_judged(metrics: MetricsSettings, info: ValidationInfo) -> MetricsSettings:
    """Return the windows shown as metrics, fitted where nobody chose them; refuse one that is not judged."""
    detection: DetectionSettings | None = info.data.get("detection")
    if detection is None:
        return metrics
    judged = detection.windows
    if "windows" not in metrics.model_fields_set:
        shown = {
            next((window for window in judged if window >= wish), judged[-1]) for wish in metrics.windows
        }
        return metrics.model_copy(update={"windows": tuple(sorted(shown))})
    odd = [format_duration(window) for window in metrics.windows if window not in judged]
    if odd:
        known = ", ".join(format_duration(window) for window in judged)
        message = f"{', '.join(odd)}: not judged; use some of detection.windows, [{known}]"
        raise Misfit(message, at=("windows",))
    return metrics


def keeps_the_history(retention: RetentionSettings, info: ValidationInfo) -> RetentionSettings:
    """Return what is kept, lengthened to the history where nobody chose it; refuse what is shorter."""
    history: timedelta | None = info.data.get("history")
    if history is None:
        return retention
    for key in ("tickets", "counts"):
        kept = getattr(retention, key)
        if kept >= history + WEEK:
            continue
        if key in retention.model_fields_set:
            least = format_duration(history + WEEK)
            message = f"{format_duration(kept)} is shorter than history and a week; use {least} or more"
            raise Misfit(message, at=(key,))
        retention = retention.model_copy(update={key: history + WEEK})
    return retention


def _require_fitting(
    part: CategorySettings, bucket: timedelta, detection: DetectionSettings, *, at: KeyPath
) -> None:
    """Refuse static rules over half a bucket, or over more than what is remembered."""
    longest = detection.windows[-1]
    for place, rule in enumerate(part.rules):
        said, where = format_duration(rule.within), (*at, "rules", place, "within")
        if rule.within % bucket:
            better = format_duration(-(-rule.within // bucket) * bucket)
            raise Misfit(
                f"{said}: no multiple of the bucket, {format_duration(bucket)}; use {better}", at=where
            )
        if rule.within > longest:
            remedy = f"use {format_duration(longest)}, or add {said} to detection.windows"
            raise Misfit(f"{said}: longer than the longest window; {remedy}", at=where)


def _fitted(windows: tuple[timedelta, ...], bucket: timedelta) -> tuple[timedelta, ...]:
    """Return the windows, each lengthened to a multiple of the bucket."""
    return tuple(sorted({-(-window // bucket) * bucket for window in windows}))


def _subdivisions(country: str) -> list[str]:
    import holidays  # noqa: PLC0415 -- a configuration without a country does without its tables

    known: dict[str, list[str]] = holidays.list_supported_countries()
    if country in known:
        return known[country]
    names = {str(words[0]): str(words[1]) for words in holidays.registry.COUNTRIES.values()}
    near = nearest(country, [*(code for code in known if len(code) == len("JP")), *names])
    meant = names.get(near, near) if near else None
    remedy = f"did you mean {meant}?" if meant else "write two letters such as JP"
    raise Misfit(f"{country!r} is no country whose holidays are known; {remedy}", at=("country",))
