"""The classifier that paints: a network with its normalisation, class names and card."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from robust_widgets.compiler.engine import Engine
from robust_widgets.errors import UnknownNameError, WeightsError, quoted, short_repr, whole_number
from robust_widgets.interface.class_search import class_search
from robust_widgets.interface.session import Layer
from robust_widgets.models.card import ModelCard
from robust_widgets.models.layers import LayerCall, find_layers, known_layer, read_layer, read_layer_and_outputs
from robust_widgets.models.loading.class_names import synonyms
from robust_widgets.pictures.tensors import plain_torch
from robust_widgets.runs.record import LoadSpec

FULL = "float32"
PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16, FULL: torch.float32}


class RobustClassifier(nn.Module):
    """A network with its normalisation: it takes pictures in [0, 1].

    ``forward`` maps float pictures (n, 3, h, w) in [0, 1] to logits (n, classes). A new instance is in evaluation mode
    with frozen parameters: painting changes the picture, never the weights.

    Args:
        network: maps normalised pictures to logits. Its method ``features`` returns the penultimate layer, and its
            ``head`` maps that to the logits; without them everything works except feature painting.
        card: the model card.
        seeds: seed statistics for generation, if the model has them.
        source: the weights file it was loaded from, if there is one; its feature catalogue is next to it.

    Attributes:
        loading: how to load it again, for an external model; None for one of this package's.
        engine: the compiled network; None to run it uncompiled.
        precision: that a GPU tries for the steps of a run; None for the fastest one that gives the same outputs.
        step_graphs: the recorded graphs of steps, if any; the step loop stores them here.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, card: ModelCard, seeds: dict[str, Tensor] | None = None, source: Path | None = None
    ) -> None:
        super().__init__()
        self.source = source
        self.network = network
        self.card = card
        self.seeds = seeds
        self.loading: LoadSpec | None = None
        self._fingerprint: str | None = None
        self._layers: tuple[nn.Module, dict[str, LayerCall]] | None = None
        self.engine: Engine | None = None
        self.precision: str | None = None
        self.step_graphs: object = None
        self.register_buffer("mean", torch.tensor(card.mean, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(card.std, dtype=torch.float32).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.card.classes

    @property
    def synonyms(self) -> tuple[tuple[str, ...], ...]:
        """Other names of each class, in the order of the logits; empty if none are known."""
        return synonyms(self.classes)

    @property
    def input_size(self) -> int:
        """Width in pixels of the pictures the model was trained on."""
        return self.card.input_size

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def compile(self, *, always: bool = False) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Run the network with the fastest backend on this machine from now on.

        Batch normalisations are folded into the convolutions, and ONNX Runtime runs them if it is installed (the extra
        ``fast``). Outputs agree within 1e-4 of the largest one, gradients within rounding. This applies to float32
        pictures on a CPU, frozen weights and first derivatives; the network itself runs everything else. On a CUDA
        device, runs record their steps as a graph and replay it instead.
        Compile again after replacing weights in any other way than ``load_state_dict``.

        Args:
            always: use the backend that is fastest on most machines. By default the backends are timed when they are
                first needed, for one picture, for a few and for many at a time. That takes a second or two, longer for
                large networks, once per model and machine.
        """
        self.engine = Engine(always)

    def warm_up(self, pictures: int = 1) -> None:
        """Compile now for pictures of the model's own size, instead of when the first one comes.

        Args:
            pictures: the batch size; the choice of a backend depends on it.
        """
        if self.engine is not None:
            with torch.no_grad():
                size = (pictures, 3, self.input_size, self.input_size)
                self(torch.zeros(size, dtype=torch.float32, device=self.device))

    def forward(self, x: Tensor) -> Tensor:
        if self._has_features():
            features = self._compiled("features", self._features, x)
            logits = None if features is None else self.classify(features)
        else:
            logits = self._compiled("logits", self._logits, x)
        return self._logits(x) if logits is None else logits

    def _compiled(self, kind: str, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor | None:
        return None if self.engine is None else self.engine.run(self, kind, function, x)

    def _has_features(self) -> bool:
        known = getattr(self.network, "has_features", True)
        return known and all(callable(getattr(self.network, name, None)) for name in ("features", "head"))

    def _logits(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.network((x - self.mean) / self.std))

    def _features(self, x: Tensor, straight_through: bool = False) -> Tensor:
        features = cast(Any, self.network).features
        return cast(Tensor, features((x - self.mean) / self.std, straight_through=straight_through))

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        """The penultimate layer, (n, units), of pictures (n, 3, h, w) in [0, 1].

        Args:
            x: the pictures.
            straight_through: pass the gradient through the last activation unchanged, so that a unit that is off can
                be switched on (paper, section 3.5). The values are the same.

        Raises:
            WeightsError: the network has no method ``features``.
        """
        if not callable(getattr(self.network, "features", None)) or not getattr(self.network, "has_features", True):
            raise WeightsError(
                f"The network of {self.card.name!r} gives no access to its penultimate layer; feature painting needs "
                "one that ends in a linear layer or has a method 'features', and all other tasks work with this one."
            )
        function = partial(self._features, straight_through=straight_through)
        features = self._compiled("straight-through features" if straight_through else "features", function, x)
        return function(x) if features is None else features

    def classify(self, features: Tensor) -> Tensor:
        """Logits (n, classes) from the penultimate layer (n, units), as `features` returns it.

        Raises:
            WeightsError: the network has no ``head``.
        """
        head = getattr(self.network, "head", None)
        if not callable(head):
            raise WeightsError(f"The network of {self.card.name!r} has no 'head' that maps its features to the logits.")
        return cast(Tensor, head(features))

    def layers(self) -> tuple[Layer, ...]:
        """The layers of the network, in the order of a pass: their names, kinds, channels and sizes.

        Each module is listed that returns activations, by its name in the network. A module that is called twice is
        two layers, the second with ``#2`` after its name.
        """
        return tuple(call.layer for call in self._layer_calls().values())

    def activations(self, x: Tensor, layer: str, *, straight_through: bool = False) -> Tensor:
        """What a layer returns, (n, channels, height, width), for pictures (n, 3, h, w) in [0, 1].

        The network is run uncompiled, up to that layer. A vector has height and width 1.

        Args:
            x: the pictures.
            layer: its name, one of `layers`.
            straight_through: pass the gradient through the activation that ends the layer, if one does, unchanged, so
                that a channel that is off can be switched on. The values are the same.

        Raises:
            UnknownNameError: there is no such layer; the message names the nearest.
        """
        call = known_layer(self._layer_calls(), layer)
        return read_layer(self.network, partial(self._logits, x), call, straight_through=straight_through)

    def activations_and_logits(self, x: Tensor, layer: str, *, straight_through: bool = False) -> tuple[Tensor, Tensor]:
        """What a layer returns, as `activations` does, and the logits (n, classes), in one pass.

        The logits have no gradient. Arguments and errors as for `activations`.
        """
        call = known_layer(self._layer_calls(), layer)
        forward = partial(self._logits, x)
        return read_layer_and_outputs(self.network, forward, call, straight_through=straight_through)

    def _layer_calls(self) -> dict[str, LayerCall]:
        if self._layers is None or self._layers[0] is not self.network:
            size = (2, 3, self.input_size, self.input_size)
            x = torch.full(size, 0.5, dtype=self.mean.dtype, device=self.device)
            with plain_torch():
                self._layers = self.network, find_layers(self.network, partial(self._logits, x))
        return self._layers[1]

    def class_index(self, target: str | int) -> int:
        """The index of a class.

        Args:
            target: its name, in any case; a synonym that no other class has; or the index itself.

        Raises:
            UnknownNameError: no such class; the message names the nearest ones.
        """
        if isinstance(target, str):
            search = class_search(self.classes, self.synonyms)
            matches = search.exactly(target)
            if len(matches) == 1:
                return matches[0]
            if matches:
                names = quoted(self.classes[match] for match in matches)
                raise UnknownNameError(f"{target!r} is a name of {len(matches)} classes; give {names}, or an index.")
            raise UnknownNameError(search.unknown(target))
        index = None if hasattr(target, "unit") else whole_number(target)  # a feature is no class
        if index is not None and 0 <= index < len(self.classes):
            return index
        raise UnknownNameError(
            f"There is no class {short_repr(target)}; {self.card.name!r} has {len(self.classes)} classes, "
            f"0 to {len(self.classes) - 1}; give one of them, by name or index."
        )

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of a SHA-256 of the weights."""
        if self._fingerprint is None:
            digest = hashlib.sha256()
            for name, value in sorted(self.network.state_dict().items()):
                digest.update(name.encode())
                digest.update(value.detach().cpu().contiguous().numpy().tobytes())
            self._fingerprint = digest.hexdigest()[:16]
        return self._fingerprint

    @contextmanager
    def in_full_precision(self) -> Generator[None]:
        """Force float32 gradients, so attack strength doesn't depend on the hardware."""
        precision, self.precision = self.precision, FULL
        try:
            yield
        finally:
            self.precision = precision

    def uncompiled(self) -> RobustClassifier:
        """A copy with the same weights that runs the network uncompiled."""
        model = copy.copy(self)
        model.engine = model.step_graphs = None
        return model

    @plain_torch()
    def copy_to(self, device: torch.device) -> RobustClassifier:
        """A copy on another device."""
        model = RobustClassifier(copy.deepcopy(self.network), self.card, self.seeds, self.source).to(device)
        model.loading, model.precision = self.loading, self.precision
        model.engine = copy.copy(self.engine)
        return model

    def __repr__(self) -> str:
        robustness = ", ".join(filter(None, (self.card.claim, self.card.robustness)))
        return (
            f"RobustClassifier({self.card.name!r}: {self.card.architecture}, {len(self.classes)} classes, "
            f"{self.input_size} px, {robustness}, on {self.device})"
        )


class HalfPrecisionClassifier(RobustClassifier):
    """A copy of a model whose convolutions and linear layers compute in half precision and channels-last order.

    Pictures, features, logits and gradients are float32.

    Args:
        model: the original, which isn't changed.
        dtype: ``torch.bfloat16`` or ``torch.float16``.
    """

    def __init__(self, model: RobustClassifier, dtype: torch.dtype) -> None:
        super().__init__(copy.deepcopy(model.network), model.card)
        self.to(model.device)
        self._dtype = dtype
        for module in self.network.modules():
            # All other layers, like normalisations, keep float32.
            if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
                module.to(dtype)
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, x: Tensor) -> Tensor:
        with self._autocast(x):
            return super().forward(x.contiguous(memory_format=torch.channels_last)).float()

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        with self._autocast(x):
            x = x.contiguous(memory_format=torch.channels_last)
            return super().features(x, straight_through=straight_through).float()

    def classify(self, features: Tensor) -> Tensor:
        with self._autocast(features):
            return super().classify(features).float()

    def activations(self, x: Tensor, layer: str, *, straight_through: bool = False) -> Tensor:
        with self._autocast(x):
            x = x.contiguous(memory_format=torch.channels_last)
            return super().activations(x, layer, straight_through=straight_through).float()

    def activations_and_logits(self, x: Tensor, layer: str, *, straight_through: bool = False) -> tuple[Tensor, Tensor]:
        with self._autocast(x):
            x = x.contiguous(memory_format=torch.channels_last)
            values, logits = super().activations_and_logits(x, layer, straight_through=straight_through)
            return values.float(), logits.float()

    def _autocast(self, x: Tensor) -> torch.autocast:
        return torch.autocast(x.device.type, dtype=self._dtype, cache_enabled=False)
