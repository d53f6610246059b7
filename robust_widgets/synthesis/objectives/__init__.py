"""Objectives: per-sample losses to minimise. They can be added and scaled."""

from robust_widgets.synthesis.objectives.base import Classifier, Jitter, Objective, Scaled, Sum
from robust_widgets.synthesis.objectives.layers import Activation, DeepDream, Direction, Diversity
from robust_widgets.synthesis.objectives.losses import AwayFrom, CrossEntropy, MatchOutside, Mixture

__all__ = [
    "Activation",
    "AwayFrom",
    "Classifier",
    "CrossEntropy",
    "DeepDream",
    "Direction",
    "Diversity",
    "Jitter",
    "MatchOutside",
    "Mixture",
    "Objective",
    "Scaled",
    "Sum",
]
