"""A store with one open incident that was told, and what faces people around it; each test states only what it is about."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from spikewatch.acting import Acting
from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemoryStore
from spikewatch.announcing import Announcer
from spikewatch.core.acts import Act, ActKind, Via
from spikewatch.core.business_hours import BusinessHours
from spikewatch.core.calendars import Calendar
from spikewatch.core.incidents import Incident, Incidents, Phase
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.oncall import RouteSettings
from spikewatch.core.outbox import Delivery, Receipt, Stage, sent
from spikewatch.core.routing import Routing
from spikewatch.core.settings import Language
from spikewatch.ports import CycleCommit, JudgeState, PortError, Store
from spikewatch.relaying import Relay, Relaying
from tests.core_factories import LOGIN, incident, surge
from tests.factories import OPENED, notice

TOKYO = ZoneInfo("Asia/Tokyo")
STEP = timedelta(minutes=5)
CHANNEL = "#payments"
RECEIPT = Receipt("C1", "1.0")


@dataclass
class Crowd:
    """`ports.Audience` in a list."""

    allowed: bool = True
    failure: PortError | None = None
    deaf: PortError | None = None
    heard: list[tuple[str, str]] = field(default_factory=list)

    def may_act(self, user: str) -> bool:
        """Tell whether that one may act."""
        assert user
        if self.failure is not None:
            raise self.failure
        return self.allowed

    def answer(self, address: str, text: str) -> None:
        """Note what was said."""
        if self.deaf is not None:
            raise self.deaf
        self.heard.append((address, text))


@dataclass
class People:
    """A desk on which SW-1 surges; `told` puts its message into the channel."""

    store: Store = field(default_factory=lambda: MemoryStore(step=STEP))
    clock: ManualClock = field(default_factory=lambda: ManualClock(OPENED + timedelta(minutes=10)))
    meter: MemoryMeter = field(default_factory=MemoryMeter)
    crowd: Crowd = field(default_factory=Crowd)
    routes: tuple[RouteSettings, ...] = ()
    relays: tuple[Relay, ...] = ()

    @property
    def hours(self) -> BusinessHours:
        """Nine to six in Tokyo."""
        return BusinessHours(Calendar(TOKYO))

    @property
    def announcer(self) -> Announcer:
        """Made anew each time, as after a restart."""
        routing = Routing(CHANNEL, self.hours, mention="here", routes=self.routes)
        others = Relaying(self.store, self.relays, hours=self.hours).plan
        return Announcer(self.store, routing=routing, zone=TOKYO, meter=self.meter, others=others)

    @property
    def acting(self) -> Acting:
        """Made anew each time, as after a restart."""
        return Acting(
            self.store,
            clock=self.clock,
            meter=self.meter,
            plan=self.announcer.plan,
            morning=self.hours.next_morning,
            turn=Lock(),
            zone=TOKYO,
            audience=self.crowd,
            language_of=lambda _: Language.EN,
        )

    @property
    def now(self) -> datetime:
        """The instant."""
        return self.clock.now()

    def opened(self, **changes: Any) -> Incident:  # noqa: ANN401 -- any field of Incident
        """Let SW-1 be open, and return it."""
        found = replace(incident(surge(LOGIN, at=OPENED), id="SW-1"), **changes)
        active = () if found.phase is Phase.CLOSED else (found,)
        self.store.commit_cycle(CycleCommit(JudgeState(7, Incidents(active, 2)), changed=(found,)))
        return found

    def happens(self, *notices: Notice) -> None:
        """Let notices be told as the cycle would."""
        deliveries = self.announcer.plan(notices, self.now)
        self.store.commit_cycle(CycleCommit(self.store.judge_state(), deliveries=deliveries))

    def told(self) -> None:
        """Open SW-1 and deliver its first message."""
        self.opened()
        self.happens(notice(Reason.OPENED, incident="SW-1"))
        self.delivered()

    def delivered(self) -> None:
        """Deliver all that waits."""
        for row in self.store.unsettled():
            self.store.save_delivery(sent(row, RECEIPT))

    def waiting(self) -> list[tuple[str, Reason]]:
        """Return channel and reason of what would be sent next, replies left out."""
        rows = [row for row in self.store.unsettled() if not row.is_reply]
        return [(row.channel, row.notice.reason) for row in rows if isinstance(row.notice, Notice)]

    def held(self) -> list[Delivery]:
        """Return what is held back."""
        return list(self.store.deliveries(state=Stage.HELD))

    def act(self, kind: ActKind, *, by: str = "sato", **more: Any) -> Act:  # noqa: ANN401 -- any field of Act
        """Return an act of somebody who pressed a button just now."""
        given = {"user": "U1", "address": f"https://answers/{by}", "message": ("C1", "1.0"), **more}
        key = f"{kind}:{by}:{self.now.isoformat()}"
        return replace(Act(key, kind, "SW-1", by, Via.SLACK, self.now), **given)

    def does(self, kind: ActKind, *, by: str = "sato", **more: Any) -> None:  # noqa: ANN401 -- any field of Act
        """Let somebody press a button, and settle it."""
        self.acting.receive(self.act(kind, by=by, **more))
        self.acting.run()

    def incident(self) -> Incident:
        """Return SW-1 as it is stored."""
        found = self.store.incident("SW-1")
        assert found is not None
        return found
