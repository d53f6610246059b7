"""What a picture is asked to become: a loss per sample, to be minimised. Objectives add and scale."""

from robust_widgets.objectives.base import Classifier, Objective, Scaled, Sum
from robust_widgets.objectives.classes import AwayFrom, CrossEntropy, Mixture
from robust_widgets.objectives.features import Activation
from robust_widgets.objectives.jitter import Jitter
from robust_widgets.objectives.regions import MatchOutside

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
