"""What every test starts from: no proxy, an odd local time zone, no network beyond loopback, and skips that are loud.

Fixtures for what may be absent live here too: recorded data, and real servers by way of `absent`.
"""

import ipaddress
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import Phase, settings

from spikewatch.adapters.log import QUIET
from tests.postgres import Cluster, cluster
from tests.servers import require

PROXIES = ("all_proxy", "ftp_proxy", "http_proxy", "https_proxy", "no_proxy")

FOUND = (Phase.explicit, Phase.reuse, Phase.generate, Phase.target)
SHRUNK = (*FOUND, Phase.shrink)
"""Never `Phase.explain`: before Python 3.12 it traces every line, and a failure of seconds takes minutes to be told."""

settings.register_profile("desk", deadline=None, phases=SHRUNK)
# A failure is told as it was found. To shrink one may take five minutes, and a timeout of pytest that strikes in between is
# taken for another failure, and told as "flaky" in place of the true one.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True, phases=FOUND)
# To make one small: the printed `@reproduce_failure`, or `--hypothesis-profile=ci-shrunk` over the same tests; Hypothesis
# takes constants of whatever was imported before, so a test alone sees other examples than among all.
settings.register_profile("ci-shrunk", settings.get_profile("ci"), phases=SHRUNK)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

SHRINKING_S = 400
"""A property may take this long where failures are shrunk: longer than Hypothesis goes on shrinking, 300 s."""


def is_local(host: object) -> bool:
    """Whether a host, as a socket call is given it, is this machine and nothing else."""
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii", "replace")
    if host is None or host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def stay_on_this_machine(event: str, args: tuple[object, ...]) -> None:
    """Fail the test that leaves loopback; the failure passes through `except Exception`, so nothing can swallow it."""
    match event, args:
        case ("socket.connect" | "socket.sendto", (_, (host, *_))):
            pass
        case ("socket.getaddrinfo" | "socket.gethostbyname", (host, *_)):
            pass
        case _:
            return
    if not is_local(host):
        pytest.fail(f"{event} to {host!r}: tests never leave loopback; start a local server instead")


def pytest_configure() -> None:
    """Set the guard up once for the whole run; Python keeps an audit hook until it ends."""
    sys.addaudithook(stay_on_this_machine)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let Hypothesis come to its end before pytest loses patience, so that a failure says what it is."""
    if Phase.shrink not in settings().phases:
        return
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.timeout(SHRINKING_S))


@pytest.fixture(scope="session", autouse=True)
def surroundings() -> Iterator[None]:
    """No proxy, for requests and slack_sdk honour one even for loopback; and a local zone that nobody would guess.

    Chatham is 12:45 or 13:45 ahead of UTC: whatever uses local time by mistake is wrong by more than an hour.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in PROXIES:
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
        patch.setenv("TZ", "Pacific/Chatham")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Whoever sets up the log of the process, which is that of all tests, leaves it to the next as it was."""
    loggers = [logging.getLogger(name) for name in ("", *QUIET)]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture(scope="session")
def absent() -> Callable[[str, str], NoReturn]:
    """`absent("postgres", "install postgresql")` skips the test, or fails it where SPIKEWATCH_REQUIRE names that kind."""

    def skip_or_fail(kind: str, remedy: str) -> NoReturn:
        if kind in os.environ.get("SPIKEWATCH_REQUIRE", "").split(","):
            pytest.fail(f"{kind} is required and absent: {remedy}")
        pytest.skip(f"{kind} is absent: {remedy}")

    return skip_or_fail


@pytest.fixture(scope="session")
def recorded_data(absent: Callable[[str, str], NoReturn]) -> Path:
    """The folder of recorded data that SPIKEWATCH_RECORDED_DATA names."""
    named = os.environ.get("SPIKEWATCH_RECORDED_DATA", "")
    if not named:
        absent("data", "set SPIKEWATCH_RECORDED_DATA to the folder of recorded counts")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"SPIKEWATCH_RECORDED_DATA is {named!r}, which is no folder")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL cluster of this session's own; each test makes a schema in it."""
    with cluster(require("postgres", "initdb").parent) as made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One loud line per reason for which tests were skipped."""
    skips: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skips[reason.removeprefix("Skipped: ")] += 1
    for reason, times in sorted(skips.items()):
        terminalreporter.write_line(f"NOT TESTED ({times}): {reason}", yellow=True, bold=True)
