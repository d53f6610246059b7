"""The model worker compiles what the tasks need before the first run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.compiler.engine import ONNXRUNTIME, SWITCH
from robust_widgets.interface.session import RunEnded
from robust_widgets.interface.tasks import task_names, task_spec
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.session.local import LocalSession
from robust_widgets.session.worker import WARM_UP_TASKS, ModelWorker
from robust_widgets.solvers.backends import CpuGraph
from robust_widgets.solvers.step_graph import StepGraphCache
from tests.helpers import smooth_model
from tests.tasks.calls import request

pytest.importorskip("onnxruntime")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> RobustClassifier:
    monkeypatch.delenv(SWITCH, raising=False)
    model = smooth_model(16)
    model.compile()
    assert model.engine is not None
    model.engine.selected = dict.fromkeys(BATCH_SIZES, ONNXRUNTIME)
    return model


def count(model: RobustClassifier) -> int:
    assert isinstance(model.step_graphs, StepGraphCache) and model.step_graphs.backend is CpuGraph
    return model.step_graphs.count


def test_no_task_compiles_a_step_after_the_warm_up(model: RobustClassifier) -> None:
    worker = ModelWorker(model)
    list(worker.warm_up())
    assert count(model) == len(WARM_UP_TASKS)
    # A dream's step depends on the layer, which is not known before.
    for number, task in enumerate(task for task in task_names() if task_spec(task).target != "layer"):
        events: list[object] = []
        assert worker.run(number, request(task, {"steps": 2}), events.append, lambda: False) == RunEnded(number, "done")
        assert len(events) == 4
    assert count(model) == len(WARM_UP_TASKS)


def test_without_compiled_steps_the_warm_up_makes_no_step() -> None:
    model = smooth_model(16)
    forwards: list[object] = []
    model.network.register_forward_hook(lambda *_: forwards.append(1))
    list(ModelWorker(model).warm_up())
    assert not forwards and model.step_graphs is None


@pytest.mark.parametrize(("value", "expected"), [("", "10000"), ("500", "500"), ("passive", "None")])
def test_openmp_threads_spin_briefly(value: str, expected: str) -> None:
    variable = "OMP_WAIT_POLICY" if value == "passive" else "GOMP_SPINCOUNT"
    code = (
        "import os; [os.environ.pop(name, 0) for name in ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT')]; "
        f"os.environ.update({{'{variable}': '{value}'}} if '{value}' else {{}}); "
        "import robust_widgets; print(os.environ.get('GOMP_SPINCOUNT'))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == expected


def test_a_session_warms_up_before_it_measures(model: RobustClassifier) -> None:
    session = LocalSession(model)
    try:
        measured = threading.Event()
        session.measure(lambda _: measured.set())
        assert measured.wait(60)
        assert count(model) == len(WARM_UP_TASKS)
    finally:
        session.close()


def test_a_run_interrupts_the_warm_up(model: RobustClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, release, order = threading.Event(), threading.Event(), list[str]()

    def parts(_: ModelWorker) -> Iterator[None]:
        reached.set()
        release.wait(60)
        yield
        order.append("warm-up")

    monkeypatch.setattr(ModelWorker, "warm_up", parts)
    session = LocalSession(model)
    try:
        assert reached.wait(60)
        ended = threading.Event()

        def listen(event: object) -> None:
            if isinstance(event, RunEnded):
                order.append("run")
                ended.set()

        session.submit(request("generate", {"steps": 1}), listen)
        release.set()
        assert ended.wait(60)
    finally:
        session.close()
    assert order[0] == "run"


@pytest.mark.parametrize("moment", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("run", [False, True])
def test_a_process_may_exit_at_any_moment(moment: float, run: bool) -> None:
    code = f"""
import time, torch
from robust_widgets.session.local import LocalSession
from robust_widgets.models.registry import load_model
from robust_widgets.interface.session import RunRequest
session = LocalSession(load_model("tiny"))
if {run}:
    session.submit(RunRequest("generate", "goldfish", {{"steps": 2000}}), lambda event: None)
time.sleep({moment})
"""
    environment = {**os.environ, SWITCH: "1"}
    completed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert (completed.returncode, completed.stderr) == (0, "")
