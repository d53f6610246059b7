"""Operations that write over what nobody needs any more.

A rectifier's way back and a block's sum are nothing but memory traffic.
In a ResNet-50 the ways back take a quarter less time so.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import fx

from robust_widgets.compiler.rewrites.strided import added_at_strides

aten, library = torch.ops.aten, torch.ops.mkldnn


def write_over(graph: fx.GraphModule) -> None:
    """Let rectifiers' ways back, and sums that are joined to a convolution, write over an input.

    The graph's own inputs and results stay what they are. oneDNN has to be there.
    """
    joined, summing = library._convolution_pointwise.default, library._convolution_pointwise.binary
    rectifying, over = aten.threshold_backward.default, aten.threshold_backward.grad_input
    summing_over = getattr(library, "_convolution_pointwise_", None)
    # What has memory of its own, and keeps no view of what it reads.
    apart = {joined, summing, library._convolution_transpose_pointwise.default, rectifying, over, added_at_strides}
    apart |= {torch.conv2d, aten.add.Tensor}
    apart |= {summing_over.binary} if summing_over else set()
    places = {node: place for place, node in enumerate(graph.graph.nodes)}

    def free_at(node: fx.Node, given: fx.Node) -> bool:
        return given.target in apart and all(
            user is node or (user.target in apart and places[user] < places[node]) for user in given.users
        )

    for node in graph.graph.nodes:
        if node.target is rectifying:
            gradient, answers, _ = cast("tuple[fx.Node, ...]", node.args)
            if gradient is not answers and free_at(node, gradient):
                node.target, node.kwargs = over, {"grad_input": gradient}
        elif node.target is summing and summing_over:
            x, added, *rest = node.args
            if added is not x and free_at(node, cast(fx.Node, added)):
                node.target, node.args = summing_over.binary, (added, x, *rest)
