"""The penultimate layer of any network, found by watching one forward pass.

Uses ``TorchFunctionMode`` instead of hooks, so the network isn't modified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from robust_widgets.errors import ParameterError, WeightsError, first_line, is_out_of_memory

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


class StraightThrough(torch.autograd.Function):
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
                out = StraightThrough.apply(before, func(*args, **kwargs).detach())
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

    If the network ends in anything else, everything works except feature painting. Probabilities, which a network that
    ends in a softmax returns, become logits again. Logits for several places of a picture, which a fully convolutional
    network returns for pictures larger than its own, are averaged. A network for grey pictures gets the mean of the
    channels.

    Args:
        network: maps normalised pictures to logits; put in evaluation mode, and otherwise not modified.
        size: width in pixels of the pictures that it is tried with.

    Raises:
        WeightsError: the network cannot take such pictures, or does not return logits that have a gradient.
    """

    def __init__(self, network: nn.Module, size: int) -> None:
        super().__init__()
        self.published = network.eval()  # the name is part of the fingerprints in saved runs
        self._size = size
        self._channels, outputs, calls = _try_out(network, size)
        logits = _tensor_in(outputs)
        if logits is not None and logits.dim() == 4 and logits.shape[2:] == (1, 1):
            logits = logits.flatten(1)
        if logits is None or logits.dim() != 2 or len(logits) != 2:
            shape = tuple(logits.shape) if logits is not None else type(outputs).__name__
            raise WeightsError(
                f"The network returns {shape!r} for two pictures; give one that returns logits, a tensor of shape "
                "(n, classes)."
            )
        if not logits.requires_grad:
            raise WeightsError(
                "The outputs of the network have no gradient with respect to the pictures, which painting needs; give "
                "one whose forward has no no_grad, inference_mode, detach or argmax in it."
            )
        self.outputs = logits.shape[1]
        self._ends_in_softmax = self.outputs > 1 and _are_probabilities(logits)
        self._activation: int | None = None
        self._last_name: str | None = None
        for call in calls:
            names = [name for name, module in network.named_modules() if getattr(module, "weight", None) is call.weight]
            is_last = call.output is outputs or (
                self._ends_in_softmax
                and call.output.shape == logits.shape
                and torch.allclose(call.output.softmax(1), logits)
            )
            if is_last and call.input.dim() == 2 and names:
                self._last_name, self._activation = names[0], call.activation

    @property
    def has_features(self) -> bool:
        """Whether its penultimate layer can be read."""
        return self._last_name is not None

    def forward(self, x: Tensor) -> Tensor:
        logits = _tensor_in(self._run(x))
        assert logits is not None
        logits = logits.mean((2, 3)) if logits.dim() == 4 else logits
        return logits.clamp_min(torch.finfo(logits.dtype).tiny).log() if self._ends_in_softmax else logits

    def _run(self, x: Tensor) -> object:
        """The network's own outputs.

        Raises:
            ParameterError: it takes pictures of its own size only.
        """
        try:
            return self.published(x if self._channels == 3 else x.mean(1, keepdim=True))
        except Exception as error:  # an external network may raise anything
            height, width = x.shape[2:]
            if is_out_of_memory(error) or (height, width) == (self._size, self._size):
                raise
            raise ParameterError(
                f"The network cannot take pictures of {width} x {height} pixels ({first_line(error)}); omit size: its "
                f"own pictures are of {self._size} x {self._size} pixels."
            ) from error

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
            self._run(x)
        return next(call.input for call in reversed(linear.calls) if call.weight is weight)


OTHER_SIZES = (32, 64, 28, 96, 128, 160, 224, 256, 299, 384)  # that networks are most often made for


def _try_out(network: nn.Module, size: int) -> tuple[int, object, list[_LinearCall]]:
    """How many channels a network takes, what it returns for two pictures, and the calls of its linear layers.

    Raises:
        WeightsError: it takes no pictures of this size.
    """
    first_error: Exception | None = None
    for channels in (3, 1):
        try:
            return channels, *_call(network, channels, size)
        except Exception as error:  # an external network may raise anything
            first_error = first_error or error
    assert first_error is not None
    reason, advice = first_line(first_error), "give another input_size, or another network."
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    fitting = next((other for other in OTHER_SIZES if _takes(network, other)), None)
    if first is not None and first.in_channels not in (1, 3):
        advice = (
            f"its first convolution takes {first.in_channels} channels, and pictures have 3, or 1 if they are grey."
        )
    elif fitting is not None:
        advice = f"it takes those of {fitting} x {fitting}: give input_size={fitting}."
    sentence = f"The network cannot take pictures of {size} x {size} pixels ({reason}); {advice}"
    raise WeightsError(sentence) from first_error


def _call(network: nn.Module, channels: int, size: int) -> tuple[object, list[_LinearCall]]:
    """The outputs for a grey and a noisy picture, and the calls of linear layers."""
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    noise = torch.randn((1, channels, size, size), dtype=torch.float32, generator=torch.Generator().manual_seed(0))
    with torch.enable_grad(), _LinearLayers() as linear:
        pictures = torch.cat([torch.zeros_like(noise), noise]).to(device).requires_grad_()
        return network(pictures * 1), linear.calls  # some networks normalise in place


def _takes(network: nn.Module, size: int) -> bool:
    try:
        _call(network, 3, size)
    except Exception:  # an external network may raise anything
        return False
    return True


def _tensor_in(outputs: object) -> Tensor | None:
    """The outputs, or their part that is called logits, as libraries return them; None if there is no tensor."""
    if isinstance(outputs, Mapping):
        outputs = cast("Mapping[str, object]", outputs).get("logits")
    outputs = getattr(outputs, "logits", outputs)
    return outputs if isinstance(outputs, Tensor) else None


def _are_probabilities(outputs: Tensor) -> bool:
    sums = outputs.detach().sum(1)
    return bool((outputs >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-4)
