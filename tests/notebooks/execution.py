"""Runs a notebook as a reader would, in a fresh kernel and an empty folder.

`python -m tests.notebooks.execution` renews the outputs that are committed with the notebooks.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PICTURE = "image/png"


def read(path: Path) -> NotebookNode:
    """The notebook as it stands in the file."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has few types


def executed(path: Path, *, folder: Path, timeout_s: int = 60) -> NotebookNode:
    """The notebook with the outputs of a run of its own; IPython's history goes into the folder too."""
    notebook = read(path)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook, timeout=timeout_s, record_timing=False, resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env={**os.environ, "IPYTHONDIR": str(folder / ".ipython")})
    return notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The cells that run."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell: NotebookNode) -> list[Mapping[str, str]]:
    """What a cell showed, by kind; of a picture only that there is one, of a table its text and its HTML.

    Standard error is left out: a library may say there that it builds a cache.
    """
    return [
        {kind: "" if kind == PICTURE else text for kind, text in _kinds(output).items()}
        for output in cell.outputs
        if output.get("name") != "stderr"
    ]


def complaints(notebook: NotebookNode) -> list[str]:
    """What the cells wrote to standard error."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return [output.text for output in outputs if output.get("name") == "stderr"]


def _kinds(output: NotebookNode) -> Mapping[str, str]:
    if output.output_type == "stream":
        return {output.name: output.text}
    return {
        kind: text
        for kind, text in output.data.items()
        if not (kind == "text/plain" and PICTURE in output.data)
    }


def renew(path: Path) -> None:
    """Run the notebook and keep its outputs in its file, with nothing in it about this machine."""
    with TemporaryDirectory() as folder:
        notebook = executed(path, folder=Path(folder))
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]  # nbformat has few types


if __name__ == "__main__":
    for found in sorted(NOTEBOOKS.glob("*.ipynb")):
        renew(found)
