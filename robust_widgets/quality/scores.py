"""How good and how varied a set of pictures is, from what a judge makes of it: the closed forms.

All are computed in double precision on the CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor


def classifier_score(probabilities: Tensor) -> float:
    """exp(mean KL(p(y|x) || p(y))): the Inception Score's formula on any classifier.

    It is 1 where every picture gets the same answer, and at most the number of classes: reached where the classifier
    is certain of each picture and sees every class equally often.

    Args:
        probabilities: (n, classes), each row sums to 1.
    """
    each = probabilities.double()
    mean = each.mean(0)
    return float((torch.xlogy(each, each) - torch.xlogy(each, mean)).sum(1).mean().exp())


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """The Frechet distance between the Gaussians that fit two sets of features.

    An estimate from few pictures is too large, the more so the fewer they are; compare only figures that were made
    from as many.

    Args:
        one, other: (n, units) each, at least two rows.
    """
    one, other = one.double(), other.double()
    return gaussian_distance(one.mean(0), _covariance(one), other.mean(0), _covariance(other))


def gaussian_distance(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), the squared 2-Wasserstein distance of two Gaussians.

    Args:
        mean, other_mean: (units,).
        covariance, other_covariance: (units, units), symmetric and positive semidefinite.
    """
    # The trace of (S1 S2)^(1/2) is the sum of the singular values of S1^(1/2) S2^(1/2), which takes no square root of
    # a product's eigenvalues: those may be negative by rounding.
    shared = torch.linalg.svdvals(_root(covariance.double()) @ _root(other_covariance.double())).sum()
    apart = (mean.double() - other_mean.double()).square().sum()
    distance = apart + covariance.double().trace() + other_covariance.double().trace() - 2 * shared
    return max(0.0, float(distance))


def pairwise_distance(pictures: Tensor, labels: Tensor) -> float:
    """The mean L2 distance between two pictures of the same class, over all pairs; NaN without such a pair.

    Args:
        pictures: float (n, 3, h, w); the distance is in their unit.
        labels: (n,).
    """
    total, pairs = 0.0, 0
    for label in labels.unique():
        own = pictures[labels == label].flatten(1).double()
        distances = torch.nn.functional.pdist(own)
        total, pairs = total + float(distances.sum()), pairs + len(distances)
    return total / pairs if pairs else float("nan")


def _covariance(features: Tensor) -> Tensor:
    centred = features - features.mean(0)
    return centred.T @ centred / (len(features) - 1)


def _root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a positive semidefinite matrix; eigenvalues below zero are rounding."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T
