"""The architectures that this package trains, and the gradients of their downsampling."""

from __future__ import annotations

import pytest
import torch

from robust_widgets.errors import UnknownNameError
from robust_widgets.models.networks.architectures import ARCHITECTURES, architecture_names, build
from robust_widgets.models.networks.smoothresnet import BlurPool
from tests.helpers import raises_sentence


@pytest.mark.parametrize("name", architecture_names())
def test_every_architecture_can_be_built(name: str) -> None:
    network = build(name, 7).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
        assert network.features(torch.zeros(2, 3, 32, 32)).shape == (2, ARCHITECTURES[name].widths[-1])


@pytest.mark.parametrize(("height", "width"), [(16, 16), (20, 33), (64, 48), (9, 9), (4, 4)])
def test_pictures_may_have_any_size(height: int, width: int) -> None:
    with torch.no_grad():
        assert build("blurresnet-tiny", 3).eval()(torch.rand(1, 3, height, width)).isfinite().all()


def test_an_unknown_architecture_names_the_nearest() -> None:
    with raises_sentence(UnknownNameError, "'blurresnet-tinny'", "'blurresnet-tiny'"):
        build("blurresnet-tinny", 3)


@pytest.mark.parametrize(("size", "half"), [(16, 8), (9, 5), (1, 1)])
def test_blur_pool_halves_and_keeps_a_flat_picture_flat(size: int, half: int) -> None:
    out = BlurPool()(torch.full((2, 4, size, size), 0.3))
    assert out.shape == (2, 4, half, half)
    torch.testing.assert_close(out, torch.full_like(out, 0.3))


def test_blur_pool_has_the_kernel_1_3_3_1() -> None:
    row = torch.tensor([0.0, 0.0, 0.0, 64.0, 0.0, 0.0, 0.0, 0.0]).expand(1, 1, 8, 8)
    torch.testing.assert_close(BlurPool()(row)[0, 0, 1], torch.tensor([0.0, 24.0, 8.0, 0.0]))


def test_the_gradient_through_blur_pool_has_no_grid() -> None:
    x = torch.zeros(1, 1, 16, 16, requires_grad=True)
    BlurPool()(x).sum().backward()
    middle = x.grad[0, 0, 2:-2, 2:-2]  # type: ignore[index]
    torch.testing.assert_close(middle, torch.full_like(middle, 0.25))


def test_blur_kernels_are_not_saved_with_the_weights() -> None:
    assert not any("kernel" in name for name in build("blurresnet-tiny", 3).state_dict())


def test_samples_are_independent() -> None:
    network = build("blurresnet-tiny", 3).double().eval()
    x = torch.rand(3, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=0, atol=1e-12)
