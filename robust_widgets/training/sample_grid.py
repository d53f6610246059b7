"""Pictures painted from the same seeds after each epoch, to watch a model become paintable."""

from __future__ import annotations

import torch
from torch import Tensor

from robust_widgets.interface.tasks import default_of
from robust_widgets.models.class_seeds import draw_seeds_from
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.solvers.run import compiled_minimize
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step
from robust_widgets.training.data import PictureSet
from robust_widgets.training.seed_statistics import seed_statistics
from robust_widgets.units import raw_pixels


class SampleGrid:
    """Seed pictures of a few classes, drawn once.

    Args:
        data: the training pictures.
        count: number of pictures: several per class if there are fewer classes, else of evenly spaced classes.
        seed: of the draws.
    """

    def __init__(self, data: PictureSet, count: int, seed: int = 0) -> None:
        classes = len(data.classes)
        labels = (
            torch.linspace(0, classes - 1, count).round().long() if count <= classes else torch.arange(count) % classes
        )
        self.labels = labels.sort().values
        self.names = tuple(data.classes[int(label)] for label in self.labels)
        chosen = self.labels.unique()
        rows = torch.isin(data.labels, chosen)
        positions = torch.searchsorted(chosen, data.labels[rows])
        part = PictureSet(data.pictures[rows], positions, tuple(data.classes[int(i)] for i in chosen))
        statistics = seed_statistics(part, progress=False)
        starts: list[Tensor] = []
        for row, label in enumerate(self.labels.tolist()):
            index = int(torch.searchsorted(chosen, torch.tensor(label)))
            starts.append(draw_seeds_from(statistics, index, 1, seed + row, data.size))
        self.starts = torch.cat(starts)

    def paint(self, model: RobustClassifier) -> Pixels:
        """Generate from the seeds with default parameters; uint8 (n, size, size, 3)."""
        size = self.starts.shape[-1]
        problem = Problem(
            model,
            self.starts.to(model.device),
            CrossEntropy(self.labels.to(model.device)),
            L2Step(raw_pixels(default_of("generate", "step_size"), size)),
            int(default_of("generate", "steps")),
            L2Ball(raw_pixels(default_of("generate", "epsilon"), size)),
        )
        return to_pixels(compiled_minimize(problem)[0])
