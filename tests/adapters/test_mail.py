"""Mail on a server that misbehaves, and what a mailbox shows: text, HTML and threads, in both languages."""

import logging
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.mail.letter import subject_of
from spikewatch.adapters.mail.messenger import MailMessenger
from spikewatch.adapters.mail.readable import as_html, as_text
from spikewatch.adapters.mail.settings import Encryption
from spikewatch.core.blindness import Cause, begun, ended, removed
from spikewatch.core.counts import SeriesKey
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.settings import Language
from spikewatch.core.weekly import Accuracy, Volume, Week, Weekly, notice_of_week
from spikewatch.core.wording import Message, render, render_reply
from spikewatch.ports import (
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    OutcomeUnknown,
    PortError,
    Unavailable,
)
from tests.certificates import Pair, authority
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


# -- a private line


@dataclass(frozen=True)
class Keys:
    """An authority that is trusted, and servers that it has signed for."""

    trust: ssl.SSLContext
    here: ssl.SSLContext
    elsewhere: ssl.SSLContext


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    own = authority(tmp_path_factory.mktemp("certificates"))
    here, elsewhere = own.signed("here"), own.signed("elsewhere", names="DNS:mail.example.com")

    def serving(pair: Pair) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair.cert, pair.key)
        return context

    return Keys(ssl.create_default_context(cafile=own.own.cert), serving(here), serving(elsewhere))


PRIVATE = [Encryption.STARTTLS, Encryption.TLS]


@pytest.mark.parametrize("encryption", PRIVATE)
def test_a_mail_and_the_password_go_over_a_private_line_alone(keys: Keys, encryption: Encryption) -> None:
    with SmtpDesk(tls=keys.here, at_once=encryption is Encryption.TLS) as desk:
        team = mail(desk, encryption=encryption, trust=keys.trust, username="u", password="hush")
        team.post(message(), channel="c", key="k")

    assert [kept["Subject"] for kept in desk.mails] == [subject_of(message())]
    assert any(line.startswith("AUTH") for line in desk.commands)
    assert {line.split(" ")[0].upper() for line in desk.clear} <= {"EHLO", "STARTTLS"}


@pytest.mark.parametrize("encryption", PRIVATE)
def test_a_server_with_the_certificate_of_another_is_told_nothing_and_the_reason_says_so(
    keys: Keys, encryption: Encryption
) -> None:
    with (
        SmtpDesk(tls=keys.elsewhere, at_once=encryption is Encryption.TLS) as desk,
        pytest.raises(Unavailable) as caught,
    ):
        mail(desk, encryption=encryption, trust=keys.trust, username="u", password="hush").post(
            message(), channel="c", key="k"
        )

    assert str(caught.value) == (
        "the mail server's certificate is not for 127.0.0.1: check `host`; it is to be the name that the server goes by"
    )
    assert (desk.mails, [line for line in desk.commands if line.startswith("AUTH")]) == ([], [])


@pytest.mark.parametrize("encryption", PRIVATE)
def test_a_certificate_of_nobody_we_trust_is_refused_with_what_to_do(
    keys: Keys, encryption: Encryption
) -> None:
    with (
        SmtpDesk(tls=keys.here, at_once=encryption is Encryption.TLS) as desk,
        pytest.raises(Unavailable, match=r"cannot be trusted: .*issuer.*SSL_CERT_FILE"),
    ):
        mail(desk, encryption=encryption).post(message(), channel="c", key="k")

    assert desk.mails == []


def test_a_password_that_is_refused_on_a_private_line_is_the_credentials_fault(keys: Keys) -> None:
    with (
        SmtpDesk(tls=keys.here, at_once=True, answers={"AUTH": "535 no"}) as desk,
        pytest.raises(CredentialsRefused, match="535"),
    ):
        mail(desk, encryption=Encryption.TLS, trust=keys.trust, username="u", password="hush").post(
            message(), channel="c", key="k"
        )


# -- some of its readers


def test_who_is_refused_alone_is_named_in_the_log_and_nobody_is_sent_it_twice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="spikewatch.adapters.mail")
    with SmtpDesk(answers={"lead@example.com": "550 nobody here"}) as desk:
        team = mail(desk)
        for key in ("k1", "k2"):
            team.post(message(), channel="c", key=key)
        desk.answers.clear()
        team.post(message(), channel="c", key="k3")

    assert len(desk.mails) == 3
    assert [(row.levelname, row.getMessage(), getattr(row, "refused", None)) for row in caplog.records] == [
        ("WARNING", "mail_partly_refused", {"lead@example.com": 550}),
        ("INFO", "mail_taken_by_all", None),
    ]


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


def shows_its_signs(said: Message) -> bool:
    named = re.findall(r":[a-z_]+: ", str(said.blocks))
    assert [sign for sign in named if sign.strip() in as_text(said.blocks)] == []
    return len(re.findall(r"[\u2190-\u2bff\U0001f300-\U0001faff]", as_text(said.blocks))) >= len(named)


@pytest.mark.parametrize("told", [notice(reason) for reason in Reason], ids=lambda told: told.reason.value)
def test_every_sign_of_a_message_is_shown_in_a_mail_too(told: Notice) -> None:
    assert shows_its_signs(render(told, language=Language.EN, zone=TOKYO))
    assert shows_its_signs(render_reply(told, language=Language.EN, zone=TOKYO))


def test_every_sign_of_a_blindness_is_shown_in_a_mail_too() -> None:
    blind = begun("desk", Cause.UNREACHABLE, since=OPENED, at=OPENED)
    seeing = ended(blind, until=OPENED, tickets=0, incidents=0, at=OPENED)

    for told in (blind, seeing, removed(blind, at=OPENED)):
        assert shows_its_signs(render(told, language=Language.EN, zone=TOKYO))


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        (Language.EN, "Support week 2026-W20", "• payments: tickets 520"),
        (Language.JA, "問い合わせ週報 2026-W20", "• payments: 件数 520"),
    ],
)
def test_the_weekly_report_is_a_mail_of_its_own(
    desk: SmtpDesk, language: Language, subject: str, words: str
) -> None:
    weekly = Weekly(
        week=Week(2026, 20),
        span=Week(2026, 20).span(TOKYO),
        until=OPENED,
        incidents=(),
        accuracy=Accuracy(),
        budget=1.0,
        typical=None,
        slowest=None,
        noisiest=(),
        volumes=(Volume(SeriesKey("payments", "*"), 520, 480.0, 400),),
        blind=(),
    )
    mail(desk).post(
        render(notice_of_week(weekly, at=OPENED), language=language, zone=TOKYO, plain=1),
        channel="c",
        key="k",
    )

    [kept] = desk.mails
    assert kept["Subject"] == subject
    assert words in spoken(kept)


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
