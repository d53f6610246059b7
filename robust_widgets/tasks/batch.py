"""How many pictures a device's memory holds at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from robust_widgets.errors import ParameterError, UnknownNameError, is_out_of_memory, quoted
from robust_widgets.interface.parameters import SEED, check_parameters
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.folder import PictureFolder, SavedPicture
from robust_widgets.pictures.tensors import Picture, to_pixels
from robust_widgets.synthesis.loop import iterates
from robust_widgets.synthesis.problem import Problem
from robust_widgets.tasks import problem
from robust_widgets.tasks.common import resolve_model

SHARE = 0.5  # of the free memory: others grow meanwhile, and the way back needs room beside what the way forth kept
MOST_ON_CPU, MOST_ON_GPU = 8, 256  # a CPU gains no speed by more, and what is in work is lost when a run is stopped
UNKNOWN = 8
CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def pictures_at_once(model: RobustClassifier, side: int) -> int:
    """How many pictures of a side are painted at once: as many as half of the free memory holds, at least 1."""
    most = MOST_ON_CPU if model.device.type == "cpu" else MOST_ON_GPU
    free = free_memory(model.device)
    if free is None:
        return UNKNOWN
    return max(1, min(most, int(SHARE * free / bytes_of_a_picture(model, side))))


def bytes_of_a_picture(model: RobustClassifier, side: int) -> int:
    """What the network keeps of one picture for the way back, in bytes, and as much again for the way back itself."""
    weights = {weight.untyped_storage().data_ptr() for weight in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    picture = torch.zeros(1, 3, side, side, device=model.device, requires_grad=True)
    with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
        answer = model.network(picture)
    del answer
    return 2 * (sum(kept.values()) + picture.nbytes)


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be had on a device, or None where that is not known."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    found = [free for free in (_free_of_machine(), _free_of_container()) if free is not None]
    return min(found, default=None)


def _free_of_machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _free_of_container() -> int | None:
    """What a container's limit leaves, where it has one; files that are only cached do not count."""
    with suppress(OSError, ValueError, KeyError):
        limit = int((CGROUP / "memory.max").read_text())
        lines = (CGROUP / "memory.stat").read_text().splitlines()
        cached = int(dict(line.split() for line in lines)["inactive_file"])
        return max(0, limit - int((CGROUP / "memory.current").read_text()) + cached)
    return None


STREAMED = ("generate", "sketch_to_image", "translate", "super_resolve")
MOST = 1_000_000  # file names of six digits sort


def stream(
    task: str,
    target: str | int,
    *,
    n: int | None = None,
    pictures: Sequence[Picture] | None = None,
    out: str | os.PathLike[str] | None = None,
    batch_size: int | None = None,
    model: RobustClassifier | str | None = None,
    device: str | torch.device | None = None,
    on_step: Callable[[int], object] | None = None,
    say: Callable[[str], object] | None = None,
    **parameters: Any,
) -> Iterator[SavedPicture]:
    """Make many pictures, one after the other in the order of their index; only the batch in work is in memory.

    Picture i has the seed ``seed + i``, and is the same, up to rounding, whatever the size of the batches. With
    ``out`` each picture is written before it is handed out, and what lies there already is read instead of made: a
    call that was broken off goes on where it was, having lost at most the batch in work, and one with a larger ``n``
    adds to it. Nothing is made until the first picture is asked for.

    Args:
        task: ``"generate"``, ``"sketch_to_image"``, ``"translate"`` or ``"super_resolve"``.
        target: a class of the model, by name or index.
        n: how many pictures; for generation only.
        pictures: what the other tasks begin from, one for each result, each anything
            :func:`robust_widgets.pictures.tensors.to_batch` takes. Paths are read when their turn comes.
        out: a folder for ``000000.png`` and so on, and ``pictures.jsonl`` with a line for each.
        batch_size: pictures at once; by default as many as half of the free memory holds, and at most 8 on a CPU and
            256 elsewhere. Where the memory runs out it is halved.
        model, device: as for the tasks.
        on_step: called with the number of each step of a batch.
        say: called with a sentence where the memory ran out, and where pictures were there already.
        parameters: the task's other parameters.

    Returns:
        An iterator of :class:`robust_widgets.pictures.folder.SavedPicture`.

    Raises:
        UnknownNameError: no such task, class or parameter, or one that needs masks.
        ParameterError: a number is out of range, or the memory does not hold a single picture.
        PictureError: a picture cannot be read.
        SaveError: the folder cannot be written, or was begun with other settings.
        WeightsError: the model lacks what the task needs.
    """
    if task not in STREAMED:
        raise UnknownNameError(f"{task!r} is not a task for many pictures; give {quoted(STREAMED)}.")
    count = _count(task, n, pictures)
    parameters = {name: value for name, value in check_parameters(task, parameters).items() if name != "n"}
    if parameters["seed"] is not None and parameters["seed"] + count - 1 > SEED.maximum:
        raise ParameterError(
            f"seed is {parameters['seed']} for {count} pictures; give one that leaves each of them its own."
        )
    if batch_size is not None and (not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError(f"batch_size is {batch_size!r}; give a whole number of at least 1.")
    classifier = resolve_model(model, device)
    painter = _Painter(task, target, pictures, classifier, parameters, on_step, say or _nothing)
    painter.at_once = batch_size or pictures_at_once(classifier, painter.first.start.shape[-1])
    folder = None if out is None else PictureFolder(out, painter.settings())
    return _each(painter, folder, count)


def _count(task: str, n: int | None, pictures: Sequence[Picture] | None) -> int:
    given, what = (n, "n") if task == "generate" else (None if pictures is None else len(pictures), "pictures")
    if given is None or (n is not None and pictures is not None):
        raise ParameterError(f"{task} needs {what}, and nothing else that says how many pictures there are to make.")
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError(f"There are {given!r} pictures to make; give a whole number from 1 to {MOST:,}.")
    return given


def _each(painter: _Painter, folder: PictureFolder | None, count: int) -> Iterator[SavedPicture]:
    missing = [index for index in range(count) if folder is None or index not in folder]
    if len(missing) < count:
        painter.say(f"{count - len(missing)} of {count} pictures are there already.")
    made: dict[int, SavedPicture] = {}
    for index in range(count):
        if index in made:
            yield made[index]
        elif folder is not None and index in folder:
            yield folder[index]
        else:
            made = {one.index: one for one in painter.paint(missing)}
            missing = missing[len(made) :]
            if folder is not None:
                for one in made.values():
                    folder.add(one)
            yield made[index]


def _nothing(_: object) -> None:
    pass


@dataclass
class _Painter:
    """Paints the pictures of some indices at once."""

    task: str
    target: str | int
    pictures: Sequence[Picture] | None
    model: RobustClassifier
    parameters: dict[str, Any]
    on_step: Callable[[int], object] | None
    say: Callable[[str], object]
    at_once: int = 1
    _said: bool = False

    def __post_init__(self) -> None:
        self.first = self._problem(0)

    def settings(self) -> dict[str, Any]:
        """What decides the pictures."""
        sources = {} if self.pictures is None else {"pictures": [self._source(i) for i in range(len(self.pictures))]}
        model = {"model": self.model.card.name, "fingerprint": self.model.fingerprint}
        return {"task": self.task, "target": self.first.target, **model, **self.parameters, **sources}

    def paint(self, indices: Sequence[int]) -> list[SavedPicture]:
        """The first of these pictures, as many as memory holds at once.

        Raises:
            ParameterError: it does not hold a single one.
        """
        while True:
            try:
                return self._paint(indices[: self.at_once])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.at_once == 1:
                    raise ParameterError(
                        f"The memory of {str(self.model.device)!r} does not hold a single picture; give a smaller size."
                    ) from None
            # Outside the except clause, whose traceback holds on to the tensors that filled the memory.
            if self.model.device.type == "cuda":
                torch.cuda.empty_cache()
            if not self._said:
                self.say(f"The memory ran out at {self.at_once} pictures; fewer are painted at once from now on.")
            self._said, self.at_once = True, self.at_once // 2

    def _paint(self, indices: Sequence[int]) -> list[SavedPicture]:
        # One problem for all: where its loss draws at random, each batch has the same draws.
        problem = replace(self.first, start=torch.cat([self._problem(index).start for index in indices]))
        x, reading = problem.start, None
        for step, (x, reading) in enumerate(iterates(problem)):  # noqa: B007 - the last is wanted
            if self.on_step is not None:
                self.on_step(step)
        assert reading is not None
        numbers = torch.stack([reading.loss, reading.probability, reading.distance], 1).double().tolist()
        rows = zip(indices, numbers, to_pixels(x), strict=True)
        return [
            SavedPicture(
                index, self._seed(index), problem.target, self._source(index), loss, probability, distance, pixels
            )
            for index, (loss, probability, distance), pixels in rows
        ]

    def _problem(self, index: int) -> Problem:
        picture = None if self.pictures is None else self.pictures[index]
        parameters: dict[str, Any] = {**self.parameters, "seed": self._seed(index)}
        return problem(self.task, self.target, picture=picture, model=self.model, **parameters)

    def _seed(self, index: int) -> int | None:
        seed = self.parameters["seed"]
        return None if seed is None else seed + index

    def _source(self, index: int) -> str:
        picture = "" if self.pictures is None else self.pictures[index]
        return Path(picture).name if isinstance(picture, (str, os.PathLike)) else ""
