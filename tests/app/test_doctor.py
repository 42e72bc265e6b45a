"""`doctor` on a simulated desk and chat that misbehave: each thing that can be wrong is found, with its remedy."""

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from spikewatch.adapters.clock import ManualClock, SystemClock
from spikewatch.app.assembly import assemble
from spikewatch.app.doctor import Finding, Result, examine
from spikewatch.app.doctor.findings import Part, divided, scrubbed
from spikewatch.app.doctor.scene import Scene
from spikewatch.app.storing import store_of
from spikewatch.config import Config, Purpose, load
from spikewatch.sandbox.chat import SCOPES, Chat
from spikewatch.sandbox.chat import Fault as ChatFault
from spikewatch.sandbox.helpdesk import Catalogue, DeskTicket, DropDown, Endpoint, Fault, HelpDesk
from tests.certificates import authority

NOW = datetime(2026, 5, 11, 9, 0, 30, tzinfo=UTC)
SECRET, BOT_TOKEN, APP_TOKEN = "desk-s3cret", "xoxb-of-the-tests", "xapp-of-the-tests"
CATEGORY = DropDown(900, "Category", {"login": "Cannot log in", "refund": "Refund"})
COMMENT = DropDown(901, "Comment", kind="text")
CATALOGUE = Catalogue({21: "payments", 22: "shop"}, (CATEGORY, COMMENT), groups={31: "First line"})
SOURCE: Mapping[str, Any] = {
    "kind": "zendesk",
    "name": "desk",
    "client_id": "tests",
    "service": [{"from": "brand"}],
    "category": {"field": 900},
}


def tickets(number: int = 150) -> list[DeskTicket]:
    """Tickets of the last hours, two thirds of them about logging in to payments."""
    return [
        DeskTicket(
            each,
            created_at=NOW - timedelta(minutes=number - each + 2),
            generated_timestamp=int(NOW.timestamp()) - 60 * (number - each + 2),
            brand_id=22 if each % 3 == 0 else 21,
            values=((900, "refund" if each % 3 == 0 else "login"),),
        )
        for each in range(1, number + 1)
    ]


@dataclass
class Bench:
    """A folder, a desk and a chat, and the visits to them."""

    folder: Path
    stack: ExitStack
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    env: dict[str, str] = field(
        default_factory=lambda: {
            "SPIKEWATCH_DESK_CLIENT_SECRET": SECRET,
            "SPIKEWATCH_SLACK_BOT_TOKEN": BOT_TOKEN,
        }
    )

    def desk(self, *, shown: list[DeskTicket] | None = None, **changes: Any) -> HelpDesk:  # noqa: ANN401 -- any option of the stand-in
        desk = HelpDesk(
            tickets() if shown is None else shown,
            **{
                "now": self.clock.now,
                "client_id": "tests",
                "client_secret": SECRET,
                "catalogue": CATALOGUE,
                **changes,
            },
        )
        return self.stack.enter_context(desk)

    def chat(self, **changes: Any) -> Chat:  # noqa: ANN401 -- any option of the stand-in
        chat = Chat(
            clock=self.clock,
            **{"channels": ("alerts",), "token": BOT_TOKEN, "app_token": APP_TOKEN, **changes},
        )
        return self.stack.enter_context(chat)

    def config(self, **sections: Any) -> Config:  # noqa: ANN401 -- any key of the file
        (self.folder / "watch.yaml").write_text(
            json.dumps(
                {
                    "timezone": "Asia/Tokyo",
                    "language": "en",
                    "store": f"sqlite:///{self.folder}/watch.db",
                    "metrics": {"listen": "127.0.0.1:0"},
                    **sections,
                }
            ),
            "utf-8",
        )
        return load(self.folder / "watch.yaml", env=self.env, purpose=Purpose.CHECK)

    def examined(self, *, patience_s: float = 30.0, answer_s: float = 5.0, **sections: Any) -> list[Finding]:  # noqa: ANN401 -- any key of the file
        config = self.config(**sections)
        path = self.folder / "watch.yaml"
        scene = Scene(config, path, self.clock, 1000, timedelta(seconds=answer_s))
        return list(examine(config, path=path, scene=scene, patience_s=patience_s))

    def of_desk(self, url: str, **changes: Any) -> list[Finding]:  # noqa: ANN401 -- any key of the file
        """Return the findings of a visit to a desk alone."""
        return self.examined(sources=[{**SOURCE, "url": url, **changes}])

    def of_slack(self, chat: Chat, **changes: Any) -> list[Finding]:  # noqa: ANN401 -- any key of the file
        """Return the findings of a visit to a chat, beside a folder that is in order."""
        slack = {"channel": "#alerts", "url": chat.url, **changes}
        found = self.examined(sources=[self.file()], slack=slack)
        return [finding for finding in found if finding.part == "slack"]

    def file(self) -> dict[str, Any]:
        """Write a file that grows, and return its settings."""
        path = self.folder / "counts.csv"
        stamp = SystemClock().now().replace(minute=0, second=0, microsecond=0).isoformat()
        path.write_text(f"timestamp,service,category,count\n{stamp},shop,parcel,3\n", "utf-8")
        return {"kind": "csv", "name": "files", "path": str(path)}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A folder of its own; whatever is started in it ends with the test."""
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)


def the(findings: list[Finding], check: str, result: Result = Result.FAIL) -> Finding:
    """Return the one finding of that check and result."""
    found = [finding for finding in findings if (finding.check, finding.result) == (check, result)]
    assert len(found) == 1, findings
    return found[0]


def bad(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.result in {Result.FAIL, Result.WARN}]


# -- all is well


def test_a_sound_installation_has_nothing_to_mend(bench: Bench) -> None:
    desk, chat = bench.desk(), bench.chat()
    bench.env["SPIKEWATCH_SLACK_APP_TOKEN"] = APP_TOKEN

    found = bench.examined(
        sources=[{**SOURCE, "url": desk.url}],
        slack={"channel": "#alerts", "url": chat.url},
        services={"payments": {"categories": {"log*": {"min_tickets": 4}}}},
    )

    assert bad(found) == []
    assert {"source desk", "slack", "daemon", "store", "services"} <= {finding.part for finding in found}


def test_a_visit_changes_nothing(bench: Bench) -> None:
    desk, chat = bench.desk(), bench.chat()
    bench.env["SPIKEWATCH_SLACK_APP_TOKEN"] = APP_TOKEN
    before = sorted(path.name for path in bench.folder.iterdir())

    bench.examined(sources=[{**SOURCE, "url": desk.url}], slack={"channel": "#alerts", "url": chat.url})

    assert sorted(path.name for path in bench.folder.iterdir()) == [*before, "watch.yaml"]
    assert chat.messages == ()
    assert not chat.sockets.send({"type": "interactive"}), "a connection would take presses from the daemon"
    assert {call.method for call in chat.calls} <= {
        "auth.test",
        "users.conversations",
        "conversations.list",
        "apps.connections.open",
        "blocks.validate",
    }


# -- the desk


def test_a_secret_that_is_not_set_is_told_by_the_name_of_its_variable(bench: Bench) -> None:
    del bench.env["SPIKEWATCH_DESK_CLIENT_SECRET"]

    found = bench.of_desk(bench.desk().url)

    assert "SPIKEWATCH_DESK_CLIENT_SECRET" in the(found, "secret").remedy


@pytest.mark.parametrize(
    ("auth", "variable", "says"),
    [
        ({"client_id": "tests"}, "SPIKEWATCH_DESK_CLIENT_SECRET", "refuses OAuth client 'tests'"),
        ({"auth": "oauth_token", "client_id": None}, "SPIKEWATCH_DESK_OAUTH_TOKEN", "refuses the token"),
        (
            {"auth": "api_token", "client_id": None, "email": "ops@example.com"},
            "SPIKEWATCH_DESK_API_TOKEN",
            "refuses email and token",
        ),
    ],
)
def test_refused_credentials_name_what_to_check(
    bench: Bench, auth: Mapping[str, Any], variable: str, says: str
) -> None:
    bench.env[variable] = "wr0ng-secret"
    given = {key: value for key, value in {**SOURCE, **auth}.items() if value is not None}

    found = bench.examined(sources=[{**given, "url": bench.desk().url}])

    assert says in the(found, "sign-in").says
    assert variable in the(found, "sign-in").remedy
    assert not any("wr0ng-secret" in str(finding) for finding in found)


def test_a_user_who_is_no_admin_cannot_read_the_export(bench: Bench) -> None:
    found = bench.of_desk(bench.desk(role="agent").url)

    assert "agent" in the(found, "role").says
    assert "admin" in the(found, "role").remedy
    assert "403" in the(found, "export").says


def test_an_api_token_is_weak_and_ends(bench: Bench) -> None:
    desk = bench.desk(tokens=("ops@example.com/token:t0ken",))
    bench.env["SPIKEWATCH_DESK_API_TOKEN"] = "t0ken"
    source = {key: value for key, value in SOURCE.items() if key != "client_id"}

    found = bench.examined(
        sources=[{**source, "auth": "api_token", "email": "ops@example.com", "url": desk.url}]
    )

    assert "2027-04-30" in the(found, "api token", Result.WARN).says


@pytest.mark.parametrize(
    ("endpoint", "fault", "remedy"),
    [
        (Endpoint.TOKENS, Fault(status=404, body=b"{}"), "check subdomain"),
        (
            Endpoint.TOKENS,
            Fault(status=302, headers={"Location": "https://www.example.com/closed"}),
            "set subdomain",
        ),
        (Endpoint.TOKENS, Fault.html(), "proxy or a login page"),
        (Endpoint.TOKENS, Fault(drop=True), "look at what the account answers"),
        (Endpoint.OURSELVES, Fault.error(503), "status.zendesk.com"),
    ],
)
def test_an_account_that_is_not_there_or_not_well_is_told_from_bad_credentials(
    bench: Bench, endpoint: Endpoint, fault: Fault, remedy: str
) -> None:
    desk = bench.desk()
    desk.fault(endpoint, fault, times=2)

    found = the(bench.of_desk(desk.url), "reach")

    assert remedy in found.remedy


def test_a_proxy_that_is_not_there_is_named_as_such(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")

    found = bench.examined(sources=[{**SOURCE, "subdomain": "acme"}])

    assert "HTTPS_PROXY" in the(found, "reach").remedy


def test_a_certificate_that_nobody_signed_is_named_with_what_opens_tls(bench: Bench) -> None:
    desk = bench.desk()

    found = bench.of_desk(desk.url.replace("http://", "https://"))

    assert "TLS" in the(found, "reach").says
    assert "proxy that opens TLS" in the(found, "reach").remedy


def test_a_limit_that_others_use_up_is_told_before_it_is_missed(bench: Bench) -> None:
    desk = bench.desk()
    desk.fault(
        Endpoint.EXPORT,
        Fault(headers={"zendesk-ratelimit-incremental-exports": "total=10; remaining=2; resets=30"}),
    )

    found = bench.of_desk(desk.url)

    assert the(found, "export limit").says.startswith("2 of 10 requests")
    assert "API usage" in the(found, "export limit").remedy


def test_an_account_limit_that_is_used_up_is_told_apart_from_bad_credentials(bench: Bench) -> None:
    desk = bench.desk(requests_per_minute=0)

    assert "another program" in the(bench.of_desk(desk.url), "limit").remedy


def test_a_pace_that_leaves_others_nothing_deserves_a_look(bench: Bench) -> None:
    found = bench.of_desk(bench.desk().url, requests_per_minute=9)

    assert "lower it to 7" in the(found, "export limit", Result.WARN).remedy


@pytest.mark.parametrize(("ahead", "side"), [(600, "behind"), (-600, "ahead of")])
def test_a_wrong_clock_is_told_with_its_side(bench: Bench, ahead: int, side: str) -> None:
    desk = bench.desk(now=lambda: bench.clock.now() + timedelta(seconds=ahead))

    found = the(bench.of_desk(desk.url), "clock")

    assert f"600 s {side} the account's" in found.says
    assert "chrony" in found.remedy


def test_a_field_that_is_missing_is_told_with_those_that_exist(bench: Bench) -> None:
    found = the(bench.of_desk(bench.desk().url, category={"field": 999}), "field")

    assert "no ticket field 999" in found.says
    assert "900 (Category, drop-down)" in found.remedy
    assert "901" not in found.remedy


def test_a_field_of_text_deserves_a_look(bench: Bench) -> None:
    found = bench.of_desk(bench.desk().url, category=[{"field": 901}, {"field": 900}])

    assert "type text" in the(found, "field", Result.WARN).says


@pytest.mark.parametrize(
    ("rules", "check", "hint"),
    [
        ([{"brand": {"paymets": "pay"}}, {"from": "brand"}], "brand", "did you mean payments?"),
        ([{"group": {"Abuse": "two"}}, {"from": "brand"}], "group", "there are: First line"),
        ([{"form": {"Returns": "shop"}}, {"from": "brand"}], "form", "there is none"),
        ([{"field": 900, "names": {"logn": "in"}}, {"from": "brand"}], "field", "did you mean"),
    ],
)
def test_a_name_that_the_account_does_not_have_is_told_with_what_is_near(
    bench: Bench, rules: list[Any], check: str, hint: str
) -> None:
    found = the(bench.of_desk(bench.desk().url, service=rules), check)

    assert hint in found.remedy


def test_names_that_the_account_has_are_found_by_number_glob_and_label(bench: Bench) -> None:
    service = [{"brand": {"21": "pay", "sh*": "shop"}}, {"field": 900, "names": {"Cannot log in": "in"}}]

    found = bench.of_desk(bench.desk().url, service=service)

    assert [each.check for each in bad(found)] == ["service rule 2"], "which only repeats what rule 1 finds"


def test_a_rule_that_never_matches_fails_once_enough_tickets_were_seen(bench: Bench) -> None:
    rules = [{"tag": "svc_*"}, {"from": "brand"}]

    found = bench.of_desk(bench.desk().url, service=rules)

    assert "tag: svc_*: matches none of 100 tickets" in the(found, "service rule 1").says
    assert "100 of 100" in the(found, "service rule 2", Result.OK).says


def test_a_rule_that_never_matches_is_only_a_doubt_among_few_tickets(bench: Bench) -> None:
    found = bench.of_desk(bench.desk(shown=tickets(20)).url, service=[{"tag": "svc_*"}, {"from": "brand"}])

    assert "matches none" in the(found, "service rule 1", Result.WARN).says


def test_a_default_that_no_ticket_needs_is_fine(bench: Bench) -> None:
    found = bench.of_desk(bench.desk().url, service=[{"from": "brand"}, {"default": "other"}])

    assert bad(found) == []


def test_rules_that_find_no_category_at_all_fail_with_what_there_is(bench: Bench) -> None:
    found = bench.of_desk(bench.desk().url, category={"tag": "topic_*"})

    assert "all are uncategorised" in the(found, "category").says
    assert "brand" in the(found, "category").remedy


def test_a_desk_without_tickets_leaves_the_rules_untried(bench: Bench) -> None:
    found = bench.of_desk(bench.desk(shown=[]).url)

    assert "no ticket" in the(found, "rules", Result.SKIP).says


def test_the_rules_are_tried_on_the_store_where_it_holds_tickets(bench: Bench) -> None:
    desk = bench.desk()
    config = bench.config(sources=[{**SOURCE, "url": desk.url}])
    daemon = assemble(config, clock=bench.clock)
    daemon.parts.readers[0].ingest.poll()
    daemon.store.close()

    found = bench.examined(sources=[{**SOURCE, "url": desk.url}])

    assert "150 of the newest 150 tickets in the store" in the(found, "service rule 1", Result.OK).says


# -- databases and files


def warehouse(folder: Path, *, rows: list[tuple[object, ...]]) -> str:
    """Make a database of counts and return its address."""
    with sqlite3.connect(folder / "counts.db") as connection:
        connection.execute("CREATE TABLE counts (at, service, category, n)")
        connection.executemany("INSERT INTO counts VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{folder}/counts.db"


QUERY = (
    "SELECT at AS bucket_start, service, category, n AS count FROM counts WHERE at >= :since AND at < :until"
)


def test_a_database_that_counts_is_asked_for_a_day(bench: Bench) -> None:
    at = (NOW - timedelta(hours=1)).replace(minute=0, second=0).isoformat()
    url = warehouse(bench.folder, rows=[(at, "shop", "parcel", 4)])

    found = bench.examined(sources=[{"kind": "sql", "name": "house", "url": url, "query": QUERY}])

    assert bad(found) == []
    assert "1 rows for a day" in the(found, "query", Result.OK).says


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (QUERY.replace(" AS count", " AS number"), "the column count is missing"),
        (QUERY.replace("FROM counts", "FROM nowhere"), "no such table"),
    ],
)
def test_a_query_that_is_wrong_is_told_with_what_it_should_return(
    bench: Bench, query: str, says: str
) -> None:
    url = warehouse(bench.folder, rows=[(NOW.isoformat(), "shop", "parcel", 4)])

    found = bench.examined(sources=[{"kind": "sql", "name": "house", "url": url, "query": query}])

    assert says in the(found, "query").says


def test_a_database_that_is_not_there_is_told(bench: Bench) -> None:
    source = {"kind": "sql", "name": "house", "url": f"sqlite:///{bench.folder}/none.db", "query": QUERY}

    found = bench.examined(sources=[source])

    assert "unable to open" in the(found, "query").says


def test_a_database_without_a_row_for_a_day_stands_still(bench: Bench) -> None:
    url = warehouse(bench.folder, rows=[("2026-05-01T00:00:00+00:00", "shop", "parcel", 4)])

    found = bench.examined(sources=[{"kind": "sql", "name": "house", "url": url, "query": QUERY}])

    assert "nothing within the last day" in the(found, "newest").says


def test_a_dialect_that_is_not_installed_is_told(bench: Bench) -> None:
    source = {"kind": "sql", "name": "house", "url": "clickhouse://reader@house/db", "query": QUERY}

    assert "install the package" in the(bench.examined(sources=[source]), "url").remedy


def test_a_file_that_grows_is_fine_and_one_that_stands_still_is_not(bench: Bench) -> None:
    bench.clock = ManualClock(SystemClock().now())
    source = bench.file()
    fresh = bench.examined(sources=[source])

    bench.clock.advance(timedelta(hours=9, minutes=30))
    stale = bench.examined(sources=[source])

    assert bad(fresh) == []
    assert "9 h old" in the(stale, "newest").says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "No such file"),
        ("timestamp,count\n", "counts.csv"),
        ("timestamp,service,category,count\nnow,a,b,1\n", ":2"),
    ],
)
def test_a_file_that_is_missing_or_wrong_is_told(bench: Bench, text: str | None, says: str) -> None:
    source = bench.file()
    if text is None:
        Path(source["path"]).unlink()
    else:
        Path(source["path"]).write_text(text, "utf-8")

    assert says in the(bench.examined(sources=[source]), "file").says


# -- Slack


def test_a_refused_bot_token_says_where_to_find_the_right_one(bench: Bench) -> None:
    found = bench.of_slack(bench.chat(token="xoxb-another"))

    assert "invalid_auth" in the(found, "token").says
    assert "OAuth and Permissions" in the(found, "token").remedy


def test_a_token_of_another_kind_is_recognised(bench: Bench) -> None:
    bench.env["SPIKEWATCH_SLACK_BOT_TOKEN"] = "xoxp-of-a-person"

    found = bench.of_slack(bench.chat())

    assert "begins with xoxb-" in the(found, "token").says
    assert not any("xoxp-of-a-person" in str(finding) for finding in found)


def test_a_bot_token_that_is_not_set_is_told(bench: Bench) -> None:
    del bench.env["SPIKEWATCH_SLACK_BOT_TOKEN"]

    assert "SPIKEWATCH_SLACK_BOT_TOKEN" in the(bench.of_slack(bench.chat()), "token").remedy


@pytest.mark.parametrize(
    ("scope", "result", "says"),
    [
        ("chat:write", Result.FAIL, "nothing can be posted"),
        ("channels:history", Result.FAIL, "posted twice"),
        ("files:write", Result.WARN, "no picture"),
    ],
)
def test_a_missing_scope_says_what_fails_without_it(
    bench: Bench, scope: str, result: Result, says: str
) -> None:
    found = bench.of_slack(bench.chat(scopes=[each for each in SCOPES if each != scope]))

    assert the(found, "scope", result).says.startswith(f"{scope} is missing")
    assert says in the(found, "scope", result).says


def test_a_scope_that_only_a_setting_needs_is_asked_for_with_it(bench: Bench) -> None:
    chat = bench.chat(scopes=[each for each in SCOPES if each != "usergroups:read"])

    without = bench.of_slack(chat)
    with_group = bench.of_slack(chat, allowed_group="S0123456789")

    assert bad(without) == []
    assert the(with_group, "scope").says.startswith("usergroups:read")


def test_a_channel_without_the_bot_says_how_to_invite_it(bench: Bench) -> None:
    found = bench.of_slack(bench.chat(unjoined=("ops",)), fallback_channel="#ops")

    assert "slack.fallback_channel" in the(found, "channel").says
    assert "/invite @spikewatch" in the(found, "channel").remedy


def test_a_channel_that_nobody_sees_is_told_with_what_is_near(bench: Bench) -> None:
    found = bench.of_slack(bench.chat(), company_channel="#alert")

    assert "did you mean #alerts?" in the(found, "channel").remedy


def test_a_channel_is_found_by_its_id(bench: Bench) -> None:
    chat = bench.chat(unjoined=("ops",))

    found = bench.of_slack(chat, company_channel="C00000001", fallback_channel="C90000001")

    assert "no member" in the(found, "channel").says


def test_a_refused_app_token_is_told_with_its_scope(bench: Bench) -> None:
    bench.env["SPIKEWATCH_SLACK_APP_TOKEN"] = "xapp-another"

    assert "connections:write" in the(bench.of_slack(bench.chat()), "buttons").remedy


def test_a_group_that_cannot_be_looked_up_is_told(bench: Bench) -> None:
    bench.env["SPIKEWATCH_SLACK_APP_TOKEN"] = APP_TOKEN

    found = bench.of_slack(bench.chat(), allowed_group="S0123456789")

    assert "S0123456789" in the(found, "group").says


def test_blocks_are_tried_without_being_posted(bench: Bench) -> None:
    chat = bench.chat()

    found = bench.of_slack(chat)

    assert "would be taken" in the(found, "messages", Result.OK).says
    assert chat.messages == ()


def test_a_workspace_without_charts_is_told_what_happens_instead(bench: Bench) -> None:
    found = bench.of_slack(bench.chat(refuses=("data_visualization",)))

    assert "data_visualization" in the(found, "messages", Result.WARN).says


def test_a_workspace_that_takes_no_block_is_told(bench: Bench) -> None:
    found = bench.of_slack(
        bench.chat(refuses=("data_visualization", "section", "header", "context", "actions"))
    )

    assert "report it" in the(found, "messages").remedy


def test_slack_that_checks_no_blocks_is_no_failure(bench: Bench) -> None:
    chat = bench.chat()
    chat.fail("blocks.validate", ChatFault(body='{"ok": false, "error": "unknown_method"}'))

    assert "unknown_method" in the(bench.of_slack(chat), "messages", Result.SKIP).says


def test_slack_that_is_down_is_told_from_bad_credentials(bench: Bench) -> None:
    chat = bench.chat()
    chat.fail("auth.test", ChatFault(status=503, body="down"))

    assert "slack-status.com" in the(bench.of_slack(chat), "reach").remedy


# -- receivers and the heartbeat


def heard(server: socket.socket) -> bytes:
    """Return what a visitor said before it went away."""
    line, _ = server.accept()
    with line:
        return line.recv(100)


def test_receivers_are_reached_and_not_called(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = bench.examined(
            sources=[bench.file()],
            receivers=[
                {"kind": "alertmanager", "name": "am", "url": f"http://127.0.0.1:{port}"},
                {
                    "kind": "mail",
                    "name": "post",
                    "host": "127.0.0.1",
                    "port": port,
                    "encryption": "none",
                    "sender": "a@example.com",
                    "to": ["b@example.com"],
                },
            ],
        )
        said = [heard(server) for _ in range(2)]

    reached = [finding.part for finding in found if finding.check == "reach" and finding.result is Result.OK]
    assert reached == ["receiver am", "receiver post"]
    assert said == [b"", b""]


def test_a_webhook_without_an_address_names_the_variable_that_is_read(bench: Bench) -> None:
    sections: dict[str, Any] = {
        "sources": [bench.file()],
        "receivers": [{"kind": "webhook", "name": "my-hook"}],
    }

    remedy = the(bench.examined(**sections), "address").remedy
    bench.env[remedy.split()[1]] = "https://hooks.example.com/x"

    assert bench.config(**sections).secret("receivers.my-hook.url") is not None


def test_a_receiver_that_nobody_answers_for_is_told(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    found = bench.examined(
        sources=[bench.file()],
        receivers=[{"kind": "alertmanager", "name": "am", "url": f"http://127.0.0.1:{port}"}],
    )

    assert the(found, "reach").says == f"127.0.0.1:{port}: Connection refused"
    assert the(found, "reach").remedy == "check that it runs, and the address"


def test_a_heartbeat_is_reached_and_not_called_and_its_address_stays_secret(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        bench.env["SPIKEWATCH_HEARTBEAT_URL"] = f"http://127.0.0.1:{server.getsockname()[1]}/s3cret-id"
        found = bench.examined(sources=[bench.file()])
        said = heard(server)

    assert the(found, "reach", Result.OK).part == "heartbeat"
    assert said == b""
    assert not any("s3cret-id" in str(finding) for finding in found)


def test_a_japanese_desk_is_told_whether_its_charts_can_be_written(bench: Bench) -> None:
    found = bench.examined(sources=[bench.file()], language="ja")

    fonts = next(finding for finding in found if finding.part == "charts")
    assert fonts.result is Result.OK or "fonts-noto-cjk" in fonts.remedy


# -- the store, the port and the daemon


def test_a_folder_that_is_missing_is_told_with_how_to_make_it(bench: Bench) -> None:
    found = bench.examined(sources=[bench.file()], store=f"sqlite:///{bench.folder}/var/watch.db")

    assert the(found, "place").remedy == f"make it: mkdir -p {bench.folder}/var"


def test_a_store_with_another_bucket_is_told(bench: Bench) -> None:
    store_of(bench.config(sources=[bench.file()])).close()

    found = bench.examined(sources=[bench.file()], bucket="10m")

    assert "set `bucket` back" in the(found, "opens").remedy


def test_a_store_of_a_newer_version_is_told(bench: Bench) -> None:
    store_of(bench.config(sources=[bench.file()])).close()
    with sqlite3.connect(bench.folder / "watch.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    found = bench.examined(sources=[bench.file()])

    assert "9999" in the(found, "opens").says
    assert "run the newer spikewatch" in the(found, "opens").remedy


def test_a_daemon_on_the_store_is_fine_and_said(bench: Bench) -> None:
    held = store_of(bench.config(sources=[bench.file()]))

    found = bench.examined(sources=[bench.file()])
    held.close()
    after = bench.examined(sources=[bench.file()])

    assert "fine if it is yours" in the(found, "runs", Result.OK).says
    assert "none yet" in the(after, "runs", Result.OK).says


def address_that_is_free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def daemon_of(bench: Bench, *, metrics: Mapping[str, Any]) -> Iterator[None]:
    """A daemon whose port is open, and whose store is in use, meanwhile."""
    daemon = assemble(bench.config(sources=[bench.file()], metrics=metrics), clock=bench.clock)
    daemon.http.start()
    try:
        yield
    finally:
        daemon.http.stop()
        daemon.store.close()


def test_our_own_daemon_at_the_port_is_told_from_another_program(bench: Bench) -> None:
    metrics = {"listen": address_that_is_free()}
    with daemon_of(bench, metrics=metrics):
        same = bench.examined(sources=[bench.file()], metrics=metrics)
        changed = bench.examined(sources=[bench.file()], metrics=metrics, language="ja")

    assert "runs with this configuration" in the(same, "runs", Result.OK).says
    assert "spikewatch's own" in the(same, "port", Result.OK).says
    assert "another configuration" in the(changed, "runs", Result.WARN).says


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_our_own_daemon_is_known_although_its_port_is_closed_to_us(
    bench: Bench, tmp_path: Path, *, is_encrypted: bool
) -> None:
    bench.env["SPIKEWATCH_METRICS_BEARER_TOKEN"] = "letmein-letmein"
    metrics: dict[str, Any] = {"listen": address_that_is_free()}
    if is_encrypted:
        pair = authority(tmp_path).signed("server")
        metrics["tls"] = {"cert_file": str(pair.cert), "key_file": str(pair.key)}
    with daemon_of(bench, metrics=metrics):
        found = bench.examined(sources=[bench.file()], metrics=metrics)

    assert "was not compared" in the(found, "runs", Result.OK).says
    assert "spikewatch's own" in the(found, "port", Result.OK).says


def test_an_encrypted_daemon_is_asked_which_configuration_it_runs_with(bench: Bench, tmp_path: Path) -> None:
    pair = authority(tmp_path).signed("server")
    metrics = {
        "listen": address_that_is_free(),
        "tls": {"cert_file": str(pair.cert), "key_file": str(pair.key)},
    }
    with daemon_of(bench, metrics=metrics):
        found = bench.examined(sources=[bench.file()], metrics=metrics)

    assert "runs with this configuration" in the(found, "runs", Result.OK).says


@pytest.mark.parametrize(("was", "stands"), [(True, "it is encrypted"), (False, "it is not encrypted")])
def test_our_own_daemon_is_known_after_the_file_has_changed_whether_it_is_encrypted(
    bench: Bench, tmp_path: Path, *, was: bool, stands: str
) -> None:
    pair = authority(tmp_path).signed("server")
    plain: dict[str, Any] = {"listen": address_that_is_free()}
    encrypted = {**plain, "tls": {"cert_file": str(pair.cert), "key_file": str(pair.key)}}
    before, now = (encrypted, plain) if was else (plain, encrypted)
    with daemon_of(bench, metrics=before):
        found = bench.examined(sources=[bench.file()], metrics=now)

    runs = the(found, "runs", Result.WARN)
    assert stands in runs.says
    assert "restart it" in runs.remedy
    assert "spikewatch's own" in the(found, "port", Result.OK).says


def test_a_port_that_another_program_uses_is_told(bench: Bench) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_args: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        found = bench.examined(sources=[bench.file()], metrics={"listen": f"127.0.0.1:{server.server_port}"})
    finally:
        server.shutdown()
        server.server_close()

    assert "used by another program" in the(found, "port").says


def test_a_port_that_is_free_is_said(bench: Bench) -> None:
    address = address_that_is_free()

    found = bench.examined(sources=[bench.file()], metrics={"listen": address})

    assert the(found, "port", Result.OK).says == f"{address} is free"


# -- the section services


def test_names_and_globs_that_match_no_series_are_told(bench: Bench) -> None:
    desk = bench.desk()
    config = bench.config(sources=[{**SOURCE, "url": desk.url}])
    daemon = assemble(config, clock=bench.clock)
    daemon.parts.readers[0].ingest.poll()
    daemon.store.close()

    found = bench.examined(
        sources=[{**SOURCE, "url": desk.url}],
        services={
            "payment": {"min_tickets": 4},
            "payments": {"categories": {"log*": {"min_tickets": 4}, "refunds*": {"min_tickets": 4}}},
        },
    )

    assert "did you mean payments?" in the(found, "service").remedy
    assert "services.payments.categories.refunds*" in the(found, "category").says


def test_before_the_first_read_a_strange_name_is_only_a_doubt(bench: Bench) -> None:
    found = bench.examined(
        sources=[{**SOURCE, "url": bench.desk().url}], services={"payment": {"min_tickets": 4}}
    )

    assert "services.payment " in the(found, "service", Result.WARN).says


def test_categories_left_to_the_defaults_are_said(bench: Bench) -> None:
    found = bench.examined(
        sources=[{**SOURCE, "url": bench.desk().url, "service": {"default": "all"}}],
        services={"all": {"categories": {"log*": {"min_tickets": 4}}}},
    )

    assert "all: 1 categories without settings of their own: refund" in the(found, "defaults", Result.OK).says


# -- an end, whatever happens


def test_nobody_is_waited_for_without_end(bench: Bench) -> None:
    desk, chat = bench.desk(), bench.chat()
    desk.fault(Endpoint.TOKENS, Fault(delay=timedelta(days=1)))

    found = bench.examined(
        sources=[{**SOURCE, "url": desk.url}],
        slack={"channel": "#alerts", "url": chat.url},
        patience_s=3.0,
    )

    assert the(found, "answer").part == "source desk"
    assert the(found, "channel", Result.OK).part == "slack"


def test_one_answer_that_takes_too_long_is_told_as_that(bench: Bench) -> None:
    desk = bench.desk()
    desk.fault(Endpoint.TOKENS, Fault(delay=timedelta(days=1)))

    found = bench.examined(sources=[{**SOURCE, "url": desk.url}], answer_s=1.0)

    assert "gives no answer in time" in the(found, "reach").says


# -- findings


def test_a_failure_without_a_remedy_is_refused() -> None:
    with pytest.raises(ValueError, match="has no remedy"):
        Finding("store", "room", Result.FAIL, "none left")


def test_a_secret_that_an_answer_repeats_is_not_shown() -> None:
    told = Part("slack").fail("token", "no such token s3cret", remedy="replace s3cret")

    shown = list(scrubbed([told], secrets=["s3cret", ""]))

    assert shown == [Part("slack").fail("token", "no such token <secret>", remedy="replace <secret>")]


@pytest.mark.parametrize("message", ["no advice: TypeError", "nothing at all"])
def test_what_is_no_advice_stays_with_what_is_said(message: str) -> None:
    assert divided(message) == (message, "")
