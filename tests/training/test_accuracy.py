"""Accuracy under attack, and the pictures it is measured on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.errors import ParameterError
from robust_widgets.robustness import autoattack
from robust_widgets.training.accuracy import AUTOATTACK, PGD, AttackPlan, accuracy, evenly_spaced, run_attack
from tests.helpers import noise_patterns, raises_sentence, tiny_model


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """AutoAttack in a few steps; the sizes of the batches that were attacked."""
    sizes: list[int] = []
    real = autoattack.auto_attack
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))

    def short(*arguments: object, **options: object) -> torch.Tensor:
        sizes.append(len(arguments[1]))  # pyright: ignore[reportArgumentType]
        return real(*arguments, **options, steps=3, queries=5)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(autoattack, "auto_attack", short)
    return sizes


@pytest.mark.usefixtures("quick")
def test_autoattack_never_counts_a_misclassified_picture_as_robust() -> None:
    model, data = tiny_model(), noise_patterns(4)
    found = run_attack(model, data, epsilon=0.05, kind=AUTOATTACK, batch_size=5, progress=False)
    assert found.attack == "AutoAttack l2 0.05" and len(found) == 12
    assert torch.equal(found.clean, run_attack(model, data, epsilon=0.05, steps=1, progress=False).clean)
    assert not (found.robust & ~found.clean).any()
    assert list(accuracy(model, data, epsilon=0.05, kind=AUTOATTACK, limit=3, progress=False)) == [
        "clean",
        "AutoAttack l2 0.05",
    ]


def test_an_interrupted_autoattack_is_resumed(quick: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = tiny_model(), noise_patterns(4)
    arguments = {"epsilon": 0.05, "kind": AUTOATTACK, "batch_size": 5, "progress": False}
    short = autoattack.auto_attack

    def killed(*arguments: object, **options: object) -> torch.Tensor:
        if len(quick) == 2:
            raise KeyboardInterrupt
        return short(*arguments, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(autoattack, "auto_attack", killed)
    with pytest.raises(KeyboardInterrupt):
        run_attack(model, data, **arguments)
    assert quick == [5, 5]
    monkeypatch.setattr(autoattack, "auto_attack", short)
    resumed = run_attack(model, data, **arguments)
    assert quick == [5, 5, 2], "the first two batches were cached"
    whole = run_attack(model, data, use_cache=False, **arguments)
    assert quick == [5, 5, 2, 5, 5, 2]
    assert torch.equal(resumed.robust, whole.robust) and torch.equal(resumed.clean, whole.clean)


def test_autoattack_is_cached_for_identical_inputs_only(quick: list[int]) -> None:
    model, data = tiny_model(), noise_patterns(4)
    arguments = {"epsilon": 0.05, "kind": AUTOATTACK, "batch_size": 12, "progress": False}
    run_attack(model, data, **arguments)
    changes = ({"epsilon": 0.06}, {"norm": "linf"}, {"batch_size": 6}, {"limit": 5})
    for number, changed in enumerate(changes, 2):
        run_attack(model, data, **{**arguments, **changed})
        assert len(quick) >= number
    before = len(quick)
    other = tiny_model()
    with torch.no_grad():
        next(other.parameters()).add_(0.1)
    run_attack(other, data, **arguments)
    assert len(quick) == before + 1
    run_attack(tiny_model(), data, **arguments)
    assert len(quick) == before + 1


def test_pictures_are_evenly_spaced() -> None:
    assert evenly_spaced(10, 3).tolist() == [0, 4, 9]
    assert evenly_spaced(4, None).tolist() == evenly_spaced(4, 99).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("limit", "autoattack_limit", "counts"),
    [(None, None, [60, 60, 15, 15]), (6, None, [6, 6, 6, 6]), (None, 4, [60, 60, 4, 4]), (30, 99, [30, 30, 30, 30])],
)
def test_autoattack_runs_on_fewer_pictures(limit: int | None, autoattack_limit: int | None, counts: list[int]) -> None:
    plan = AttackPlan("l2", (0.5, 1.0), (PGD, AUTOATTACK), 20, limit, autoattack_limit)
    each = plan.attacks(noise_patterns(20))
    assert [one.name for one in each] == ["l2 0.5, 20 steps", "l2 1, 20 steps", "AutoAttack l2 0.5", "AutoAttack l2 1"]
    assert [one.count for one in each] == counts


def test_autoattack_may_have_separate_epsilons() -> None:
    plan = AttackPlan("l2", (0.5, 1.0), (PGD, AUTOATTACK), autoattack_epsilons=(0.25,))
    names = [one.name for one in plan.attacks(noise_patterns(4))]
    assert names == ["l2 0.5, 20 steps", "l2 1, 20 steps", "AutoAttack l2 0.25"]
    with raises_sentence(ParameterError, "-1"):
        dataclasses.replace(plan, autoattack_epsilons=(-1.0,)).check(tiny_model())


def test_an_attack_of_a_plan_equals_the_attack_alone() -> None:
    model, data = tiny_model(), noise_patterns(4)
    (one,) = AttackPlan("linf", (0.02,), steps=2, limit=7).attacks(data)
    own = one.run(model, data)
    whole = run_attack(model, data, norm="linf", epsilon=0.02, steps=2, limit=7, progress=False)
    assert own.attack == whole.attack == "linf 0.02, 2 steps"
    assert torch.equal(own.robust, whole.robust) and torch.equal(own.labels, whole.labels)


def test_a_bad_plan_is_refused_first(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    plan = AttackPlan("l2", (1.0,))
    plan.check(model)
    for bad, named in (({"kinds": ("fgsm",)}, "'fgsm'"), ({"norm": "l3"}, "'l3'"), ({"epsilons": (-1.0,)}, "-1")):
        with raises_sentence(ParameterError, named):
            dataclasses.replace(plan, **bad).check(model)
    monkeypatch.setitem(__import__("sys").modules, "torchattacks", None)
    with raises_sentence(ParameterError, "robust-widgets[evaluate]"):
        dataclasses.replace(plan, kinds=(PGD, AUTOATTACK)).check(model)
