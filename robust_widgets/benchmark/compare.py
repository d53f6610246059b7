"""A step's time, side by side with other ways to do the same, in one process and in turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import torch

from robust_widgets._timing import interleaved
from robust_widgets.benchmark.competitors import FLOOR, OURS, failing, loops_for, missing
from robust_widgets.benchmark.peak_memory import peak_megabytes
from robust_widgets.benchmark.roofline import CONVOLUTIONS, bounds, convolutions
from robust_widgets.benchmark.speed import waiting
from robust_widgets.benchmark.workload import (
    CROSS_ENTROPY,
    FEATURES,
    INPAINTING,
    TASKS,
    Race,
    last_picture,
    last_recorded,
    last_shown,
    new_race,
)
from robust_widgets.models.classifier import RobustClassifier

PARITY_STEPS = 20
NUDGE = 1e-7  # of a value from 0 to 1: what rounding changes
LARGE = 224


@dataclass(frozen=True)
class Workload:
    """What is timed of one model.

    Attributes:
        task: one of `race.TASKS`.
        batch: pictures at once.
        steps: of each loop and round.
        rounds: that count.
    """

    task: str
    batch: int
    steps: int
    rounds: int


# Long runs, as people make them: this package's loop ends with a forward pass for the last frame's numbers, which the
# others leave out, and among two steps that is a sixth of the whole.
QUICK = (
    Workload(CROSS_ENTROPY, 1, 30, 3),
    *(Workload(task, 1, 20, 3) for task in (INPAINTING, FEATURES)),
)
WHOLE = (
    *(Workload(task, 1, 60, 5) for task in TASKS),
    Workload(CROSS_ENTROPY, 8, 20, 3),
    Workload(CROSS_ENTROPY, 32, 12, 3),
)
WHOLE_LARGE = (
    Workload(CROSS_ENTROPY, 1, 60, 3),
    *(Workload(task, 1, 30, 3) for task in (INPAINTING, FEATURES)),
    Workload(CROSS_ENTROPY, 8, 10, 2),
    Workload(CROSS_ENTROPY, 32, 3, 2),
)


@dataclass(frozen=True)
class Row:
    """One loop on one model at one batch size.

    Attributes:
        model: its name.
        side: of the pictures, in pixels.
        batch: pictures at once.
        engine: the loop, or a bound that was computed.
        task: what the steps lower.
        ms_per_step: milliseconds, the median of the rounds.
        ratio_to_floor: the median over the rounds of its time over the bare pass's of the same round.
        ratio_to_ours: the same, over this package's.
        peak_mb: by how many megabytes memory grew at most, in a process of its own; None where that was not measured.
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
    """How far the prepared model's last picture is from the reference's, in values from 0 to 1, after some steps.

    Attributes:
        model, batch, task: as in the rows.
        steps: how many.
        largest: the largest difference of a value; where steps are recorded on a GPU, of one of 256 levels.
        same_class: whether every picture gets the same class.
        probability: the largest difference of the target's probability.
        nudged: `largest` of the reference itself, begun `NUDGE` away. A network that is not robust, or not trained,
            multiplies what rounding changes, and then nothing follows from the other figures.
    """

    model: str
    batch: int
    task: str
    steps: int
    largest: float
    same_class: bool
    probability: float
    nudged: float


def workloads(model: RobustClassifier, quick: bool) -> tuple[Workload, ...]:
    """What is timed of a model; larger networks with fewer steps, and feature painting where they give features."""
    every = QUICK if quick else WHOLE if model.input_size < LARGE else WHOLE_LARGE
    features = callable(getattr(model.network, "features", None))
    return tuple(one for one in every if features or one.task != FEATURES)


def contest(
    fast: RobustClassifier,
    plain: RobustClassifier,
    work: Workload,
    source: str = "",
    say: Callable[[str], object] = str,
) -> tuple[list[Row], Parity | None]:
    """Time all loops that can run here in turn, after a round that does not count.

    Args:
        fast: the model as it is run by default.
        plain: the same weights, run as they are.
        work: what is timed.
        source: what `race.raced_models` makes the model from, where the memory of cross-entropy is to be measured too.
        say: told which package's loop does not get through one step, and why; it is left out.

    Returns:
        The rows, and, for one picture at once, how far the results are from the network's own.
    """
    race = new_race(work.task, fast, plain, work.batch, work.steps)
    trial = new_race(work.task, fast, plain, work.batch, 1)
    loops = {name: loop for name, loop in loops_for(work.task).items() if missing(name) is None}
    for name in list(loops):
        if why := failing(name, trial):
            say(f"{name}: {why}")
            del loops[name]
    ways: dict[str, Callable[[], object]] = {name: partial(loop, race) for name, loop in loops.items()}
    if fast.device.type == "cuda":
        try:
            ways[CONVOLUTIONS] = partial(_repeated, convolutions(plain, race.start), work.steps)
        except RuntimeError as error:
            say(f"{CONVOLUTIONS}: {error}")
    taken = interleaved(ways, work.rounds, waiting(fast.device))
    times = {name: [each / work.steps for each in rounds] for name, rounds in taken.items()}
    for name, milliseconds in bounds(race).items():
        times[name] = [milliseconds] * work.rounds
    peaks: dict[str, float | None] = {}
    if source and work.task == CROSS_ENTROPY:
        peaks = {name: peak_megabytes(source, work.task, work.batch, name, str(fast.device)) for name in loops}
    rows = [_row(race, name, times, peaks.get(name)) for name in times]
    return rows, _parity(new_race(work.task, fast, plain, 1, PARITY_STEPS)) if work.batch == 1 else None


def _repeated(way: Callable[[], object], times: int) -> None:
    for _ in range(times):
        way()


def left_out(say: Callable[[str], object]) -> None:
    """Say of each package that cannot take part why not."""
    for name in loops_for(CROSS_ENTROPY):
        if why := missing(name):
            say(f"{name}: {why}")


def as_json(rows: Sequence[Row], parities: Sequence[Parity], machine: str) -> dict[str, object]:
    """What is written to a file."""
    return {
        "machine": machine,
        "rows": [asdict(row) for row in rows],
        "parity": [asdict(parity) for parity in parities],
    }


def _row(race: Race, name: str, times: dict[str, list[float]], peak: float | None) -> Row:
    def ratio(other: str) -> float:
        return statistics.median(own / base for own, base in zip(times[name], times[other], strict=True))

    model, milliseconds = race.model, statistics.median(times[name])
    about = (model.card.name, model.input_size, len(race.start), name, race.task)
    return Row(*about, milliseconds, ratio(FLOOR), ratio(OURS), peak)


@torch.no_grad()
def _parity(race: Race) -> Parity:
    expected, found = last_picture(race, race.plain), last_recorded(race, race.model)
    if found is None:
        found = (last_picture if race.model.step_graphs is None else last_shown)(race, race.model)
    nudged = replace(race, start=(race.start + NUDGE * torch.randn_like(race.start).sign()).clamp(0, 1))
    chance = last_picture(nudged, race.plain)
    sure, so = race.plain(expected).softmax(1), race.plain(found).softmax(1)
    own = race.target[:, None]
    return Parity(
        race.model.card.name,
        len(race.start),
        race.task,
        race.steps,
        float((expected - found).abs().max()),
        bool((sure.argmax(1) == so.argmax(1)).all()),
        float((sure.gather(1, own) - so.gather(1, own)).abs().max()),
        float((expected - chance).abs().max()),
    )
