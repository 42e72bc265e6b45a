"""The whole configuration as one frozen value.

Each part owns its settings beside its code; here they meet. Nothing here reads a file or the environment.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr

from spikewatch.adapters.http.settings import MetricsSettings
from spikewatch.adapters.slack.settings import SlackSettings
from spikewatch.config import agreeing
from spikewatch.config.reading import KeyPath
from spikewatch.config.sections import (
    AnyReceiver,
    HeartbeatSettings,
    PollSettings,
    RetentionSettings,
    ServiceName,
    SourceSettings,
    StoreAddress,
    Zone,
)
from spikewatch.core.oncall import MaintenanceSettings
from spikewatch.core.settings import (
    CalendarSettings,
    DetectionSettings,
    GridSettings,
    Language,
    LinkSettings,
    ReconcileSettings,
    RenameSettings,
    ReportSettings,
    Secret,
    ServiceSettings,
)


def _listed(given: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    return [given] if isinstance(given, str) else given


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
    sources: Annotated[tuple[SourceSettings, ...], AfterValidator(agreeing.names_differ)] = ()
    """Help desks (kind: zendesk), databases that count (sql) and files (csv) that are read, with a watermark each."""
    renames: RenameSettings = Field(
        default_factory=RenameSettings,
        examples=[{"services": {"Shop (old)": "shop"}, "categories": {"log-in": "login"}}],
    )
    """What services and categories are called now that were counted, or are still read, under other names."""
    store: StoreAddress = "sqlite:///var/spikewatch.db"
    """Where everything durable lives. Three slashes: a path below the working directory; four: from the root. Or a server:
    postgresql+psycopg://user@host/database, without the password."""
    store_password_file: Path | None = None
    """File with the password of a server; SPIKEWATCH_STORE_PASSWORD wins. Without both libpq looks in ~/.pgpass."""
    poll: PollSettings = Field(default_factory=PollSettings)
    """How often sources are read."""
    calendar: Annotated[
        CalendarSettings, AfterValidator(agreeing.holidays_are_known), AfterValidator(agreeing.events_last)
    ] = Field(default_factory=CalendarSettings)
    """Which days are not like the others."""
    detection: Annotated[DetectionSettings, AfterValidator(agreeing.windows_fit)] = Field(
        default_factory=DetectionSettings, validate_default=True
    )
    """When a rise is a surge."""
    receivers: Annotated[tuple[AnyReceiver, ...], AfterValidator(agreeing.receivers_are_told_apart)] = Field(
        default=(),
        examples=[[{"kind": "alertmanager", "name": "pager", "url": "http://alertmanager:9093"}]],
    )
    """Who is told beside Slack, or instead of it: kinds are webhook (JSON), alertmanager (and PagerDuty, Grafana IRM or Keep
    behind it) and mail. Each may be limited by service, category, severity and time of day;
    config/examples/receivers.yaml shows all."""
    slack: Annotated[SlackSettings | None, AfterValidator(agreeing.a_known_receiver_stands_in)] = None
    """Where surges are told; without this section and without receivers nobody is told but Prometheus."""
    links: LinkSettings = Field(default_factory=LinkSettings)
    """Where messages lead to."""
    maintenance: Annotated[tuple[MaintenanceSettings, ...], AfterValidator(agreeing.maintenance_lasts)] = (
        Field(
            default=(),
            examples=[
                [{"name": "weekly release", "weekly": {"days": ["sun"], "at": "02:00", "lasts": "3h"}}]
            ],
        )
    )
    """Times in which nobody is told, once or every week; surges are judged and recorded all the same, and what still
    surges at the end is told then."""
    services: Annotated[
        dict[ServiceName, ServiceSettings],
        AfterValidator(agreeing.channels_are_told),
        AfterValidator(agreeing.rules_fit),
    ] = Field(default_factory=dict)
    """What differs for one service, by its name, and below it for its categories, by name or glob."""
    metrics: Annotated[MetricsSettings, AfterValidator(agreeing.shows_windows_that_are_judged)] = Field(
        default_factory=MetricsSettings, validate_default=True
    )
    """What Prometheus reads."""
    heartbeat: HeartbeatSettings | None = Field(
        default=None, examples=[{"url_file": "/run/secrets/heartbeat_url"}]
    )
    """Who is called as long as all is well."""
    retention: Annotated[RetentionSettings, AfterValidator(agreeing.keeps_the_history)] = Field(
        default_factory=RetentionSettings, validate_default=True
    )
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
