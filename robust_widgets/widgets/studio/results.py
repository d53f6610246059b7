"""What can be done with a run that was made: save it, take its code, paint on with it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import ipywidgets
import numpy as np
from PIL import Image

from robust_widgets.errors import StateError
from robust_widgets.interface.codegen import code
from robust_widgets.interface.report import comparison_strip, low_resolution_error
from robust_widgets.interface.session import ModelInfo
from robust_widgets.pictures import Pixels
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.controls import LABEL_WIDTH, MIDDLE, SIDE
from robust_widgets.widgets.runner import Runner
from robust_widgets.widgets.status_line import Notice


class ResultTools:
    """Buttons for the run that is shown.

    Args:
        runner: knows the runs.
        notice: where is said what happened.
        model: the session's, for the code of a run of it that does not know how it was loaded.
        use: is handed a picture, uint8 (h, w, 3), to go on painting on; None hides the button.
    """

    def __init__(
        self, runner: Runner, notice: Notice, model: ModelInfo, use: Callable[[Pixels, Frame], object] | None
    ) -> None:
        self._runner = runner
        self._notice = notice
        self._model = model
        self._use = use
        self._on_save: list[Callable[[], object]] = []
        self.save_name = ipywidgets.Text(
            placeholder="fish.gif",
            description="save as",
            tooltip="A file name: .png the picture, .gif or .mp4 all steps, .rwtrace the whole record",
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{MIDDLE - 66}px"},
        )
        self.save_button = self._button("Save", "Save the run shown: .png, .gif, .mp4 or .rwtrace", self.save)
        self.use_button = self._button(
            "Use as input", "Lay the picture shown on the right under a fresh sketch", self.use
        )
        self.use_button.icon = "arrow-left"
        self.code_button = self._button("Copy code", "The Python that makes this exact run again", self.show_code)
        self.which = ipywidgets.BoundedIntText(
            value=1,
            min=1,
            max=1,
            description="picture",
            tooltip="Which of the pictures is used as input",
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
        self.strip_words = ipywidgets.HTML(layout={"display": "none"})
        buttons: list[ipywidgets.Widget] = [self.code_button]
        if use is not None:
            buttons = [self.use_button, self.which, self.code_button]
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox(buttons, layout={"flex_flow": "row wrap"}),
                ipywidgets.HBox([self.save_name, self.save_button]),
                self.code,
            ]
        )
        self.strip_widget = ipywidgets.VBox([self.strip, self.strip_words], layout={"width": f"{SIDE}px"})
        runner.on_shown(lambda trace, _step: self._show_about(trace))
        runner.on_end(lambda trace, _ended: self._show_about(trace))

    def trace(self, verb: str) -> Trace:
        """The run shown, or else the newest.

        Raises:
            ParameterError: there is none yet.
        """
        trace = self._runner.shown_trace or self._runner.trace
        if trace is None or not len(trace):
            raise StateError(f"There is no run to {verb} yet; press Run first.")
        return trace

    def save(self) -> None:
        trace = self.trace("save")
        name = self.save_name.value.strip() or f"{trace.target or trace.task}.png"
        path = Path(name).expanduser()
        if not path.suffix:
            path = path.with_suffix(".png")
        trace.save(path)
        for callback in self._on_save:
            callback()
        self._notice.say(f"Saved as {path.resolve()}.")

    def on_save(self, callback: Callable[[], object]) -> None:
        """Call back after each run that was saved to a file."""
        self._on_save.append(callback)

    def show_code(self) -> None:
        """Show the code of the run, or hide it again."""
        if self.code.layout.display != "none" and self.code.value:
            self.code.layout.display = "none"
            return
        trace, model = self.trace("take the code of"), self._model
        self.code.value = code(trace, model.source, model.loading) if trace.model == model.name else code(trace)
        self.code.layout.display = ""
        self._runner.view.copy(self.code.value)
        self._notice.say("The code is on your clipboard, and below; run in a cell, it makes this exact run again.")

    def use(self) -> None:
        trace = self.trace("paint on")
        frame = self.frame(trace)
        assert self._use is not None
        self._use(as_input(trace, frame, self.which.value - 1), frame)

    def frame(self, trace: Trace) -> Frame:
        """The frame of a run that is shown, its last by default."""
        step = self._runner.shown_step
        return trace[step if step is not None and step < len(trace) else -1]

    def _show_about(self, trace: Trace | None) -> None:
        count = len(trace[-1].pixels) if trace is not None and len(trace) else 1
        self.which.max = count
        self.which.layout.display = "none" if count == 1 else ""
        enlarged = trace is not None and trace.task == "super_resolve" and len(trace) > 1
        for part in (self.strip, self.strip_words):
            part.layout.display = "" if enlarged else "none"
        if trace is None or not enlarged:
            return
        file = io.BytesIO()
        comparison_strip(trace, 96).save(file, "PNG")
        self.strip.value = file.getvalue()
        self.strip_words.value = (
            "<div style='line-height:1.35;white-space:normal'><small>Low resolution, bicubic, result. Made small "
            f"again, the result differs from the low resolution by {low_resolution_error(trace):.3f} "
            "(root mean square, 0 to 1).</small></div>"
        )

    def _button(self, text: str, tooltip: str, act: Callable[[], object]) -> ipywidgets.Button:
        button = ipywidgets.Button(description=text, tooltip=tooltip, layout={"width": "auto"})
        button.on_click(self._notice.guard(lambda _: self._runner.after_settling(act, text)))
        return button


def as_input(trace: Trace, frame: Frame, index: int) -> Pixels:
    """One picture of a frame as the next task's input.

    Where a hard mask kept the outside, that is taken from the picture the run was handed, at its full size.
    """
    result = frame.pixels[min(index, len(frame.pixels) - 1)]
    picture, mask = trace.inputs.get("picture"), trace.inputs.get("mask")
    if picture is None or mask is None or trace.parameters.get("penalty") is not None or "start" in trace.inputs:
        return result
    size = (picture.shape[1], picture.shape[0])
    enlarged = np.asarray(Image.fromarray(result).resize(size, Image.Resampling.BICUBIC))
    return np.where(mask[..., None] > 127, enlarged, picture)
