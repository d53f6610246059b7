"""Where the weights and the normalisation lie in what others save.

Known layouts: a bare state dict; a checkpoint with the state dict as one of its entries; each of these from inside
DataParallel or torch.compile; the robustness library's attacker model (MIT licence), which holds the weights twice and
a normaliser; RobustBench's networks (MIT licence), which hold a mean and a deviation beside their weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

import torch
from torch import Tensor

from robust_widgets.errors import WeightsError
from robust_widgets.models.foreign.reading import checked_weights

Colour: TypeAlias = tuple[float, float, float]

# Where a checkpoint keeps its state dict, the likeliest first.
ENTRIES = ("model", "state_dict", "model_state_dict", "net", "last", "best")
WRAPPERS = ("module.", "_orig_mod.", "model.")
# Beside the weights: a mean and a deviation for each channel.
NORMALISERS = (
    ("normalizer.new_mean", "normalizer.new_std"),
    ("normalize.new_mean", "normalize.new_std"),
    ("normalize.mean", "normalize.std"),
    ("normalizer.mean", "normalizer.std"),
    ("mu", "sigma"),
    ("mean", "std"),
)
DEEPEST = 4


@dataclass(frozen=True)
class Weights:
    """A network's weights, and the normalisation that was saved with them.

    Attributes:
        state: float16, bfloat16 or float32 tensors (and integer counters) under the names that the network gives them.
        mean, std: per channel, pictures in [0, 1]; None where the file says nothing.
    """

    state: dict[str, Tensor]
    mean: Colour | None = None
    std: Colour | None = None

    def as_state(self) -> dict[str, Tensor]:
        """All of it as one state dict, which `weights_in` reads back."""
        found = {f"model.{name}": value for name, value in self.state.items()}
        if self.mean is not None and self.std is not None:
            for name, values in zip(NORMALISERS[0], (self.mean, self.std), strict=True):
                found[name] = torch.tensor(values).view(3, 1, 1)
        return found


def weights_in(path: Path, content: object) -> Weights:
    """The weights in what was read from a file.

    Args:
        path: the file, to be named in an error.
        content: what it held, unchecked.

    Raises:
        WeightsError: there is no state dict in it, or it holds what no weight can be.
    """
    state = _unwrapped(_state_dict(path, content))
    mean, std = _take_normaliser(path, state)
    inner = {name: value for name, value in state.items() if not name.startswith(("attacker.", "normalize"))}
    return Weights(checked_weights(path, _unwrapped(inner)), mean, std)


def _state_dict(path: Path, content: object, depth: int = 0) -> dict[str, object]:
    if isinstance(content, Mapping) and depth < DEEPEST:
        entries = cast("Mapping[object, object]", content)
        for entry in ENTRIES:
            if isinstance(entries.get(entry), Mapping):
                return _state_dict(path, entries[entry], depth + 1)
        if any(isinstance(value, Tensor) for value in entries.values()):
            return {str(name): value for name, value in entries.items() if isinstance(value, Tensor)}
    raise WeightsError(
        f"There is no state dict in {str(path)!r}; give a file with one, bare or as its entry "
        f"{' or '.join(map(repr, ENTRIES[:2]))}."
    )


def _unwrapped(state: dict[str, object]) -> dict[str, object]:
    """The state dict without the prefixes that a wrapper puts before every name."""
    for wrapper in WRAPPERS:
        if state and all(name.startswith(wrapper) for name in state):
            return _unwrapped({name.removeprefix(wrapper): value for name, value in state.items()})
    return state


def _take_normaliser(path: Path, state: dict[str, object]) -> tuple[Colour, Colour] | tuple[None, None]:
    """Take the mean and the deviation out of a state dict."""
    for names in NORMALISERS:
        if all(name in state for name in names):
            taken = checked_weights(path, {name: state.pop(name) for name in names})
            if any(value.numel() != 3 for value in taken.values()):
                shapes = " and ".join(str(tuple(value.shape)) for value in taken.values())
                raise WeightsError(
                    f"{names[0]!r} and {names[1]!r} in {str(path)!r} have the shapes {shapes}; a normalisation has "
                    "three values, for red, green and blue."
                )
            mean, std = (cast(Colour, tuple(value.flatten().tolist())) for value in taken.values())
            if min(std) <= 0:
                raise WeightsError(f"The deviation in {str(path)!r} is {std}; it must be above 0 in each channel.")
            return mean, std
    return None, None
