"""The recorded steps of a page are those of the step loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robust_widgets.errors import WeightsError
from robust_widgets.interface.tasks import task_specs
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.synthesis.loop import step
from robust_widgets.synthesis.objectives import Objective
from tests.helpers import CLASSES, card, relu_model

pytest.importorskip("onnxruntime", reason="the extra fast")

from robust_widgets.compiler.backends.onnxruntime import create_session
from robust_widgets.page.structures import RecordedTasks, Shifted, combinations, feeds, record_tasks


def on_a_page() -> list[str]:
    """The tasks of a page: those whose target is no layer."""
    return [name for name, spec in task_specs().items() if spec.target != "layer"]


@pytest.fixture(scope="module")
def recorded() -> RecordedTasks:
    return record_tasks(relu_model())


def test_each_combination_of_choices_has_a_structure(recorded: RecordedTasks) -> None:
    assert list(recorded.uses) == on_a_page() and set(recorded.missing) == set(task_specs()) - set(on_a_page())
    for name, uses in recorded.uses.items():
        spec = task_specs()[name]
        sizes = [None, *recorded.sizes[1:]]
        assert [choices for choices, _ in uses] == [choices for size in sizes for choices in combinations(spec, size)]
        assert {structure for _, structure in uses} <= set(recorded.structures)
    in_ball = {(choices["constraint"], choices["size"]): structure for choices, structure in recorded.uses["generate"]}
    assert len(set(in_ball.values())) == len(in_ball) == 3 * len(recorded.sizes)


def test_tasks_of_one_structure_share_it(recorded: RecordedTasks) -> None:
    assert len(recorded.structures) < sum(len(uses) for uses in recorded.uses.values())
    assert recorded.uses["generate"][0][1] == recorded.uses["translate"][0][1]


def test_a_recorded_step_is_that_of_the_loop(recorded: RecordedTasks) -> None:
    generator = torch.Generator().manual_seed(1)
    for name, structure in recorded.structures.items():
        problem = structure.problem
        x, state = problem.init()
        noise = 0.05 * torch.randn(x.shape, generator=generator)
        moved = (x + noise).clamp(0, 1)
        moved = moved if problem.region is None else torch.where(problem.region, moved, x)
        expected, info, _ = step(problem, moved, state)
        session = create_session(structure.model.SerializeToString(), 1)
        outputs = session.run(["x_next", "numbers", "bytes", "gradient"], feeds(structure, moved, problem))
        length = float((expected - moved).norm())
        assert float((torch.from_numpy(outputs[0]) - expected).norm()) < 1e-3 * length, name
        assert outputs[1].shape == (3 + len(CLASSES), 1)
        np.testing.assert_allclose(outputs[1][:3, 0], [*info.loss, *info.probability, *info.distance], rtol=1e-3)
        assert outputs[2].dtype == outputs[3].dtype == np.uint8 and outputs[3].max() == 255


def test_the_browser_knows_each_input(recorded: RecordedTasks) -> None:
    """Inputs are named by the attributes of Python's objects; `frontend/page/src/engine/problems.ts` fills them in."""
    names = {entry.name for structure in recorded.structures.values() for entry in structure.inputs}
    known = {
        "x",
        "start",
        "region",
        "epsilon",
        "step_size",
        "target",
        "channels",
        "picture",
        "_weight",
        "rows",
        "columns",
    }
    weights = {"stepper.weight", "objective.second.weight"}
    assert {name.split(".")[-1] for name in names - weights} == known and weights <= names


def test_larger_pictures_are_twice_and_four_times_the_models(recorded: RecordedTasks) -> None:
    size = recorded.sizes[0]
    assert recorded.sizes == (size, 2 * size, 4 * size)
    for structure in recorded.structures.values():
        (x,) = (entry for entry in structure.inputs if entry.name == "x")
        is_large = x.shape[-1] > size
        assert is_large == any(entry.name.split(".")[-1] == "rows" for entry in structure.inputs)


def test_a_shift_is_that_of_a_jittered_loss() -> None:
    picture = torch.rand(2, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    rows, columns = (torch.eye(side).roll(shift, 1) for side, shift in ((9, 2), (11, -3)))
    seen = Shifted(Sees(), rows, columns)
    assert torch.equal(seen(relu_model(), picture), picture.roll((-2, 3), (2, 3)))


class Sees(Objective):
    """Gives back what it sees."""

    def __call__(self, model: object, x: Tensor) -> Tensor:
        return x


class OfOneSize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 12 * 12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(1))


def test_a_network_of_one_size_has_no_larger_pictures() -> None:
    assert record_tasks(classifier(OfOneSize())).sizes == (12,)


class WithoutFeatures(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x).mean((2, 3))


class Unrecordable(WithoutFeatures):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.rfft2(self.convolution(x)).abs().mean((2, 3))


def classifier(network: nn.Module) -> RobustClassifier:
    return RobustClassifier(network, card(12, "own"))


def test_what_a_model_cannot_do_is_missing_and_says_why() -> None:
    recorded = record_tasks(classifier(WithoutFeatures()))
    assert set(recorded.missing) & set(on_a_page()) == {"generate", "paint_features"}
    assert "seed statistics" in recorded.missing["generate"]
    assert "penultimate layer" in recorded.missing["paint_features"]


def test_a_model_that_cannot_be_recorded_says_why() -> None:
    with pytest.raises(WeightsError, match="cannot be recorded for a page"):
        record_tasks(classifier(Unrecordable()))
