"""Time a step against other packages' steps, interleaved in one process."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch

from robust_widgets._timing import interleaved
from robust_widgets.benchmark.competitors import BASELINE, OURS, failing, loops_for, missing
from robust_widgets.benchmark.peak_memory import peak_megabytes
from robust_widgets.benchmark.roofline import CONVOLUTIONS, bounds, convolutions
from robust_widgets.benchmark.speed import synchroniser
from robust_widgets.benchmark.workload import (
    CROSS_ENTROPY,
    FEATURES,
    INPAINTING,
    TASKS,
    Workload,
    last_picture,
    last_recorded,
    last_shown,
    make_workload,
)
from robust_widgets.models.classifier import RobustClassifier

PARITY_STEPS = 20
NUDGE = 1e-7  # added to values from 0 to 1: the size of a rounding error
LARGE = 224  # pixels


@dataclass(frozen=True)
class Case:
    """What to time of one model.

    Attributes:
        task: one of `workload.TASKS`.
        batch: number of pictures.
        steps: of each loop in each round.
        rounds: after a warm-up round.
    """

    task: str
    batch: int
    steps: int
    rounds: int


# Realistically long runs: this package's loop ends with a forward pass for the last frame's metrics, which the others
# don't have. With two steps that would be a sixth of the total.
QUICK = (
    Case(CROSS_ENTROPY, 1, 30, 3),
    *(Case(task, 1, 20, 3) for task in (INPAINTING, FEATURES)),
)
WHOLE = (
    *(Case(task, 1, 60, 5) for task in TASKS),
    Case(CROSS_ENTROPY, 8, 20, 3),
    Case(CROSS_ENTROPY, 32, 12, 3),
)
WHOLE_LARGE = (
    Case(CROSS_ENTROPY, 1, 60, 3),
    *(Case(task, 1, 30, 3) for task in (INPAINTING, FEATURES)),
    Case(CROSS_ENTROPY, 8, 10, 2),
    Case(CROSS_ENTROPY, 32, 3, 2),
)


@dataclass(frozen=True)
class Row:
    """The time of one loop. The fields are the keys of the JSON file.

    Attributes:
        model: its name.
        side: width and height of the pictures in pixels.
        batch: number of pictures.
        engine: the loop, or a computed bound.
        task: of `workload.TASKS`.
        ms_per_step: milliseconds, the median over the rounds.
        ratio_to_floor: its time over the baseline's of the same round, the median over the rounds.
        ratio_to_ours: the same, over this package's.
        peak_mb: peak growth of memory in MiB, in a separate process; None if not measured.
    """

    model: str
    side: int
    batch: int
    engine: str
    task: str
    ms_per_step: float
    ratio_to_floor: float
    ratio_to_ours: float
    peak_mb: float | None = None


@dataclass(frozen=True)
class Parity:
    """How far the compiled model's last picture is from the uncompiled one's. The fields are the keys of the JSON file.

    Attributes:
        model, batch, task: as in the rows.
        steps: number of steps.
        largest: the largest difference of a value from 0 to 1; rounded to 256 levels if steps are recorded on a GPU.
        same_class: whether every picture is classified the same.
        probability: the largest difference of the target's probability.
        nudged: `largest` of the uncompiled model itself, from a start moved by `NUDGE`. Networks that are not robust
            amplify rounding errors; if this is large, the other values mean nothing.
    """

    model: str
    batch: int
    task: str
    steps: int
    largest: float
    same_class: bool
    probability: float
    nudged: float


def cases_for(model: RobustClassifier, quick: bool) -> tuple[Case, ...]:
    """The cases for a model: fewer steps for larger inputs, and feature painting if features are accessible."""
    cases = QUICK if quick else WHOLE if model.input_size < LARGE else WHOLE_LARGE
    features = callable(getattr(model.network, "features", None))
    return tuple(case for case in cases if features or case.task != FEATURES)


def compare(
    fast: RobustClassifier,
    plain: RobustClassifier,
    case: Case,
    source: str = "",
    log: Callable[[str], object] = str,
) -> tuple[list[Row], Parity | None]:
    """Time all loops that can run here, interleaved, after a warm-up round.

    Args:
        fast: the model as it runs by default.
        plain: the same weights, uncompiled.
        case: what to time.
        source: name for `benchmark_models`, to also measure the memory of cross-entropy in separate processes.
        log: called with the reason when a loop is skipped because it fails on this network.

    Returns:
        The rows, and for a single picture how far the results are from the uncompiled model's.
    """
    workload = make_workload(case.task, fast, plain, case.batch, case.steps)
    trial = make_workload(case.task, fast, plain, case.batch, 1)
    loops = {name: loop for name, loop in loops_for(case.task).items() if missing(name) is None}
    for name in list(loops):
        if reason := failing(name, trial):
            log(f"{name}: {reason}")
            del loops[name]
    functions: dict[str, Callable[[], object]] = {name: partial(loop, workload) for name, loop in loops.items()}
    if fast.device.type == "cuda":
        try:
            functions[CONVOLUTIONS] = partial(_repeat, convolutions(plain, workload.start), case.steps)
        except RuntimeError as error:
            log(f"{CONVOLUTIONS}: {error}")
    milliseconds = interleaved(functions, case.rounds, synchroniser(fast.device))
    times = {name: [total / case.steps for total in rounds] for name, rounds in milliseconds.items()}
    for name, bound in bounds(workload).items():
        times[name] = [bound] * case.rounds
    peaks: dict[str, float | None] = {}
    if source and case.task == CROSS_ENTROPY:
        peaks = {name: peak_megabytes(source, case.task, case.batch, name, str(fast.device)) for name in loops}
    rows = [_row(workload, name, times, peaks.get(name)) for name in times]
    return rows, _parity(make_workload(case.task, fast, plain, 1, PARITY_STEPS)) if case.batch == 1 else None


def _repeat(function: Callable[[], object], times: int) -> None:
    for _ in range(times):
        function()


def report_missing(log: Callable[[str], object]) -> None:
    """Log why packages are missing."""
    for name in loops_for(CROSS_ENTROPY):
        if reason := missing(name):
            log(f"{name}: {reason}")


def as_json(rows: Sequence[Row], parities: Sequence[Parity], machine: str) -> dict[str, object]:
    """The content of the JSON file."""
    return {
        "machine": machine,
        "rows": [asdict(row) for row in rows],
        "parity": [asdict(parity) for parity in parities],
    }


def _row(workload: Workload, name: str, times: dict[str, list[float]], peak: float | None) -> Row:
    def ratio(other: str) -> float:
        return statistics.median(time / base for time, base in zip(times[name], times[other], strict=True))

    model, milliseconds = workload.model, statistics.median(times[name])
    about = (model.card.name, model.input_size, len(workload.start), name, workload.task)
    return Row(*about, milliseconds, ratio(BASELINE), ratio(OURS), peak)


@torch.no_grad()
def _parity(workload: Workload) -> Parity:
    expected, actual = last_picture(workload, workload.plain), last_recorded(workload, workload.model)
    if actual is None:
        actual = (last_picture if workload.model.step_graphs is None else last_shown)(workload, workload.model)
    nudged = replace(workload, start=(workload.start + NUDGE * torch.randn_like(workload.start).sign()).clamp(0, 1))
    from_nudged = last_picture(nudged, workload.plain)
    expected_p, actual_p = workload.plain(expected).softmax(1), workload.plain(actual).softmax(1)
    target = workload.target[:, None]
    return Parity(
        workload.model.card.name,
        len(workload.start),
        workload.task,
        workload.steps,
        float((expected - actual).abs().max()),
        bool((expected_p.argmax(1) == actual_p.argmax(1)).all()),
        float((expected_p.gather(1, target) - actual_p.gather(1, target)).abs().max()),
        float((expected - from_nudged).abs().max()),
    )
