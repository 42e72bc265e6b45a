"""What services and categories do differently, and the rule of one series that follows; old names."""

from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    field_validator,
)

from spikewatch.core.settings.detection import DetectionSettings
from spikewatch.core.settings.values import Duration, Name, Ratio, Settings, format_duration


def _span(within: timedelta) -> timedelta:
    if within <= timedelta(0):
        message = "a rule over no time counts nothing; write a span such as 30m"
        raise ValueError(message)
    return within


MOST_WEIGHT = 100


class RuleSeverity(StrEnum):
    """How loud a static rule is."""

    WARNING = "warning"
    CRITICAL = "critical"


class StaticRule(Settings):
    """So many tickets within a span alert, whatever is normal: for what must never happen."""

    tickets: Annotated[int, Field(ge=1)] = Field(examples=[10])
    """From this many tickets on."""
    within: Annotated[Duration, AfterValidator(_span)] = Field(examples=["30m"])
    """The span they are counted in: whole buckets, at most as long as the longest of detection.windows."""
    severity: RuleSeverity = RuleSeverity.WARNING
    """`critical` makes the incident critical at once; `warning` leaves that to the other reasons."""

    def __str__(self) -> str:
        """Return it as `10 in 30m, critical`."""
        return f"{self.tickets} in {format_duration(self.within)}, {self.severity}"


class CategorySettings(Settings):
    """What one category, or all that a glob matches, does differently."""

    enabled: bool = True
    """False: counted in the totals, never judged by itself."""
    min_tickets: Annotated[int | None, Field(ge=1)] = None
    """Overrides detection.min_tickets."""
    min_ratio: Ratio | None = None
    """Overrides detection.min_ratio."""
    weight: Annotated[float | None, Field(gt=0, le=MOST_WEIGHT)] = None
    """Share of the false-alarm budget against others; 2 alerts sooner and errs twice as often."""
    critical_score: Annotated[float | None, Field(ge=1)] = None
    """Overrides detection.critical_score."""
    runbook: str | None = Field(default=None, examples=["https://wiki.example.com/payments"])
    """A link shown in the message: what to do when this surges."""
    rules: tuple[StaticRule, ...] = Field(
        default=(), examples=[[{"tickets": 10, "within": "30m", "severity": "critical"}]]
    )
    """Static rules, for what must never happen: so many tickets within a span alert from the first day on, whatever is
    normal, beside the budget of false alarms and even where enabled is false. Of a category they count its own tickets,
    of a service those of the whole service."""


def _category(name: str) -> str:
    if name == "*":
        message = "'*' is no category; what holds for all of them stands directly under the service"
        raise ValueError(message)
    return name


class ServiceSettings(CategorySettings):
    """What one service does differently; its categories can differ again."""

    channel: str | None = None
    """Slack channel of this service's incidents, instead of slack.channel."""
    categories: dict[Annotated[str, AfterValidator(_category)], CategorySettings] = Field(
        default_factory=dict
    )
    """By category name or glob (`login*`); the first key that matches wins, exact names before globs."""


class SeriesRule(Settings):
    """What holds for one series once all overrides are applied; `origin` says where each value came from."""

    enabled: bool
    min_tickets: int
    min_ratio: float
    weight: float
    critical_score: float
    runbook: str | None
    origin: dict[str, str]
    rules: tuple[StaticRule, ...] = ()


def rule_for(
    service: str,
    category: str,
    *,
    detection: DetectionSettings,
    services: dict[str, ServiceSettings],
) -> SeriesRule:
    """Return the rule of one series: category over service over detection. `*` names a roll-up.

    >>> services = {"payments": ServiceSettings(min_tickets=9, categories={"login*": CategorySettings(min_tickets=3)})}
    >>> rule_for("payments", "login_app", detection=DetectionSettings(), services=services).min_tickets
    3
    >>> rule_for("payments", "refund", detection=DetectionSettings(), services=services).origin["min_tickets"]
    'services.payments.min_tickets'
    """
    values: dict[str, Any] = {
        "enabled": True,
        "min_tickets": detection.min_tickets,
        "min_ratio": detection.min_ratio,
        "weight": 1.0,
        "critical_score": detection.critical_score,
        "runbook": None,
    }
    origin = {key: f"detection.{key}" if key in type(detection).model_fields else "default" for key in values}
    layers = _layers(service, category, services)
    for path, layer in layers:
        for key in values:
            given = getattr(layer, key)
            if key in layer.model_fields_set and given is not None:
                values[key], origin[key] = given, f"{path}.{key}"
    # a rule counts what it stands under: a category does not take over its service's
    own = [layer for layer in layers if isinstance(layer[1], ServiceSettings) is (category == "*")]
    for path, layer in own:
        if layer.rules:
            values["rules"], origin["rules"] = layer.rules, f"{path}.rules"
    return SeriesRule(**values, origin=origin)


def _layers(
    service: str, category: str, services: dict[str, ServiceSettings]
) -> list[tuple[str, CategorySettings]]:
    found = services.get(service)
    if found is None:
        return []
    path = f"services.{service}"
    pattern = category if category in found.categories else None
    if pattern is None and category != "*":
        pattern = next((glob for glob in found.categories if fnmatchcase(category, glob)), None)
    inner = [] if pattern is None else [(f"{path}.categories.{pattern}", found.categories[pattern])]
    return [(path, found), *inner]


class RenameSettings(Settings):
    """Old names and what they are called now: all that was ever counted under an old one counts under the new one.

    Several old names may lead to one new name, which merges them; taking a line out again undoes it.
    """

    services: dict[Name, Name] = Field(default_factory=dict, examples=[{"Shop (old)": "shop"}])
    """Old name of a service: its new name."""
    categories: dict[Name, Name] = Field(
        default_factory=dict, examples=[{"log-in": "login", "shop/lost parcel": "parcel"}]
    )
    """Old name of a category: its new name. `service/category` means that of one service, by its new or old name."""

    @field_validator("services", "categories")
    @classmethod
    def _ends_somewhere(cls, names: dict[str, str]) -> dict[str, str]:
        for name in names:
            seen = [name]
            while (following := names.get(seen[-1])) is not None:
                if following in seen:
                    message = f"{' -> '.join([*seen, following])}: leads round in a circle; take one line out"
                    raise ValueError(message)
                seen.append(following)
        return names
