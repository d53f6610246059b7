"""The README, and what the documentation's pages say; scripts/test builds the pages, where a broken link fails."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

import robust_widgets as rw
from robust_widgets.cli import app

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
