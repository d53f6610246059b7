"""Call the command line in this process, and read its output."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from typer.testing import CliRunner, Result

from robust_widgets.cli import app
from robust_widgets.training.data import PictureSet
from tests.helpers import check_sentence


def call(*arguments: object, code: int = 0) -> Result:
    """Run a command that must end with this exit code and without a traceback."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, f"exit code {result.exit_code}: {result.output}"
    return result


def refusal(*arguments: object) -> str:
    """The one sentence with which a command refuses what it was given."""
    result = call(*arguments, code=2)
    sentence = result.stderr.splitlines()[-1]
    check_sentence(sentence)
    assert "Traceback" not in result.stderr
    return sentence


def write_data(folder: Path, pictures: PictureSet) -> Path:
    """A set of pictures as a folder of class folders of PNG files."""
    for index, (picture, label) in enumerate(zip(pictures.pictures, pictures.labels.tolist(), strict=True)):
        place = folder / pictures.classes[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(place / f"{index:03}.png")
    return folder
