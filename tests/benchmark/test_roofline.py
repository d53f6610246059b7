"""The bound set by convolutions, and the comparison of recorded steps."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from robust_widgets.benchmark.compare import Case, compare
from robust_widgets.benchmark.roofline import convolutions, operations
from robust_widgets.benchmark.workload import CROSS_ENTROPY, Workload, last_picture, last_shown
from robust_widgets.solvers import backends as cuda_graph
from robust_widgets.solvers.step_graph import StepGraphCache
from tests.helpers import CLASSES, pictures, smooth_model
from tests.solvers.fake_cuda import FakeCuda


def test_every_convolution_runs_forward_and_backward_once() -> None:
    model = smooth_model()
    workload = Workload(
        CROSS_ENTROPY, model, model, pictures(2), torch.tensor([1, 2]), epsilon=0.8, step_size=0.2, steps=1
    )
    head = 2 * (2 * 2 * 12 * len(CLASSES))
    run_all = convolutions(model, workload.start)
    with FlopCounterMode(display=False) as counter:
        run_all()
    assert counter.get_total_flops() == operations(workload) - head


def test_recorded_steps_are_compared_by_their_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCuda()
    monkeypatch.setattr(cuda_graph, "cuda", fake)
    model = smooth_model()
    model.step_graphs, model.precision = StepGraphCache(), "float32"
    workload = Workload(
        CROSS_ENTROPY, model, model, pictures(2), torch.tensor([1, 2]), epsilon=0.8, step_size=0.2, steps=4
    )
    torch.testing.assert_close(last_shown(workload, model), last_picture(workload, model), rtol=0, atol=0.51 / 255)
    _, parity = compare(model, smooth_model(), Case(CROSS_ENTROPY, 1, steps=1, rounds=1))
    assert parity is not None and 1e-5 < parity.largest <= 0.51 / 255 and parity.same_class
    assert fake.replays > 20, "its pictures are those of the recorded steps"
