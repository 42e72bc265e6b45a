"""What a log line looks like, and what it never shows."""

import io
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest

from spikewatch.adapters.log import QUIET, configure


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def logged(*, stream: io.StringIO | None = None, secrets: tuple[str, ...] = (), **fields: object) -> str:
    out = stream or io.StringIO()
    configure(out, level="info", secrets=secrets)
    logging.getLogger("spikewatch.cycle").info("surge_began", extra=fields)
    (line,) = lines(out)
    return line


def test_a_machine_gets_one_json_object_with_the_extra_fields() -> None:
    record = json.loads(
        logged(service="決済", score=2.5, since=datetime(2026, 5, 11, 1, 0, tzinfo=UTC), parts=("a", 1))
    )

    moment = datetime.fromisoformat(record.pop("timestamp"))
    assert moment.utcoffset() == timedelta(0)
    assert record == {
        "level": "info",
        "event": "surge_began",
        "logger": "spikewatch.cycle",
        "service": "決済",
        "score": 2.5,
        "since": "2026-05-11T01:00:00+00:00",
        "parts": ["a", 1],
    }


def test_a_person_gets_key_and_value_on_a_line() -> None:
    line = logged(stream=Terminal(), service="決済", note="two words", empty="", score=2.5)

    moment, rest = line.split(" ", 1)
    assert moment.endswith("Z")
    assert rest == 'info surge_began service=決済 note="two words" empty="" score=2.5'


def test_the_form_can_be_chosen_against_the_stream() -> None:
    out = Terminal()
    configure(out, level="info", json=True)

    logging.getLogger("spikewatch").info("ready")

    assert json.loads(out.getvalue())["event"] == "ready"


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_line_stays_one_line_whatever_a_field_holds(stream: type[io.StringIO]) -> None:
    line = logged(stream=stream(), note="a\nb\r\nc\u2028d\x85e", half="\ud83d")

    assert "surge_began" in line
    line.encode()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_traceback_is_part_of_its_line(stream: type[io.StringIO]) -> None:
    out = stream()
    configure(out, level="info")

    try:
        int("token")
    except ValueError:
        logging.getLogger("spikewatch").exception("cycle_failed")

    (line,) = lines(out)
    assert "ValueError" in line
    assert "cycle_failed" in line


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
@pytest.mark.parametrize("secret", ["hunter2", 'qu"ote\\s', "p@ss word/決"])
def test_a_secret_never_appears(stream: type[io.StringIO], secret: str) -> None:
    fields = {"url": f"https://desk/?t={secret}", "deep": {"a": [f"<{secret}>"]}, "error": ValueError(secret)}

    line = logged(stream=stream(), secrets=(secret, ""), **fields)

    assert secret not in line
    assert json.dumps(secret, ensure_ascii=False)[1:-1] not in line
    assert line.count("<secret>") == 3


def test_a_secret_in_a_traceback_a_message_or_an_address_never_appears() -> None:
    out = io.StringIO()
    configure(out, level="info", secrets=("p@ss word",))

    try:
        int("p@ss word")
    except ValueError:
        logging.getLogger("other").exception("failed at %s", "https://desk/?token=p%40ss%20word")

    (line,) = lines(out)
    assert "p@ss word" not in line
    assert "failed at https://desk/?token=<secret>" in line
    assert "invalid literal" in line


def test_a_number_that_is_none_still_makes_valid_json() -> None:
    record = json.loads(
        logged(score=float("nan"), many=float("inf"), wait=timedelta(seconds=90), none=None, yes=True)
    )

    assert [record[key] for key in ("score", "many", "wait", "none", "yes")] == [
        "nan",
        "inf",
        90.0,
        None,
        True,
    ]


def test_a_field_cannot_pass_itself_off_as_the_event() -> None:
    record = json.loads(logged(event="nothing_to_see", level="debug"))

    assert (record["event"], record["level"]) == ("surge_began", "info")


@pytest.mark.parametrize("name", QUIET)
def test_loggers_of_others_speak_up_from_warning_only(name: str) -> None:
    out = io.StringIO()
    configure(out, level="debug")

    logging.getLogger(name).info("chatter")
    logging.getLogger(name).warning("trouble")

    assert [json.loads(line)["event"] for line in lines(out)] == ["trouble"]


def test_configuring_again_replaces_what_was_configured_before() -> None:
    old, new = io.StringIO(), io.StringIO()
    configure(old, level="info")
    configure(new, level="warning")

    logging.getLogger("spikewatch").info("quiet")
    logging.getLogger("spikewatch").warning("loud")

    assert lines(old) == []
    assert [json.loads(line)["event"] for line in lines(new)] == ["loud"]
