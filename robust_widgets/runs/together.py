"""Several runs in one file: their last pictures as a sheet, or all their steps side by side as an animation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from PIL import Image

from robust_widgets.errors import SaveError, StateError, quoted
from robust_widgets.pictures.grid import enlarged, gallery, layout, tile
from robust_widgets.runs.export import GIF_SIDE, save_gif, save_mp4
from robust_widgets.runs.record import RunRecord

ENDINGS = (".png", ".gif", ".mp4")
# An animation of this many runs of 60 steps takes some 60 MB of memory, and its pictures are still 128 pixels wide.
MOST_RUNS = 64
LARGEST_SIDE = 1024
SHEET_COLUMNS = 6
GAP = 4


def runs_writer(traces: Sequence[RunRecord], path: Path, labels: Sequence[str] = ()) -> Callable[[IO[bytes]], object]:
    """Writes several runs as they are now, in the format of a file's extension.

    Args:
        traces: runs of at least one frame each; those that are shorter stay at their last picture.
        path: ``.png`` is a sheet of their last pictures, ``.gif`` and ``.mp4`` show all steps side by side.
        labels: a few words under each picture of a sheet.

    Raises:
        SaveError: another extension.
        StateError: there are no runs, or more than 64.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise SaveError(f"{str(path)!r} ends in {path.suffix!r}; several runs are saved as {quoted(ENDINGS)}.")
    if not 1 <= len(traces) <= MOST_RUNS:
        raise StateError(f"There are {len(traces)} runs to save in one file; it takes 1 to {MOST_RUNS}.")
    now = [trace.so_far() for trace in traces]
    if ending == ".png":
        sheet = gallery([tile(trace[-1].pixels) for trace in now], labels, columns=SHEET_COLUMNS)
        return lambda file: sheet.save(file, "PNG")
    count, picture = max(len(trace) for trace in now), _SideBySide(now)
    if ending == ".gif":
        return lambda file: save_gif([picture(step) for step in range(count)], file)
    return lambda file: save_mp4(count, picture, file)


class _SideBySide:
    """The pictures of all runs at a step, in the squarest grid."""

    def __init__(self, traces: Sequence[RunRecord]) -> None:
        self._traces = traces
        self._rows, self._columns = layout(len(traces))
        self._side = min(GIF_SIDE, LARGEST_SIDE // max(self._rows, self._columns))

    def __call__(self, step: int) -> Image.Image:
        pictures = [self._fitted(trace, step) for trace in self._traces]
        width = max(picture.width for picture in pictures)
        size = (self._columns * (width + GAP) - GAP, self._rows * (self._side + GAP) - GAP)
        sheet = Image.new("RGB", size, "white")
        for index, picture in enumerate(pictures):
            row, column = divmod(index, self._columns)
            sheet.paste(picture, (column * (width + GAP), row * (self._side + GAP)))
        return sheet

    def _fitted(self, trace: RunRecord, step: int) -> Image.Image:
        picture = enlarged(tile(trace[min(step, len(trace) - 1)].pixels), self._side)
        width = max(1, round(picture.width * self._side / picture.height))
        return picture.resize((width, self._side), Image.Resampling.LANCZOS)
