"""Losses on the picture itself."""

from __future__ import annotations

import torch
from torch import Tensor

from robust_widgets.pictures.tensors import Mask, Picture, to_batch, to_mask
from robust_widgets.synthesis.objectives.base import Classifier, Objective


class MatchOutside(Objective):
    """The mean squared difference to a picture, counted outside a mask (paper, section 3.2).

    The mean runs over all of the picture's values, so that a weight means the same for a small mask and a large one.

    Args:
        picture: what to stay like, anything `robust_widgets.pictures.tensors.to_batch` takes; brought to the side
            of the pictures that are optimised.
        mask: where the picture is free to change, anything `robust_widgets.pictures.tensors.to_mask` takes.

    Raises:
        PictureError: when evaluated, if the picture or the mask cannot be read.
    """

    def __init__(self, picture: Picture, mask: Mask) -> None:
        self._picture = picture
        self._mask = mask
        self._ready: tuple[Tensor, Tensor] | None = None

    def _at(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The picture and the weight of each pixel, as ``x`` is."""
        if self._ready is None or self._ready[0].shape[-1] != x.shape[-1] or self._ready[0].device != x.device:
            side = x.shape[-1]
            known = (~to_mask(self._mask, side)).to(x.device, x.dtype)
            self._ready = (to_batch(self._picture, side).to(x.device, x.dtype), known)
        return self._ready

    def __call__(self, model: Classifier, x: Tensor) -> Tensor:
        picture, known = self._at(x)
        return ((x - picture).square() * known).mean((1, 2, 3))

    def __repr__(self) -> str:
        return "MatchOutside(picture, mask)"


def mean_outside(picture: Tensor, mask: Tensor) -> Tensor:
    """The mean colour outside a mask, (n, 3, 1, 1); picture (n, 3, h, w), mask bool (n or 1, 1, h, w)."""
    known = (~mask).to(picture.dtype)
    return (picture * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp_min(1)


def filled(picture: Tensor, mask: Tensor) -> Tensor:
    """The picture with the mask's inside at the mean colour of the outside."""
    return torch.where(mask, mean_outside(picture, mask), picture)
