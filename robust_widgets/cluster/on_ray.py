"""Shards as Ray tasks: on one machine, or on all of a cluster that shares a file system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robust_widgets.cluster.dispatch import Outcome, run_shards
from robust_widgets.errors import SetupError, first_line
from robust_widgets.interface.class_search import class_given
from robust_widgets.interface.shards import Shard

if TYPE_CHECKING:
    from robust_widgets.models.classifier import RobustClassifier

RETRIES = 3  # starts of a shard again whose machine or process was lost; it goes on where it was


@dataclass(frozen=True)
class Work:
    """Many pictures, as the machines of a cluster are told.

    Attributes:
        task: as for :func:`robust_widgets.stream_pictures`.
        target: a class as typed: its name or its index.
        out: the folder for the shards' folders, which all machines see under this path.
        n: number of pictures; for generation only.
        pictures: a folder that all machines see; for the other tasks.
        model: what `load_model` takes there: a name, or a file that all machines see.
        device: where each shard runs on its machine.
        parameters: the task's parameters.
    """

    task: str
    target: str
    out: str
    n: int | None = None
    pictures: str | None = None
    model: str = "default"
    device: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])

    def with_whole_paths(self) -> Work:
        """The same with absolute paths, since a task runs in a folder of Ray's."""

        def whole(path: str | None) -> str | None:
            return None if path is None else str(Path(path).absolute())

        is_file = Path(self.model).is_file()
        return Work(
            self.task,
            self.target,
            str(Path(self.out).absolute()),
            self.n,
            whole(self.pictures),
            str(Path(self.model).absolute()) if is_file else self.model,
            self.device,
            self.parameters,
        )


@lru_cache(maxsize=1)
def _model(name: str, device: str | None) -> RobustClassifier:
    """A model, loaded once in each process of Ray's, which takes one shard after the other."""
    from robust_widgets.models.registry import load_model

    return load_model(name, device=device)


def paint_shard(work: Work, shard: Shard) -> int:
    """Make a shard's pictures, but those that are there already; returns how many it holds. Runs on the cluster."""
    from robust_widgets.tasks.running.batch import stream_pictures

    model = _model(work.model, work.device)
    stream = stream_pictures(
        work.task,
        class_given(work.target, model.classes),
        n=work.n,
        pictures=work.pictures,
        out=work.out,
        model=model,
        shard=shard,
        **work.parameters,
    )
    return sum(1 for _ in stream)


class RayEngine:
    """Runs shards as Ray tasks.

    Args:
        work: what they are parts of.
        cpus, gpus: that a shard takes; a fraction of a GPU is shared.

    Raises:
        SetupError: Ray is not installed, cannot be reached, or the cluster has no GPU that a shard could take.
    """

    def __init__(self, work: Work, *, cpus: float = 1, gpus: float | None = None) -> None:
        self._ray: Any = _ray()
        try:
            if not self._ray.is_initialized():
                self._ray.init(log_to_driver=False, configure_logging=False)
        except Exception as error:  # whatever a start of several processes may raise
            raise SetupError(
                f"Ray cannot be started or reached ({first_line(error)}); see 'ray status', or give --shard to "
                "processes of your own."
            ) from None
        there = self._ray.cluster_resources().get("GPU", 0)
        self._needs = {"CPU": cpus, "GPU": min(1, there) if gpus is None else gpus}
        remote = self._ray.remote(paint_shard)
        self._task = remote.options(num_cpus=cpus, num_gpus=self._needs["GPU"], max_retries=RETRIES)
        self._work = work.with_whole_paths()

    @property
    def places(self) -> int:
        """How many shards the machines that are there can run at a time."""
        there = self._ray.cluster_resources()
        fits = [int(there.get(name, 0) / amount) for name, amount in self._needs.items() if amount]
        return min(fits, default=1)

    def start(self, shard: Shard) -> Any:
        """Hand out a shard."""
        return self._task.remote(self._work, shard)

    def wait(self, handles: Sequence[Any]) -> Any:
        """The next one that has ended."""
        ended, _ = self._ray.wait(list(handles), num_returns=1)
        return ended[0]

    def result(self, handle: Any) -> int:
        """How many pictures it holds; raises what the shard raised, or Ray's own error if its process was lost."""
        try:
            return int(self._ray.get(handle))
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from None

    def cancel(self, handle: Any) -> None:
        """End a shard."""
        self._ray.cancel(handle, force=True)


def paint_on_ray(
    work: Work,
    shards: int,
    *,
    cpus: float = 1,
    gpus: float | None = None,
    on_done: Callable[[Shard, int], object] = lambda shard, pictures: None,
) -> Outcome:
    """Make all shards of the work on a Ray cluster.

    The cluster is the one that ``RAY_ADDRESS`` names, else one that runs on this machine, else a new one on it. All its
    machines have this package installed and see the same files.

    Args:
        work: what to make.
        shards: into how many parts it is divided; the same number as before, to continue.
        cpus, gpus: that each takes at a time; without ``gpus``, one where the cluster has any.
        on_done: called with each shard that succeeded, and how many pictures it holds.

    Raises:
        SetupError: as `RayEngine`.
        ParameterError: there cannot be so many shards.
    """
    parts = [Shard(number, shards) for number in range(1, shards + 1)]
    return run_shards(parts, RayEngine(work, cpus=cpus, gpus=gpus), on_done)


def _ray() -> Any:
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise SetupError(
            "Ray is not installed; run 'pip install robust-widgets[cluster]' here and on the machines of the cluster."
        ) from None
    return ray
