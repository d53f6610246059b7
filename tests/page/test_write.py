"""The folder of a page: what is in it, and which folders are left alone."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import robust_widgets as rw
from robust_widgets.errors import ParameterError, PictureError, SaveError, SetupError, UnknownNameError, WeightsError
from robust_widgets.interface import examples
from robust_widgets.interface.tasks import task_spec
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.page import structures, write
from tests.helpers import smooth_model
from tests.page.test_structures import Unrecordable, classifier, on_a_page

pytest.importorskip("onnxruntime", reason="the extra fast")

INDEX = b"<!doctype html><title>Robust Studio</title>"


@pytest.fixture(autouse=True)
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for the files that the bundler makes."""
    folder = tmp_path / "static"
    (folder / "icons").mkdir(parents=True)
    (folder / "index.html").write_bytes(INDEX)
    (folder / "engine.js").write_text("export {};\n")
    (folder / "icons/small.png").write_bytes(b"icon")
    monkeypatch.setattr(write, "STATIC", folder)
    monkeypatch.setattr(structures, "LARGER", (2,))
    return folder


@pytest.fixture(scope="module")
def model() -> RobustClassifier:
    return smooth_model()


def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_page_holds_all_files_that_it_lists(tmp_path: Path, model: RobustClassifier) -> None:
    out = tmp_path / "pages" / "lions"
    picture = Image.fromarray(np.full((30, 2000, 3), 90, np.uint8))
    index = rw.write_page(out, model=model, task="super-resolve", title=" Lions <&>\n and bears", picture=picture)
    assert index == out / "index.html"
    assert index.read_bytes() == b"<!doctype html><title>Lions &lt;&amp;&gt; and bears</title>"
    content = manifest(out)
    assert files(out) == set(content["files"])
    assert {"engine.js", "icons/small.png", "weights.bin", "seeds.bin", "pictures.json"} <= files(out)
    assert (content["title"], content["task"]) == ("Lions <&> and bears", "super_resolve")
    with Image.open(out / content["picture"]) as shown:
        assert shown.size == (1024, 15)
    for structure in content["structures"].values():
        assert structure["file"] in content["files"]


def test_the_manifest_declares_tasks_as_their_declarations_do(tmp_path: Path, model: RobustClassifier) -> None:
    rw.write_page(tmp_path / "page", model=model)
    content = manifest(tmp_path / "page")
    assert [task["name"] for task in content["tasks"]] == on_a_page()
    assert content["task"] == on_a_page()[0] and content["picture"] == ""
    for task, spec in zip(content["tasks"], map(task_spec, on_a_page()), strict=True):
        names = [parameter["name"] for parameter in task["parameters"]]
        assert [*names, *task["fixed"]] == [parameter.name for parameter in spec.parameters]
        assert task["fixed"] == {}
        for shown in task["parameters"]:
            declared = next(parameter for parameter in spec.parameters if parameter.name == shown["name"])
            assert shown["default"] == declared.default and shown["help"] == declared.help
        (size,) = (shown for shown in task["parameters"] if shown["name"] == "size")
        assert size["among"] == [times * model.input_size for times in (1, 2)]
    steps = content["tasks"][0]["parameters"][0]
    assert steps["aboveMinimum"] is False and steps["maximum"] == 100_000
    assert content["model"]["classes"] == list(model.classes)
    assert content["model"]["units"] == 12


def test_examples_of_classes_that_the_model_knows_are_on_the_page(
    tmp_path: Path, model: RobustClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    cat = np.full((60, 90, 3), 77, np.uint8)
    library = SimpleNamespace(data=SimpleNamespace(chelsea=lambda: cat))
    monkeypatch.setitem(sys.modules, "skimage", library)  # type: ignore[arg-type]
    rw.write_page(tmp_path / "page", model=model)
    pictures = json.loads((tmp_path / "page/pictures.json").read_text())
    *sketches, photograph = pictures["examples"]
    assert [example["name"] for example in sketches] == examples.sketch_names(model.classes) != []
    for example in sketches:
        assert (example["task"], example["target"]) == ("sketch_to_image", example["name"])
        drawn = opened(example["picture"])
        np.testing.assert_array_equal(np.asarray(drawn), examples.sketch(example["name"], 256))
    assert photograph["task"] == "translate" and photograph["target"] == examples.photograph_target(model.classes)
    assert (np.asarray(opened(photograph["picture"])) == 77).all()
    monkeypatch.setitem(sys.modules, "skimage", None)
    rw.write_page(tmp_path / "page", model=model)
    without = json.loads((tmp_path / "page/pictures.json").read_text())
    assert without["examples"] == sketches


def opened(address: str) -> Image.Image:
    """The picture of an address that holds its data."""
    head, _, data = address.partition(";base64,")
    assert head in ("data:image/png", "data:image/jpeg")
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_page_tells_nothing_of_the_folders_it_was_made_in(tmp_path: Path, model: RobustClassifier) -> None:
    from robust_widgets.models.model_file import save_model
    from tests.helpers import tiny_model

    save_model(tiny_model(), tmp_path / "secret-folder-model.safetensors")
    rw.write_page(tmp_path / "page", model=str(tmp_path / "secret-folder-model.safetensors"))
    assert manifest(tmp_path / "page")["model"]["source"] == "secret-folder-model.safetensors"
    for path in (tmp_path / "page").rglob("*.*"):
        assert str(tmp_path).encode() not in path.read_bytes()


def test_an_earlier_page_is_replaced_and_loses_its_picture(tmp_path: Path, model: RobustClassifier) -> None:
    out = tmp_path / "page"
    rw.write_page(out, model=model, picture=np.zeros((9, 9, 3), np.uint8))
    (out / "mine.txt").write_text("mine")
    rw.write_page(out, model=model)
    assert not (out / "picture.png").exists() and (out / "mine.txt").read_text() == "mine"
    with pytest.raises(SaveError, match="not empty"):
        rw.write_page(out, model=model, overwrite=False)


def test_a_folder_of_somebody_else_is_left_alone_unless_it_is_meant(tmp_path: Path, model: RobustClassifier) -> None:
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "manifest.json").write_text('{"name": "my own"}')
    (out / "thesis.tex").write_text("mine")
    with pytest.raises(SaveError, match="holds other files"):
        rw.write_page(out, model=model)
    assert files(out) == {"manifest.json", "thesis.tex"}
    rw.write_page(out, model=model, overwrite=True)
    assert (out / "thesis.tex").read_text() == "mine" and "weights" in manifest(out)
    with pytest.raises(SaveError, match="is a file"):
        rw.write_page(out / "thesis.tex", model=model)


@pytest.mark.parametrize("listed", ['["../mine.txt"]', '["/mine.txt"]', "[3, null]", '"mine.txt"', "{}"])
def test_a_list_of_files_from_elsewhere_removes_nothing_outside(listed: str, tmp_path: Path) -> None:
    out = tmp_path / "page"
    out.mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    (out / "manifest.json").write_text(f'{{"madeBy": "robust-widgets 9", "files": {listed}}}')
    assert write.check_folder(out, None) == ()


def test_a_service_worker_lists_all_files_and_changes_with_them(static: Path) -> None:
    (static / "serviceWorker.js").write_text("keep();\n")
    worker = [b""] * 3
    listed: list[str] = []
    (static / "runtime.jspi.wasm").write_bytes(b"large")
    for place, weights in enumerate((b"a", b"a", b"b")):
        whole = write.with_lists(write.static_files(), {"weights.bin": weights, "manifest.json": b"{}"})
        worker[place] = whole["sw.js"]
        assert "serviceWorker.js" not in whole
        content = json.loads(whole["manifest.json"])
        listed = content["files"]
        assert sorted(whole) == sorted(listed)
        told = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in whole.items()}
        for name, found in content["contents"].items():
            assert (found["length"], found["sha256"]) == told[name]
        assert set(listed) - set(content["contents"]) == {"manifest.json", "sw.js"}
    head, _, rest = worker[0].partition(b"\n")
    page = json.loads(re.fullmatch(rb"self\.PAGE = (.*);", head)[1])  # type: ignore[index]
    assert sorted([*page["files"], "runtime.jspi.wasm", "sw.js"]) == sorted(listed) and rest == b"keep();\n"
    assert page["optional"] == ["runtime.jspi.wasm"]
    assert worker[0] == worker[1] != worker[2]


def test_what_cannot_be_used_is_refused_before_anything_is_written(tmp_path: Path, model: RobustClassifier) -> None:
    out = tmp_path / "page"
    for title in ("", " \n", "x" * 101, None, 3):
        with pytest.raises(ParameterError, match="The title is"):
            rw.write_page(out, model=model, title=title)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="There is no task"):
        rw.write_page(out, model=model, task="paint")
    with pytest.raises(PictureError):
        rw.write_page(out, model=model, picture=tmp_path / "missing.png")
    with pytest.raises(WeightsError, match="cannot be recorded"):
        rw.write_page(out, model=classifier(Unrecordable()))
    assert not out.exists()


def test_a_page_without_the_bundles_says_what_to_build(
    tmp_path: Path, model: RobustClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "STATIC", tmp_path / "nothing")
    with pytest.raises(SetupError, match="not built"):
        rw.write_page(tmp_path / "page", model=model)
