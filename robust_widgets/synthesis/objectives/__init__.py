"""What a picture is asked to become: a loss per sample, to be minimised. Objectives add and scale."""

from robust_widgets.synthesis.objectives.base import Classifier, Objective, Scaled, Sum
from robust_widgets.synthesis.objectives.classes import AwayFrom, CrossEntropy, Mixture
from robust_widgets.synthesis.objectives.features import Activation
from robust_widgets.synthesis.objectives.regions import MatchOutside
from robust_widgets.synthesis.objectives.transforms import Jitter

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
