"""A task over many pictures, as many at once as fit into memory."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from robust_widgets.errors import (
    ParameterError,
    RunError,
    UnknownNameError,
    at_least,
    is_out_of_memory,
    quoted,
    short_repr,
    whole_number,
)
from robust_widgets.interface.parameters import SEED
from robust_widgets.interface.tasks import TaskSpec, task_specs
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.files import as_path, kinds_of, pictures_in
from robust_widgets.pictures.folder import PictureFolder, SavedPicture
from robust_widgets.pictures.tensors import Picture, to_pixels
from robust_widgets.synthesis.loop import iterate
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.running.run import resolve_model, task_problem

MEMORY_FRACTION = 0.5  # of the free memory: backward needs its own space, and other processes grow
MAX_ON_CPU, MAX_ON_GPU = 8, 256  # larger batches are no faster on a CPU, and an interrupted batch is lost
DEFAULT_BATCH = 8  # where the free memory is not known
MAX_PICTURES = 1_000_000  # file names of six digits sort
CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def batch_size_for(model: RobustClassifier, size: int) -> int:
    """How many pictures of a size to paint at once: as many as fit into half of the free memory, at least 1."""
    most = MAX_ON_CPU if model.device.type == "cpu" else MAX_ON_GPU
    free = free_memory(model.device)
    if free is None:
        return DEFAULT_BATCH
    return max(1, min(most, int(MEMORY_FRACTION * free / bytes_per_picture(model, size))))


def bytes_per_picture(model: RobustClassifier, size: int) -> int:
    """Memory in bytes that forward and backward take for one picture: twice what autograd saves for backward."""
    weights = {weight.untyped_storage().data_ptr() for weight in (*model.parameters(), *model.buffers())}
    saved: dict[int, int] = {}

    def save(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    picture = torch.zeros(1, 3, size, size, device=model.device, requires_grad=True)
    with torch.enable_grad(), saved_tensors_hooks(save, lambda tensor: tensor):
        logits = model.network(picture)
    del logits
    return 2 * (sum(saved.values()) + picture.nbytes)


def free_memory(device: torch.device) -> int | None:
    """Free memory of a device in bytes, or None where that is not known."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return min((free for free in (_free_on_machine(), _free_in_container()) if free is not None), default=None)


def _free_on_machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _free_in_container() -> int | None:
    """What a container's limit leaves, if it has one; the page cache counts as free."""
    with suppress(OSError, ValueError, KeyError):
        limit = int((CGROUP / "memory.max").read_text())
        lines = (CGROUP / "memory.stat").read_text().splitlines()
        cached = int(dict(line.split() for line in lines)["inactive_file"])
        return max(0, limit - int((CGROUP / "memory.current").read_text()) + cached)
    return None


def stream_pictures(
    task: str,
    target: str | int,
    *,
    n: int | None = None,
    pictures: Picture | Iterable[Picture] | None = None,
    out: str | os.PathLike[str] | None = None,
    batch_size: int | None = None,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[int], object] | None = None,
    say: Callable[[str], object] | None = None,
    **parameters: Any,
) -> Iterator[SavedPicture]:
    """Run a task over many pictures, in order; only one batch is in memory at a time.

    Picture i has the seed ``seed + i``, and is the same, up to rounding, whatever the batch size. With ``out`` each
    picture is written before it is yielded, and those already in the folder are read instead: a call that was
    interrupted continues, having lost at most one batch, and one with a larger ``n`` adds to the folder. Nothing is
    computed until the first picture is asked for.

    Args:
        task: a task without masks: ``"generate"``, ``"sketch_to_image"``, ``"translate"`` or ``"super_resolve"``.
        target: a class of the model, by name or index.
        n: number of pictures; for generation only.
        pictures: what the other tasks start from, one for each result, each anything that
            :func:`robust_widgets.to_batch` takes; or a folder, of all pictures in it. Files are read when their turn
            comes.
        out: a folder for ``000000.png`` and so on, and ``pictures.jsonl`` with a line for each.
        batch_size: pictures at once. By default as many as fit into half of the free memory, and at most 8 on a CPU and
            256 elsewhere. If the memory runs out it is halved.
        model, device: as for the tasks.
        on_step: called with the number of each step of a batch.
        say: called with a sentence when the memory runs out, and when pictures already exist.
        parameters: the task's other parameters.

    Returns:
        An iterator of :class:`robust_widgets.pictures.folder.SavedPicture`.

    Raises:
        UnknownNameError: no such task, class or parameter, or a task that needs masks.
        ParameterError: a value is out of range, or not even one picture fits into memory.
        PictureError: a picture cannot be read.
        SaveError: the folder cannot be written, or was started with other settings.
        WeightsError: the model lacks something that the task needs.
    """
    spec = task_specs().get(task)
    if spec is None or not spec.is_batchable:
        allowed = [name for name, spec in task_specs().items() if spec.is_batchable]
        raise UnknownNameError(f"{task!r} is not a task for many pictures; give {quoted(allowed)}.")
    starts = _starts(pictures, say or _ignore)
    count = _count(spec, n, starts)
    parameters = {name: value for name, value in spec.check(parameters).items() if name != "n"}
    seed = parameters.get("seed")
    if seed is not None and seed + count - 1 > SEED.maximum:
        raise ParameterError(f"seed is {seed} for {count} pictures; give a smaller one, so that each has its own.")
    at_once = None if batch_size is None else at_least(1, batch_size=batch_size)
    classifier = resolve_model(model, device)
    runner = _BatchRunner(spec, target, starts, classifier, parameters, on_step, say or _ignore)
    runner.batch_size = at_once or batch_size_for(classifier, runner.first.start.shape[-1])
    folder = None if out is None else PictureFolder(out, runner.settings())
    return _stream(runner, folder, count)


def _starts(pictures: Picture | Iterable[Picture] | None, say: Callable[[str], object]) -> list[Picture] | None:
    """The pictures as a list: one, several, or those of a folder."""
    if pictures is None:
        return None
    if isinstance(pictures, (str, os.PathLike)):
        folder = as_path(pictures)
        if not folder.is_dir():
            return [pictures]
        files, others = pictures_in(folder)
        if others:
            say(f"Left out {kinds_of(others)} of {str(folder)!r}, which are no pictures by their names.")
        return list(files)
    pictures = getattr(pictures, "pixels", pictures)  # of a run, a frame or a saved picture
    is_one = isinstance(pictures, bytes) or not isinstance(pictures, Iterable)
    if is_one or (getattr(pictures, "ndim", 4) < 4 and hasattr(pictures, "dtype")):
        return [cast(Picture, pictures)]
    return list(cast("Iterable[Picture]", pictures))


def _count(spec: TaskSpec, n: int | None, pictures: Sequence[Picture] | None) -> int:
    if spec.takes_picture:
        name, number = "pictures", None if pictures is None else len(pictures)
    else:
        name, number = "n", n
    if number is None or (n is not None and pictures is not None):
        raise ParameterError(f"{spec.name} needs {name}, and nothing else that sets the number of pictures.")
    count = whole_number(number)
    if count is None or not 1 <= count <= MAX_PICTURES:
        raise ParameterError(
            f"The number of pictures is {short_repr(number)}; give a whole number from 1 to {MAX_PICTURES:,}."
        )
    return count


def _stream(runner: _BatchRunner, folder: PictureFolder | None, count: int) -> Iterator[SavedPicture]:
    missing = [index for index in range(count) if folder is None or index not in folder]
    if len(missing) < count:
        runner.say(f"{count - len(missing)} of {count} pictures already exist.")
    batch: dict[int, SavedPicture] = {}
    for index in range(count):
        if index in batch:
            yield batch[index]
        elif folder is not None and index in folder:
            yield folder[index]
        else:
            batch = {picture.index: picture for picture in runner.paint(missing)}
            missing = missing[len(batch) :]
            if folder is not None:
                for picture in batch.values():
                    folder.add(picture)
            yield batch[index]


def _ignore(_: object) -> None:
    pass


@dataclass
class _BatchRunner:
    """Paints the pictures of some indices at once."""

    spec: TaskSpec
    target: str | int
    pictures: Sequence[Picture] | None
    model: RobustClassifier
    parameters: dict[str, Any]
    on_step: Callable[[int], object] | None
    say: Callable[[str], object]
    batch_size: int = 1
    _warned: bool = False

    def __post_init__(self) -> None:
        self.first = self._problem(0)

    def settings(self) -> dict[str, Any]:
        """Everything that decides the pictures."""
        sources = {} if self.pictures is None else {"pictures": [self._source(i) for i in range(len(self.pictures))]}
        model = {"model": self.model.card.name, "fingerprint": self.model.fingerprint}
        return {"task": self.spec.name, "target": self.first.target, **model, **self.parameters, **sources}

    def paint(self, indices: Sequence[int]) -> list[SavedPicture]:
        """The first of these pictures, as many at once as fit into memory.

        Raises:
            ParameterError: not even one fits.
        """
        while True:
            try:
                return self._paint(indices[: self.batch_size])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.batch_size == 1:
                    raise ParameterError(
                        f"The memory of {str(self.model.device)!r} does not hold a single picture; give a smaller size."
                    ) from None
            # Outside the except clause, whose traceback keeps the tensors alive that filled the memory.
            if self.model.device.type == "cuda":
                torch.cuda.empty_cache()
            if not self._warned:
                self.say(f"The memory ran out at {self.batch_size} pictures; painting fewer at once from now on.")
            self._warned, self.batch_size = True, self.batch_size // 2

    def _paint(self, indices: Sequence[int]) -> list[SavedPicture]:
        # One problem for all: if its loss draws at random, each batch gets the same draws.
        problem = replace(self.first, start=torch.cat([self._problem(index).start for index in indices]))
        x, info = problem.start, None
        for i, x, info in iterate(problem, lambda i, x, info: (i, x, info)):  # noqa: B007 - the last is used below
            if self.on_step is not None:
                self.on_step(i)
        assert info is not None
        metrics = torch.stack([info.loss, info.probability, info.distance], 1).double().tolist()
        for index, (loss, *_) in zip(indices, metrics, strict=True):
            if not math.isfinite(loss):
                raise RunError(
                    f"The loss of picture {index} is {loss} at the last step, so its batch is not written; check the "
                    "model, or take smaller steps."
                )
        rows = zip(indices, metrics, to_pixels(x), strict=True)
        return [
            SavedPicture(
                index, self._seed(index), problem.target, self._source(index), loss, probability, distance, pixels
            )
            for index, (loss, probability, distance), pixels in rows
        ]

    def _problem(self, index: int) -> Problem:
        picture = None if self.pictures is None else self.pictures[index]
        parameters = dict(self.parameters)
        if "seed" in parameters:
            parameters["seed"] = self._seed(index)
        return task_problem(self.spec, self.model, self.target, parameters, picture=picture)

    def _seed(self, index: int) -> int | None:
        seed = self.parameters.get("seed")
        return None if seed is None else seed + index

    def _source(self, index: int) -> str:
        picture = "" if self.pictures is None else self.pictures[index]
        return Path(picture).name if isinstance(picture, (str, os.PathLike)) else ""
