"""The baseline does a complete forward and backward pass, and changes nothing."""

from __future__ import annotations

import pytest
import torch

from robust_widgets.benchmark.workload import TASKS, bare_pass, last_picture, last_recorded, make_workload
from robust_widgets.compiler.autotune import BATCH_SIZES
from robust_widgets.compiler.engine import ONNXRUNTIME, SWITCH
from robust_widgets.solvers.backends import CpuGraph
from tests.helpers import smooth_model

pytest.importorskip("onnxruntime")


@pytest.mark.parametrize("task", TASKS)
def test_it_returns_the_loss_and_its_gradient(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    fast, plain = smooth_model(), smooth_model()
    fast.compile()
    assert fast.engine is not None
    fast.engine.selected = dict.fromkeys(BATCH_SIZES, ONNXRUNTIME)
    workload = make_workload(task, fast, plain, 2, 3)
    x = workload.start.clone().requires_grad_()
    loss = workload.network_loss(plain, x)
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    for model in (fast, plain):
        once = bare_pass(model, workload.start, workload.network_loss, [workload.target, workload.units])
        recorded = isinstance(graph := getattr(once, "__self__", None), CpuGraph)
        assert recorded == (model is fast)
        found = once()
        if isinstance(graph, CpuGraph):
            found = [torch.from_numpy(one) for one in graph.fetch()()]
        assert isinstance(found, list)
        torch.testing.assert_close(found[0], loss.detach(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found[1], gradient, rtol=1e-3, atol=1e-6)


def test_the_last_recorded_picture_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    fast, plain = smooth_model(), smooth_model()
    fast.compile()
    assert fast.engine is not None
    fast.engine.selected = dict.fromkeys(BATCH_SIZES, ONNXRUNTIME)
    workload = make_workload(TASKS[0], fast, plain, 1, 6)
    found = last_recorded(workload, fast)
    assert found is not None
    torch.testing.assert_close(found, last_picture(workload, plain), rtol=0, atol=1e-5)
    assert last_recorded(workload, plain) is None
