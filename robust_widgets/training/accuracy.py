"""Clean accuracy, and accuracy under attack."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from robust_widgets._deprecated import renamed_keywords
from robust_widgets.errors import ParameterError, quoted
from robust_widgets.interface.shards import Shard
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness.autoattack import CachedAutoAttack, make_attacks
from robust_widgets.robustness.pgd import ball_and_step, correct, pgd
from robust_widgets.training.data import PictureSet

PGD, AUTOATTACK = "pgd", "autoattack"
ATTACKS = (PGD, AUTOATTACK)
AUTOATTACK_PER_CLASS = 5  # pictures of each class by default: AutoAttack is slow


@dataclass(frozen=True)
class AttackResult:
    """Which pictures of a set a model classified correctly, before and after an attack.

    Attributes:
        attack: its name, for example ``"l2 1, 20 steps"`` or ``"AutoAttack l2 1"``.
        labels: the true classes, int64 (n,).
        clean: whether the model was right, bool (n,).
        robust: whether it was right both before and after the attack, bool (n,).
    """

    attack: str
    labels: Tensor
    clean: Tensor
    robust: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def of_class(self, label: int) -> AttackResult:
        """The result on the pictures of one class."""
        rows = self.labels == label
        return AttackResult(self.attack, self.labels[rows], self.clean[rows], self.robust[rows])

    def accuracies(self) -> dict[str, float]:
        """``{"clean": accuracy, attack: accuracy}``, each in [0, 1]; NaN if there are no pictures."""
        return {"clean": _mean(self.clean), self.attack: _mean(self.robust)}


def attack_name(norm: str, epsilon: float, steps: int, kind: str = PGD) -> str:
    """The name of an attack in tables and on model cards.

    Raises:
        ParameterError: there is no such attack.
    """
    if kind not in ATTACKS:
        raise ParameterError(f"The attack is {kind!r}; it must be {quoted(ATTACKS)}.")
    return f"{norm} {epsilon:g}, {steps} steps" if kind == PGD else f"AutoAttack {norm} {epsilon:g}"


def evenly_spaced(count: int, limit: int | None) -> Tensor:
    """Indices of ``limit`` out of ``count`` pictures, evenly spaced, or of all of them; int64."""
    return torch.linspace(0, count - 1, count if limit is None else min(limit, count)).long()


@dataclass(frozen=True)
class AttackPlan:
    """Which attacks to measure with, and on how many pictures.

    Attributes:
        norm, epsilons: the limits of the attacks; epsilons in raw pixels.
        kinds: of ``ATTACKS``.
        steps: of PGD.
        limit: number of pictures, evenly spaced over the set; all by default.
        autoattack_limit: number of pictures for AutoAttack; by default 5 a class, and at most ``limit``.
        autoattack_epsilons: epsilons for AutoAttack, which takes hours; by default ``epsilons``.
        batch_size: pictures attacked at once.
        use_cache: reuse earlier AutoAttack results of the same batch.
        shard: only this part of the batches; all by default.
    """

    norm: str
    epsilons: tuple[float, ...]
    kinds: tuple[str, ...] = (PGD,)
    steps: int = 20
    limit: int | None = None
    autoattack_limit: int | None = None
    autoattack_epsilons: tuple[float, ...] = ()
    batch_size: int = 128
    use_cache: bool = True
    shard: Shard | None = None

    def check(self, model: RobustClassifier) -> None:
        """Reject bad settings before anything is measured.

        Raises:
            ParameterError: an attack, the norm or an epsilon is not allowed, or torchattacks is not installed.
        """
        for kind in self.kinds:
            for epsilon in self._epsilons(kind):
                ball_and_step(self.norm, epsilon, 1.0)
                attack_name(self.norm, epsilon, self.steps, kind)
                if kind == AUTOATTACK:
                    make_attacks(model, self.norm, epsilon)

    def attacks(self, data: PictureSet) -> list[PlannedAttack]:
        """All attacks on a set of pictures, grouped by kind."""
        return [
            PlannedAttack(self, kind, epsilon, len(evenly_spaced(len(data), self._limit(kind, len(data.classes)))))
            for kind in self.kinds
            for epsilon in self._epsilons(kind)
        ]

    def _epsilons(self, kind: str) -> tuple[float, ...]:
        return self.autoattack_epsilons or self.epsilons if kind == AUTOATTACK else self.epsilons

    def _limit(self, kind: str, classes: int) -> int | None:
        if kind != AUTOATTACK:
            return self.limit
        limit = self.autoattack_limit or AUTOATTACK_PER_CLASS * classes
        return limit if self.limit is None else min(limit, self.limit)


@dataclass(frozen=True)
class PlannedAttack:
    """One attack of a plan.

    Attributes:
        plan: settings shared by all attacks.
        kind, epsilon: of this attack.
        count: number of pictures.
    """

    plan: AttackPlan
    kind: str
    epsilon: float
    count: int

    @property
    def name(self) -> str:
        return attack_name(self.plan.norm, self.epsilon, self.plan.steps, self.kind)

    def run(self, model: RobustClassifier, data: PictureSet) -> AttackResult:
        """Run it; see :func:`run_attack`."""
        return run_attack(
            model,
            data,
            norm=self.plan.norm,
            epsilon=self.epsilon,
            steps=self.plan.steps,
            kind=self.kind,
            batch_size=self.plan.batch_size,
            limit=self.count,
            use_cache=self.plan.use_cache,
            shard=self.plan.shard,
        )


def run_attack(
    model: RobustClassifier,
    data: PictureSet,
    *,
    norm: str = "l2",
    epsilon: float = 1.0,
    steps: int = 20,
    kind: str = PGD,
    batch_size: int = 128,
    limit: int | None = None,
    progress: bool = True,
    use_cache: bool = True,
    shard: Shard | None = None,
) -> AttackResult:
    """Classify pictures before and after an attack.

    AutoAttack's result on each batch is cached on disk at once: an interrupted run resumes, and a repeated one takes no
    time.

    Args:
        model: a frozen model.
        data: labelled pictures, classes in the model's order.
        norm, epsilon: limit of the attack; epsilon in raw pixels.
        steps: of PGD, each 2.5 * epsilon / steps long; AutoAttack has its own.
        kind: ``"pgd"``, or ``"autoattack"``, which is several hundred times as slow; see :func:`auto_attack`.
        batch_size: pictures attacked at once.
        limit: number of pictures, evenly spaced over the set; all by default.
        progress: show a progress bar.
        use_cache: reuse earlier AutoAttack results of the same batch.
        shard: attack only this part of the batches, which are the same whatever the part; all by default.

    Raises:
        ParameterError: the attack, the norm or epsilon is not allowed, or torchattacks is not installed.
    """
    name = attack_name(norm, epsilon, steps, kind)
    if kind == AUTOATTACK:
        make_attacks(model, norm, epsilon)  # fail early if it is not installed
    batches = evenly_spaced(len(data), limit).split(batch_size)
    if shard is not None:
        own = shard.positions(len(batches))
        batches = batches[own.start : own.stop]
    chosen = torch.cat([torch.empty(0, dtype=torch.long), *batches])
    clean: list[Tensor] = [torch.empty(0, dtype=torch.bool)]
    robust: list[Tensor] = [torch.empty(0, dtype=torch.bool)]
    bar = tqdm(total=len(chosen), desc=f"evaluating, {name}", unit="picture", disable=not progress)
    with bar, model.in_full_precision():
        for index in batches:
            pictures = data.floats(index).to(model.device)
            labels = data.labels[index].to(model.device)
            right, seed = correct(model, pictures, labels), int(index[0])
            if kind == PGD:
                adversarial = pgd(model, pictures, labels, norm=norm, epsilon=epsilon, steps=steps, seed=seed)
                survived = right & correct(model, adversarial, labels)
            else:
                attack = CachedAutoAttack(model, pictures, labels, norm, epsilon, seed)
                cached = attack.load() if use_cache else None
                survived = attack.run(bar.set_postfix_str) if cached is None else cached
            clean.append(right.cpu())
            robust.append(survived.cpu())
            bar.update(len(index))
    return AttackResult(name, data.labels[chosen], torch.cat(clean), torch.cat(robust))


@renamed_keywords(radius="epsilon")
def accuracy(
    model: RobustClassifier,
    data: PictureSet,
    *,
    norm: str = "l2",
    epsilon: float = 1.0,
    steps: int = 20,
    kind: str = PGD,
    batch_size: int = 128,
    limit: int | None = None,
    progress: bool = True,
) -> dict[str, float]:
    """A model's accuracy on clean and on attacked pictures; arguments as for :func:`run_attack`.

    Returns:
        ``{"clean": accuracy, attack: accuracy}``, each in [0, 1]; PGD is named ``"<norm> <epsilon>, <steps> steps"``. A
        picture counts as robustly correct only if the model is right both before and after the attack.
    """
    result = run_attack(
        model,
        data,
        norm=norm,
        epsilon=epsilon,
        steps=steps,
        kind=kind,
        batch_size=batch_size,
        limit=limit,
        progress=progress,
    )
    return result.accuracies()


def _mean(right: Tensor) -> float:
    return round(float(right.double().mean()), 4)
