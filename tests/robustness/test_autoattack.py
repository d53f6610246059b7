"""AutoAttack on linear models, where the distance to the decision boundary is known."""

from __future__ import annotations

import dataclasses
import sys

import pytest
import torch
from torch import Tensor, nn

from robust_widgets.errors import ParameterError
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.robustness.autoattack import auto_attack, make_attacks
from tests.helpers import card, pictures, raises_sentence

SIDE = 6
QUICK = {"steps": 20, "queries": 30}


def linear_model(classes: int, seed: int = 0) -> RobustClassifier:
    """Logits that are linear in the picture."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, classes))
    own = dataclasses.replace(card(SIDE, "linear"), classes=tuple(f"class {i}" for i in range(classes)))
    return RobustClassifier(network, dataclasses.replace(own, mean=(0.0,) * 3, std=(1.0,) * 3))


def margins(model: RobustClassifier, batch: Tensor, labels: Tensor, norm: str) -> Tensor:
    """The distance of each picture to the decision boundary, ignoring clipping; (n,)."""
    weights = model.network[1].weight
    logits = model(batch)
    rows = torch.arange(len(batch))
    gaps = logits[rows, labels][:, None] - logits
    dual = torch.linalg.vector_norm(weights[labels][:, None] - weights, ord=2 if norm == "l2" else 1, dim=2)
    distances = gaps / dual
    distances[rows, labels] = torch.inf
    return distances.amin(1)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("classes", [2, 3, 5, 12])
def test_exactly_the_pictures_within_epsilon_of_the_boundary_fall(classes: int, norm: str) -> None:
    model = linear_model(classes)
    batch = pictures(24, SIDE, low=0.4, high=0.6)
    labels = model(batch).argmax(1)
    labels[0] = (labels[0] + 1) % classes
    reach = margins(model, batch, labels, norm)
    epsilon = float(reach[1:].median())
    right = auto_attack(model, batch, labels, norm=norm, epsilon=epsilon, **QUICK)
    assert not right[0], "misclassified pictures are not robust"
    clear = (reach - epsilon).abs() > 0.03 * epsilon
    assert torch.equal(right[clear], (reach > epsilon)[clear]) and 0 < int(right.sum()) < 23


def test_with_few_classes_the_attack_that_needs_four_is_skipped() -> None:
    names = {classes: list(make_attacks(linear_model(classes), "l2", 1.0)) for classes in (2, 3, 4, 27)}
    assert names[2] == names[3] == ["APGD-CE", "FAB-T", "Square"]
    assert names[4] == names[27] == ["APGD-CE", "APGD-T", "FAB-T", "Square"]


def test_the_settings_are_the_published_ones() -> None:
    parts = make_attacks(linear_model(27), "linf", 8 / 255)
    for name in ("APGD-CE", "APGD-T", "FAB-T"):
        assert parts[name].steps == 100 and parts[name].eps == 8 / 255 and parts[name].norm == "Linf"
    assert parts["APGD-T"].n_target_classes == parts["FAB-T"].n_target_classes == 9
    assert make_attacks(linear_model(5), "l2", 1)["FAB-T"].n_target_classes == 4
    assert parts["Square"].n_queries == 5000


def test_it_is_reproducible_and_changes_neither_random_state_nor_model() -> None:
    model, batch = linear_model(5), pictures(8, SIDE, low=0.4, high=0.6)
    labels = model(batch).argmax(1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(3)
    drawn = torch.rand(4)
    torch.manual_seed(3)
    first = auto_attack(model, batch, labels, norm="l2", epsilon=0.05, **QUICK)
    assert torch.equal(torch.rand(4), drawn)
    assert torch.equal(auto_attack(model, batch, labels, norm="l2", epsilon=0.05, **QUICK), first)
    assert not model.training and not any(weight.requires_grad for weight in model.parameters())
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())


def test_later_attacks_run_on_surviving_pictures_only(monkeypatch: pytest.MonkeyPatch) -> None:
    import torchattacks

    seen: list[int] = []
    whole = torchattacks.Square.forward

    def counting(self: torchattacks.Square, images: Tensor, labels: Tensor) -> Tensor:
        seen.append(len(images))
        return whole(self, images, labels)

    monkeypatch.setattr(torchattacks.Square, "forward", counting)
    model, batch = linear_model(5), pictures(24, SIDE, low=0.4, high=0.6)
    labels = model(batch).argmax(1)
    epsilon = float(margins(model, batch, labels, "l2").median())
    attacks: list[str] = []
    right = auto_attack(model, batch, labels, norm="l2", epsilon=epsilon, on_attack=attacks.append, **QUICK)
    assert attacks == ["APGD-CE", "APGD-T", "FAB-T", "Square"]
    assert len(seen) == 1 and int(right.sum()) <= seen[0] < 24
    attacks.clear()
    assert not auto_attack(model, batch, labels, norm="l2", epsilon=50, on_attack=attacks.append, **QUICK).any()
    assert attacks == ["APGD-CE"]


def test_a_result_beyond_epsilon_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    import torchattacks

    for kind in ("APGD", "APGDT", "FAB", "Square"):
        monkeypatch.setattr(getattr(torchattacks, kind), "forward", lambda _, images, __: 1 - images)
    model, batch = linear_model(5), pictures(24, SIDE)
    labels = model(batch).argmax(1)
    assert (model(1 - batch).argmax(1) != labels).any()
    assert auto_attack(model, batch, labels, norm="l2", epsilon=1e-3, **QUICK).all()


def test_without_the_package_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchattacks", None)
    with raises_sentence(ParameterError, "robust-widgets[evaluate]"):
        make_attacks(linear_model(2), "l2", 1.0)


@pytest.mark.parametrize(("norm", "epsilon", "named"), [("l3", 1.0, "'l3'"), ("l2", -1.0, "-1")])
def test_bad_norms_and_epsilons_are_refused(norm: str, epsilon: float, named: str) -> None:
    with raises_sentence(ParameterError, named):
        make_attacks(linear_model(2), norm, epsilon)
