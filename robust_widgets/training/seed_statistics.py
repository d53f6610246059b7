"""The Gaussian seed distribution of each class (paper, section 3.1), in compact form."""

from __future__ import annotations

import torch
from torch import Tensor
from tqdm.auto import tqdm

from robust_widgets.training.data import PictureSet

# Standard deviation of the grey noise added to an enlarged draw, which has no power above half the Nyquist frequency.
# With 0.065 generated pictures have within a factor of 3 of photographs' power there; with 0.08 they look speckled.
NOISE = 0.065


def seed_statistics(
    data: PictureSet, *, factor: int = 2, rank: int = 24, seed: int = 0, progress: bool = True
) -> dict[str, Tensor]:
    """Mean and low-rank covariance of each class's pictures.

    The paper fits ``N(mu, X'X / n + 1e-4 I)`` to the box-downsampled pictures of a class. This keeps only the ``rank``
    leading directions of ``X'X / n``, and replaces the ridge with noise at the full size. The paper downsamples by 4 at
    224 px.

    Args:
        data: the pictures.
        factor: box-downsampling factor; 2 at 64 px.
        rank: directions kept per class.
        seed: of the randomised decomposition.
        progress: show a progress bar.

    Returns:
        float16 tensors ``"mean"`` (classes, 3, s, s), ``"factor"`` (classes, rank, 3 * s * s) and ``"noise"``
        (classes,), with s = size / factor. A draw is ``mean + z @ factor + noise * e`` with z, e standard normal.
    """
    size = data.size // factor
    means: list[Tensor] = []
    factors: list[Tensor] = []
    noises: list[Tensor] = []
    for label in tqdm(range(len(data.classes)), desc="class seeds", unit="class", disable=not progress):
        pictures = data.floats(data.labels == label)
        flat = torch.nn.functional.avg_pool2d(pictures, factor).flatten(1)
        mean = flat.mean(0)
        centred = flat - mean
        available = min(rank, *centred.shape)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + label)
            _, singular, directions = torch.svd_lowrank(centred, q=min(available + 8, *centred.shape), niter=4)
        variances = singular[:available].square() / len(flat)
        rows = torch.zeros(rank, flat.shape[1], dtype=torch.float32)
        rows[:available] = directions[:, :available].T * variances.sqrt()[:, None]
        means.append(mean.view(3, size, size))
        factors.append(rows)
        noises.append(torch.tensor(NOISE, dtype=torch.float32))
    return {
        "mean": torch.stack(means).half(),
        "factor": torch.stack(factors).half(),
        "noise": torch.stack(noises).half(),
    }
