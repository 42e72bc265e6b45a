"""What a person may choose about detection, calendar, incidents and wording; pydantic models, each field with its reason.

No numerics and no I/O here: `spikewatch check` imports this and nothing heavy. Settings of an adapter live in the
adapter's own package, the file as a whole in `spikewatch.config`.
"""

import re
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from spikewatch.core.timegrid import HOUR, seconds

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
MOST_EXPECTED = 100.0
_DURATION = re.compile(r"(?:\d+[smhdw])+")
_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def parse_duration(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    """Read `5m`, `8w` or `1h30m`; anything else raises ValueError with the remedy.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        message = f"{text!r} is no duration; write a number and a unit such as 30s, 5m, 3h, 2d or 8w"
        raise ValueError(message)
    return timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhdw])", text)))


def format_duration(duration: timedelta) -> str:
    """Write a duration the way the configuration reads it.

    >>> format_duration(timedelta(minutes=90))
    '90m'
    """
    total = seconds(duration)
    for unit in ("w", "d", "h", "m"):
        if total and total % _UNITS[unit] == 0:
            return f"{total // _UNITS[unit]}{unit}"
    return f"{total}s"


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)
]


def _ratio(ratio: float) -> float:
    if not ratio >= 1:
        message = f"{ratio:g} would alert on falls; use 1.0 or more"
        raise ValueError(message)
    return ratio


Ratio = Annotated[float, AfterValidator(_ratio)]


class Secret(SecretStr):
    """A password or token: prints as `<secret>` wherever it goes; `get_secret_value` is for the vendor alone.

    >>> Secret("hunter2"), f"{Secret('hunter2')}"
    (<secret>, '<secret>')
    """

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


class Settings(BaseModel):
    """Base of all settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Language(StrEnum):
    """A language that messages can be written in."""

    JA = "ja"
    EN = "en"


class ModelName(StrEnum):
    """A way to learn what is normal."""

    PROFILE = "profile"
    SEASONAL_ZSCORE = "seasonal_zscore"
    STL = "stl"


class Mute(StrEnum):
    """What an event may ask for in place of a factor: not to be judged."""

    MUTE = "mute"


class Learn(StrEnum):
    """What an event may ask for in place of a factor: that its factor is learnt."""

    LEARN = "learn"


def _moment(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    """Read a date or a time with its offset; anything else raises ValueError with the remedy."""
    if isinstance(text, date):
        return text
    try:
        return date.fromisoformat(text)
    except (ValueError, TypeError):
        pass
    example = "2026-12-01 for local midnight, or 2026-12-01T10:00:00+09:00"
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        message = f"{text!r} is no time; write {example}"
        raise ValueError(message) from None
    if found.utcoffset() is None:
        message = f"{text!r} has no UTC offset; write {example}"
        raise ValueError(message)
    return found


def local_moment(moment: date, zone: ZoneInfo) -> datetime:
    """Return the instant that a date or a time names; a bare date is local midnight.

    >>> local_moment(date(2026, 12, 1), ZoneInfo("Asia/Tokyo")).isoformat()
    '2026-12-01T00:00:00+09:00'
    """
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, tzinfo=zone)


def _expect(given: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    if isinstance(given, Mute) or given == Mute.MUTE.value:
        return Mute.MUTE
    if isinstance(given, Learn) or given == Learn.LEARN.value:
        return Learn.LEARN
    if isinstance(given, bool) or not isinstance(given, int | float):
        message = f"{given!r} is not understood; write a factor such as 1.6, or learn, or mute"
        raise ValueError(message)  # noqa: TRY004 -- pydantic reports a ValueError and lets a TypeError through
    if not 0 < given <= MOST_EXPECTED:
        remedy = "write mute for a span that is not judged, or a factor such as 1.6 or 0.5"
        message = f"{given:g} is no factor between 0 and {MOST_EXPECTED:g}; {remedy}"
        raise ValueError(message)
    return float(given)


def _one_name(name: str) -> str:
    if name == "*":
        message = "'*' is no name; without this key all are meant"
        raise ValueError(message)
    return name


def _clock_time(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    """Read a local time of day such as 09:00; anything else raises ValueError with the remedy."""
    if isinstance(text, time):
        return text
    found = _CLOCK_TIME.fullmatch(str(text))
    if found is None:
        message = f'{text!r} is no time of day; write it in quotes, such as "09:00"'
        raise ValueError(message)
    return time(int(found[1]), int(found[2]))


def _clock_text(moment: time) -> str:
    return moment.strftime("%H:%M")


ClockTime = Annotated[time, BeforeValidator(_clock_time), PlainSerializer(_clock_text, return_type=str)]

Moment = Annotated[date | datetime, BeforeValidator(_moment)]
Name = Annotated[str, Field(min_length=1), AfterValidator(_one_name)]


class CalendarEvent(Settings):
    """A campaign, a sale, a planned outage: something that was announced."""

    name: Annotated[str, Field(min_length=1)] = Field(examples=["autumn sale"])
    """What `explain` calls it."""
    start: Moment = Field(examples=["2026-12-01"])
    """When it begins: a date, which is local midnight, or a time with its offset."""
    end: Moment = Field(examples=["2026-12-03"])
    """The first instant after it, written in the same way."""
    service: Name | None = Field(default=None, examples=["shop"])
    """The service it is about; without it all of them."""
    category: Name | None = Field(default=None, examples=["coupon"])
    """The category it is about; without it all of them."""
    expect: Annotated[float | Mute | Learn, BeforeValidator(_expect)] = Field(examples=[1.6])
    """So many times the usual tickets (1.6, or 0.5 for fewer), `learn` where nobody knows how many, or `mute`: not judged
    while it lasts. What `learn` expects follows from earlier events of that name within the history and, two hours later,
    from its own hours; the first of a name begins with 1.3 times the usual."""


class BusinessHoursSettings(Settings):
    """When the desk is staffed, on every day that is neither a weekend day nor a day off; local time."""

    opens: ClockTime = Field(default=time(9), examples=["09:00"])
    """When a business day begins: what is snoozed until the next business morning is told then."""
    closes: ClockTime = Field(default=time(18), examples=["18:00"])
    """When it ends; what comes later is out of hours for slack.routes."""

    @field_validator("closes")
    @classmethod
    def _after_opening(cls, closes: time, info: ValidationInfo) -> time:
        opens: time | None = info.data.get("opens")
        if opens is not None and closes <= opens:
            message = f"{_clock_text(closes)} is not after opens, {_clock_text(opens)}; a business day ends on its own day"
            raise ValueError(message)
        return closes


class CalendarSettings(Settings):
    """Which days are not like the others."""

    country: str | None = Field(default=None, examples=["JP"])
    """Two-letter country code whose public holidays count as days off, for example JP; without it there are none."""
    subdivision: str | None = Field(default=None, examples=["CA"])
    """State or province of that country, where holidays differ inside it."""
    business_hours: BusinessHoursSettings = Field(default_factory=BusinessHoursSettings)
    """When the desk is staffed, for slack.routes and for snoozing until the next business morning: 09:00 to 18:00, unless
    opens or closes say otherwise."""
    days_off: tuple[date, ...] = Field(default=(), examples=[["2026-12-30", "2026-12-31"]])
    """Further days off of your own, such as 2026-12-30; public holidays need not be repeated."""
    events: tuple[CalendarEvent, ...] = Field(
        default=(),
        examples=[
            [
                {
                    "name": "winter sale",
                    "start": "2026-12-01",
                    "end": "2026-12-03",
                    "service": "shop",
                    "expect": 1.6,
                }
            ]
        ],
    )
    """What was announced: from start until before end, expect so many times the usual tickets, learn or mute. Dates are
    local midnights, times need an offset; without service or category all are meant. What is normal is not learnt from
    its hours."""


class DetectionSettings(Settings):
    """When a rise is a surge."""

    model: ModelName = ModelName.PROFILE
    """How normal is learnt: `profile` (weekly shapes, a slow level, how busy today is), `seasonal_zscore` or `stl`."""
    false_alarms_per_week: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """How many false alarms a week the whole fleet may raise; every threshold follows from it."""
    windows: tuple[Duration, ...] = (
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(hours=1),
        timedelta(hours=3),
    )
    """Spans that are judged together: short ones catch bursts, long ones mild rises and sparse series."""
    min_tickets: Annotated[int, Field(ge=1)] = 5
    """Never alert below this many tickets in the window; nobody wants to be woken for two."""
    min_ratio: Ratio = 1.5
    """Never alert below this multiple of the expected count; 1 lets the statistics alone decide."""
    critical_score: Annotated[float, Field(ge=1)] = 2.0
    """A surge that scores this much is critical at once."""

    @field_validator("windows")
    @classmethod
    def _sorted_windows(cls, windows: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
        if not windows or any(window <= timedelta(0) for window in windows):
            message = "name at least one window, each longer than nothing, for example [5m, 15m, 1h, 3h]"
            raise ValueError(message)
        return tuple(sorted(set(windows)))


def _span(within: timedelta) -> timedelta:
    if within <= timedelta(0):
        message = "a rule over no time counts nothing; write a span such as 30m"
        raise ValueError(message)
    return within


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
    weight: Annotated[float | None, Field(gt=0, le=100)] = None
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


class LinkSettings(Settings):
    """Where messages lead to, beside the runbooks of services and categories."""

    tickets: bool = True
    """A link to the help desk's own search that comes nearest to the tickets of an incident; false leaves it out."""
    grafana: str | None = Field(default=None, examples=["https://grafana.example.com"])
    """Address of Grafana: a message links to the dashboard of its service at the time of the incident."""
    dashboard: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] = "spikewatch-service"
    """The dashboard's uid, as it stands in its address; the default is the one that `spikewatch prom dashboards` writes."""

    @field_validator("grafana")
    @classmethod
    def _plain_address(cls, grafana: str | None) -> str | None:
        if grafana is not None and not re.fullmatch(
            r"https?://[\w.\[\]:-]+(?:/[\w.~/-]*)?", grafana, re.ASCII
        ):
            message = f"{grafana!r} is no address; write https://grafana.example.com, without a query"
            raise ValueError(message)
        return grafana if grafana is None else grafana.rstrip("/")


class GridSettings(Settings):
    """The grid that counts are kept on, and how much history is learnt from."""

    bucket: Duration = timedelta(minutes=5)
    """Width of a bucket; it divides an hour."""
    history: Duration = timedelta(weeks=8)
    """How far back normal is learnt from; whole weeks, at least two."""

    @field_validator("bucket")
    @classmethod
    def _divides_an_hour(cls, bucket: timedelta) -> timedelta:
        if bucket <= timedelta(0) or HOUR % bucket:
            message = f"{format_duration(bucket)} does not divide an hour; use 5m, 10m, 15m, 30m or 1h"
            raise ValueError(message)
        return bucket

    @field_validator("history")
    @classmethod
    def _whole_weeks(cls, history: timedelta) -> timedelta:
        if history < timedelta(weeks=2) or history % timedelta(weeks=1):
            message = f"{format_duration(history)} is not two or more whole weeks; 8w is a good start"
            raise ValueError(message)
        return history


def _time_of_day(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    try:
        return text if isinstance(text, time) else time.fromisoformat(str(text))
    except ValueError:
        message = f"{text!r} is no time of day; write one such as '04:00', in quotation marks"
        raise ValueError(message) from None


TimeOfDay = Annotated[
    time, BeforeValidator(_time_of_day), PlainSerializer(lambda at: at.isoformat("minutes"), return_type=str)
]


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _week_time(text: Any) -> Any:  # noqa: ANN401 -- pydantic hands over whatever the YAML held
    day, _, moment = str(text).strip().partition(" ")
    try:
        return f"{_WEEKDAYS[_WEEKDAYS.index(day.lower())].capitalize()} {time.fromisoformat(moment.strip()):%H:%M}"
    except ValueError:
        message = f"{text!r} is no time of the week; write a day and a time, such as 'Mon 09:00'"
        raise ValueError(message) from None


class ReportSettings(Settings):
    """The week in figures, for the support team."""

    enabled: bool = True
    """Without it only `spikewatch report` shows the week."""
    every: Literal["weekly"] = "weekly"
    """How often; there is no other yet."""
    at: Annotated[str, BeforeValidator(_week_time)] = "Mon 09:00"
    """Local day and time at which the week before is told: when the team begins. A daemon that was down then tells it later."""
    channel: Annotated[str | None, Field(min_length=1)] = None
    """Slack channel of the report; without it the one of incidents."""

    @property
    def weekday(self) -> int:
        """Return the day, 0 for Monday."""
        return _WEEKDAYS.index(self.at.partition(" ")[0].lower())

    @property
    def time_of_day(self) -> time:
        """Return the local time."""
        return time.fromisoformat(self.at.partition(" ")[2])


class ReconcileSettings(Settings):
    """The nightly check of what was counted against what the help desk has."""

    enabled: bool = True
    """Without it nobody notices what a reading passed by; it costs some twenty requests a night."""
    at: TimeOfDay = time(4)
    """Local time at which it begins: when the desk is quiet, and yesterday is in the help desk's search index."""
    tolerance: Annotated[float, Field(ge=0, le=0.5)] = 0.01
    """Share by which two counts of a day may differ without a warning; one ticket always may."""
