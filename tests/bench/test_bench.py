"""The bench runs, prints every line and judges by its targets; how fast it all is, only `make bench` says."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from spikewatch.core.settings import ModelName
from tests.bench import report

ROOT = Path(__file__).parents[2]


def bench(*options: str) -> tuple[int, list[str]]:
    """Run the bench and return its exit status and its lines."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench", *options], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert not ran.stderr, ran.stderr
    return ran.returncode, ran.stdout.splitlines()


def assert_shows(lines: Sequence[str], names: Sequence[str]) -> None:
    """Every name begins a line that holds a figure."""
    for name in names:
        figures = [line.removeprefix(name) for line in lines if line.startswith(name)]
        assert figures, f"no line {name!r}"
        assert any(character.isdigit() for character in figures[0])


@pytest.mark.e2e
@pytest.mark.parametrize("heavy", ["matplotlib", "pandas", "scipy.stats", "statsmodels"])
def test_a_daemon_does_not_hold_what_it_never_uses(heavy: str) -> None:
    loaded = f"import sys, tests.bench.daemon; sys.exit({heavy!r} in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=False)

    assert ran.returncode == 0


@pytest.mark.e2e
def test_every_line_of_the_daemon_is_measured_within_a_hundred_columns() -> None:
    status, lines = bench("--sizes", "20", "--judged", "30", "--sample", "1")

    assert status == 0
    assert lines[0].startswith("Python ")
    assert "cores" in lines[0]
    assert_shows(lines, [line.name for line in (*report.DAEMON, *report.NAIVE)])
    assert_shows(lines, ["30 series, judging one bucket"])
    assert max(map(len, lines)) <= 100


@pytest.mark.e2e
def test_the_backtest_is_measured_and_finds_the_simulated_surge() -> None:
    status, lines = bench("--backtest", "--sizes", "20", "--weeks", "1")

    assert status == 0
    measured = next(line for line in lines if line.startswith("20 series, 2,016 buckets"))
    assert " 0 incidents" not in measured


def found(**changes: float) -> dict[str, float]:
    """What a fast daemon would measure."""
    names = (
        "tickets",
        "intake",
        "reading",
        "busy stl",
        "judging",
        "page",
        "cycle",
        "slowest cycle",
        "first cycle",
    )
    refits = [f"refit {model}" for model in ModelName]
    sizes = ("scrape plain", "scrape gzip", "plain bytes", "gzip bytes", "peak", "naive", "tails", "sample")
    return {**dict.fromkeys((*names, *refits, *sizes), 0.01), **changes}


def test_a_target_that_is_missed_is_named() -> None:
    measured = {10_000: found(judging=0.06)}

    assert report.missed(measured, {}, {}) == ["judging one bucket"]
    assert "missed: 1 (judging one bucket)" in report.summary(measured, {}, {})
    assert any("judging" in line and line.endswith("MISSED") for line in report.daemon_table(measured))


def test_a_target_of_a_size_that_was_not_measured_is_neither_met_nor_missed() -> None:
    measured = {400: found(judging=60.0)}

    assert report.missed(measured, {}, {}) == []
    assert report.summary(measured, {}, {}) == "targets met: 0, missed: 0"


def test_each_size_of_the_backtest_has_its_own_targets() -> None:
    slow = {"seconds": 59.0, "buckets": 8064.0, "incidents": 1.0, "peak": 200.0}

    assert report.missed({}, {40: slow, 400: slow}, {}) == ["backtest of 40 series: seconds"]


def test_a_very_large_fleet_has_a_target_for_judging_alone() -> None:
    slow = {100_000: {"judging": 0.6, "peak": 900.0, "tails": 60.0}}

    assert report.missed({}, {}, slow) == ["100,000 series: judging one bucket"]
    (line,) = report.judged_table(slow)
    assert line.split()[-10:] == [*["600.0", "ms", "900", "MB", "100", "x"], "<", "500.0", "ms", "MISSED"]
