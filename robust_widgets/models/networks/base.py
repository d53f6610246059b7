"""The interface of the networks that this package trains."""

from __future__ import annotations

from torch import Tensor, nn


class PaintableNetwork(nn.Module):
    """A network with access to its penultimate layer, as feature painting needs.

    ``forward`` maps normalised pictures (n, 3, h, w) to logits (n, classes); ``features`` maps them to the penultimate
    layer (n, units), and ``head`` maps that layer to the logits.
    """

    head: nn.Linear

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        """The penultimate layer, (n, units).

        Args:
            x: normalised pictures (n, 3, h, w).
            straight_through: pass the gradient through the last activation unchanged, so that a unit that is off can
                be switched on (paper, section 3.5). The values are the same.
        """
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def pooled_activation(before: Tensor, activation: nn.Module, straight_through: bool) -> Tensor:
    """The mean over height and width of an activation's output, (n, channels), from its input (n, channels, h, w)."""
    after = activation(before)
    if straight_through:
        after = before + (after - before).detach()
    return after.mean((2, 3))
