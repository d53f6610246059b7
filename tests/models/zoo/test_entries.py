"""The published models: complete entries, and loading one by its name."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import robust_widgets as rw
from robust_widgets._bundled import model_names
from robust_widgets._files import CACHE_VARIABLE, cache_folder
from robust_widgets.errors import UnknownNameError, WeightsError
from robust_widgets.models.loading.class_names import class_sets
from robust_widgets.models.loading.state_dicts import weights_in
from robust_widgets.models.networks.cifar import SmallResNet
from robust_widgets.models.registry import load_model
from robust_widgets.models.zoo import download
from robust_widgets.models.zoo.entries import cache_path, published_models
from tests.helpers import pictures, raises_sentence
from tests.models.loading.reference_networks import randomized
from tests.models.zoo.server import ServedFile, serving

MODELS = published_models()
NAME = "engstrom2019-cifar10-l2-eps0.5"


def test_every_entry_has_what_loading_needs() -> None:
    assert len(MODELS) > 80 and not set(MODELS) & set(model_names())
    for name, entry in MODELS.items():
        assert entry.name == name and re.fullmatch(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", name)
        address = urlsplit(entry.address)
        assert address.scheme in ("http", "https") and address.netloc and "{" not in entry.address
        assert re.fullmatch(r"\w[\w.]*\.(pt|ckpt)", entry.file_name)
        assert entry.classes in class_sets() and entry.input_size in (32, 224)
        assert entry.network and entry.paper and entry.source.startswith("https://") and entry.data
    files = [(entry.collection, entry.file_name) for entry in MODELS.values()]
    assert len(set(files)) == len(files), "no two models share a file"


def test_all_facts_are_plausible() -> None:
    for entry in MODELS.values():
        assert entry.norm in ("l2", "linf")
        assert entry.radius is None or 0 <= entry.radius <= (5 if entry.norm == "l2" else 8 / 255)
        assert entry.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
        assert entry.clean is None or 0.4 < entry.clean < 1
        assert entry.megabytes is None or 10 < entry.megabytes < 2000
    digests = [entry.sha256 for entry in MODELS.values() if entry.sha256]
    assert len(set(digests)) == len(digests)


def test_names_follow_from_the_files() -> None:
    entry = MODELS["resnet18-linf-eps4"]
    assert entry.file_name == "resnet18_linf_eps4.0.ckpt" and entry.radius == 4 / 255
    assert entry.training == "trained for linf 4/255"
    assert MODELS["resnet18-l2-eps0"].training == "trained without an attack"
    assert MODELS["wide-resnet50-2-l2-eps0.5"].file_name == "wide_resnet50_2_l2_eps0.5.ckpt"
    assert MODELS["engstrom2019-cifar10-l2-eps0.5"].file_name == "cifar_l2_0_5.pt"
    assert MODELS["santurkar2019-horse-zebra"].training == "trained for l2, epsilon not known"


def test_the_cache_folder_is_the_platforms_or_the_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    assert cache_folder().is_absolute() and cache_folder().name == "robust-widgets"
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CACHE_VARIABLE, "here")
    assert cache_folder() == tmp_path / "here"


class NotAWeight:
    """An object that is not a weight."""


def checkpoint(**more: object) -> bytes:
    """A small network as the robustness library saves it."""
    network = randomized(SmallResNet(10, (1, 1, 1, 1), False, 8))
    state: dict[str, Tensor] = {f"module.model.{name}": value for name, value in network.state_dict().items()}
    state["module.normalizer.new_mean"] = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
    state["module.normalizer.new_std"] = torch.tensor([0.2023, 0.1994, 0.2010]).view(3, 1, 1)
    file = io.BytesIO()
    torch.save({"state_dict": state, **more}, file)
    return file.getvalue()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServedFile]:
    """A server with the file of ``NAME``, and an empty cache."""
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    with serving(ServedFile(checkpoint())) as served:
        serve_entry(monkeypatch, served)
        yield served


def serve_entry(monkeypatch: pytest.MonkeyPatch, served: ServedFile, **fields: Any) -> Path:
    """Publish ``NAME`` at the server's address; returns the path of its file in the cache."""
    entry = dataclasses.replace(published_models()[NAME], address=served.address, **fields)
    for module in ("registry", "zoo.entries"):
        monkeypatch.setattr(f"robust_widgets.models.{module}.published_models", lambda: {NAME: entry})
    return cache_path(entry)


def test_a_published_model_is_downloaded_once_and_its_card_has_the_publishers_claims(served: ServedFile) -> None:
    model = load_model(NAME, device="cpu")
    again = load_model(NAME, device="cpu", name="mine")
    assert served.requested_ranges == [""] and again.fingerprint == model.fingerprint and again.card.name == "mine"
    assert model.card.name == NAME and model.classes[1] == "automobile" and model.input_size == 32
    assert (model.card.norm, model.card.radius, model.card.data) == ("l2", 0.5, "CIFAR-10")
    assert model.card.std == pytest.approx((0.2023, 0.1994, 0.2010))
    trace = rw.translate(pictures(1, 32), "cat", model=model, steps=1)
    trace.inputs["picture"] = trace[0].pixels[0]
    assert f"rw.load_model({NAME!r})" in rw.to_code(trace)


def test_the_published_digest_is_checked(served: ServedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    path = serve_entry(monkeypatch, served, sha256=hashlib.sha256(served.content).hexdigest())
    load_model(NAME, device="cpu")
    path.write_bytes(path.read_bytes()[:-1])
    with raises_sentence(WeightsError, path, "not the published file"):
        load_model(NAME, device="cpu")
    path.unlink()
    serve_entry(monkeypatch, served, sha256="0" * 64)
    with raises_sentence(WeightsError, served.address, "00000000"):
        load_model(NAME, device="cpu")
    assert not path.exists()


def test_a_web_page_instead_of_the_file_is_not_kept(served: ServedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    path = serve_entry(monkeypatch, served)
    served.content = b"<!DOCTYPE html><title>Sign in</title>"
    with raises_sentence(WeightsError, "no weights"):
        load_model(NAME, device="cpu")
    assert not path.exists()


def test_a_file_with_more_than_weights_is_refused_until_it_is_converted(
    served: ServedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = serve_entry(monkeypatch, served)
    served.content = checkpoint(more=NotAWeight())
    with raises_sentence(WeightsError, "test_entries.NotAWeight", "robust-widgets convert", path, "--trust"):
        load_model(NAME, device="cpu")
    weights = weights_in(path, torch.load(io.BytesIO(checkpoint()), weights_only=True))
    save_file(weights.as_state_dict(), path.with_suffix(".safetensors"))  # as convert does
    model = load_model(NAME, device="cpu")
    assert model.classes[0] == "airplane" and served.requested_ranges == [""]


def test_without_a_network_connection_a_file_put_there_by_hand_loads(
    served: ServedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = serve_entry(monkeypatch, served)
    served.statuses = [503] * 9
    with raises_sentence(WeightsError, served.address, path, "503"):
        load_model(NAME, device="cpu")
    path.write_bytes(served.content)
    assert load_model(NAME, device="cpu").card.name == NAME


@pytest.mark.parametrize(
    ("name", "near"), [("resnet18-l2-eps33", "resnet18-l2-eps3"), ("resnet50_l2_eps0.4", "resnet50")]
)
def test_an_unknown_name_names_the_nearest(name: str, near: str) -> None:
    with raises_sentence(UnknownNameError, repr(name), near):
        load_model(name, device="cpu")
