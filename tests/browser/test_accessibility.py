"""axe-core looks at the studio in a notebook, in both themes, and with everything open."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from accessibility import complaints, needs_axe
from lab import Notebook
from studio_page import StudioPage

pytestmark = pytest.mark.browser

STUDIO = "import robust_widgets as rw\nstudio = rw.Studio(model='tiny')\nstudio"


@needs_axe
def test_axe_finds_nothing_in_a_notebooks_studio(open_notebook: Callable[..., Notebook]) -> None:
    studio = StudioPage(open_notebook(STUDIO)).start()
    page = studio.page
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        page.wait_for_timeout(1500)
        assert complaints(page, ".rw-studio") == [], theme
        studio.shot(f"accessible-{theme.rpartition(' ')[2].lower()}")
    studio.blob("orange")
    page.locator(".rw-pad-layers summary").click()
    page.get_by_role("button", name="Colours of the picture").click()
    studio.press("play")
    studio.wait_for_state("done")
    assert complaints(page, ".rw-studio") == []
    studio.shot("accessible-open")
    page.locator(".rw-pad-layer:not([hidden]) .rw-pad-lock").first.evaluate(
        "button => ['title', 'aria-label'].forEach(name => button.removeAttribute(name))"
    )
    assert any(found.startswith("button-name") for found in complaints(page, ".rw-studio")), "it does look"
