"""The studio: paint, choose a class, run, watch, scrub."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ipywidgets

from robust_widgets.errors import KnobError, PictureError
from robust_widgets.files import tile
from robust_widgets.session import RunRequest, Session
from robust_widgets.trace import Pixels, Trace
from robust_widgets.widgets.autosave import Autosave
from robust_widgets.widgets.class_picker import ClassPicker
from robust_widgets.widgets.controls import LABEL_WIDTH, MIDDLE, TaskControls
from robust_widgets.widgets.notice import Notice
from robust_widgets.widgets.painting.paint_box import PaintBox
from robust_widgets.widgets.painting.raster import Raster
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.runner import Runner

TASK_LABELS = {"sketch_to_image": "From sketch", "generate": "From seed"}
FIRST_CLASS = "goldfish"


class StudioWidget(ipywidgets.VBox):
    """A painting studio over a session.

    Args:
        session: where runs are computed; closed with the widget.
        tasks: which tasks it offers, by name; a canvas is shown if one of them starts from a sketch.
        picture: laid under the sketch at first, uint8 (h, w, 3).
        autosave: where the painting is kept over kernel restarts; by default it is not kept.

    Attributes:
        trace: the newest run. traces: all runs, oldest first; nothing already made is lost by a new run.
    """

    def __init__(
        self,
        session: Session,
        tasks: Sequence[str] = ("sketch_to_image", "generate"),
        *,
        picture: Pixels | None = None,
        autosave: Autosave | None = None,
    ) -> None:
        self.notice = Notice()
        self.session = session
        self.runner = Runner(session, self.notice, self._request)
        self.picker = ClassPicker(session.model.classes, FIRST_CLASS)
        self.controls = {task: TaskControls(task) for task in tasks}
        self.task_buttons = ipywidgets.ToggleButtons(
            options=[(TASK_LABELS[task], task) for task in tasks], value=tasks[0], style={"button_width": "112px"}
        )
        self.task_buttons.observe(lambda _: self._show_task(), "value")
        self._stack = ipywidgets.VBox()
        self.surface: Surface | None = None
        self.paint_box: PaintBox | None = None
        self._autosave = autosave
        columns: list[Any] = []
        if "sketch_to_image" in tasks:
            self.surface = Surface(self.notice)
            self.paint_box = PaintBox(self.surface, self.notice)
            self.surface.on_action(self._on_action)
            columns.append(self.paint_box.widget)
        columns += [self._middle(len(tasks) > 1), self.runner.view]
        for column in columns:
            column.layout.margin = "0 12px 8px 0"
        super().__init__([ipywidgets.HBox(columns, layout={"flex_flow": "row wrap", "align_items": "flex-start"})])
        self._show_task()
        self._bring_back(picture)
        if self.surface is not None and autosave is not None:
            self.surface.on_change(self._keep)

    @property
    def task(self) -> str:
        """The task that Run starts."""
        return str(self.task_buttons.value)

    @property
    def trace(self) -> Trace | None:
        return self.runner.trace

    @property
    def traces(self) -> list[Trace]:
        return self.runner.traces

    def run(self) -> None:
        """As if Run was pressed; the result grows in ``trace``."""
        self.runner.run()

    def stop(self) -> None:
        """As if Stop was pressed."""
        self.runner.stop()

    def adopt(self, other: StudioWidget, picture: Pixels | None = None) -> None:
        """Take over another studio's painting, runs and settings, and close it; a new picture goes under the paint."""
        if self.surface is not None and other.surface is not None and self.paint_box is not None:
            self.surface.restore(other.surface.raster)
            for setting in ("tool", "color", "brush_size", "softness"):
                setattr(self.surface.pad, setting, getattr(other.surface.pad, setting))
            self.paint_box.refresh()
            if picture is not None:
                self.notice.guard(self.surface.set_picture)(picture)
        self.runner.traces[:0] = other.traces
        for task, controls in self.controls.items():
            if task in other.controls:
                controls.set(other.controls[task].values())
        if other.task in self.controls:
            self.task_buttons.value = other.task
        if other.picker.list.value in self.picker.classes:
            self.picker.value = other.picker.list.value
        if other.session is self.session:
            other.stop()
            ipywidgets.VBox.close(other)
        else:
            other.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed; then nothing on the page answers any more."""
        return self.comm is None

    def close(self) -> None:
        """End the session and take the widget off the page."""
        self.session.close()
        super().close()

    def _middle(self, several: bool) -> ipywidgets.VBox:
        self.save_name = ipywidgets.Text(
            placeholder="fish.gif",
            description="save as",
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{MIDDLE - 66}px"},
        )
        self.save_button = ipywidgets.Button(
            description="Save", tooltip="Save the newest run: .png, .gif or .npz", layout={"width": "56px"}
        )
        self.save_button.on_click(self.notice.guard(lambda _: self._save()))
        self.use_button = ipywidgets.Button(
            description="Paint on this",
            icon="arrow-left",
            tooltip="Lay the picture shown on the right under a fresh sketch",
            layout={"width": "auto"},
        )
        self.use_button.on_click(self.notice.guard(lambda _: self._use_result()))
        buttons = [self.runner.run_button, self.runner.stop_button]
        for button in buttons:
            button.layout.width = "114px"
        if self.surface is not None:
            buttons.append(self.use_button)
        children: list[ipywidgets.Widget] = [
            self.picker.widget,
            self._stack,
            ipywidgets.HBox(buttons, layout={"flex_flow": "row wrap"}),
            self.notice.widget,
            ipywidgets.HBox([self.save_name, self.save_button]),
            ipywidgets.HTML(_model_line(self.session)),
        ]
        if several:
            children.insert(0, self.task_buttons)
        return ipywidgets.VBox(children, layout={"width": f"{MIDDLE}px", "flex": "0 0 auto"})

    def _show_task(self) -> None:
        self._stack.children = [self.controls[self.task].widget]

    def _request(self) -> RunRequest:
        picture: Pixels | None = None
        if self.task == "sketch_to_image" and self.surface is not None:
            if self.surface.raster.is_blank:
                raise PictureError("The canvas is empty; paint something, or drop a picture on it, then press Run.")
            picture = self.surface.picture()
        return RunRequest(self.task, self.picker.value, self.controls[self.task].values(), picture)

    def _on_action(self, name: str) -> None:
        if name == "run":
            self.runner.run()
        elif name == "stop":
            self.runner.stop()

    def _finished_trace(self, verb: str) -> Trace:
        trace = self.trace
        if trace is None or not len(trace):
            raise KnobError(f"There is no run to {verb} yet; press Run first.")
        return trace

    def _save(self) -> None:
        trace = self._finished_trace("save")
        name = self.save_name.value.strip() or f"{trace.target or trace.task}.png"
        path = Path(name).expanduser()
        if not path.suffix:
            path = path.with_suffix(".png")
        trace.save(path)
        self.notice.say(f"Saved as {path.resolve()}.")

    def _use_result(self) -> None:
        trace = self._finished_trace("paint on")
        assert self.surface is not None
        step = self.runner.shown_step
        frame = trace[step if step is not None and step < len(trace) else -1]
        self.surface.clear()
        self.surface.set_picture(tile(frame.pixels))
        self.notice.say(f"Step {frame.step} is on the canvas now; undo twice brings your sketch back.")

    def _bring_back(self, picture: Pixels | None) -> None:
        if self.surface is None:
            return
        kept = self._autosave.load() if self._autosave is not None else None
        raster = Raster(self.surface.raster.side)
        if kept is not None:
            raster.image, raster.sketch = kept.image, kept.sketch
        if kept is not None and not raster.is_blank:
            self.surface.restore(raster)
            self.notice.say(f"Your painting of {kept.when} is back.")
        elif picture is not None:
            self.surface.set_picture(picture)
        if self.paint_box is not None:
            self.paint_box.refresh()

    def _keep(self) -> None:
        if self._autosave is not None and self.surface is not None:
            self._autosave.save(self.surface.raster)


def _model_line(session: Session) -> str:
    model = session.model
    about = f", {model.description}" if model.description else ""
    line = f"{model.name}: {len(model.classes)} classes at {model.input_size} px{about}, on {model.device}"
    style = "color:var(--jp-ui-font-color2,inherit);line-height:1.3;display:block"
    return f"<small style='{style}'>{html.escape(line)}</small>"
