"""The command line: its help, its exit status, where results and complaints go."""

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from spikewatch import __version__
from spikewatch.cli import files, main, options
from spikewatch.config import Purpose, load, starter
from spikewatch.errors import Fault, Mistake

COMMANDS = (
    *("demo", "sandbox", "init", "check", "run", "status", "explain", "backtest", "prom"),
    *("ack", "snooze", "expected", "confirm", "false-alarm", "resolve", "silence", "labels", "outbox"),
)
HEAVY = (
    "apscheduler",
    "matplotlib",
    "pandas",
    "requests",
    "scipy",
    "slack_sdk",
    "sqlalchemy",
    "statsmodels",
    "zenpy",
)
TOKYO = ZoneInfo("Asia/Tokyo")


def imported_by(*argv: str) -> set[str]:
    """Return which heavy libraries a command imports in a process of its own."""
    code = f"import sys\nfrom spikewatch.cli import main\ntry:\n    main({list(argv)!r})\nexcept SystemExit:\n    pass\n"
    code += f"print('HEAVY', *(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert "example:" in shown
    assert f"spikewatch {command}" in shown.partition("example:")[2]


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    shown = capsys.readouterr().out
    words = {line.split()[0] for line in shown.splitlines() if line.startswith("    ") and line.strip()}
    assert set(COMMANDS) <= words


def test_no_command_is_a_misuse_that_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([])

    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert "first steps:" in captured.err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"spikewatch {__version__}\n"


@pytest.mark.e2e
def test_help_and_check_import_nothing_heavy(tmp_path: Path) -> None:
    file = tmp_path / "spikewatch.yaml"
    file.write_text(starter.text(), encoding="utf-8")

    assert imported_by("--help") == set()
    assert imported_by("check", "--config", str(file), "--explain") == set()
    assert imported_by("init", str(tmp_path / "other.yaml")) == set()


# -- init and check


def test_init_writes_a_starter_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "spikewatch.yaml"

    status = main(["init", str(file)])

    assert status == 0
    assert load(file, env={}, purpose=Purpose.CHECK).timezone == TOKYO
    assert f"spikewatch check --config {file}" in capsys.readouterr().out


def test_init_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "spikewatch.yaml"
    file.write_text("mine\n", encoding="utf-8")

    status = main(["init", str(file)])

    assert status == 2
    assert file.read_text(encoding="utf-8") == "mine\n"
    assert "stands already" in capsys.readouterr().err


def test_init_into_a_folder_that_is_not_there_is_a_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["init", str(tmp_path / "nowhere" / "spikewatch.yaml")])

    assert status == 1
    assert capsys.readouterr().err.startswith("spikewatch: ")


def test_check_puts_notes_and_result_in_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spikewatch.yaml"
    file.write_text(starter.text(), encoding="utf-8")

    status = main(["check", "--config", str(file)])

    captured = capsys.readouterr()
    assert status == 0
    assert captured.out == f"{file}: no mistakes\n"
    assert all(line.startswith("spikewatch: note: ") for line in captured.err.splitlines())


def test_check_explains_every_value_with_its_origin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spikewatch.yaml"
    file.write_text(starter.text(), encoding="utf-8")
    line = 1 + starter.text().partition("  every: 2m")[0].count("\n")

    status = main(["check", "--config", str(file), "--explain"])

    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert status == 0
    assert ["poll.every", "2m", f"[{file}:{line}]"] in shown
    assert ["history", "8w", "[default]"] in shown


def test_every_mistake_is_a_line_of_its_own_with_the_prefix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spikewatch.yaml"
    file.write_text("timezone: Asia/Tokio\nbucket: 7m\n", encoding="utf-8")

    status = main(["check", "--config", str(file)])

    lines = capsys.readouterr().err.splitlines()
    assert status == 2
    assert [line.partition(": ")[2].partition(": ")[0] for line in lines] == [
        f"{file}:1",
        f"{file}:1",
        f"{file}:2",
    ]


def test_debug_shows_where_it_failed(tmp_path: Path) -> None:
    with pytest.raises(Mistake):
        main(["check", "--config", str(tmp_path / "nowhere.yaml"), "--debug"])


# -- times on the command line


def test_a_bare_date_is_local_midnight() -> None:
    assert options.instant("2026-05-11", option="--since", zone=TOKYO) == datetime(
        2026, 5, 10, 15, tzinfo=UTC
    )


def test_a_time_keeps_its_own_offset() -> None:
    found = options.instant("2026-05-11T10:00:00-07:00", option="--since", zone=TOKYO)

    assert found == datetime(2026, 5, 11, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [("2026-05-11T10:00", "--since: .* has no UTC offset"), ("soon", "--since: 'soon' is no time")],
)
def test_a_time_that_nobody_can_place_is_refused(text: str, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        options.instant(text, option="--since", zone=TOKYO)


def test_a_time_without_an_offset_is_shown_with_that_of_the_configuration() -> None:
    with pytest.raises(Mistake, match=r"write 2026-05-11T10:00:00\+02:00, or a date"):
        options.instant("2026-05-11T10:00", option="--since", zone=ZoneInfo("Europe/Berlin"))


# -- results


def test_results_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "result.jsonl"
    out.write_text("before\n", encoding="utf-8")

    def broken() -> Iterator[str]:
        yield "half"
        raise Mistake("no further")

    with pytest.raises(Mistake):
        files.write(broken(), out=out)

    assert out.read_text(encoding="utf-8") == "before\n"
    assert [path.name for path in tmp_path.iterdir()] == ["result.jsonl"]


def test_a_result_replaces_what_stood_there_and_others_may_read_it(tmp_path: Path) -> None:
    out = tmp_path / "result.jsonl"
    out.write_text("before\n", encoding="utf-8")

    files.write(["one", "二"], out=out)

    assert out.read_text(encoding="utf-8") == "one\n二\n"
    assert stat.S_IMODE(out.stat().st_mode) == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_result_for_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="choose a folder that exists and is writable"):
        files.write(["one"], out=tmp_path / "nowhere" / "result.jsonl")


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_result_for_which_there_is_no_room_is_a_fault_that_says_to_make_some(
    tmp_path: Path, reason: int
) -> None:
    def lines() -> Iterator[str]:
        yield "one"
        raise OSError(reason, os.strerror(reason))

    with pytest.raises(
        Fault,
        match=f"cannot be written \\({os.strerror(reason)}\\); make room there, or name a place elsewhere",
    ):
        files.write(lines(), out=tmp_path / "result.jsonl")

    assert not list(tmp_path.iterdir())


def test_a_configuration_for_which_there_is_no_room_is_not_left_half_written(tmp_path: Path) -> None:
    code = (
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "from spikewatch.cli import main\nraise SystemExit(main(['init', 'new.yaml']))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "spikewatch: new.yaml: cannot be written (File too large); make room there, or name a place elsewhere\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("span", ["-1h", "-30m"])
def test_a_span_before_now_is_refused_in_our_own_words(capsys: pytest.CaptureFixture[str], span: str) -> None:
    with pytest.raises(SystemExit):
        main(["snooze", "--config", "watch.yaml", "SW-1", "--for", span])

    said = capsys.readouterr().err
    assert f"argument --for: '{span}' is before now; write a span such as 30m or 2h" in said


@pytest.mark.e2e
def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    file = tmp_path / "spikewatch.yaml"
    file.write_text(
        starter.text() + "services:\n" + "".join(f"  s{n}: {{weight: 2}}\n" for n in range(3000)), "utf-8"
    )
    command = [sys.executable, "-m", "spikewatch", "check", "--config", str(file), "--explain"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read()
        status = process.wait(timeout=60)

    assert status == 0
    assert [line for line in complaints.splitlines() if "note:" not in line] == []


@pytest.mark.e2e
def test_ctrl_c_ends_quietly(tmp_path: Path) -> None:
    fifo = tmp_path / "spikewatch.yaml"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "spikewatch", "check", "--config", str(fifo)]

    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        fifo.open("w", encoding="utf-8"),
    ):  # opens once the command reads: from here on it waits for a line
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)

    assert process.returncode == 130
    assert complaints == ""


@pytest.mark.e2e
def test_a_bug_is_told_in_two_lines_without_a_traceback() -> None:
    code = "import sys\nfrom spikewatch.cli import frame\nframe.main(['check', '--config', '\\0'])\n"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "this is a bug: ValueError" in done.stderr
    assert "--debug" in done.stderr


@pytest.mark.parametrize(
    "moment", ["0001-01-01", "1969-12-31", "9999-12-31", "2200-01-01", "0001-01-01T00:00:00+09:00"]
)
def test_a_time_that_no_desk_has_seen_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], moment: str
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "timezone: Asia/Tokyo\nsources: [{kind: csv, name: desk, path: a.csv}]\n", encoding="utf-8"
    )

    status = main(
        ["labels", "add", "--config", str(file), "incident", "--start", moment, "--end", "2026-01-01"]
    )

    assert status == 2
    assert (
        f"--start: {moment!r} is no time of a help desk; write one from 1970 to 2199"
        in capsys.readouterr().err
    )


def test_a_starter_can_be_read_from_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    status = main(["init", "-"])

    assert status == 0
    assert capsys.readouterr().out == starter.text()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_as_the_place_of_results_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="is a folder; name a file in it"):
        files.require_place(tmp_path)
