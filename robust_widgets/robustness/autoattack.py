"""AutoAttack, the standard measure of robustness, through the torchattacks package.

Its four attacks run with their published settings (Croce and Hein 2020): APGD on the cross-entropy and on the targeted
DLR loss and targeted FAB, with 100 steps and 9 targets, and Square with 5000 queries. torchattacks' own `AutoAttack`
makes 10 steps and targets every class, so the four are put together here.
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
from robust_widgets.robustness.pgd import ball_and_step, correct

STEPS = 100
TARGETS = 9
QUERIES = 5000
DLR_CLASSES = 4  # the targeted DLR loss compares the four largest logits
NORMS = {"l2": "L2", "linf": "Linf"}
ROUNDING = 1e-4  # relative to epsilon, in float32
HINT = "AutoAttack needs the package torchattacks, which is not installed; run: pip install 'robust-widgets[evaluate]'."


def auto_attack(
    model: RobustClassifier,
    pictures: Tensor,
    labels: Tensor,
    *,
    norm: str,
    epsilon: float,
    seed: int = 0,
    steps: int = STEPS,
    queries: int = QUERIES,
    on_attack: Callable[[str], object] | None = None,
) -> Tensor:
    """Which pictures the model still classifies correctly after all four attacks, bool (n,).

    Each attack runs only on the pictures that survived the previous ones. Pictures that the model misclassifies to
    begin with count as wrong. An attack's result counts only if it really lies within epsilon. The targeted DLR loss
    needs four classes; models with fewer skip that attack.

    Args:
        model: a frozen model.
        pictures: float (n, 3, h, w) in [0, 1], on the model's device.
        labels: the true classes, (n,).
        norm: "l2" or "linf".
        epsilon: raw pixels at the pictures' own size.
        seed: of the random starts, and of Square's search.
        steps: of each gradient attack; 100 as published.
        queries: of Square; 5000 as published.
        on_attack: called with the name of each attack before it runs.

    Raises:
        ParameterError: the norm or epsilon is not allowed, or torchattacks is not installed.
    """
    attacks = make_attacks(model, norm, epsilon, seed=seed, steps=steps, queries=queries)
    ball, _ = ball_and_step(norm, epsilon, 1.0)
    robust = correct(model, pictures, labels)
    # torchattacks seeds torch's global generators; don't disturb the caller's random numbers.
    with torch.random.fork_rng():
        for name, attack in attacks.items():
            remaining = torch.nonzero(robust).flatten()
            if not len(remaining):
                break
            if on_attack is not None:
                on_attack(name)
            originals = pictures[remaining]
            adversarial = attack(originals, labels[remaining]).detach()
            outside = ball.distance(adversarial, originals) > epsilon * (1 + ROUNDING)
            robust[remaining] = correct(model, adversarial, labels[remaining]) | outside
    return robust


def make_attacks(
    model: RobustClassifier, norm: str, epsilon: float, *, seed: int = 0, steps: int = STEPS, queries: int = QUERIES
) -> dict[str, Any]:
    """The attacks by name, in the order in which they run; arguments and errors as for `auto_attack`."""
    ball_and_step(norm, epsilon, 1.0)
    torchattacks = _import_torchattacks()
    common: dict[str, Any] = {"norm": NORMS[norm], "eps": epsilon, "seed": seed}
    targets = min(TARGETS + 1, len(model.classes))
    attacks = {"APGD-CE": torchattacks.APGD(model, steps=steps, loss="ce", **common)}
    if len(model.classes) >= DLR_CLASSES:
        attacks["APGD-T"] = torchattacks.APGDT(model, steps=steps, n_classes=targets, **common)
    attacks["FAB-T"] = torchattacks.FAB(model, steps=steps, multi_targeted=True, n_classes=targets, **common)
    attacks["Square"] = torchattacks.Square(model, n_queries=queries, **common)
    return attacks


def _import_torchattacks() -> Any:
    try:
        return importlib.import_module("torchattacks")
    except ImportError:
        raise ParameterError(HINT) from None


CACHE_KIND = "autoattack"


@dataclass(frozen=True)
class CachedAutoAttack:
    """AutoAttack on one batch, whose result is cached on disk; arguments as for `auto_attack`."""

    model: RobustClassifier
    pictures: Tensor
    labels: Tensor
    norm: str
    epsilon: float
    seed: int

    def load(self) -> Tensor | None:
        """The cached result for this model, batch and settings, or None."""
        robust = (read_cache(CACHE_KIND, self._key()) or {}).get("right")
        if not isinstance(robust, list) or len(robust) != len(self.labels):  # pyright: ignore[reportUnknownArgumentType]
            return None
        return torch.tensor(robust, dtype=torch.bool, device=self.labels.device)

    def run(self, on_attack: Callable[[str], object]) -> Tensor:
        """Run the attacks and cache which pictures survive, bool (n,)."""
        robust = auto_attack(
            self.model,
            self.pictures,
            self.labels,
            norm=self.norm,
            epsilon=self.epsilon,
            seed=self.seed,
            on_attack=on_attack,
        )
        write_cache(CACHE_KIND, self._key(), {"right": robust.tolist()})
        return robust

    def _key(self) -> tuple[object, ...]:
        batch = hashlib.sha256()
        for tensor in (self.pictures, self.labels):
            batch.update(tensor.cpu().contiguous().numpy().tobytes())
        settings = self.norm, float(self.epsilon), self.seed, STEPS, QUERIES
        return self.model.fingerprint, batch.hexdigest(), settings
