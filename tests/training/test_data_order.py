"""The order in which an epoch shows its pictures."""

from __future__ import annotations

import pytest
import torch

from robust_widgets.training.data import balanced_order


def order(counts: list[int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return labels, balanced_order(labels, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("counts", [[10, 10, 10], [3, 40, 11], [1, 1, 99], [7, 0, 4], [5]])
def test_every_class_appears_equally_often(counts: list[int]) -> None:
    labels, chosen = order(counts)
    present = sum(count > 0 for count in counts)
    assert chosen.shape == labels.shape and chosen.dtype == torch.int64
    seen = torch.bincount(labels[chosen], minlength=len(counts))
    for count, times in zip(counts, seen.tolist(), strict=True):
        assert times == 0 if count == 0 else times in (len(labels) // present, -(-len(labels) // present))


def test_a_small_class_is_repeated_evenly_and_a_large_one_never() -> None:
    labels, chosen = order([4, 50])
    times = torch.bincount(chosen, minlength=54)
    assert set(times[:4].tolist()) <= {6, 7}, "27 appearances of 4 pictures"
    assert set(times[4:].tolist()) == {0, 1}
    assert torch.bincount(labels[chosen]).tolist() == [27, 27]


def test_the_order_is_shuffled_and_seeded() -> None:
    labels, one = order([20, 20], 1)
    assert torch.equal(one, order([20, 20], 1)[1]) and not torch.equal(one, order([20, 20], 2)[1])
    assert sorted(one.tolist()) == list(range(40)), "classes of one size are each shown once"
    assert int(labels[one].diff().abs().sum()) > 10, "classes take turns"


def test_the_class_that_gets_one_more_is_random() -> None:
    more = {int(torch.bincount(labels[chosen]).argmax()) for labels, chosen in (order([5, 5, 6], s) for s in range(20))}
    assert more == {0, 1, 2}


def test_no_labels_have_an_empty_order() -> None:
    assert balanced_order(torch.empty(0, dtype=torch.long), torch.Generator()).tolist() == []
