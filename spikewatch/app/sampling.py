"""`notify test`: a sample of each message, marked as a test, by the way that real ones take; nothing is stored.

Slack gets one living message that goes through every state, with its replies, and what is said of a source, of an outage,
of a configuration and of a week; every other receiver gets the same as far as it can.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from spikewatch.adapters.clock import SystemClock
from spikewatch.adapters.slack.messenger import SlackMessenger
from spikewatch.app.picturing import draw, links_of
from spikewatch.app.receivers import messenger_of, relays_of
from spikewatch.app.sample import sample_facts, sample_reading, sample_series, sample_week
from spikewatch.config import Config
from spikewatch.core.blindness import Cause, begun, ended
from spikewatch.core.events import LabelKind
from spikewatch.core.handling import Handling, Verdict
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.misconfiguration import mended, refused
from spikewatch.core.notices import Notice, Reason, is_worth_a_reply
from spikewatch.core.outbox import PLAINEST, Receipt, Told
from spikewatch.core.recaps import recap_of
from spikewatch.core.settings import Language
from spikewatch.core.weekly import notice_of_week
from spikewatch.core.wording import Message, Source, marked, render, render_reply
from spikewatch.errors import Fault, Mistake
from spikewatch.ports import Clock, ContentRefused, Messenger, PortError, Unavailable

PAUSE = timedelta(seconds=1.2)
"""Between two messages: a channel takes about one a second."""

LONGEST_PAUSE = timedelta(seconds=60)
TRIES = 3
WHO = "test"
_LASTED = timedelta(minutes=80)
_MISTAKE = "spikewatch.yaml:12: detection.min_ratio: 0.5 would alert on falls; use 1.0 or more"


@dataclass(frozen=True, slots=True)
class Place:
    """Where samples go; `pause` is waited before each."""

    messenger: Messenger
    channel: str
    language: Language
    pause: timedelta = timedelta(0)


def places_of(
    config: Config, *, channel: str | None, receiver: str | None, clock: Clock
) -> tuple[Place, ...]:
    """Return where samples go: to one channel, to one receiver, or without both to Slack's channel and every receiver.

    Raises Mistake where there is no such receiver, or nobody at all.
    """
    beside = {relay.name: relay for relay in relays_of(config)}
    if receiver not in (None, "slack", *beside):
        known = ", ".join(["slack", *beside]) if config.slack else ", ".join(beside)
        raise Mistake(f"{receiver}: there is no such receiver; known: {known or 'none'}")
    places = []
    if config.slack is not None and receiver in (None, "slack"):
        places.append(_slack(config, channel=channel or config.slack.channel, clock=clock))
    elif channel is not None:
        raise Mistake(
            "--channel names a channel of Slack; the configuration has no section slack, or --receiver is another"
        )
    for settings in config.receivers if channel is None else ():
        if receiver in (None, settings.name):
            place = beside[settings.name].channel
            language = settings.language or config.language
            places.append(Place(messenger_of(config, settings, clock=clock), place, language))
    if not places:
        raise Mistake("nobody is told: the configuration has neither a section slack nor receivers")
    return tuple(places)


def samples(
    config: Config, *, channel: str | None, receiver: str | None, clock: Clock | None = None
) -> Iterator[str]:
    """Send every sample to each place and yield a line for each. Raises Fault where a place takes none.

    clock  None: the machine's
    """
    clock = clock or SystemClock()
    run = f"TEST-{clock.now():%H%M%S}"
    for place in places_of(config, channel=channel, receiver=receiver, clock=clock):
        sender = _Sender(config, place, clock=clock, run=run)
        for told in story(run, now=clock.now(), zone=config.timezone):
            if _is_bearable(told, place.messenger):
                yield from sender.tell(told)


def story(run: str, *, now: datetime, zone: ZoneInfo) -> tuple[Told, ...]:
    """Return a notice of every kind.

    They tell an incident from its opening to its end, a source that is not read, a recap, a configuration that is refused,
    and the last week in figures.
    """
    facts = sample_facts(run, at=now)
    verdict = Verdict(LabelKind.INCIDENT, WHO, now)
    states: Sequence[tuple[Reason, dict[str, object]]] = (
        (Reason.OPENED, {}),
        (Reason.CHANGED, {"lead": sample_reading(48), "growing": True}),
        (Reason.JOINED, {"joined": (sample_series("refund"),)}),
        (Reason.RAISED, {"severity": Severity.CRITICAL}),
        (Reason.ACKNOWLEDGED, {"handling": Handling(acknowledged_by=WHO, acknowledged_at=now)}),
        (Reason.HANDED_BACK, {}),
        (Reason.SNOOZED, {"handling": Handling(snoozed_by=WHO, snoozed_until=now + timedelta(hours=2))}),
        (Reason.UNMUTED, {}),
        (Reason.LABELLED, {"handling": Handling(verdict=verdict)}),
        (Reason.DISMISSED, {"handling": Handling(dismissed_by=WHO, dismissed_at=now)}),
        (Reason.RESOLVED, {"phase": Phase.RESOLVED, "resolved_at": now}),
        (Reason.REOPENED, {}),
        (Reason.MERGED, {"phase": Phase.CLOSED, "resolved_at": now, "merged_into": f"{run}-B"}),
    )
    told: list[Told] = []
    for revision, (reason, changes) in enumerate(states, start=1):
        severe = {"severity": Severity.CRITICAL} if revision > _RAISED else {}
        stated = replace(facts, revision=revision, **{**severe, **changes})  # type: ignore[arg-type]  # fields of Facts
        told.append(Notice(f"{run}.{revision}", run, reason, now, stated))
    blind = begun(WHO, Cause.UNREACHABLE, since=now - _LASTED, at=now)
    seeing = ended(blind, until=now, tickets=40, incidents=1, at=now)
    recap = recap_of([facts], receiver=WHO, channel=run, since=now - _LASTED, at=now)
    wrong = refused(None, file="spikewatch.yaml", problems=(_MISTAKE,), restart=False, at=now - _LASTED)
    mistaken = () if wrong is None else (wrong, mended(wrong, at=now))
    week = notice_of_week(sample_week(before=now, zone=zone), at=now)
    return (*told, blind, seeing, recap, *mistaken, week)


_RAISED = 4


def _is_bearable(told: Told, messenger: Messenger) -> bool:
    """Tell whether a receiver is told: who keeps something alive is only told that it is there, and it ends by itself.

    Alertmanager waits before it tells anybody: an alert that is over by then was never there.
    """
    if messenger.abilities.repeats_every is None:
        return True
    dismissed = isinstance(told, Notice) and told.facts.handling.is_dismissed
    return told.facts.phase is Phase.OPEN and not dismissed


def _slack(config: Config, *, channel: str, clock: Clock) -> Place:
    slack, token = config.slack, config.secret("slack.bot_token")
    if slack is None or token is None:
        raise Mistake("slack: set SPIKEWATCH_SLACK_BOT_TOKEN or slack.bot_token_file")
    messenger = SlackMessenger(
        token=token.get_secret_value(), url=slack.url, timeout_s=slack.timeout_s, draw=draw, wait=clock.wait
    )
    return Place(messenger, channel, slack.languages.get(channel, config.language), PAUSE)


_Send: TypeAlias = Callable[[Message, str], Receipt]


class _Sender:
    """Tells one place the story, in the way that its abilities allow."""

    def __init__(self, config: Config, place: Place, *, clock: Clock, run: str) -> None:
        self._config = config
        self._place = place
        self._clock = clock
        self._run = run
        self._roots: dict[str, Receipt] = {}

    def tell(self, told: Told) -> Iterator[str]:
        """Tell one notice and yield what was done."""
        able, root = self._place.messenger.abilities, self._roots.get(told.incident)
        if root is None:
            self._roots[told.incident] = self._sent(told, self._post)
            yield self._line(told, "posted")
            return
        if able.edits:
            self._sent(told, lambda message, _: self._edit(root, message))
            yield self._line(told, "edited")
        is_news = not isinstance(told, Notice) or is_worth_a_reply(told)
        if able.replies and is_news and (isinstance(told, Notice) or not able.edits):
            self._sent(told, lambda message, key: self._reply(root, message, key), reply=True)
            yield self._line(told, "replied")

    def _post(self, message: Message, key: str) -> Receipt:
        return self._place.messenger.post(message, channel=self._place.channel, key=key)

    def _edit(self, root: Receipt, message: Message) -> Receipt:
        self._place.messenger.edit(root, message)
        return root

    def _reply(self, root: Receipt, message: Message, key: str) -> Receipt:
        return self._place.messenger.reply(root, message, key=f"{key}:reply")

    def _sent(self, told: Told, send: _Send, *, reply: bool = False) -> Receipt:
        """Send one message, plainer where it is refused and again where it may work; nobody is called by name."""
        rung, tries, pause = self._place.messenger.abilities.plain, 0, self._place.pause
        while True:
            self._clock.wait(pause)
            try:
                return send(self._message(told, rung=rung, reply=reply), f"{self._run}:{told.key}")
            except ContentRefused as error:
                if rung >= PLAINEST:
                    raise Fault(f"{self._place.channel} refuses the message: {error}") from error
                rung, pause = rung + 1, self._place.pause
            except Unavailable as error:
                tries += 1
                if tries >= TRIES:
                    raise Fault(f"{self._place.channel} takes no message: {error}") from error
                pause = min(error.retry_after or max(2 * pause, PAUSE), LONGEST_PAUSE)
            except PortError as error:
                raise Fault(f"{self._place.channel} takes no message: {error}") from error

    def _message(self, told: Told, *, rung: int, reply: bool) -> Message:
        language, zone = self._place.language, self._config.timezone
        if reply and isinstance(told, Notice) and self._place.messenger.abilities.edits:
            said = render_reply(told, language=language, zone=zone, plain=rung)
        else:
            said = render(told, language=language, zone=zone, plain=rung, links=links_of(self._config))
        said = marked(said, language=language, zone=zone, test=True)
        return replace(said, urgent=False, loud=False, source=Source(told, language, zone))

    def _line(self, told: Told, done: str) -> str:
        kind = (
            told.reason.value
            if isinstance(told, Notice)
            else type(told).__name__.removesuffix("Notice").lower()
        )
        return f"{self._place.channel}  {done:<7}  {kind}"
