"""`robust-widgets evaluate card`."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from torch import Tensor

import robust_widgets as rw
from robust_widgets.benchmark.speed import speed
from robust_widgets.evaluation import model_card as card
from robust_widgets.evaluation.evaluator import Evaluator
from robust_widgets.models.model_file import save_model
from robust_widgets.runs.trace import Trace
from robust_widgets.synthesis.problem import Problem
from tests.cli.shell import call, refusal, write_data
from tests.helpers import noise_patterns, tiny_model

NAMES = ("cat", "dog", "goldfish")
PICTURES = ("classes.png", "generated.png", "reliability.png", "spectrum.png")
MEASURE = ("evaluate", "card", "model.safetensors", "data", "--judge", "judge.safetensors", "--device", "cpu")
QUICK = ("--steps", 2, "--seeds", 2, "--out", "card.md")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a judge of it, and pictures."""
    folder = tmp_path_factory.mktemp("card")
    for seed, name in enumerate(("model", "judge")):
        classifier = tiny_model(seed=seed)
        classifier.card = dataclasses.replace(classifier.card, name=name, classes=NAMES)
        save_model(classifier, folder / f"{name}.safetensors")
    write_data(folder / "data" / "val", dataclasses.replace(noise_patterns(6), classes=NAMES))
    return folder


@pytest.fixture
def folder(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that, to write into; runs make one step each."""
    for entry in models.iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    whole = Evaluator.paint

    def short(evaluator: Evaluator, build: Callable[[Tensor], Problem], count: int, title: str) -> Trace:
        return whole(evaluator, lambda part: dataclasses.replace(build(part), steps=1), count, title)

    monkeypatch.setattr(Evaluator, "paint", short)
    monkeypatch.setattr(card, "speed", lambda model: speed(model, steps=1, rounds=1))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(text: str) -> dict[str, list[str]]:
    """The cells of the tables' rows by their first cell; the first row of a name counts."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return {first: rest for first, *rest in reversed(cells)}


def test_a_card_reports_and_shows_what_was_measured(folder: Path) -> None:
    result = call(*MEASURE, *QUICK, "--epsilon", 0.25, "--epsilon", 0.5)
    text = (folder / "card.md").read_text()
    assert text.startswith("# Model card: model\n")
    table = rows(text)
    printed = call(
        "evaluate", "accuracy", "model.safetensors", "data", "--steps", 2, "--epsilon", 0.25, "--epsilon", 0.5
    ).stdout
    for share in re.findall(r"[\d.]+%", printed):
        assert share in text
    assert table["clean"][0] == table["l2 0.25, 2 steps"][0] == "18"
    assert table["AutoAttack"][-1] == "not measured"
    model, judge = (rw.load_model(folder / f"{name}.safetensors") for name in ("model", "judge"))
    assert model.fingerprint in text and judge.fingerprint in text
    assert table["parameters"] == [f"{sum(weight.numel() for weight in model.parameters()):,}"]
    assert table["epochs"] == ["1"] and "MIT licence. Training data: made up." in text
    assert "Each set has 6 pictures, 2 per class" in text
    assert len(table["Frechet distance to other photographs"]) == 3
    linked = re.findall(r"\]\((card-card/[^)]+)\)", text)
    assert sorted(linked) == [f"card-card/{name}" for name in PICTURES]
    for link in linked:
        with Image.open(folder / link) as picture:
            assert picture.format == "PNG" and min(picture.size) > 50
    assert "card.json" in text and "wrote card.md" in result.stdout
    assert str(folder) not in text and str(folder) not in (folder / "card.json").read_text()
    assert "Not measured for this card." in text


def test_a_second_card_measures_only_what_is_new(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(*MEASURE, *QUICK)
    first = json.loads((folder / "card.json").read_text())["parts"]

    def forbidden(*_: object) -> None:
        raise AssertionError("this is known")

    monkeypatch.setattr(card, "measure_generation", forbidden)
    monkeypatch.setattr(card, "_calibration", forbidden)
    assert "--force" in refusal(*MEASURE, *QUICK)
    said = call(*MEASURE, *QUICK, "--force", "--epsilon", 0.5, "--epsilon", 0.1).stdout
    assert "painting: known" in said and "l2 0.5, 2 steps: known" in said and "l2 0.1, 2 steps: measuring" in said
    second = json.loads((folder / "card.json").read_text())["parts"]
    assert {name: second[name] for name in first} == first
    assert "l2 0.1, 2 steps" in rows((folder / "card.md").read_text())
    with pytest.raises(AssertionError, match="known"):
        call(*MEASURE, *QUICK, "--force", "--no-cache")
    (folder / "card-card" / "generated.png").unlink()
    with pytest.raises(AssertionError, match="known"):
        call(*MEASURE, *QUICK, "--force")


def test_a_stopped_run_keeps_its_parts_and_the_old_card(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "card.md").write_text("old")

    def stopped(_: object) -> None:
        raise RuntimeError("stopped")

    monkeypatch.setattr(card, "speed", stopped)
    with pytest.raises(RuntimeError, match="stopped"):
        call(*MEASURE, *QUICK, "--force")
    assert (folder / "card.md").read_text() == "old"
    assert set(json.loads((folder / "card.json").read_text())["parts"]) == {"calibration", "painting"}


def test_a_card_includes_the_tasks_if_they_were_measured(folder: Path) -> None:
    call(*MEASURE, *QUICK, "--tasks", "--limit", 3)
    text = (folder / "card.md").read_text()
    assert "| inpaint | hard mask | 3 |" in text
    assert "| inpaint | hard mask | largest change outside, of 255 | 0 |" in text

    model = rw.load_model(folder / "model.safetensors", device="cpu")
    assert model.seeds is not None
    model.seeds["noise"] *= 2
    (folder / "model.safetensors").unlink()  # the link, not the model that other tests use, too
    save_model(model, folder / "model.safetensors")
    said = call(*MEASURE, *QUICK, "--tasks", "--limit", 3, "--force").stdout
    measured = {line.removesuffix(": measuring") for line in said.splitlines() if line.endswith(": measuring")}
    assert measured == {"painting", "task: generate"}, "only these begin with the class seeds"


def test_the_command_in_the_card_makes_the_same_card(folder: Path) -> None:
    call(*MEASURE, *QUICK, "--limit", 5, "--epsilon", 0.5, "--batch-size", 3)
    text = (folder / "card.md").read_text()
    assert "--batch-size 3" in text
    command = next(line for line in text.splitlines() if line.startswith("    robust-widgets"))
    call(*command.split()[1:], "--device", "cpu", "--force")
    assert (folder / "card.md").read_text() == text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "card.txt", "--judge", "judge.safetensors"], "'.md'"),
        (["--out", "nowhere/card.md", "--judge", "judge.safetensors"], "nowhere"),
        (["--out", "card.md", "--judge", "model.safetensors"], "itself"),
        (["--out", "card.md", "--judge", "judge.safetensors", "--attack", "fgsm"], "'fgsm'"),
    ],
)
def test_bad_options_are_answered_in_one_sentence(arguments: list[str], words: str, folder: Path) -> None:
    assert words in refusal("evaluate", "card", "model.safetensors", "data", *arguments)
    assert not list(folder.glob("card*"))


@pytest.mark.parametrize("arguments", [["--out", "card.md"], ["--judge", "judge.safetensors"]])
def test_a_judge_and_a_file_are_required(arguments: list[str], folder: Path) -> None:
    call("evaluate", "card", "model.safetensors", "data", *arguments, code=2)
    assert not list(folder.glob("card*"))


def test_another_json_file_is_not_overwritten(folder: Path) -> None:
    (folder / "card.json").write_text("{}")
    assert "card.json" in refusal(*MEASURE, *QUICK)
    assert (folder / "card.json").read_text() == "{}"
