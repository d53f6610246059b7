"""What is known of published models: complete, consistent, and by names that follow the rule."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from robust_widgets._bundled import model_names
from robust_widgets._files import CACHE_VARIABLE, cache_folder
from robust_widgets.models.loading.class_names import class_sets
from robust_widgets.models.zoo.entries import published_models

MODELS = published_models()


def test_every_entry_says_what_loading_needs() -> None:
    assert len(MODELS) > 80 and not set(MODELS) & set(model_names())
    for name, entry in MODELS.items():
        assert entry.name == name and re.fullmatch(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", name)
        address = urlsplit(entry.address)
        assert address.scheme in ("http", "https") and address.netloc and "{" not in entry.address
        assert re.fullmatch(r"\w[\w.]*\.(pt|ckpt)", entry.file_name)
        assert entry.classes in class_sets() and entry.input_size in (32, 224)
        assert entry.network and entry.paper and entry.source.startswith("https://") and entry.data
    places = [(entry.collection, entry.file_name) for entry in MODELS.values()]
    assert len(set(places)) == len(places), "no two models share a file"


def test_what_is_known_can_be_true() -> None:
    for entry in MODELS.values():
        assert entry.norm in ("l2", "linf")
        assert entry.radius is None or 0 <= entry.radius <= (5 if entry.norm == "l2" else 8 / 255)
        assert entry.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", entry.sha256)
        assert entry.clean is None or 0.4 < entry.clean < 1
        assert entry.megabytes is None or 10 < entry.megabytes < 2000
    digests = [entry.sha256 for entry in MODELS.values() if entry.sha256]
    assert len(set(digests)) == len(digests)


def test_names_follow_the_files() -> None:
    entry = MODELS["resnet18-linf-eps4"]
    assert entry.file_name == "resnet18_linf_eps4.0.ckpt" and entry.radius == 4 / 255
    assert entry.training == "trained for linf 4/255"
    assert MODELS["resnet18-l2-eps0"].training == "trained without an attack"
    assert MODELS["wide-resnet50-2-l2-eps0.5"].file_name == "wide_resnet50_2_l2_eps0.5.ckpt"
    assert MODELS["engstrom2019-cifar10-l2-eps0.5"].file_name == "cifar_l2_0_5.pt"
    assert MODELS["santurkar2019-horse-zebra"].training == "trained for l2, epsilon not known"


def test_the_cache_is_where_the_platform_or_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    assert cache_folder().is_absolute() and cache_folder().name == "robust-widgets"
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CACHE_VARIABLE, "here")
    assert cache_folder() == tmp_path / "here"
