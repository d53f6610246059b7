"""The help of all commands, and how little it imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

import robust_widgets as rw
from tests.cli.shell import call

PAINTING = ("generate", "sketch-to-image", "translate", "super-resolve", "inpaint", "paint-features")
COMMANDS = ("lab", *PAINTING, "features", "train", "evaluate", "models", "convert", "data", "bench")
EVALUATIONS = ("accuracy", "tasks", "card")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    assert command in call("--help").stdout
    help_text = call(command, "--help").stdout
    assert f"robust-widgets {command}" in help_text and "--help" in help_text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        *([command, "--help"] for command in COMMANDS),
        *(["evaluate", name, "--help"] for name in EVALUATIONS),
    ],
)
def test_help_loads_no_torch(arguments: list[str]) -> None:
    code = f"import sys; from robust_widgets.cli import app; app({arguments!r}, standalone_mode=False); "
    heavy = "print(sorted({'torch', 'torchvision', 'jupyterlab', 'ipywidgets'} & set(sys.modules)), file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", code + heavy], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"
    assert result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_first_sentence_fits_the_list_of_commands(command: str) -> None:
    (line,) = [line for line in call("--help").stdout.splitlines() if line.split()[:1] == [command]]
    assert line.endswith(".") and not line.endswith("...")


@pytest.mark.parametrize("name", EVALUATIONS)
def test_evaluate_has_subcommands(name: str) -> None:
    (line,) = [line for line in call("evaluate", "--help").stdout.splitlines() if line.split()[:1] == [name]]
    assert line.endswith(".") and not line.endswith("...")
    assert f"robust-widgets evaluate {name}" in call("evaluate", name, "--help").stdout


def test_the_version_is_the_packages() -> None:
    assert call("--version").stdout == f"robust-widgets {rw.__version__}\n"


def test_a_command_that_does_not_exist_is_bad_input() -> None:
    assert "generate" in call("generat", code=2).stderr


def test_the_module_can_be_run() -> None:
    command = [sys.executable, "-m", "robust_widgets.cli", "generate", "dog", "--steps", "0"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("steps is 0") and len(result.stderr.splitlines()) == 1
