"""``robust-widgets doctor``, on a small network."""

from __future__ import annotations

import importlib
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import torch

import robust_widgets as rw
from robust_widgets import _machine
from robust_widgets._files import CACHE_VARIABLE
from robust_widgets.compiler import autotune, engine
from robust_widgets.models.model_file import save_model
from robust_widgets.solvers import backends as cuda_graph
from robust_widgets.solvers.step_graph import StepGraphCache
from tests.cli.shell import call
from tests.helpers import smooth_model, tiny_model
from tests.solvers.fake_cuda import FakeCuda

# ``robust_widgets.cli.doctor`` is the command, not its module.
doctor = importlib.import_module("robust_widgets.cli.doctor")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model's file, with an empty cache."""
    monkeypatch.delenv(engine.SWITCH, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(_machine, "_waiting_seconds", lambda: 0.0)
    save_model(tiny_model(), tmp_path / "small.safetensors")
    return tmp_path / "small.safetensors"


def lines_of(*arguments: object) -> list[str]:
    return call("doctor", *arguments, "--device", "cpu").stdout.splitlines()


def test_it_names_all_that_a_bug_report_needs(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    facts = {line[: doctor.LABEL_WIDTH].strip(): line[doctor.LABEL_WIDTH :] for line in lines_of(model)}
    for name in ("torch", "torchvision", "jupyterlab", "ipywidgets", "ipycanvas", "anywidget"):
        assert facts[name] == version(name)
    assert facts["robust-widgets"] == rw.__version__ and facts["Python"] == platform.python_version()
    assert facts["system"] == platform.platform()
    assert facts["processor"].endswith(torch.backends.cpu.get_cpu_capability())
    assert f"of {os.cpu_count()}" in facts["CPUs"] and f"{torch.get_num_threads()} thread" in facts["CPUs"]
    assert "CUDA devices" in facts and facts["OMP_NUM_THREADS"] == "2"


def test_it_times_every_backend_and_marks_the_one_in_use(model: Path) -> None:
    lines = lines_of(model)
    begin = next(index for index, line in enumerate(lines) if "ms per forward + backward" in line)
    end = next(index for index, line in enumerate(lines) if line.startswith("  * in use"))
    table = {line.split("  ")[1]: line for line in lines[begin + 1 : end]}
    cached = [json.loads(file.read_text()) for file in (model.parent / "cache" / autotune.CACHE).iterdir()]
    assert len(cached) == len(doctor.BATCHES) == 3
    assert set(table) == {engine.TITLES[backend] for times in cached for backend in times}
    assert sum(line.count("*") for line in table.values()) == 3, "one for each batch size"
    for times in cached:
        assert all(f"{taken:.1f}" in table[engine.TITLES[backend]] for backend, taken in times.items())
    assert "are recorded as one ONNX Runtime graph" in lines[-1] or "are not recorded" in lines[-1]


def test_it_reports_all_bundled_models_unless_one_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engine.SWITCH, "0")
    lines = lines_of()
    assert [line.partition(":")[0] for line in lines if "RobustClassifier" in line] == list(rw.model_names())
    assert sum("RobustClassifier" in line for line in lines_of(model)) == 1


def test_it_says_how_to_install_what_is_missing(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(name: str) -> str:
        if name == "onnxruntime":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(doctor, "version", installed)
    text = "\n".join(lines_of(model))
    assert "onnxruntime      not installed" in text and "pip install 'robust-widgets[fast]'" in text


def test_a_model_that_is_not_compiled_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._cpu_steps(smooth_model()) == ["  It runs uncompiled."]


def test_it_says_how_steps_run_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCuda()
    monkeypatch.setattr(cuda_graph, "cuda", fake)
    assert doctor._gpu_steps(smooth_model()) == ["  Steps are not recorded as a graph; the model runs uncompiled."]
    recorded = smooth_model()
    recorded.step_graphs, recorded.precision = StepGraphCache(), "float16"
    assert doctor._gpu_steps(recorded) == ["  Steps are recorded as a CUDA graph and replayed, the network in float16."]
    fake.refuse, recorded.step_graphs = "no room", StepGraphCache()
    with pytest.warns(RuntimeWarning, match="no room"):
        assert "no room" in doctor._gpu_steps(recorded)[0]
