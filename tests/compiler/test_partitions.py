"""Convolutions that oneDNN compiles in runs: passes take them, what is kept stays, and they can be done without."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from robust_widgets.compiler import engine as engine_module
from robust_widgets.compiler.backends import onednn
from robust_widgets.compiler.compiled_module import TorchModule, answer
from robust_widgets.compiler.engine import ONEDNN, Engine
from robust_widgets.compiler.rewrites import partitions
from robust_widgets.compiler.rewrites.activations import with_whole_activations
from robust_widgets.compiler.tracing.decompositions import UnsupportedOpError
from robust_widgets.compiler.tracing.joint_graph import JointGraph, record
from tests.compiler.networks import both, classifier, in_runs, torchvisions

aten = torch.ops.aten
pytestmark = pytest.mark.skipif(not onednn.available() or not partitions.available(), reason="this torch compiles none")
CONVOLUTIONS, STRIDED_BACK, RECTIFIERS = 20, 6, 17  # of a ResNet-18; the second's ways back are transposed
PICTURE = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
KEY = (ONEDNN, "logits", (32, 32), True)
WRITTEN_OVER = aten.threshold_backward.grad_input


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return classifier(torchvisions("resnet18")(), 32)


@pytest.fixture(scope="module")
def recorded(network: nn.Module) -> JointGraph:
    return record(network, PICTURE)


def carried_out(function: Callable[[Tensor], Tensor], picture: Tensor) -> Counter[str]:
    """What torch says was done on both ways, all compiled partitions under one name."""
    both(function, picture)
    with profile(activities=[ProfilerActivity.CPU]) as done:
        both(function, picture)
    return Counter(
        re.sub(r"^(LlgaPartition)_\d+", r"\1", str(event.name)) for event in cast("list[Any]", done.events())
    )


def test_real_passes_take_the_compiled_runs(recorded: JointGraph) -> None:
    done = carried_out(partial(answer, TorchModule(in_runs(recorded, PICTURE))), PICTURE)
    assert done["LlgaPartition"] >= 2 * CONVOLUTIONS - STRIDED_BACK
    assert not any("conv" in name for name in done if name.startswith("aten::")), "none is left to torch"


def test_what_is_kept_stays_and_a_way_back_can_be_gone_twice(recorded: JointGraph) -> None:
    passes = TorchModule(in_runs(recorded, PICTURE))
    picture = PICTURE.clone()
    answers, kept = passes.forward(picture)
    gradient = torch.ones_like(answers)
    held = [picture, gradient, answers, *cast("list[Tensor]", kept)]
    before = [one.clone() for one in held]
    first = passes.backward(kept, gradient).clone()
    passes.forward(1 - picture)
    assert torch.equal(first, passes.backward(kept, gradient))
    assert all(map(torch.equal, before, held))


def test_rectifiers_ways_back_in_a_run_write_over_what_nobody_needs(recorded: JointGraph) -> None:
    whole = with_whole_activations(recorded)
    onednn.rewrite(whole, True, in_runs=True)
    back = Counter(node.target for node in whole.backward.graph.nodes)
    first_and_last = 2  # what a pool and an average give
    assert back[WRITTEN_OVER] == RECTIFIERS - first_and_last


class WrongAlone:
    """CompiledModule that are wrong where they are asked about one picture alone."""

    def __init__(self, right: TorchModule) -> None:
        self._right = right

    def forward(self, x: Tensor) -> tuple[Tensor, object]:
        answers, kept = self._right.forward(x)
        return answers + (len(x) == 1), kept

    def backward(self, kept: object, gradient: Tensor) -> Tensor:
        return self._right.backward(kept, gradient)


def test_what_is_for_one_picture_must_be_right_with_one(network: nn.Module, recorded: JointGraph) -> None:
    passes, pictures = TorchModule(with_whole_activations(recorded)), torch.cat([PICTURE, 1 - PICTURE])
    assert engine_module._agree(network, passes, pictures.clone(), one_picture=True)
    assert not engine_module._agree(network, WrongAlone(passes), pictures.clone(), one_picture=True)


def test_two_threads_may_go_the_same_way_at_once(recorded: JointGraph) -> None:
    function = partial(answer, TorchModule(in_runs(recorded, PICTURE)))
    pictures = [PICTURE, 1 - PICTURE]
    alone = [both(function, picture) for picture in pictures]

    def often(picture: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [both(function, picture) for _ in range(20)]

    with ThreadPoolExecutor(2) as threads:
        for expected, found in zip(alone, threads.map(often, pictures), strict=True):
            assert all(torch.equal(one, other) for each in found for one, other in zip(expected, each, strict=True))


@pytest.fixture
def switch() -> Iterator[None]:
    """TorchScript's own switch is as it was before, whatever happens."""
    before = torch.jit.onednn_fusion_enabled()
    yield
    assert torch.jit.onednn_fusion_enabled() == before


@pytest.mark.usefixtures("switch")
def test_an_engine_takes_them_for_one_picture_alone() -> None:
    model = classifier(torchvisions("resnet18")(), 32)
    model.engine = Engine()
    model.engine.fixed = ONEDNN
    assert carried_out(model, PICTURE)["LlgaPartition"]
    assert not carried_out(model, PICTURE.repeat(2, 1, 1, 1))["LlgaPartition"]


@pytest.mark.usefixtures("switch")
def test_where_a_run_is_not_compiled_convolutions_are_carried_out_one_by_one(
    network: nn.Module, recorded: JointGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_FUSED", "no such thing")
    with pytest.raises(UnsupportedOpError):
        in_runs(recorded, PICTURE)
    passes = engine_module._made(KEY, recorded, PICTURE)
    assert isinstance(passes, TorchModule)
    done = carried_out(partial(answer, passes), PICTURE)
    assert done["mkldnn::_convolution_pointwise"] and not done["LlgaPartition"]
    expected, slope = both(network, PICTURE)
    found, found_slope = both(partial(answer, passes), PICTURE)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert (found_slope - slope).norm() <= 1e-3 * slope.norm()


@pytest.mark.usefixtures("switch")
def test_a_torch_without_torchscript_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.jit, "trace")
    assert partitions.available.__wrapped__() is False
