"""A published model by its name: downloaded, checked, read as safely as any other file, and loaded again."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import robust_widgets as rw
from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.errors import UnknownNameError, WeightsError
from robust_widgets.models.loading.state_dicts import weights_in
from robust_widgets.models.networks.cifar import SmallResNet
from robust_widgets.models.registry import load_model
from robust_widgets.models.zoo import download
from robust_widgets.models.zoo import entries as bring
from robust_widgets.models.zoo.entries import published_models
from tests.helpers import pictures, raises_sentence
from tests.models.zoo.published_files import stirred
from tests.models.zoo.server import Shelf, serving

NAME = "engstrom2019-cifar10-l2-eps0.5"


class Other:
    """What is more than weights."""


def checkpoint(**more: object) -> bytes:
    """A small network as the robustness library saves it."""
    network = stirred(SmallResNet(10, (1, 1, 1, 1), False, 8))
    state: dict[str, Tensor] = {f"module.model.{name}": value for name, value in network.state_dict().items()}
    state["module.normalizer.new_mean"] = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
    state["module.normalizer.new_std"] = torch.tensor([0.2023, 0.1994, 0.2010]).view(3, 1, 1)
    file = io.BytesIO()
    torch.save({"state_dict": state, **more}, file)
    return file.getvalue()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A server that has the file of ``NAME``, and a cache of the test's own."""
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    with serving(Shelf(checkpoint())) as shelf:
        known(monkeypatch, shelf)
        yield shelf


def known(monkeypatch: pytest.MonkeyPatch, shelf: Shelf, **facts: Any) -> Path:
    """Make the name known under the server's address; where its file will be."""
    entry = dataclasses.replace(published_models()[NAME], address=shelf.address, **facts)
    for module in ("registry", "zoo.entries"):
        monkeypatch.setattr(f"robust_widgets.models.{module}.published_models", lambda: {NAME: entry})
    return bring.cache_path(entry)


def test_a_published_model_is_downloaded_once_and_says_what_is_claimed_of_it(shelf: Shelf) -> None:
    model = load_model(NAME, device="cpu")
    again = load_model(NAME, device="cpu", name="mine")
    assert shelf.asked == [""] and again.fingerprint == model.fingerprint and again.card.name == "mine"
    assert model.card.name == NAME and model.classes[1] == "automobile" and model.input_size == 32
    assert (model.card.norm, model.card.radius, model.card.data) == ("l2", 0.5, "CIFAR-10")
    assert model.card.std == pytest.approx((0.2023, 0.1994, 0.2010))
    trace = rw.translate(pictures(1, 32), "cat", model=model, steps=1)
    trace.inputs["picture"] = trace[0].pixels[0]
    assert f"rw.load_model({NAME!r})" in rw.code(trace)


def test_the_file_that_was_published_is_asked_for(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    place = known(monkeypatch, shelf, sha256=hashlib.sha256(shelf.content).hexdigest())
    load_model(NAME, device="cpu")
    place.write_bytes(place.read_bytes()[:-1])
    with raises_sentence(WeightsError, place, "not the published file"):
        load_model(NAME, device="cpu")
    place.unlink()
    known(monkeypatch, shelf, sha256="0" * 64)
    with raises_sentence(WeightsError, shelf.address, "00000000"):
        load_model(NAME, device="cpu")
    assert not place.exists()


def test_a_page_in_place_of_the_file_is_not_kept(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    place = known(monkeypatch, shelf)
    shelf.content = b"<!DOCTYPE html><title>Sign in</title>"
    with raises_sentence(WeightsError, "no weights"):
        load_model(NAME, device="cpu")
    assert not place.exists()


def test_a_file_with_more_than_weights_is_refused_and_loads_once_it_is_converted(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = known(monkeypatch, shelf)
    shelf.content = checkpoint(more=Other())
    with raises_sentence(WeightsError, "test_fetch.Other", "robust-widgets convert", place, "--trust"):
        load_model(NAME, device="cpu")
    weights = weights_in(place, torch.load(io.BytesIO(checkpoint()), weights_only=True))
    save_file(weights.as_state_dict(), place.with_suffix(".safetensors"))  # as convert does
    model = load_model(NAME, device="cpu")
    assert model.classes[0] == "airplane" and shelf.asked == [""]


def test_without_a_network_a_file_put_there_by_hand_loads(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    place = known(monkeypatch, shelf)
    shelf.statuses = [503] * 9
    with raises_sentence(WeightsError, shelf.address, place, "503"):
        load_model(NAME, device="cpu")
    place.write_bytes(shelf.content)
    assert load_model(NAME, device="cpu").card.name == NAME


@pytest.mark.parametrize(
    ("given", "near"), [("resnet18-l2-eps33", "resnet18-l2-eps3"), ("resnet50_l2_eps0.4", "resnet50")]
)
def test_a_name_that_nobody_published(given: str, near: str) -> None:
    with raises_sentence(UnknownNameError, repr(given), near):
        load_model(given, device="cpu")
