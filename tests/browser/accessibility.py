"""What axe-core finds on a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: npm --prefix frontend ci")


def complaints(page: Page, inside: str = "html") -> list[str]:
    """The rules that are broken inside an element, and where."""
    page.evaluate(f"() => {{ {AXE.read_text('utf-8')} }}")
    result = page.evaluate("async inside => (await axe.run(inside)).violations", inside)
    return [f"{item['id']}: {node['html'][:200]}" for item in result for node in item["nodes"]]
