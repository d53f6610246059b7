"""The checkpoint of a training run: everything needed to resume it, replaced atomically."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from robust_widgets._files import atomic_write
from robust_widgets._files.locks import held
from robust_widgets.errors import SaveError, TrainingError
from robust_widgets.models.loading.file_format import detect_format
from robust_widgets.training.settings import SAVED_NAMES, TrainingSettings, WeightAverage

MAY_CHANGE = ("learning_rate",)
PUBLIC_NAMES = {saved: name for name, saved in SAVED_NAMES.items()}


class State(BaseModel):
    """What a checkpoint holds."""

    model_config = ConfigDict(strict=True, arbitrary_types_allowed=True)

    step: Annotated[int, Field(ge=0)]
    settings: dict[str, bool | int | float | str | None]
    data: dict[str, Any]
    network: dict[str, Tensor]
    optimizer: dict[str, Any]
    average: dict[str, Tensor]
    average_updates: Annotated[int, Field(ge=0)]
    loss: float | None = None  # older checkpoints have none


class Checkpoint:
    """A run's checkpoint, in the model's file name with the suffix ``.checkpoint.pt``.

    Args:
        out: the model's file.
        settings: of the run; a checkpoint of other settings is refused.
        data: identifies the data set: classes, number and size of the pictures, normalisation.

    Attributes:
        loss: the running loss at the last step; None if it is not known.
    """

    def __init__(
        self,
        out: Path,
        settings: TrainingSettings,
        data: dict[str, Any],
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: WeightAverage,
    ) -> None:
        self.path = checkpoint_path(out)
        self._settings = settings
        self._data = data
        self._network = network
        self._optimizer = optimizer
        self._average = average
        self.loss: float | None = None

    def save(self, step: int, path: Path | None = None) -> None:
        """Replace the checkpoint.

        Raises:
            SaveError: it cannot be written; the previous one is untouched.
        """
        state = {
            "step": step,
            "loss": self.loss,
            "settings": self._settings.to_dict(),
            "data": self._data,
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self._average.state(),
            "average_updates": self._average.updates,
        }
        atomic_write(path or self.path, lambda file: torch.save(state, file))

    def load(self) -> int:
        """Restore the state; returns the number of steps done.

        Raises:
            TrainingError: the checkpoint is missing, damaged, or of other settings or data.
        """
        if not self.path.exists():
            raise TrainingError(f"There is no checkpoint {str(self.path)!r} to resume from; start without --resume.")
        try:
            detect_format(self.path)
            state = State.model_validate(torch.load(self.path, map_location="cpu", weights_only=True))
        except Exception as error:  # Damaged bytes make torch raise almost anything.
            raise self._damaged() from error
        changed = [
            PUBLIC_NAMES.get(name, name)
            for name, value in self._settings.to_dict().items()
            if name not in MAY_CHANGE and state.settings.get(name) != value
        ]
        if changed:
            raise TrainingError(
                f"The checkpoint {str(self.path)!r} was made with other settings ({', '.join(changed)}); "
                "give the same ones, or delete it and start again."
            )
        if state.data != self._data:
            raise TrainingError(
                f"The checkpoint {str(self.path)!r} was made with other data or another --init; "
                "give the same, or delete it and start again."
            )
        try:
            self._network.load_state_dict(state.network)
            self._optimizer.load_state_dict(state.optimizer)
            for name, value in state.average.items():
                self._average.average[name].copy_(value)
        except Exception as error:  # as above
            raise self._damaged() from error
        self._average.updates = state.average_updates
        self.loss = state.loss
        return state.step

    def _damaged(self) -> TrainingError:
        return TrainingError(
            f"The checkpoint {str(self.path)!r} is damaged or not a checkpoint; delete it and start again."
        )


def checkpoint_path(out: Path) -> Path:
    """The checkpoint of a model's file."""
    return out.with_suffix(".checkpoint.pt")


def write_somewhere(path: Path, write: Callable[[Path], object]) -> Path:
    """Write to ``path``, or to a temporary folder if that fails; returns the path written.

    Raises:
        SaveError: neither works; the message is about ``path``.
    """
    try:
        write(path)
        return path
    except SaveError:
        fallback = Path(tempfile.mkdtemp(prefix="robust-widgets-")) / path.name
        try:
            write(fallback)
        except (SaveError, OSError):
            fallback.parent.rmdir()
        else:
            return fallback
        raise


@contextmanager
def alone(out: Path, log: Path) -> Generator[None]:
    """Train into a file alone; its log is held against other processes.

    Raises:
        TrainingError: another process is training into it.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(held(log))
        except BlockingIOError:
            raise TrainingError(
                f"Another process is training into {str(out)!r}; wait until it is done, or give another file."
            ) from None
        except OSError:
            pass  # a log that cannot be written is told with its first line
        yield


def first_not_finite(values: dict[str, Tensor]) -> str | None:
    """The name of the first tensor with an infinite or NaN value, if any."""
    return next((name for name, value in values.items() if not bool(torch.isfinite(value).all())), None)
