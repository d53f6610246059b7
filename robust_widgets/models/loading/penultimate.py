"""The penultimate layer of any network, found by watching one forward pass.

Nothing is put into the network for that: torch's function mode sees each call of torch while it is on, so there are no
hooks to take out, and the network stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from robust_widgets.errors import WeightsError

# What bends or cuts off a value, so that its gradient may vanish.
ACTIVATIONS: frozenset[Callable[..., Any]] = frozenset(
    {
        *(torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, functional.relu),
        *(functional.relu6, functional.hardtanh, functional.leaky_relu, functional.elu, functional.selu),
        *(functional.celu, functional.gelu, functional.silu, functional.mish, functional.hardswish),
        *(functional.softplus, torch.tanh, Tensor.tanh, torch.sigmoid, Tensor.sigmoid),
    }
)
# What only gathers, thins out or lays out values anew: what comes in still is what goes out.
PASSING: frozenset[Callable[..., Any]] = frozenset(
    {
        *(functional.adaptive_avg_pool2d, functional.avg_pool2d, functional.adaptive_max_pool2d),
        *(functional.max_pool2d, torch.max_pool2d, functional.dropout, functional.dropout2d),
        *(torch.flatten, Tensor.flatten, Tensor.view, Tensor.reshape, torch.reshape, torch.squeeze, Tensor.squeeze),
        *(torch.mean, Tensor.mean, Tensor.amax, Tensor.contiguous, Tensor.permute, torch.permute, Tensor.float),
        *(Tensor.clone, torch.clone, Tensor.to, Tensor.type_as, Tensor.__getitem__),
    }
)


class _PassThrough(torch.autograd.Function):
    """What comes out of an activation, with the gradient going straight to what went in."""

    @staticmethod
    def forward(ctx: Any, before: Tensor, after: Tensor) -> Tensor:
        return after.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class _Watch(TorchFunctionMode):
    """Follows the outputs of activations through whatever only passes them on, up to a network's linear layers.

    Args:
        straight: the activation, counted from 0 in the order of the pass, that hands its gradient straight on.
    """

    def __init__(self, straight: int | None = None) -> None:
        super().__init__()
        self._straight = straight
        self._count = 0
        self._kept: list[Tensor] = []  # what is alive keeps its id
        self._from: dict[int, int] = {}
        self.linear: list[tuple[Tensor, Tensor, Tensor, int | None]] = []  # weight, input, output, activation

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in ACTIVATIONS and args:
            index, self._count = self._count, self._count + 1
            if index == self._straight:
                before = args[0].clone()
                out = _PassThrough.apply(before, func(*args, **kwargs).detach())
            else:
                out = func(*args, **kwargs)
            self._follow(out, index)
            return out
        out = func(*args, **kwargs)
        if func is functional.linear:
            given, weight = args[0], args[1] if len(args) > 1 else kwargs["weight"]
            self._kept.append(given)
            self.linear.append((weight, given, out, self._from.get(id(given))))
        elif func in PASSING and args and id(args[0]) in self._from:
            self._follow(out, self._from[id(args[0])])
        else:
            self._from.pop(id(out), None)  # changed in place, it is an activation's output no more
        return out

    def _follow(self, out: object, index: int) -> None:
        if isinstance(out, Tensor):
            self._kept.append(out)
            self._from[id(out)] = index


class PublishedNetwork(nn.Module):
    """A network of others, with its penultimate layer: what goes into the linear layer that gives its logits.

    Where the network ends in anything else, everything works but feature painting.

    Args:
        network: maps normalised pictures to logits; it is used as it is, and nothing is added to it.
        side: of the pictures it is tried on, in pixels.

    Raises:
        WeightsError: the network cannot take such pictures, or does not answer with logits.
    """

    def __init__(self, network: nn.Module, side: int) -> None:
        super().__init__()
        self.published = network.eval()
        first = next(network.parameters(), torch.zeros(1))
        pictures = torch.zeros(2, 3, side, side, device=first.device)
        with torch.no_grad(), _Watch() as watch:
            try:
                logits = cast(object, network(pictures))
            except Exception as error:  # What a network of others raises is its own affair.
                lines = str(error).strip().splitlines() or [type(error).__name__]
                raise WeightsError(
                    f"The network cannot take pictures of {side} x {side} pixels ({lines[0].rstrip('.')[:200]}); give "
                    "its own input_size."
                ) from None
        if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != 2:
            shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise WeightsError(
                f"The network answers two pictures with {shape!r}; give one that answers with a tensor of logits, "
                "(n, classes)."
            )
        self.outputs = logits.shape[1]
        self._activation: int | None = None
        self._last_name: str | None = None
        for weight, given, out, activation in watch.linear:
            names = [name for name, module in network.named_modules() if getattr(module, "weight", None) is weight]
            if out is logits and given.dim() == 2 and names:
                self._last_name, self._activation = names[0], activation

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.published(x))

    @property
    def _last(self) -> nn.Module:
        if self._last_name is None:
            raise WeightsError(
                "This network does not end in a linear layer, so it gives no access to its penultimate layer; feature "
                "painting needs one that does."
            )
        return self.published.get_submodule(self._last_name)

    def head(self, features: Tensor) -> Tensor:
        """The logits (n, classes) of a penultimate layer (n, units)."""
        return cast(Tensor, self._last(features))

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        """The penultimate layer (n, units) of normalised pictures (n, 3, h, w).

        With ``straight_through`` the activation that leads to it hands its gradient straight on; where none does, as
        behind a normalisation, no unit is ever switched off and nothing is changed.

        Raises:
            WeightsError: the network does not end in a linear layer.
        """
        weight = self._last.weight
        with _Watch(self._activation if straight_through else None) as watch:
            self.published(x)
        return next(given for used, given, _, _ in reversed(watch.linear) if used is weight)
