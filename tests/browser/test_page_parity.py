"""A page's engine in Chromium makes the same runs as Python, ends each of them once, and asks no other host.

`ROBUST_WIDGETS_PAGE_MODELS=tiny,default` tries other models than `"tiny"`.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from lab import new_page
from playwright.sync_api import Browser, Page

import robust_widgets as rw
from robust_widgets.page.serve import address_of, page_server
from robust_widgets.runs.trace import Trace

pytest.importorskip("onnxruntime", reason="the extra fast")
pytestmark = pytest.mark.browser

MODELS = os.environ.get("ROBUST_WIDGETS_PAGE_MODELS", "tiny").split(",")
STEPS = 60
HEIGHT, WIDTH = 96, 80

# Opens the engine's worker as the page does, and collects what it says.
OPEN = """
async () => {
  const [manifest, pictures] = await Promise.all(['manifest.json', 'pictures.json'].map(async (name) => {
    return (await fetch(name)).json();
  }));
  Object.assign(manifest.model, pictures);
  window.events = [];
  window.engine = new Worker('engine.js', { type: 'module' });
  engine.onmessage = ({ data }) => events.push(data);
  engine.onerror = ({ message }) => events.push({ kind: 'error', message });
  engine.postMessage({ kind: 'open', manifest, base: document.baseURI });
  while (!events.length) await new Promise((resolve) => setTimeout(resolve, 10));
  return events[0];
}
"""
RUN = """
async ({ run, request, stopAfter }) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (request.picture) request.picture.pixels = bytes(request.picture.pixels);
  if (request.mask) request.mask.levels = bytes(request.mask.levels);
  if (request.start) request.start.pixels = bytes(request.start.pixels);
  engine.postMessage({ kind: 'run', run, request });
  const own = () => events.filter((event) => event.run === run);
  const wait = () => new Promise((resolve) => setTimeout(resolve, 5));
  if (stopAfter !== null) {
    while (own().filter(({ kind }) => kind === 'frame').length < stopAfter) await wait();
    engine.postMessage({ kind: 'cancel' });
  }
  while (!own().some(({ kind }) => kind === 'ended')) await wait();
  const text = (values) => btoa(Array.from(values, (value) => String.fromCharCode(value)).join(""));
  return own().map((event) => event.kind !== 'frame' ? event : {
    ...event,
    frame: {
      ...event.frame,
      pixels: text(event.frame.pictures.pixels),
      gradient: event.frame.gradient && text(event.frame.gradient),
      probabilities: [...event.frame.probabilities],
    },
  });
}
"""


@pytest.fixture(scope="module", params=MODELS)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A page on this machine: its model and its address."""
    folder = tmp_path_factory.mktemp("page")
    rw.write_page(folder, model=rw.load_model(request.param, fast=False))
    with page_server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield request.param, address_of(server)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def page(exported: tuple[str, str], browser: Browser) -> Iterator[Page]:
    shown = new_page(browser)
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(exported[1] + "licences.txt")  # beside the engine, without the studio, which would compute, too
    loaded = shown.evaluate(OPEN)
    assert loaded["kind"] == "loaded" and loaded["loaded"]["message"] == ""
    assert loaded["device"].startswith("WebAssembly")
    yield shown
    shown.close()
    elsewhere = [url for url in asked if not url.startswith((exported[1], "data:", "blob:"))]
    assert asked and not elsewhere


class Runs:
    """Runs of one page, numbered."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, page: Page, stop_after: int | None = None, **request: Any) -> list[dict[str, Any]]:
        self.count += 1
        return page.evaluate(RUN, {"run": self.count, "request": request, "stopAfter": stop_after})


run = Runs()


def painting() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """A blob on a ground under a sky, with some grain, and a mask of a part of it."""
    picture = np.full((HEIGHT, WIDTH, 3), 200, np.int64)
    picture[30:70, 20:60] = (230, 120, 30)
    picture[:20] = (90, 140, 230)
    picture += np.random.default_rng(3).integers(-8, 8, picture.shape)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[35:65, 25:60] = 255
    return picture.clip(0, 255).astype(np.uint8), mask


def coded(values: npt.NDArray[np.uint8]) -> str:
    return base64.b64encode(values.tobytes()).decode()


def message(values: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Pictures or a mask as the engine takes them."""
    if values.ndim == 2:
        return {"width": values.shape[1], "height": values.shape[0], "levels": coded(values)}
    whole = values if values.ndim == 4 else values[None]
    count, height, width, _ = whole.shape
    return {"count": count, "width": width, "height": height, "pixels": coded(whole)}


def frames(events: list[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    assert [event["kind"] for event in events[:1]] == ["started"] and events[-1]["kind"] == "ended"
    assert events[-1]["state"] == "done", events[-1]
    made = [event["frame"] for event in events[1:-1]]
    for frame in made:
        pixels = np.frombuffer(base64.b64decode(frame["pixels"]), np.uint8)
        frame["pixels"] = pixels.reshape(-1, size, size, 3)
    return made


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("sketch_to_image", "goldfish", {}),
    ("sketch_to_image", "lion", {"constraint": "none", "seed": None, "ground": 1}),
    ("generate", "frog", {"seed": 3, "n": 2}),
    ("generate", "bird", {"constraint": "linf", "epsilon": 20}),
    ("translate", "bear", {"steps": STEPS}),
    ("super_resolve", "dog", {"factor": 3}),
    ("super_resolve", "dog", {"enlargement": "nearest"}),
    ("inpaint", "bird", {}),
    ("inpaint", "bird", {"penalty": "paper", "fill": "mean"}),
    ("paint_features", "3", {"seed": 5}),
    ("paint_features", "7", {"penalty": 3.0, "strength": 1.5}),
    ("sketch_to_image", "lion", {"size": 128, "steps": 20}),
    ("generate", "frog", {"size": 256, "steps": 10, "constraint": "none"}),
    ("super_resolve", "dog", {"size": 128, "steps": 8, "constraint": "linf"}),
    ("inpaint", "bird", {"size": 128, "steps": 10}),
    ("paint_features", "7", {"size": 128, "steps": 8, "penalty": 3.0}),
]


@pytest.mark.parametrize(("task", "target", "parameters"), CASES)
def test_a_run_in_the_browser_is_that_of_python(
    task: str, target: str, parameters: dict[str, Any], page: Page, exported: tuple[str, str]
) -> None:
    model = rw.load_model(exported[0], fast=False)
    picture, mask = painting()
    inputs = {"picture": picture, "mask": mask}
    taken = {name: inputs[name] for name in ("picture", "mask") if name in _arguments(task)}
    events = run(
        page, task=task, target=target, parameters=parameters, **{name: message(value) for name, value in taken.items()}
    )
    made = frames(events, parameters.get("size") or model.input_size)
    expected: Trace = getattr(rw, task)(*taken.values(), target, model=model, **parameters)
    description = events[0]["description"]
    assert len(made) == len(expected) == events[0]["steps"] + 1
    assert description["parameters"] == expected.parameters and description["seed"] == expected.seed
    assert description["fingerprint"] == expected.fingerprint
    assert description["radius"] == pytest.approx(expected.radius)

    start = np.abs(made[0]["pixels"].astype(int) - expected[0].pixels)
    assert start.max() <= 1 and (start > 0).mean() < 1e-3  # rounded from values that agree within 1e-6
    last, wanted = made[-1], expected[-1]
    difference = np.abs(last["pixels"].astype(int) - wanted.pixels)
    assert np.median(difference) <= 2 and difference.max() <= 8
    np.testing.assert_allclose(last["distance"], wanted.distance, rtol=1e-2)
    np.testing.assert_allclose(last["loss"], wanted.loss, rtol=0.05, atol=0.02)
    probabilities = np.reshape(last["probabilities"], (len(wanted.pixels), -1))
    assert wanted.probabilities is not None
    assert np.abs(probabilities - wanted.probabilities).max() <= 0.01
    assert (probabilities.argmax(1) == wanted.probabilities.argmax(1)).all()
    if task != "paint_features":
        np.testing.assert_allclose(last["probability"], wanted.probability, atol=0.01)
    heat = np.frombuffer(base64.b64decode(made[0]["gradient"]), np.uint8)
    assert expected[0].gradient is not None and last["gradient"] is None
    assert np.median(np.abs(heat.astype(int) - expected[0].gradient.ravel())) <= 2


def _arguments(task: str) -> tuple[str, ...]:
    from robust_widgets.interface.tasks import task_spec

    return task_spec(task).inputs


def test_a_run_goes_on_from_a_frame_as_in_python(page: Page, exported: tuple[str, str]) -> None:
    from robust_widgets.interface.session import RunRequest
    from robust_widgets.tasks.running.run import build_problem

    model = rw.load_model(exported[0], fast=False)
    first = frames(run(page, task="generate", target="lion", parameters={"n": 2, "steps": 5}), model.input_size)
    start = np.ascontiguousarray(first[-1]["pixels"])
    parameters = {"steps": 5, "seed": None}
    picture, _ = painting()
    events = run(
        page,
        task="sketch_to_image",
        target="bear",
        parameters=parameters,
        picture=message(picture),
        start=message(start),
    )
    expected = rw.run(build_problem(model, RunRequest("sketch_to_image", "bear", parameters, picture, start=start)))
    made = frames(events, model.input_size)
    assert made[-1]["pixels"].shape == start.shape
    assert np.abs(made[-1]["pixels"].astype(int) - expected[-1].pixels).max() <= 8
    assert (made[0]["pixels"] == start).all()


def test_a_run_stops_within_a_step_and_ends_once(page: Page) -> None:
    picture, _ = painting()
    events = run(
        page, 3, task="sketch_to_image", target="lion", parameters={"steps": 100_000}, picture=message(picture)
    )
    assert [event["kind"] for event in events].count("ended") == 1
    assert events[-1]["state"] == "stopped" and 3 <= len(events) - 2 < 100_000


def test_the_newest_request_wins(page: Page) -> None:
    picture, _ = painting()
    ends = page.evaluate(
        """async ({ first, request }) => {
          request.picture.pixels = Uint8Array.from(atob(request.picture.pixels), (letter) => letter.charCodeAt(0));
          const runs = [first, first + 1, first + 2];
          for (const run of runs) {
            const parameters = { steps: run === first + 2 ? 3 : 100000 };
            engine.postMessage({ kind: 'run', run, request: { ...request, parameters } });
          }
          const ended = () => events.filter(({ kind, run }) => kind === 'ended' && runs.includes(run));
          while (ended().length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
          await new Promise((resolve) => setTimeout(resolve, 100));
          return ended().map(({ run, state }) => [run - first, state]);
        }""",
        {
            "first": 1000,
            "request": {"task": "sketch_to_image", "target": "lion", "picture": message(picture)},
        },
    )
    assert ends == [[0, "stopped"], [1, "stopped"], [2, "done"]]


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"task": "sketch_to_image", "target": "lion", "parameters": {}}, "There is no picture"),
        ({"task": "generate", "target": "unicorn", "parameters": {}}, "There is no class 'unicorn'"),
        ({"task": "generate", "target": "lion", "parameters": {"epsilon": -1}}, "epsilon is -1; give a finite number"),
        ({"task": "generate", "target": "lion", "parameters": {"size": 100}}, "size is 100; give 64, 128, 256 or None"),
        ({"task": "stylise", "target": "lion", "parameters": {}}, "no task 'stylise'"),
    ],
)
def test_a_request_that_cannot_be_run_fails_with_a_sentence(
    request_: dict[str, Any], sentence: str, page: Page
) -> None:
    (event,) = run(page, **request_)
    assert event["kind"] == "ended" and event["state"] == "failed"
    assert sentence in event["message"] and event["code"]


def test_the_weights_fit_their_budget(exported: tuple[str, str], tmp_path: Path) -> None:
    import urllib.request

    with urllib.request.urlopen(exported[1] + "manifest.json") as response:
        manifest = json.load(response)
    with urllib.request.urlopen(exported[1] + manifest["weights"]["file"]) as response:
        size = len(response.read())
    assert size <= {"tiny": 2.5e6, "default": 7e6}.get(exported[0], 1e9)
