"""The Gaussian seed distribution of each class (paper, section 3.1), in compact form."""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm.auto import tqdm

from robust_widgets.training.data import PictureSet

# Grey grain laid over an enlarged draw, in [0, 1] units. It fills what the draw lacks above half the Nyquist frequency;
# with 0.065 generated pictures have within a factor of 3 of photographs' power there, with 0.08 they look speckled.
GRAIN = 0.065


def seed_statistics(
    data: PictureSet, *, factor: int = 2, rank: int = 24, seed: int = 0, progress: bool = True
) -> dict[str, Tensor]:
    """Mean and low-rank covariance of each class's pictures.

    The paper fits ``N(mu, X'X / n + 1e-4 I)`` to the box-downsampled pictures of a class. Here only the ``rank``
    largest directions of ``X'X / n`` are kept. In place of the ridge there is fine grain, drawn at the picture's own
    size. The paper downsamples by 4 at 224 px.

    Args:
        data: pictures, uint8 (n, 3, side, side).
        factor: box-downsampling factor; 2 at 64 px.
        rank: directions kept for each class.
        seed: of the randomised decomposition.
        progress: show a progress bar.

    Returns:
        float16 tensors ``"mean"`` (classes, 3, s, s), ``"factor"`` (classes, rank, 3 * s * s) and ``"noise"``
        (classes,), with s = side / factor. A draw is ``mean + z @ factor + noise * e`` with z, e standard normal.
    """
    side = data.side // factor
    means: list[Tensor] = []
    factors: list[Tensor] = []
    noises: list[Tensor] = []
    for label in tqdm(range(len(data.classes)), desc="class seeds", unit="class", disable=not progress):
        pictures = data.pictures[data.labels == label].float() / 255
        flat = torch.nn.functional.avg_pool2d(pictures, factor).flatten(1)
        mean = flat.mean(0)
        centred = flat - mean
        kept = min(rank, *centred.shape)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + label)
            _, singular, directions = torch.svd_lowrank(centred, q=min(kept + 8, *centred.shape), niter=4)
        variances = singular[:kept].square() / len(flat)
        rows = torch.zeros(rank, flat.shape[1])
        rows[:kept] = directions[:, :kept].T * variances.sqrt()[:, None]
        means.append(mean.view(3, side, side))
        factors.append(rows)
        noises.append(torch.tensor(GRAIN))
    return {
        "mean": torch.stack(means).half(),
        "factor": torch.stack(factors).half(),
        "noise": torch.stack(noises).half(),
    }
