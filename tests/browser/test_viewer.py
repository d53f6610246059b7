"""A saved run in JupyterLab: a double click plays it, and no kernel is started."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from lab import until
from playwright.sync_api import Page
from scripted import trace
from studio_page import SHOTS
from studio_tab import kernels

from robust_widgets.runs.trace import Trace

pytestmark = pytest.mark.browser

WAIT = 60_000


def saved(folder: Path, steps: int = 20) -> Trace:
    """A run whose pictures get lighter step by step, saved as ``fish.rwtrace``; ``cut.rwtrace`` is half of it."""
    run = trace(3, steps)
    run = dataclasses.replace(run, model="default", parameters={"steps": steps, "epsilon": 40.0, "seed": 3})
    run.save(folder / "fish.rwtrace")
    whole = (folder / "fish.rwtrace").read_bytes()
    (folder / "cut.rwtrace").write_bytes(whole[: len(whole) // 2])
    return run


def open_file(page: Page, name: str) -> None:
    page.evaluate("() => window.jupyterapp.commands.execute('filebrowser:refresh')")
    page.locator(f".jp-DirListing-item:has-text('{name}')").dblclick()


def shown(page: Page) -> list[int]:
    """The colour in the middle of the picture."""
    return list(
        page.evaluate(
            """async () => {
              const image = document.querySelector('.rw-viewer .rw-player-picture');
              await image.decode();
              const canvas = document.createElement('canvas');
              [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
              const context = canvas.getContext('2d');
              context.drawImage(image, 0, 0);
              return [...context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3);
            }"""
        )
    )


def test_a_double_click_plays_a_saved_run_without_a_kernel(lab_page: Page, lab_address: str, lab_folder: Path) -> None:
    page = lab_page
    run, before, asked = saved(lab_folder), len(kernels(lab_address)), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    open_file(page, "fish.rwtrace")
    player = page.locator(".rw-viewer .rw-watch")
    player.wait_for(timeout=WAIT)
    assert player.get_attribute("data-step") == "20"
    # As text within JSON, a file of 300 MB ended the page.
    assert any("/files/fish.rwtrace" in url for url in asked) and not any("format=base64" in url for url in asked)
    middle = run[20].pixels.shape[1] // 2
    np.testing.assert_array_equal(shown(page), run[20].pixels[0, middle, middle], "without loss")
    facts = page.locator(".rw-run-facts").inner_text()
    assert all(word in facts for word in ("default", "epsilon", "40", "seed", "3", "goldfish"))

    until(page, lambda: page.evaluate("() => document.activeElement.className") == "rw-view-slider")
    page.keyboard.press("Home")
    assert player.get_attribute("data-step") == "0"
    np.testing.assert_array_equal(shown(page), run[0].pixels[0, middle, middle])
    page.keyboard.press("ArrowRight")
    assert page.locator(".rw-viewer .rw-view-slider").get_attribute("aria-valuetext").startswith("step 1 of 20")
    page.keyboard.press("Space")
    until(page, lambda: player.get_attribute("data-step") == "20")
    assert len(kernels(lab_address)) == before
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/viewer.png")

    open_file(page, "cut.rwtrace")
    notice = page.locator(".rw-run-notice[role='alert']")
    notice.wait_for(timeout=WAIT)
    assert "cut.rwtrace" in notice.inner_text() and "damaged or cut short" in notice.inner_text()
