"""`robust-widgets evaluate accuracy`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from robust_widgets import _files as files
from robust_widgets.models.card import read_card
from robust_widgets.models.model_file import save_model
from robust_widgets.models.registry import load_model
from robust_widgets.training.accuracy import accuracy, run_attack
from robust_widgets.training.data import PictureSet
from tests.cli.shell import call, refusal, write_data
from tests.helpers import noise_patterns, tiny_model

QUICK = ("--steps", "2", "--device", "cpu")


NAMES = ("cat", "dog", "goldfish")


def patterns(each: int) -> PictureSet:
    """Pictures under the names of the model's classes."""
    return dataclasses.replace(noise_patterns(each), classes=NAMES)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The file of a random model, its classes in the order in which folders are read."""
    classifier = tiny_model()
    classifier.card = dataclasses.replace(classifier.card, classes=NAMES)
    save_model(classifier, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data" / "val", patterns(4)).parent


def rows(table: str) -> dict[str, list[str]]:
    """The cells of each row by the row's name."""
    return {line.split()[0]: line.split()[1:] for line in table.splitlines() if "%" in line}


def test_the_table_holds_what_the_function_measures(model: Path, data: Path) -> None:
    result = call("evaluate", "accuracy", model, data, *QUICK, "--epsilon", 0.25, "--epsilon", 0.5)
    classifier = load_model(model, device="cpu")
    numbers = accuracy(classifier, patterns(4), epsilon=0.25, steps=2, progress=False)
    numbers |= accuracy(classifier, patterns(4), epsilon=0.5, steps=2, progress=False)
    assert list(numbers) == ["clean", "l2 0.25, 2 steps", "l2 0.5, 2 steps"]
    assert rows(result.stdout) == {"all": ["12", *(f"{share:.1%}" for share in numbers.values())]}
    assert all(name in result.stdout for name in numbers)
    assert "evaluating" in result.stderr


def test_norm_and_epsilon_default_to_those_of_training(model: Path, data: Path) -> None:
    assert "l2 0.5, 2 steps" in call("evaluate", "accuracy", model, data, *QUICK).stdout


def test_a_row_for_each_class_adds_up_to_all(model: Path, data: Path) -> None:
    table = rows(
        call("evaluate", "accuracy", model, data, *QUICK, "--per-class", "--norm", "linf", "--epsilon", 0.01).stdout
    )
    assert list(table) == ["all", *NAMES]
    for column in (1, 2):
        shares = [float(table[name][column].rstrip("%")) for name in NAMES]
        assert float(table["all"][column].rstrip("%")) == pytest.approx(sum(shares) / 3, abs=0.1)


def test_a_limit_measures_fewer_pictures(model: Path, data: Path) -> None:
    assert rows(call("evaluate", "accuracy", model, data, *QUICK, "--limit", 5).stdout)["all"][0] == "5"


def test_a_class_without_pictures_has_no_share() -> None:
    result = run_attack(tiny_model(), patterns(1), epsilon=0.1, steps=1, limit=1, progress=False)
    assert str(result.of_class(2).accuracies()["clean"]) == "nan"


def test_writing_keeps_the_weights_bit_for_bit(model: Path, data: Path) -> None:
    before, card = tensors(model), read_card(model)
    call("evaluate", "accuracy", model, data, *QUICK, "--write")
    assert tensors(model) == before
    written = read_card(model)
    assert list(written.accuracies) == ["clean", "l2 0.5, 2 steps"]
    assert dataclasses.replace(written, accuracies=card.accuracies) == card
    call("evaluate", "accuracy", model, data, *QUICK, "--epsilon", 0.25, "--write")
    assert list(read_card(model).accuracies) == ["clean", "l2 0.5, 2 steps", "l2 0.25, 2 steps"]


def test_writing_changes_no_bit_of_the_bundled_weights(tmp_path: Path) -> None:
    classifier = load_model(device="cpu")
    save_model(classifier, tmp_path / "copy.safetensors")
    before = tensors(tmp_path / "copy.safetensors")
    save_model(load_model(tmp_path / "copy.safetensors"), tmp_path / "copy.safetensors")
    assert tensors(tmp_path / "copy.safetensors") == before


def tensors(file: Path) -> dict[str, tuple[str, bytes]]:
    """Every tensor of a safetensors file as its kind and raw bytes."""
    with safe_open(file, framework="np") as opened:
        found = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    return {name: (f"{array.dtype} {array.shape}", array.tobytes()) for name, array in found.items()}


def test_a_failed_write_leaves_the_old_file(model: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    before = model.read_bytes()
    monkeypatch.setattr(files.os, "replace", refused)
    assert "Permission denied" in refusal("evaluate", "accuracy", model, data, *QUICK, "--write")
    assert model.read_bytes() == before
    assert [path.name for path in model.parent.glob("*model*")] == [model.name]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--norm", "l3", "--epsilon", "1"], "'l3'"),
        (["--norm", "linf"], "--epsilon"),
        (["--epsilon", "-1"], "-1"),
        (["--epsilon", "nan"], "nan"),
        (["--device", "abacus"], "'abacus'"),
        (["--write", "--limit", "3"], "--limit"),
        (["--attack", "fgsm"], "'fgsm'"),
        (["--attack", "autoattack", "--write"], "--write"),
    ],
)
def test_bad_options_are_answered_in_one_sentence(arguments: list[str], words: str, model: Path, data: Path) -> None:
    assert words in refusal("evaluate", "accuracy", model, data, *QUICK, *arguments)


def test_an_option_out_of_its_range_is_bad_input_too(model: Path, data: Path) -> None:
    for option in ("--steps", "--limit", "--batch-size"):
        assert option in call("evaluate", "accuracy", model, data, option, 0, code=2).stderr


@pytest.mark.parametrize("kind", ["missing", "foreign", "truncated", "unknown name"])
def test_what_is_not_a_model_is_refused(kind: str, model: Path, data: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    match kind:
        case "missing":
            refusal("evaluate", "accuracy", bad, data)
        case "foreign":
            header = json.dumps({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}).encode()
            bad.write_bytes(len(header).to_bytes(8, "little") + header + b"\0")
            refusal("evaluate", "accuracy", bad, data)
        case "truncated":
            bad.write_bytes(model.read_bytes()[:-100])
            refusal("evaluate", "accuracy", bad, data)
        case _:
            assert "'default'" in refusal("evaluate", "accuracy", "defualt", data)


def test_data_of_other_classes_is_refused(model: Path, data: Path, tmp_path: Path) -> None:
    (data / "val" / "dog").rename(data / "val" / "wolf")
    assert "wolf" in refusal("evaluate", "accuracy", model, data, *QUICK)
    assert "nowhere" in refusal("evaluate", "accuracy", model, tmp_path / "nowhere", *QUICK)


def test_a_file_of_another_format_is_not_written_to(data: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": {"w": torch.ones(2)}}, tmp_path / "theirs.pt")
    before = (tmp_path / "theirs.pt").read_bytes()
    assert "--write" in refusal("evaluate", "accuracy", tmp_path / "theirs.pt", data, "--write")
    assert (tmp_path / "theirs.pt").read_bytes() == before


def test_a_bundled_model_is_not_written_to(data: Path) -> None:
    assert "--write" in refusal("evaluate", "accuracy", "default", data, "--write")
