"""The network's own weights among those of a file: training code adds a prefix to their names, and weights of its own.

A LightningModule with a network ``net`` and a loss ``criterion`` saves ``net.conv1.weight`` and ``criterion.weight``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from robust_widgets.errors import WeightsError, quoted
from robust_widgets.models.loading.infer_architecture import build_torchvision, candidates

State: TypeAlias = "dict[str, Tensor]"
MAX_PARTS = 3  # of a prefix, such as "trainer.model.net."
MAX_PREFIXES = 200  # that are tried; a network has fewer, and a file may have any number


def part_of(path: Path, state: State, architecture: str | None) -> State:
    """The weights of the one network in a file, by the names that the network gives them.

    All weights, if there is none, so that what follows can tell what is wrong with them.

    Raises:
        WeightsError: there are several networks.
    """
    fits = _fits(architecture)
    if fits(state):
        return state
    networks = {prefix: part for prefix in _prefixes(state) if fits(part := _under(prefix, state))}
    if len(networks) > 1:
        raise WeightsError(
            f"There are {len(networks)} networks in {str(path)!r}, under the names {quoted(networks)}; save the state "
            "dict of one of them alone, and give that file."
        )
    return next(iter(networks.values()), state)


def _fits(architecture: str | None) -> Callable[[State], bool]:
    """Whether weights are those of a known network; for a named one of torchvision, of that."""
    library, _, name = (architecture or "").partition(":")
    if library != "torchvision":
        return lambda state: bool(candidates(state))
    try:
        with torch.device("meta"):
            names = build_torchvision(name).state_dict().keys()
    except ValueError:  # there is none of this name, which is reported later
        return lambda state: True
    needed = {name for name in names if not name.endswith("num_batches_tracked")}
    return lambda state: needed <= state.keys()


def _prefixes(state: Mapping[str, Tensor]) -> list[str]:
    """What the names begin with, up to some dot, the shortest first."""
    prefixes: dict[str, None] = {}
    for count in range(1, MAX_PARTS + 1):
        for name in state:
            parts = name.split(".")
            if len(parts) > count + 1:
                prefixes[".".join(parts[:count]) + "."] = None
    return list(prefixes)[:MAX_PREFIXES]


def _under(prefix: str, state: State) -> State:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
