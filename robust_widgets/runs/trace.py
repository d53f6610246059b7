"""A recorded run that can save and show itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robust_widgets.errors import TraceError
from robust_widgets.runs import files, notebook
from robust_widgets.runs.record import RunRecord

if TYPE_CHECKING:
    from PIL import Image


@dataclass(repr=False)
class Trace(RunRecord):
    """The record of one run: every step, with its pictures and numbers. See :class:`RunRecord` for the attributes."""

    @property
    def pictures(self) -> list[Image.Image]:
        """The final pictures."""
        from PIL import Image

        self.require_frames()
        return [Image.fromarray(pixels) for pixels in self[-1].pixels]

    def save(self, path: str | os.PathLike[str], *, overwrite: bool | None = None) -> None:
        """Write the run to a file, in the format of its extension. During a run: the steps made so far.

        ``.png`` holds the final pictures; ``.gif`` and ``.mp4`` all steps as an animation; ``.rwtrace`` the whole
        record, which JupyterLab plays without a kernel; ``.npz`` the whole record as plain arrays. :func:`load_trace`
        reads the last two.

        Args:
            path: the file; a link is followed.
            overwrite: by default a file that exists is replaced, except a picture that the run was made from. True
                replaces that, too; False replaces nothing.

        Raises:
            StateError: the run has no frames yet.
            SaveError: another extension, a file that is not to be replaced, or one that cannot be written. The run
                stays in memory.
        """
        self.require_frames()
        files.save_run(self, path, overwrite=overwrite)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """A player that needs no kernel, and a strip of steps for places that run no scripts."""
        return notebook.mime_bundle([self]) if len(self) else {"text/plain": repr(self)}


def require_run(trace: object) -> None:
    """Check that something is a run.

    Raises:
        TraceError: it is something else.
    """
    if not isinstance(trace, RunRecord):
        raise TraceError(f"A {type(trace).__name__} is not a run; give what a task or load_trace returned.")


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """Read a run that :meth:`Trace.save` wrote as ``.rwtrace`` or ``.npz``, including those of earlier versions.

    Raises:
        TraceError: the file is missing, damaged, or not a saved run.
    """
    from robust_widgets.runs.reading import read_run  # pydantic takes a moment to load

    return read_run(path, Trace)


def trace_from_output(about: dict[str, Any], run: dict[str, Any]) -> Trace:
    """Rebuild a run from a notebook's output: some of its steps, with the means of its numbers.

    Args:
        about: the run's entry in the output's own MIME type.
        run: the run's data in the HTML player.

    Raises:
        TraceError: something is missing or does not fit.
    """
    return notebook.rebuild_run(about, run, Trace)
