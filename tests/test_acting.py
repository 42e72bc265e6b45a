"""What people did: applied once, told, labelled and answered, whatever breaks in between."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from spikewatch.adapters.memory import MemoryStore
from spikewatch.adapters.sql_store import open_store
from spikewatch.core.acts import ActKind, ActStage, Entry, Refusal, Refused
from spikewatch.core.events import LabelKind
from spikewatch.core.incidents import Phase
from spikewatch.core.notices import Reason
from spikewatch.core.outbox import Stage
from spikewatch.core.settings import Language
from spikewatch.core.wording.answers import answer
from spikewatch.ports import ContentRefused, CycleCommit, Unavailable
from tests.core_factories import LOGIN, surge
from tests.factories import OPENED, notice
from tests.people import CHANNEL, STEP, TOKYO, People


@pytest.fixture
def people() -> People:
    found = People()
    found.told()
    return found


def entries(people: People, stage: ActStage = ActStage.ANSWERED) -> list[Entry]:
    return list(people.store.acts(stage=stage))


def test_an_acknowledgement_is_stored_and_shown_where_the_incident_was_told(people: People) -> None:
    people.does(ActKind.ACKNOWLEDGE)

    assert people.incident().handling.acknowledged_by == "sato"
    assert people.store.judge_state().incidents.active == (people.incident(),)
    assert people.waiting() == [(CHANNEL, Reason.ACKNOWLEDGED)]
    assert people.crowd.heard == []
    assert people.meter.of("acted") == [{"act": "acknowledge", "outcome": "applied"}]


def test_a_double_click_changes_nothing_and_says_so(people: People) -> None:
    people.does(ActKind.ACKNOWLEDGE)
    people.delivered()
    people.clock.advance(timedelta(seconds=1))

    people.does(ActKind.ACKNOWLEDGE)

    assert people.waiting() == []
    assert people.crowd.heard == [
        ("https://answers/sato", "SW-1: you did so at 10:10 JST. Nothing was changed.")
    ]


def test_of_two_people_the_first_has_it_and_the_other_is_told(people: People) -> None:
    people.acting.receive(people.act(ActKind.ACKNOWLEDGE, by="sato"))
    people.acting.receive(people.act(ActKind.ACKNOWLEDGE, by="suzuki"))

    people.acting.run()

    assert people.incident().handling.acknowledged_by == "sato"
    assert [text for _, text in people.crowd.heard] == [
        "SW-1: sato did so at 10:10 JST. Nothing was changed."
    ]


def test_an_envelope_that_arrives_twice_counts_once(people: People) -> None:
    pressed = people.act(ActKind.SNOOZE, lasts=timedelta(hours=2))

    assert people.acting.receive(pressed)
    people.acting.run()
    assert not people.acting.receive(pressed)
    people.acting.run()

    assert len(people.meter.of("acted")) == 1
    assert len(people.crowd.heard) == 1


def test_a_press_on_a_message_of_another_installation_is_refused(people: People) -> None:
    people.does(ActKind.ACKNOWLEDGE, message=("C9", "9.9"))

    assert people.incident().handling.acknowledged_by is None
    assert "another spikewatch" in people.crowd.heard[0][1]


def test_a_press_on_anothers_message_is_refused_where_our_incident_of_that_name_was_never_told() -> None:
    people = People()
    people.opened()

    people.does(ActKind.ACKNOWLEDGE, message=("C9", "9.9"))

    assert people.incident().handling.acknowledged_by is None
    assert "another spikewatch" in people.crowd.heard[0][1]


@pytest.mark.parametrize(
    ("stage", "taken"), [(Stage.SENDING, "sato"), (Stage.UNKNOWN, "sato"), (Stage.QUEUED, None)]
)
def test_a_press_on_a_message_that_may_be_ours_and_is_not_known_yet_counts(
    stage: Stage, taken: str | None
) -> None:
    people = People()
    people.opened()
    people.happens(notice(Reason.OPENED, incident="SW-1"))
    (row,) = people.store.unsettled()
    people.store.save_delivery(replace(row, stage=stage))

    people.does(ActKind.ACKNOWLEDGE)

    assert people.incident().handling.acknowledged_by == taken


def test_who_may_not_act_is_told_and_changes_nothing(people: People) -> None:
    people.crowd.allowed = False

    people.does(ActKind.FALSE_ALARM)

    assert people.incident().handling.verdict is None
    assert entries(people)[0].refused is not None
    assert people.meter.of("acted") == [{"act": "false_alarm", "outcome": "not_allowed"}]
    assert "not among those" in people.crowd.heard[0][1]


def test_a_permission_that_cannot_be_looked_up_is_none(people: People) -> None:
    people.crowd.failure = Unavailable("down")

    people.does(ActKind.ACKNOWLEDGE)

    assert people.incident().handling.acknowledged_by is None
    assert people.meter.of("acted") == [{"act": "acknowledge", "outcome": "not_checked"}]


def test_a_late_press_says_when_it_was_over(people: People) -> None:
    people.opened(phase=Phase.RESOLVED, resolved_at=people.now)

    people.does(ActKind.ACKNOWLEDGE)

    assert people.crowd.heard[0][1] == "SW-1 was over at 10:10 JST. Nothing was changed."


def test_a_false_alarm_is_labelled_and_its_message_says_so(people: People) -> None:
    people.does(ActKind.FALSE_ALARM)

    assert [(each.label.kind, each.author, each.incident) for each in people.store.labels()] == [
        (LabelKind.FALSE_ALARM, "sato", "SW-1")
    ]
    assert people.waiting() == [(CHANNEL, Reason.DISMISSED)]


def test_a_label_reaches_as_far_as_the_incident_goes_on_to_surge(people: People) -> None:
    people.does(ActKind.CONFIRM)
    longer = people.incident()
    grown = surge(LOGIN, at=OPENED + timedelta(hours=1))

    people.opened(handling=longer.handling, surges=(grown,))

    labels = people.store.labels()
    assert [(each.label.span.start, each.label.span.end) for each in labels] == [
        (grown.began, grown.last_surging)
    ]


def test_a_closed_incident_takes_a_verdict_and_is_not_told_again(people: People) -> None:
    people.opened(phase=Phase.CLOSED, closed_at=people.now)
    people.delivered()

    people.does(ActKind.CONFIRM)

    assert people.incident().handling.verdict is not None
    assert len(people.store.labels()) == 1
    assert people.waiting() == []
    assert people.store.judge_state().incidents.active == ()


def test_an_act_on_an_incident_that_was_never_told_tells_nothing() -> None:
    people = People()
    people.opened()

    people.does(ActKind.ACKNOWLEDGE, message=None)

    assert people.incident().handling.acknowledged_by == "sato"
    assert people.waiting() == []


def test_an_answer_waits_while_nobody_can_be_answered_and_is_given_up_after_half_an_hour(
    people: People,
) -> None:
    people.crowd.deaf = Unavailable("down")
    people.does(ActKind.SNOOZE, lasts=timedelta(hours=2))
    assert len(entries(people, ActStage.SETTLED)) == 1

    people.clock.advance(timedelta(minutes=10))
    people.crowd.deaf = None
    people.acting.run()
    assert len(people.crowd.heard) == 1

    people.crowd.deaf = Unavailable("down")
    people.does(ActKind.SNOOZE, by="suzuki", lasts=timedelta(hours=3))
    people.clock.advance(timedelta(minutes=31))
    people.crowd.deaf = None
    people.acting.run()

    assert len(people.crowd.heard) == 1
    assert entries(people, ActStage.SETTLED) == []


def test_an_address_that_takes_no_more_answers_is_not_tried_again(people: People) -> None:
    people.crowd.deaf = ContentRefused("used_url")

    people.does(ActKind.SNOOZE, lasts=timedelta(hours=2))

    assert entries(people, ActStage.SETTLED) == []


# -- whatever breaks


class Crash(Exception):
    """The process ends here."""


class FragileStore(MemoryStore):
    """Breaks once, before or after a commit."""

    breaks: str = ""

    def commit_cycle(self, commit: CycleCommit) -> None:
        """Commit, and break where that was asked for."""
        self._break("before")
        super().commit_cycle(commit)
        self._break("after")

    def save_act(self, entry: Entry) -> None:
        """Save, and break where that was asked for."""
        super().save_act(entry)
        self._break("answered")

    def _break(self, where: str) -> None:
        if self.breaks == where:
            self.breaks = ""
            raise Crash


@pytest.mark.parametrize("where", ["before", "after", "answered"])
def test_a_crash_anywhere_neither_loses_nor_doubles_an_act(where: str) -> None:
    store = FragileStore(step=STEP)
    people = People(store=store)
    people.told()
    people.acting.receive(people.act(ActKind.FALSE_ALARM))
    store.breaks = where

    with pytest.raises(Crash):
        people.acting.run()
    people.acting.run()
    people.acting.run()

    assert people.incident().revision == 2
    assert people.incident().handling.is_dismissed
    assert len(store.labels()) == 1
    assert [row.notice.facts.revision for row in store.deliveries() if not row.is_reply] == [1, 2]
    assert len(people.crowd.heard) == 1


def test_an_act_received_before_a_crash_is_applied_after_the_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    people = People(store=open_store(url, step=STEP))
    people.told()
    people.acting.receive(people.act(ActKind.ACKNOWLEDGE))
    people.store.close()

    again = People(store=open_store(url, step=STEP))
    again.acting.run()

    assert again.incident().handling.acknowledged_by == "sato"
    assert again.waiting() == [(CHANNEL, Reason.ACKNOWLEDGED)]
    again.store.close()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[[], People]]:
    """A daemon's store in a file, and what another process sees of it."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    stores = [open_store(url, step=STEP)]
    people = People(store=stores[0])
    people.told()

    def another() -> People:
        stores.append(open_store(url, step=STEP, exclusive=False, guest=True))
        return People(store=stores[-1])

    yield another
    for store in stores:
        store.close()


def test_a_shell_writes_beside_the_daemon_which_settles_it(daemon: Callable[[], People]) -> None:
    shell, other = daemon(), daemon()

    shell.acting.receive(shell.act(ActKind.ACKNOWLEDGE, user=None, address=None, message=None))

    assert [entry.act.by for entry in other.store.acts(stage=ActStage.RECEIVED)] == ["sato"]
    other.acting.run()
    assert shell.incident().handling.acknowledged_by == "sato"


def test_refusals_are_a_closed_set_that_every_language_answers() -> None:
    people = People()
    people.told()
    heard: list[str] = []
    for why in Refusal:
        people.crowd.heard.clear()
        people.clock.advance(timedelta(seconds=1))
        entry = Entry(people.act(ActKind.SNOOZE), ActStage.SETTLED, people.now)
        heard.append(said(entry, why, people.now))

    assert len(set(heard)) == len(Refusal)


def said(entry: Entry, why: Refusal, at: datetime) -> str:
    refused = replace(entry, refused=Refused(why, by="<@U1> *x*", at=at))
    texts = [answer(refused, None, language=language, zone=TOKYO) for language in Language]
    assert texts[0] != texts[1]
    assert all("{" not in text for text in texts)
    return texts[0]


def test_what_a_message_says_changes_with_the_act(people: People) -> None:
    people.happens(notice(Reason.CHANGED, incident="SW-1", revision=2))
    people.does(ActKind.SNOOZE, lasts=timedelta(minutes=30))

    newest = people.store.deliveries_of("SW-1")[-1].notice.facts
    assert newest.revision == people.incident().revision


def test_an_event_that_is_named_after_the_press_is_kept_with_the_verdict() -> None:
    people = People()
    people.told()

    people.does(ActKind.EXPECTED)
    people.does(ActKind.EXPECTED, key="form", note="spring sale")
    people.does(ActKind.EXPECTED, key="form", note="spring sale")

    verdict = people.incident().handling.verdict
    assert verdict is not None
    assert (verdict.kind, verdict.note) == (LabelKind.EXPECTED, "spring sale")
    assert people.incident().handling.is_dismissed
    assert {noted.note for noted in people.store.labels()} == {"spring sale"}
