"""A webhook and Alertmanager on a server that misbehaves, and what they are sent."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from spikewatch.adapters.alertmanager.messenger import AlertmanagerMessenger
from spikewatch.adapters.clock import ManualClock
from spikewatch.adapters.webhook.messenger import WebhookMessenger
from spikewatch.core.blindness import Cause, begun, ended
from spikewatch.core.counts import ALL, SeriesKey
from spikewatch.core.handling import Handling
from spikewatch.core.incidents import Phase, Severity
from spikewatch.core.notices import Notice, Reason
from spikewatch.core.outbox import Receipt, Told
from spikewatch.core.recaps import recap_of
from spikewatch.core.settings import Language
from spikewatch.core.weekly import Accuracy, Blind, Noise, Volume, Week, Weekly, notice_of_week
from spikewatch.core.wording import Message, Source, marked, render
from spikewatch.ports import (
    ChannelRefused,
    ContentRefused,
    CredentialsRefused,
    Messenger,
    OutcomeUnknown,
    PortError,
    Unavailable,
)
from tests.factories import OPENED, facts, grouped, notice
from tests.receiving import Answer, HttpDesk

TOKYO = ZoneInfo("Asia/Tokyo")
SCHEMA = json.loads(
    (Path(__file__).parents[2] / "config" / "webhook.schema.json").read_text(encoding="utf-8")
)
NOW = OPENED + timedelta(minutes=10)

Make = Callable[[str], Messenger]


@pytest.fixture
def desk() -> Iterator[HttpDesk]:
    with HttpDesk() as running:
        yield running


def webhook(url: str, **more: Any) -> WebhookMessenger:  # noqa: ANN401 -- any option
    return WebhookMessenger(name="hook", url=url, clock=ManualClock(NOW), timeout_s=1, **more)


def alertmanager(url: str, **more: Any) -> AlertmanagerMessenger:  # noqa: ANN401 -- any option
    return AlertmanagerMessenger(name="pager", url=url, clock=ManualClock(NOW), timeout_s=1, **more)


def message(told: Told, *, test: bool = False, late: timedelta | None = None) -> Message:
    said = render(told, language=Language.EN, zone=TOKYO, plain=4)
    said = marked(said, language=Language.EN, zone=TOKYO, test=test, late=late)
    return Message(said.text, marks=said.marks, source=Source(told, Language.EN, TOKYO, late))


FAILURES = [
    (Answer(status=400, body='{"error": "bad label"}'), ContentRefused, "content"),
    (Answer(status=401), CredentialsRefused, "auth"),
    (Answer(status=403), CredentialsRefused, "auth"),
    (Answer(status=404), ChannelRefused, "channel"),
    (Answer(status=302, headers={"Location": "http://127.0.0.1:1/"}), ChannelRefused, "channel"),
    (Answer(status=429, headers={"Retry-After": "1.5"}), Unavailable, "rate_limited"),
    (Answer(status=500), OutcomeUnknown, "unknown"),
    (Answer(status=503), OutcomeUnknown, "unknown"),
    (Answer(drop=True), OutcomeUnknown, "unknown"),
    (Answer(hang=True), OutcomeUnknown, "unknown"),
]


@pytest.mark.parametrize("make", [webhook, alertmanager])
@pytest.mark.parametrize(("answer", "kind", "reason"), FAILURES)
def test_every_failure_becomes_one_of_the_few_that_lead_to_a_reaction(
    desk: HttpDesk, make: Make, answer: Answer, kind: type[PortError], reason: str
) -> None:
    desk.answers.append(answer)

    with pytest.raises(PortError) as caught:
        make(desk.url).post(message(notice()), channel="c", key="k")

    assert (type(caught.value), caught.value.reason) == (kind, reason)
    assert desk.url not in str(caught.value)


@pytest.mark.parametrize("make", [webhook, alertmanager])
def test_a_server_that_is_not_there_has_been_sent_nothing(make: Make) -> None:
    with HttpDesk() as gone:
        url = gone.url

    with pytest.raises(Unavailable) as caught:
        make(url).post(message(notice()), channel="c", key="k")

    assert caught.value.reason == "connect"


def test_a_wish_to_wait_is_passed_on_and_a_refusal_says_why(desk: HttpDesk) -> None:
    desk.answers += [Answer(status=429, headers={"Retry-After": "1.5"}), FAILURES[0][0]]

    with pytest.raises(Unavailable) as limited:
        webhook(desk.url).post(message(notice()), channel="c", key="k")
    with pytest.raises(ContentRefused, match="bad label"):
        webhook(desk.url).post(message(notice()), channel="c", key="k")

    assert limited.value.retry_after == timedelta(seconds=1.5)


@pytest.mark.parametrize(
    "said",
    ["Cannot POST /hooks/T0123456789", "no hook T0123456", "bad token s3cr3t-bearer", "q=k-9876543210"],
)
def test_a_refusal_that_repeats_the_address_or_the_token_is_not_repeated(desk: HttpDesk, said: str) -> None:
    desk.answers.append(Answer(status=404, body=said))
    hook = webhook(f"{desk.url}/hooks/T0123456789?key=k-9876543210", token="s3cr3t-bearer")

    with pytest.raises(ChannelRefused) as caught:
        hook.post(message(notice()), channel="c", key="k")

    assert str(caught.value) == "hook answered 404: check its address"


# -- the documents of a webhook

BLIND = begun("desk", Cause.UNREACHABLE, since=OPENED, at=NOW)
WEEK = Weekly(
    week=Week(2026, 20),
    span=Week(2026, 20).span(TOKYO),
    until=OPENED,
    incidents=(),
    accuracy=Accuracy(real=2, false_alarms=1, known=3, found=2),
    budget=1.0,
    typical=timedelta(minutes=8),
    slowest=timedelta(hours=1),
    noisiest=(Noise(SeriesKey("payments", "login"), 2, 1),),
    volumes=(Volume(SeriesKey("payments", "login"), 300, 200.0, 180),),
    blind=(Blind("desk", OPENED, None),),
)
HANDLED = Handling(acknowledged_by="tanaka", acknowledged_at=OPENED)
DOCUMENTS: list[Told] = [
    *(notice(reason) for reason in Reason),
    notice(handling=HANDLED, **grouped(more=3)),
    notice(service=None, lead_series=SeriesKey(ALL, ALL)),
    BLIND,
    ended(BLIND, until=NOW, tickets=40, incidents=1, at=NOW),
    recap_of([facts(), facts(incident="INC-8")], receiver="hook", channel="c", since=OPENED, at=NOW),
    notice_of_week(WEEK, at=NOW),
]


@pytest.mark.parametrize("told", DOCUMENTS, ids=lambda told: told.key[:20])
def test_every_document_has_the_documented_form(desk: HttpDesk, told: Told) -> None:
    webhook(desk.url).post(message(told, late=timedelta(hours=3)), channel="c", key="k")

    jsonschema.validate(desk.requests[0].json, SCHEMA)


def test_the_document_of_a_week_holds_its_figures(desk: HttpDesk) -> None:
    webhook(desk.url).post(message(notice_of_week(WEEK, at=NOW)), channel="c", key="k")

    document = desk.requests[0].json
    assert (document["event"], document["report"]["week"]) == ("week", "2026-W20")
    assert document["report"]["volumes"][0] == {
        "service": "payments",
        "category": "login",
        "tickets": 300,
        "expected": 200.0,
        "week_before": 180,
        "grew": True,
    }
    assert document["report"]["unlisted"]["categories"] == 0
    assert document["text"].startswith("Support week 2026-W20")


def test_a_document_states_the_facts_and_the_text(desk: HttpDesk) -> None:
    told = notice(handling=HANDLED, severity=Severity.CRITICAL)
    webhook(desk.url).post(message(told), channel="c", key="k")

    document = desk.requests[0].json
    incident = document["incident"]
    assert (document["version"], document["event"], document["test"]) == (1, "opened", False)
    assert (incident["id"], incident["severity"], incident["phase"]) == ("INC-7", "critical", "open")
    assert incident["lead"] == {
        "service": "payments",
        "category": "login",
        "window_minutes": 15,
        "observed": 42,
        "expected": 6.0,
        "upper": 17,
        "score": 2.1,
    }
    assert incident["opened_at"] == "2026-11-20T10:00:00+09:00"
    assert incident["acknowledged_by"] == "tanaka"
    assert document["text"].startswith("Ticket surge: payments / login.")


def test_a_state_that_is_sent_again_has_the_same_key(desk: HttpDesk) -> None:
    hook = webhook(desk.url)
    receipt = hook.post(message(notice(key="n1")), channel="c", key="k")
    for _ in range(2):
        hook.edit(receipt, message(notice(Reason.CHANGED, key="n2", revision=2)))

    keys = [each.headers["Idempotency-Key"] for each in desk.requests]
    assert keys == ["n1", "n2", "n2"]
    assert [each.json["key"] for each in desk.requests] == keys


def test_a_request_is_signed_over_its_time_and_body_where_there_is_a_secret(desk: HttpDesk) -> None:
    webhook(desk.url, signing_secret="hush", token="t").post(message(notice()), channel="c", key="k")

    [request] = desk.requests
    at, signed = (part.partition("=")[2] for part in request.headers["X-Spikewatch-Signature"].split(","))
    expected = hmac.new(b"hush", f"{at}.".encode() + request.body, hashlib.sha256).hexdigest()
    assert (int(at), signed) == (int(NOW.timestamp()), expected)
    assert request.headers["Authorization"] == "Bearer t"


def test_a_request_without_secrets_carries_none(desk: HttpDesk) -> None:
    webhook(desk.url).post(message(notice()), channel="c", key="k")

    assert {"X-Spikewatch-Signature", "Authorization"}.isdisjoint(desk.requests[0].headers)


def test_a_sample_says_that_it_is_one(desk: HttpDesk) -> None:
    webhook(desk.url).post(message(notice(), test=True), channel="c", key="k")

    assert desk.requests[0].json["test"] is True


# -- the alerts of Alertmanager


def posted(desk: HttpDesk) -> list[dict[str, Any]]:
    return list(desk.requests[-1].json)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def resolved(**changes: Any) -> Notice:  # noqa: ANN401 -- any field of Facts
    return notice(Reason.RESOLVED, phase=Phase.RESOLVED, resolved_at=OPENED, revision=3, **changes)


def test_an_open_incident_is_an_alert_that_ends_unless_it_is_repeated(desk: HttpDesk) -> None:
    told = notice(runbook="https://wiki.example.com/payments")
    alertmanager(desk.url, labels={"team": "support"}).post(message(told), channel="c", key="k")

    [alert] = posted(desk)
    assert desk.requests[0].path == "/api/v2/alerts"
    assert alert["labels"] == {
        "alertname": "SpikewatchIncident",
        "incident": "INC-7",
        "service": "payments",
        "severity": "warning",
        "team": "support",
    }
    assert instant(alert["startsAt"]) == told.facts.started_at
    assert instant(alert["endsAt"]) == NOW + timedelta(minutes=15)
    assert alert["annotations"]["summary"] == "Ticket surge: payments / login"
    assert alert["annotations"]["runbook_url"] == "https://wiki.example.com/payments"
    assert AlertmanagerMessenger.abilities.repeats_every == timedelta(minutes=4)


def test_a_raised_severity_is_another_alert_and_the_one_before_ends(desk: HttpDesk) -> None:
    pager = alertmanager(desk.url)
    receipt = pager.post(message(notice()), channel="c", key="k")

    pager.edit(receipt, message(notice(Reason.RAISED, severity=Severity.CRITICAL, revision=2)))

    ends = {alert["labels"]["severity"]: instant(alert["endsAt"]) for alert in posted(desk)}
    assert ends == {"critical": NOW + timedelta(minutes=15), "warning": NOW}


def test_an_incident_that_was_critical_from_the_start_is_one_alert(desk: HttpDesk) -> None:
    pager = alertmanager(desk.url)
    receipt = pager.post(message(notice(severity=Severity.CRITICAL)), channel="c", key="k")

    pager.edit(receipt, message(notice(Reason.CHANGED, severity=Severity.CRITICAL, revision=2)))

    assert [alert["labels"]["severity"] for alert in posted(desk)] == ["critical"]


def test_what_is_over_ends_its_alert(desk: HttpDesk) -> None:
    dismissed = notice(Reason.DISMISSED, handling=Handling(dismissed_by="sato", dismissed_at=NOW))
    pager = alertmanager(desk.url)

    ends = []
    for told in (resolved(), dismissed):
        pager.edit(Receipt("c", "k warning"), message(told))
        ends.append(instant(posted(desk)[0]["endsAt"]))

    assert ends == [OPENED, NOW]


def test_blindness_is_an_alert_of_its_own(desk: HttpDesk) -> None:
    alertmanager(desk.url).post(message(BLIND), channel="c", key="k")

    [alert] = posted(desk)
    assert (alert["labels"]["alertname"], alert["labels"]["source"]) == ("SpikewatchBlind", "desk")


def test_a_sample_pages_nobody_who_is_routed_by_name(desk: HttpDesk) -> None:
    alertmanager(desk.url).post(message(notice(), test=True), channel="c", key="k")

    assert posted(desk)[0]["labels"]["alertname"] == "SpikewatchTest"


def test_a_recap_is_no_alert(desk: HttpDesk) -> None:
    alertmanager(desk.url).post(message(DOCUMENTS[-1]), channel="c", key="k")

    assert desk.requests == []
