"""The script for machines with a GPU, on stand-ins: of CUDA for the recorded steps, of MPS for the rest."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from robust_widgets.models.classifier import HalfPrecisionClassifier, RobustClassifier
from robust_widgets.models.registry import load_model
from robust_widgets.solvers import backends
from robust_widgets.solvers.step_graph import StepGraphCache
from robust_widgets.tasks.running import batch
from tests.solvers.fake_cuda import FakeCuda

SCRIPTS = Path(__file__).parent.parent / "scripts"
DEVICE_CHECKS = ("tasks", "two_sessions", "stop", "out_of_memory")  # of CUDA and MPS
CUDA_CHECKS = ("half_precision", "side_stream", "exception_in_capture")


@pytest.fixture(scope="module", autouse=True)
def path_of_scripts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return importlib.import_module("gpu")


@pytest.fixture(scope="module")
def checks() -> ModuleType:
    return importlib.import_module("gpu_checks")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda()
    monkeypatch.setattr(backends, "cuda", fake)
    return fake


@pytest.fixture(autouse=True)
def small_memory(checks: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device holds the passes of two pictures."""
    minimize = batch.compiled_minimize

    def limited(problem: Any, *rest: Any) -> Any:
        if len(problem.start) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return minimize(problem, *rest)

    @contextmanager
    def little_memory(*_: object) -> Iterator[None]:
        monkeypatch.setattr(batch, "compiled_minimize", limited)
        yield
        monkeypatch.setattr(batch, "compiled_minimize", minimize)

    monkeypatch.setattr(checks, "little_memory", little_memory)
    monkeypatch.setattr(checks, "MANY", 8)


def ended(returncode: int | None, stdout: str, stderr: str) -> SimpleNamespace:
    """A program that has ended; without a return code, its time was up."""
    return SimpleNamespace(returncode=returncode, stdout=stdout, stderr=stderr)


def machine_of(script: ModuleType, kind: str) -> Any:
    """A machine whose device is really the CPU."""

    class Double(script.Machine):  # type: ignore[name-defined, misc]
        device = torch.device("cpu")

        def model(self, name: str = "tiny", **options: Any) -> RobustClassifier:
            model = load_model("tiny", device="cpu", fast=False, **options).copy_to(torch.device("cpu"))
            model.step_graphs = StepGraphCache() if kind == script.CUDA else None
            return model

        def synchronize(self) -> None:
            pass

    return Double(kind)


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("name", [*DEVICE_CHECKS, *CUDA_CHECKS])
def test_each_check_passes_on_a_device_that_works(script: ModuleType, name: str) -> None:
    result = script.perform(name, machine_of(script, script.CUDA))
    assert result["status"] == "passed" and result["figures"], result
    json.dumps(result, default=str)


@pytest.mark.parametrize("name", [*DEVICE_CHECKS, *CUDA_CHECKS])
def test_on_mps_what_needs_cuda_is_skipped_and_the_rest_passes(script: ModuleType, name: str) -> None:
    result = script.perform(name, machine_of(script, script.MPS))
    assert result["status"] == ("passed" if name in DEVICE_CHECKS else "skipped"), result
    assert result["status"] == "passed" or result["reason"] == "it is for cuda"


def wrong_replay(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replays change nothing from the third step on."""
    replay = backends.CudaGraph.replay

    def spoiled(graph: Any) -> None:
        if cuda.replays < 4:
            replay(graph)
        else:
            cuda.replays += 1

    monkeypatch.setattr(backends.CudaGraph, "replay", spoiled)


def copied_too_early(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other frame is read before it is copied."""
    fetch, count = backends.CudaGraph.fetch, [0]

    def early(graph: Any) -> Any:
        wait = fetch(graph)
        count[0] += 1
        if count[0] % 2:
            return wait
        return lambda: [array * 0 for array in wait()]

    monkeypatch.setattr(backends.CudaGraph, "fetch", early)


def refused(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda.refuse = "operation not permitted when stream is capturing"


def halves_differ(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = HalfPrecisionClassifier.forward
    monkeypatch.setattr(HalfPrecisionClassifier, "forward", lambda self, x: 1 - forward(self, x))


@pytest.mark.parametrize(
    ("fault", "name", "words"),
    [
        (wrong_replay, "tasks", "levels away"),
        (refused, "tasks", "given up"),
        (refused, "side_stream", "given up"),
        (halves_differ, "half_precision", "cosine"),
    ],
)
def test_a_fault_of_the_device_fails_the_check(
    script: ModuleType, cuda: FakeCuda, fault: Any, name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(cuda, monkeypatch)
    with pytest.warns(RuntimeWarning) if fault is refused else contextmanager(lambda: iter([None]))():
        result = script.perform(name, machine_of(script, script.CUDA))
    assert result["status"] == "failed" and words in result["reason"] and "Traceback" in result["details"]


def test_frames_that_are_read_too_early_are_told(
    script: ModuleType, checks: ModuleType, cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_of(script, script.CUDA)
    runs = iter([lambda: None, lambda: copied_too_early(cuda, monkeypatch), lambda: None])
    frames_of = checks.frames_of

    def spoiling(*given: Any) -> Any:
        next(runs)()
        return frames_of(*given)

    monkeypatch.setattr(checks, "frames_of", spoiling)
    result = script.perform("side_stream", machine)
    assert result["status"] == "failed" and "differs" in result["reason"]


def test_a_memory_that_does_not_run_out_fails_the_check(
    script: ModuleType, checks: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "little_memory", contextmanager(lambda *_: iter([None])))
    result = script.perform("out_of_memory", machine_of(script, script.MPS))
    assert result["status"] == "failed" and "did not run out" in result["reason"]


def test_a_failed_check_does_not_stop_the_others_and_what_has_no_time_left_is_skipped(script: ModuleType) -> None:
    performed: list[tuple[str, float]] = []

    def apart(name: str, kind: str, seconds: float) -> dict[str, Any]:
        performed.append((name, seconds))
        return {"status": "failed" if name == "tasks" else "passed", "reason": "", "figures": {}}

    report = script.run_all(script.MPS, list(script.CHECKS), apart)
    names = [name for name, planned in script.CHECKS.items() if script.MPS in planned.kinds]
    assert [name for name, _ in performed] == names and list(report["checks"]) == list(script.CHECKS)
    assert all(seconds <= script.CHECKS[name].seconds for name, seconds in performed)
    assert report["checks"]["side_stream"]["status"] == "skipped"
    late = script.run_all(script.CUDA, list(script.CHECKS), apart, seconds=5)
    assert {result["reason"] for result in late["checks"].values()} == {"no time was left"}


def test_a_check_that_hangs_or_crashes_fails(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    done = {"hangs": ended(None, "so far", ""), "crashes": ended(-11, "", "a crash")}
    for name, reason in (("hangs", "more than 7 s"), ("crashes", "-11")):
        monkeypatch.setattr(script, "run_program", lambda *_, name=name: done[name])
        result = script.perform_apart("tasks", script.CUDA, 7.0)
        assert result["status"] == "failed" and reason in result["reason"]


@pytest.mark.parametrize(
    ("done", "status"),
    [((0, "ERROR SUMMARY: 0 errors", ""), "passed"), ((9, "Invalid __global__ read", ""), "failed"),
     ((1, "", "Device not supported"), "skipped")],
)  # fmt: skip
def test_the_sanitizer(
    script: ModuleType, checks: ModuleType, done: Any, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks.shutil, "which", lambda name: f"/tools/{name}")
    commands: list[list[str]] = []
    monkeypatch.setattr(checks, "run_program", lambda command, _: (commands.append(command), ended(*done))[1])
    assert script.perform("sanitizer", machine_of(script, script.CUDA))["status"] == status
    assert commands[0][:3] == ["/tools/compute-sanitizer", "--tool", "memcheck"]
    monkeypatch.setattr(checks.shutil, "which", lambda name: None)
    assert script.perform("sanitizer", machine_of(script, script.CUDA))["status"] == "skipped"


def test_the_benchmark_and_the_training_command_are_run(
    script: ModuleType, checks: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = machine_of(script, script.CUDA)
    machine.folder = tmp_path
    commands: list[list[str]] = []

    def run(command: list[str], seconds: float) -> Any:
        commands.append(command)
        (tmp_path / "bench.json").write_text('{"rows": [1]}')
        return ended(None if "train" in command else 0, "skipped: foolbox is not installed\nepoch 1", "")

    monkeypatch.setattr(checks, "run_program", run)
    bench, training = (script.perform(name, machine) for name in ("bench", "training"))
    assert bench["status"] == training["status"] == "passed"
    assert bench["figures"]["results"] == {"rows": [1]} and "foolbox" in bench["figures"]["skipped"][0]
    assert commands[0][3:7] == ["bench", "default", "tiny", "resnet50"] and "train" in commands[1]
    assert not training["figures"]["ended"], "five minutes may not suffice; then it is measured how far it got"
    pictures = list((tmp_path / "data").rglob("*.png"))
    assert len(pictures) == 8 * 200 and len({path.parent for path in pictures}) == 8


def test_the_command_writes_a_json(tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    options = ["--device", "cpu", "--only", "environment", "side_stream"]
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "gpu.py"), str(file), *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    checks = json.loads(file.read_text())["checks"]
    assert checks["environment"]["status"] == "passed" and checks["environment"]["figures"]["torch"]
    assert checks["side_stream"]["status"] == "skipped"


def test_pictures_to_train_on_can_be_made(checks: ModuleType, tmp_path: Path) -> None:
    from PIL import Image

    checks.make_pictures(tmp_path, 2, 3, 8)
    assert len(list(tmp_path.iterdir())) == 2
    assert np.asarray(Image.open(tmp_path / "class 1" / "2.png")).shape == (8, 8, 3)
