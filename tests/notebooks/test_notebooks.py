"""Every notebook runs as committed, and shows what its committed outputs say."""

import ast
import re
import sys
from pathlib import Path
from tempfile import gettempdir

import pytest

from tests.notebooks.execution import NOTEBOOKS, PICTURE, code_cells, complaints, executed, printed, read

MOST_BYTES = 400_000
PUBLIC = re.compile(r"spikewatch\.(lab\b|core\.settings$)")

every_notebook = pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.name) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
)


def imported(source: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_there_is_a_notebook_to_begin_with() -> None:
    assert (NOTEBOOKS / "first-look.ipynb").is_file()


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
        module
        for cell in code_cells(read(path))
        for module in imported(cell.source)
        if module.split(".")[0] == "spikewatch"
    }

    assert ours
    assert not [module for module in ours if not PUBLIC.match(module)]
