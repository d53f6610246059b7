"""Distributed training with torchrun: rank and group size, and what the processes share."""

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

from robust_widgets.errors import RobustWidgetsError, TrainingError, first_line


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a training run, and which one this is.

    Attributes:
        rank: of this process, from 0.
        world_size: number of processes.
        local_rank: of this process on its machine, from 0; also the index of its GPU.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process measures the model and writes the files."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice | None:
        """The rows of a batch that this process computes; None for all.

        Raises:
            TrainingError: the batch does not divide evenly.
        """
        if self.world_size == 1:
            return None
        if batch_size % self.world_size:
            raise TrainingError(
                f"A batch of {batch_size} pictures does not divide evenly over {self.world_size} processes; "
                f"give a --batch-size that is a multiple of {self.world_size}."
            )
        share = batch_size // self.world_size
        return slice(self.rank * share, (self.rank + 1) * share)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a value over all processes; a collective call."""
        if self.world_size == 1:
            return value
        total = value.clone()
        dist.all_reduce(total)
        return total / self.world_size

    @contextmanager
    def together(self) -> Generator[None]:
        """Let all processes do something; where it fails in one, the others stop, too, and tell why.

        A collective block: every process comes to it.

        Raises:
            TrainingError: it failed in another process.
        """
        if self.world_size == 1:
            yield
            return
        failure = ""
        try:
            yield
        except BaseException as error:
            failure = str(error) if isinstance(error, RobustWidgetsError) else first_line(error)
            raise
        finally:
            failures = self._gathered(failure)
        for rank, text in enumerate(failures):
            if text:
                raise TrainingError(f"Process {rank + 1} of {self.world_size} could not start: {text.rstrip('.')}.")

    def check_same(self, kind: str, value: str) -> None:
        """Check that all processes have the same; a collective call.

        Args:
            kind: what it is, as the end of a sentence.
            value: it, in words.

        Raises:
            TrainingError: they have not.
        """
        if self.world_size == 1:
            return
        values = self._gathered(value)
        for rank, other in enumerate(values):
            if other != values[0]:
                raise TrainingError(
                    f"Process 1 has {values[0]}, and process {rank + 1} has {other}; give all {self.world_size} "
                    f"processes the same {kind}."
                )

    def _gathered(self, text: str) -> list[str]:
        texts = [""] * self.world_size
        dist.all_gather_object(texts, text)
        return texts

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model, with gradients and batch statistics of the whole batch."""
        if self.world_size == 1:
            return model
        synchronised = synchronise_batch_norms(model, device)
        ids = [device.index or 0] if device.type == "cuda" else None
        return DistributedDataParallel(synchronised, device_ids=ids)


SINGLE_PROCESS = ProcessGroup()


class _Sum(torch.autograd.Function):
    """All-reduce sum, whose gradient is all-reduced, too."""

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


class SyncBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batches of all processes, on CPUs; torch's SyncBatchNorm needs GPUs."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        values = input.float()  # in half precision the squares would lose the variance
        count = values.numel() / values.shape[1] * dist.get_world_size()
        sums = torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3))])
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
        return ((values - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)).to(input.dtype)


def synchronise_batch_norms(model: nn.Module, device: torch.device) -> nn.Module:
    """Synchronise every batch norm of a model over all processes, in place."""
    if device.type == "cuda":
        return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(model))
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncBatchNorm2d
    return model


@contextmanager
def join_process_group(device: torch.device) -> Generator[tuple[ProcessGroup, torch.device]]:
    """Join the processes that torchrun started; yields the process group and this process's device.

    Without torchrun it is a group of one.

    Raises:
        TrainingError: torchrun's variables are incomplete or invalid, there are more processes than GPUs, or another
            process has ended.
    """
    group = process_group_of(os.environ)
    if group.world_size == 1:
        yield group, device
        return
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if group.local_rank >= count:
            raise TrainingError(
                f"This is process {group.local_rank + 1} on a machine with {count} GPUs; "
                f"give torchrun at most --nproc-per-node {count}."
            )
        device = torch.device("cuda", group.local_rank)
        torch.cuda.set_device(device)
    try:
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", rank=group.rank, world_size=group.world_size
        )
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"The {group.world_size} processes could not connect ({' '.join(str(error).split())[:200]}); "
            "start all of them with torchrun, with the same --nnodes and --nproc-per-node on every machine."
        ) from error
    try:
        yield group, device
    except RuntimeError as error:
        if not _is_lost_connection(error):
            raise
        raise TrainingError(
            f"Another of the {group.world_size} processes has ended, so process {group.rank + 1} stops; the other's "
            "message tells why. Start all of them again, with --resume if there is a checkpoint."
        ) from error
    finally:
        dist.destroy_process_group()


def _is_lost_connection(error: RuntimeError) -> bool:
    """Whether a collective call failed because another process is gone; gloo raises plain runtime errors."""
    return isinstance(error, dist.DistError) or "gloo/transport" in str(error)


def process_group_of(environment: Mapping[str, str]) -> ProcessGroup:
    """The process group that torchrun's environment variables describe.

    Raises:
        TrainingError: some of the variables are missing or inconsistent.
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    variables = {name: environment[name] for name in names if name in environment}
    if "WORLD_SIZE" not in variables:
        return SINGLE_PROCESS
    remedy = "start training through torchrun, or unset them"
    missing = [name for name in names if name not in variables]
    if missing:
        raise TrainingError(
            f"WORLD_SIZE is set, but {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not; {remedy}."
        )
    try:
        rank, world_size, local_rank = (int(variables[name]) for name in names)
    except ValueError:
        world_size, rank, local_rank = 0, 0, 0
    if world_size < 1 or not 0 <= rank < world_size or not 0 <= local_rank < world_size:
        values = ", ".join(f"{name}={value!r}" for name, value in variables.items())
        raise TrainingError(f"The variables {values} do not describe one process of a group; {remedy}.")
    return ProcessGroup(rank, world_size, local_rank)
