"""Comparison with other packages."""

from __future__ import annotations

import importlib
import importlib.util
import sys

import pytest
import torch
from torch import nn

from robust_widgets._timing import interleaved
from robust_widgets.benchmark import compare as module
from robust_widgets.benchmark import competitors as competitors
from robust_widgets.benchmark.compare import QUICK, WHOLE, WHOLE_LARGE, Case, cases_for, compare, report_missing
from robust_widgets.benchmark.competitors import (
    FOOLBOX,
    LOOPS,
    OURS,
    PLAIN,
    ROBUSTNESS,
    TORCHATTACKS,
    loops_for,
    missing,
)
from robust_widgets.benchmark.peak_memory import peak_growth, peak_megabytes
from robust_widgets.benchmark.roofline import ARITHMETIC, BANDWIDTH, bounds, operations, weight_bytes
from robust_widgets.benchmark.workload import (
    CROSS_ENTROPY,
    FEATURES,
    INPAINTING,
    RESNET50,
    TASKS,
    Workload,
    benchmark_models,
    last_picture,
)
from robust_widgets.models.classifier import RobustClassifier
from tests.helpers import CLASSES, card, smooth_model

COMPETITORS = (PLAIN, TORCHATTACKS, FOOLBOX, ROBUSTNESS)
NEEDED_BY = {ROBUSTNESS: ("dill",)}


def make(task: str) -> Workload:
    model = smooth_model()
    generator = torch.Generator().manual_seed(0)
    start = torch.rand(2, 3, 12, 12, generator=generator)
    return Workload(task, model, model, start, torch.tensor([1, 2]), epsilon=0.8, step_size=0.2, steps=6)


@pytest.mark.parametrize(
    ("task", "name"), [(task, name) for task in TASKS for name in loops_for(task) if name in COMPETITORS]
)
def test_every_loop_makes_the_same_picture(task: str, name: str) -> None:
    if name != PLAIN:
        if any(importlib.util.find_spec(package) is None for package in (name, *NEEDED_BY.get(name, ()))):
            pytest.skip(f"{name} is not installed")
        assert missing(name) is None, "what is installed takes part"
    workload = make(task)
    found = LOOPS[name](workload)
    assert found is not None
    torch.testing.assert_close(found, last_picture(workload, workload.plain), rtol=0, atol=1e-4)
    assert (found - workload.start).abs().max() > 0.01
    assert not any(module.training for module in workload.plain.modules()), "the next loop finds the model as it was"


@pytest.mark.parametrize(("task", "name"), [(CROSS_ENTROPY, TORCHATTACKS), *((task, ROBUSTNESS) for task in TASKS)])
def test_the_packages_accept_gradients_of_any_layout(task: str, name: str) -> None:
    if missing(name):
        pytest.skip(f"{name} is not installed")
    workload = make(task)
    workload.plain.network.register_forward_pre_hook(lambda _, given: given[0].to(memory_format=torch.channels_last))
    x = workload.start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(workload.loss(workload.plain, x).sum(), x)
    assert task != CROSS_ENTROPY or not gradient.is_contiguous(), "as of torchvision's networks on a CPU"
    found = LOOPS[name](workload)
    assert found is not None
    torch.testing.assert_close(found, last_picture(workload, workload.plain), rtol=0, atol=1e-4)


def test_the_tasks_differ_and_keep_what_is_outside_the_mask() -> None:
    moved = {task: last_picture(workload := make(task), workload.plain) - workload.start for task in TASKS}
    inside = make(CROSS_ENTROPY).mask
    assert inside.sum() == 36 and inside[0, 0, 3, 3] and not inside[0, 0, 2, 3]
    outside = {task: float(((one * ~inside) ** 2).mean()) for task, one in moved.items()}
    assert outside[INPAINTING] < outside[CROSS_ENTROPY]
    assert not torch.allclose(moved[FEATURES], moved[INPAINTING], atol=1e-2)


def test_importing_robustness_removes_its_stand_ins() -> None:
    if importlib.util.find_spec("robustness") is None:
        pytest.skip("robustness is not installed")
    assert missing(ROBUSTNESS) is None
    for name in ("cox", "cox.store", "torchvision.models.utils"):
        assert type(sys.modules.get(name)).__name__ != "MagicMock"


def test_a_missing_package_is_skipped_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(competitors.NEEDED, FOOLBOX, lambda: importlib.import_module("no_such_package"))
    messages: list[str] = []
    report_missing(messages.append)
    assert [line for line in messages if line.startswith("foolbox:") and "no_such_package" in line]
    rows, parity = compare(smooth_model(), smooth_model(), Case(CROSS_ENTROPY, 2, steps=2, rounds=1))
    assert FOOLBOX not in [row.engine for row in rows] and parity is None


def test_a_package_that_fails_on_a_network_is_skipped_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Workload) -> None:
        raise RuntimeError("view size is not compatible")

    monkeypatch.setitem(LOOPS, FOOLBOX, fails)
    messages: list[str] = []
    case = Case(CROSS_ENTROPY, 2, steps=1, rounds=1)
    rows, _ = compare(smooth_model(), smooth_model(), case, log=messages.append)
    if missing(FOOLBOX) is None:
        assert messages == ["foolbox: RuntimeError: view size is not compatible"]
    assert FOOLBOX not in [row.engine for row in rows]
    monkeypatch.setitem(LOOPS, OURS, fails)
    with pytest.raises(RuntimeError, match="view size"):
        compare(smooth_model(), smooth_model(), case)


def test_a_model_that_computes_something_else_is_detected() -> None:
    case = Case(CROSS_ENTROPY, 1, steps=1, rounds=1)
    (_, same), (_, other) = (
        compare(smooth_model(), smooth_model(), case),
        compare(smooth_model(seed=1), smooth_model(), case),
    )
    assert same is not None and same.largest == 0 and same.same_class and same.probability == 0
    assert other is not None and other.largest > 0.01 and other.probability > 0.02


def test_memory_is_measured_if_the_model_can_be_loaded_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(module, "peak_megabytes", lambda *about: asked.append(about) or 7.5)
    for task in (CROSS_ENTROPY, INPAINTING):
        rows, _ = compare(smooth_model(), smooth_model(), Case(task, 2, steps=1, rounds=1), "tiny")
        for row in rows:
            measured = task == CROSS_ENTROPY and row.engine in LOOPS
            assert row.peak_mb == (7.5 if measured else None)
    assert ("tiny", CROSS_ENTROPY, 2, PLAIN, "cpu") in asked


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports it")
def test_memory_is_the_growth_of_a_loop() -> None:
    large = peak_megabytes("tiny", CROSS_ENTROPY, 64, PLAIN, "cpu")
    assert large is not None and large > 64, "64 pictures of 64 pixels keep more than 1 MB each"
    small = peak_growth("tiny", CROSS_ENTROPY, 1, PLAIN, "cpu")
    assert small is not None and small < large * 2**20


def test_operations_are_counted() -> None:
    network = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))
    model = RobustClassifier(network, card(12, "hand-made"))
    workload = Workload(CROSS_ENTROPY, model, model, torch.rand(2, 3, 12, 12), torch.tensor([0, 1]), 1.0, 0.1, 1)
    convolution, linear = 2 * 2 * 12 * 12 * 5 * 27, 2 * 2 * 5 * 3
    assert operations(workload) == 2 * (convolution + linear), "as many backward to the picture as forward"
    assert weight_bytes(model) == 4 * (5 * 27 + 5 + 15 + 3)
    found = bounds(workload)
    assert set(found) == {ARITHMETIC, BANDWIDTH} and all(0 < value < 100 for value in found.values())


def test_the_cases_depend_on_the_model() -> None:
    model = smooth_model()
    assert cases_for(model, quick=True) == QUICK and {one.batch for one in QUICK} == {1}
    assert cases_for(model, quick=False) == WHOLE and {one.batch for one in WHOLE} == {1, 8, 32}
    assert cases_for(smooth_model(side=224), quick=False) == WHOLE_LARGE
    bare = RobustClassifier(nn.Sequential(nn.Conv2d(3, len(CLASSES), 12), nn.Flatten()), card(12, "hand-made"))
    assert [one.task for one in cases_for(bare, quick=True)] == [CROSS_ENTROPY, INPAINTING]


def test_a_resnet50_is_made_without_a_download() -> None:
    fast, plain = benchmark_models(RESNET50, "cpu")
    assert fast.fingerprint == plain.fingerprint and fast.engine is not None and plain.engine is None
    assert fast.input_size == 224 and len(fast.classes) == 1000
    logits = plain(torch.rand(1, 3, 224, 224))
    assert logits.isfinite().all() and 0.01 < logits.std() < 100


def test_functions_are_interleaved() -> None:
    calls: list[str] = []
    functions = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = interleaved(functions, 2, lambda: calls.append("wait"))
    assert calls == ["a", "wait", "b", "wait"] * 3
    assert {name: len(taken) for name, taken in times.items()} == {"a": 2, "b": 2}
    assert all(taken >= 0 for rounds in times.values() for taken in rounds)
