"""The README and its pictures; scripts/test builds the documentation's pages, where a broken link fails."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LARGEST = 1_000_000


def test_a_picture_loads_quickly() -> None:
    sizes = {file.name: file.stat().st_size for file in (ROOT / "docs/pictures").rglob("*.*")}
    assert "sketch-to-goldfish.gif" in sizes
    assert not {name: size for name, size in sizes.items() if size >= LARGEST}


def test_what_the_readme_links_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(links) > 10
    assert not [link for link in links if "://" not in link and not (ROOT / link).exists()]


def test_every_page_is_reached_from_the_readme() -> None:
    """A reader on the code's site gets from the README to each page; on the built site the menu has them all."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [page for page in (ROOT / "docs").glob("*.md") if page.stem != "index"]
    pages += [page for page in (ROOT / "docs/how-to").glob("*.md") if page.stem != "index"]
    assert len(pages) > 10
    assert not [page.name for page in pages if f"({page.relative_to(ROOT).as_posix()})" not in readme]
