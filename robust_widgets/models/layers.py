"""The layers of a network: their names and sizes, and what they return for pictures.

A layer is one call of a module. Hooks read it, and are removed before anybody else can see them, also after an error;
calls of the same modules on other threads are left alone.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from robust_widgets.errors import UnknownNameError, WeightsError, short_repr, unknown_name
from robust_widgets.interface.session import Layer
from robust_widgets.models.loading.penultimate import ACTIVATIONS, ExternalNetwork, StraightThrough

AGAIN = "#"  # before the number of a module's further calls


@dataclass(frozen=True)
class LayerCall:
    """A layer, and where it is in a pass through the network.

    Attributes:
        layer: what people see of it.
        path: the module's name in the network.
        call: which of the module's calls it is, from 1.
        activation: which call of an activation returns the layer's output, counted from 0; None if none does.
    """

    layer: Layer
    path: str
    call: int
    activation: int | None


class _Reached(BaseException):
    """Ends a pass at the layer that was asked for; no exception, because a network may catch those."""

    def __init__(self, output: object) -> None:
        self.output = output


class _Activations(TorchFunctionMode):
    """Counts the calls of activations, and lets the gradient straight through one of them.

    Args:
        straight_through: which one, counted from 0.
        remember: keep the outputs, to tell a layer's activation.
    """

    def __init__(self, straight_through: int | None = None, *, remember: bool = False) -> None:
        super().__init__()
        self._straight_through = straight_through
        self._remember = remember
        self._count = 0
        self._outputs: list[object] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in ACTIVATIONS or not args:
            return func(*args, **kwargs)
        index, self._count = self._count, self._count + 1
        if index == self._straight_through:
            before = args[0].clone()
            return StraightThrough.apply(before, func(*args, **kwargs).detach())
        out = func(*args, **kwargs)
        if self._remember:
            self._outputs.append(out)
        return out

    def index_of(self, output: object) -> int | None:
        """Which call returned this tensor; of two in place, the last."""
        return next((i for i in reversed(range(len(self._outputs))) if self._outputs[i] is output), None)


def find_layers(network: nn.Module, forward: Callable[[], object]) -> dict[str, LayerCall]:
    """The layers that a pass goes through, by name, in the order of the pass.

    Args:
        network: whose modules they are.
        forward: runs the network for two pictures.
    """
    listed: list[tuple[str, int, str, Tensor, int | None]] = []
    calls: Counter[str] = Counter()
    activations = _Activations(remember=True)

    def record(path: str, kind: str) -> Callable[[object], None]:
        def see(output: object) -> None:
            calls[path] += 1
            grid = as_grid(output)
            if grid is not None and len(grid) == 2:
                listed.append((path, calls[path], kind, grid, activations.index_of(output)))

        return see

    modules = [(path, module) for path, module in network.named_modules() if path]
    seen = [(module, record(path, type(module).__name__)) for path, module in modules]
    with torch.no_grad(), _hooks(seen), activations:
        forward()
    short = _short_names(network)
    layers: dict[str, LayerCall] = {}
    for path, call, kind, grid, activation in listed:
        name = short(path)
        if name is None:
            continue
        name = name if call == 1 else f"{name}{AGAIN}{call}"
        channels, height, width = grid.shape[1:]
        layers[name] = LayerCall(Layer(name, kind, channels, height, width), path, call, activation)
    return layers


def read_layer(
    network: nn.Module, forward: Callable[[], object], layer: LayerCall, *, straight_through: bool = False
) -> Tensor:
    """What a layer returns, (n, channels, height, width).

    Args:
        network: whose layer it is.
        forward: runs the network; stopped at the layer.
        layer: one of `find_layers`.
        straight_through: pass the gradient through the activation that ends the layer, if one does, unchanged.

    Raises:
        WeightsError: the network did not come to the layer, or it returned no tensor of pictures.
    """

    def stop(output: object) -> None:
        raise _Reached(output)

    try:
        with _at_call(network, layer, stop, straight_through):
            forward()
    except _Reached as reached:
        return _grid(reached.output, layer)
    raise _not_reached(layer)


def read_layer_and_outputs(
    network: nn.Module, forward: Callable[[], Tensor], layer: LayerCall, *, straight_through: bool = False
) -> tuple[Tensor, Tensor]:
    """What a layer and the network return, in one pass; no gradient of the network's outputs passes the layer.

    Arguments and errors as for `read_layer`.
    """
    reached: list[object] = []

    def see(output: object) -> object:
        reached.append(output)
        # A copy, because what follows may change it in place.
        return output.detach().clone() if isinstance(output, Tensor) else output

    with _at_call(network, layer, see, straight_through):
        outputs = forward()
    if not reached:
        raise _not_reached(layer)
    return _grid(reached[0], layer), outputs.detach()


@contextmanager
def _at_call(
    network: nn.Module, layer: LayerCall, see: Callable[[object], object], straight_through: bool
) -> Generator[None]:
    """Call a function with what a layer returns; its result is what the network goes on with."""
    count = 0

    def hook(output: object) -> object:
        nonlocal count
        count += 1
        return see(output) if count == layer.call else None

    activations = _Activations(layer.activation if straight_through else None)
    with _hooks([(network.get_submodule(layer.path), hook)]), activations:
        yield


def _grid(output: object, layer: LayerCall) -> Tensor:
    grid = as_grid(output)
    if grid is None:
        raise _not_reached(layer)
    return grid


def _not_reached(layer: LayerCall) -> WeightsError:
    return WeightsError(
        f"The layer {layer.layer.name!r} returned no activations for these pictures; choose another one of layers()."
    )


def known_layer(layers: Mapping[str, LayerCall], name: object) -> LayerCall:
    """A layer by name.

    Raises:
        UnknownNameError: there is none of this name; the message names the nearest.
    """
    if not isinstance(name, str):
        raise UnknownNameError(f"A layer is {short_repr(name)}; give its name, one of model.layers().")
    if name not in layers:
        raise UnknownNameError(unknown_name("layer", name, tuple(layers)))
    return layers[name]


def as_grid(output: object) -> Tensor | None:
    """Activations as (n, channels, height, width).

    Of a vector (n, channels) height and width are 1; tokens (n, tokens, channels) are a column. None for anything else.
    """
    if not isinstance(output, Tensor) or not output.is_floating_point():
        return None
    if output.dim() == 3:
        return output.transpose(1, 2)[:, :, :, None]
    return output if output.dim() == 4 else output[:, :, None, None] if output.dim() == 2 else None


@contextmanager
def _hooks(seen: Iterable[tuple[nn.Module, Callable[[object], object]]]) -> Generator[None]:
    """Call a function with the output of each call of a module on this thread.

    What it returns replaces the output; None keeps it.
    """
    thread = threading.get_ident()

    def hook_of(see: Callable[[object], object]) -> Callable[..., object]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> object:
            return see(output) if threading.get_ident() == thread else None

        return hook

    with ExitStack() as stack:
        for module, see in seen:
            if not isinstance(module, torch.jit.ScriptModule):  # its parts are never called from Python
                stack.callback(module.register_forward_hook(hook_of(see)).remove)
        yield


def _short_names(network: nn.Module) -> Callable[[str], str | None]:
    """What a module's name in the network is to people; None for a module that is not to be seen."""
    if isinstance(network, ExternalNetwork):
        return lambda path: path.removeprefix("published.") if path != "published" else None
    renamed = cast("Mapping[str, str]", getattr(network, "layer_names", {}))

    def short(path: str) -> str:
        long = next((long for long in renamed if path == long or path.startswith(f"{long}.")), None)
        return path if long is None else renamed[long] + path.removeprefix(long)

    return short
