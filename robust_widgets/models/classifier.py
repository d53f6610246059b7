"""A classifier that pictures are painted with: a network, its class names and its normalisation."""

from __future__ import annotations

import copy
import hashlib
import operator
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from robust_widgets.compiler.engine import Engine
from robust_widgets.errors import UnknownNameError, WeightsError, quoted
from robust_widgets.interface.class_search import class_search
from robust_widgets.models.card import ModelCard
from robust_widgets.models.loading.class_names import synonyms
from robust_widgets.runs.record import LoadSpec

FULL = "float32"
PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16, FULL: torch.float32}


class RobustClassifier(nn.Module):
    """A network that takes pictures in [0, 1] and owns its normalisation.

    ``forward`` maps (n, 3, h, w) float in [0, 1] to logits (n, classes). A fresh instance is in evaluation mode with
    its parameters frozen, because painting moves the picture and never the weights.

    Args:
        network: maps normalised pictures to logits. Its ``features`` method gives the penultimate layer, and its
            ``head`` maps that to the logits; without them everything works but feature painting.
        card: what is known of the model.
        seeds: the class seed distributions for generation, where the model has them.
        source: the weights file it was read from, where there is one; its catalogue of features lies beside it.

    Attributes:
        loading: how it is loaded again, for a model that was brought; None for one of this package's.
        engine: what runs the network faster; None where it runs as it is.
        precision: the one that steps are tried in, recorded on a GPU; None for whichever is fast
            and gives the same answers.
        captures: the steps that were recorded on a GPU, if any; the step loop keeps them here.
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
        self.engine: Engine | None = None
        self.precision: str | None = None
        self.captures: object = None
        self.register_buffer("mean", torch.tensor(card.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(card.std).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.card.classes

    @property
    def synonyms(self) -> tuple[tuple[str, ...], ...]:
        """Other names of each class, in the order of the logits; empty where none are known."""
        return synonyms(self.classes)

    @property
    def input_size(self) -> int:
        """Side in pixels of the pictures the model was trained on."""
        return self.card.input_size

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def compile(self, *, always: bool = False) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Run the network by the fastest way on this machine from now on.

        Batch normalisations are folded into the convolutions, and where ONNX Runtime is installed (the extra ``fast``)
        it carries them out. Answers stay the same within 1e-4 of the largest, gradients within rounding. That holds for
        float32 pictures on a CPU, frozen weights and first derivatives; anything else is answered by the network
        itself. On a CUDA device runs record their steps and replay them instead.
        Compile again after replacing weights by other means than ``load_state_dict``.

        Args:
            always: take the way that is known to be the fastest on most machines. By default the ways are measured
                when the first picture comes, and again when the first few and the first many at once come; that takes
                a second or two in all, more for large networks, once for a model and a machine.
        """
        self.engine = Engine(always)

    def warm_up(self, pictures: int = 1) -> None:
        """Have what is made once for a size of picture made now, for the model's own size.

        Args:
            pictures: how many at once; which way is the fastest depends on that.
        """
        if self.engine is not None:
            with torch.no_grad():
                self(torch.zeros(pictures, 3, self.input_size, self.input_size, device=self.device))

    def forward(self, x: Tensor) -> Tensor:
        if self._gives_features():
            features = self._prepared("features", self._features, x)
            logits = None if features is None else self.classify(features)
        else:
            logits = self._prepared("logits", self._logits, x)
        return self._logits(x) if logits is None else logits

    def _prepared(self, kind: str, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor | None:
        return None if self.engine is None else self.engine.answer(self, kind, function, x)

    def _gives_features(self) -> bool:
        return all(callable(getattr(self.network, name, None)) for name in ("features", "head"))

    def _logits(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.network((x - self.mean) / self.std))

    def _features(self, x: Tensor, straight_through: bool = False) -> Tensor:
        features = cast(Any, self.network).features
        return cast(Tensor, features((x - self.mean) / self.std, straight_through=straight_through))

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        """The penultimate layer, (n, units), of pictures (n, 3, h, w) in [0, 1].

        Args:
            x: the pictures.
            straight_through: the last activation hands its gradient on unchanged, so that a unit which is off can be
                switched on (paper, section 3.5). The values are the same.

        Raises:
            WeightsError: the network has no ``features`` method.
        """
        if not callable(getattr(self.network, "features", None)):
            raise WeightsError(
                f"The network of {self.card.name!r} gives no access to its penultimate layer; feature painting needs "
                "one with a 'features' method."
            )
        function = partial(self._features, straight_through=straight_through)
        found = self._prepared("straight-through features" if straight_through else "features", function, x)
        return function(x) if found is None else found

    def classify(self, features: Tensor) -> Tensor:
        """Logits (n, classes) of a penultimate layer (n, units) that `features` gave.

        Raises:
            WeightsError: the network has no ``head``.
        """
        head = getattr(self.network, "head", None)
        if not callable(head):
            raise WeightsError(f"The network of {self.card.name!r} has no 'head' that maps its features to the logits.")
        return cast(Tensor, head(features))

    def class_index(self, target: str | int) -> int:
        """The index of a class given by name (any case), by another name that it alone has, or by index.

        Raises:
            UnknownNameError: no such class; the message names the nearest ones.
        """
        if isinstance(target, str):
            search = class_search(self.classes, self.synonyms)
            found = search.exactly(target)
            if len(found) == 1:
                return found[0]
            if found:
                raise UnknownNameError(
                    f"{target!r} is a name of {len(found)} classes; give {quoted(self.classes[one] for one in found)}, "
                    "or an index."
                )
            raise UnknownNameError(search.unknown(target))
        if not isinstance(target, bool) and hasattr(target, "__index__"):
            index = operator.index(target)
            if 0 <= index < len(self.classes):
                return index
        raise UnknownNameError(
            f"There is no class {target!r}; {self.card.name!r} has {len(self.classes)} classes, "
            f"0 to {len(self.classes) - 1}."
        )

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of a SHA-256 over the weights; two models with the same one are the same."""
        if self._fingerprint is None:
            digest = hashlib.sha256()
            for name, value in sorted(self.network.state_dict().items()):
                digest.update(name.encode())
                digest.update(value.detach().cpu().contiguous().numpy().tobytes())
            self._fingerprint = digest.hexdigest()[:16]
        return self._fingerprint

    @contextmanager
    def in_full_precision(self) -> Generator[None]:
        """While it lasts, gradients are float32, too: how strong an attack is shall not depend on the machine."""
        precision, self.precision = self.precision, FULL
        try:
            yield
        finally:
            self.precision = precision

    def uncompiled(self) -> RobustClassifier:
        """The same weights in a model that runs the network's own operations; this one stays what it is."""
        other = copy.copy(self)
        other.engine = other.captures = None
        return other

    def copy_to(self, device: torch.device) -> RobustClassifier:
        """An equal model on another device; this one stays where it is."""
        copied = RobustClassifier(copy.deepcopy(self.network), self.card, self.seeds, self.source).to(device)
        copied.loading, copied.precision = self.loading, self.precision
        copied.engine = copy.copy(self.engine)
        return copied

    def __repr__(self) -> str:
        about = ", ".join(filter(None, (self.card.claim, self.card.robustness)))
        return (
            f"RobustClassifier({self.card.name!r}: {self.card.architecture}, {len(self.classes)} classes, "
            f"{self.input_size} px, {about}, on {self.device})"
        )
