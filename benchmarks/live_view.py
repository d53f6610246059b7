"""What the live view costs a run, in a real browser; needs the test extra and Chromium.

    python benchmarks/live_view.py

Opens JupyterLab in headless Chromium and prints steps a second with the live view open and without it, frames a second
that the browser painted, and how long Stop took. One time alone means nothing on a shared machine: quote the ratios.
`robust-widgets bench` times a step by itself.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

if TYPE_CHECKING:
    from studio_page import StudioPage

KERNEL_CODE = """
import time, numpy as np, robust_widgets as rw
picture = np.full((256, 256, 3), (47, 111, 183), np.uint8)
picture[90:170, 60:200] = (242, 140, 40)
studio = rw.Studio(picture, task="sketch_to_image")
studio
"""
WITHOUT_VIEW = "t = rw.sketch_to_image(picture, 'goldfish', steps={steps}); print(t[-1].step / t[-1].seconds)"


def in_browser(rounds: int, steps: int) -> None:
    """The live view in a real JupyterLab."""
    from lab import Notebook, jupyter_lab, launch, notebook
    from playwright.sync_api import sync_playwright
    from studio_page import StudioPage

    folder = Path(tempfile.mkdtemp())
    notebook(folder, "bench.ipynb", KERNEL_CODE)
    with jupyter_lab(folder) as address, sync_playwright() as playwright:
        page = launch(playwright).new_page(viewport={"width": 1280, "height": 1100})
        studio = StudioPage(Notebook(page, address, "bench.ipynb")).start()
        studio.book.python(f"studio.controls['sketch_to_image'].set({{'steps': {steps}}})")
        rows: list[tuple[float, float, float, float]] = []
        for _ in range(rounds + 1):
            # A run that has ended is still being put into the notebook for a while.
            page.wait_for_timeout(3000)
            alone = float(studio.book.python(WITHOUT_VIEW.format(steps=steps)))
            studio.press("play")
            studio.wait_for_state("running")
            studio.wait_for_state("done", timeout=300_000)
            page.wait_for_timeout(300)
            seconds = float(studio.python("studio.trace[-1].seconds"))
            frames = int(studio.view.get_attribute("data-painted") or 0)
            rows.append((alone, steps / seconds, frames / seconds, stop_latency(studio)))
        alone, viewed, painted, stop = (statistics.median(column) for column in zip(*rows[1:], strict=True))
        cost = statistics.median(1 - row[1] / row[0] for row in rows[1:])
    print(f"in JupyterLab and headless Chromium, {steps} steps, {rounds} rounds, medians:")
    print(f"  steps/s without the view   {alone:6.1f}")
    print(f"  steps/s with the live view {viewed:6.1f}   the view costs {cost:.0%} of the loop")
    print(f"  frames/s the browser shows {painted:6.1f}")
    print(f"  Stop pressed to run ended  {stop:6.0f} ms")


def stop_latency(studio: StudioPage) -> float:
    """Milliseconds from the click on Stop until the page shows that the run has ended; the way back included."""
    sliders = "studio.controls['sketch_to_image'].controls['steps'].widget"
    studio.book.python(f"steps_before = {sliders}.value; {sliders}.max = 100000; {sliders}.value = 100000")
    studio.press("play")
    studio.until(lambda: studio.state() == "running" and studio.step() > 5)
    milliseconds = studio.page.evaluate(
        """() => new Promise(resolve => {
             const view = document.querySelector('.rw-view'), began = performance.now();
             new MutationObserver((_, observer) => {
               if (view.dataset.state !== 'stopped') return;
               observer.disconnect();
               resolve(performance.now() - began);
             }).observe(view, { attributes: true });
             document.querySelector('.jp-OutputArea button:has(.fa-stop)').click();
           })"""
    )
    studio.book.python(f"{sliders}.value = steps_before; {sliders}.max = 200")
    return float(milliseconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=200, help="steps of a run")
    arguments = parser.parse_args()
    in_browser(arguments.rounds, arguments.steps)


if __name__ == "__main__":
    main()
