"""`notify test`: every kind of message, marked, to every receiver; and who is asked for that is not there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from spikewatch.adapters.clock import ManualClock
from spikewatch.app.sampling import samples, story
from spikewatch.config import Config, Purpose, load
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import Told
from spikewatch.core.settings import Language
from spikewatch.core.weekly import WeeklyNotice
from spikewatch.core.wording import render
from spikewatch.core.wording.weekly import sections_of
from spikewatch.errors import Fault, Mistake
from spikewatch.sandbox.block_rules import wrong_blocks
from spikewatch.sandbox.chat import Chat
from tests.factories import OPENED
from tests.receiving import Answer, HttpDesk, SmtpDesk

TOKYO = ZoneInfo("Asia/Tokyo")
TEXT = """\
timezone: Asia/Tokyo
language: en
sources: [{{kind: csv, name: file, path: tickets.csv}}]
receivers:
  - {{kind: webhook, name: hook, url: "{hook}"}}
  - {{kind: alertmanager, name: pager, url: "{hook}"}}
  - {{kind: mail, name: team, host: 127.0.0.1, port: {port}, encryption: none, sender: a@b.example, to: [c@d.example]}}
"""


@pytest.fixture
def hook() -> Iterator[HttpDesk]:
    with HttpDesk() as desk:
        yield desk


@pytest.fixture
def mail() -> Iterator[SmtpDesk]:
    with SmtpDesk() as desk:
        yield desk


@pytest.fixture
def config(tmp_path: Path, hook: HttpDesk, mail: SmtpDesk) -> Config:
    file = tmp_path / "spikewatch.yaml"
    file.write_text(TEXT.format(hook=hook.url, port=mail.port), encoding="utf-8")
    return load(file, env={}, purpose=Purpose.RUN)


def test_there_is_a_sample_of_every_reason_to_tell() -> None:
    reasons = {told.reason for told in story("T", now=OPENED, zone=TOKYO) if isinstance(told, Notice)}

    assert reasons == set(Reason)


def test_there_is_a_sample_of_every_other_kind_of_message() -> None:
    kinds = {type(told) for told in story("T", now=OPENED, zone=TOKYO)}

    assert kinds == set(get_args(Told))


@pytest.mark.parametrize("language", Language)
def test_the_sample_of_a_week_shows_every_section_filled(language: Language) -> None:
    (told,) = (each for each in story("T", now=OPENED, zone=TOKYO) if isinstance(each, WeeklyNotice))

    sections = sections_of(told.facts, language=language, zone=TOKYO)

    assert all(section.table for section in sections if section.key not in {"summary", "accuracy", "blind"})
    assert told.facts.span.end <= OPENED
    assert not list(wrong_blocks(render(told, language=language, zone=TOKYO).blocks))


def test_a_webhook_gets_every_sample_marked_as_a_test(config: Config, hook: HttpDesk) -> None:
    lines = list(samples(config, channel=None, receiver="hook"))

    documents = [request.json for request in hook.requests]
    assert len(documents) == len(lines) == len(story("T", now=OPENED, zone=TOKYO))
    assert all(document["test"] for document in documents)
    assert all(document["text"].startswith("[test] ") for document in documents)


def test_what_keeps_an_alert_alive_is_not_told_that_it_is_over(config: Config, hook: HttpDesk) -> None:
    list(samples(config, channel=None, receiver="pager"))

    names = {alert["labels"]["alertname"] for request in hook.requests for alert in request.json}
    assert names == {"SpikewatchTest"}
    last = {alert["labels"]["severity"]: alert for alert in hook.requests[-3].json}["critical"]
    assert last["endsAt"] > last["startsAt"]


def test_a_mail_says_in_its_subject_that_it_is_a_test(config: Config, mail: SmtpDesk) -> None:
    list(samples(config, channel=None, receiver="team"))

    subjects = [each["Subject"] for each in mail.mails]
    assert subjects[0].startswith("[test] Ticket surge: sample / login and 3 more")
    assert all(subject.removeprefix("Re: ").startswith("[test] ") for subject in subjects)


def test_a_receiver_that_refuses_is_a_fault_that_says_why(config: Config, hook: HttpDesk) -> None:
    hook.answers.append(Answer(status=404))

    with pytest.raises(Fault, match="webhook:hook takes no message: hook answered 404"):
        list(samples(config, channel=None, receiver="hook"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"receiver": "nobody", "channel": None},
            "nobody: there is no such receiver; known: hook, pager, team",
        ),
        ({"receiver": None, "channel": "#a"}, "has no section slack"),
    ],
)
def test_who_is_not_there_is_a_mistake(config: Config, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(Mistake, match=said):
        list(samples(config, **asked))


def test_the_chat_shows_one_living_message_and_its_replies(tmp_path: Path) -> None:
    clock = ManualClock(OPENED)
    with Chat(clock=clock, channels=("sandbox",), on_change=lambda _: None) as chat:
        file = tmp_path / "spikewatch.yaml"
        file.write_text(
            "timezone: Asia/Tokyo\nlanguage: ja\nsources: [{kind: csv, name: file, path: tickets.csv}]\n"
            f"slack: {{channel: '#sandbox', url: '{chat.url}', mention: here}}\n",
            encoding="utf-8",
        )
        config = load(file, env={"SPIKEWATCH_SLACK_BOT_TOKEN": "xoxb-sandbox"}, purpose=Purpose.RUN)

        list(samples(config, channel=None, receiver=None, clock=clock))

        incident, blind, recap, refused, week = chat.roots
        assert all(message.text.startswith("【テスト】") for message in chat.messages)
        assert len(chat.thread(incident)) == 10
        assert [chat.thread(each) for each in (blind, recap, refused, week)] == [(), (), (), ()]
        assert week.text.startswith("【テスト】問い合わせ週報 ")
        assert "<!here>" not in str([call.arguments for call in chat.calls])
