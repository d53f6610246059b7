"""How fast a step is, beside what else could be done on the same machine in the same run.

    python benchmarks/step.py                 # also opens JupyterLab in headless Chromium (needs the test extra)
    python benchmarks/step.py --no-browser

Prints milliseconds a step for the bundled model at batch 1 and 8, for three loops in turn, as the median of several
rounds: a bare forward and backward pass to the picture (the floor), a plain PyTorch loop of the same task, and this
package's `iterate`, which also records every picture and number. Then, from a real browser: steps a second with the
live view open and without it, frames a second that the browser painted, and how long Stop took. One time alone means
nothing on a shared machine: quote the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

import robust_widgets as rw
from robust_widgets.knobs import raw_pixels
from robust_widgets.models.seeds import draw_seeds

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

if TYPE_CHECKING:
    from studio_page import StudioPage

STEPS = 40
EPSILON, STEP_SIZE = 40.0, 1.0


def bare(model: rw.RobustClassifier, start: Tensor, target: Tensor) -> None:
    """Forward and backward only; the picture never moves."""
    x = start.clone().requires_grad_()
    for _ in range(STEPS):
        torch.autograd.grad(functional.cross_entropy(model(x), target, reduction="sum"), x)


def plain(model: rw.RobustClassifier, start: Tensor, target: Tensor) -> None:
    """What a person would write."""
    epsilon, step = raw_pixels(EPSILON, model.input_size), raw_pixels(STEP_SIZE, model.input_size)
    x = start
    for _ in range(STEPS):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(functional.cross_entropy(model(x), target, reduction="sum"), x)
        with torch.no_grad():
            x = x - step * gradient / (gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-10)
            x = start + torch.renorm(x - start, 2, 0, epsilon)
            x = x.clamp(0, 1)


def ours(model: rw.RobustClassifier, start: Tensor, target: Tensor) -> None:
    """The package's loop: every step's picture and numbers are recorded."""
    side = model.input_size
    rw.run(
        rw.Problem(
            model=model,
            start=start,
            objective=rw.CrossEntropy(target),
            constraint=rw.L2Ball(raw_pixels(EPSILON, side)),
            stepper=rw.L2Step(raw_pixels(STEP_SIZE, side)),
            steps=STEPS,
        )
    )


def milliseconds(loop: Callable[[], None], device: torch.device) -> float:
    """Milliseconds a step of one pass through a loop."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    loop()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - began) * 1000 / STEPS


def in_process(model_name: str, rounds: int, device: str | None) -> None:
    """The three loops in turn, at batch 1 and 8."""
    model = rw.load_model(model_name, device=device)
    print(f"{model}, torch {torch.__version__}, {torch.get_num_threads()} threads, {STEPS} steps, {rounds} rounds")
    print(
        f"{'batch':>5}  {'bare ms':>8}  {'plain ms':>8}  {'ours ms':>8}  {'ours/bare':>9}  {'ours/plain':>10}  steps/s"
    )
    for batch in (1, 8):
        start = draw_seeds(model, 0, batch, seed=0)
        target = torch.zeros(batch, dtype=torch.long, device=model.device)
        loops = {loop.__name__: loop for loop in (bare, plain, ours)}
        times: dict[str, list[float]] = {name: [] for name in loops}
        for round_number in range(rounds + 1):
            for name, loop in loops.items():
                taken = milliseconds(partial(loop, model, start, target), model.device)
                if round_number:
                    times[name].append(taken)
        median = {name: statistics.median(values) for name, values in times.items()}
        to_bare = statistics.median(a / b for a, b in zip(times["ours"], times["bare"], strict=True))
        to_plain = statistics.median(a / b for a, b in zip(times["ours"], times["plain"], strict=True))
        print(
            f"{batch:>5}  {median['bare']:>8.2f}  {median['plain']:>8.2f}  {median['ours']:>8.2f}  {to_bare:>9.2f}  "
            f"{to_plain:>10.2f}  {1000 / median['ours']:.0f}"
        )


KERNEL_CODE = """
import time, numpy as np, robust_widgets as rw
picture = np.full((256, 256, 3), (47, 111, 183), np.uint8)
picture[90:170, 60:200] = (242, 140, 40)
studio = rw.SketchToImage(picture)
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
    parser.add_argument("--model", default="default")
    parser.add_argument("--device")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200, help="steps of a run in the browser")
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args()
    in_process(arguments.model, arguments.rounds, arguments.device)
    if not arguments.no_browser:
        in_browser(max(1, arguments.rounds - 2), arguments.steps)


if __name__ == "__main__":
    main()
