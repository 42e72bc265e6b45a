"""One YAML file into settings: what it may hold, what it must say when it is wrong, and where each value came from."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikewatch.config import Config, Purpose, explain, load, starter
from spikewatch.config.reading import read
from spikewatch.core.settings import Language
from spikewatch.errors import Mistake

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "config_cases"
DESK = """\
timezone: Asia/Tokyo
sources:
  - {kind: zendesk, name: desk, subdomain: acme, client_id: spikewatch, category: {field: 1}}
"""
SECRET = {"SPIKEWATCH_DESK_CLIENT_SECRET": "hunter2"}


def loaded(
    folder: Path,
    text: str,
    *,
    purpose: Purpose = Purpose.CHECK,
    env: Mapping[str, str] | None = None,
) -> Config:
    file = folder / "spikewatch.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, env=env or {}, purpose=purpose)


def mistakes(
    folder: Path,
    text: str,
    *,
    purpose: Purpose = Purpose.CHECK,
    env: Mapping[str, str] | None = None,
) -> list[str]:
    with pytest.raises(Mistake) as caught:
        loaded(folder, text, purpose=purpose, env=env)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_each_mistake_is_told_at_its_line_with_a_remedy(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    expected = (CASES / f"{case}.txt").read_text(encoding="utf-8")

    with pytest.raises(Mistake) as caught:
        load(f"{case}.yaml", env={}, purpose=Purpose.CHECK)

    assert f"{caught.value}\n" == expected


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_no_message_speaks_of_pydantic_or_shows_a_secret(case: str) -> None:
    told = (CASES / f"{case}.txt").read_text(encoding="utf-8").lower()

    assert not [
        word for word in ("pydantic", "http://errors", "input should", "hunter2", "xoxb") if word in told
    ]


def test_every_case_has_both_files() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == {path.stem for path in CASES.glob("*.txt")}


def test_a_time_zone_alone_is_complete_for_a_replay(tmp_path: Path) -> None:
    config = loaded(tmp_path, "timezone: Asia/Tokyo\n", purpose=Purpose.REPLAY)

    assert config.timezone == ZoneInfo("Asia/Tokyo")
    assert config.language is Language.JA
    assert config.bucket == timedelta(minutes=5)
    assert config.notes == ("calendar.country is not set: no public holidays are known",)


def test_a_replay_of_a_complete_file_needs_no_secret(tmp_path: Path) -> None:
    text = DESK + "slack: {channel: '#a', bot_token_file: /nowhere}\n"

    config = loaded(tmp_path, text, purpose=Purpose.REPLAY, env=SECRET)

    assert config.secrets == {}


def test_a_channel_without_slack_does_not_hinder_a_replay(tmp_path: Path) -> None:
    text = "timezone: Asia/Tokyo\nservices: {payments: {channel: '#payments'}}\n"

    assert loaded(tmp_path, text, purpose=Purpose.REPLAY).services["payments"].channel == "#payments"


@pytest.mark.parametrize(
    ("bucket", "windows"),
    [
        ("5m", [5, 15, 60, 180]),
        ("10m", [10, 20, 60, 180]),
        ("15m", [15, 60, 180]),
        ("1h", [60, 180]),
    ],
)
def test_default_windows_adapt_to_the_bucket(bucket: str, windows: list[int], tmp_path: Path) -> None:
    config = loaded(tmp_path, f"{DESK}bucket: {bucket}\n")

    assert [window // timedelta(minutes=1) for window in config.detection.windows] == windows
    assert set(config.metrics.windows) <= set(config.detection.windows)


def test_retention_reaches_as_far_back_as_a_long_history(tmp_path: Path) -> None:
    config = loaded(tmp_path, f"{DESK}history: 60w\n")

    assert config.retention.tickets == config.retention.counts == timedelta(weeks=61)


def test_a_missing_secret_is_a_mistake_for_the_daemon_and_names_both_ways(tmp_path: Path) -> None:
    told = mistakes(tmp_path, DESK, purpose=Purpose.RUN)

    assert len(told) == 1
    assert told[0].startswith("spikewatch.yaml:3: the secret sources.desk.client_secret is missing; ")
    assert "set SPIKEWATCH_DESK_CLIENT_SECRET in the environment" in told[0]
    assert "name a file that holds it with client_secret_file" in told[0]


def test_a_missing_secret_is_only_noted_by_a_check(tmp_path: Path) -> None:
    config = loaded(tmp_path, DESK)

    assert any("SPIKEWATCH_DESK_CLIENT_SECRET" in note for note in config.notes)


def test_a_secret_comes_from_the_environment(tmp_path: Path) -> None:
    config = loaded(tmp_path, DESK, purpose=Purpose.RUN, env=SECRET)

    secret = config.secret("sources.desk.client_secret")
    assert secret is not None
    assert secret.get_secret_value() == "hunter2"


def test_a_secret_comes_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xoxb-1\n", encoding="utf-8")
    text = DESK + "slack: {channel: '#a', bot_token_file: token}\n"

    config = loaded(tmp_path, text, purpose=Purpose.RUN, env=SECRET)

    token = config.secret("slack.bot_token")
    assert token is not None
    assert token.get_secret_value() == "xoxb-1"


def test_the_environment_wins_over_a_secret_file(tmp_path: Path) -> None:
    text = DESK + "slack: {channel: '#a', bot_token_file: /nowhere}\n"

    config = loaded(
        tmp_path, text, purpose=Purpose.RUN, env=SECRET | {"SPIKEWATCH_SLACK_BOT_TOKEN": "xoxb-2"}
    )

    token = config.secret("slack.bot_token")
    assert token is not None
    assert token.get_secret_value() == "xoxb-2"


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), (" \n", "is empty")])
def test_a_secret_file_without_a_secret_is_a_mistake(content: str | None, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content, encoding="utf-8")

    told = mistakes(tmp_path, DESK + "slack: {channel: '#a', bot_token_file: token}\n", env=SECRET)

    assert len(told) == 1
    assert told[0].startswith("spikewatch.yaml:4: slack.bot_token_file: ")
    assert said in told[0]
    assert "SPIKEWATCH_SLACK_BOT_TOKEN" in told[0]


def test_a_secret_prints_as_a_placeholder_everywhere(tmp_path: Path) -> None:
    config = loaded(tmp_path, DESK, purpose=Purpose.RUN, env=SECRET)

    printed = f"{config!r} {config} {config.secrets} {explain(config)} {config.model_dump_json()}"

    assert "hunter2" not in printed
    assert "<secret>" in printed


def test_the_environment_decides_where_metrics_are_served(tmp_path: Path) -> None:
    env = {"SPIKEWATCH_METRICS_LISTEN": "0.0.0.0:9463"}

    config = loaded(tmp_path, DESK + "metrics: {listen: '127.0.0.1:1'}\n", env=env)

    assert config.metrics.listen == "0.0.0.0:9463"
    assert config.origins["metrics", "listen"] == "SPIKEWATCH_METRICS_LISTEN"


def test_a_wrong_variable_is_told_by_its_name(tmp_path: Path) -> None:
    told = mistakes(tmp_path, DESK, env={"SPIKEWATCH_METRICS_LISTEN": "everywhere"})

    assert len(told) == 1
    assert told[0].startswith("SPIKEWATCH_METRICS_LISTEN: 'everywhere' is no address")


def test_an_anchor_may_be_merged_and_its_lines_are_kept(tmp_path: Path) -> None:
    text = DESK + "services:\n  a: &floors {min_tickets: 0}\n  b: {<<: *floors, min_ratio: 2}\n"

    told = mistakes(tmp_path, text)

    assert told == [
        "spikewatch.yaml:5: services.a.min_tickets: 0 is too small; use 1 or more",
        "spikewatch.yaml:5: services.b.min_tickets: 0 is too small; use 1 or more",
    ]


def test_names_that_look_like_numbers_or_dates_stay_text(tmp_path: Path) -> None:
    text = DESK + "services: {2026-01-01: {categories: {404: {min_tickets: 3}, no: {min_tickets: 4}}}}\n"

    services = loaded(tmp_path, text).services

    assert list(services) == ["2026-01-01"]
    assert list(services["2026-01-01"].categories) == ["404", "no"]


def test_a_category_may_be_called_password(tmp_path: Path) -> None:
    config = loaded(tmp_path, DESK + "services: {login: {categories: {password: {min_tickets: 3}}}}\n")

    assert "password" in config.services["login"].categories


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "there is no such file"),
        (lambda file: file.mkdir(), "this is a folder"),
        (
            lambda file: file.write_bytes("timezone: Asia/Tokyo\n# 東京\n".encode("shift_jis")),
            ":2: this is not UTF-8",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_a_mistake(make: object, said: str, tmp_path: Path) -> None:
    file = tmp_path / "spikewatch.yaml"
    assert callable(make)
    make(file)

    with pytest.raises(Mistake, match=said):
        load(file, env={}, purpose=Purpose.REPLAY)


def test_brackets_without_end_are_a_mistake(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "timezone: " + "[" * 5000) == [
        "spikewatch.yaml:1: brackets are nested without end; close them"
    ]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    config = loaded(tmp_path, "\ufefftimezone: Asia/Tokyo\n", purpose=Purpose.REPLAY)

    assert config.timezone == ZoneInfo("Asia/Tokyo")


# -- explain


def test_explain_names_line_default_and_environment(tmp_path: Path) -> None:
    text = DESK + "detection: {min_tickets: 7}\nservices:\n  pay: {categories: {'login*': {min_ratio: 3}}}\n"

    config = loaded(tmp_path, text, env=SECRET | {"SPIKEWATCH_METRICS_LISTEN": "127.0.0.1:0"})

    file = tmp_path / "spikewatch.yaml"
    found = {value.path: (value.value, value.origin) for value in explain(config)}
    assert found["timezone"] == ("Asia/Tokyo", f"{file}:1")
    assert found["detection.min_ratio"] == ("1.5", "default")
    assert found["metrics.listen"] == ("127.0.0.1:0", "SPIKEWATCH_METRICS_LISTEN")
    assert found["sources.desk.client_secret"] == ("<secret>", "SPIKEWATCH_DESK_CLIENT_SECRET")
    assert found["services.pay/login*.min_ratio"] == ("3.0", f"{file}:6")
    assert found["services.pay/login*.min_tickets"] == ("7", f"{file}:4 (detection.min_tickets)")
    assert found["services.pay/*.min_ratio"] == ("1.5", "default")


def test_a_rule_that_stands_without_a_list_is_explained_where_it_stands(tmp_path: Path) -> None:
    text = (
        "timezone: Asia/Tokyo\nsources:\n- kind: zendesk\n  name: desk\n  subdomain: acme\n  client_id: us\n"
        "  service: {from: brand}\n  category:\n  - {field: 900}\n"
    )

    config = loaded(tmp_path, text, env=SECRET)

    file = tmp_path / "spikewatch.yaml"
    found = {value.path: (value.value, value.origin) for value in explain(config)}
    assert found["sources[0].service.from"] == ("brand", f"{file}:7")
    assert found["sources[0].category[0].field"] == ("900", f"{file}:9")
    assert found["sources[0].category[0].show"] == ("value", "default")


# -- the files that ship


def test_the_sample_in_the_repository_is_the_starter() -> None:
    sample = (ROOT / "config" / "spikewatch.yaml").read_text(encoding="utf-8")

    assert sample == starter.text(), "write starter.text() into config/spikewatch.yaml"


def test_the_starter_runs_with_its_two_secrets(tmp_path: Path) -> None:
    env = SECRET | {"SPIKEWATCH_SLACK_BOT_TOKEN": "xoxb-1"}

    config = loaded(tmp_path, starter.text(), purpose=Purpose.RUN, env=env)

    assert config.notes == ()


def test_every_commented_key_of_the_starter_is_known(tmp_path: Path) -> None:
    commented = [line for line in starter.text().splitlines() if line.lstrip().startswith("# services:")]

    assert commented
    services = starter.text()[starter.text().index("# services:") :].split("\n\n", maxsplit=1)[0]
    text = (
        DESK
        + "slack: {channel: '#a'}\n"
        + "\n".join(line.removeprefix("# ") for line in services.splitlines())
    )
    assert loaded(tmp_path, text).services["payments"].channel == "#payments-oncall"


@pytest.mark.parametrize(
    "file", sorted((ROOT / "config" / "examples").glob("*.yaml")), ids=lambda file: file.stem
)
def test_every_example_loads(file: Path) -> None:
    purpose = Purpose.CHECK if "sources:" in file.read_text(encoding="utf-8") else Purpose.REPLAY

    assert load(file, env={}, purpose=purpose).origins["timezone",].startswith(f"{file}:")


# -- laws


@given(st.text(max_size=200) | st.text(alphabet="ab1:- \n[]{}&*!<>'\"#|,.~?%@", max_size=60))
def test_no_text_whatever_ends_in_anything_but_values_or_problems(text: str) -> None:
    reading = read(text)

    assert reading.values or reading.problems
    assert all(problem.line >= 1 for problem in reading.problems)


@pytest.mark.parametrize(
    ("ways", "variable", "place"),
    [
        ("client_id: x", "SPIKEWATCH_DESK_CLIENT_SECRET", "sources.desk.client_secret"),
        ("auth: oauth_token", "SPIKEWATCH_DESK_OAUTH_TOKEN", "sources.desk.oauth_token"),
        ("{auth}", "SPIKEWATCH_DESK_API_TOKEN", "sources.desk.api_token"),
    ],
)
def test_each_way_to_sign_in_has_a_secret_of_its_own(
    ways: str, variable: str, place: str, tmp_path: Path
) -> None:
    ways = ways.format(auth="auth: api_token, email: ops@acme.example")
    text = (
        "timezone: Asia/Tokyo\n"
        f"sources: [{{kind: zendesk, name: desk, subdomain: acme, {ways}, category: {{field: 9}}}}]\n"
    )

    config = loaded(tmp_path, text, env={variable: "s3cret"})

    assert list(config.secrets) == [place]


def test_a_secret_of_another_way_to_sign_in_is_noted_with_what_to_write(tmp_path: Path) -> None:
    env = {**SECRET, "SPIKEWATCH_DESK_API_TOKEN": "s3cret"}

    notes = loaded(tmp_path, DESK, env=env).notes

    assert (
        "SPIKEWATCH_DESK_API_TOKEN is set and not used: source desk needs `auth: api_token` for it" in notes
    )
