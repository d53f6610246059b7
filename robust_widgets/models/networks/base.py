"""What a network of the project offers beside its logits."""

from __future__ import annotations

from torch import Tensor, nn


class PaintableNetwork(nn.Module):
    """A network whose penultimate layer can be read and painted with.

    ``forward`` maps pictures (n, 3, h, w), already normalised, to logits (n, classes); ``features`` maps them to the
    penultimate layer (n, units), and ``head`` maps that layer to the logits.
    """

    head: nn.Linear

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        """The penultimate layer, (n, units).

        With ``straight_through`` the last activation hands its gradient on unchanged, so that a unit which is off
        can be switched on (paper, section 3.5); the values are the same.
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def pooled(before: Tensor, activation: nn.Module, straight_through: bool) -> Tensor:
    """The mean over height and width of an activation's output, (n, channels), from its input (n, channels, h, w)."""
    after = activation(before)
    if straight_through:
        after = before + (after - before).detach()
    return after.mean((2, 3))
