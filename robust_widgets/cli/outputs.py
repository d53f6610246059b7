"""Output files of a task's run: checked before the run, written after it, with a progress bar in between."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from robust_widgets.errors import SaveError, quoted

if TYPE_CHECKING:
    from robust_widgets.runs.record import Frame
    from robust_widgets.runs.trace import Trace


Writer: TypeAlias = tuple[Path, Callable[[Path], object]]


def default_name(target: str) -> Path:
    """The file that a picture is written to by default."""
    return Path(re.sub(r"[^\w.-]+", "-", target) + ".png")


def checked_outputs(outputs: Sequence[Path], endings: Iterable[str] | None = None) -> list[Path]:
    """The files to write; refused before the run if they could not be written after it.

    Args:
        outputs: the files.
        endings: the file name extensions allowed; by default those that a run can be saved as.

    Raises:
        SaveError: an unknown extension, or a folder that is missing or not writable.
    """
    if endings is None:
        from robust_widgets.runs.files import endings as endings_of_runs

        endings = endings_of_runs()
    endings = tuple(endings)
    for path in outputs:
        if not path.suffix or not path.name.lower().endswith(endings):
            raise SaveError(f"{str(path)!r} does not end in {quoted(endings)}; the extension selects the format.")
        if not path.parent.is_dir():
            raise SaveError(f"There is no folder {str(path.parent)!r} to write {path.name!r} into; create it first.")
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise SaveError(f"{str(path)!r} cannot be written; choose another path.")
    return list(outputs)


class StepBar:
    """A progress bar that appears with the first frame, so that an error message appears without one.

    Args:
        total: steps of the whole run.
        title: what is being made.
    """

    def __init__(self, total: int, title: str) -> None:
        self._total, self._title = total, title
        self._bar: Any = None

    def __enter__(self) -> StepBar:
        return self

    def show(self, frame: Frame) -> None:
        """Advance to a frame, and show the probability of the target, or the loss if there is none."""
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=self._total, desc=self._title, unit="step")
        probability = float(frame.probability.mean())
        numbers = {"loss": frame.loss.mean()} if math.isnan(probability) else {"probability": probability}
        self._bar.set_postfix({name: f"{value:.2f}" for name, value in numbers.items()}, refresh=False)
        self._bar.update(frame.step - self._bar.n)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def write_each(writers: Iterable[Writer]) -> None:
    """Write every file; if one cannot be written, the others still are.

    Raises:
        SaveError: the files that could not be written.
    """
    failures: list[str] = []
    for path, write in writers:
        try:
            write(path)
        except SaveError as error:
            failures.append(str(error))
        else:
            typer.echo(f"wrote {path}")
    if failures:
        raise SaveError("\n".join(failures))


def run_writers(trace: Trace, outputs: Sequence[Path]) -> list[Writer]:
    """A writer of the run for each file."""
    return [(path, trace.save) for path in outputs]
