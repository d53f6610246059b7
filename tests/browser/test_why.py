"""Dream of a layer, and ask "Why?", in JupyterLab, by mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab import Notebook
from studio_page import StudioPage

pytestmark = pytest.mark.browser


def test_a_dream_and_the_smallest_change_to_another_class(open_notebook: Callable[..., Notebook]) -> None:
    studio = StudioPage(
        open_notebook(
            "import robust_widgets as rw\nstudio = rw.Studio(model='tiny', task=['dream', 'generate'])\nstudio"
        )
    ).start()
    page = studio.page
    layer = page.locator(".jp-OutputArea select:has(option:text('stage2:'))").first
    layer.wait_for(timeout=60_000)
    layer.select_option(label=layer.locator("option:text('stage2:')").first.inner_text())
    studio.press("play")
    studio.until(lambda: studio.python("len(studio.trace or []) == 91 and studio.trace.target") == "stage2")

    page.locator(".jp-OutputArea button:text-is('Generate')").click()
    studio.choose("lion")
    studio.press("play")
    studio.until(lambda: studio.python("len(studio.trace) == 61 and studio.trace.target") == "lion")
    studio.choose("bear")
    page.locator(".jp-OutputArea :text-is('Why?')").click()
    page.locator(".jp-OutputArea button:text-is('Smallest change')").click()
    studio.until(lambda: studio.python("len(studio.traces), studio.trace.target") == "3 bear")
    page.locator(".jp-OutputArea :text('smallest change from')").wait_for(timeout=60_000)
    assert page.locator(".jp-OutputArea img.widget-image").last.is_visible()
