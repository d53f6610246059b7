"""The penultimate layer of any network, found by watching one forward pass.

Uses ``TorchFunctionMode`` instead of hooks, so the network isn't modified.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from robust_widgets.errors import WeightsError, first_line

# Nonlinear functions, whose gradient may vanish.
ACTIVATIONS: frozenset[Callable[..., Any]] = frozenset(
    {
        *(torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, functional.relu),
        *(functional.relu6, functional.hardtanh, functional.leaky_relu, functional.elu, functional.selu),
        *(functional.celu, functional.gelu, functional.silu, functional.mish, functional.hardswish),
        *(functional.softplus, torch.tanh, Tensor.tanh, torch.sigmoid, Tensor.sigmoid),
    }
)
# Functions that only pool, drop, copy or reshape an activation's output.
PASSING: frozenset[Callable[..., Any]] = frozenset(
    {
        *(functional.adaptive_avg_pool2d, functional.avg_pool2d, functional.adaptive_max_pool2d),
        *(functional.max_pool2d, torch.max_pool2d, functional.dropout, functional.dropout2d),
        *(torch.flatten, Tensor.flatten, Tensor.view, Tensor.reshape, torch.reshape, torch.squeeze, Tensor.squeeze),
        *(torch.mean, Tensor.mean, Tensor.amax, Tensor.contiguous, Tensor.permute, torch.permute, Tensor.float),
        *(Tensor.clone, torch.clone, Tensor.to, Tensor.type_as, Tensor.__getitem__),
    }
)


class _StraightThrough(torch.autograd.Function):
    """An activation's output, whose gradient goes straight to the activation's input."""

    @staticmethod
    def forward(ctx: Any, before: Tensor, after: Tensor) -> Tensor:
        return after.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class _LinearCall(NamedTuple):
    """A call of a linear layer; ``activation`` counts the activation whose output is its input, if there is one."""

    weight: Tensor
    input: Tensor
    output: Tensor
    activation: int | None


class _LinearLayers(TorchFunctionMode):
    """Record the calls of linear layers, and trace the input of each back to an activation.

    Args:
        straight_through: the activation with a straight-through gradient, counted from 0 in the order of the pass.
    """

    def __init__(self, straight_through: int | None = None) -> None:
        super().__init__()
        self._straight_through = straight_through
        self._count = 0
        self._alive: list[Tensor] = []  # while a tensor is alive, no other one has its id
        self._activation_of: dict[int, int] = {}
        self.calls: list[_LinearCall] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in ACTIVATIONS and args:
            index, self._count = self._count, self._count + 1
            if index == self._straight_through:
                before = args[0].clone()
                out = _StraightThrough.apply(before, func(*args, **kwargs).detach())
            else:
                out = func(*args, **kwargs)
            self._follow(out, index)
            return out
        out = func(*args, **kwargs)
        if func is functional.linear:
            inputs, weight = args[0], args[1] if len(args) > 1 else kwargs["weight"]
            self._alive.append(inputs)
            self.calls.append(_LinearCall(weight, inputs, out, self._activation_of.get(id(inputs))))
        elif func in PASSING and args and id(args[0]) in self._activation_of:
            self._follow(out, self._activation_of[id(args[0])])
        else:
            self._activation_of.pop(id(out), None)  # changed in place, it's no longer an activation's output
        return out

    def _follow(self, out: object, index: int) -> None:
        if isinstance(out, Tensor):
            self._alive.append(out)
            self._activation_of[id(out)] = index


class ExternalNetwork(nn.Module):
    """An external network with access to its penultimate layer: the input of the linear layer that returns the logits.

    If the network ends in anything else, everything works except feature painting.

    Args:
        network: maps normalised pictures to logits; put in evaluation mode, and otherwise not modified.
        size: width in pixels of the pictures that it is tried with.

    Raises:
        WeightsError: the network cannot take such pictures, or does not return logits.
    """

    def __init__(self, network: nn.Module, size: int) -> None:
        super().__init__()
        self.published = network.eval()  # the name is part of the fingerprints in saved runs
        first = next(network.parameters(), torch.zeros(1))
        pictures = torch.zeros(2, 3, size, size, device=first.device)
        with torch.no_grad(), _LinearLayers() as linear:
            try:
                logits = cast(object, network(pictures))
            except Exception as error:  # an external network may raise anything
                raise WeightsError(
                    f"The network cannot take pictures of {size} x {size} pixels ({first_line(error)}); give another "
                    "input_size."
                ) from None
        if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != 2:
            shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise WeightsError(
                f"The network returns {shape!r} for two pictures; give one that returns logits, a tensor of shape "
                "(n, classes)."
            )
        self.outputs = logits.shape[1]
        self._activation: int | None = None
        self._last_name: str | None = None
        for call in linear.calls:
            names = [name for name, module in network.named_modules() if getattr(module, "weight", None) is call.weight]
            if call.output is logits and call.input.dim() == 2 and names:
                self._last_name, self._activation = names[0], call.activation

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.published(x))

    @property
    def _last(self) -> nn.Module:
        if self._last_name is None:
            raise WeightsError(
                "This network does not end in a linear layer, so its penultimate layer cannot be read; "
                "feature painting needs a network that does."
            )
        return self.published.get_submodule(self._last_name)

    def head(self, features: Tensor) -> Tensor:
        """Logits (n, classes) from the penultimate layer (n, units)."""
        return cast(Tensor, self._last(features))

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        """The penultimate layer (n, units) of normalised pictures (n, 3, h, w).

        Args:
            x: the pictures.
            straight_through: pass the gradient through the activation before the layer unchanged. Without such an
                activation, for example after a normalisation, units are never off, and this changes nothing.

        Raises:
            WeightsError: the network does not end in a linear layer.
        """
        weight = self._last.weight
        with _LinearLayers(self._activation if straight_through else None) as linear:
            self.published(x)
        return next(call.input for call in reversed(linear.calls) if call.weight is weight)
