"""The README, and what the documentation's pages say; scripts/test builds the pages, where a broken link fails."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

import pytest
import typer

import robust_widgets as rw
from robust_widgets.cli import app
from robust_widgets.interface.tasks import task_spec
from robust_widgets.models.bundled import BundledModel

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/how-to").glob("*.md"))]
LARGEST = 1_000_000


def test_a_picture_loads_quickly() -> None:
    sizes = {file.name: file.stat().st_size for file in (ROOT / "docs/pictures").rglob("*.*")}
    assert "sketch-to-goldfish.gif" in sizes
    assert not {name: size for name, size in sizes.items() if size >= LARGEST}


def test_what_the_readme_links_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README.read_text(encoding="utf-8"))
    assert len(links) > 10
    assert not [link for link in links if "://" not in link and not (ROOT / link).exists()]


def test_every_page_is_reached_from_the_readme() -> None:
    """A reader on the code's site gets from the README to each page; on the built site the menu has them all."""
    readme = README.read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT).as_posix() for page in PAGES[1:] if page.stem != "index"]
    assert len(pages) > 10
    assert not [page for page in pages if f"({page})" not in readme]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_on_a_page_is_python_with_public_names(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        ast.parse(block)
    assert not set(re.findall(r"\brw\.([A-Za-z_]\w*)", text)) - set(rw.__all__)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_command_on_a_page_takes_its_options(page: Path) -> None:
    commands: Any = typer.main.get_command(app).commands
    text = page.read_text(encoding="utf-8")
    for line in re.findall(r"(?:^    |`)robust-widgets ([a-z][^`\n#]*)", text, flags=re.MULTILINE):
        words = shlex.split(line)
        command = commands[words[0]]
        if hasattr(command, "commands"):
            command = command.commands[words[1]]
        known = {name for option in command.params for name in option.opts + option.secondary_opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, line


def live_blocks() -> dict[str, str]:
    """What the studio opens with, by the page it is on."""
    pytest.importorskip("sphinx", reason="the extra docs")
    with patch.object(sys, "path", [str(ROOT / "docs"), *sys.path]):
        live = importlib.import_module("live")
    blocks = {f"lesson {name}": link for name, (link, _) in live.LESSONS.items()}
    for page in PAGES:
        for link in re.findall(r"^:::\{live\} (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
            blocks[page.name] = link
    return blocks


def test_the_first_page_and_every_lesson_with_a_task_of_the_studio_has_it_live() -> None:
    blocks = live_blocks()
    assert "index.md" in blocks
    lessons = {file.stem for file in (ROOT / "notebooks").glob("[0-9]*.ipynb")}
    without = {"10_train_your_own", "11_write_your_own_task", "12_bring_your_model"}
    assert {f"lesson {name}" for name in lessons - without} == set(blocks) - {"index.md"}


def test_a_live_studio_opens_with_what_its_page_knows() -> None:
    info = BundledModel("default").info
    for page, link in live_blocks().items():
        values = dict(parse_qsl(link, strict_parsing=True))
        spec = task_spec(values.pop("task"))
        known = info.classes if spec.target == "class" else [feature.name for feature in info.features]
        assert values.pop(spec.target) in known, page
        numbers = {name: float(value) for name, value in values.items()}
        assert "size" not in numbers
        spec.check({name: int(value) if value.is_integer() else value for name, value in numbers.items()})


def test_a_lesson_of_the_site_is_that_of_the_course_with_one_cell_more() -> None:
    pytest.importorskip("sphinx", reason="the extra docs")
    with patch.object(sys, "path", [str(ROOT / "docs"), *sys.path]):
        live = importlib.import_module("live")
    for file in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        text = file.read_text(encoding="utf-8")
        before, after = (json.loads(words)["cells"] for words in (text, live.in_lesson(text, file.stem)))
        added = [cell for cell in after if cell not in before]
        assert [cell for cell in after if cell in before] == before
        assert len(added) == (file.stem in live.LESSONS)
        for cell in added:
            (picture,) = re.findall(r":picture: \.\./(\S+)", "".join(cell["source"]))
            assert (ROOT / "docs" / picture).is_file()
