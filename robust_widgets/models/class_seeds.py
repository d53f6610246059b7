"""Draws from the Gaussian seed distribution of a class (paper, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from robust_widgets.errors import WeightsError
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.tensors import resize


def draw_seeds(model: RobustClassifier, class_index: int, count: int, seed: int, side: int | None = None) -> Tensor:
    """Start pictures for generation.

    Picture i is drawn with its own generator, seeded ``seed + i``: the third of four pictures from seed 0 is the
    first of one from seed 2. A draw is enlarged bicubically and covered with fine grey grain, then clamped to [0, 1].
    The paper enlarges by nearest neighbour; the gradient steps amplify the edges of its blocks into a mesh, up to 12
    times as strong as what is that fine in photographs. The grain gives them photographs' fine detail to begin with.

    Args:
        model: a model with seed statistics.
        class_index: which class.
        count: how many pictures.
        seed: of the first picture.
        side: of the result, in pixels; by default the model's input size.

    Returns:
        float32 (count, 3, side, side) in [0, 1] on the model's device.

    Raises:
        WeightsError: the model has no seed statistics.
    """
    if model.seeds is None:
        raise WeightsError(
            f"The model {model.card.name!r} holds no class seeds, which generation starts from; "
            "use the bundled model or one made by 'robust-widgets train'."
        )
    return draw_seeds_from(model.seeds, class_index, count, seed, side or model.input_size).to(model.device)


def draw_seeds_from(statistics: dict[str, Tensor], class_index: int, count: int, seed: int, side: int) -> Tensor:
    """As :func:`draw_seeds`, from the statistics alone; on the CPU."""
    mean = statistics["mean"][class_index].float()
    factor = statistics["factor"][class_index].float()
    noise = statistics["noise"][class_index].float()
    draws: list[Tensor] = []
    for index in range(count):
        generator = torch.Generator().manual_seed(seed + index)
        z = torch.randn(factor.shape[0], generator=generator)
        grain = noise * torch.randn((1, side, side), generator=generator)
        draw = mean + (z @ factor).view_as(mean)
        draws.append((resize(draw[None], side, side)[0] + grain).clamp(0, 1))
    return torch.stack(draws)
