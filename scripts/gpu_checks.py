"""The checks of `scripts/gpu`, in the order in which they run.

Each returns its figures, and raises where the device does something wrong.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from gpu_machine import CUDA, MPS, Machine, SkippedError, require, run_program, tail

COMPETITORS = ("robustness", "foolbox", "torchattacks")
MANY = 4096  # pictures that do not fit into a memory that is made small
LEVELS = 2  # of 255, by which a picture may differ from the plain loop's: rounding of some ten steps
HALF_CLOSE = 0.05  # of the probabilities after a run in half precision
STEPS = 20
Figures = dict[str, Any]
Check = Callable[[Machine], Figures]


@dataclass(frozen=True)
class Planned:
    """A check, the seconds it may take, and the kinds of device that it is for."""

    run: Check
    seconds: float
    kinds: tuple[str, ...]


CHECKS: dict[str, Planned] = {}


def check(seconds: float, *kinds: str) -> Callable[[Check], Check]:
    """Register a check, in the order in which they run."""

    def register(function: Check) -> Check:
        CHECKS[function.__name__] = Planned(function, seconds, kinds or (CUDA, MPS, "cpu"))
        return function

    return register


def problem(machine: Machine, model: Any, *, steps: int = STEPS, count: int = 1, **changes: Any) -> Any:
    """A small problem: from grey noise towards a class."""
    import torch

    import robust_widgets as rw

    generator = torch.Generator().manual_seed(0)
    start = (0.5 + 0.1 * torch.randn(count, 3, model.input_size, model.input_size, generator=generator)).clamp(0, 1)
    own: dict[str, Any] = {
        "objective": rw.CrossEntropy("lion"),
        "stepper": rw.L2Step(0.5),
        "constraint": rw.L2Ball(10.0),
        "steps": steps,
    }
    return rw.Problem(model=model, start=start.to(machine.device), **{**own, **changes})


def frames_of(problem: Any, pause: Callable[[], object] | None = None) -> list[Any]:
    from robust_widgets.solvers.run import compiled_iterate

    frames: list[Any] = []
    for frame in compiled_iterate(problem):
        frames.append(frame)
        if pause is not None:
            pause()
    return frames


def largest_difference(frames: Sequence[Any], expected: Sequence[Any]) -> int:
    """In levels of 255, over all frames."""
    import numpy as np

    require(len(frames) == len(expected), f"{len(frames)} frames instead of {len(expected)}")
    return max(
        int(np.abs(a.pixels.astype(int) - b.pixels.astype(int)).max()) for a, b in zip(frames, expected, strict=True)
    )


def recorded(model: Any) -> Any:
    """The graphs of a model, which must have recorded without giving up."""
    graphs = model.step_graphs
    require(graphs is not None, "no step was recorded")
    require(not graphs.note, f"recording was given up: {graphs.note}")
    require(graphs.latest is not None, "no step was recorded")
    return graphs


@check(30)
def environment(machine: Machine) -> Figures:
    """What the machine is."""
    import numpy as np
    import torch

    figures: Figures = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": machine.kind,
        "competitors": [name for name in COMPETITORS if importlib.util.find_spec(name) is not None],
    }
    if machine.kind == CUDA:
        properties = torch.cuda.get_device_properties(machine.device)
        figures |= {
            "name": properties.name,
            "memory_gb": round(properties.total_memory / 2**30, 1),
            "capability": f"{properties.major}.{properties.minor}",
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),
        }
    return figures


def task_calls() -> dict[str, Callable[..., Any]]:
    """Each task as a function of a model and its parameters."""
    import numpy as np

    import robust_widgets as rw

    rows, columns = np.mgrid[:64, :64]
    picture = np.stack([rows * 4, columns * 4, np.full((64, 64), 90)], 2).astype(np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[16:48, 20:44] = True
    return {
        "generate": lambda **options: rw.generate("lion", **options),
        "sketch_to_image": lambda **options: rw.sketch_to_image(picture, "lion", **options),
        "translate": lambda **options: rw.translate(picture, "lion", **options),
        "super_resolve": lambda **options: rw.super_resolve(picture, "lion", **options),
        "inpaint": lambda **options: rw.inpaint(picture, mask, "lion", **options),
        "paint_features": lambda **options: rw.paint_features(picture, mask, "0", **options),
    }


@check(90)
def tasks(machine: Machine) -> Figures:
    """All six tasks in both norms: recorded where steps are, and the same pictures as the plain loop's."""
    import numpy as np

    figures: Figures = {}
    for name, call in task_calls().items():
        for norm in ("l2", "linf"):
            model = machine.model(precision="float32")
            options = {"constraint": norm, "steps": 6}
            run, expected = (call(model=each, **options) for each in (model, machine.plain(model)))
            difference = int(np.abs(run.frames.astype(int) - expected.frames).max())
            require(difference <= LEVELS, f"{name}, {norm}: {difference} levels away from the plain loop")
            if machine.records():
                recorded(model)
            figures[f"{name}, {norm}"] = difference
    return figures


@check(40, CUDA)
def half_precision(machine: Machine) -> Figures:
    """bfloat16 and float16: near float32's logits and gradients, and a recorded run ends the same."""
    import torch

    from robust_widgets.models.classifier import PRECISIONS, HalfPrecisionClassifier

    figures: Figures = {}
    model = machine.model("default", precision="float32")
    expected = frames_of(problem(machine, model))[-1]
    x = problem(machine, model, count=4).start
    logits, gradient = _pass(model.uncompiled(), x)
    for name in ("bfloat16", "float16"):
        half_logits, half_gradient = _pass(HalfPrecisionClassifier(model, PRECISIONS[name]), x)
        cosine = float(torch.cosine_similarity(gradient.flatten(), half_gradient.flatten(), dim=0))
        probability = float((half_logits.softmax(1) - logits.softmax(1)).abs().max())
        require(cosine > 0.95, f"{name}: the gradient's cosine is {cosine:.3f}")
        require(probability < HALF_CLOSE, f"{name}: probabilities differ by {probability:.3f}")
        lower = machine.model("default", precision=name)
        last = frames_of(problem(machine, lower))[-1]
        used = recorded(lower).precision
        difference = float(abs(last.probability - expected.probability).max())
        require(difference < HALF_CLOSE, f"{name}: a run's probability differs by {difference:.3f}")
        figures[name] = {"cosine": cosine, "probability": probability, "run": difference, "used": used}
    return figures


def _pass(model: Any, x: Any) -> tuple[Any, Any]:
    import torch

    with torch.enable_grad():
        x = x.detach().requires_grad_()
        logits = model(x)
        (gradient,) = torch.autograd.grad(logits.logsumexp(1).sum() - logits[:, 0].sum(), x)
    return logits.detach(), gradient


@check(40, CUDA)
def side_stream(machine: Machine) -> Figures:
    """Frames that are copied while the next step runs are those of a device that is waited for."""
    import numpy as np

    model = machine.model(precision="float32")
    task = problem(machine, model, steps=60, count=4)
    waited = frames_of(task, machine.synchronize)
    for pause in (None, lambda: time.sleep(0.002)):
        frames = frames_of(task, pause)
        for frame, expected in zip(frames, waited, strict=True):
            same = np.array_equal(frame.pixels, expected.pixels) and np.array_equal(frame.loss, expected.loss)
            require(same, f"frame {frame.step} differs from that of a device that is waited for")
    recorded(model)
    return {"frames": len(waited)}


@check(60)
def two_sessions(machine: Machine) -> Figures:
    """Two studios at once, on one model and on two, paint what one alone paints."""
    from robust_widgets.interface.session import FrameMade, RunEnded, RunRequest
    from robust_widgets.session.local import LocalSession

    def paint(*sessions: Any) -> list[list[Any]]:
        runs: list[list[Any]] = [[] for _ in sessions]
        ended = [threading.Event() for _ in sessions]
        failures: list[str] = []

        def listen(event: Any, place: int) -> None:
            if isinstance(event, FrameMade):
                runs[place].append(event.frame)
            elif isinstance(event, RunEnded):
                if event.state != "done":
                    failures.append(str(event))
                ended[place].set()

        for place, session in enumerate(sessions):
            request = RunRequest("generate", "lion", {"steps": STEPS, "seed": 3})
            session.submit(request, lambda event, place=place: listen(event, place))
        for event in ended:
            require(event.wait(machine.seconds), "a run did not end")
        require(not failures, "; ".join(failures))
        return runs

    model, other = machine.model(precision="float32"), machine.model(precision="float32")
    figures: Figures = {}
    sessions = [LocalSession(each) for each in (model, model, other)]
    try:
        (alone,) = paint(sessions[0])
        for name, pair in {"one model": sessions[:2], "two models": sessions[1:]}.items():
            for run in paint(*pair):
                difference = largest_difference(run, alone)
                require(difference <= LEVELS, f"{name}: {difference} levels away from a session alone")
                figures[name] = max(difference, figures.get(name, 0))
    finally:
        for session in sessions:
            session.close()
    return figures


@contextmanager
def little_memory(machine: Machine, pictures: int) -> Iterator[None]:
    """The device holds a model and about this many pictures' passes, and no more."""
    import torch

    from robust_widgets.tasks.running.batch import bytes_per_picture

    if machine.kind == CUDA:
        model = machine.model()
        torch.cuda.empty_cache()
        room = torch.cuda.memory_allocated() + pictures * bytes_per_picture(model, model.input_size) + 64 * 2**20
        total = torch.cuda.get_device_properties(machine.device).total_memory
        torch.cuda.set_per_process_memory_fraction(room / total)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
            torch.cuda.empty_cache()
    elif machine.kind == MPS:
        torch.mps.set_per_process_memory_fraction(0.05)
        try:
            yield
        finally:
            torch.mps.set_per_process_memory_fraction(1.7)
    else:
        raise SkippedError("the memory of a CPU is not limited here")


@check(60, CUDA, MPS)
def out_of_memory(machine: Machine) -> Figures:
    """A stream that doesn't fit paints fewer pictures at once, and the device is usable afterwards."""
    import numpy as np

    import robust_widgets as rw

    model, sentences = machine.model(precision="float32"), list[str]()
    options: dict[str, Any] = {"model": model, "steps": 2, "seed": 1}
    count = MANY
    expected = next(rw.stream_pictures("generate", "lion", n=1, batch_size=1, **options))
    with little_memory(machine, count // 16):
        stream = rw.stream_pictures("generate", "lion", n=count, batch_size=count, say=sentences.append, **options)
        first = next(stream)
        stream.close()  # type: ignore[attr-defined]
    require(bool(sentences) and "memory" in sentences[0], "the memory did not run out")
    difference = int(np.abs(first.pixels.astype(int) - expected.pixels).max())
    require(difference <= LEVELS, f"the picture is {difference} levels away from one painted alone")
    frames_of(problem(machine, machine.model(precision="float32")))
    return {"sentences": sentences, "levels": difference}


@check(40)
def stop(machine: Machine) -> Figures:
    """Closing a run ends it within a step, and the next run is whole."""
    from robust_widgets.solvers.responsive import THREAD, responsive_iterate

    model = machine.model(precision="float32")
    whole = frames_of(problem(machine, model))
    took = max(later.seconds - sooner.seconds for sooner, later in pairwise(whole[2:]))
    frames = responsive_iterate(problem(machine, model, steps=100_000))
    for _ in range(3):
        next(frames)
    began = time.perf_counter()
    frames.close()  # type: ignore[attr-defined]
    machine.synchronize()
    seconds = time.perf_counter() - began
    require(not any(thread.name == THREAD for thread in threading.enumerate()), "a thread is left")
    difference = largest_difference(frames_of(problem(machine, model)), whole)
    require(difference <= LEVELS, f"the next run differs by {difference} levels")
    # Two: one step runs ahead; and the clock's noise.
    require(seconds <= 2 * took + 0.05, f"stopping took {seconds * 1000:.0f} ms, a step {took * 1000:.1f}")
    return {"stop_ms": seconds * 1000, "slowest_step_ms": took * 1000}


@check(40, CUDA)
def exception_in_capture(machine: Machine) -> Figures:
    """A network that cannot be captured runs plainly and says so once; another model is recorded after it."""
    broken = machine.model(precision="float32")
    broken.network.register_forward_hook(lambda _, __, output: output if float(output.detach().sum()) else None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frames = frames_of(problem(machine, broken))
    require(bool(broken.step_graphs.note), "the capture did not fail")
    notes = [str(warning.message) for warning in caught if "not recorded" in str(warning.message)]
    require(len(notes) == 1, f"{len(notes)} warnings instead of one")
    model = machine.model(precision="float32")
    expected = frames_of(problem(machine, model))
    recorded(model)
    difference = largest_difference(frames, expected)
    require(difference <= LEVELS, f"the plain run differs by {difference} levels")
    return {"note": notes[0], "levels": difference}


@check(90, CUDA)
def sanitizer(machine: Machine) -> Figures:
    """One recorded run without an invalid access to memory."""
    tool = shutil.which("compute-sanitizer")
    if tool is None:
        raise SkippedError("there is no compute-sanitizer")
    code = (
        "import robust_widgets as rw; model = rw.load_model('tiny', device='cuda', precision='float32'); "
        "print(len(rw.generate('lion', steps=3, model=model).frames))"
    )
    command = [tool, "--tool", "memcheck", "--error-exitcode", "9", sys.executable, "-c", code]
    done = run_program(command, machine.seconds - 5)
    if "not supported" in done.stdout + done.stderr:
        raise SkippedError(f"compute-sanitizer refuses the device: {tail(done)}")
    require(done.returncode == 0, f"compute-sanitizer ended with {done.returncode}: {tail(done)}")
    return {"output": tail(done)}


@check(90)
def tests(machine: Machine) -> Figures:
    """The tests of recorded steps, with their stand-in for CUDA, under this machine's torch."""
    if importlib.util.find_spec("pytest") is None:
        raise SkippedError("pytest is not installed")
    files = ["tests/solvers/test_step_graph.py", "tests/solvers/test_half_precision.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files]
    done = run_program(command, machine.seconds - 5)
    if "ModuleNotFoundError" in done.stdout + done.stderr:
        raise SkippedError(f"the tests need a package that is not installed: {tail(done)}")
    require(done.returncode == 0, tail(done))
    return {"summary": tail(done, 1)}


@check(180)
def bench(machine: Machine) -> Figures:
    """`robust-widgets bench` of three models, next to other packages where they are installed."""
    file = machine.folder / "bench.json"
    models = ["default", "tiny", "resnet50"] if machine.kind == CUDA else ["tiny"]
    quick = [] if machine.kind == CUDA else ["--quick"]
    options = [*quick, "--json", str(file), "--device", machine.kind]
    done = run_program([sys.executable, "-m", "robust_widgets.cli", "bench", *models, *options], machine.seconds - 5)
    require(done.returncode == 0 and file.is_file(), tail(done, 8))
    skipped = [line for line in done.stdout.splitlines() if line.startswith("skipped")]
    return {"skipped": skipped, "results": json.loads(file.read_text())}


@check(300)
def training(machine: Machine) -> Figures:
    """The training command, for up to five minutes, on made pictures."""
    data, out = machine.folder / "data", machine.folder / "model.safetensors"
    classes, each = (8, 200) if machine.kind != "cpu" else (2, 20)
    make_pictures(data, classes, each, 64)
    began = time.perf_counter()
    command = [sys.executable, "-m", "robust_widgets.cli", "train", str(data), "--out", str(out)]
    options = [
        "--device",
        machine.kind,
        "--epochs",
        "2",
        "--architecture",
        "smoothresnet-tiny",
        "--checkpoint-every",
        "10",
    ]
    done = run_program([*command, *options], machine.seconds - 5)
    seconds = time.perf_counter() - began
    log = sorted(str(path.name) for path in machine.folder.iterdir() if path.name != "data")
    require(done.returncode in (0, None), tail(done, 8))
    require(done.returncode is None or out.is_file(), "no model was written")
    return {"ended": done.returncode == 0, "seconds": seconds, "files": log, "output": tail(done, 6)}


def make_pictures(folder: Path, classes: int, each: int, size: int) -> None:
    """A folder of coloured noise for each class."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for label in range(classes):
        place = folder / f"class {label}"
        place.mkdir(parents=True)
        colour = random.integers(60, 200, 3)
        for number in range(each):
            noise = random.normal(0, 40, (size, size, 3))
            Image.fromarray((colour + noise).clip(0, 255).astype(np.uint8)).save(place / f"{number}.png")
