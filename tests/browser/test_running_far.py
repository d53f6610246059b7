"""Run pressed far away from the kernel, right after the last key: the run is of what the page shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from easel import opened
from far import FAR_AWAY, LATENCY_MS
from lab import Notebook
from playwright.sync_api import Browser
from studio_page import StudioPage

pytestmark = pytest.mark.browser

# Each class begins with another one's first letters, so a run of what was typed first is seen.
STUDIO = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from scripted import ScriptedSession
from robust_widgets.interface.session import ModelInfo
from robust_widgets.widgets.studio import StudioWidget
session = ScriptedSession()
session.model = ModelInfo("made up", ("goldfish", "goose", "gorilla", "dog"), 64)
studio = StudioWidget(session, ("generate", "sketch_to_image"))
studio
"""
MADE = "[(trace.target, trace.parameters['steps']) for trace in studio.traces]"


@pytest.fixture
def far_book(lab_folder: Path, lab_address: str, browser: Browser) -> Iterator[Notebook]:
    with opened(lab_folder, lab_address, browser, "far-run.ipynb", FAR_AWAY, STUDIO) as book:
        yield book


class FarStudio(StudioPage):
    """A studio whose person does not wait."""

    def begin(self) -> FarStudio:
        """Show it, and wait until JupyterLab sends all its messages one way.

        The first ones go over the kernel's main thread, until there is a subshell for them.
        """
        self.start()
        self.choose("dog")
        self.page.wait_for_timeout(20 * LATENCY_MS)
        return self

    def type(self, name: str) -> None:
        """Type a class, key by key."""
        box = self.page.locator(".jp-OutputArea input[placeholder^='search']").first
        box.fill("")
        box.press_sequentially(name, delay=20)

    def runs(self, *looked_for: tuple[str, int]) -> None:
        """Wait for that many runs, and see what they were of."""
        self.until(lambda: self.python("len(studio.traces)") == str(len(looked_for)))
        self.until(lambda: self.python("studio.runner.running") == "False")
        assert self.python(MADE) == str(list(looked_for))


def test_a_run_is_of_the_class_that_was_typed_right_before(far_book: Notebook) -> None:
    studio = FarStudio(far_book).begin()
    studio.type("goose")
    studio.press("play")
    studio.runs(("goose", 60))

    studio.type("gorilla")
    studio.pad.focus()
    studio.page.keyboard.press("Control+Enter")
    studio.runs(("goose", 60), ("gorilla", 60))

    studio.type("goldfish")
    studio.page.get_by_role("button", name="Branch from here").click()
    studio.runs(("goose", 60), ("gorilla", 60), ("goldfish", 60))


def test_a_run_is_of_the_slider_moved_right_before_and_stop_comes_before_it(far_book: Notebook) -> None:
    studio = FarStudio(far_book).begin()
    slider = studio.page.locator(".jp-OutputArea .widget-slider:has-text('steps')").first
    slider.locator(".noUi-handle").focus()
    for _ in range(6):
        studio.page.keyboard.press("ArrowRight")
    shown = int(slider.locator(".widget-readout").inner_text())
    assert shown > 60
    studio.press("play")
    studio.runs(("dog", shown))

    studio.pad.focus()
    studio.page.keyboard.press("Control+Enter")
    studio.page.keyboard.press("Escape")
    studio.page.wait_for_timeout(2000)
    studio.runs(("dog", shown))
    assert studio.button("play").inner_text().strip() == "Run" and studio.button("stop").is_disabled()


def test_a_run_is_saved_under_the_whole_name_that_was_typed_right_before(far_book: Notebook, lab_folder: Path) -> None:
    studio = FarStudio(far_book).begin()
    studio.press("play")
    studio.runs(("dog", 60))
    studio.page.locator(".jp-OutputArea input[placeholder='fish.gif']").press_sequentially("my-dog.png", delay=20)
    studio.page.get_by_role("button", name="Save", exact=True).click()
    studio.until(lambda: list(lab_folder.glob("my*")) != [])
    assert [file.name for file in lab_folder.glob("my*")] == ["my-dog.png"]
