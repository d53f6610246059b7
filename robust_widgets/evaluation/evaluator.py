"""What the measurements start from: chosen photographs, crude sketches and masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor
from tqdm.auto import tqdm

from robust_widgets.interface.session import Feature
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import resize, to_pixels
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.solvers.compiled import compiled_iterate
from robust_widgets.solvers.run import new_trace
from robust_widgets.synthesis.problem import Problem
from robust_widgets.training.data import PictureSet

SKETCH_SIDE = 8
SKETCH_COLOURS = 6
BLOB_SHARE = 1 / 4


def choose(data: PictureSet, count: int, seed: int = 0) -> PictureSet:
    """Pictures drawn at random, from one class after the other until there are enough."""
    generator = np.random.default_rng(seed)
    labels = data.labels.numpy()
    by_class = [generator.permutation(np.flatnonzero(labels == label)) for label in range(len(data.classes))]
    interleaved = [index for turn in zip_longest(*by_class) for index in turn if index is not None]
    index = torch.tensor(interleaved[:count])
    return replace(data, pictures=data.pictures[index], labels=data.labels[index])


def crude_sketches(pictures: Tensor) -> Tensor:
    """Photographs reduced to 8 x 8 pixels of six colours, enlarged and softened; float (n, 3, side, side)."""
    side = pictures.shape[-1]
    sketches: list[np.ndarray] = []
    for pixels in to_pixels(resize(pictures, SKETCH_SIDE, SKETCH_SIDE)):
        few = Image.fromarray(pixels).quantize(SKETCH_COLOURS, dither=Image.Dither.NONE).convert("RGB")
        large = few.resize((side, side), Image.Resampling.NEAREST)
        sketches.append(np.asarray(large.filter(ImageFilter.GaussianBlur(side / 32))))
    return floats(np.stack(sketches))


def colour_blobs(data: PictureSet) -> Tensor:
    """For each class an ellipse in the mean colour of its pictures' middles, on that of their rims.

    Float (classes, 3, side, side) in [0, 1].
    """
    side = data.side
    middle = square(side, BLOB_SHARE)
    across = (torch.arange(side) + 0.5) / side * 2 - 1
    ellipse = (across[None] / 0.65) ** 2 + (across[:, None] / 0.5) ** 2 < 1
    blobs: list[Tensor] = []
    for label in range(len(data.classes)):
        mean = data.pictures[data.labels == label].float().mean(0) / 255
        inner, outer = mean[:, middle].mean(1), mean[:, ~middle].mean(1)
        blobs.append(torch.where(ellipse, inner[:, None, None], outer[:, None, None]))
    return torch.stack(blobs)


def square(side: int, share: float) -> Tensor:
    """A mask, bool (side, side), of a square in the middle that has this share of the area."""
    inner = round(side * share**0.5)
    first = (side - inner) // 2
    mask = torch.zeros(side, side, dtype=torch.bool)
    mask[first : first + inner, first : first + inner] = True
    return mask


def interleaved(entries: Sequence[Feature], count: int) -> list[Feature]:
    """The first entry of each class, then the second of each, and so on."""
    by_class: dict[str, list[Feature]] = {}
    for entry in entries:
        by_class.setdefault(entry.classes[0], []).append(entry)
    turns = chain.from_iterable(zip_longest(*by_class.values()))
    return [entry for entry in turns if entry is not None][:count]


def of_other_classes(labels: Tensor, targets: Tensor, seed: int) -> Tensor:
    """For each target, the index of a picture that shows something else, in random order."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed)).tolist()
    picks: list[int] = []
    for target in targets.tolist():
        pick = next((index for index in order if labels[index] != target), order[0])
        order.remove(pick)
        order.append(pick)
        picks.append(pick)
    return torch.tensor(picks)


ROUNDING = 1e-3  # of a radius, in single precision
ASKED_AT_ONCE = 128


@dataclass(frozen=True)
class Finding:
    """What one measurement of a task found.

    Attributes:
        task: its name.
        setting: what was measured, in words.
        targets: the class asked for in each picture, int64 (n,).
        before, after: whether the judge takes the start, and the result, for that class, bool (n,).
        by_model: whether the painting model itself takes the result for that class, bool (n,).
        within: whether every result is within epsilon of its start.
        shares: further shares in [0, 1], by what they are of.
        figures: further numbers, by what they are.
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

    def of_class(self, label: int) -> Finding:
        """Those pictures that were to become one class."""
        own = self.targets == label
        return replace(
            self,
            targets=self.targets[own],
            before=self.before[own],
            after=self.after[own],
            by_model=self.by_model[own],
            shares={},
            figures={},
        )


@dataclass(frozen=True)
class Bench:
    """Who paints, who judges, and how the work is cut.

    Attributes:
        model: paints.
        judge: looks at the results; it has the same classes.
        batch_size: pictures painted at once.
        progress: show a progress bar for each measurement.
    """

    model: RobustClassifier
    judge: RobustClassifier
    batch_size: int = 64
    progress: bool = True

    def paint(self, build: Callable[[Tensor], Problem], count: int, title: str) -> Trace:
        """The first and the last frame of problems that are built for batches of indices."""
        kept: list[tuple[Frame, Frame]] = []
        trace: Trace | None = None
        with tqdm(desc=title, unit="step", disable=not self.progress) as bar:
            parts = torch.arange(count).split(self.batch_size)
            for part in parts:
                problem = build(part)
                bar.total = (problem.steps + 1) * len(parts)
                trace = trace or new_trace(problem)
                first = last = None
                for frame in compiled_iterate(problem):
                    first, last = first or frame, frame
                    bar.update()
                assert first is not None and last is not None
                kept.append((first, last))
        assert trace is not None, "there is at least one picture"
        for frames in zip(*kept, strict=True):
            trace.append(_joined(frames))
        return trace

    def judged(self, pixels: Pixels) -> Tensor:
        """The judge's probabilities (n, classes) of pictures uint8 (n, h, w, 3)."""
        return probabilities(self.judge, pixels)

    def share(self, pixels: Pixels, targets: Tensor) -> float:
        """The share of pictures that the judge takes for their classes."""
        return share(self.judged(pixels).argmax(1) == targets)

    def finding(
        self,
        setting: str,
        trace: Trace,
        targets: Tensor,
        shares: dict[str, float] | None = None,
        figures: dict[str, float] | None = None,
    ) -> Finding:
        """What the judge makes of a trace's first and last frame, with whatever else was measured."""
        last = trace[-1]
        return Finding(
            task=trace.task,
            setting=setting,
            targets=targets,
            before=self.judged(trace[0].pixels).argmax(1) == targets,
            after=self.judged(last.pixels).argmax(1) == targets,
            by_model=probabilities(self.model, last.pixels).argmax(1) == targets,
            within=trace.radius is None or bool((last.distance <= trace.radius * (1 + ROUNDING)).all()),
            shares=shares or {},
            figures=figures or {},
        )


@torch.no_grad()
def probabilities(model: RobustClassifier, pixels: Pixels) -> Tensor:
    """A model's probabilities (n, classes) of pictures uint8 (n, h, w, 3), which are brought to its side."""
    side = model.input_size
    answers: list[Tensor] = []
    for batch in floats(pixels).split(ASKED_AT_ONCE):
        pictures = batch if batch.shape[2:] == (side, side) else resize(batch, side, side)
        answers.append(model(pictures.to(model.device)).float().softmax(1).cpu())
    return torch.cat(answers)


def floats(pixels: Pixels) -> Tensor:
    """Pictures uint8 (n, h, w, 3) as float (n, 3, h, w) in [0, 1]."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def share(right: Tensor) -> float:
    """The share of True, in [0, 1]."""
    return float(right.double().mean())


def _joined(frames: Sequence[Frame]) -> Frame:
    """One frame of all pictures of several."""
    return replace(
        frames[0],
        pixels=np.concatenate([frame.pixels for frame in frames]),
        loss=np.concatenate([frame.loss for frame in frames]),
        probability=np.concatenate([frame.probability for frame in frames]),
        distance=np.concatenate([frame.distance for frame in frames]),
        probabilities=None,
        gradient=None,
    )
