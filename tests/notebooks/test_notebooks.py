"""Every notebook runs as committed, and shows what its committed outputs say."""

import ast
import sys
from importlib import import_module
from pathlib import Path
from tempfile import gettempdir

import pytest

from spikewatch import lab
from tests.notebooks.execution import NOTEBOOKS, PICTURE, code_cells, complaints, executed, printed, read

MOST_BYTES = 400_000
every_notebook = pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.name) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
)


def imported(source: str) -> set[str]:
    """Every name that is imported, with its module."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {
        f"{node.module}.{alias.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def is_public(name: str) -> bool:
    """Whether a name of ours is in the public part of the lab, and not one of its module's own."""
    room, *rest = name.removeprefix("spikewatch.").split(".")
    return room == "lab" and bool(rest) and rest[0] in lab.__all__ and not rest[-1].startswith("_")


def test_there_are_a_first_look_and_two_tutorials() -> None:
    assert {path.name for path in NOTEBOOKS.glob("*.ipynb")} >= {
        "first-look.ipynb",
        "detection.ipynb",
        "tuning.ipynb",
    }


@pytest.mark.parametrize("name", lab.__all__)
def test_what_is_public_is_there(name: str) -> None:
    assert hasattr(lab, name) or import_module(f"spikewatch.lab.{name}").__doc__


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("spikewatch.lab.frames", True),
        ("spikewatch.lab.replay.replay", True),
        ("spikewatch.lab.DetectionSettings", True),
        ("spikewatch.lab.searching", False),
        ("spikewatch.lab.frames._local", False),
        ("spikewatch.core.settings.DetectionSettings", False),
        ("spikewatch.lab", False),
    ],
)
def test_the_public_lab_is_what_it_says_of_itself(name: str, public: bool) -> None:  # noqa: FBT001 -- a table's column
    assert is_public(name) is public


@every_notebook
def test_a_notebook_shows_what_its_committed_outputs_say(path: Path, tmp_path: Path) -> None:
    fresh, committed = executed(path, folder=tmp_path), read(path)

    for ours, theirs in zip(code_cells(fresh), code_cells(committed), strict=True):
        renew = f"cell {ours.id} shows something else; run: python -m tests.notebooks.execution"
        assert printed(ours) == printed(theirs), renew
        assert ours.execution_count == theirs.execution_count, renew
    assert not [text for text in complaints(fresh) if "Warning" in text]


@every_notebook
def test_a_notebook_is_small_has_pictures_and_no_complaint(path: Path) -> None:
    notebook = read(path)

    shown = [output.get("data", {}) for cell in code_cells(notebook) for output in cell.outputs]
    assert any(PICTURE in data for data in shown)
    assert not complaints(notebook)
    assert path.stat().st_size < MOST_BYTES


@every_notebook
def test_a_notebook_names_no_machine_and_no_version_of_python(path: Path) -> None:
    notebook = read(path)

    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    texts = [text for cell in code_cells(notebook) for kinds in printed(cell) for text in kinds.values()]
    assert not [text for text in texts if gettempdir() in text or sys.prefix in text]


@every_notebook
def test_a_notebook_uses_the_public_lab_alone(path: Path) -> None:
    ours = {
        name
        for cell in code_cells(read(path))
        for name in imported(cell.source)
        if name.split(".")[0] == "spikewatch"
    }

    assert ours
    assert not [name for name in ours if not is_public(name)]
