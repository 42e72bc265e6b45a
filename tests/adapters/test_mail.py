"""Mail on a server that misbehaves, and what a mailbox shows: text, HTML and threads, in both languages."""

import ssl
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.mail.messenger import MailMessenger
from spikewatch.adapters.mail.readable import as_html, as_text
from spikewatch.adapters.mail.settings import Encryption
from spikewatch.core.counts import SeriesKey
from spikewatch.core.notices import Reason
from spikewatch.core.settings import Language
from spikewatch.core.wording import Message, render
from spikewatch.ports import (
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    OutcomeUnknown,
    PortError,
    Unavailable,
)
from tests.factories import OPENED, course, grouped, notice
from tests.receiving import SmtpDesk, spoken

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def desk() -> Iterator[SmtpDesk]:
    with SmtpDesk() as running:
        yield running


def mail(desk: SmtpDesk, **more: Any) -> MailMessenger:  # noqa: ANN401 -- any option
    given = {"encryption": Encryption.NONE, "timeout_s": 1, **more}
    return MailMessenger(
        name="team",
        host="127.0.0.1",
        port=desk.port,
        sender="spikewatch@example.com",
        to=["oncall@example.com", "lead@example.com"],
        clock=ManualClock(OPENED),
        **given,
    )


def message(language: Language = Language.EN, *, plain: int = 1, reason: Reason = Reason.OPENED) -> Message:
    told = notice(reason, course=course(), runbook="https://wiki.example.com/a?b=1&c", **grouped(more=3))
    return render(told, language=language, zone=TOKYO, plain=plain)


FAILURES = [
    ({"CONNECT": "421 busy"}, None, Unavailable),
    ({"AUTH": "535 no"}, None, CredentialsRefused),
    ({"MAIL": "550 who are you"}, None, CredentialsRefused),
    ({"MAIL": "451 later"}, None, Unavailable),
    ({"RCPT": "550 nobody here"}, None, ChannelRefused),
    ({"RCPT": "450 full"}, None, Unavailable),
    ({"DATA": "554 no"}, None, ContentRefused),
    ({".": "554 spam"}, None, ContentRefused),
    ({".": "451 later"}, None, Unavailable),
    ({}, "EHLO", Unavailable),
    ({}, ".", OutcomeUnknown),
]


@pytest.mark.parametrize(("answers", "drop", "kind"), FAILURES)
def test_every_failure_becomes_one_of_the_few_that_lead_to_a_reaction(
    answers: dict[str, str], drop: str | None, kind: type[PortError]
) -> None:
    with SmtpDesk(answers=answers, drop=drop) as desk, pytest.raises(PortError) as caught:
        mail(desk, username="u", password="hush").post(message(), channel="c", key="k")

    assert type(caught.value) is kind
    assert "hush" not in str(caught.value)


def test_a_server_that_is_not_there_has_been_sent_nothing() -> None:
    with SmtpDesk() as gone:
        messenger = mail(gone)

    with pytest.raises(Unavailable) as caught:
        messenger.post(message(), channel="c", key="k")

    assert caught.value.reason == "connect"


def test_a_line_that_was_to_be_private_and_is_not_carries_nothing(desk: SmtpDesk) -> None:
    with pytest.raises(CredentialsRefused, match="STARTTLS"):
        mail(desk, encryption=Encryption.STARTTLS).post(message(), channel="c", key="k")
    with pytest.raises(Unavailable):
        mail(desk, encryption=Encryption.TLS, trust=ssl.create_default_context()).post(
            message(), channel="c", key="k"
        )

    assert desk.mails == []


def test_an_incident_is_a_thread_under_one_subject(desk: SmtpDesk) -> None:
    team = mail(desk)
    root = team.post(message(), channel="c", key="k1")
    team.reply(root, message(reason=Reason.RAISED), key="k2")

    first, second = desk.mails
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert second["Subject"] == f"Re: {first['Subject']}"
    assert first["Subject"].startswith("Ticket surge: payments (login and 6 more)")
    assert (first["To"], first["Auto-Submitted"]) == (
        "oncall@example.com, lead@example.com",
        "auto-generated",
    )
    assert first["Importance"] == "high"


def test_a_mail_that_is_sent_twice_has_the_same_id(desk: SmtpDesk) -> None:
    for _ in range(2):
        mail(desk).post(message(), channel="c", key="k")

    first, second = desk.mails
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize(
    ("language", "words"), [(Language.EN, "Against usual"), (Language.JA, "増加分の割合")]
)
def test_text_and_html_say_the_same_in_each_language(desk: SmtpDesk, language: Language, words: str) -> None:
    mail(desk).post(message(language), channel="c", key="k")

    [kept] = desk.mails
    html = kept.get_body(preferencelist=("html",))
    assert html is not None
    for said in (words, "charged twice", "INC-7"):
        assert said in spoken(kept)
        assert said in html.get_content()
    assert 'href="https://wiki.example.com/a?b=1&amp;c"' in html.get_content()
    assert "<!date" not in spoken(kept) + html.get_content().replace("<!DOCTYPE", "")


def test_the_chart_is_a_picture_inside_the_mail(desk: SmtpDesk) -> None:
    mail(desk, draw=lambda _: b"\x89PNG").post(message(), channel="c", key="k")

    [kept] = desk.mails
    [picture] = [part for part in kept.walk() if part.get_content_type() == "image/png"]
    html = kept.get_body(preferencelist=("html",))
    assert html is not None
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html.get_content()
    assert picture.get_content() == b"\x89PNG"


def test_text_alone_is_a_mail_without_html(desk: SmtpDesk) -> None:
    mail(desk).post(message(plain=4), channel="c", key="k")

    assert desk.mails[0].get_content_type() == "text/plain"


@given(name=st.text(min_size=1, max_size=80))
def test_whatever_a_name_holds_is_never_markup(name: str) -> None:
    told = notice(lead_series=SeriesKey("payments", name), parts=())
    blocks = render(told, language=Language.EN, zone=TOKYO, plain=2).blocks

    html = as_html(blocks, pictures={})

    assert set(_tags(html)) <= {
        "!DOCTYPE",
        "html",
        "body",
        "div",
        "h2",
        "p",
        "br",
        "strong",
        "table",
        "tr",
        "td",
    }
    assert as_text(blocks)


def _tags(html: str) -> Iterator[str]:
    for piece in html.split("<")[1:]:
        yield piece.lstrip("/").split(">")[0].split(" ")[0]


def test_the_date_of_a_mail_is_that_of_the_clock(desk: SmtpDesk) -> None:
    mail(desk).post(message(), channel="c", key="k")

    assert desk.mails[0]["Date"].datetime - OPENED == timedelta(0)
