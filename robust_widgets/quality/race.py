"""A step's time, side by side with other ways to do the same, in one process and in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch

from robust_widgets.knobs import raw_pixels
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.quality.peers import FLOOR, LOOPS, OURS, Race, missing, ours_exactly, reference

EPSILON, STEP_SIZE = 40.0, 1.0  # in pixels of 224 x 224
PARITY_STEPS = 20


@dataclass(frozen=True)
class Row:
    """One loop on one model at one batch size.

    Attributes:
        model: its name.
        side: of the pictures, in pixels.
        batch: pictures at once.
        engine: the loop.
        task: what the steps do.
        ms_per_step: milliseconds, the median of the rounds.
        ratio_to_floor: the median over the rounds of its time over the bare pass's of the same round.
        ratio_to_ours: the same, over this package's.
    """

    model: str
    side: int
    batch: int
    engine: str
    task: str
    ms_per_step: float
    ratio_to_floor: float
    ratio_to_ours: float


@dataclass(frozen=True)
class Parity:
    """How far the prepared model's last picture is from the reference's, in values from 0 to 1, after some steps.

    Attributes:
        model, batch: as in the rows.
        steps: how many.
        largest: the largest difference of a value.
        same_class: whether every picture gets the same class.
        probability: the largest difference of the target's probability.
    """

    model: str
    batch: int
    steps: int
    largest: float
    same_class: bool
    probability: float


def race(
    fast: RobustClassifier,
    plain: RobustClassifier,
    batches: Sequence[int],
    steps: int,
    rounds: int,
    say: Callable[[str], object],
) -> tuple[list[Row], list[Parity]]:
    """Time all loops in turn, after a round that does not count.

    Args:
        fast: the model as it is run by default.
        plain: the same weights, run as they are.
        batches: pictures at once.
        steps: of each loop and round.
        rounds: that count.
        say: told what cannot run.
    """
    loops = {name: loop for name, loop in LOOPS.items() if not (why := missing(name)) or say(f"{name}: {why}")}
    rows: list[Row] = []
    parities: list[Parity] = []
    for batch in batches:
        made = _race(fast, plain, batch, steps)
        parities.append(_parity(_race(fast, plain, batch, PARITY_STEPS)))
        times: dict[str, list[float]] = {name: [] for name in loops}
        for round_number in range(rounds + 1):
            for name, loop in loops.items():
                began = time.perf_counter()
                loop(made)
                if fast.device.type == "cuda":
                    torch.cuda.synchronize(fast.device)
                if round_number:
                    times[name].append((time.perf_counter() - began) * 1000 / steps)
        rows += [_row(fast, batch, name, times) for name in loops]
    return rows, parities


def as_json(rows: Sequence[Row], parities: Sequence[Parity], machine: str) -> dict[str, object]:
    """What is written to a file."""
    return {
        "machine": machine,
        "rows": [asdict(row) for row in rows],
        "parity": [asdict(parity) for parity in parities],
    }


def _race(fast: RobustClassifier, plain: RobustClassifier, batch: int, steps: int) -> Race:
    side = fast.input_size
    generator = torch.Generator().manual_seed(0)
    start = (0.5 + 0.1 * torch.randn(batch, 3, side, side, generator=generator)).clamp(0, 1).to(fast.device)
    target = torch.arange(batch, device=fast.device) % len(fast.classes)
    return Race(fast, plain, start, target, raw_pixels(EPSILON, side), raw_pixels(STEP_SIZE, side), steps)


def _row(model: RobustClassifier, batch: int, name: str, times: dict[str, list[float]]) -> Row:
    def ratio(other: str) -> float:
        return statistics.median(own / base for own, base in zip(times[name], times[other], strict=True))

    milliseconds = statistics.median(times[name])
    task = "cross-entropy, L2"
    return Row(model.card.name, model.input_size, batch, name, task, milliseconds, ratio(FLOOR), ratio(OURS))


@torch.no_grad()
def _parity(made: Race) -> Parity:
    expected, found = reference(made), ours_exactly(made)
    sure, so = made.plain(expected).softmax(1), made.plain(found).softmax(1)
    own = made.target[:, None]
    return Parity(
        made.model.card.name,
        len(made.start),
        made.steps,
        float((expected - found).abs().max()),
        bool((sure.argmax(1) == so.argmax(1)).all()),
        float((sure.gather(1, own) - so.gather(1, own)).abs().max()),
    )
