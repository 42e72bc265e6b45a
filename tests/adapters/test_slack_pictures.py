"""The ladder of a picture: Slack's own chart, an uploaded picture, none, no table, text; whatever the workspace refuses."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.memory import MemoryMeter, MemoryStore
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import plan
from spikewatch.core.settings import Language
from spikewatch.core.wording import Picture
from spikewatch.delivery import Deliverer
from spikewatch.ports import CycleCommit, JudgeState
from spikewatch.sandbox.chat import Chat, Fault
from tests.factories import OPENED, course, grouped, notice

STEP = timedelta(minutes=5)
RICH = notice(course=course(), **grouped())


def as_png(picture: Picture) -> bytes:
    return f"PNG of {picture.title}".encode()


@dataclass
class Desk:
    """A workspace, and a daemon that tells it about incidents."""

    chat: Chat
    clock: ManualClock
    store: MemoryStore
    deliverer: Deliverer
    waited: list[timedelta]

    def tell(self, *notices: Notice) -> None:
        for each in notices:
            now: datetime = self.clock.now()
            told = plan([each], receiver="slack", channel_of=lambda _: "#support", now=now)
            self.store.commit_cycle(CycleCommit(JudgeState(), deliveries=told))
            self.deliverer.drain()
            self.clock.advance(STEP)

    def kinds(self) -> list[str]:
        [root] = self.chat.roots
        return [str(block["type"]) for block in root.blocks]


@contextmanager
def desk(*, refuses: Collection[str] = (), slow_files: int = 0, draws: bool = True) -> Iterator[Desk]:
    clock, store, waited = ManualClock(OPENED), MemoryStore(step=STEP), list[timedelta]()

    def wait(duration: timedelta) -> bool:
        waited.append(duration)
        return False

    with Chat(clock=clock, refuses=refuses, slow_files=slow_files) as chat:
        slack = SlackMessenger(token="xoxb-sandbox", url=chat.url, draw=as_png if draws else None, wait=wait)
        deliverer = Deliverer(
            store=store,
            messenger=slack,
            clock=clock,
            meter=MemoryMeter(),
            language=Language.EN,
            zone=ZoneInfo("Asia/Tokyo"),
        )
        yield Desk(chat, clock, store, deliverer, waited)


WITHOUT_PICTURE = ["header", "section", "section", "table", "context"]


@pytest.mark.parametrize(
    ("refuses", "shown", "rung"),
    [
        ((), "data_visualization", 0),
        (("data_visualization",), "image", 1),
        (("data_visualization", "image"), None, 2),
    ],
)
def test_a_workspace_gets_the_richest_picture_that_it_takes(
    refuses: Collection[str], shown: str | None, rung: int
) -> None:
    with desk(refuses=refuses) as here:
        here.tell(RICH)

        [delivery] = here.store.deliveries()
        assert [kind for kind in here.kinds() if kind not in WITHOUT_PICTURE] == ([shown] if shown else [])
        assert (delivery.plain, delivery.stage) == (rung, "sent")


def test_a_workspace_that_takes_no_table_gets_a_list_and_one_that_takes_nothing_gets_text() -> None:
    with desk(refuses=("data_visualization", "image", "table")) as here:
        here.tell(RICH)
        assert here.kinds() == ["header", "section", "section", "section", "context"]
    with desk(refuses=("data_visualization", "image", "table", "header")) as here:
        here.tell(RICH)
        assert here.kinds() == []
        assert "login 42" in here.chat.roots[0].text


def test_the_picture_is_uploaded_with_words_for_those_who_cannot_see_it_and_not_posted() -> None:
    with desk(refuses=("data_visualization",)) as here:
        here.tell(RICH)

        [file], [root] = here.chat.files, here.chat.roots
        [image] = [block for block in root.blocks if block["type"] == "image"]
        assert image["slack_file"] == {"id": file.id}
        assert (file.content, file.completed) == (b"PNG of Tickets per 15 min: payments", True)
        assert "100 tickets in the last 15 min" in file.alt


def test_a_file_that_takes_a_moment_is_waited_for_before_the_message_shows_it() -> None:
    with desk(refuses=("data_visualization",), slow_files=2) as here:
        here.tell(RICH)

        assert "image" in here.kinds()
        assert here.waited == [timedelta(seconds=0.5), timedelta(seconds=1)]


def test_a_file_that_is_never_ready_does_not_hold_up_the_message() -> None:
    with desk(refuses=("data_visualization",), slow_files=99) as here:
        here.tell(RICH)

        assert here.kinds() == WITHOUT_PICTURE
        assert sum(here.waited, timedelta(0)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("files.getUploadURLExternal", Fault(body='{"ok": false, "error": "missing_scope"}')),
        (
            "files.getUploadURLExternal",
            Fault(status=429, headers={"Retry-After": "60"}, body='{"ok": false, "error": "ratelimited"}'),
        ),
        ("files.getUploadURLExternal", Fault(body="[]")),
        ("files.getUploadURLExternal", Fault(drop_after=True)),
        ("upload", Fault(status=500)),
        ("upload", Fault(status=204)),
        ("files.completeUploadExternal", Fault(body='{"ok": false, "error": "file_not_found"}')),
        ("files.completeUploadExternal", Fault(body="<html>", status=502)),
        ("files.info", Fault(body='{"ok": false, "error": "missing_scope"}')),
    ],
)
def test_an_upload_that_fails_at_any_step_costs_the_picture_and_nothing_else(step: str, fault: Fault) -> None:
    with desk(refuses=("data_visualization",)) as here:
        here.chat.fail(step, fault)

        here.tell(RICH)

        assert here.kinds() == WITHOUT_PICTURE
        assert here.deliverer.drain().waiting == 0


def test_where_nobody_draws_a_picture_there_is_none() -> None:
    with desk(refuses=("data_visualization",), draws=False) as here:
        here.tell(RICH)

        assert here.kinds() == WITHOUT_PICTURE


def test_an_edit_shows_a_new_file_and_the_old_one_is_deleted() -> None:
    with desk(refuses=("data_visualization",)) as here:
        here.tell(RICH)
        [before] = here.chat.files

        here.tell(notice(Reason.CHANGED, course=course(9, 9), revision=2, **grouped()))

        [after], [root] = here.chat.files, here.chat.roots
        [image] = [block for block in root.blocks if block["type"] == "image"]
        assert image["slack_file"] == {"id": after.id} != {"id": before.id}


def test_what_a_workspace_refused_once_is_not_tried_at_every_edit() -> None:
    with desk(refuses=("data_visualization", "image")) as here:
        here.tell(RICH, notice(Reason.CHANGED, course=course(), revision=2, **grouped(more=1)))

        methods = [call.method for call in here.chat.calls]
        assert methods.count("chat.update") == 1


def test_a_picture_that_is_refused_leaves_no_file_behind() -> None:
    with desk(refuses=("data_visualization", "image")) as here:
        here.tell(RICH)

        [message] = here.chat.roots
        assert "image" not in [block["type"] for block in message.blocks]
        assert "files.completeUploadExternal" in [call.method for call in here.chat.calls]
        assert here.chat.files == ()
