"""The benchmark of detection runs, on worlds small enough for every test run; what it measures is not judged here."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikewatch.core.settings import ModelName
from spikewatch.lab.detectors import COMPARATORS
from spikewatch.lab.synthetic import Roughness, World, WorldSettings, simulate
from tests.bench_detection.__main__ import main
from tests.bench_detection.contestants import DEFAULT, LIMIT
from tests.bench_detection.fleets import FLEETS, Fleet
from tests.bench_detection.parts import Options, Part, Result, run
from tests.bench_detection.recorded import VARIABLE

TINY = WorldSettings(weeks=4, judged_weeks=1, services=2, series=3, surges=3, peaks=(12, 3))
TINIES = {"tiny": Fleet.always(TINY)}
COLUMNS = 100


def ran(part: Part, options: Options) -> Result:
    return run(part, options, warn=pytest.fail)


def assert_fits(result: Result) -> None:
    for markdown in (False, True):
        told = [line for table in result.tables for line in table.lines(markdown=markdown)]
        assert [line for line in (*told, *result.notes) if len(line) > COLUMNS] == []


def write_counts(world: World, file: Path, *, weeks: int = 4) -> None:
    file.parent.mkdir(parents=True)
    rows = ["timestamp,service,category,count"]
    inside = world.counts[:, : weeks * 7 * 24 * 12]
    for row, column in zip(*np.nonzero(inside), strict=True):
        stamp = (world.grid.start + int(column) * world.grid.step).isoformat()
        rows.append(f"{stamp},{','.join(world.leaves[row])},{inside[row, column]}")
    text = "\n".join([*rows, ""])
    if file.suffix == ".gz":
        file.write_bytes(gzip.compress(text.encode()))
    else:
        file.write_text(text, "utf-8")


# -- simulated worlds


def test_everybody_is_judged_on_the_same_surges() -> None:
    result = ran(Part.WORLDS, Options(seeds=[1000], fleets=TINIES, per_week=[1.0, 4.0]))

    rows = json.loads(json.dumps(result.numbers, allow_nan=False))["tiny"]["1"]
    assert [row["detector"] for row in rows[:1]] == [DEFAULT]
    assert {row["detector"] for row in rows} == {
        *(f"spikewatch {model}" for model in ModelName),
        *COMPARATORS,
        LIMIT,
    }
    assert len({row["surges"] for row in rows}) == 1
    assert all(row["false_a_week"] <= 1 for row in rows)
    assert rows[-1]["share_of_limit"] == 1.0
    assert rows[0]["default_gains"] is None
    assert rows[1]["default_gains"]["better"] + rows[1]["default_gains"]["worse"] <= 3
    assert len(result.tables) == 4
    assert_fits(result)


def test_budgets_are_asked_of_quiet_worlds_and_the_usual_one_of_surges_too() -> None:
    fleets = {**TINIES, "rough": Fleet.always(replace(TINY, rough=Roughness()))}
    options = Options(seeds=[1000], fleets=fleets, weeks=1, budgets=(0.25, 1.0))

    result = ran(Part.BUDGET, options)

    found = json.loads(json.dumps(result.numbers, allow_nan=False))
    assert [(name, found[name]["weeks"]) for name in found] == [("tiny", 1), ("rough", 1)]
    assert len(result.tables) == 2
    strict, loose = found["tiny"]["budgets"]
    assert strict["false_incidents"] <= loose["false_incidents"]
    assert strict["with_surges"] is None
    assert loose["with_surges"]["timeliness"] > 0
    assert_fits(result)


def test_desks_that_differ_have_a_threshold_each() -> None:
    fleets = {"tiny": Fleet(lambda seed: replace(TINY, series=2 + seed % 2), is_one_desk=False)}

    result = ran(Part.WORLDS, Options(seeds=[1000, 1001], fleets=fleets, names=("hour_zscore", LIMIT)))

    rows = json.loads(json.dumps(result.numbers, allow_nan=False))["tiny"]["1"]
    assert [len(row["timeliness_by_fleet"]) for row in rows] == [2, 2]


def test_mixed_desks_differ_and_are_the_same_for_the_same_seed() -> None:
    drawn = [FLEETS["mixed"].of(seed) for seed in range(100, 120)]

    assert drawn == [FLEETS["mixed"].of(seed) for seed in range(100, 120)]
    assert len({(settings.series, settings.rough) for settings in drawn}) == 20
    assert {settings.step.seconds // 60 for settings in drawn} == {5, 15, 60}
    assert {settings.weeks - settings.judged_weeks for settings in drawn} == {4, 5, 8}


# -- recorded backgrounds


def test_every_recorded_file_below_the_folder_becomes_a_background(tmp_path: Path) -> None:
    write_counts(simulate(TINY, seed=1), tmp_path / "bank" / "counts.csv.gz")
    write_counts(simulate(TINY, seed=2), tmp_path / "city" / "north" / "counts.csv")
    (tmp_path / "city" / "north" / "spikewatch.yaml").write_text("timezone: Asia/Tokyo\n", "utf-8")

    result = ran(
        Part.RECORDED,
        Options(seeds=[], recorded=tmp_path, surges=6, names=(DEFAULT, "hour_zscore", LIMIT)),
    )

    assert result.numbers["backgrounds"] == ("bank", "city/north")
    rows = json.loads(json.dumps(result.numbers["1"], allow_nan=False))
    assert [row["detector"] for row in rows] == [DEFAULT, "hour_zscore"]
    assert rows[0]["surges"] >= 10
    assert len(rows[0]["timeliness_by_fleet"]) == 2
    assert rows[0]["timeliness"]["mean"] > 0
    assert_fits(result)


def test_a_recording_that_cannot_be_judged_is_left_out_loudly(tmp_path: Path) -> None:
    write_counts(simulate(TINY, seed=1), tmp_path / "new" / "counts.csv", weeks=2)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tickets.csv").write_text("id,created_at\n1,yesterday\n", "utf-8")
    warnings: list[str] = []

    result = run(Part.RECORDED, Options(seeds=[], recorded=tmp_path), warn=warnings.append)

    assert result == Result()
    assert [line.split(":")[1].strip() for line in warnings[:2]] == ["LEFT OUT broken", "LEFT OUT new"]
    assert "too little history" in warnings[1]
    assert "SKIPPED" in warnings[2]


# -- from the command line


def test_the_command_prints_markdown_writes_numbers_and_says_what_it_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    parts = ["--worlds", "--recorded", "--seeds", "1", "--only", "spike_ratio", LIMIT, "--workers", "2"]

    status = main([*parts, "--markdown", "--json", str(tmp_path / "found.json")])

    told = capsys.readouterr()
    assert status == 0
    assert "| limit: knows true rates " in told.out
    assert told.err.count("\n") == 1
    assert VARIABLE in told.err
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert found["seeds"] == [1000]
    assert found["recorded"] is None
    assert [row["detector"] for row in found["worlds"]["usual"]["1"]] == ["spike_ratio", LIMIT]


def test_seeds_that_were_tuned_on_are_called_so() -> None:
    result = ran(Part.WORLDS, Options(seeds=[7], fleets=TINIES, names=("spike_ratio",)))

    assert "TUNED ON" in result.tables[0].title
