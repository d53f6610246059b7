"""Time from a click to a canvas to paint on, next to the time of what can't be avoided on the same machine.

    python benchmarks/startup.py                  # opens JupyterLab in headless Chromium (needs the test extra)
    python benchmarks/startup.py --rounds 5
    python benchmarks/startup.py --no-browser     # imports alone

Prints medians over several interleaved rounds of: importing robust_widgets, ipywidgets and torch in a fresh process;
from a click on the launcher's card to a studio on screen, and to a model that is ready; the same for a picture opened
in a studio, and for an empty ipywidgets box in a notebook's cell; ``rw.Studio()`` in a cell of a kernel that has loaded
torch; and from a press of Run to the first step on the page. On a shared machine, quote ratios rather than times.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMPORTS = ("numpy", "ipywidgets", "torch", "robust_widgets")
PATIENCE = 240_000
IDLE_AFTER = 3000  # JupyterLab still works this long after it looks ready
WARM_UP = 6000  # the steps of the tasks are recorded before the first run
STUDIO = {"screen": "node.querySelector('.rw-pad-surface') && node.querySelector('.rw-view')"}
READY = {"ready": "/, on (cpu|cuda|mps)/.test(node.textContent)"}
BOX = {"screen": "node.querySelector('.jp-OutputArea-output .widget-vbox')"}
FIRST_STEP = {"screen": "Number(node.querySelector('.rw-view').dataset.step ?? 0) >= 1"}

# Looks at each frame of the page; a thing is on screen in the frame after the one in which it was laid out.
WATCH = """([act, root, wanted]) => new Promise(resolve => {
  const times = {}, begun = performance.now();
  const note = name => { times[name] ??= performance.now() - begun; };
  const looks = Object.entries(wanted).map(([name, code]) => [name, new Function('node', `return !!(${code});`)]);
  new Function(act)();
  const frame = () => {
    const tab = window.jupyterapp.shell.currentWidget;
    const context = tab && (tab.sessionContext || (tab.content && tab.content.sessionContext));
    const kernel = context && context.session && context.session.kernel;
    if (kernel && ['idle', 'busy'].includes(kernel.status)) note('kernel');
    const node = tab && tab.node.querySelector(root);
    for (const [name, look] of looks) {
      if (node && !(name in times) && look(node)) requestAnimationFrame(() => note(name));
    }
    if (looks.every(([name]) => name in times)) resolve(times);
    else requestAnimationFrame(frame);
  };
  frame();
})"""
CARD = (
    "[...document.querySelectorAll('.jp-LauncherCard')].find(one => one.textContent.trim() === 'Robust Studio').click()"
)
PHOTO = "photo.jpg"
OPEN_PHOTO = f"window.jupyterapp.commands.execute('robust-widgets:open-studio', {{file: '{PHOTO}', cwd: ''}})"
RUN_CELL = "window.jupyterapp.commands.execute('notebook:run-cell')"
PRESS_RUN = "[...document.querySelectorAll('button')].find(one => one.textContent.trim() === 'Run').click()"
# Keeps when the studio of the cell asked for a run, and when each step of it was made.
LISTEN = """
import time
made, submit = {}, studio.session.submit
def asked(request, listener):
    made["asked"] = time.perf_counter()
    def heard(event):
        if hasattr(event, "frame"):
            made[event.frame.step] = time.perf_counter()
        listener(event)
    return submit(request, heard)
studio.session.submit = asked
studio.task_buttons.value = "generate"
"""


def imported(module: str) -> float:
    """Seconds that a fresh process takes to import a module, less what an empty one takes."""

    def wall(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun

    return wall(f"import {module}") - wall("pass")


class Pages:
    """Pages of a JupyterLab, each with a kernel of its own.

    Args:
        say: is told the name of each time measured, and its milliseconds.
    """

    def __init__(self, browser: Browser, address: str, folder: Path, say: Callable[[str, float], None]) -> None:
        self._browser, self._address, self._folder, self._say = browser, address, folder, say
        self._notebooks = 0

    def tab(self, name: str, act: str) -> None:
        """A studio in a tab, which ``act`` opens from the launcher."""
        page = self._page()
        page.goto(f"{self._address}/lab?reset", wait_until="domcontentloaded")
        page.wait_for_selector(".jp-Launcher", timeout=PATIENCE)
        page.wait_for_timeout(IDLE_AFTER)
        times = page.evaluate(WATCH, [act, ".rw-tab", {**STUDIO, **READY}])
        self._say(f"{name}: asked to a kernel", times["kernel"])
        self._say(f"{name}: kernel to a studio on screen", times["screen"] - times["kernel"])
        self._say(f"{name}: kernel to a model that is ready", times["ready"] - times["kernel"])
        page.evaluate("() => window.jupyterapp.shell.currentWidget.content.sessionContext.shutdown()")
        page.close()

    def cell(self, name: str, code: str, seen: dict[str, str], *, before: str = "pass", runs: bool = False) -> None:
        """A cell in a kernel that has run ``before``; with ``runs``, Run is pressed in the studio it shows."""
        from lab import Notebook, notebook

        self._notebooks += 1
        file = f"startup-{self._notebooks}.ipynb"
        notebook(self._folder, file, code)
        page = self._page()
        book = Notebook(page, self._address, file)
        page.wait_for_timeout(IDLE_AFTER)
        book.python(before)
        page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
        self._say(name, page.evaluate(WATCH, [RUN_CELL, ".jp-Notebook", seen])["screen"])
        if runs:
            page.wait_for_timeout(WARM_UP)
            book.python(LISTEN)
            page.wait_for_timeout(IDLE_AFTER)
            first_step = page.evaluate(WATCH, [PRESS_RUN, ".jp-Notebook", FIRST_STEP])["screen"]
            self._say("Run: pressed to the first step on screen", first_step)
            page.wait_for_timeout(IDLE_AFTER)
            waited = book.python("print(made[1] - made['asked'])")
            self._say("Run: asked to the first step made, in the kernel", 1000 * float(waited))
        page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        page.close()

    def _page(self) -> Page:
        return self._browser.new_page(viewport={"width": 1280, "height": 1000})


def in_browser(rounds: int, say: Callable[[str, float], None]) -> None:
    """Everything that is seen on a page, in turn."""
    from lab import jupyter_lab, launch
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        with jupyter_lab(Path(folder)) as address:
            Image.effect_noise((4000, 3000), 60).convert("RGB").save(Path(folder) / PHOTO)
            pages = Pages(browser, address, Path(folder), say)
            for _ in range(rounds):
                pages.tab("card", CARD)
                pages.tab("picture", OPEN_PHOTO)
                pages.cell("cell: an empty box on screen", "import ipywidgets\nipywidgets.VBox()", BOX)
                studio = "import robust_widgets as rw\nstudio = rw.Studio()\nstudio"
                pages.cell("cell: rw.Studio() on screen", studio, STUDIO)
                name = "cell: rw.Studio() on screen, torch being loaded"
                pages.cell(name, studio, STUDIO, before="import torch", runs=True)
        browser.close()


def table(times: dict[str, list[float]]) -> str:
    """Medians and ranges, each beside the import of torch and the empty box of the same run."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    others = [name for name in ("import torch", "cell: an empty box on screen") if name in medians]
    lines = [f"{'':50} {'ms':>7} {'from - to':>15}" + "".join(f"  x {name}" for name in others)]
    for name, values in times.items():
        ratios = "".join(f"{medians[name] / medians[other]:>{len(other) + 4}.2f}" for other in others)
        spread = f"{min(values):.0f} - {max(values):.0f}"
        lines.append(f"{name:50} {medians[name]:7.0f} {spread:>15}{ratios}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(options.rounds):
        for module in IMPORTS:
            times[f"import {module}"].append(1000 * imported(module))
    if not options.no_browser:
        in_browser(options.rounds, lambda name, value: times[name].append(value))
    print(table(times))


if __name__ == "__main__":
    main()
