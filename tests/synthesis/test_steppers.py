"""Gradients become updates."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robust_widgets.errors import ParameterError
from robust_widgets.synthesis.steppers import GradientStep, L2Step, LinfStep, Momentum, Stepper, Weighted, as_stepper
from tests.helpers import raises_sentence

STEPPERS = [L2Step, LinfStep, GradientStep]


def gradients(seed: int = 0, n: int = 3) -> torch.Tensor:
    return torch.randn(n, 3, 5, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.floats(1e-3, 10), st.floats(-30, 6), st.integers(0, 99))
def test_l2_step_is_the_published_formula(size: float, power: float, seed: int) -> None:
    for update, gradient in zip(L2Step(size)(gradients(seed) * 10**power), gradients(seed) * 10**power, strict=True):
        length = math.sqrt(float((gradient.numpy() ** 2).sum()))
        np.testing.assert_allclose(update, -size * gradient.numpy() / (length + 1e-10), rtol=1e-9)


def test_l2_step_adds_1e_10_to_the_length() -> None:
    gradient = torch.zeros(1, 3, 2, 2)
    gradient[0, 0, 0, 0] = 1e-10
    assert L2Step(1.0)(gradient)[0, 0, 0, 0].item() == pytest.approx(-0.5, rel=1e-5)


def test_l2_steps_have_the_same_length_for_every_gradient() -> None:
    scales = torch.tensor([1e-6, 1.0, 1e6], dtype=torch.float64).view(3, 1, 1, 1)
    lengths = L2Step(0.3)(gradients() * scales).flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full((3,), 0.3, dtype=torch.float64), rtol=1e-3, atol=0)


def test_linf_step_moves_every_value_by_the_same_amount() -> None:
    gradient = gradients()
    gradient[0, 0, 0, 0] = 0
    np.testing.assert_allclose(LinfStep(0.2)(gradient), -0.2 * np.sign(gradient.numpy()))


def test_gradient_step_is_plain_descent() -> None:
    torch.testing.assert_close(GradientStep(0.2)(gradients()), -0.2 * gradients())


@pytest.mark.parametrize("kind", STEPPERS)
def test_steps_go_downhill(kind: type[L2Step]) -> None:
    slopes = (kind(0.1)(gradients()) * gradients()).flatten(1).sum(1)
    assert (slopes < 0).all()


@pytest.mark.parametrize("kind", STEPPERS)
def test_a_samples_update_does_not_depend_on_its_neighbours(kind: type[L2Step]) -> None:
    gradient = gradients() * torch.tensor([1.0, 50.0, 0.01]).view(3, 1, 1, 1)
    together = kind(0.1)(gradient)
    for i in range(3):
        torch.testing.assert_close(kind(0.1)(gradient[i : i + 1])[0], together[i])


@pytest.mark.parametrize("kind", STEPPERS)
def test_no_gradient_no_move(kind: type[L2Step]) -> None:
    assert torch.equal(kind(5.0)(torch.zeros(2, 3, 4, 4)).abs(), torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize("kind", STEPPERS)
@pytest.mark.parametrize("size", [0, -1.0, math.inf, math.nan, None, "1", True])
def test_an_impossible_step_size_is_refused(kind: type[L2Step], size: float) -> None:
    with raises_sentence(ParameterError, size):
        kind(size)


def by_hand(gradients: list[np.ndarray], decay: float) -> np.ndarray:
    """The running sum of Dong et al. (2018), equation 6, sample by sample."""
    total = np.zeros_like(gradients[0])
    for gradient in gradients:
        for i, own in enumerate(gradient):
            total[i] = decay * total[i] + own / np.abs(own).sum()
    return total


def updates(stepper: Stepper, *gradients: torch.Tensor) -> list[torch.Tensor]:
    """The updates of a run with these gradients."""
    state, found = stepper.init(gradients[0]), []
    for gradient in gradients:
        update, state = stepper.step(gradient, state)
        found.append(update)
    return found


@pytest.mark.parametrize("kind", STEPPERS)
def test_a_stateless_step_is_the_update_itself(kind: type[L2Step]) -> None:
    for seed, update in enumerate(updates(kind(0.3), *map(gradients, range(3)))):
        assert torch.equal(update, kind(0.3)(gradients(seed)))


@pytest.mark.parametrize("kind", STEPPERS)
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
def test_momentum_passes_on_the_running_sum_of_directions(kind: type[L2Step], decay: float) -> None:
    seen = [gradients(seed) * 10.0**seed for seed in range(4)]
    for count, update in enumerate(updates(Momentum(kind(0.3), decay), *seen)):
        total = by_hand([gradient.numpy() for gradient in seen[: count + 1]], decay)
        torch.testing.assert_close(update, kind(0.3)(torch.from_numpy(total)))


def test_without_decay_momentum_is_the_inner_stepper() -> None:
    for seed, update in enumerate(updates(Momentum(L2Step(0.3), 0.0), *map(gradients, range(3)))):
        torch.testing.assert_close(update, L2Step(0.3)(gradients(seed)))


def test_momentum_never_changes_so_each_run_starts_with_an_empty_sum() -> None:
    stepper = Momentum(Momentum(L2Step(0.3), 0.5), 0.9)
    first, second = updates(stepper, gradients(0), gradients(1))
    assert torch.equal(updates(stepper, gradients(0))[0], first)
    assert not torch.allclose(updates(stepper, gradients(1))[0], second)
    with pytest.raises(FrozenInstanceError):
        stepper.decay = 0.5  # type: ignore[misc]


def test_momentum_treats_samples_separately_and_rests_without_a_gradient() -> None:
    scale = torch.tensor([1.0, 50.0, 0.0]).view(3, 1, 1, 1)
    seen = [gradients(seed) * scale for seed in range(3)]
    together = updates(Momentum(L2Step(0.1)), *seen)
    alone = updates(Momentum(L2Step(0.1)), *(gradient[1:2] for gradient in seen))
    for update, single in zip(together, alone, strict=True):
        torch.testing.assert_close(single[0], update[1])
        assert torch.equal(update[2].abs(), torch.zeros(3, 5, 5, dtype=torch.float64))


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2, math.nan, math.inf, None, "0.9"])
def test_an_impossible_decay_is_refused(decay: float) -> None:
    with raises_sentence(ParameterError, decay):
        Momentum(L2Step(0.1), decay)


def test_the_representation_of_momentum() -> None:
    assert repr(Momentum(L2Step(0.5), 0.8)) == "Momentum(L2Step(step_size=0.5), 0.8)"


def test_a_function_of_the_gradient_is_still_a_stepper_with_a_warning() -> None:
    class Counting:
        def __init__(self) -> None:
            self.calls = 0

        def started(self) -> Counting:
            return Counting()

        def __call__(self, gradient: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return gradient / self.calls

    with pytest.warns(DeprecationWarning, match="Counting.*init"):
        stepper = as_stepper(Counting())
    for _ in range(2):
        first, second = updates(stepper, gradients(0), gradients(0))
        assert first.equal(gradients(0)) and second.equal(gradients(0) / 2)
    with pytest.warns(DeprecationWarning, match="function"):
        doubled = updates(Momentum(lambda gradient: -2 * gradient, 0.0), gradients(0))  # type: ignore[arg-type]
    torch.testing.assert_close(doubled, updates(Momentum(GradientStep(2.0), 0.0), gradients(0)))
    plain = L2Step(0.1)
    assert as_stepper(plain) is plain


def test_a_weight_scales_the_gradient_before_the_step() -> None:
    weight = torch.ones(1, 1, 4, 4)
    weight[..., :2] = 0.0
    gradient = gradients(0)[..., :4, :4]
    update, state = Weighted(L2Step(0.3), weight).step(gradient, ())
    assert state == ()
    assert (update[..., :2] == 0).all()
    assert update.flatten(1).norm(dim=1).tolist() == pytest.approx([0.3] * len(update)), "the rest takes the whole step"
    torch.testing.assert_close(update, L2Step(0.3)(gradient * weight))
