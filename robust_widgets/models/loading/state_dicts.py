"""Find the weights and the normalisation in a checkpoint.

Known layouts: a bare state dict; a checkpoint with the state dict as one of its entries; either of these from
DataParallel or torch.compile; the robustness library's attacker model (MIT licence), which holds the weights twice, and
a normaliser; RobustBench's networks (MIT licence), which hold a mean and a standard deviation next to their weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

import torch
from torch import Tensor

from robust_widgets.errors import WeightsError
from robust_widgets.models.loading.safe_load import checked_weights

Colour: TypeAlias = tuple[float, float, float]

# The entries of a checkpoint that may hold its state dict, the most likely first.
ENTRIES = ("model", "state_dict", "model_state_dict", "net", "last", "best")
WRAPPERS = ("module.", "_orig_mod.", "model.")
# Next to the weights: a mean and a standard deviation for each channel.
NORMALISERS = (
    ("normalizer.new_mean", "normalizer.new_std"),
    ("normalize.new_mean", "normalize.new_std"),
    ("normalize.mean", "normalize.std"),
    ("normalizer.mean", "normalizer.std"),
    ("mu", "sigma"),
    ("mean", "std"),
)
MAX_DEPTH = 4


@dataclass(frozen=True)
class Weights:
    """A network's weights, and the normalisation saved with them.

    Attributes:
        state: tensors of float16, bfloat16 or float32 (and integer counters) by the names that the network gives them.
        mean: per channel, for pictures in [0, 1]; None if the file has none.
        std: standard deviation, likewise.
    """

    state: dict[str, Tensor]
    mean: Colour | None = None
    std: Colour | None = None

    def as_state_dict(self) -> dict[str, Tensor]:
        """Weights and normalisation as one state dict, which `weights_in` can read."""
        state = {f"model.{name}": value for name, value in self.state.items()}
        if self.mean is not None and self.std is not None:
            for name, values in zip(NORMALISERS[0], (self.mean, self.std), strict=True):
                state[name] = torch.tensor(values, dtype=torch.float32).view(3, 1, 1)
        return state


def weights_in(path: Path, content: object) -> Weights:
    """The weights in the content of a file.

    Args:
        path: the file, for error messages.
        content: what it held, unchecked.

    Raises:
        WeightsError: it has no state dict, or a value that cannot be a weight.
    """
    state = _without_wrappers(_state_dict(path, content))
    mean, std = _pop_normaliser(path, state)
    inner = {name: value for name, value in state.items() if not name.startswith(("attacker.", "normalize"))}
    return Weights(checked_weights(path, _without_wrappers(inner)), mean, std)


def _state_dict(path: Path, content: object, depth: int = 0) -> dict[str, object]:
    if isinstance(content, Mapping) and depth < MAX_DEPTH:
        entries = cast("Mapping[object, object]", content)
        for entry in ENTRIES:
            if isinstance(entries.get(entry), Mapping):
                return _state_dict(path, entries[entry], depth + 1)
        tensors = {
            name: value for name, value in entries.items() if isinstance(name, str) and isinstance(value, Tensor)
        }
        if tensors:
            return dict(tensors)
    raise WeightsError(
        f"There is no state dict in {str(path)!r}; give a file with one, bare or as its entry "
        f"{' or '.join(map(repr, ENTRIES[:2]))}."
    )


def _without_wrappers(state: dict[str, object]) -> dict[str, object]:
    """The state dict without the prefixes that DataParallel and the like add to every name."""
    for wrapper in WRAPPERS:
        if state and all(name.startswith(wrapper) for name in state):
            return _without_wrappers({name.removeprefix(wrapper): value for name, value in state.items()})
    return state


def _pop_normaliser(path: Path, state: dict[str, object]) -> tuple[Colour, Colour] | tuple[None, None]:
    """Remove the mean and the standard deviation from a state dict, and return them."""
    for names in NORMALISERS:
        if all(name in state for name in names):
            values = checked_weights(path, {name: state.pop(name) for name in names})
            if any(value.numel() != 3 for value in values.values()):
                shapes = " and ".join(str(tuple(value.shape)) for value in values.values())
                raise WeightsError(
                    f"{names[0]!r} and {names[1]!r} in {str(path)!r} have the shapes {shapes}; a normalisation needs "
                    "three values, for red, green and blue."
                )
            mean, std = (cast(Colour, tuple(value.flatten().tolist())) for value in values.values())
            if min(std) <= 0:
                raise WeightsError(
                    f"The standard deviation in {str(path)!r} is {std}; it must be above 0 in each channel."
                )
            return mean, std
    return None, None
