"""`robust-widgets train`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import typer

from robust_widgets.cli import app
from robust_widgets.cli.options import attribute_help
from robust_widgets.models.model_file import save_model
from robust_widgets.models.registry import load_model
from robust_widgets.training import train as training
from robust_widgets.training.settings import TrainingSettings
from tests.cli.shell import call, refusal, write_data
from tests.helpers import noise_patterns, tiny_model

TINY = ("--architecture", "smoothresnet-tiny", "--epochs", "1", "--size", "16", "--batch-size", "8", "--device", "cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder / "train", noise_patterns(10))
    write_data(folder / "val", noise_patterns(3, seed=1))
    return folder


def test_a_model_is_trained_and_can_be_loaded(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "model.safetensors"
    settings = ("--epsilon", "0.25", "--no-progressive", "--learning-rate", "0.05")
    result = call("train", data, "--out", out, *TINY, *settings, "--name", "patterns", "--data-name", "made up, CC0")
    model = load_model(out, device="cpu")
    card = model.card
    assert (card.name, card.data, card.classes) == ("patterns", "made up, CC0", noise_patterns(1).classes)
    assert (card.input_size, card.architecture, card.norm, card.radius) == (16, "smoothresnet-tiny", "l2", 0.25)
    expected = TrainingSettings(
        architecture="smoothresnet-tiny", epochs=1, batch_size=8, epsilon=0.25, progressive=False, learning_rate=0.05
    )
    assert card.training == expected.to_dict()
    assert model.seeds is not None
    row = json.loads(out.with_suffix(".log.jsonl").read_text())
    assert row["epoch"] == 1 and "clean" in row
    assert not out.with_suffix(".checkpoint.pt").exists()
    assert f"Wrote {str(out)!r}." in result.stdout and "training" in result.stderr


@pytest.mark.parametrize("field", dataclasses.fields(TrainingSettings), ids=lambda field: field.name)
def test_every_setting_is_an_option_with_its_default_and_help(field: dataclasses.Field[Any]) -> None:
    command: Any = typer.main.get_command(app)
    (option,) = [p for p in command.commands["train"].params if p.name == field.name]
    alias = field.metadata.get("alias")
    assert option.opts == [f"--{field.name.replace('_', '-')}", *([alias] if alias else [])]
    assert option.default == field.default
    assert option.help and option.help == attribute_help(TrainingSettings)[field.name]


def test_help_is_read_from_the_docstring() -> None:
    class Documented:
        """Something.

        Attributes:
            first: one ``code``,
                on two lines.
            second, third: both: at once.

        Raises:
            ParameterError: never: it is not an attribute.
        """

    both = "Both: at once."
    assert attribute_help(Documented) == {"first": "One code, on two lines.", "second": both, "third": both}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--arch", "smoothresnet-huge"], "'smoothresnet'"),
        (["--epochs", "0"], "epochs is 0"),
        (["--epsilon", "nan"], "epsilon is nan"),
        (["--learning-rate", "-1"], "learning_rate is -1"),
        (["--norm", "l3"], "'l3'"),
        (["--precision", "half"], "'half'"),
        (["--device", "abacus"], "'abacus'"),
        (["--resume"], "--resume"),
        (["--out", "model.pt"], "'.safetensors'"),
        (["--out", "file/model.safetensors"], "file"),
    ],
)
def test_bad_settings_are_answered_in_one_sentence(
    arguments: list[str], words: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert words in refusal("train", data, "--out", "model.safetensors", *TINY, *arguments)
    assert not Path("model.safetensors").exists()


def test_a_finished_model_is_replaced_only_by_force(data: Path, tmp_path: Path) -> None:
    out, log = tmp_path / "model.safetensors", tmp_path / "model.log.jsonl"
    call("train", data, "--out", out, *TINY)
    before = {path: path.read_bytes() for path in (out, log)}
    sentence = refusal("train", data, "--out", out, *TINY, "--seed", 5)
    assert "model.safetensors" in sentence and "exists" in sentence and "--force" in sentence
    assert {path: path.read_bytes() for path in before} == before and len(list(tmp_path.iterdir())) == 2
    result = call("train", data, "--out", out, *TINY, "--seed", 5, "--force")
    assert out.read_bytes() != before[out] and len(log.read_text().splitlines()) == 1
    assert (tmp_path / "model.log-2.jsonl").read_bytes() == before[log] and "model.log-2.jsonl" in result.output


@pytest.mark.parametrize("kind", ["missing", "empty", "one class", "few", "different"])
def test_bad_data_is_answered_in_one_sentence(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    match kind:
        case "missing":
            pass
        case "empty":
            folder.mkdir()
        case "one class":
            (folder / "blue").mkdir(parents=True)
        case "few":
            write_data(folder, noise_patterns(2))
        case _:
            write_data(folder / "train", noise_patterns(10))
            write_data(folder / "val" / "deeper", noise_patterns(1))
    refusal("train", folder, "--out", tmp_path / "model.safetensors", *TINY)


def test_an_option_out_of_its_range_is_bad_input_too(data: Path, tmp_path: Path) -> None:
    result = call("train", data, "--out", tmp_path / "model.safetensors", "--size", 4, code=2)
    assert "--size" in result.stderr


def test_ctrl_c_explains_how_to_resume(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupted)
    result = call("train", data, "--out", tmp_path / "model.safetensors", *TINY, code=130)
    assert "--resume" in result.stderr.splitlines()[-1]


def test_starting_from_a_model_uses_its_defaults(data: Path, tmp_path: Path) -> None:
    save_model(tiny_model(), tmp_path / "old.safetensors")
    out = tmp_path / "new.safetensors"
    call("train", data, "--out", out, "--init", tmp_path / "old.safetensors", "--epochs", "1", "--device", "cpu")
    card = load_model(out, device="cpu").card
    assert card.training == TrainingSettings.of({"epochs": 1}, init_architecture="blurresnet-tiny").to_dict()
    assert card.input_size == 16, "the side of the model it started from"
