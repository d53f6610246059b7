"""`robust-widgets models`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from robust_widgets._bundled import model_names
from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.cli.models import describe_card
from robust_widgets.models.registry import load_model
from robust_widgets.models.zoo.entries import cache_path, published_models
from tests.cli.shell import call, refusal
from tests.helpers import tiny_model


def test_it_lists_the_bundled_models() -> None:
    listed = call("models").stdout
    for name in model_names():
        card = load_model(name).card
        assert name in listed
        assert f"{len(card.classes)} classes" in listed
        assert all(word in " ".join(listed.split()) for name in card.classes for word in name.split())
        assert f"{card.input_size} px" in listed and (card.claim or "trained without an attack") in listed
    assert "default" in model_names()


def test_a_model_is_described_with_its_accuracies_and_size() -> None:
    card = dataclasses.replace(tiny_model().card, accuracies={"clean": 0.5, "l2 1, 20 steps": 0.25})
    described = describe_card("tiny", card, 1_230_000)
    assert "clean 50.0%; l2 1, 20 steps 25.0%" in described and "1.2 MB" in described and "made up" in described
    unknown = describe_card("bare", dataclasses.replace(card, accuracies={}, norm="", data=""), 1)
    assert "not measured" in unknown and "without an attack" in unknown and "not known" in unknown


def test_it_lists_the_published_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    entry = published_models()["resnet18-l2-eps3"]
    cache_path(entry).parent.mkdir(parents=True)
    cache_path(entry).write_bytes(b"weights")
    lines = {line.split()[0]: line for line in call("models").stdout.splitlines() if line.strip()}
    assert all(name in lines and entry.training in lines[name] for name, entry in published_models().items())
    assert [line for line in lines.values() if line.endswith(", downloaded")] == [lines["resnet18-l2-eps3"]]
    assert "93.6 MB" in lines["resnet18-l2-eps3"] and "size not known" in lines["santurkar2019-cifar10"]


def test_it_describes_one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    text = call("models", "resnet50-linf-eps4").stdout
    entry = published_models()["resnet50-linf-eps4"]
    for fact in (entry.address, entry.source, entry.sha256, "MIT", "linf 4/255", "63.9%", "not downloaded", "205 MB"):
        assert str(fact) in text, fact
    assert str(cache_path(entry)) in text and str(tmp_path) in text
    text = call("models", "santurkar2019-horse-zebra").stdout
    assert text.count("not known") == 4 and "none given" in text
    assert "27 classes" in call("models", "tiny").stdout


def test_an_unknown_model() -> None:
    assert "'resnet18-l2-eps3'" in refusal("models", "resnet18-l2-eps33")
    assert "published" in refusal("models", "--download") and "published" in refusal("models", "tiny", "--download")


def test_a_measured_robustness_is_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    text = call("models", "tiny", "--measure", "--device", "cpu").stdout
    assert "robust, L2 " in text and "The file says: trained for l2 1" in " ".join(text.split())
    monkeypatch.setattr("robust_widgets.robustness.estimate.estimate", lambda *_, **__: pytest.fail("it is cached"))
    assert call("models", "tiny", "--measure", "--device", "cpu").stdout == text
    assert "--measure" in refusal("models", "--measure")
