"""What is made once for a model is made before its first run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from robust_widgets.backends.painter import Painter
from robust_widgets.captured.captures import Captures
from robust_widgets.captured.cpu_graph import CpuGraph
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.prepared.engine import ONNX, SWITCH
from robust_widgets.session import RunEnded
from robust_widgets.tasks import TASKS
from tests.helpers import smooth_model
from tests.tasks.calls import request

pytest.importorskip("onnxruntime")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> RobustClassifier:
    monkeypatch.delenv(SWITCH, raising=False)
    found = smooth_model(16)
    found.compile()
    assert found.engine is not None
    found.engine.fixed = ONNX
    return found


def count(model: RobustClassifier) -> int:
    assert isinstance(model.captures, Captures) and model.captures.make is CpuGraph
    return model.captures.count


def test_no_task_waits_for_a_recording_after_the_warm_up(model: RobustClassifier) -> None:
    painter = Painter(model)
    painter.warm_up()
    made = count(model)
    assert made == 3
    for number, task in enumerate(TASKS):
        events: list[object] = []
        assert painter.run(number, request(task, {"steps": 2}), events.append, lambda: False) == RunEnded(
            number, "done"
        )
        assert len(events) == 4
    assert count(model) == made


def test_a_run_that_waits_goes_first(model: RobustClassifier) -> None:
    answers = iter([True, False])
    Painter(model).warm_up(go_on=lambda: next(answers))
    assert count(model) == 1


def test_where_nothing_is_recorded_no_step_is_made() -> None:
    model = smooth_model(16)
    asked: list[object] = []
    model.network.register_forward_hook(lambda *_: asked.append(1))
    Painter(model).warm_up()
    assert not asked and model.captures is None


@pytest.mark.parametrize(("given", "expected"), [("", "10000"), ("500", "500"), ("passive", "None")])
def test_threads_do_not_wait_for_long(given: str, expected: str) -> None:
    how = "OMP_WAIT_POLICY" if given == "passive" else "GOMP_SPINCOUNT"
    code = (
        "import os; [os.environ.pop(name, 0) for name in ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT')]; "
        f"os.environ.update({{'{how}': '{given}'}} if '{given}' else {{}}); "
        "import robust_widgets; print(os.environ.get('GOMP_SPINCOUNT'))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == expected
