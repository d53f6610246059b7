"""Objectives: per-sample losses to minimise. They can be added and scaled."""

from robust_widgets.synthesis.objectives.base import Classifier, Jitter, Objective, Scaled, Sum
from robust_widgets.synthesis.objectives.losses import Activation, AwayFrom, CrossEntropy, MatchOutside, Mixture

__all__ = [
    "Activation",
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
