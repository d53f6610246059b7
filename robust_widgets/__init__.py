"""Paint with a robust classifier inside Jupyter.

Conventionally imported as ``rw``. Importing this package does not import torch; each name is loaded on first use.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Torch's threads wait for each other without giving the processor away. Where somebody else wants it, too, a pass that
# takes 4 ms then takes 200. They read this when torch is loaded; waiting a tenth as long costs some 3 % where they are
# alone. Whoever sets either has chosen.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

if TYPE_CHECKING:
    from robust_widgets._bundled import model_names as model_names
    from robust_widgets.course import check as check
    from robust_widgets.errors import RobustWidgetsError as RobustWidgetsError
    from robust_widgets.interface.codegen import code as code
    from robust_widgets.interface.report import comparison_strip as comparison_strip
    from robust_widgets.interface.report import report as report
    from robust_widgets.jupyter.studio import Generate as Generate
    from robust_widgets.jupyter.studio import Inpaint as Inpaint
    from robust_widgets.jupyter.studio import PaintFeatures as PaintFeatures
    from robust_widgets.jupyter.studio import SketchToImage as SketchToImage
    from robust_widgets.jupyter.studio import Studio as Studio
    from robust_widgets.jupyter.studio import SuperResolve as SuperResolve
    from robust_widgets.jupyter.studio import TrainingMonitor as TrainingMonitor
    from robust_widgets.jupyter.studio import Translate as Translate
    from robust_widgets.models.card import ModelCard as ModelCard
    from robust_widgets.models.classifier import RobustClassifier as RobustClassifier
    from robust_widgets.models.features import features as features
    from robust_widgets.models.registry import load_model as load_model
    from robust_widgets.pictures.grid import gallery as gallery
    from robust_widgets.pictures.tensors import to_batch as to_batch
    from robust_widgets.pictures.tensors import to_mask as to_mask
    from robust_widgets.robustness.estimate import measure_robustness as measure_robustness
    from robust_widgets.robustness.landscape import LossSlice as LossSlice
    from robust_widgets.robustness.landscape import loss_slice as loss_slice
    from robust_widgets.runs.record import Frame as Frame
    from robust_widgets.runs.trace import Trace as Trace
    from robust_widgets.runs.trace import load_trace as load_trace
    from robust_widgets.solvers.compiled import compiled_iterate as compiled_iterate
    from robust_widgets.solvers.compose import best_of_iterates as best_of_iterates
    from robust_widgets.solvers.compose import chain as chain
    from robust_widgets.solvers.compose import random_restarts as random_restarts
    from robust_widgets.solvers.run import run as run
    from robust_widgets.synthesis.constraints import L2Ball as L2Ball
    from robust_widgets.synthesis.constraints import LinfBall as LinfBall
    from robust_widgets.synthesis.constraints import Unconstrained as Unconstrained
    from robust_widgets.synthesis.loop import iterate as iterate
    from robust_widgets.synthesis.objectives import Activation as Activation
    from robust_widgets.synthesis.objectives import AwayFrom as AwayFrom
    from robust_widgets.synthesis.objectives import CrossEntropy as CrossEntropy
    from robust_widgets.synthesis.objectives import Jitter as Jitter
    from robust_widgets.synthesis.objectives import MatchOutside as MatchOutside
    from robust_widgets.synthesis.objectives import Mixture as Mixture
    from robust_widgets.synthesis.objectives import Objective as Objective
    from robust_widgets.synthesis.problem import Problem as Problem
    from robust_widgets.synthesis.steppers import GradientStep as GradientStep
    from robust_widgets.synthesis.steppers import L2Step as L2Step
    from robust_widgets.synthesis.steppers import LinfStep as LinfStep
    from robust_widgets.synthesis.steppers import Momentum as Momentum
    from robust_widgets.tasks import problem as problem
    from robust_widgets.tasks.batch import stream as stream
    from robust_widgets.tasks.generate import generate as generate
    from robust_widgets.tasks.inpaint import inpaint as inpaint
    from robust_widgets.tasks.paint_features import paint_features as paint_features
    from robust_widgets.tasks.sketch_to_image import sketch_to_image as sketch_to_image
    from robust_widgets.tasks.super_resolve import super_resolve as super_resolve
    from robust_widgets.tasks.translate import translate as translate
    from robust_widgets.testing import FakeSession as FakeSession
    from robust_widgets.training.data import PictureSet as PictureSet
    from robust_widgets.training.data import open_data as open_data
    from robust_widgets.training.data import split_by_name as split_by_name
    from robust_widgets.training.train import train as train
    from robust_widgets.widgets.player.compare import Compare as Compare

__version__ = "0.1.0"

_HOMES = {
    "jupyter.studio": (
        "Generate",
        "Inpaint",
        "PaintFeatures",
        "SketchToImage",
        "Studio",
        "SuperResolve",
        "TrainingMonitor",
        "Translate",
    ),
    "synthesis.constraints": ("L2Ball", "LinfBall", "Unconstrained"),
    "errors": ("RobustWidgetsError",),
    "course": ("check",),
    "robustness.estimate": ("measure_robustness",),
    "pictures.grid": ("gallery",),
    "robustness.landscape": ("LossSlice", "loss_slice"),
    "models.card": ("ModelCard",),
    "models.classifier": ("RobustClassifier",),
    "models.registry": ("load_model",),
    "pictures.tensors": ("to_batch", "to_mask"),
    "models.features": ("features",),
    "synthesis.objectives": (
        "Activation",
        "AwayFrom",
        "CrossEntropy",
        "Jitter",
        "MatchOutside",
        "Mixture",
        "Objective",
    ),
    "interface.codegen": ("code",),
    "interface.report": ("comparison_strip", "report"),
    "testing": ("FakeSession",),
    "_bundled": ("model_names",),
    "synthesis.steppers": ("GradientStep", "L2Step", "LinfStep", "Momentum"),
    "solvers.compiled": ("compiled_iterate",),
    "solvers.run": ("run",),
    "synthesis.loop": ("iterate",),
    "synthesis.problem": ("Problem",),
    "tasks.generate": ("generate",),
    "tasks.inpaint": ("inpaint",),
    "tasks.paint_features": ("paint_features",),
    "tasks": ("problem",),
    "tasks.sketch_to_image": ("sketch_to_image",),
    "tasks.batch": ("stream",),
    "tasks.super_resolve": ("super_resolve",),
    "tasks.translate": ("translate",),
    "runs.record": ("Frame",),
    "runs.trace": ("Trace", "load_trace"),
    "training.data": ("PictureSet", "open_data", "split_by_name"),
    "training.train": ("train",),
    "solvers.compose": ("best_of_iterates", "chain", "random_restarts"),
    "widgets.player.compare": ("Compare",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'robust_widgets' has no attribute {name!r}")
    # Not by importlib: a session that imports on its own thread has other threads' imports wait for it.
    value = getattr(__import__(f"robust_widgets.{_HOME_OF[name]}", fromlist=[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
