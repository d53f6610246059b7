"""The code of a run repeats the run exactly."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import robust_widgets as rw
from robust_widgets.interface.session import RunEnded, RunEvent, RunRequest, RunStarted
from robust_widgets.models.model_file import save_model
from robust_widgets.models.networks.cifar import SmallResNet
from robust_widgets.models.registry import model_names
from robust_widgets.runs.record import LoadSpec
from robust_widgets.runs.trace import Trace
from robust_widgets.session.local import LocalSession
from tests.helpers import CLASSES, SmoothNet, raises_sentence, tiny_model
from tests.models.loading.checkpoints import save_checkpoint
from tests.models.loading.reference_networks import randomized

SIDE = 40
REQUESTS: dict[str, dict[str, Any]] = {
    "generate": {"parameters": {"n": 2, "seed": 3}},
    "sketch_to_image": {"parameters": {"seed": None}},
    "translate": {"parameters": {"constraint": "linf"}},
    "super_resolve": {"parameters": {"factor": 2}},
    "inpaint": {"parameters": {"penalty": 3.0}},
    "dream": {"target": "stage1", "parameters": {"channel": 2, "n": 2}},
    "paint_features": {"target": "5", "parameters": {"strength": 0.5}},
}


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def mask() -> np.ndarray:
    inside = np.zeros((SIDE, SIDE), np.uint8)
    inside[8:30, 5:20] = 255
    return inside


def recorded(model: rw.RobustClassifier, request: RunRequest) -> Trace:
    """The run of a session for a request."""
    events: list[RunEvent] = []
    session = LocalSession(model)
    session.submit(request, events.append)
    session._jobs.put(None)
    session._thread.join(60)
    assert isinstance(events[-1], RunEnded) and events[-1].state == "done", events[-1]
    started = next(event for event in events if isinstance(event, RunStarted))
    return started.trace


@pytest.mark.parametrize("branched", [False, True], ids=["from the canvas", "from a step"])
@pytest.mark.parametrize("task", REQUESTS)
def test_the_code_of_a_studios_run_repeats_it_exactly(tmp_path: Path, task: str, branched: bool) -> None:
    file = tmp_path / "model.safetensors"
    save_model(tiny_model(), file)
    given = REQUESTS[task]
    request = RunRequest(
        task,
        given.get("target", "cat"),
        {**given["parameters"], "steps": 3},
        picture=None if task == "generate" else picture(),
        mask=mask() if task in ("inpaint", "paint_features") else None,
        start=np.stack([picture()[:16, :16]] * given["parameters"].get("n", 1)) if branched else None,
    )
    trace = recorded(rw.load_model(file), request)
    text = rw.to_code(trace, str(file))
    scope: dict[str, Any] = {}
    exec(compile(text, "a cell", "exec"), scope)
    again = scope["trace"]
    np.testing.assert_array_equal(again.frames, trace.frames)
    assert again.parameters == trace.parameters and again.fingerprint == trace.fingerprint
    assert max(len(line) for line in text.replace(str(file), "").splitlines()) <= 120


def test_a_run_made_outside_a_studio_has_no_code_for_its_picture() -> None:
    trace = rw.translate(picture(), "cat", steps=1, model=tiny_model())
    with raises_sentence(rw.errors.TraceError, "picture"):
        rw.to_code(trace)
    assert "rw.generate(" in rw.to_code(rw.generate("cat", steps=1, model=tiny_model()))


def test_the_code_loads_an_external_file_with_its_original_arguments(tmp_path: Path) -> None:
    file = save_checkpoint(tmp_path, randomized(SmallResNet(3, (1, 1, 1, 1), False, 8)).state_dict())
    given: dict[str, Any] = {"mean": 0.5, "std": (0.2, 0.25, 0.3), "input_size": 16, "name": "mine"}
    model = rw.load_model(file, classes=("cat", "dog's", "fish"), **given, device="cpu")
    assert model.copy_to(torch.device("cpu")).loading == model.loading
    trace = recorded(model, RunRequest("translate", "dog's", {"steps": 2}, picture=picture()))
    for source in ("", str(file)):
        scope = ran(rw.to_code(trace, source))
        np.testing.assert_array_equal(scope["trace"].frames, trace.frames)
        assert scope["model"].card == model.card and scope["model"].fingerprint == model.fingerprint
    assert "classes='cifar10'" in rw.to_code(
        dataclasses.replace(trace, loading=LoadSpec("a.pt", {"classes": "cifar10"}))
    )


@pytest.mark.parametrize("saved_first", [False, True], ids=["made here", "read back"])
def test_the_code_asks_for_a_network_made_in_python(tmp_path: Path, saved_first: bool) -> None:
    network = SmoothNet().eval()
    model = rw.load_model(network, classes=CLASSES, mean=0.5, std=torch.tensor([0.2, 0.2, 0.3]), input_size=16)  # pyright: ignore
    trace = recorded(model, RunRequest("translate", "cat", {"steps": 2}, picture=picture()))
    if saved_first:
        trace.save(tmp_path / "run.rwtrace")
        trace = rw.load_trace(tmp_path / "run.rwtrace")
    text = rw.to_code(trace)
    assert "load_model('" not in text and "SmoothNet" in text and "create it here" in text
    scope = ran(text, model=model) if saved_first else ran(text, network=network)
    np.testing.assert_array_equal(scope["trace"].frames, trace.frames)


def test_the_code_names_a_bundled_model() -> None:
    for name in model_names():
        assert f"rw.load_model({name!r})" in rw.to_code(Trace("generate", {}, model=name))


def ran(text: str, **scope: Any) -> dict[str, Any]:
    """The namespace after running a cell of code."""
    exec(compile(text, "a cell", "exec"), scope)
    return scope


def test_a_run_of_no_task_has_no_code() -> None:
    with raises_sentence(rw.errors.TraceError, "not a task"):
        rw.to_code(Trace("problem", {}))


def test_the_code_of_a_run_saved_before_a_parameter_existed_keeps_what_was_done_then() -> None:
    pixels = picture()
    sketch = Trace("sketch_to_image", {"steps": 2}, target="cat", model="tiny")
    sketch.inputs["picture"] = pixels
    assert "ground=1.0" in rw.to_code(sketch)
    hole = Trace("inpaint", {"steps": 2, "fill": "harmonic"}, target="cat", model="tiny")
    hole.inputs.update(picture=pixels, mask=pixels[..., 0])
    assert "fill='harmonic'" in rw.to_code(hole)
    del hole.parameters["fill"]
    assert "fill='mean'" in rw.to_code(hole)
