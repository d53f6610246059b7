"""What holds of every notebook of the course, read from the files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.notebooks.course import FOLDER, INDEX, LESSONS, exercises, read, solutions
from tests.notebooks.wrong_answers import WRONG

ALL = [*LESSONS, INDEX]
MOST_CELLS = 15
AMERICAN = r"\b(color|gray|center|neighbor|behavior|normaliz|optimiz|visualiz|favor|license[sd])\w*"


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_notebook_is_short_has_no_outputs_and_is_in_british_english(path: Path) -> None:
    notebook = read(path)
    assert len(notebook.cells) <= MOST_CELLS
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    prose = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.findall(AMERICAN, prose, re.IGNORECASE)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_ends_with_exercises_that_graders_understand(path: Path) -> None:
    notebook = read(path)
    found = exercises(notebook)
    assert [one.name for one in found] == [f"{path.stem[:2]}-exercise-{number}" for number in (1, 2)]
    tail = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    first = notebook.cells.index(tail[0])
    assert sum(cell.cell_type == "code" and cell not in tail for cell in notebook.cells[first:]) == 0
    for one in found:
        assert "..." in one.answer.source and not one.answer.metadata.nbgrader["grade"]
        assert one.check.metadata.nbgrader["grade"] and one.check.metadata.nbgrader["points"] == 1
        # An unanswered exercise must not stop a run from top to bottom.
        assert one.check.metadata.tags == ["raises-exception"]
        hints = [node.msg for node in ast.walk(ast.parse(one.check.source)) if isinstance(node, ast.Assert)]
        assert hints and all(isinstance(hint, ast.Constant) and str(hint.value).endswith((".", "?")) for hint in hints)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_exercise_has_an_answer_and_wrong_ones(path: Path) -> None:
    names = [one.name for one in exercises(read(path))]
    assert list(solutions(path)) == names
    assert all(len(WRONG[name]) >= 2 for name in names)


def test_every_notebook_is_in_the_index_and_every_link_leads_somewhere() -> None:
    for path in ALL:
        prose = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
        links = {link for link in re.findall(r"\]\(([^)#]+)\)", prose) if "//" not in link}
        assert all((FOLDER / link).exists() for link in links), path
        if path == INDEX:
            assert [path.name for path in LESSONS] == sorted(link for link in links if link.endswith(".ipynb"))


def test_there_are_thirteen_lessons_and_nothing_else() -> None:
    assert [path.stem[:2] for path in LESSONS] == [f"{number:02}" for number in range(13)]
    assert sorted(FOLDER.glob("*.ipynb")) == sorted(ALL)
    assert {path.stem for path in (FOLDER / "solutions").iterdir()} == {path.stem for path in LESSONS}
