"""How often a model is right, on clean pictures and on attacked ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from robust_widgets.errors import ParameterError, quoted
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness.autoattack import Batch, attacks
from robust_widgets.robustness.pgd import attack, ball_and_step, correct
from robust_widgets.training.data import PictureSet

PGD, AUTOATTACK = "pgd", "autoattack"
ATTACKS = (PGD, AUTOATTACK)
AUTO_EACH = 5  # pictures of each class that AutoAttack is made on, where it is not said: it is dear


@dataclass(frozen=True)
class Verdicts:
    """What a model made of each picture of a set.

    Attributes:
        attack: the attack in words, for example ``"l2 1, 20 steps"`` or ``"AutoAttack l2 1"``.
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

    def of_class(self, label: int) -> Verdicts:
        """Those on the pictures of one class."""
        own = self.labels == label
        return Verdicts(self.attack, self.labels[own], self.clean[own], self.robust[own])

    def shares(self) -> dict[str, float]:
        """``{"clean": share, attack: share}`` in [0, 1]; NaN where there is no picture."""
        return {"clean": _share(self.clean), self.attack: _share(self.robust)}


def attack_name(norm: str, radius: float, steps: int, kind: str = PGD) -> str:
    """What an attack is called in a table and in a model's card.

    Raises:
        ParameterError: there is no such attack.
    """
    if kind not in ATTACKS:
        raise ParameterError(f"The attack is {kind!r}; it must be {quoted(ATTACKS)}.")
    return f"{norm} {radius:g}, {steps} steps" if kind == PGD else f"AutoAttack {norm} {radius:g}"


def spread(count: int, limit: int | None) -> Tensor:
    """The indices of ``limit`` of ``count`` pictures, evenly spread; of all by default. int64."""
    return torch.linspace(0, count - 1, count if limit is None else min(limit, count)).long()


@dataclass(frozen=True)
class Attacks:
    """Which attacks to measure with, and on how many pictures.

    Attributes:
        norm, radii: the radii in raw pixels.
        kinds: of ``ATTACKS``.
        steps: of PGD.
        limit: pictures, evenly spread over the set; all by default.
        auto_limit: pictures for AutoAttack; by default 5 a class, and never more than ``limit``.
        auto_radii: radii for AutoAttack, which takes hours; by default ``radii``.
        batch_size: pictures attacked at once.
        afresh: what AutoAttack found of a batch before is found anew.
    """

    norm: str
    radii: tuple[float, ...]
    kinds: tuple[str, ...] = (PGD,)
    steps: int = 20
    limit: int | None = None
    auto_limit: int | None = None
    auto_radii: tuple[float, ...] = ()
    batch_size: int = 128
    afresh: bool = False

    def check(self, model: RobustClassifier) -> None:
        """Refuse what cannot be measured before anything is.

        Raises:
            ParameterError: an attack, the norm or a radius is not allowed, or torchattacks is not installed.
        """
        for kind in self.kinds:
            for radius in self._radii(kind):
                ball_and_step(self.norm, radius, 1.0)
                attack_name(self.norm, radius, self.steps, kind)
                if kind == AUTOATTACK:
                    attacks(model, self.norm, radius)

    def each(self, data: PictureSet) -> list[Attack]:
        """All of them on a set of pictures, those of one kind after the other."""
        return [
            Attack(self, kind, radius, len(spread(len(data), self._limit(kind, len(data.classes)))))
            for kind in self.kinds
            for radius in self._radii(kind)
        ]

    def _radii(self, kind: str) -> tuple[float, ...]:
        return self.auto_radii or self.radii if kind == AUTOATTACK else self.radii

    def _limit(self, kind: str, classes: int) -> int | None:
        if kind != AUTOATTACK:
            return self.limit
        fewer = self.auto_limit or AUTO_EACH * classes
        return fewer if self.limit is None else min(fewer, self.limit)


@dataclass(frozen=True)
class Attack:
    """One of several attacks.

    Attributes:
        plan: what they have in common.
        kind, radius: which it is.
        count: how many pictures it is made on.
    """

    plan: Attacks
    kind: str
    radius: float
    count: int

    @property
    def name(self) -> str:
        """The attack in words."""
        return attack_name(self.plan.norm, self.radius, self.plan.steps, self.kind)

    def judge(self, model: RobustClassifier, data: PictureSet) -> Verdicts:
        """What the model makes of the pictures; see :func:`judge`."""
        return judge(
            model,
            data,
            norm=self.plan.norm,
            radius=self.radius,
            steps=self.plan.steps,
            kind=self.kind,
            batch_size=self.plan.batch_size,
            limit=self.count,
            afresh=self.plan.afresh,
        )


def judge(
    model: RobustClassifier,
    data: PictureSet,
    *,
    norm: str = "l2",
    radius: float = 1.0,
    steps: int = 20,
    kind: str = PGD,
    batch_size: int = 128,
    limit: int | None = None,
    progress: bool = True,
    afresh: bool = False,
) -> Verdicts:
    """Show a model each picture, clean and attacked.

    What AutoAttack finds of a batch is kept as soon as it is found: one that is broken off goes on where it was, and
    the same one again takes no time.

    Args:
        model: a frozen model.
        data: labelled pictures, classes in the model's order.
        norm, radius: of the attack; the radius in raw pixels.
        steps: of PGD, each 2.5 * radius / steps long; AutoAttack has its own.
        kind: ``"pgd"``, or ``"autoattack"``: see :func:`auto_attack`. It costs several hundred times as much.
        batch_size: pictures attacked at once.
        limit: measure on this many pictures, evenly spread over the set; all by default.
        progress: show a progress bar.
        afresh: attack what AutoAttack was made on before again.

    Raises:
        ParameterError: the attack, the norm or the radius is not allowed, or torchattacks is not installed.
    """
    name = attack_name(norm, radius, steps, kind)
    if kind == AUTOATTACK:
        attacks(model, norm, radius)  # what is missing is said before anything is measured
    chosen = spread(len(data), limit)
    clean: list[Tensor] = []
    robust: list[Tensor] = []
    bar = tqdm(total=len(chosen), desc=f"evaluating, {name}", unit="picture", disable=not progress)
    with bar, model.in_full_precision():
        for index in chosen.split(batch_size):
            pictures = (data.pictures[index].float() / 255).to(model.device)
            labels = data.labels[index].to(model.device)
            right, seed = correct(model, pictures, labels), int(index[0])
            if kind == PGD:
                attacked = attack(model, pictures, labels, norm=norm, radius=radius, steps=steps, seed=seed)
                left = right & correct(model, attacked, labels)
            else:
                batch = Batch(model, pictures, labels, norm, radius, seed)
                known = None if afresh else batch.known()
                left = batch.attacked(bar.set_postfix_str) if known is None else known
            clean.append(right.cpu())
            robust.append(left.cpu())
            bar.update(len(index))
    return Verdicts(name, data.labels[chosen], torch.cat(clean), torch.cat(robust))


def accuracy(
    model: RobustClassifier,
    data: PictureSet,
    *,
    norm: str = "l2",
    radius: float = 1.0,
    steps: int = 20,
    kind: str = PGD,
    batch_size: int = 128,
    limit: int | None = None,
    progress: bool = True,
) -> dict[str, float]:
    """Shares of pictures the model gets right; arguments as for :func:`judge`.

    Returns:
        ``{"clean": share, attack: share}``, shares in [0, 1]; the attack in words, for PGD
        ``"<norm> <radius>, <steps> steps"``. A picture counts as robustly right only if it is right both before and
        after the attack.
    """
    verdicts = judge(
        model,
        data,
        norm=norm,
        radius=radius,
        steps=steps,
        kind=kind,
        batch_size=batch_size,
        limit=limit,
        progress=progress,
    )
    return verdicts.shares()


def _share(right: Tensor) -> float:
    return round(float(right.double().mean()), 4)
