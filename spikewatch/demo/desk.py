"""The simulated vendors of the demo: a world told as a Zendesk account, and a chat to tell it to."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from difflib import get_close_matches
from types import FrameType

from rich.console import Console

from spikewatch.adapters.clock import SystemClock
from spikewatch.core.counts import SeriesKey
from spikewatch.core.settings import Language
from spikewatch.errors import Fault, Mistake
from spikewatch.lab.synthetic import START_OF_LIVE, TicketVersion, World, demo_world, desk_tickets
from spikewatch.sandbox.chat import Chat
from spikewatch.sandbox.helpdesk import (
    SCENARIOS,
    Catalogue,
    DeskTicket,
    DropDown,
    HelpDesk,
    Scenario,
    Script,
    Stock,
)

CLIENT_ID = "spikewatch-demo"
CLIENT_SECRET = "only-opens-the-sandbox"  # noqa: S105 -- opens nothing but the stand-in
BOT_TOKEN = "xoxb-sandbox"  # noqa: S105 -- opens nothing but the stand-in
APP_TOKEN = "xapp-sandbox"  # noqa: S105 -- as above
CATEGORY_FIELD = 360001
CHANNEL = "support-alerts"
SEED = 20261102
_OUTAGE_AFTER = timedelta(hours=8)
"""An outage that comes so long after the beginning of the story, or later, is still to come."""

_WEEK = timedelta(weeks=1)
_TERMINATED = 128 + signal.SIGTERM


def desk_of(
    world: World,
    *,
    now: Callable[[], datetime],
    port: int = 0,
    scenario: Scenario | None = None,
    begins: datetime | None = None,
) -> HelpDesk:
    """Return a help desk whose tickets are those of the world; the future is there, and not visible yet.

    scenario  what happens to it on top
    begins    when that is; None is now
    """
    services = sorted({leaf.service for leaf in world.leaves})
    brands = {service: number for number, service in enumerate(services, start=1)}
    options = {leaf: f"category_{number:03d}" for number, leaf in enumerate(world.leaves, start=1)}
    field = DropDown(CATEGORY_FIELD, "Category", {value: leaf.category for leaf, value in options.items()})
    catalogue = Catalogue({number: service for service, number in brands.items()}, (field,))
    tickets = tuple(_desk_tickets(desk_tickets(world, seed=SEED), brands, options))
    script = Script()
    if scenario is not None:
        script = scenario.script(Stock.of(tickets, catalogue=catalogue, begins=begins or now()))
    return HelpDesk(
        (*tickets, *script.tickets),
        now=lambda: now() + script.ahead,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        catalogue=catalogue,
        spells=script.spells,
        port=port,
        token_life=timedelta(hours=12),  # at the story's speed, half an hour passes between two requests
    )


def _desk_tickets(
    versions: list[TicketVersion], brands: dict[str, int], options: dict[SeriesKey, str]
) -> Iterator[DeskTicket]:
    values = {leaf: ((CATEGORY_FIELD, option),) for leaf, option in options.items()}
    unset = ((CATEGORY_FIELD, None),)
    for version in versions:
        chosen = None if version.category is None else SeriesKey(version.service, version.category)
        yield DeskTicket(
            id=version.id,
            created_at=version.created_at,
            generated_timestamp=int(version.generated_at.timestamp()),
            brand_id=brands[version.service],
            values=unset if chosen is None else values[chosen],
            status=version.status,
        )


def serve(which: str, *, port: int, scenario: str | None = None) -> int:
    """Serve one stand-in on loopback until interrupted: `desk` or `chat`.

    scenario  what happens to the desk, by name

    Raises Mistake for an unknown scenario, Fault where the port is taken.
    """
    chosen = scenario_of(scenario)
    end_on_sigterm()
    try:
        if which == "chat":
            _serve_chat(port)
        else:
            _serve_desk(port, chosen)
    except OSError as error:
        raise Fault(
            f"port {port}: {error.strerror}; name another --port, or none to take a free one"
        ) from error
    return 0


def scenario_of(name: str | None) -> Scenario | None:
    """Return the scenario of that name; None where none is named. Raises Mistake where there is no such thing."""
    if name is None or name in SCENARIOS:
        return SCENARIOS[name] if name is not None else None
    near = get_close_matches(name, SCENARIOS, n=1)
    remedy = f"did you mean {near[0]}?" if near else "see: spikewatch sandbox desk --list"
    raise Mistake(f"--scenario: {name!r} is no scenario; {remedy}")


def end_on_sigterm() -> None:
    """Let SIGTERM end the program as Ctrl-C does, with everything put away; in a container it would do nothing."""

    def end(_number: int, _frame: FrameType | None) -> None:
        sys.exit(_TERMINATED)

    signal.signal(signal.SIGTERM, end)


def _serve_chat(port: int) -> None:
    with Chat(
        clock=SystemClock(), channels=(CHANNEL,), token=BOT_TOKEN, app_token=APP_TOKEN, port=port
    ) as chat:
        _say(
            f"chat at {chat.url} (bot token {BOT_TOKEN}, app token {APP_TOKEN}, channel {CHANNEL}); Ctrl-C ends it"
        )
        threading.Event().wait()


def _serve_desk(port: int, scenario: Scenario | None) -> None:
    clock = SystemClock()
    world = demo_world(language=Language.EN, start_of_live=story_near(clock.now()))
    with desk_of(world, now=clock.now, port=port, scenario=scenario) as desk:
        _say(
            f"desk at {desk.url} (client id {CLIENT_ID}, secret {CLIENT_SECRET}, category field {CATEGORY_FIELD});"
            " Ctrl-C ends it"
        )
        outage = max(world.surges, key=lambda surge: surge.start)
        begins = outage.start.astimezone(START_OF_LIVE.tzinfo)
        _say(f"{outage.service} breaks there at {begins:%Y-%m-%d %H:%M %Z}; --scenario begins at once")
        if scenario is not None:
            _say(f"{scenario.name}: {scenario.says}")
        threading.Event().wait()


def story_near(now: datetime) -> datetime:
    """Return the Monday morning whose outage is still to come: the week around an instant leads up to it."""
    earliest = now.astimezone(START_OF_LIVE.tzinfo) - _OUTAGE_AFTER
    return START_OF_LIVE - (START_OF_LIVE - earliest) // _WEEK * _WEEK


def _say(line: str) -> None:
    Console().print(line, highlight=False, soft_wrap=True)
