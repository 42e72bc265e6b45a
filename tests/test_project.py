"""The shape of the project: what lies at the top level, what the locks and the packaging files promise."""

import configparser
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import spikewatch

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements-build.lock.txt", "requirements-dev.lock.txt", "requirements.lock.txt")
TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "config",
    "notebooks",
    "pyproject.toml",
    "spikewatch",
    "tests",
    *LOCKS,
}
VAGUE = {"base", "common", "helpers", "manager", "misc", "utils"}
MACHINE = re.compile(r"/(?:work|home|root|Users)/(?!\.\.\.)\w|\b(?:files\.pythonhosted|pypi)\.org|/simple/")


def tracked() -> list[Path]:
    """Every file that belongs to the project: known to git, or new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_top_level_holds_only_what_was_agreed() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}

    strangers = {name for name in top if not name.startswith(".")} - TOP_LEVEL

    assert not strangers


def test_no_module_has_a_vague_name() -> None:
    names = [path.relative_to(ROOT).with_suffix("").parts for path in tracked() if path.suffix == ".py"]

    assert not [parts for parts in names if VAGUE.intersection(parts)]


def test_no_file_names_a_machine_or_a_package_index() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__):
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in MACHINE.finditer(text)]

    assert not found


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_and_hashes_every_requirement(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").replace("\\\n", " ").splitlines()
    requirements = [line for line in lines if line and not line.lstrip().startswith("#")]

    assert requirements
    assert not [line for line in requirements if not re.match(r"\S+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host_and_no_path(name: str) -> None:
    assert not re.findall(
        r"https?:|file:|--index|--find-links|^#.*/", (ROOT / name).read_text("utf-8"), re.MULTILINE
    )


def test_the_locks_agree_on_versions() -> None:
    pins: dict[str, set[str]] = {}
    for name in LOCKS:
        for package, version in re.findall(r"^(\S+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE):
            pins.setdefault(package, set()).add(version)

    assert {package: versions for package, versions in pins.items() if len(versions) > 1} == {}


def test_every_declared_dependency_is_locked() -> None:
    declared = pyproject()["project"]["dependencies"]
    names = {re.split(r"[^\w.-]", line.split("~")[0])[0].replace(".", "-") for line in declared}

    locked = set(re.findall(r"^(\S+)==", (ROOT / "requirements.lock.txt").read_text("utf-8"), re.MULTILINE))

    assert names <= locked


def test_every_dropped_rule_has_its_reason_on_its_line() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    ruff = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.flake8-tidy-imports")]
    rules = [line for line in ruff.splitlines() if re.match(r'\s+"[A-Z]+[0-9]*",', line)]

    assert rules
    assert not [line for line in rules if not re.search(r"# \w.{5,}", line)]


def test_every_suppression_in_code_says_why() -> None:
    bare = re.compile(r"# noqa(?!: [A-Z0-9, ]+ -- \w)|# type: ignore(?!\[[\w, -]+\]  # \w)")
    code = [path for path in tracked() if path.suffix == ".py" and path != Path(__file__)]

    assert not [
        f"{path.relative_to(ROOT)}:{number}"
        for path in code
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if bare.search(line)
    ]


def test_the_version_stands_in_one_place() -> None:
    project = pyproject()

    assert re.fullmatch(r"\d+\.\d+\.\d+", spikewatch.__version__)
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"]["path"] == "spikewatch/__init__.py"


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")

    linted = subprocess.run(
        [hadolint, "--failure-threshold", "warning", ROOT / "Dockerfile"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_the_image_runs_without_root_and_holds_no_secret() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    instructions = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)

    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", instructions, re.MULTILINE)
    assert "VOLUME /var/lib/spikewatch" in instructions
    assert not re.search(r"token|secret|password|index-url", instructions, re.IGNORECASE)


def test_the_health_check_of_the_image_asks_what_the_configuration_of_its_daemon_says() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")

    assert re.search(r"^ +SPIKEWATCH_CONFIG=/etc/spikewatch/spikewatch\.yaml", text, re.MULTILINE)
    assert '    CMD ["spikewatch", "status", "--live"]\n' in text
    assert 'ENTRYPOINT ["spikewatch"]\nCMD ["run"]\n' in text


class Unit(configparser.RawConfigParser):
    """A systemd unit: the case of its keys matters, and of a key that stands twice the last one is kept here."""

    def __init__(self) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#", ";"))

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def systemd_service() -> configparser.SectionProxy:
    unit = Unit()
    unit.read_string((ROOT / "config/systemd/spikewatch.service").read_text("utf-8"))
    return unit["Service"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"),
        ("EnvironmentFile", "-/etc/spikewatch/env"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("Restart", "on-failure"),
        ("StateDirectory", "spikewatch"),
        ("TimeoutStopSec", "10"),
    ],
)
def test_the_systemd_unit_promises(key: str, value: str) -> None:
    assert systemd_service()[key] == value


def test_a_test_cannot_reach_beyond_loopback() -> None:
    with socket.socket() as client, pytest.raises(pytest.fail.Exception, match="never leave loopback"):
        client.connect(("192.0.2.1", 9))


def test_a_test_cannot_look_up_a_name() -> None:
    with pytest.raises(pytest.fail.Exception, match="never leave loopback"):
        socket.getaddrinfo("example.invalid", 443)


def test_a_test_can_reach_loopback() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()
