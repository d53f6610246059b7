"""Several processes that train one model: what torchrun tells each of them, and what they share."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from robust_widgets.errors import TrainingError


@dataclass(frozen=True)
class World:
    """The processes of a run, and which one this is.

    Attributes:
        rank: of this process, from 0.
        size: how many there are.
        local_rank: of this process on its machine; it takes the GPU of this number.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process measures and writes."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice | None:
        """The rows of a batch that this process takes; None for all.

        Raises:
            TrainingError: the batch does not divide evenly.
        """
        if self.size == 1:
            return None
        if batch_size % self.size:
            raise TrainingError(
                f"A batch of {batch_size} pictures does not divide evenly over {self.size} processes; "
                f"give a --batch-size that is a multiple of {self.size}."
            )
        share = batch_size // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a value over all processes; each must ask at the same step."""
        if self.size == 1:
            return value
        total = value.clone()
        dist.all_reduce(total)
        return total / self.size

    def share(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model as it is trained here: gradients and batch statistics are those of the whole batch."""
        if self.size == 1:
            return model
        shared = share_batch_norms(model, device)
        ids = [device.index or 0] if device.type == "cuda" else None
        return DistributedDataParallel(shared, device_ids=ids)


ALONE = World()


class _Sum(torch.autograd.Function):
    """The sum over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batches of all processes, for CPUs; torch's own is for GPUs only."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        wide = input.float()  # squares in half precision would lose the variance
        count = wide.numel() / wide.shape[1] * dist.get_world_size()
        sums = torch.stack([wide.sum((0, 2, 3)), wide.square().sum((0, 2, 3))])
        mean, square = cast(Tensor, _Sum.apply(sums)).div(count).unbind()
        variance = (square - mean.square()).clamp_min(0)
        with torch.no_grad():
            momentum = self.momentum or 0.0
            assert self.running_mean is not None and self.running_var is not None
            assert self.num_batches_tracked is not None
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / max(1.0, count - 1)), momentum)
            self.num_batches_tracked.add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shape = (1, -1, 1, 1)
        return ((wide - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)).to(input.dtype)


def share_batch_norms(model: nn.Module, device: torch.device) -> nn.Module:
    """Make every batch norm of a model one over all processes, in place."""
    if device.type == "cuda":
        return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(model))
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm2d
    return model


@contextmanager
def joined(device: torch.device) -> Generator[tuple[World, torch.device]]:
    """This process's place among those that torchrun started, and the device it works on; alone without torchrun.

    Raises:
        TrainingError: torchrun's variables are incomplete or wrong, or there are more processes than GPUs.
    """
    world = world_of(os.environ)
    if world.size == 1:
        yield world, device
        return
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if world.local_rank >= count:
            raise TrainingError(
                f"This is process {world.local_rank + 1} on a machine with {count} GPUs; "
                f"give torchrun at most --nproc-per-node {count}."
            )
        device = torch.device("cuda", world.local_rank)
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", rank=world.rank, world_size=world.size)
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"The {world.size} processes did not find each other ({' '.join(str(error).split())[:200]}); "
            "start them all with torchrun, with the same --nnodes and --nproc-per-node everywhere."
        ) from error
    try:
        yield world, device
    finally:
        dist.destroy_process_group()


def world_of(environment: Mapping[str, str]) -> World:
    """What torchrun says in the environment.

    Raises:
        TrainingError: some of its variables are missing, or are not numbers that go together.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    given = {name: environment[name] for name in names if name in environment}
    if "WORLD_SIZE" not in given:
        return ALONE
    remedy = "start training through torchrun, or unset them"
    missing = [name for name in names if name not in given]
    if missing:
        raise TrainingError(f"WORLD_SIZE is set, but {' and '.join(missing)} not; {remedy}.")
    try:
        rank, size, local_rank = (int(given[name]) for name in names)
    except ValueError:
        size, rank, local_rank = 0, 0, 0
    if size < 1 or not 0 <= rank < size or not 0 <= local_rank < size:
        shown = ", ".join(f"{name}={value!r}" for name, value in given.items())
        raise TrainingError(f"The variables {shown} do not describe one process of several; {remedy}.")
    return World(rank, size, local_rank)
