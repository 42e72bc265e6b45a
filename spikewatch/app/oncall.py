"""The parts that face people: who is told, what they do about it, and the connection over which they press buttons."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from spikewatch.acting import Acting
from spikewatch.adapters.prometheus.health import HealthMetrics
from spikewatch.adapters.slack.audience import SlackAudience
from spikewatch.adapters.slack.socket import SlackSocket
from spikewatch.announcing import Announcer
from spikewatch.app.receivers import relays_of
from spikewatch.config import Config
from spikewatch.core.acts import Act
from spikewatch.core.business_hours import BusinessHours
from spikewatch.core.calendars import build_calendar, years_around
from spikewatch.core.notices import Notice
from spikewatch.core.outbox import Delivery
from spikewatch.core.routing import Routing
from spikewatch.core.settings import Language
from spikewatch.ports import Clock, Meter, Store
from spikewatch.relaying import Relaying


def business_hours_of(config: Config, *, at: datetime) -> BusinessHours:
    """Return when the desk of a configuration is staffed; holidays are known for the years around the instant."""
    calendar = build_calendar(config.calendar, zone=config.timezone, years=years_around(at))
    hours = config.calendar.business_hours
    return BusinessHours(calendar, hours.opens, hours.closes)


def routing_of(config: Config, *, at: datetime) -> Routing | None:
    """Return who hears of what on Slack; None where Slack is told nothing."""
    slack = config.slack
    if slack is None:
        return None
    channels = {name: service.channel for name, service in config.services.items()}
    return Routing(
        channel=slack.channel,
        hours=business_hours_of(config, at=at),
        company_channel=slack.company_channel,
        services={name: channel for name, channel in channels.items() if channel is not None},
        mention=slack.mention,
        routes=slack.routes,
    )


def named_channels(config: Config) -> Mapping[str, Sequence[str]]:
    """Return every channel that a configuration names, with the places that name it."""
    slack = config.slack
    if slack is None:
        return {}
    found = [
        (slack.channel, "slack.channel"),
        (slack.company_channel, "slack.company_channel"),
        (slack.fallback_channel, "slack.fallback_channel"),
        (config.report.channel, "report.channel"),
        *((route.channel, f"slack.routes[{place}]") for place, route in enumerate(slack.routes)),
        *((service.channel, f"services.{name}.channel") for name, service in config.services.items()),
    ]
    named: dict[str, list[str]] = {}
    for channel, path in found:
        if channel is not None:
            named.setdefault(channel, []).append(path)
    return named


def announcer_of(config: Config, *, store: Store, meter: Meter, at: datetime) -> Announcer:
    """Return what turns the notices of a configuration into outbox rows, for Slack and for every receiver beside it."""
    return Announcer(
        store,
        routing=routing_of(config, at=at),
        zone=config.timezone,
        meter=meter,
        windows=config.maintenance,
        others=Relaying(store, relays_of(config), hours=business_hours_of(config, at=at)).plan,
    )


def acting_of(
    config: Config,
    *,
    store: Store,
    clock: Clock,
    meter: Meter,
    plan: Callable[[Sequence[Notice], datetime], Sequence[Delivery]],
    turn: AbstractContextManager[object],
) -> Acting:
    """Return what settles the acts of a configuration's people.

    turn  held while incidents change
    """
    languages = {} if config.slack is None else config.slack.languages

    def language_of(channel: str) -> Language:
        return languages.get(channel, config.language)

    return Acting(
        store,
        clock=clock,
        meter=meter,
        plan=plan,
        morning=business_hours_of(config, at=clock.now()).next_morning,
        turn=turn,
        zone=config.timezone,
        audience=_audience(config, clock=clock),
        language_of=language_of,
    )


def socket_of(
    config: Config, *, receive: Callable[[Act], object], health: HealthMetrics
) -> SlackSocket | None:
    """Return the connection over which presses of buttons arrive; None without an app token."""
    slack, token, bot = config.slack, config.secret("slack.app_token"), config.secret("slack.bot_token")
    if slack is None or token is None:
        return None
    languages = slack.languages
    return SlackSocket(
        token=token.get_secret_value(),
        bot_token=None if bot is None else bot.get_secret_value(),
        language_of=lambda channel: languages.get(channel, config.language),
        url=slack.url,
        timeout_s=slack.timeout_s,
        receive=receive,
        on_attempt=lambda worked: health.connected(worked=worked),
        on_connected=lambda connected: health.buttons(connected=connected),
    )


@dataclass
class OnCall:
    """What faces people, put together.

    turn  held by whoever changes incidents: judging and acting take turns
    wake  makes a job run at once; set once there is a daemon
    """

    announcer: Announcer
    acting: Acting
    turn: AbstractContextManager[object]
    socket: SlackSocket | None = None
    wake: Callable[[str], object] = lambda _: None

    def receive(self, act: Act) -> None:
        """Keep what a person did, and settle it soon."""
        self.acting.receive(act)
        self.wake("acts")

    def act(self) -> None:
        """Settle what people did, and tell it soon."""
        if self.acting.run():
            self.wake("deliver")
            self.wake("page")

    def controls(self) -> bool:
        """Tell whether messages have buttons at the moment."""
        return self.socket is not None and self.socket.arrives


def on_call(
    config: Config,
    *,
    store: Store,
    clock: Clock,
    health: HealthMetrics,
    turn: AbstractContextManager[object] | None = None,
) -> OnCall:
    """Return the parts of a configuration that face people, not connected yet.

    turn    held while incidents change, where somebody else has it already
    """
    turn = turn or Lock()
    announcer = announcer_of(config, store=store, meter=health, at=clock.now())
    acting = acting_of(config, store=store, clock=clock, meter=health, plan=announcer.plan, turn=turn)
    parts = OnCall(announcer, acting, turn)
    parts.socket = socket_of(config, receive=parts.receive, health=health)
    return parts


def _audience(config: Config, *, clock: Clock) -> SlackAudience | None:
    slack, token = config.slack, config.secret("slack.bot_token")
    if slack is None or token is None:
        return None
    return SlackAudience(
        token=token.get_secret_value(),
        url=slack.url,
        timeout_s=slack.timeout_s,
        clock=clock,
        users=slack.allowed_users,
        group=slack.allowed_group,
    )
