"""A task over many pictures, as many at once as fit into memory."""

from __future__ import annotations

import hashlib
import math
import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from robust_widgets._timing import OnlineSelector
from robust_widgets.errors import (
    InputError,
    ParameterError,
    PictureError,
    RunError,
    UnknownNameError,
    at_least,
    is_out_of_memory,
    quoted,
    short_repr,
    whole_number,
)
from robust_widgets.interface.parameters import SEED
from robust_widgets.interface.shards import Shard
from robust_widgets.interface.tasks import TaskSpec, task_specs
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.files import as_path, is_folder, kinds_of, pictures_in
from robust_widgets.pictures.folder import PictureFolder, SavedPicture
from robust_widgets.pictures.io import to_array
from robust_widgets.pictures.tensors import Picture, from_pixels, plain_torch, to_pixels
from robust_widgets.solvers.compose import changed_start
from robust_widgets.solvers.run import compiled_minimize
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks.running.run import resolve_model, task_stages

MEMORY_FRACTION = 0.5  # of the free memory: backward needs its own space, and other processes grow
SIZES_ON_CPU, MAX_ON_GPU = (8, 16, 32), 256  # an interrupted batch is lost
TRIED = 3  # batches that each size is tried with
LONGEST = 10.0  # seconds of a batch beyond which no larger ones are tried
DEFAULT_BATCH = 8  # where the free memory is not known
MAX_PICTURES = 1_000_000  # file names of six digits sort
CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def batch_size_for(model: RobustClassifier, size: int) -> int:
    """How many pictures of a size to paint at once: as many as fit into half of the free memory, at least 1."""
    most = SIZES_ON_CPU[-1] if model.device.type == "cpu" else MAX_ON_GPU
    free = free_memory(model.device)
    if free is None:
        return DEFAULT_BATCH
    return max(1, min(most, int(MEMORY_FRACTION * free / bytes_per_picture(model, size))))


@plain_torch()
def bytes_per_picture(model: RobustClassifier, size: int) -> int:
    """Memory in bytes that forward and backward take for one picture: twice what autograd saves for backward."""
    weights = {weight.untyped_storage().data_ptr() for weight in (*model.parameters(), *model.buffers())}
    saved: dict[int, int] = {}

    def save(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    picture = torch.zeros(1, 3, size, size, device=model.device, dtype=torch.float32, requires_grad=True)
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
    shard: Shard | str | None = None,
    **parameters: Any,
) -> Iterator[SavedPicture]:
    """Run a task over many pictures, in order; only one batch is in memory at a time.

    Picture i has the seed ``seed + i``, and is the same, up to rounding, whatever the batch size. With ``out`` each
    picture is written before it is yielded, and those already in the folder are read instead: a call that was
    interrupted continues, having lost at most one batch, and one with a larger ``n`` or more pictures adds to the
    folder. Pictures are recognised by their content, whatever their files are called. One that cannot be read is left
    out, and the others are made. Nothing is computed until the first picture is asked for.

    Args:
        task: a task without masks: ``"generate"``, ``"sketch_to_image"``, ``"translate"`` or ``"super_resolve"``.
        target: a class of the model, by name or index.
        n: number of pictures; for generation only.
        pictures: what the other tasks start from, one for each result, each anything that
            :func:`robust_widgets.to_batch` takes; or a folder, of all pictures in it. Files are read when their turn
            comes.
        out: a folder for ``000000.png`` and so on, and ``pictures.jsonl`` with a line for each.
        batch_size: pictures at once. By default as many as fit into half of the free memory, and at most 256; on a CPU
            the fastest of 8, 16 and 32 of these, which are tried while painting. If the memory runs out it is halved.
        model, device: as for the tasks.
        on_step: called with the number of each step of a batch.
        say: called with a sentence when the memory runs out, when pictures already exist, when one cannot be read,
            and when files of a folder are left out; without it, the last two are warnings.
        shard: only this part of the pictures, such as ``"3/64"``, so that 64 processes on any machines make them all.
            Each makes the pictures that one process would, and writes into a folder of its own inside ``out``;
            ``robust-widgets merge`` joins the folders.
        parameters: the task's other parameters.

    Returns:
        An iterator of :class:`robust_widgets.pictures.folder.SavedPicture`, whose index is the picture's place in the
        folder; without a folder, in the call.

    Raises:
        UnknownNameError: no such task, class or parameter, or a task that needs masks.
        ParameterError: a value is out of range, or not even one picture fits into memory.
        PictureError: no picture can be read.
        SaveError: the folder cannot be written, or was started with other settings.
        WeightsError: the model lacks something that the task needs.
    """
    spec = task_specs().get(task) if isinstance(task, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if spec is None or not spec.is_batchable:
        allowed = [name for name, spec in task_specs().items() if spec.is_batchable]
        raise UnknownNameError(f"{short_repr(task)} is not a task for many pictures; give {quoted(allowed)}.")
    starts = _starts(pictures, say or _warn)
    parameters = {name: value for name, value in spec.check(parameters).items() if name != "n"}
    total = _count(spec, n, starts)
    _check_seed(parameters.get("seed"), total - 1)
    part = Shard(1, 1) if shard is None else Shard.of(shard)
    own = part.positions(total)
    count = _check_count(len(own))
    if not count:
        return iter(())
    if parameters.get("seed") is not None:
        parameters["seed"] += own.start
    seed = parameters.get("seed")
    starts = starts if starts is None else starts[own.start : own.stop]
    at_once = None if batch_size is None else at_least(1, batch_size=batch_size)
    classifier = resolve_model(model, device)
    runner = _BatchRunner(spec, target, starts, classifier, parameters, range(count), on_step, say)
    runner.sizes = BatchSizes(at_once or batch_size_for(classifier, runner.first.start.shape[-1]))
    if at_once is None and classifier.device.type == "cpu":
        runner.sizes = BatchSizes(*(size for size in SIZES_ON_CPU if size < runner.sizes.most), runner.sizes.most)
    folder = None
    if out is not None and shard is None:
        folder = PictureFolder(out, runner.settings())
    elif out is not None:
        folder = PictureFolder(part.folder(as_path(out)), runner.settings() | part.settings(total))
    if folder is not None and pictures is not None:
        runner.places = folder.places([runner.content(position) if len(folder) else "" for position in range(count)])
        _check_seed(seed, max(runner.places))
    return _stream(runner, folder, count)


def _check_seed(seed: int | None, last: int) -> None:
    if seed is not None and seed + last > SEED.maximum:
        raise ParameterError(f"seed is {seed} for {last + 1} pictures; give a smaller one, so that each has its own.")


def _starts(pictures: Picture | Iterable[Picture] | None, say: Callable[[str], object]) -> list[Picture] | None:
    """The pictures as a list: one, several, or those of a folder."""
    if pictures is None:
        return None
    if isinstance(pictures, (str, os.PathLike)):
        folder = as_path(pictures)
        if not is_folder(folder):
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
    if count is None or not 1 <= count <= SEED.maximum:
        raise ParameterError(
            f"The number of pictures is {short_repr(number)}; give a whole number from 1 to {MAX_PICTURES:,}."
        )
    return count


def _check_count(count: int) -> int:
    if count > MAX_PICTURES:
        raise ParameterError(
            f"The number of pictures is {count}; give a whole number from 1 to {MAX_PICTURES:,}, or make them in parts "
            "(shard='1/64', --shard 1/64)."
        )
    return count


def _stream(runner: _BatchRunner, folder: PictureFolder | None, count: int) -> Iterator[SavedPicture]:
    def is_there(position: int) -> bool:
        index = runner.places[position]
        return folder is not None and index in folder and folder.content(index) == runner.content(position)

    waiting = deque(position for position in range(count) if not is_there(position))
    if len(waiting) < count:
        runner.tell(f"{count - len(waiting)} of {count} pictures already exist.")
    batch: dict[int, SavedPicture | None] = {}
    for position in range(count):
        if position not in batch and not is_there(position) and folder is not None:
            folder.refresh()  # another process may make pictures in it, too
        if position not in batch and not is_there(position):
            batch = runner.paint(list(islice((each for each in waiting if not is_there(each)), runner.sizes.next())))
            if folder is not None:
                batch = {each: picture and folder.add(picture) for each, picture in batch.items()}
            while waiting and (waiting[0] in batch or is_there(waiting[0])):
                waiting.popleft()
        picture = batch[position] if folder is None or position in batch else folder[runner.places[position]]
        if picture is not None:
            yield picture


def _warn(sentence: str) -> None:
    warnings.warn(sentence, stacklevel=4)


def _digest(picture: Picture) -> str:
    with suppress(OSError, InputError):
        if isinstance(picture, (str, os.PathLike)):
            picture = as_path(picture).read_bytes()
        if not isinstance(picture, bytes):
            values = to_array(picture)
            picture = repr(values.shape).encode() + values.tobytes()
        return hashlib.sha256(picture).hexdigest()[:32]
    return ""


class BatchSizes:
    """How many pictures to paint at once: the size that takes the least time per picture.

    The sizes are tried while painting, so the choice costs nothing, and follows what else the machine does.

    Args:
        sizes: to try, ascending.
    """

    def __init__(self, *sizes: int) -> None:
        self._sizes = sizes
        self._selector = OnlineSelector(sizes, TRIED)

    @property
    def most(self) -> int:
        """The largest size."""
        return self._sizes[-1]

    def next(self) -> int:
        """The size of the next batch."""
        return self._selector.next()

    def record(self, size: int, seconds: float) -> None:
        """Record how long a batch took; after a long one, no larger ones are tried."""
        if size not in self._sizes:  # the last batch may be smaller
            return
        self._selector.record(size, seconds / size)
        if seconds > LONGEST and size < self.most:
            self._sizes = tuple(each for each in self._sizes if each <= size)
            self._selector = OnlineSelector(self._sizes, TRIED)


@dataclass
class _BatchRunner:
    """Paints the pictures of some positions at once.

    Attributes:
        places: the index of the picture at each position, which decides its seed and its file.
    """

    spec: TaskSpec
    target: str | int
    pictures: Sequence[Picture] | None
    model: RobustClassifier
    parameters: dict[str, Any]
    places: Sequence[int]
    on_step: Callable[[int], object] | None
    say: Callable[[str], object] | None
    _warned: bool = False

    def __post_init__(self) -> None:
        self.sizes = BatchSizes(1)
        self._bad: set[int] = set()
        self._contents: dict[int, str] = {}
        self.stages = self._first_stages()
        self.first = self.stages[-1]

    def settings(self) -> dict[str, Any]:
        """Everything that decides the pictures, but what they start from."""
        model = {"model": self.model.card.name, "fingerprint": self.model.fingerprint}
        return {"task": self.spec.name, "target": self.first.target, **model, **self.parameters}

    def tell(self, sentence: str) -> None:
        if self.say is not None:
            self.say(sentence)

    def content(self, position: int) -> str:
        """A digest of what a picture starts from; ``""`` if that is nothing, or cannot be read."""
        if self.pictures is None:
            return ""
        if position not in self._contents:
            self._contents[position] = _digest(self.pictures[position])
        return self._contents[position]

    def paint(self, positions: Sequence[int]) -> dict[int, SavedPicture | None]:
        """The first of these pictures, as many at once as fit into memory; None for one that cannot be read.

        Raises:
            ParameterError: not even one fits.
        """
        size = len(positions)
        while True:
            began = time.perf_counter()
            try:
                results = self._paint(positions[:size])
                self.sizes.record(size, time.perf_counter() - began)
                return results
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if size == 1:
                    raise ParameterError(
                        f"The memory of {str(self.model.device)!r} does not hold a single picture; give a smaller size."
                    ) from None
            # Outside the except clause, whose traceback keeps the tensors alive that filled the memory.
            if self.model.device.type == "cuda":
                torch.cuda.empty_cache()
            if not self._warned:
                self.tell(f"The memory ran out at {size} pictures; painting fewer at once from now on.")
            self._warned, size = True, size // 2
            self.sizes = BatchSizes(size)

    @plain_torch()
    def _paint(self, positions: Sequence[int]) -> dict[int, SavedPicture | None]:
        results: dict[int, SavedPicture | None] = dict.fromkeys(positions)
        starts = {position: part for position in positions if (part := self._starts(position)) is not None}
        if not starts:
            return results
        x, steps, evaluated = self.first.start, 0, None
        change: Tensor | None = None
        for level, first in enumerate(self.stages):
            # One problem for all: if its loss draws at random, each batch gets the same draws.
            problem = replace(first, start=torch.cat([part[level] for part in starts.values()]))
            start = problem.start if change is None else changed_start(problem, change)
            x, evaluated = compiled_minimize(replace(problem, start=start), partial(self._report, steps))
            rounded = from_pixels(to_pixels(x)).to(x)  # as in a run that is recorded
            change, steps = rounded - problem.start, steps + first.steps
        assert evaluated is not None
        info = evaluated()
        self._report(steps, 0)
        metrics = torch.stack([info.loss, info.probability, info.distance], 1).double().tolist()
        for position, (loss, *_) in zip(starts, metrics, strict=True):
            if not math.isfinite(loss):
                raise RunError(
                    f"The loss of picture {self.places[position]} is {loss} at the last step, so its batch is not "
                    "written; check the model, or take smaller steps."
                )
        for position, (loss, probability, distance), pixels in zip(starts, metrics, to_pixels(x), strict=True):
            results[position] = SavedPicture(
                index=(index := self.places[position]),
                seed=self._seed(index),
                target=self.first.target,
                source=self._source(position),
                loss=loss,
                probability=probability,
                distance=distance,
                pixels=pixels,
                content=self.content(position),
            )
        return results

    def _report(self, before: int, step: int) -> None:
        if self.on_step is not None:
            self.on_step(before + step)

    def _first_stages(self) -> list[Problem]:
        """The problems of the first picture that can be read; raises for the first picture if none can."""
        try:
            return self._stages(0)
        except PictureError:
            for position in range(1, len(self.places)):
                with suppress(PictureError):
                    return self._stages(position)
            raise

    def _starts(self, position: int) -> list[Tensor] | None:
        """What a picture starts from at each size; None, and a sentence, if it cannot be read."""
        try:
            return [stage.start for stage in self._stages(position)]
        except PictureError as error:
            if position not in self._bad:
                self._bad.add(position)
                sentence = f"Picture {position + 1} of {len(self.places)} was left out. {error}"
                if self.say is not None:
                    self.say(sentence)
                else:
                    warnings.warn(sentence, stacklevel=2)
            return None

    def _stages(self, position: int) -> list[Problem]:
        picture = None if self.pictures is None else self.pictures[position]
        parameters = dict(self.parameters)
        if "seed" in parameters:
            parameters["seed"] = self._seed(self.places[position])
        return task_stages(self.spec, self.model, self.target, parameters, picture=picture)

    def _seed(self, index: int) -> int | None:
        seed = self.parameters.get("seed")
        return None if seed is None else seed + index

    def _source(self, position: int) -> str:
        picture = "" if self.pictures is None else self.pictures[position]
        return Path(picture).name if isinstance(picture, (str, os.PathLike)) else ""
