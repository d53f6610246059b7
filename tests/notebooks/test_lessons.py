"""Every notebook runs from top to bottom with the answers in it; their checks refuse wrong ones, with a hint.

nbmake runs notebooks by nbclient as well, but as they are: it would take a wrong answer for right, because a check
cell is allowed to fail, and could neither look at outputs nor measure memory. So it would only run every lesson twice.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient
from nbformat import NotebookNode

from robust_widgets.compiler.engine import SWITCH
from tests.notebooks.course import INDEX, LESSONS, Exercise, exercises, read, solutions
from tests.notebooks.wrong_answers import WRONG

# Above what `import torch` takes, which depends on the build: 510 MB with CUDA's, less with Binder's for CPUs. There
# the whole has to stay below 1 GiB. Lessons 10 to 12 are for machines of one's own.
MOST_MEMORY = 560 * 1024**2
WARNINGS_ARE_ERRORS = "import warnings\nwarnings.simplefilter('error')"
# Jupyter's own shutdown warns.
WARNINGS_ARE_NOT = "warnings.simplefilter('default')"
WIDGET = "application/vnd.jupyter.widget-view+json"
# The monitor's sheet is drawn when the training that a later cell started has ended; nbclient records no such update.
STILL_LATER = ("10_train_your_own",)
# The high-water mark of the kernel itself; ru_maxrss would begin with that of the test process it was forked from.
PEAK_MEMORY = """
from pathlib import Path
next(int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
"""
REFUSED = """
from robust_widgets.errors import NotYetError
try:
    {call}
except NotYetError as _hint:
    print(_hint)
else:
    raise SystemError("This answer is wrong and was taken for right.")
"""


@cache
def memory_of_torch() -> int:
    """Bytes at most that a Python takes that only imports torch."""
    lines = "import torch; print(next(line for line in open('/proc/self/status') if 'VmHWM' in line))"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[1]) * 1024


@pytest.mark.parametrize("path", [*LESSONS, INDEX], ids=lambda path: path.stem)
def test_a_notebook_runs_and_its_checks_know_right_from_wrong(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBUST_WIDGETS_STATE", str(tmp_path))
    monkeypatch.setenv(SWITCH, "1")  # as on most machines, and a third of the time less
    notebook = read(path)
    found = exercises(notebook)
    for one in found:
        given = one.answer.source
        one.answer.source = solutions(path)[one.name]
        del one.check.metadata["tags"]
        one.answer.metadata["given"] = given
    lesson = list(notebook.cells)
    measured = sys.platform == "linux" and path.stem < "10" and not torch.cuda.is_available()
    memory = [code(PEAK_MEMORY)] if measured else []
    wrong = [cell for one in found for cell in wrong_cells(one)]
    notebook.cells = [code(WARNINGS_ARE_ERRORS), *lesson, *memory, *wrong, code(WARNINGS_ARE_NOT)]
    NotebookClient(notebook, timeout=500, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()

    for one in found:
        assert one.check.outputs[0].text == "Right.\n"
    for cell in lesson:
        if cell.cell_type == "code" and shows_something(cell.source):
            assert cell.outputs, cell.source
        if path.stem not in STILL_LATER and any(WIDGET in output.get("data", {}) for output in cell.get("outputs", [])):
            assert any(is_still(output) for output in cell.outputs), cell.source
    for cell in wrong:
        if cell.source.startswith(REFUSED[:20]):
            hint = "".join(output.text for output in cell.outputs)
            assert hint.endswith((".\n", "?\n")) and "cannot be used" not in hint, (cell.source, hint)
    for cell in memory:
        assert int(cell.outputs[0].data["text/plain"]) - memory_of_torch() < MOST_MEMORY


def wrong_cells(one: Exercise) -> list[NotebookNode]:
    """Cells in which the check must refuse each wrong answer, and at last the dots that stood there."""
    refused = [code(REFUSED.format(call=one.checking(answers))) for answers in WRONG[one.name]]
    return [*refused, code(one.answer.metadata["given"]), code(REFUSED.format(call=one.call))]


def code(source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source)


def shows_something(source: str) -> bool:
    """Whether a cell's last statement is an expression, which a notebook shows."""
    return isinstance(ast.parse(source).body[-1], ast.Expr)


def is_still(output: NotebookNode) -> bool:
    """Whether an output shows a picture where no widgets run."""
    data = output.get("data", {})
    return "image/png" in data or "<img" in data.get("text/html", "")
