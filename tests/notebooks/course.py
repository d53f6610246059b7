"""The course's notebooks, their exercises, and the answers of the solutions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[2] / "notebooks"
INDEX = FOLDER / "index.ipynb"
LESSONS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))


@dataclass(frozen=True)
class Exercise:
    """An answer cell and its check cell."""

    name: str
    answer: NotebookNode
    check: NotebookNode

    @property
    def call(self) -> str:
        """The check cell's last line, which checks the answers."""
        return self.check.source.splitlines()[-1]

    def checking(self, answers: str) -> str:
        """The last line with other answers, such as ``"3, 4"``."""
        test = re.fullmatch(r"rw\.check_exercise\((test_\w+), .+\)", self.call)
        assert test is not None, self.call
        return f"rw.check_exercise({test[1]}, {answers})"


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """In the notebook's order."""
    marked = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    return [
        Exercise(name, cell, marked[f"{name}-check"])
        for name, cell in marked.items()
        if cell.metadata.nbgrader["solution"]
    ]


def solutions(path: Path) -> dict[str, str]:
    """The code that answers each exercise of a notebook, by the exercise's name."""
    text = (FOLDER / "solutions" / f"{path.stem}.md").read_text()
    found = re.findall(r"^## Exercise (\d)\n.*?^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return {f"{path.stem[:2]}-exercise-{number}": code.rstrip() for number, code in found}
