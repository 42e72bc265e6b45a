"""The whole configuration as one frozen value, and the checks that need more than one section.

Each part owns its settings beside its code; here they meet. Nothing here reads a file or the environment.
"""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PrivateAttr,
    ValidationInfo,
    field_validator,
)

from spikewatch.adapters.alertmanager.settings import AlertmanagerSettings
from spikewatch.adapters.csv_source.settings import CsvSettings
from spikewatch.adapters.http.settings import MetricsSettings
from spikewatch.adapters.mail.settings import MailSettings
from spikewatch.adapters.slack.settings import SlackSettings
from spikewatch.adapters.sql_source.settings import SqlSettings
from spikewatch.adapters.webhook.settings import WebhookSettings
from spikewatch.adapters.zendesk.settings import ZendeskSettings
from spikewatch.config.reading import KeyPath
from spikewatch.config.translating import Misfit, nearest
from spikewatch.core.counts import ALL
from spikewatch.core.oncall import MaintenanceSettings
from spikewatch.core.settings import (
    CalendarSettings,
    CategorySettings,
    DetectionSettings,
    Duration,
    GridSettings,
    Language,
    LinkSettings,
    ReconcileSettings,
    RenameSettings,
    ReportSettings,
    Secret,
    ServiceSettings,
    Settings,
    format_duration,
    local_moment,
)
from spikewatch.core.timegrid import WEEK

_WORDS_TAKEN = frozenset({"SLACK", "STORE", "METRICS", "HEARTBEAT", "MEMORY", "EVERYBODY"})
"""What stands in the names of other environment variables, or of rows in the outbox."""

_LONGEST_WINDOW = timedelta(days=1)
_SOME = 5
_ABBREVIATIONS = {
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "PST": "America/Los_Angeles",
    "BST": "Europe/London",
}


class Purpose(StrEnum):
    """What a configuration is loaded for, which decides how much of it must be there."""

    RUN = "run"
    """The daemon: sources and every secret are needed."""
    CHECK = "check"
    """As for the daemon, but a missing secret is only noted: it may exist where the daemon runs."""
    REPLAY = "replay"
    """Recorded counts: `timezone` is enough, and no secret is read but the store's."""


def _zone(name: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    if isinstance(name, ZoneInfo):
        return name
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = _zone_near(str(name))
        remedy = f"did you mean {near}?" if near else "write one such as Asia/Tokyo"
        message = f"{name!r} is no time zone; {remedy}"
        raise ValueError(message) from None


def _zone_near(name: str) -> str | None:
    names = sorted(available_timezones())
    cities = {zone.rpartition("/")[2]: zone for zone in names}
    city = nearest(name, cities)
    return _ABBREVIATIONS.get(name.upper()) or nearest(name, names) or (cities[city] if city else None)


Zone = Annotated[ZoneInfo, BeforeValidator(_zone), PlainSerializer(str, return_type=str)]


def _between(duration: timedelta, *, least: timedelta, most: timedelta) -> timedelta:
    if not least <= duration <= most:
        near = least if duration < least else most
        bounds = f"{format_duration(least)} to {format_duration(most)}"
        message = f"{format_duration(duration)} is outside {bounds}; use {format_duration(near)}"
        raise ValueError(message)
    return duration


class PollSettings(Settings):
    """How often sources are read."""

    every: Duration = timedelta(minutes=2)
    """Time between two readings; a shorter one tells sooner and uses more of the help desk's request limit."""

    @field_validator("every")
    @classmethod
    def _bearable(cls, every: timedelta) -> timedelta:
        return _between(every, least=timedelta(seconds=10), most=timedelta(hours=1))


class RetentionSettings(Settings):
    """How long the store keeps what it has counted; both reach at least as far back as `history`."""

    tickets: Duration = timedelta(weeks=13)
    """Ids and categories of tickets: as long as a change of a ticket may still move a count."""
    counts: Duration = timedelta(weeks=53)
    """Counts, incidents and what was told: a year and a week, for comparison with the same week last year."""


class HeartbeatSettings(Settings):
    """A monitoring service that raises the alarm when it is not called any more; the address is kept as a secret."""

    url: Secret | None = None
    """Address called after every pass of judging that worked; SPIKEWATCH_HEARTBEAT_URL wins."""
    url_file: Path | None = None
    """File that holds the address, for those who mount secrets."""


def _service(name: str) -> str:
    if name == ALL:
        message = "'*' is no service; what holds for all of them stands under detection"
        raise ValueError(message)
    return name


def _store(url: str) -> str:
    kind = url.partition("://")[0]
    if kind in {"postgresql", "postgresql+psycopg"}:
        return _server(url)
    if url == "sqlite:///":
        message = "names no file; write sqlite:///var/spikewatch.db"
        raise ValueError(message)
    if not url.startswith("sqlite:///"):
        remedy = "write sqlite:///var/spikewatch.db or postgresql+psycopg://user@host/database"
        message = f"{kind!r} is no store that this version knows; {remedy}"
        raise ValueError(message)
    return url


def _server(url: str) -> str:
    split = urlsplit(url)
    if split.password is not None or {"password", "sslpassword"} & parse_qs(split.query).keys():
        message = (
            "a password must not stand in this file; remove it, and set SPIKEWATCH_STORE_PASSWORD in the environment,"
            " or name a file that holds it with store_password_file"
        )
        raise ValueError(message)
    if not split.path.strip("/"):
        message = "names no database; write postgresql+psycopg://user@host/database"
        raise ValueError(message)
    return url


def _listed(given: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    return [given] if isinstance(given, str) else given


SourceSettings: TypeAlias = Annotated[
    ZendeskSettings | SqlSettings | CsvSettings, Field(discriminator="kind")
]


AnyReceiver: TypeAlias = Annotated[
    WebhookSettings | AlertmanagerSettings | MailSettings, Field(discriminator="kind")
]


class Config(GridSettings):
    """Everything that a person chose, or a default where they did not."""

    timezone: Zone = Field(examples=["Asia/Tokyo"])
    """Time zone of the desk: daily patterns, holidays and times in messages follow it."""
    language: Language = Language.JA
    """Language of messages: ja or en."""
    include: Annotated[
        tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...])
    ] = Field(default=(), examples=[["teams/*.yaml"]])
    """Files of teams, by name or glob, beside this file: each holds `services` and `maintenance` only, and is read as if it
    stood here. A service stands in one file."""
    sources: tuple[SourceSettings, ...] = ()
    """Help desks (kind: zendesk), databases that count (sql) and files (csv) that are read, with a watermark each."""
    renames: RenameSettings = Field(
        default_factory=RenameSettings,
        examples=[{"services": {"Shop (old)": "shop"}, "categories": {"log-in": "login"}}],
    )
    """What services and categories are called now that were counted, or are still read, under other names."""
    store: Annotated[str, AfterValidator(_store)] = "sqlite:///var/spikewatch.db"
    """Where everything durable lives. Three slashes: a path below the working directory; four: from the root. Or a server:
    postgresql+psycopg://user@host/database, without the password."""
    store_password_file: Path | None = None
    """File with the password of a server; SPIKEWATCH_STORE_PASSWORD wins. Without both libpq looks in ~/.pgpass."""
    poll: PollSettings = Field(default_factory=PollSettings)
    """How often sources are read."""
    calendar: CalendarSettings = Field(default_factory=CalendarSettings)
    """Which days are not like the others."""
    detection: DetectionSettings = Field(default_factory=DetectionSettings, validate_default=True)
    """When a rise is a surge."""
    receivers: tuple[AnyReceiver, ...] = Field(
        default=(),
        examples=[[{"kind": "alertmanager", "name": "pager", "url": "http://alertmanager:9093"}]],
    )
    """Who is told beside Slack, or instead of it: kinds are webhook (JSON), alertmanager (and PagerDuty, Grafana IRM or Keep
    behind it) and mail. Each may be limited by service, category and at_least; config/examples/receivers.yaml shows all."""
    slack: SlackSettings | None = None
    """Where surges are told; without this section and without receivers nobody is told but Prometheus."""
    links: LinkSettings = Field(default_factory=LinkSettings)
    """Where messages lead to."""
    maintenance: tuple[MaintenanceSettings, ...] = Field(
        default=(),
        examples=[[{"name": "weekly release", "weekly": {"days": ["sun"], "at": "02:00", "lasts": "3h"}}]],
    )
    """Times in which nobody is told, once or every week; surges are judged and recorded all the same, and what still
    surges at the end is told then."""
    services: dict[Annotated[str, AfterValidator(_service)], ServiceSettings] = Field(default_factory=dict)
    """What differs for one service, by its name, and below it for its categories, by name or glob."""
    metrics: MetricsSettings = Field(default_factory=MetricsSettings, validate_default=True)
    """What Prometheus reads."""
    heartbeat: HeartbeatSettings | None = Field(
        default=None, examples=[{"url_file": "/run/secrets/heartbeat_url"}]
    )
    """Who is called as long as all is well."""
    retention: RetentionSettings = Field(default_factory=RetentionSettings, validate_default=True)
    """How long the store keeps what it has counted."""

    reconcile: ReconcileSettings = Field(default_factory=ReconcileSettings, validate_default=True)
    """The nightly check of what was counted against what the help desk has."""
    report: ReportSettings = Field(default_factory=ReportSettings, validate_default=True)
    """The week in figures, told to Slack every Monday."""

    _origins: dict[KeyPath, str] = PrivateAttr(default_factory=dict)
    _secrets: dict[str, Secret] = PrivateAttr(default_factory=dict)
    _notes: tuple[str, ...] = PrivateAttr(default=())

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know although nothing is wrong, one line each."""
        return self._notes

    @property
    def origins(self) -> dict[KeyPath, str]:
        """Where each value that is no default came from: `file:line`, or the name of an environment variable."""
        return self._origins

    @property
    def secrets(self) -> dict[str, Secret]:
        """Every secret that is set, by its place."""
        return self._secrets

    def secret(self, path: str) -> Secret | None:
        """Return a secret by its place, such as `sources.desk.client_secret`; None where it is not set."""
        return self._secrets.get(path)

    def completed(
        self, *, origins: dict[KeyPath, str], secrets: dict[str, Secret], notes: tuple[str, ...]
    ) -> "Config":
        """Return this configuration together with what the file's values do not hold themselves."""
        config = self.model_copy()
        config._origins, config._secrets, config._notes = origins, secrets, notes  # noqa: SLF001 -- its own kind
        return config

    @field_validator("sources")
    @classmethod
    def _names_differ(cls, sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        names = [environment_word(source.name) for source in sources]
        for place, name in enumerate(names):
            if name in names[:place]:
                message = f"{sources[place].name!r} is taken by another source; give each a name of its own"
                raise Misfit(message, at=(place, "name"))
        return sources

    @field_validator("receivers")
    @classmethod
    def _receivers_are_told_apart(
        cls, receivers: tuple[AnyReceiver, ...], info: ValidationInfo
    ) -> tuple[AnyReceiver, ...]:
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

    @field_validator("slack")
    @classmethod
    def _a_known_receiver_stands_in(
        cls, slack: SlackSettings | None, info: ValidationInfo
    ) -> SlackSettings | None:
        if slack is None or slack.fallback_receiver is None or "receivers" not in info.data:
            return slack
        names = [receiver.name for receiver in info.data["receivers"]]
        if slack.fallback_receiver not in names:
            near = nearest(slack.fallback_receiver, names)
            remedy = f"did you mean {near}?" if near else "describe it under receivers"
            message = f"{slack.fallback_receiver!r} is no receiver; {remedy}"
            raise Misfit(message, at=("fallback_receiver",))
        return slack

    @field_validator("calendar")
    @classmethod
    def _holidays_are_known(cls, calendar: CalendarSettings) -> CalendarSettings:
        if calendar.country is None:
            if calendar.subdivision is not None:
                raise Misfit("needs calendar.country beside it", at=("subdivision",))
            return calendar
        subdivisions = _subdivisions(calendar.country)
        if calendar.subdivision is not None and calendar.subdivision not in subdivisions:
            near = nearest(calendar.subdivision, subdivisions)
            some = ", ".join(subdivisions[:_SOME])
            remedy = (
                f"did you mean {near}?"
                if near
                else f"write its code, such as {some}"
                if some
                else "remove it"
            )
            message = f"{calendar.subdivision!r} is no part of {calendar.country}; {remedy}"
            raise Misfit(message, at=("subdivision",))
        return calendar

    @field_validator("calendar")
    @classmethod
    def _events_last(cls, calendar: CalendarSettings, info: ValidationInfo) -> CalendarSettings:
        zone: ZoneInfo | None = info.data.get("timezone")
        if zone is None:
            return calendar
        for place, event in enumerate(calendar.events):
            if local_moment(event.end, zone) <= local_moment(event.start, zone):
                said = f"{event.end.isoformat()} is not after start, {event.start.isoformat()}"
                message = f"{said}; name the first day or time that is no more part of it"
                raise Misfit(message, at=("events", place, "end"))
        return calendar

    @field_validator("maintenance")
    @classmethod
    def _maintenance_lasts(
        cls, windows: tuple[MaintenanceSettings, ...], info: ValidationInfo
    ) -> tuple[MaintenanceSettings, ...]:
        zone: ZoneInfo | None = info.data.get("timezone")
        for place, window in enumerate(windows):
            if zone is None or window.start is None or window.end is None:
                continue
            if local_moment(window.end, zone) <= local_moment(window.start, zone):
                said = f"{window.end.isoformat()} is not after start, {window.start.isoformat()}"
                raise Misfit(f"{said}; name the first time that is no more part of it", at=(place, "end"))
        return windows

    @field_validator("detection")
    @classmethod
    def _windows_fit(cls, detection: DetectionSettings, info: ValidationInfo) -> DetectionSettings:
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

    @field_validator("services")
    @classmethod
    def _channels_are_told(
        cls, services: dict[str, ServiceSettings], info: ValidationInfo
    ) -> dict[str, ServiceSettings]:
        for name, service in services.items():
            silent = "slack" in info.data and info.data["slack"] is None and info.context != Purpose.REPLAY
            if service.channel is not None and silent:
                raise Misfit(
                    "nothing is told to Slack without a section slack; add one", at=(name, "channel")
                )
        return services

    @field_validator("services")
    @classmethod
    def _rules_fit(
        cls, services: dict[str, ServiceSettings], info: ValidationInfo
    ) -> dict[str, ServiceSettings]:
        bucket: timedelta | None = info.data.get("bucket")
        detection: DetectionSettings | None = info.data.get("detection")
        if bucket is None or detection is None:
            return services
        for name, service in services.items():
            _require_fitting(service, bucket, detection, at=(name,))
            for category, inner in service.categories.items():
                _require_fitting(inner, bucket, detection, at=(name, "categories", category))
        return services

    @field_validator("metrics")
    @classmethod
    def _shows_windows_that_are_judged(
        cls, metrics: MetricsSettings, info: ValidationInfo
    ) -> MetricsSettings:
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

    @field_validator("retention")
    @classmethod
    def _keeps_the_history(cls, retention: RetentionSettings, info: ValidationInfo) -> RetentionSettings:
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


def environment_word(name: str) -> str:
    """Return a source's name as it stands in the names of environment variables.

    >>> environment_word("desk-east")
    'DESK_EAST'
    """
    return "".join(letter if letter.isalnum() else "_" for letter in name).upper()


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
