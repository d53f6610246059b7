"""The same seed pictures, painted by a model at each stage of its training: features become paintable."""

from __future__ import annotations

import torch
from torch import Tensor

from robust_widgets.interface.tasks import default_of
from robust_widgets.models.class_seeds import draw_seeds_from
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.tensors import to_pixels
from robust_widgets.synthesis.constraints import L2Ball
from robust_widgets.synthesis.loop import minimize
from robust_widgets.synthesis.objectives import CrossEntropy
from robust_widgets.synthesis.problem import Problem
from robust_widgets.synthesis.steppers import L2Step
from robust_widgets.training.data import PictureSet
from robust_widgets.training.seed_statistics import seed_statistics
from robust_widgets.units import raw_pixels


class SampleGrid:
    """One seed picture for each of some classes, drawn once.

    Args:
        data: the training pictures, whose classes the seeds are of.
        count: how many pictures; with fewer classes several of each, with more of them classes evenly spread.
        seed: decides the draws.
    """

    def __init__(self, data: PictureSet, count: int, seed: int = 0) -> None:
        classes = len(data.classes)
        places = (
            torch.linspace(0, classes - 1, count).round().long() if count <= classes else torch.arange(count) % classes
        )
        self.labels = places.sort().values
        self.names = tuple(data.classes[int(label)] for label in self.labels)
        chosen = self.labels.unique()
        of_chosen = torch.isin(data.labels, chosen)
        positions = torch.searchsorted(chosen, data.labels[of_chosen])
        part = PictureSet(data.pictures[of_chosen], positions, tuple(data.classes[int(i)] for i in chosen))
        statistics = seed_statistics(part, progress=False)
        starts: list[Tensor] = []
        for place, label in enumerate(self.labels.tolist()):
            index = int(torch.searchsorted(chosen, torch.tensor(label)))
            starts.append(draw_seeds_from(statistics, index, 1, seed + place, data.side))
        self.starts = torch.cat(starts)

    def paint(self, model: RobustClassifier) -> Pixels:
        """The pictures that generation, with its default parameters, makes of the seeds; uint8 (n, side, side, 3)."""
        side = self.starts.shape[-1]
        problem = Problem(
            model,
            self.starts.to(model.device),
            CrossEntropy(self.labels.to(model.device)),
            L2Step(raw_pixels(default_of("generate", "step_size"), side)),
            int(default_of("generate", "steps")),
            L2Ball(raw_pixels(default_of("generate", "epsilon"), side)),
        )
        return to_pixels(minimize(problem))
