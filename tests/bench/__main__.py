"""`python -m tests.bench`: measures, prints, and says of each target whether it is met."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from threadpoolctl import threadpool_limits

from spikewatch.core.settings import DetectionSettings
from tests.bench import intake, report

SIZES = (400, 4000, 10_000)
JUDGED = (100_000,)
BACKTESTS = (40, 400)
SAMPLE = 20
WINDOWS = len(DetectionSettings().windows)
FAILED_GATE = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for and print it; 3 where a gate was asked for and a target was missed, else 0."""
    options = _options(arguments)
    if options.part:
        sys.stdout.write(json.dumps(_measured(options)))
        return 0
    _say(_machine())
    daemon, backtest, judged = {}, {}, {}
    with TemporaryDirectory(prefix="spikewatch-bench-") as folder:
        if not options.backtest:
            naive = _child("naive", folder, sample=options.sample)
            daemon = _daemons(options, folder, naive=naive)
            _say("", *report.daemon_table(daemon))
            judged = _judged(options, folder, naive=naive)
            _say(
                "", "a fleet that is only judged: seconds, peak of memory, scipy tails of each window over it"
            )
            _say(*report.judged_table(judged))
        if not options.backtest:
            tickets = intake.SAMPLE if options.sizes is None else intake.FEW
            _say("", *intake.lines(tickets=tickets, url=os.environ.get("SPIKEWATCH_BENCH_STORE")))
        if options.backtest or options.all:
            backtest = _backtests(options, folder)
            _say("", f"backtest of {options.weeks:g} weeks after 8 weeks of history, 5-minute buckets")
            _say(*report.backtest_table(backtest))
    missed = report.missed(daemon, backtest, judged)
    _say("", report.summary(daemon, backtest, judged))
    return FAILED_GATE if missed and options.gate else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", help="how many series, one process each")
    parser.add_argument(
        "--judged",
        type=int,
        nargs="*",
        default=JUDGED,
        help="how many series are only judged, one process each",
    )
    parser.add_argument("--sample", type=int, default=SAMPLE, help="series that are fitted one at a time")
    parser.add_argument("--backtest", action="store_true", help="measure the backtest instead")
    parser.add_argument("--weeks", type=float, default=4.0, help="weeks that the backtest judges")
    parser.add_argument("--all", action="store_true", help="measure the backtest as well")
    parser.add_argument(
        "--gate", action="store_true", help=f"exit with {FAILED_GATE} where a target is missed"
    )
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _daemons(
    options: argparse.Namespace, folder: str, *, naive: dict[str, float]
) -> dict[int, dict[str, float]]:
    found = {}
    for size in options.sizes or SIZES:
        _say(f"measuring {size:,} series ...", to_terminal=True)
        found[size] = {
            **_child("fill", folder, size=size),
            **_child("models", folder, size=size),
            **_child("daemon", folder, size=size),
            "naive": naive["one series"] * size,
            "tails": naive["one window"] * WINDOWS * size,
            "sample": naive["sample"],
        }
    return found


def _judged(
    options: argparse.Namespace, folder: str, *, naive: dict[str, float]
) -> dict[int, dict[str, float]]:
    found = {}
    for size in options.judged:
        _say(f"judging {size:,} series ...", to_terminal=True)
        found[size] = {
            **_child("judging", folder, size=size),
            "tails": naive["one window"] * WINDOWS * size,
        }
    return found


def _backtests(options: argparse.Namespace, folder: str) -> dict[int, dict[str, float]]:
    found = {}
    sizes = options.sizes if options.backtest and options.sizes else BACKTESTS
    for size in sizes:
        _say(f"measuring a backtest of {size:,} series ...", to_terminal=True)
        _child("counts", folder, size=size)
        found[size] = _child("backtest", folder, size=size, weeks=options.weeks)
    return found


def _child(part: str, folder: str, *, size: int = 0, sample: int = 1, weeks: float = 1.0) -> dict[str, float]:
    """Run one part in a process of its own and return what it found."""
    command = [sys.executable, "-m", "tests.bench", "--part", part, "--folder", folder]
    given = ["--sizes", str(size), "--sample", str(sample), "--weeks", str(weeks)]
    ran = subprocess.run([*command, *given], check=False, stdout=subprocess.PIPE, text=True)
    if ran.returncode:
        sys.exit(ran.returncode)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def _measured(options: argparse.Namespace) -> dict[str, float]:
    threadpool_limits(limits=1, user_api="blas")
    size, url = options.sizes[0], f"sqlite:///{options.folder / f'{options.sizes[0]}.db'}"
    match options.part:
        case "naive":
            from tests.bench import naive  # noqa: PLC0415 -- the memory of a part is not to be that of another

            return naive.measure(sample=options.sample)
        case "judging":
            from tests.bench import judging  # noqa: PLC0415 -- as above

            return judging.measure(n_series=size)
        case "fill" | "models" | "daemon":
            from tests.bench import daemon  # noqa: PLC0415 -- as above

            run = {"fill": daemon.fill, "models": daemon.measure_models, "daemon": daemon.measure}[
                options.part
            ]
            return run(url, n_series=size)
        case _:
            from tests.bench import backtest  # noqa: PLC0415 -- as above

            if options.part == "counts":
                return backtest.write_counts(options.folder, n_series=size)
            return backtest.measure(options.folder, n_series=size, weeks=options.weeks)


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    return (
        f"Python {platform.python_version()}, numpy {np.__version__}, {platform.system()} {platform.machine()},"
        f" {cores} cores, load {load:.1f}, 1 BLAS thread"
    )


def _say(*lines: str, to_terminal: bool = False) -> None:
    stream = sys.stderr if to_terminal else sys.stdout
    if to_terminal and not stream.isatty():
        return
    stream.writelines(f"{line}\n" for line in lines)
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
