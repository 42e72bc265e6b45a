"""The process ends at every call between deciding and having the receipt, on the stand-in chat: none is lost, none twice.

Every call of the store and every request to Slack is a moment at which it may end, before the work or after it. A request
at which it ends is cut off; what the process would have done next never happens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemoryStore
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import Delivery, Receipt, plan
from spikewatch.core.settings import Language
from spikewatch.delivery import Deliverer
from spikewatch.ports import CycleCommit, JudgeState
from spikewatch.sandbox.chat import Chat, Fault, Json
from tests.factories import OPENED, course, notice
from tests.test_delivery import drain_until_empty

STEP = timedelta(minutes=5)
T = TypeVar("T")


class PowerCutError(Exception):
    """The process ends here."""


@dataclass
class Power:
    """Fails at one call of all, counted from zero; once it has failed the process does nothing more."""

    at: int | None = None
    after_the_work: bool = False
    calls: int = 0
    is_off: bool = False

    def fails_now(self) -> bool:
        """Count one more call, and tell whether it is the one."""
        found = self.at is not None and self.calls == self.at
        self.calls += 1
        self.is_off |= found
        return found

    def around(self, work: Callable[[], T]) -> T:
        """Do the work of a store call, unless the power is off or fails now."""
        if self.is_off:
            raise PowerCutError
        if not self.fails_now():
            return work()
        if self.after_the_work:
            work()
        raise PowerCutError

    def returns(self) -> None:
        """Be on again, for good."""
        self.at, self.is_off = None, False


class Store(MemoryStore):
    """A store that the process loses with the power, and finds again as it was."""

    def __init__(self, power: Power) -> None:
        super().__init__(step=STEP)
        self.power = power

    def unsettled(self) -> Sequence[Delivery]:
        return self.power.around(super().unsettled)

    def deliveries(self, *, state: str | None = None) -> Sequence[Delivery]:
        return self.power.around(partial(super().deliveries, state=state))

    def save_delivery(self, delivery: Delivery) -> None:
        self.power.around(partial(super().save_delivery, delivery))

    def receipt(self, *, incident: str, channel: str) -> Receipt | None:
        return self.power.around(partial(super().receipt, incident=incident, channel=channel))


class Line(Chat):
    """A chat whose line is cut with the power, before a request is heard or before its answer is."""

    power = Power()

    def answer(
        self, method: str, arguments: Json, *, authorization: str
    ) -> tuple[Fault, int, Json, Mapping[str, str]]:
        if self.power.is_off:
            self.fail(method, Fault(drop_before=True))
        elif self.power.fails_now():
            self.fail(
                method, Fault(drop_after=True) if self.power.after_the_work else Fault(drop_before=True)
            )
        return super().answer(method, arguments, authorization=authorization)


STORY = (
    notice(course=course()),
    notice(
        Reason.ACKNOWLEDGED,
        handling=Handling(acknowledged_by="tanaka", acknowledged_at=OPENED),
        revision=2,
        course=course(),
    ),
    notice(Reason.RAISED, severity=Severity.CRITICAL, revision=3, course=course()),
    notice(
        Reason.RESOLVED,
        phase=Phase.RESOLVED,
        resolved_at=OPENED,
        data_until=OPENED,
        revision=4,
        course=course(),
    ),
)
SAID = ("tanaka is on it", "Severity raised to Critical", "Resolved")


@dataclass
class World:
    """One channel of a chat, and the daemon's part that tells it."""

    chat: Line
    clock: ManualClock
    power: Power
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store, self.chat.power = Store(self.power), self.power

    def deliverer(self) -> Deliverer:
        return Deliverer(
            store=self.store,
            messenger=SlackMessenger(token="xoxb-sandbox", url=self.chat.url, draw=lambda _: b"\x89PNG"),
            clock=self.clock,
            meter=MemoryMeter(),
            language=Language.EN,
            zone=ZoneInfo("Asia/Tokyo"),
        )

    def live(self, notices: Sequence[Notice]) -> int | None:
        """Tell a story; return what was being told when the power failed, or None."""
        failed, deliverer = None, self.deliverer()
        for place, told in enumerate(notices):
            rows = plan([told], receiver="slack", channel_of=lambda _: "#support", now=self.clock.now())
            self.store.commit_cycle(CycleCommit(JudgeState(), deliveries=rows))
            try:
                drain_until_empty(deliverer, self.clock)
            except PowerCutError:
                failed = place
                self.power.returns()
                self.clock.advance(timedelta(seconds=1))
                deliverer = self.deliverer()
                drain_until_empty(deliverer, self.clock)
            self.clock.advance(STEP)
        return failed


def story(power: Power, *, refuses: Sequence[str] = ()) -> tuple[Line, int | None, Store]:
    """Tell the story on a chat of its own; return the chat, what was told when the power failed, and the store."""
    clock = ManualClock(datetime(2026, 11, 20, 1, 0, tzinfo=OPENED.tzinfo))
    with Line(clock=clock, refuses=refuses) as chat:
        world = World(chat, clock, power)
        failed = world.live(STORY)
        power.returns()
        return chat, failed, world.store


CALLS = 49
"""As many as the story makes."""


@pytest.mark.parametrize("after_the_work", [False, True])
@pytest.mark.parametrize("call", range(CALLS))
def test_wherever_the_power_fails_one_message_stands_with_each_reply_once(
    call: int, *, after_the_work: bool
) -> None:
    chat, failed, store = story(Power(call, after_the_work))

    [root] = chat.roots
    said = [reply.text.removeprefix("payments / login: ").partition(".")[0] for reply in chat.thread(root)]
    assert root.text.startswith("Resolved")
    assert said == list(SAID)
    assert len(chat.messages) == 1 + len(SAID)
    assert store.unsettled() == []
    assert failed is not None


@pytest.mark.parametrize("after_the_work", [False, True])
@pytest.mark.parametrize("call", range(6, 30, 3))
def test_wherever_the_power_fails_on_the_way_to_a_picture_one_message_shows_it(
    call: int, *, after_the_work: bool
) -> None:
    chat, _, store = story(Power(call, after_the_work), refuses=("data_visualization",))

    [root] = chat.roots
    assert [block["type"] for block in root.blocks].count("image") == 1
    assert len(chat.messages) == 1 + len(SAID)
    assert store.unsettled() == []


def test_the_power_fails_at_every_call_of_the_story() -> None:
    power = Power()
    story(power)

    assert power.calls == CALLS
