"""More than one file: what is included, what is watched, and what differs between two configurations."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from spikewatch.app import comparing
from spikewatch.config import Config, Purpose, explain, load
from spikewatch.config.differences import RESTART, between, settings_of
from spikewatch.config.watching import Watch
from spikewatch.errors import Fault

MAIN = """\
timezone: Asia/Tokyo
include: teams/*.yaml
store: sqlite:///{folder}/watch.db
sources:
  - {{kind: zendesk, name: desk, subdomain: acme, client_id: spikewatch, category: {{field: 1}}}}
slack: {{channel: "#all", bot_token_file: token}}
services:
  payments: {{min_tickets: 8}}
"""
NO_ENV: Mapping[str, str] = {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "b.yaml").write_text("services:\n  mail: {weight: 2}\n", "utf-8")
    (tmp_path / "teams" / "a.yaml").write_text("services:\n  shop:\n    min_ratio: 3\n", "utf-8")
    (tmp_path / "token").write_text("xoxb-one\n", "utf-8")
    (tmp_path / "watch.yaml").write_text(MAIN.format(folder=tmp_path), "utf-8")
    return tmp_path


def loaded(folder: Path, *, main: str | None = None) -> Config:
    if main is not None:
        (folder / "watch.yaml").write_text(main, "utf-8")
    return load(folder / "watch.yaml", env=NO_ENV, purpose=Purpose.CHECK)


def test_services_of_all_teams_are_there_each_with_its_own_file_and_line(folder: Path) -> None:
    config = loaded(folder)

    origins = {each.path: each.origin for each in explain(config)}

    assert list(config.services) == ["payments", "shop", "mail"]
    assert origins["services.shop/*.min_ratio"] == f"{folder}/teams/a.yaml:3"
    assert origins["services.mail/*.weight"] == f"{folder}/teams/b.yaml:2"
    assert origins["services.payments/*.min_tickets"] == f"{folder}/watch.yaml:8"
    assert origins["services.shop.channel"] == f"{folder}/watch.yaml:6 (slack.channel)"


def test_maintenance_of_a_team_is_added_to_that_of_all(folder: Path) -> None:
    window = "{name: NAME, weekly: {days: [sun], at: '02:00', lasts: 1h}}"
    (folder / "teams" / "c.yaml").write_text(f"maintenance:\n  - {window}\n".replace("NAME", "team"), "utf-8")

    config = loaded(folder, main=MAIN.format(folder=folder) + f"maintenance: [{window}]\n")

    assert [each.name for each in config.maintenance] == ["NAME", "team"]
    assert config.origins["maintenance", 1, "name"] == f"{folder}/teams/c.yaml:2"


def test_a_file_that_two_patterns_name_is_read_once_and_the_main_one_never_again(folder: Path) -> None:
    main = MAIN.format(folder=folder).replace("teams/*.yaml", "[teams/*.yaml, teams/a.yaml, watch.yaml]")

    assert list(loaded(folder, main=main).services) == ["payments", "shop", "mail"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("watch.yaml", "timezone: UTC\n"),
        ("teams/a.yaml", "services: {shop: {min_ratio: 4}}\n"),
        ("teams/new.yaml", "services: {new: {min_ratio: 4}}\n"),
        ("token", "xoxb-two\n"),
    ],
)
def test_any_change_of_any_file_is_seen_and_none_where_there_is_none(
    name: str, text: str, folder: Path
) -> None:
    watch = Watch(folder / "watch.yaml")
    before, again = watch.digest(), watch.digest()

    (folder / name).write_text(text, "utf-8")

    assert before == again != watch.digest()


def test_a_file_that_is_gone_is_a_change(folder: Path) -> None:
    watch = Watch(folder / "watch.yaml")
    before = watch.digest()

    (folder / "teams" / "a.yaml").unlink()
    without_team = watch.digest()
    (folder / "watch.yaml").unlink()

    assert len({before, without_team, watch.digest()}) == 3


def test_what_differs_is_told_setting_by_setting_and_nothing_else(folder: Path) -> None:
    before = loaded(folder)
    main = MAIN.format(folder=folder).replace("min_tickets: 8", "min_tickets: 9") + "poll: {every: 1m}\n"
    (folder / "teams" / "b.yaml").unlink()

    after = loaded(folder, main=main)

    assert [str(change) for change in between(before, after)] == [
        "poll.every: 2m → 1m",
        "services.payments.min_tickets: 8 → 9",
        "services.mail.weight: 2.0 → not set",
    ]
    assert between(after, after) == ()


def test_a_renewed_secret_is_a_change_that_shows_nothing_of_it(folder: Path) -> None:
    before = loaded(folder)
    (folder / "token").write_text("xoxb-two\n", "utf-8")

    (change,) = between(before, loaded(folder))

    assert str(change) == "slack.bot_token: <secret> → <secret>"
    assert change.restart is None
    assert "xoxb" not in str(settings_of(before))


def test_settings_that_take_a_restart_say_so(folder: Path) -> None:
    before = loaded(folder)
    main = MAIN.format(folder=folder).replace("watch.db", "other.db") + "renames: {services: {old: new}}\n"

    found = {change.path: change.restart for change in between(before, loaded(folder, main=main))}

    assert found == {"store": RESTART["store"], "renames.services.old": RESTART["renames"]}


def test_a_comparison_says_what_comes_into_force_and_what_it_takes(folder: Path) -> None:
    (folder / "old.yaml").write_text(MAIN.format(folder=folder), "utf-8")
    text = MAIN.format(folder=folder)
    old = str(folder / "old.yaml")

    same = list(comparing.compared(loaded(folder), against=old, env=NO_ENV))
    live = list(
        comparing.compared(loaded(folder, main=text + "poll: {every: 1m}\n"), against=old, env=NO_ENV)
    )
    restart = list(comparing.compared(loaded(folder, main=text + "bucket: 15m\n"), against=old, env=NO_ENV))

    assert same == [f"nothing differs from {old}"]
    assert live[0] == "poll.every: 2m → 1m"
    assert live[-1].startswith("1 setting differs; that comes into force within seconds")
    assert restart[0].startswith("bucket: 5m → 15m  [takes a restart: ")
    assert restart[-1].endswith("1 of them only after a restart; without one none comes into force")


def test_a_comparison_with_a_daemon_that_never_ran_says_what_to_do(folder: Path) -> None:
    from spikewatch.app.storing import store_of  # noqa: PLC0415 -- the others need no store

    store_of(loaded(folder)).close()

    with pytest.raises(Fault, match="no daemon has run on it; start `spikewatch run`, or compare files"):
        list(comparing.compared(loaded(folder), against=None, env=NO_ENV))
