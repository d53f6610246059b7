"""Start pictures for generation: draws from a Gaussian per class (paper, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor

from robust_widgets.errors import WeightsError
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.noise import smooth_noise
from robust_widgets.pictures.tensors import resize


def draw_seeds(model: RobustClassifier, class_index: int, count: int, seed: int, size: int | None = None) -> Tensor:
    """Draw start pictures for generation.

    Picture i has its own generator, seeded ``seed + i``: the third of four pictures from seed 0 equals the first one
    from seed 2. A draw is enlarged bicubically, covered with smooth grey noise, and clamped to [0, 1]. The paper
    enlarges by nearest neighbour, but gradient steps amplify the edges of its blocks into a mesh, up to 12 times as
    strong as the finest detail of photographs. Texture grows from the noise: without it the pictures are smooth.
    Larger pictures than the model's get less of it, as much less as they are larger.

    Args:
        model: a model with seed statistics.
        class_index: the class.
        count: number of pictures.
        seed: of the first picture.
        size: width of the pictures in pixels; by default the model's input size.

    Returns:
        float32 (count, 3, size, size) in [0, 1] on the model's device.

    Raises:
        WeightsError: the model has no seed statistics.
    """
    if model.seeds is None:
        raise WeightsError(
            f"The model {model.card.name!r} has no seed statistics, which generation starts from; "
            "use a bundled model or one made by 'robust-widgets train'."
        )
    size = size or model.input_size
    amount = min(1.0, model.input_size / size)
    return draw_seeds_from(model.seeds, class_index, count, seed, size, amount).to(model.device)


def draw_seeds_from(
    statistics: dict[str, Tensor], class_index: int, count: int, seed: int, size: int, amount: float = 1.0
) -> Tensor:
    """Like :func:`draw_seeds`, from seed statistics without a model, on the CPU; ``amount`` scales the noise."""
    mean = statistics["mean"][class_index].float()
    factor = statistics["factor"][class_index].float()
    noise = statistics["noise"][class_index].float()
    pictures: list[Tensor] = []
    for index in range(count):
        generator = torch.Generator().manual_seed(seed + index)
        z = torch.randn(factor.shape[0], generator=generator, dtype=torch.float32)
        draw = mean + (z @ factor).view_as(mean)
        pictures.append(
            (resize(draw[None], size, size)[0] + amount * noise * smooth_noise(1, size, generator)).clamp(0, 1)
        )
    return torch.stack(pictures)
