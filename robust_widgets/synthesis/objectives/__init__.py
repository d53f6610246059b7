"""Objectives: per-sample losses to minimise. They can be added and scaled. Those on layers are in `layers`."""

from robust_widgets.synthesis.objectives.base import Classifier, Jitter, Objective, Scaled, Sum
from robust_widgets.synthesis.objectives.losses import AwayFrom, CrossEntropy, MatchOutside, Mixture

__all__ = [
    "AwayFrom",
    "Classifier",
    "CrossEntropy",
    "Jitter",
    "MatchOutside",
    "Mixture",
    "Objective",
    "Scaled",
    "Sum",
]
