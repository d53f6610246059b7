"""Gradients become updates."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robust_widgets.errors import ParameterError
from robust_widgets.synthesis.steppers import GradientStep, L2Step, LinfStep, Momentum, Stepper, started
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


def test_l2_steps_have_the_same_length_whatever_the_gradients_size() -> None:
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
def test_steps_go_downhill(kind: type[Stepper]) -> None:
    slopes = (kind(0.1)(gradients()) * gradients()).flatten(1).sum(1)  # type: ignore[call-arg]
    assert (slopes < 0).all()


@pytest.mark.parametrize("kind", STEPPERS)
def test_a_samples_update_does_not_depend_on_its_neighbours(kind: type[Stepper]) -> None:
    gradient = gradients() * torch.tensor([1.0, 50.0, 0.01]).view(3, 1, 1, 1)
    together = kind(0.1)(gradient)  # type: ignore[call-arg]
    for i in range(3):
        torch.testing.assert_close(kind(0.1)(gradient[i : i + 1])[0], together[i])  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", STEPPERS)
def test_no_gradient_no_move(kind: type[Stepper]) -> None:
    assert torch.equal(kind(5.0)(torch.zeros(2, 3, 4, 4)).abs(), torch.zeros(2, 3, 4, 4))  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", STEPPERS)
@pytest.mark.parametrize("size", [0, -1.0, math.inf, math.nan])
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


@pytest.mark.parametrize("kind", STEPPERS)
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
def test_momentum_hands_on_the_running_sum_of_directions(kind: type[L2Step], decay: float) -> None:
    stepper = Momentum(kind(0.3), decay).started()
    seen: list[np.ndarray] = []
    for seed in range(4):
        update = stepper(gradients(seed) * 10.0**seed)
        seen.append(gradients(seed).numpy() * 10.0**seed)
        torch.testing.assert_close(update, kind(0.3)(torch.from_numpy(by_hand(seen, decay))))


def test_without_decay_momentum_is_the_inner_stepper() -> None:
    stepper = Momentum(L2Step(0.3), 0.0)
    for seed in range(3):
        torch.testing.assert_close(stepper(gradients(seed)), L2Step(0.3)(gradients(seed)))


def test_momentum_begins_each_run_anew() -> None:
    stepper = Momentum(Momentum(L2Step(0.3), 0.5), 0.9)
    first = [stepper.started()(gradients(0)) for _ in range(2)]
    torch.testing.assert_close(first[0], first[1])
    going = stepper.started()
    going(gradients(1))
    assert not torch.allclose(going(gradients(0)), first[0])
    torch.testing.assert_close(going.started()(gradients(0)), first[0])


def test_momentum_keeps_samples_apart_and_goes_nowhere_without_a_gradient() -> None:
    together, alone = Momentum(L2Step(0.1)), Momentum(L2Step(0.1))
    for seed in range(3):
        gradient = gradients(seed) * torch.tensor([1.0, 50.0, 0.0]).view(3, 1, 1, 1)
        update = together(gradient)
        torch.testing.assert_close(alone(gradient[1:2])[0], update[1])
        assert torch.equal(update[2].abs(), torch.zeros(3, 5, 5, dtype=torch.float64))


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2, math.nan, math.inf])
def test_an_impossible_decay_is_refused(decay: float) -> None:
    with raises_sentence(ParameterError, decay):
        Momentum(L2Step(0.1), decay)


def test_what_momentum_is_called() -> None:
    assert repr(Momentum(L2Step(0.5), 0.8)) == "Momentum(L2Step(step_size=0.5), 0.8)"


def test_a_stepper_of_ones_own_that_remembers_begins_anew_too() -> None:
    class Counting:
        def __init__(self) -> None:
            self.calls = 0

        def started(self) -> Counting:
            return Counting()

        def __call__(self, gradient: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return gradient / self.calls

    used = Counting()
    used(gradients(0))
    assert started(used)(gradients(0)).equal(gradients(0))
    assert Momentum(used).started().inner is not used
    plain = L2Step(0.1)
    assert started(plain) is plain
