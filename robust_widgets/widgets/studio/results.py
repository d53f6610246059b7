"""Tools for a finished run: save it, copy its code, use it as input."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import ipywidgets
import numpy as np
from PIL import Image

from robust_widgets._files import clean_name, read_cache, write_cache, write_free
from robust_widgets.errors import StateError, TraceError
from robust_widgets.interface.codegen import to_code
from robust_widgets.interface.session import ModelInfo
from robust_widgets.interface.tasks import task_specs
from robust_widgets.pictures import Pixels
from robust_widgets.pictures.files import as_path
from robust_widgets.runs.files import run_writer
from robust_widgets.runs.record import Frame
from robust_widgets.runs.together import MOST_RUNS, runs_writer
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.controls import LABEL_WIDTH, MIDDLE, SIDE
from robust_widgets.widgets.player.compare import distinct_labels
from robust_widgets.widgets.runner import Runner
from robust_widgets.widgets.status_line import StatusLine

FOLDER = "save-folders"


class ResultTools:
    """Buttons for the run that is shown.

    Args:
        runner: knows the runs.
        status: shows messages.
        model: the session's model, for the code of its runs.
        use: takes a picture, uint8 (h, w, 3), as the next input; None hides the button.
        drawing: the strokes on the canvas as an SVG file, and a sentence about what it lacks; None hides the button.
    """

    def __init__(
        self,
        runner: Runner,
        status: StatusLine,
        model: ModelInfo,
        use: Callable[[Pixels, Frame], object] | None,
        drawing: Callable[[], tuple[str, str]] | None = None,
    ) -> None:
        self._runner = runner
        self._status = status
        self._model = model
        self._use = use
        self._drawing = drawing
        self._on_save: list[Callable[[], object]] = []
        self.save_name = ipywidgets.Text(
            placeholder="fish.gif",
            description="save as",
            tooltip="File name: .png saves the picture, .gif or .mp4 all steps, .rwtrace the complete run. "
            "No file is replaced: a second fish.gif is saved as fish-2.gif. The folder is remembered.",
            style={"description_width": LABEL_WIDTH},
            value=_remembered_folder(),
            layout={"width": f"{MIDDLE - 66}px"},
        )
        self.save_button = self._button("Save", "Save the run shown as .png, .gif, .mp4 or .rwtrace", self.save)
        self.save_all_button = self._button(
            "Save all runs", "Save all runs: as .png a sheet, as .gif or .mp4 all steps side by side", self.save_all
        )
        self.drawing_button = self._button(
            "Save drawing", "Save the strokes on the sketch as .svg, to be enlarged or printed", self.save_drawing
        )
        self.use_button = self._button(
            "Use as input", "Put the picture on the right on the canvas, under an empty sketch", self.use
        )
        self.use_button.icon = "arrow-left"
        self.code_button = self._button("Copy code", "Copy the Python code that reproduces this run", self.show_code)
        self.which = ipywidgets.BoundedIntText(
            value=1,
            min=1,
            max=1,
            description="picture",
            tooltip="Which picture to use as input",
            style={"description_width": "48px"},
            layout={"width": "104px", "display": "none"},
        )
        self.code = ipywidgets.Textarea(
            description="code",
            disabled=False,
            rows=8,
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{MIDDLE - 4}px", "display": "none"},
        )
        self.strip = ipywidgets.Image(format="png", layout={"width": f"{SIDE}px", "display": "none"})
        self.strip_text = ipywidgets.HTML(layout={"display": "none"})
        buttons: list[ipywidgets.Widget] = [self.code_button]
        if use is not None:
            buttons = [self.use_button, self.which, self.code_button]
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox(buttons, layout={"flex_flow": "row wrap"}),
                ipywidgets.HBox([self.save_name, self.save_button]),
                ipywidgets.HBox([self.save_all_button, *([] if drawing is None else [self.drawing_button])]),
                self.code,
            ]
        )
        self.widget.add_class("rw-results")
        self.strip_widget = ipywidgets.VBox([self.strip, self.strip_text], layout={"width": f"{SIDE}px"})
        runner.on_shown(lambda trace, _step: self._show_details(trace))
        runner.on_end(lambda trace, _ended: self._show_details(trace))

    def trace(self, verb: str) -> Trace:
        """The run shown, or the newest one.

        Raises:
            ParameterError: there is none yet.
        """
        trace = self._runner.shown_trace or self._runner.trace
        if trace is None or not len(trace):
            raise StateError(f"There is no run to {verb} yet; press Run first.")
        return trace

    def save(self) -> None:
        trace = self.trace("save")
        path = self._path(f"{clean_name(trace.target or trace.task)}.png")
        self._write(path, run_writer(trace, path))
        for callback in self._on_save:
            callback()

    def save_all(self) -> None:
        """Save all runs in one file: a sheet, or an animation of all of them side by side."""
        self.trace("save")
        traces = [trace for trace in self._runner.traces if len(trace)]
        left_out = max(0, len(traces) - MOST_RUNS)
        traces = traces[left_out:]
        path = self._path("runs.png")
        self._write(path, runs_writer(traces, path, distinct_labels(traces)))
        if left_out:
            self._status.show(f"{self._status.text} It holds the newest {MOST_RUNS} runs.")

    def save_drawing(self) -> None:
        """Save the strokes on the canvas as an SVG file."""
        assert self._drawing is not None
        svg, lacks = self._drawing()
        path = self._path("drawing.svg").with_suffix(".svg")
        self._write(path, lambda file: file.write(svg.encode()))
        if lacks:
            self._status.show(f"{self._status.text} {lacks}")

    def _path(self, default: str) -> Path:
        """The file that the field names; in a folder, and without a name, the default one."""
        path = as_path(self.save_name.value.strip() or default)
        if path.is_dir():
            return path / default
        return path if path.suffix else path.with_name(f"{path.name}{Path(default).suffix}")

    def _write(self, path: Path, write: Callable[[IO[bytes]], object]) -> None:
        saved = write_free(path, write)
        folder = str(saved.resolve().parent)
        write_cache(FOLDER, Path.cwd(), {"folder": folder})
        why = "" if saved == path else f", because {path.name} exists"
        self._status.show(f"Saved to {saved.resolve()}{why}.")

    def on_save(self, callback: Callable[[], object]) -> None:
        """Call ``callback()`` after each run saved to a file."""
        self._on_save.append(callback)

    def show_code(self) -> None:
        """Show or hide the code of the run."""
        if self.code.layout.display != "none" and self.code.value:
            self.code.layout.display = "none"
            return
        trace, model = self.trace("copy the code of"), self._model
        self.code.value = to_code(trace, model.source, model.loading) if trace.model == model.name else to_code(trace)
        self.code.layout.display = ""
        self._runner.view.copy(self.code.value)
        self._status.show("Copied the code to the clipboard; run in a cell, it reproduces this run exactly.")

    def use(self) -> None:
        trace = self.trace("use as input")
        frame = self.frame(trace)
        assert self._use is not None
        self._use(as_input(trace, frame, self.which.value - 1), frame)

    def frame(self, trace: Trace) -> Frame:
        """The frame shown of a run, by default its last."""
        step = self._runner.shown_step
        return trace[step if step is not None and step < len(trace) else -1]

    def _show_details(self, trace: Trace | None) -> None:
        count = len(trace[-1].pixels) if trace is not None and len(trace) else 1
        self.which.max = count
        self.which.layout.display = "none" if count == 1 else ""
        spec = task_specs().get(trace.task) if trace is not None and len(trace) > 1 else None
        comparison = spec.comparison if spec is not None else None
        sheet, caption = None, ""
        if trace is not None and comparison is not None:
            with suppress(TraceError):  # of another program, or of parameters that this version does not know
                sheet, caption = comparison.sheet(trace, 96), comparison.caption(trace)
        for part in (self.strip, self.strip_text):
            part.layout.display = "none" if sheet is None else ""
        if sheet is not None:
            file = io.BytesIO()
            sheet.save(file, "PNG")
            self.strip.value = file.getvalue()
            self.strip_text.value = f"<div style='line-height:1.35;white-space:normal'><small>{caption}</small></div>"

    def _button(self, text: str, tooltip: str, action: Callable[[], object]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=text, tooltip=tooltip, layout={"width": "auto"})
        button.on_click(self._status.guard(lambda _: self._runner.after_flush(action, text)))
        return button


def _remembered_folder() -> str:
    """The folder that was saved to last from here, as the beginning of a name; empty for the current one."""
    folder = (read_cache(FOLDER, Path.cwd()) or {}).get("folder")
    if not isinstance(folder, str) or not Path(folder).is_dir() or Path(folder) == Path.cwd():
        return ""
    return f"{folder}{os.sep}"


def as_input(trace: Trace, frame: Frame, index: int) -> Pixels:
    """One picture of a frame, as the next task's input.

    If a hard mask protected the outside, that part is copied from the run's input at full resolution.
    """
    result = frame.pixels[min(index, len(frame.pixels) - 1)]
    picture, mask = trace.inputs.get("picture"), trace.inputs.get("mask")
    if picture is None or mask is None or trace.parameters.get("penalty") is not None or "start" in trace.inputs:
        return result
    size = (picture.shape[1], picture.shape[0])
    enlarged = np.asarray(Image.fromarray(result).resize(size, Image.Resampling.BICUBIC))
    return np.where(mask[..., None] > 127, enlarged, picture)
