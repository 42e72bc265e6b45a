"""Telling: starts the daemon on the simulated vendors, follows the script, and draws what Slack shows."""

import json
import queue
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from spikewatch.adapters import log as logs
from spikewatch.adapters.clock import ScaledClock, SystemClock
from spikewatch.app.assembly import LOOKS_FROM_S, Assembly, assemble
from spikewatch.config import Config, Purpose, load
from spikewatch.core.blindness import BlindNotice
from spikewatch.core.incidents import Phase
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.settings import Language
from spikewatch.demo.desk import (
    BOT_TOKEN,
    CATEGORY_FIELD,
    CHANNEL,
    CLIENT_ID,
    CLIENT_SECRET,
    desk_of,
    end_on_sigterm,
    scenario_of,
)
from spikewatch.demo.pacing import CRAWL, USUAL_LAG, Pacer
from spikewatch.demo.script import BACKFILL, SCENES, Scene, moment, said
from spikewatch.demo.tales import BEGINS, ending_of, scenes_of
from spikewatch.ingest import Progress as Reading
from spikewatch.lab.synthetic import START_OF_LIVE, Benign, PlantedSurge, World, demo_world
from spikewatch.sandbox.chat import Chat, ChatMessage
from spikewatch.sandbox.helpdesk import Scenario
from spikewatch.sandbox.screen import draw

TOKYO = ZoneInfo("Asia/Tokyo")
LEAD = timedelta(minutes=25)
"""The story's clock starts this much before its first scene, while history is read."""

REDRAW_AFTER = timedelta(minutes=25)
"""An edit that only changes numbers is drawn again after this much of the story's time."""

STUCK_AFTER_S = 90.0
"""The story is given up when judging has not moved for this many real seconds."""

BLIND_AFTER_S = 2.0
"""In a scenario the clock runs slowly enough for a watermark's age to say something after so many real seconds."""

FRESH = timedelta(minutes=30)
"""At the end of a scenario judging is at most so far behind."""

TURN_S = 0.1
COLUMNS = 100


def tell(*, once: bool, speed: float | None, language: str, scenario: str | None = None) -> int:
    """Tell the story and return the exit status: 0 where it went as the script says, else 1.

    scenario  what happens to the desk instead of the outage, by name

    Raises Mistake for an unknown scenario.
    """
    chosen = scenario_of(scenario)
    console = Console(width=None if sys.stdout.isatty() else COLUMNS, highlight=False)
    logs.configure(sys.stderr, level="WARNING")
    end_on_sigterm()
    with ExitStack() as stack:
        stage = stack.enter_context(_stage(console, Language(language), speed, chosen))
        as_scripted = stage.play()
        if not once and sys.stdout.isatty():
            console.print(said("stay", stage.language))
            _until_interrupted(stage)
    return 0 if as_scripted else 1


def _until_interrupted(stage: "_Stage") -> None:
    try:
        stage.pacer.set(1.0)
        threading.Event().wait()
    except KeyboardInterrupt:
        stage.console.print()


@contextmanager
def _stage(
    console: Console, language: Language, speed: float | None, scenario: Scenario | None
) -> Iterator["_Stage"]:
    console.rule()
    console.print(said("title", language))
    with console.status(said("building", language)):
        world = demo_world(language=language)
    services = {leaf.service for leaf in world.leaves}
    live = world.grid.column(START_OF_LIVE)
    console.print(
        said(
            "desk",
            language,
            services=len(services),
            categories=len(world.leaves),
            tickets=int(world.counts[:, :live].sum()),
        )
    )
    clock = ScaledClock(START_OF_LIVE - LEAD, speed=BACKFILL)
    changes: queue.Queue[ChatMessage] = queue.Queue()
    with (
        tempfile.TemporaryDirectory(prefix="spikewatch-demo-") as folder,
        desk_of(world, now=clock.now, scenario=scenario, begins=START_OF_LIVE + BEGINS) as desk,
        Chat(clock=clock, channels=(CHANNEL,), token=BOT_TOKEN, on_change=changes.put) as chat,
    ):
        config = _config(
            Path(folder), desk=desk.url, chat=chat.url, language=language, campaign=world.benign[-1]
        )
        stage = _Stage(console, language, speed, clock, world, chat, changes, scenario)
        stage.assembly = assemble(
            config,
            clock=clock,
            on_page=stage.note_page,
            on_notice=stage.note,
            looks_from_s=LOOKS_FROM_S if scenario is None else BLIND_AFTER_S,
        )
        stage.pacer = Pacer(clock, wake=stage.poll)
        stage.assembly.start()
        try:
            yield stage
        finally:
            stage.assembly.stop()


def _config(folder: Path, *, desk: str, chat: str, language: Language, campaign: Benign) -> Config:
    """Return the demo's configuration, written and loaded as a user's would be."""
    file = folder / "demo.yaml"
    file.write_text(
        f"""\
timezone: Asia/Tokyo
language: {language.value}
calendar:
  country: JP
  events:
    - name: {said("campaign", language)}
      start: {campaign.span.start.astimezone(TOKYO).isoformat()}
      end: {campaign.span.end.astimezone(TOKYO).isoformat()}
      service: {campaign.service}
      expect: {campaign.factor}
store: {json.dumps(f"sqlite:///{folder}/demo.db", ensure_ascii=False)}
poll: {{every: 5m}}
sources:
  - kind: zendesk
    name: desk
    url: {desk}
    client_id: {CLIENT_ID}
    service: {{from: brand}}
    category: {{field: {CATEGORY_FIELD}, show: label}}
    fallback: {said("uncategorised", language)}
    backfill_requests_per_minute: 8
slack: {{channel: "#{CHANNEL}", mention: here, url: "{chat}"}}
metrics: {{listen: "127.0.0.1:0"}}
reconcile: {{enabled: false}}
report: {{enabled: false}}
""",
        encoding="utf-8",
    )
    secrets = {"SPIKEWATCH_DESK_CLIENT_SECRET": CLIENT_SECRET, "SPIKEWATCH_SLACK_BOT_TOKEN": BOT_TOKEN}
    return load(file, env=secrets, purpose=Purpose.RUN)


@dataclass
class _Stage:
    """The running daemon and what has been seen of it."""

    console: Console
    language: Language
    speed: float | None
    clock: ScaledClock
    world: World
    chat: Chat
    changes: queue.Queue[ChatMessage]
    scenario: Scenario | None
    assembly: Assembly = field(init=False)
    pacer: Pacer = field(init=False)
    progress: Reading | None = None
    pages: int = 0
    opened: list[Notice] = field(default_factory=list)
    drawn: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def poll(self) -> None:
        """Let the daemon read the desk at once."""
        for reader in self.assembly.readers:
            self.assembly.daemon.wake(f"poll:{reader.name}")

    def note_page(self, progress: Reading) -> None:
        """Take note of a page that was read."""
        self.progress = progress
        self.pages = progress.pages

    def note(self, notice: Notice) -> None:
        """Take note of what the daemon decided to tell."""
        if notice.reason is Reason.OPENED:
            self.opened.append(notice)

    def play(self) -> bool:
        """Play all scenes; tell whether each had the incidents that the script expects."""
        wall = SystemClock()
        began = wall.now()
        self._backfill()
        self.console.print(said("metrics", self.language, address=self.assembly.http.address))
        as_scripted = True
        try:
            for scene in self._scenes:
                as_scripted &= self._scene(scene)
        except _Stuck:
            self.console.print(said("stuck", self.language, seconds=STUCK_AFTER_S))
            return False
        self._last_words((wall.now() - began).total_seconds())
        return as_scripted

    def _backfill(self) -> None:
        deadline = threading.Event()
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as bar:
            task = bar.add_task(said("reading", self.language), total=1.0)
            while not self._caught_up():
                deadline.wait(TURN_S)
                if self.clock.now() > START_OF_LIVE:
                    self.pacer.set(min(self.clock.speed, CRAWL))
                bar.update(task, completed=0.0 if self.progress is None else self.progress.fraction)
            bar.update(task, completed=1.0)
        tickets = 0 if self.progress is None else self.progress.tickets
        self.console.print(said("read", self.language, tickets=tickets, pages=self.pages))

    def _caught_up(self) -> bool:
        states = self.assembly.store.source_states().values()
        return bool(states) and all(state.watermark is not None for state in states)

    def _scene(self, scene: Scene) -> bool:
        before = len(self.opened)
        begins = START_OF_LIVE + scene.begins
        self._turn_until(lambda: self.clock.now() >= begins, scene)
        self.console.rule(moment(begins.astimezone(TOKYO), self.language), align="left")
        self.console.print(scene.before[self.language].format(began=_local(self._outage.start)))
        self._turn_until(lambda: self._judged_until() >= START_OF_LIVE + scene.until, scene)
        if self.scenario is not None:
            return self._ended(scene, seen=len(self.opened) - before)
        seen = len(self.opened) - before
        if seen != scene.expects:
            self.console.print(said("unexpected", self.language, seen=seen, expected=scene.expects))
            return False
        self.console.print(scene.after[self.language])
        return True

    @property
    def _scenes(self) -> Sequence[Scene]:
        return SCENES if self.scenario is None else scenes_of(self.scenario)

    def _ended(self, scene: Scene, *, seen: int) -> bool:
        """Tell whether a scenario ended as it has to, and say what did not."""
        if self.scenario is None or (scene.begins < BEGINS and not seen):
            return True
        ending = ending_of(self.scenario)
        expected = 0 if scene.begins < BEGINS else ending.incidents
        problems = []
        if expected is not None and seen != expected:
            problems.append(said("unexpected", self.language, seen=seen, expected=expected))
        behind = self.clock.now() - self._judged_until()
        if behind > FRESH:
            problems.append(said("behind", self.language, minutes=behind / timedelta(minutes=1)))
        still_open = [
            each for each in self.assembly.store.judge_state().incidents.active if each.phase is Phase.OPEN
        ]
        if ending.incidents and still_open:
            problems.append(said("unresolved", self.language, seen=len(still_open)))
        blind = sum(isinstance(each.notice, BlindNotice) for each in self.assembly.store.deliveries())
        if blind != 2 * ending.is_blind:  # that it began, and that it ended
            problems.append(said("blindness", self.language, seen=blind, expected=2 * ending.is_blind))
        for problem in problems:
            self.console.print(problem)
        if not problems:
            self.console.print(scene.after[self.language])
        return not problems

    def _turn_until(self, done: Callable[[], bool], scene: Scene) -> None:
        """Show what happens until something is done; raises _Stuck when judging does not move."""
        judged, still = self._judged_until(), 0
        while not done():
            try:
                self._show(self.changes.get(timeout=TURN_S))
            except queue.Empty:
                still += 1
            moved = self._judged_until() != judged
            judged, still = self._judged_until(), 0 if moved else still
            speed = self.speed or scene.speed
            self.pacer.keep(speed, judged_until=judged)
            if still * TURN_S > STUCK_AFTER_S + self.clock.real_seconds(USUAL_LAG):
                raise _Stuck

    @property
    def _outage(self) -> PlantedSurge:
        return self.world.judged_surges[0]

    def _judged_until(self) -> datetime:
        snapshot = self.assembly.cycle.snapshot
        if snapshot is None or snapshot.judged_until is None:
            return START_OF_LIVE - LEAD
        return snapshot.judged_until

    def _show(self, message: ChatMessage) -> None:
        """Draw a message that was posted, says something new, or has not been drawn for a while."""
        now = message.edited_at or message.posted_at
        state = _state_of(message)
        last = self.drawn.get(message.ts)
        if last is not None and last[1] == state and now - last[0] < REDRAW_AFTER:
            return
        self.drawn[message.ts] = (now, state)
        is_reply = message.thread_ts is not None
        word = said("replied" if is_reply else "posted" if last is None else "edited", self.language)
        self.console.print(f"[bold]{_local(now)}[/] {word}")
        self.console.print(draw(message, edited=self.chat.times_edited(message), language=self.language))
        is_first = last is None and not is_reply
        if self.scenario is None and is_first and self.opened and now >= self._outage.start:
            found = _local(self.opened[-1].at)
            began = _local(self._outage.start)
            self.console.print(said("told", self.language, began=began, found=found, told=_local(now)))

    def _last_words(self, seconds: float) -> None:
        while not self.changes.empty():
            self._show(self.changes.get())
        hours = (self._scenes[-1].until + LEAD) / timedelta(hours=1)
        self.console.rule()
        self.console.print(
            said(
                "end",
                self.language,
                hours=hours,
                seconds=seconds,
                polls=self.pages,
                incidents=len(self.opened),
                posts=len(self.chat.roots),
                replies=len(self.chat.messages) - len(self.chat.roots),
                edits=len(self.chat.edits),
            )
        )


class _Stuck(Exception):
    """Judging has not moved for so long that something must have failed."""


def _local(instant: datetime) -> str:
    return f"{instant.astimezone(TOKYO):%H:%M}"


def _state_of(message: ChatMessage) -> str:
    """Return the sign that the lead sentence begins with: it stands for phase and severity."""
    leads = [
        block["text"]["text"]
        for block in message.blocks
        if block.get("type") == "section" and "text" in block
    ]
    return str(leads[0]).split(" ", 1)[0] if leads else message.text
