"""The order in which an epoch shows its pictures."""

from __future__ import annotations

import torch
from torch import Tensor


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """As many indices as there are labels, shuffled, in which every class appears equally often.

    "Equally" is as near as whole numbers allow: which classes appear once more is drawn. A small class is gone
    through again and again, each time in another order; of a large one only a part is taken.

    Args:
        labels: int64 (n,), on the CPU.
        generator: decides everything that is drawn.

    Returns:
        int64 (n,), indices into ``labels``.
    """
    present = labels.unique()
    if not len(present):
        return torch.empty(0, dtype=torch.long)
    share, left_over = divmod(len(labels), len(present))
    counts = torch.full((len(present),), share)
    counts[torch.randperm(len(present), generator=generator)[:left_over]] += 1
    chosen: list[Tensor] = []
    for label, count in zip(present.tolist(), counts.tolist(), strict=True):
        members = (labels == label).nonzero()[:, 0]
        passes = [members[torch.randperm(len(members), generator=generator)] for _ in range(-(-count // len(members)))]
        chosen.append(torch.cat(passes)[:count])
    order = torch.cat(chosen)
    return order[torch.randperm(len(order), generator=generator)]
