"""Every notebook runs from top to bottom, as a reader would run it."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_each_last_line_shows_something(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "notebooks are kept without outputs"
    NotebookClient(notebook, timeout=500, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code" and ends_with_a_value(cell.source) and not cell.source.endswith("studio.trace"):
            assert [output.output_type for output in cell.outputs if output.output_type != "error"], cell.source


def ends_with_a_value(source: str) -> bool:
    """Whether a cell's last statement is an expression, which a notebook shows."""
    return isinstance(ast.parse(source).body[-1], ast.Expr)
