"""What cannot be asked of `backtest`, and of `tune` beside it, is refused before any work, with what to do instead."""

from pathlib import Path

import pytest

from spikewatch.cli import main
from spikewatch.cli.options import CONFIG_VARIABLE


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(("--config", "c.yaml", "--max-lost", "0"), "name them with --diff A B", id="no diff"),
        pytest.param(("--config", "c.yaml", "--diff", "a", "b"), "not allowed with", id="both"),
        pytest.param((), "one of the arguments --config --diff is required", id="neither"),
        pytest.param(("--diff", "a", "b", "--max-new", "-1"), "0 or more", id="negative"),
        pytest.param(("--config", "no.yaml"), "no.yaml", id="no configuration"),
    ],
)
def test_it_is_refused_with_a_remedy(
    options: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)

    try:
        status = main(["backtest", *options, "--", "counts.csv"])
    except SystemExit as ended:
        status = int(ended.code or 0)

    assert status == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("command", ["backtest", "tune"])
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "nowhere" / "found.html"

    status = main([command, "none.csv", "--config", "none.yaml", "--out", str(out)])

    assert status == 1
    assert f"{out}: cannot be written" in capsys.readouterr().err
