"""A seventh task that starts from a picture is one file, the one in CONTRIBUTING.md, and everything else follows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from robust_widgets.models.model_file import save_model
from tests.helpers import tiny_model

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "robust_widgets"

GUIDE = ROOT / "CONTRIBUTING.md"
SECTION = GUIDE.read_text(encoding="utf-8").partition("## Add a task")[2]
STYLISE = SECTION.partition("```python\n")[2].partition("```")[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with one more file, a picture and a tiny model."""
    folder = tmp_path_factory.mktemp("seventh")
    package = folder / "robust_widgets"
    (package / "tasks").mkdir(parents=True)
    for entry in PACKAGE.iterdir():
        if entry.name not in ("tasks", "__pycache__"):
            (package / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
    for entry in (PACKAGE / "tasks").iterdir():
        if entry.name != "__pycache__":
            (package / "tasks" / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
    (package / "tasks" / "stylise.py").write_text(STYLISE)
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    Image.fromarray(picture).save(folder / "picture.png")
    save_model(tiny_model(), folder / "tiny.safetensors")
    return folder


def run(folder: Path, *command: str, code: int = 0) -> str:
    """What a command prints in a fresh interpreter that imports the copy."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "ROBUST_WIDGETS_STATE": str(folder / "state")}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def python(folder: Path, code: str) -> str:
    return run(folder, "-c", textwrap.dedent(code))


def test_its_function_has_keywords_checks_and_a_report(folder: Path) -> None:
    printed = python(
        folder,
        """
        import inspect, json
        import robust_widgets as rw
        trace = rw.stylise("picture.png", "cat", model="tiny.safetensors", steps=3, epsilon=8)
        try:
            rw.stylise("picture.png", "cat", model="tiny.safetensors", stpes=3)
        except TypeError as error:
            message = str(error)
        problem = rw.make_problem("stylise", "cat", picture="picture.png", model="tiny.safetensors")
        names = list(inspect.signature(rw.stylise).parameters)
        print(json.dumps([trace.task, trace.parameters, names, message, problem.steps, rw.report(trace)]))
        """,
    )
    task, parameters, names, message, steps, report = json.loads(printed)
    assert (task, parameters["steps"], parameters["epsilon"], parameters["constraint"]) == ("stylise", 3, 8, "linf")
    keywords = ["steps", "epsilon", "step_size", "seed", "constraint", "model", "device", "on_step"]
    assert names == ["picture", "target", *keywords] and steps == 20
    assert message.startswith("stylise has no parameter 'stpes'; the nearest are 'steps'")
    assert 0 < report["largest_change"] <= 8 and report["steps"] == 3


def test_its_command_has_help_runs_and_takes_a_folder(folder: Path) -> None:
    assert "stylise" in run(folder, "-m", "robust_widgets.cli", "--help")
    help = run(folder, "-m", "robust_widgets.cli", "stylise", "--help")
    assert "Stylise a picture with the texture of a class." in help and "--step-size" in help and "--seed" in help
    start = ["-m", "robust_widgets.cli", "stylise", "picture.png", "cat", "--model", "tiny.safetensors", "--steps", "2"]
    printed = run(folder, *start, "--out", "cat.png", "--out", "cat.npz")
    assert "largest change" in printed and (folder / "cat.png").is_file()
    with np.load(folder / "cat.npz") as saved:
        assert saved["frames"].shape == (3, 1, 16, 16, 3)
    run(folder, *start, "--out", "cats")
    assert (folder / "cats" / "000000.png").is_file()
    assert "steps is 0" in run(folder, *start, "--steps", "0", code=2)


def test_its_studio_offers_it_with_its_parameters_and_without_torch(folder: Path) -> None:
    python(
        folder,
        """
        import sys
        import numpy as np
        import robust_widgets as rw
        from robust_widgets.testing import FakeSession
        session = FakeSession()
        studio = rw.Studio("picture.png", session=session)
        assert studio.task_buttons.options[-1] == ("Stylise", "stylise")
        studio.task_buttons.value = "stylise"
        assert studio.hint.value.count("takes on the texture")
        assert list(studio.controls["stylise"].controls) == ["steps", "epsilon", "step_size", "seed", "constraint"]
        studio.controls["stylise"].set({"steps": 5})
        studio.run()
        session.advance(5)
        (request,) = session.requests
        assert (request.task, request.parameters["steps"], request.mask) == ("stylise", 5, None)
        assert request.picture is not None and len(studio.trace) == 6 and studio.status.kind != "error"
        alone = rw.Studio("picture.png", task="stylise", session=FakeSession())
        assert list(alone.controls) == ["stylise"]
        assert "torch" not in sys.modules
        """,
    )


def test_a_run_in_its_studio_gives_code_that_repeats_it(folder: Path) -> None:
    python(
        folder,
        """
        import threading
        import numpy as np
        import robust_widgets as rw
        studio = rw.Studio("picture.png", task="stylise", model="tiny.safetensors")
        studio.controls["stylise"].set({"steps": 2})
        over = threading.Event()
        studio.runner.on_end(lambda trace, ended: over.set())
        studio.run()
        assert over.wait(240) and len(studio.trace) == 3, studio.status.text
        scope = {}
        exec(rw.to_code(studio.trace, "tiny.safetensors"), scope)
        np.testing.assert_array_equal(scope["trace"].frames, studio.trace.frames)
        studio.close()
        """,
    )


def test_it_is_evaluated_from_photographs(folder: Path) -> None:
    python(
        folder,
        """
        import torch
        from robust_widgets.evaluation.evaluator import Evaluator
        from robust_widgets.evaluation.tasks import task_measurements
        from robust_widgets.models.registry import load_model
        from robust_widgets.training.data import PictureSet
        model = load_model("tiny.safetensors", device="cpu")
        pictures = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
        data = PictureSet(pictures, torch.arange(6) % 3, model.classes)
        measurements = task_measurements(Evaluator(model, model, progress=False), data, 6)
        result = measurements["stylise"]()
        assert (result.task, result.setting, len(result)) == ("stylise", "to another class", 6)
        assert result.within and 0 < result.figures["largest_change"] <= 16
        """,
    )


def test_a_type_checker_finds_an_unknown_keyword(folder: Path) -> None:
    pytest.importorskip("pyright", reason="pyright is not installed")
    call = "from robust_widgets.tasks.stylise import stylise\n\nstylise('picture.png', 'cat', steps=3, {})\n"
    (folder / "right.py").write_text(call.format("epsilon=4.0"))
    (folder / "wrong.py").write_text(call.format("epsilno=4.0"))
    (folder / "six.py").write_text(
        "import robust_widgets as rw\n\n"
        "rw.translate('a.png', 'cat', stesp=3)\nrw.generate('cat', n='3')\nrw.genrate('cat')\n"
    )
    errors = {name: pyright(folder, name) for name in ("right.py", "wrong.py", "six.py")}
    assert errors["right.py"] == []
    assert len(errors["wrong.py"]) == 1 and "epsilno" in errors["wrong.py"][0]
    misspelt, mistyped, missing = errors["six.py"]
    assert "stesp" in misspelt and '"n"' in mistyped and "genrate" in missing


def pyright(folder: Path, name: str) -> list[str]:
    """The errors in a file."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        pytest.skip(f"pyright does not run here: {done.stderr[-200:]}")
    return [entry["message"] for entry in json.loads(done.stdout)["generalDiagnostics"] if entry["severity"] == "error"]
