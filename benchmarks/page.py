"""Milliseconds a step on a page, on one WebAssembly thread, beside ONNX Runtime's own one thread in the same run.

    python benchmarks/page.py --out benchmarks/results/page.json
    python benchmarks/page.py --models tiny --rounds 1 --steps 10

Needs the test extra and Chromium, and the page's bundle. Each round times a run in headless Chromium, then the same
recorded step from Python. One time alone means nothing on a shared machine: quote the ratio of a round's two times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnxruntime
import torch

import robust_widgets as rw
from robust_widgets.compiler.backends.onnxruntime import create_session
from robust_widgets.page.serve import address_of, page_server
from robust_widgets.page.structures import feeds, record_tasks

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

TASK, TARGET = "generate", "lion"
OPEN = """
async () => {
  const load = async (name) => (await fetch(name)).json();
  const [manifest, pictures] = await Promise.all([load('manifest.json'), load('pictures.json')]);
  Object.assign(manifest.model, pictures);
  window.engine = new Worker('engine.js', { type: 'module' });
  const began = performance.now();
  const loaded = new Promise((resolve) => engine.addEventListener('message', ({ data }) => resolve(data)));
  engine.postMessage({ kind: 'open', manifest, base: document.baseURI });
  return { ...(await loaded), milliseconds: performance.now() - began };
}
"""
RUN = """
({ run, request }) => new Promise((resolve) => {
  let seconds = 0;
  const listen = ({ data }) => {
    if (data.kind === 'frame') seconds = data.frame.seconds;
    if (data.kind !== 'ended') return;
    engine.removeEventListener('message', listen);
    resolve({ ...data, seconds });
  };
  engine.addEventListener('message', listen);
  engine.postMessage({ kind: 'run', run, request });
})
"""


@dataclass(frozen=True)
class Row:
    """One model.

    Attributes:
        model: its name.
        page_ms, python_ms: medians of the rounds, for one step of one picture.
        best_page_ms, best_python_ms: of the fastest rounds.
        ratio: the median of the rounds' ratios.
        loading_ms: from the worker's start to its first recorded step being ready, from a server on this machine.
    """

    model: str
    page_ms: float
    python_ms: float
    best_page_ms: float
    best_python_ms: float
    ratio: float
    loading_ms: float


def python_step(model: rw.RobustClassifier) -> Any:
    """A function that makes some of the recorded steps on one thread and returns the milliseconds of one."""
    recorded = record_tasks(model)
    structure = recorded.structures[recorded.uses[TASK][0][1]]
    session = create_session(structure.model.SerializeToString(), 1, spinning=True)
    x, _ = structure.problem.init()
    inputs = feeds(structure, x, structure.problem)

    def time_steps(steps: int) -> float:
        inputs["x"] = x.numpy()
        began = time.perf_counter()
        for _ in range(steps + 1):
            inputs["x"] = session.run(None, inputs)[0]
        return 1000 * (time.perf_counter() - began) / (steps + 1)

    return time_steps


def measure(name: str, rounds: int, steps: int) -> Row:
    """Time one model."""
    from lab import launch, new_page
    from playwright.sync_api import sync_playwright

    model = rw.load_model(name, fast=False)
    time_steps = python_step(model)
    folder = Path(tempfile.mkdtemp())
    rw.write_page(folder, model=model)
    with page_server(folder, isolated=False) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = new_page(launch(playwright))
        page.goto(address_of(server))
        loaded = page.evaluate(OPEN)
        assert loaded["device"] == "WebAssembly", loaded
        times: list[tuple[float, float]] = []
        for number in range(rounds + 1):
            request = {"task": TASK, "target": TARGET, "parameters": {"steps": steps}}
            end = page.evaluate(RUN, {"run": number + 1, "request": request})
            assert end["state"] == "done", end
            times.append((1000 * end["seconds"] / (steps + 1), time_steps(steps)))
        server.shutdown()
    pages, pythons = zip(*times[1:], strict=True)  # the first round compiles and fills caches
    ratio = statistics.median(row[0] / row[1] for row in times[1:])
    medians = statistics.median(pages), statistics.median(pythons)
    return Row(name, *medians, min(pages), min(pythons), ratio, loaded["milliseconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["tiny", "default"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(name, arguments.rounds, arguments.steps) for name in arguments.models]
    print(f"{arguments.rounds} rounds of {arguments.steps} steps, one thread, medians and fastest rounds:")
    for row in rows:
        in_page = f"page {row.page_ms:6.1f} ({row.best_page_ms:.1f}) ms a step"
        in_python = f"ONNX Runtime {row.python_ms:6.1f} ({row.best_python_ms:.1f}) ms"
        loaded = f"loaded in {row.loading_ms / 1000:.1f} s"
        print(f"  {row.model:10} {in_page}   {in_python}   ratio {row.ratio:.1f}   {loaded}")
    if arguments.out:
        versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__}
        settings = {"rounds": arguments.rounds, "steps": arguments.steps}
        content = {**settings, **versions, "rows": [asdict(row) for row in rows]}
        arguments.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
