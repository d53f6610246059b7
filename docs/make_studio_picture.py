"""Take the picture of the studio anew, in a real JupyterLab and Chromium: python docs/make_studio_picture.py"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

import robust_widgets as rw

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests" / "browser"))
from lab import jupyter_lab, launch  # noqa: E402

WAIT = 120_000


def main() -> None:
    with TemporaryDirectory() as name, jupyter_lab(folder := Path(name)) as address, sync_playwright() as playwright:
        rw.generate("lion", seed=3, model="default").pictures[0].save(folder / "lion.png")
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/lab?reset", wait_until="domcontentloaded")
        open_in_studio(page, "lion.png")
        turn_into(page, "Translate", "bear")
        page.screenshot(path=str(DOCS / "pictures" / "studio.png"))
        browser.close()


def open_in_studio(page: Page, file: str) -> None:
    page.locator(f".jp-DirListing-item:has-text('{file}')").click(button="right", timeout=WAIT)
    page.locator(".lm-Menu-item:has-text('Robust Studio'):visible").first.click()
    page.wait_for_selector(".rw-pad-surface", timeout=WAIT)
    page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")


def turn_into(page: Page, task: str, target: str) -> None:
    """Run a task, and wait until the run is over and the model's robustness was measured."""
    page.locator(f"button:has-text('{task}'):visible").first.click()
    page.locator("input[placeholder^='search']:visible").first.press_sequentially(target)
    page.locator("button:has-text('Run'):visible").first.click()
    page.wait_for_selector(".rw-view[data-state='done']", timeout=WAIT)
    page.locator("text=/robust, L2/").first.wait_for(timeout=WAIT)
    page.wait_for_timeout(1000)


if __name__ == "__main__":
    main()
