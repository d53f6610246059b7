"""AutoAttack, the field's standard measure of robustness, through the torchattacks package.

Its four attacks with the settings they were published with (Croce and Hein 2020): APGD on the cross-entropy and on
the targeted DLR loss, targeted FAB, 100 steps each and 9 targets, and Square with 5000 queries. torchattacks' own
`AutoAttack` makes 10 steps and takes every class as a target, so the parts are put together here.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from robust_widgets._files import read_cache, write_cache
from robust_widgets.errors import ParameterError
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness.pgd import ball_and_step

STEPS = 100
TARGETS = 9
QUERIES = 5000
DLR_CLASSES = 4  # the targeted DLR loss looks at the four largest logits
NORMS = {"l2": "L2", "linf": "Linf"}
ROUNDING = 1e-4  # of the radius, in single precision
HINT = "AutoAttack needs the package torchattacks, which is not installed; run: pip install 'robust-widgets[evaluate]'."


def auto_attack(
    model: RobustClassifier,
    pictures: Tensor,
    labels: Tensor,
    *,
    norm: str,
    radius: float,
    seed: int = 0,
    steps: int = STEPS,
    queries: int = QUERIES,
    say: Callable[[str], object] | None = None,
) -> Tensor:
    """Which pictures the model is still right about after each of the attacks, bool (n,).

    Each attack is made on those that the ones before it left; a picture that the model gets wrong as it is counts as
    wrong. Every picture an attack hands back is looked at again, and counts only within the radius. Where the model
    has fewer than four classes, the targeted DLR loss is not defined and its attack is left out.

    Args:
        model: a frozen model.
        pictures: float (n, 3, h, w) in [0, 1], on the model's device.
        labels: the true classes, (n,).
        norm: "l2" or "linf".
        radius: raw pixels at the pictures' side.
        seed: decides the random starts and the search of Square.
        steps: of each gradient attack; the published 100.
        queries: of Square; the published 5000.
        say: called with the name of each attack before it is made.

    Raises:
        ParameterError: the norm or radius is not allowed, or torchattacks is not installed.
    """
    parts = attacks(model, norm, radius, seed=seed, steps=steps, queries=queries)
    right = _right(model, pictures, labels)
    # torchattacks seeds torch's global generators; a caller's own draws must not depend on that.
    with torch.random.fork_rng():
        for name, part in parts.items():
            left = torch.nonzero(right).flatten()
            if not len(left):
                break
            if say is not None:
                say(name)
            found = part(pictures[left], labels[left]).detach()
            within = distance(found, pictures[left], norm) <= radius * (1 + ROUNDING)
            right[left] = _right(model, found, labels[left]) | ~within
    return right


def attacks(
    model: RobustClassifier, norm: str, radius: float, *, seed: int = 0, steps: int = STEPS, queries: int = QUERIES
) -> dict[str, Any]:
    """The attacks by name, in the order in which they are made; arguments and errors as for `auto_attack`."""
    ball_and_step(norm, radius, 1.0)
    library = _torchattacks()
    common: dict[str, Any] = {"norm": NORMS[norm], "eps": radius, "seed": seed}
    targets = min(TARGETS + 1, len(model.classes))
    parts = {"APGD-CE": library.APGD(model, steps=steps, loss="ce", **common)}
    if len(model.classes) >= DLR_CLASSES:
        parts["APGD-T"] = library.APGDT(model, steps=steps, n_classes=targets, **common)
    parts["FAB-T"] = library.FAB(model, steps=steps, multi_targeted=True, n_classes=targets, **common)
    parts["Square"] = library.Square(model, n_queries=queries, **common)
    return parts


def distance(pictures: Tensor, others: Tensor, norm: str) -> Tensor:
    """The distance of each picture from its other, (n,), in the norm."""
    return torch.linalg.vector_norm((pictures - others).flatten(1), ord=2 if norm == "l2" else torch.inf, dim=1)


@torch.no_grad()
def _right(model: RobustClassifier, pictures: Tensor, labels: Tensor) -> Tensor:
    return model(pictures).argmax(1) == labels


def _torchattacks() -> Any:
    try:
        return importlib.import_module("torchattacks")
    except ImportError:
        raise ParameterError(HINT) from None


KIND = "autoattack"


@dataclass(frozen=True)
class Batch:
    """Pictures that are attacked together; arguments as for `auto_attack`."""

    model: RobustClassifier
    pictures: Tensor
    labels: Tensor
    norm: str
    radius: float
    seed: int

    def known(self) -> Tensor | None:
        """What was found of it before, by the same model with the same settings; None where nothing was."""
        found = (read_cache(KIND, self._key()) or {}).get("right")
        if not isinstance(found, list) or len(found) != len(self.labels):  # pyright: ignore[reportUnknownArgumentType]
            return None
        return torch.tensor(found, dtype=torch.bool, device=self.labels.device)

    def attacked(self, say: Callable[[str], object]) -> Tensor:
        """Attack it, and keep which pictures the model is still right about, bool (n,)."""
        right = auto_attack(
            self.model, self.pictures, self.labels, norm=self.norm, radius=self.radius, seed=self.seed, say=say
        )
        write_cache(KIND, self._key(), {"right": right.tolist()})
        return right

    def _key(self) -> tuple[object, ...]:
        shown = hashlib.sha256()
        for part in (self.pictures, self.labels):
            shown.update(part.cpu().contiguous().numpy().tobytes())
        settings = self.norm, float(self.radius), self.seed, STEPS, QUERIES
        return self.model.fingerprint, shown.hexdigest(), settings
