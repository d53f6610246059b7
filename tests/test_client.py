"""``robust-widgets-client``: the same files without PyTorch, for notebooks that paint on a server."""

from __future__ import annotations

import importlib.util
import inspect
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import robust_widgets as rw
from robust_widgets.interface.tasks import task_specs
from tests.helpers import check_sentence, smooth_model
from tests.serving.running import RunningServer
from tests.test_architecture import WITHOUT_TORCH

ROOT = Path(__file__).parent.parent
LEFT_OUT = {"torch", "torchvision", "matplotlib"}  # models, and the charts of training and evaluation
EXTENSION = "share/jupyter/labextensions/robust-widgets"
# An interpreter in which these cannot be found, though they are installed here.
HIDE = f"""
import importlib, sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in {LEFT_OUT!r}
        return None if hidden else self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""


def client(code: str, **environment: str) -> str:
    """What an interpreter of the client prints."""
    done = subprocess.run(
        [sys.executable, "-c", HIDE + code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def project(path: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / path / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_client_asks_for_what_the_project_does_without_torch() -> None:
    ours, clients = project(".")["project"], project("client")["project"]
    wanted = {str(one) for line in ours["dependencies"] if (one := Requirement(line)).name not in LEFT_OUT}
    assert {str(Requirement(line)) for line in clients["dependencies"]} == wanted
    for name in ("requires-python", "scripts", "license"):
        assert clients[name] == ours[name], name
    assert clients["optional-dependencies"].items() <= ours["optional-dependencies"].items()
    assert clients["dynamic"] == ["version"], "of the same file as the project's"
    version = project("client")["tool"]["hatch"]["version"]["path"]
    assert (ROOT / "client" / version).samefile(ROOT / project(".")["tool"]["hatch"]["version"]["path"])


def test_its_wheel_holds_the_same_files(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="pip installs hatchling for the build; the tests need it installed")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT / "client",
        env={**os.environ, "HATCH_BUILD_NO_HOOKS": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"robust_widgets_client-{rw.__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    modules = [path.relative_to(ROOT).as_posix() for path in (ROOT / "robust_widgets").rglob("*.py")]
    assert not set(modules) - set(names) and "robust_widgets/models/weights/tiny.safetensors" in names
    assert "robust_widgets/notebooks/index.ipynb" in names and any(name.endswith("entry_points.txt") for name in names)
    assert not [name for name in names if name.startswith("tests") or "__pycache__" in name]
    built = ROOT / "frontend/labextension/build"
    extension = {f"/{EXTENSION}/{path.relative_to(built).as_posix()}" for path in built.rglob("*") if path.is_file()}
    assert not extension - {name.partition(".data/data")[2] for name in names}, "the JupyterLab extension"


def test_everything_that_a_notebook_needs_is_imported_without_what_is_left_out() -> None:
    client("\n".join(f"importlib.import_module({name!r})" for name in WITHOUT_TORCH))


def test_a_studio_paints_on_a_server_in_another_process_and_saves(tmp_path: Path) -> None:
    with RunningServer({"small": smooth_model(12)}) as server:
        said = client(
            f"""
import threading
import robust_widgets as rw
studio = rw.Studio(task=["generate", "dream"])
assert studio.session.problem == "" and studio.session.model.name == "test-smooth", studio.session.problem
over = threading.Event()
studio.runner.on_end(lambda trace, ended: over.set())
for task in ("generate", "dream"):
    over.clear()
    studio.task_buttons.value = task
    studio.controls[task].set({{"steps": 2}})
    studio.run()
    assert over.wait(120)
    assert len(studio.trace) == 3, studio.status.text
studio.traces[0].save({str(tmp_path / "run.rwtrace")!r})
studio.traces[0].save({str(tmp_path / "run.gif")!r})
again = rw.load_trace({str(tmp_path / "run.rwtrace")!r})
assert rw.report(again) and "generate" in rw.to_code(again)
try:
    studio.paint_here()
except rw.NotInstalledError as error:
    print(error)
assert studio.session.problem == "", "the server is not left for a machine that cannot paint"
studio.run()
studio.close()
assert "torch" not in sys.modules
""",
            ROBUST_WIDGETS_SERVER=server.url,
        )
    check_sentence(said, "PyTorch", "ROBUST_WIDGETS_SERVER", "pip install robust-widgets")
    assert len(rw.load_trace(tmp_path / "run.rwtrace")) == 3 and (tmp_path / "run.gif").stat().st_size > 0


def inputs(function: Callable[..., Any]) -> int:
    """How many arguments a task needs."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty)
    return sum((p.kind, p.default) == kinds for p in inspect.signature(function).parameters.values())


NAMES = ("load_model", "run", "train", "explain", "to_batch", "measure_robustness", "CrossEntropy")
CALLS = [
    *(f"rw.{name}" for name in NAMES),
    *(f"rw.{name}(*['goldfish'] * {inputs(spec.function)})" for name, spec in task_specs().items()),
    "rw.sweep('generate', 'goldfish', x=('epsilon', [1, 2]))",
    "list(rw.stream_pictures('generate', 'goldfish', n=2))",
    "rw.TrainingMonitor('data')",
    "rw.Studio(device='cuda')",
    "import torch.nn",
]


def test_whatever_needs_torch_says_so_in_one_sentence() -> None:
    said = client(
        f"""
import robust_widgets as rw
for call in {CALLS!r}:
    try:
        exec(call)
    except rw.NotInstalledError as error:
        assert isinstance(error, ModuleNotFoundError) and error.name in {LEFT_OUT!r}
        print(call, error, sep="|")
    except ModuleNotFoundError as error:
        print(call, "Python: ", error, sep="|")
"""
    )
    sentences = dict(line.split("|", 1) for line in said.splitlines())
    assert list(sentences) == CALLS
    assert sentences.pop("import torch.nn") == "Python: |No module named 'torch'", "somebody else's import is Python's"
    for sentence in sentences.values():
        check_sentence(sentence, "PyTorch", "pip install robust-widgets")


@pytest.mark.parametrize(
    "command",
    [
        ["generate", "goldfish"],
        ["models", "tiny", "--layers"],
        ["doctor"],
        ["serve", "--measure"],
        ["explain", "x.png"],
    ],
)
def test_a_command_that_needs_torch_says_so(command: list[str], tmp_path: Path) -> None:
    output = client(
        f"""
import contextlib, io, os
from robust_widgets.cli import app
os.chdir({str(tmp_path)!r})
printed = io.StringIO()
try:
    with contextlib.redirect_stderr(printed):
        app({command!r})
except SystemExit as end:
    print(end.code, printed.getvalue().strip(), sep="|")
"""
    )
    code, sentence = output.splitlines()[-1].split("|")
    assert code == "2"
    check_sentence(sentence, "PyTorch", "pip install robust-widgets")


def test_a_studio_without_a_server_and_without_torch_says_so() -> None:
    said = client(
        """
import threading
import robust_widgets as rw
studio = rw.Studio(task="generate")
over = threading.Event()
studio.runner.on_failed(over.set)
studio.run()
assert over.wait(60)
print(studio.status.text)
"""
    )
    check_sentence(said, "PyTorch", "ROBUST_WIDGETS_SERVER")


def test_the_finder_is_there_once_and_finds_nothing_for_others() -> None:
    assert sum("MissingTorch" in type(finder).__qualname__ for finder in sys.meta_path) == 1
    assert importlib.util.find_spec("no_such_module_anywhere") is None
