"""The evaluator, which paints with a model and asks its judge, and the pictures that measurements start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from tqdm.auto import tqdm

from robust_widgets.errors import ParameterError
from robust_widgets.interface.session import Feature
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.registry import load_model
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import from_pixels, resize, to_pixels
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.run import compiled_iterate, new_trace
from robust_widgets.synthesis.problem import Problem
from robust_widgets.training.data import PictureSet

SKETCH_SIZE = 8
SKETCH_COLOURS = 6
BLOB_SHARE = 1 / 4


def choose_pictures(data: PictureSet, count: int, seed: int = 0) -> PictureSet:
    """Random pictures, taken from each class in turn until there are enough."""
    generator = np.random.default_rng(seed)
    labels = data.labels.numpy()
    by_class = [generator.permutation(np.flatnonzero(labels == label)) for label in range(len(data.classes))]
    interleaved = [index for turn in zip_longest(*by_class) for index in turn if index is not None]
    index = torch.tensor(interleaved[:count])
    return replace(data, pictures=data.pictures[index], labels=data.labels[index])


def crude_sketches(pictures: Tensor) -> Tensor:
    """Photographs reduced to 8 x 8 pixels of six colours, enlarged and blurred; float (n, 3, size, size)."""
    size = pictures.shape[-1]
    sketches: list[np.ndarray] = []
    for pixels in to_pixels(resize(pictures, SKETCH_SIZE, SKETCH_SIZE)):
        few = Image.fromarray(pixels).quantize(SKETCH_COLOURS, dither=Image.Dither.NONE).convert("RGB")
        large = few.resize((size, size), Image.Resampling.NEAREST)
        sketches.append(np.asarray(large.filter(ImageFilter.GaussianBlur(size / 32))))
    return from_pixels(np.stack(sketches))


def colour_blobs(data: PictureSet) -> Tensor:
    """For each class, an ellipse in the mean colour of its pictures' centres on the mean colour of their borders.

    Float (classes, 3, size, size) in [0, 1].
    """
    size = data.size
    middle = square(size, BLOB_SHARE)
    across = (torch.arange(size) + 0.5) / size * 2 - 1
    ellipse = (across[None] / 0.65) ** 2 + (across[:, None] / 0.5) ** 2 < 1
    blobs: list[Tensor] = []
    for label in range(len(data.classes)):
        mean = data.pictures[data.labels == label].float().mean(0) / 255
        inner, outer = mean[:, middle].mean(1), mean[:, ~middle].mean(1)
        blobs.append(torch.where(ellipse, inner[:, None, None], outer[:, None, None]))
    return torch.stack(blobs)


def square(size: int, share: float) -> Tensor:
    """A mask, bool (size, size), of a centred square with this share of the area."""
    inner = round(size * share**0.5)
    first = (size - inner) // 2
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[first : first + inner, first : first + inner] = True
    return mask


def interleaved(entries: Sequence[Feature], count: int) -> list[Feature]:
    """The first feature of each class, then the second of each, and so on."""
    by_class: dict[str, list[Feature]] = {}
    for entry in entries:
        by_class.setdefault(entry.classes[0], []).append(entry)
    turns = chain.from_iterable(zip_longest(*by_class.values()))
    return [entry for entry in turns if entry is not None][:count]


def of_other_classes(labels: Tensor, targets: Tensor, seed: int) -> Tensor:
    """For each target, the index of a random picture of another class."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).tolist()
    picks: list[int] = []
    for target in targets.tolist():
        pick = next((index for index in order if labels[index] != target), order[0])
        order.remove(pick)
        order.append(pick)
        picks.append(pick)
    return torch.tensor(picks)


ROUNDING = 1e-3  # relative to epsilon, in float32
BATCH_SIZE = 128


@dataclass(frozen=True)
class TaskResult:
    """The result of one measurement of a task.

    Attributes:
        task: its name.
        setting: what was measured, in words.
        targets: the target class of each picture, int64 (n,).
        before, after: whether the judge classifies the start, and the result, as the target; bool (n,).
        by_model: whether the painting model classifies the result as the target, bool (n,).
        within: whether every result is within epsilon of its start.
        shares: further metrics that are shares in [0, 1], by name.
        figures: further metrics with other units, by name.
    """

    task: str
    setting: str
    targets: Tensor
    before: Tensor
    after: Tensor
    by_model: Tensor
    within: bool
    shares: dict[str, float] = field(default_factory=dict[str, float])
    figures: dict[str, float] = field(default_factory=dict[str, float])

    def __len__(self) -> int:
        return len(self.targets)

    def of_class(self, label: int) -> TaskResult:
        """The result on the pictures with one target class."""
        rows = self.targets == label
        return replace(
            self,
            targets=self.targets[rows],
            before=self.before[rows],
            after=self.after[rows],
            by_model=self.by_model[rows],
            shares={},
            figures={},
        )


@dataclass(frozen=True)
class Evaluator:
    """A model and its judge.

    Attributes:
        model: paints.
        judge: classifies the results; it has the same classes.
        batch_size: pictures painted at once.
        progress: show a progress bar for each measurement.
    """

    model: RobustClassifier
    judge: RobustClassifier
    batch_size: int = 64
    progress: bool = True

    def paint(
        self, build: Callable[[Tensor], Problem], count: int, title: str, batches: Sequence[Tensor] | None = None
    ) -> Trace:
        """The first and last frames of the runs of problems built for batches of indices.

        Args:
            build: the problem for the pictures of these indices.
            count: number of pictures.
            title: of the progress bar.
            batches: indices of the pictures painted together, in their order; by default ``batch_size`` at a time.
        """
        ends: list[tuple[Frame, Frame]] = []
        trace: Trace | None = None
        with tqdm(desc=title, unit="step", disable=not self.progress) as bar:
            batches = batches or torch.arange(count).split(self.batch_size)
            for batch in batches:
                problem = build(batch)
                bar.total = (problem.steps + 1) * len(batches)
                trace = trace or new_trace(problem)
                first = last = None
                for frame in compiled_iterate(problem):
                    first, last = first or frame, frame
                    bar.update()
                assert first is not None and last is not None
                ends.append((first, last))
        assert trace is not None, "there is at least one picture"
        for frames in zip(*ends, strict=True):
            trace.append(_concatenate(frames))
        return trace

    def judge_probabilities(self, pixels: Pixels) -> Tensor:
        """The judge's probabilities (n, classes) of pictures uint8 (n, h, w, 3)."""
        return probabilities(self.judge, pixels)

    def share(self, pixels: Pixels, targets: Tensor) -> float:
        """The share of pictures that the judge classifies as their targets."""
        return share(self.judge_probabilities(pixels).argmax(1) == targets)

    def result(
        self,
        setting: str,
        trace: Trace,
        targets: Tensor,
        shares: dict[str, float] | None = None,
        figures: dict[str, float] | None = None,
    ) -> TaskResult:
        """The judge's verdict on a trace's first and last frames, with further metrics."""
        last = trace[-1]
        return TaskResult(
            task=trace.task,
            setting=setting,
            targets=targets,
            before=self.judge_probabilities(trace[0].pixels).argmax(1) == targets,
            after=self.judge_probabilities(last.pixels).argmax(1) == targets,
            by_model=probabilities(self.model, last.pixels).argmax(1) == targets,
            within=trace.radius is None or bool((last.distance <= trace.radius * (1 + ROUNDING)).all()),
            shares=shares or {},
            figures=figures or {},
        )


def load_evaluator(model: str, judge: str, device: str | None, batch_size: int) -> Evaluator:
    """Load a model and a judge for it.

    Raises:
        ParameterError: the judge is the model itself, or has other classes.
        UnknownNameError, WeightsError, DeviceError: as :func:`robust_widgets.load_model`.
    """
    evaluated, judging = load_model(model, device=device), load_model(judge, device=device)
    if judging.classes != evaluated.classes:
        raise ParameterError(
            f"The judge {judge!r} has other classes than {model!r}; give one that was trained on the same data."
        )
    if judging.fingerprint == evaluated.fingerprint:
        raise ParameterError("The judge is the model itself, which proves nothing; give another model.")
    return Evaluator(evaluated, judging, batch_size)


@torch.no_grad()
def probabilities(model: RobustClassifier, pixels: Pixels) -> Tensor:
    """A model's probabilities (n, classes) for pictures uint8 (n, h, w, 3), resized to its input size."""
    size = model.input_size
    outputs: list[Tensor] = []
    for batch in from_pixels(pixels).split(BATCH_SIZE):
        pictures = batch if batch.shape[2:] == (size, size) else resize(batch, size, size)
        outputs.append(model(pictures.to(model.device)).float().softmax(1).cpu())
    return torch.cat(outputs)


def share(right: Tensor) -> float:
    """The share of True, in [0, 1]."""
    return float(right.double().mean())


def _concatenate(frames: Sequence[Frame]) -> Frame:
    """All pictures of several frames as one frame."""
    return replace(
        frames[0],
        pixels=np.concatenate([frame.pixels for frame in frames]),
        loss=np.concatenate([frame.loss for frame in frames]),
        probability=np.concatenate([frame.probability for frame in frames]),
        distance=np.concatenate([frame.distance for frame in frames]),
        probabilities=None,
        gradient=None,
    )
