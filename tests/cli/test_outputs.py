"""Which files commands write, and which they leave alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from robust_widgets.models import registry
from robust_widgets.models.model_file import save_model
from tests.cli.shell import call, refusal
from tests.cli.test_tasks import begun as begun
from tests.cli.test_tasks import mask_file as mask_file
from tests.cli.test_tasks import sketch_file as sketch_file
from tests.cli.test_tasks import tiny as tiny
from tests.helpers import tiny_model


def test_a_file_that_exists_is_replaced_only_by_force(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_text("old")
    command = ["generate", "dog", "--model", tiny, "--steps", 1, "--out", tmp_path / "a.png"]
    with monkeypatch.context() as patched:
        patched.setattr(registry, "load_model", lambda *_, **__: pytest.fail("the work was begun"))
        sentence = refusal(*command)
    assert "a.png" in sentence and "exists" in sentence and "--force" in sentence
    assert (tmp_path / "a.png").read_text() == "old"
    call(*command, "--force")
    Image.open(tmp_path / "a.png").close()


@pytest.mark.parametrize("task", ["translate", "inpaint", "paint_features", "super_resolve"])
def test_what_a_picture_is_made_from_is_not_replaced(
    task: str, begun: dict[str, list[object]], sketch_file: Path, mask_file: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in (sketch_file, mask_file)}
    assert "was made from" in refusal(*begun[task], "--steps", 1, "--out", sketch_file)
    if task in ("inpaint", "paint_features"):
        assert "was made from" in refusal(*begun[task], "--steps", 1, "--out", mask_file)
    if task == "super_resolve":
        assert "was made from" in refusal(*begun[task], "--steps", 1, "--strip", sketch_file)
    assert {path: path.read_bytes() for path in (sketch_file, mask_file)} == before


def test_a_name_that_was_not_asked_for_is_a_free_one(
    begun: dict[str, list[object]], sketch_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "cat.png").write_text("of the user")
    for name in ("cat-2.png", "cat-3.png"):
        assert f"wrote {name}" in call(*begun["translate"], "--steps", 1).stdout
    assert sorted(path.name for path in folder.iterdir()) == ["cat-2.png", "cat-3.png", "cat.png"]
    assert (folder / "cat.png").read_text() == "of the user"


def test_a_file_that_appears_during_the_run_is_left_alone(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = registry.load_model

    def slow(*arguments: Any, **options: Any) -> Any:
        (tmp_path / "a.png").write_text("of another process")
        return load(*arguments, **options)

    monkeypatch.setattr(registry, "load_model", slow)
    said = call("generate", "dog", "--model", tiny, "--steps", 1, "--out", tmp_path / "a.png").stdout
    assert f"wrote {tmp_path / 'a-2.png'}, because {tmp_path / 'a.png'} exists" in said
    assert (tmp_path / "a.png").read_text() == "of another process"


def test_two_results_in_one_file_are_refused(begun: dict[str, list[object]], tmp_path: Path) -> None:
    out = ["--out", tmp_path / "a.png"]
    assert "twice" in refusal(*begun["generate"], *out, "--out", tmp_path / "." / "a.png")
    assert "twice" in refusal(*begun["super_resolve"], *out, "--strip", tmp_path / "a.png")


def test_a_class_with_a_slash_is_a_file_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = tiny_model()
    classifier.card = dataclasses.replace(classifier.card, classes=("and/or", "../elsewhere/x", ".."))
    save_model(classifier, tmp_path / "odd.safetensors")
    folder = tmp_path / "deep" / "here"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    for name in classifier.classes:
        call("generate", name, "--model", tmp_path / "odd.safetensors", "--steps", 1)
    assert sorted(path.name for path in folder.iterdir()) == ["and-or.png", "elsewhere-x.png", "picture.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "odd.safetensors"]
