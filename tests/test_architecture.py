"""The shape of the package is tested, too: who may import whom, what is public, how long a file may be."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

import robust_widgets as rw
from robust_widgets import errors
from robust_widgets.interface.tasks import task_names, task_specs
from tests.helpers import CLASSES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "robust_widgets"
LONGEST = 500

# Each of these is imported where torch is not wanted: in a browser-side test, a viewer, a script that reads runs.
WITHOUT_TORCH = [
    "robust_widgets",
    *(
        f"robust_widgets.{name}"
        for name in ("errors", "testing", "session.local", "session.remote", "models.bundled", "cli")
    ),
    *(f"robust_widgets.serving.{name}" for name in ("batcher", "server", "supervisor")),
    *(f"robust_widgets.pictures.{name}" for name in ("folder", "grid", "io")),
    *sorted(
        f"robust_widgets.{folder}.{module.name}"
        for folder in ("interface", "runs", "tasks", "widgets", "jupyter")
        for module in pkgutil.iter_modules([str(PACKAGE / folder)])
        if (folder, module.name) != ("tasks", "running")
    ),
]


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_people_see_needs_no_torch() -> None:
    loads = "\n".join(
        f"importlib.import_module({name!r}); assert 'torch' not in sys.modules, {name!r}" for name in WITHOUT_TORCH
    )
    python(f"import importlib, sys\n{loads}")


def test_no_module_needs_an_extra() -> None:
    """``pip install robust-widgets`` brings no ONNX Runtime; only its backend and pages need it."""
    of_pages = [f"robust_widgets.page.{name}" for name in ("structures", "weights", "manifest")]
    backends = ("robust_widgets.compiler.backends.onnx", "robust_widgets.cli.__main__", *of_pages)
    modules = [module.name for module in pkgutil.walk_packages([str(PACKAGE)], "robust_widgets.")]
    loads = "\n".join(f"importlib.import_module({name!r})" for name in modules if not name.startswith(backends))
    extras = ("captum", "onnxruntime", "onnx", "timm", "av", "skimage", "torchattacks", "scipy", "dill")
    python(f"import importlib, sys, warnings\nsys.modules.update(dict.fromkeys({extras}))\n{loads}")


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "numpy", "PIL", "matplotlib", "ipywidgets", "anywidget", "ipycanvas", "IPython")
    assert python(f"import sys, robust_widgets; print([one for one in {heavy} if one in sys.modules])") == "[]"


def test_a_studio_is_there_before_torch_and_its_run_waits_for_it(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (200, 30, 60)).save(tmp_path / "photo.png")
    said = python(
        f"""
import sys, threading
from pathlib import Path
from robust_widgets.session import local
local.HEAD_START = 1e6  # so that only a run can make the worker begin
import robust_widgets as rw
import robust_widgets.jupyter.kernel_api
file = {str(tmp_path / "photo.png")!r}
assert rw.Studio(Path(file).read_bytes(), model="tiny").surface.raster.image[9, 9].tolist() == [200, 30, 60]
studio = rw.Studio(file, model="tiny")
studio.task_buttons.value = "paint_features"
studio.task_buttons.value = "generate"
assert studio.session.loading and studio.session.model.classes and "torch" not in sys.modules
studio.controls["generate"].set({{"steps": 2}})
over = threading.Event()
studio.runner.on_end(lambda trace, ended: over.set())
studio.run()
print(studio.status.text)
assert over.wait(240)
print(len(studio.trace), repr(studio.status.text), "torch" in sys.modules, studio.session.loading)
"""
    )
    assert said.splitlines() == ["Loading the model; the run starts as soon as it is ready.", "3 '' True False"]


def test_a_recorded_run_is_saved_and_read_without_torch(tmp_path: Path) -> None:
    python(
        f"""
import sys
import numpy as np
import robust_widgets as rw
numbers = {{name: np.zeros(1) for name in ("loss", "probability", "distance")}}
trace = rw.Trace("generate", {{"steps": 0}})
trace.append(rw.Frame(step=0, pixels=np.zeros((1, 8, 8, 3), np.uint8), seconds=0.0, **numbers))
trace.save({str(tmp_path / "run.npz")!r})
trace.save({str(tmp_path / "run.gif")!r})
assert len(rw.load_trace({str(tmp_path / "run.npz")!r})) == 1
assert rw.FakeSession().model.classes and "torch" not in sys.modules
"""
    )


def test_the_layers_hold() -> None:
    from importlinter.cli import lint_imports

    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(contract for contract in config["contracts"] if contract["type"] == "layers")
    assert layers["exhaustive"], "a new module has to find its layer"
    code = f"""
import os, sys
os.chdir({str(ROOT)!r})
sys.path.insert(0, os.getcwd())
from {lint_imports.__module__} import lint_imports
sys.exit(lint_imports(no_cache=True))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", dir(rw))
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(rw, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__name__ == name and value.__doc__, f"{name} is documented under its own name"


def test_the_public_names_are_the_promised_ones() -> None:
    assert dir(rw) == sorted(rw.__all__) and len(set(rw.__all__)) == len(rw.__all__)
    promised = {
        "generate",
        "sketch_to_image",
        "load_model",
        "load_trace",
        "Problem",
        "iterate",
        "run",
        "Trace",
        "Frame",
    }
    assert promised <= set(dir(rw))


def test_no_two_public_names_differ_only_in_case() -> None:
    assert len({name.casefold() for name in rw.__all__}) == len(rw.__all__)


def test_every_error_is_public() -> None:
    kinds = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
    assert len(kinds) > 10 and {kind.__name__ for kind in kinds} <= set(rw.__all__)


def test_every_task_is_public() -> None:
    assert [getattr(rw, name) for name in task_names()] == [spec.function for spec in task_specs().values()]


OLD_NAMES = {
    "chain": "chain_problems",
    "check": "check_exercise",
    "code": "to_code",
    "features": "model_features",
    "problem": "make_problem",
    "stream": "stream_pictures",
}


@pytest.mark.parametrize(("old", "new"), OLD_NAMES.items())
def test_an_old_name_works_for_this_release_and_names_the_new_one(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"robust_widgets.{old} is .* use robust_widgets.{new}\.") as caught:
        value = getattr(rw, old)
    assert value is getattr(rw, new) and caught[0].filename == __file__
    assert old not in dir(rw)
    with pytest.warns(DeprecationWarning):
        exec(f"from robust_widgets import {old}", {})


def test_type_checkers_and_python_read_one_list() -> None:
    lines = (PACKAGE / "__init__.pyi").read_text().splitlines()
    exported = [line.split(" as ")[-1] for line in lines if line.startswith("from ")]
    assert sorted([*exported, "__version__"]) == dir(rw), "each name is on a line of its own, with 'as'"


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(AttributeError, match="no attribute 'genrate'"):
        rw.genrate  # noqa: B018
    with pytest.raises(ImportError):
        importlib.import_module("robust_widgets.genrate")


def test_the_public_names_work_together() -> None:
    from tests.helpers import pictures, smooth_model

    problem = rw.Problem(
        model=smooth_model(),
        start=pictures(1),
        objective=rw.CrossEntropy(CLASSES.index("cat")) * 2,
        stepper=rw.LinfStep(0.01),
        steps=2,
        constraint=rw.LinfBall(0.02),
    )
    assert [frame.step for frame in rw.iterate(problem)] == [0, 1, 2]
    assert isinstance(rw.run(problem), rw.Trace)


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_too_long_and_each_says_what_it_is(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LONGEST
    assert lines[0].startswith('"""'), "a module begins with what it is for"


def test_no_test_file_is_too_long() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= LONGEST, path


def test_progress_is_not_printed_by_the_step_loop() -> None:
    for path in [path for folder in ("synthesis", "solvers", "tasks") for path in (PACKAGE / folder).rglob("*.py")]:
        assert "print(" not in path.read_text()


# They write into a folder of their own, /proc, or a download that resumes.
WRITE_THEMSELVES = {
    "training/data/domains.py",
    "training/data/tiny_imagenet.py",
    "training/trainer.py",
    "benchmark/peak_memory.py",
    "models/zoo/download.py",
    "jupyter/kernel_api.py",
}
WRITES = re.compile(
    r"\.write_(text|bytes)\(|(?<!av)\.open\([^)]*[\"'][wax]b?\+?b?[\"']|\bcopyfile\(|\.rename\(|\.replace\(self"
)


def test_files_are_written_by_the_functions_that_replace_nothing_by_mistake() -> None:
    writing = {path.relative_to(PACKAGE).as_posix() for path in MODULES if WRITES.search(path.read_text())}
    assert writing - {"_files/__init__.py", "_files/locks.py", "_files/partials.py"} == WRITE_THEMSELVES
