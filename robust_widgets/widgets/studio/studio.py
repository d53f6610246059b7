"""The studio: choose a task, paint, choose a class, run, watch, and use what was made as the next input."""

from __future__ import annotations

import html
import uuid
from collections.abc import Sequence
from typing import Any, cast

import ipywidgets

from robust_widgets.errors import StateError
from robust_widgets.interface.session import ModelLoaded, RunEnded, RunRequest, Session
from robust_widgets.pictures import Pixels
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.controls import MIDDLE, ControlsByTask
from robust_widgets.widgets.painting.paint_box import PaintBox
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.player.snapshot import Keepsake
from robust_widgets.widgets.runner import Runner
from robust_widgets.widgets.status_line import Notice
from robust_widgets.widgets.studio.autosave import Autosave
from robust_widgets.widgets.studio.badge import Badge
from robust_widgets.widgets.studio.live import Live
from robust_widgets.widgets.studio.results import ResultTools
from robust_widgets.widgets.studio.target import TargetPicker
from robust_widgets.widgets.studio.tasks import SURELY_NOT, TASK_UI, make_request


class StudioWidget(ipywidgets.VBox):
    """A painting studio over a session.

    Args:
        session: where runs are computed; closed with the widget.
        tasks: which tasks it offers, by name; a canvas is shown if one of them starts from a picture.
        picture: laid under the sketch at first, uint8 (h, w, 3).
        autosave: where the painting is kept over kernel restarts; by default it is not kept.

    Attributes:
        trace: the newest run. traces: all runs, oldest first; nothing already made is lost by a new run.
    """

    def __init__(
        self,
        session: Session,
        tasks: Sequence[str] = tuple(TASK_UI),
        *,
        picture: Pixels | None = None,
        autosave: Autosave | None = None,
    ) -> None:
        self.notice = Notice()
        self.session = session
        self.runner = Runner(session, self.notice, self._request)
        self.target = TargetPicker(session.model)
        self.picker = self.target.classes
        self.controls = ControlsByTask(tasks, session.model.input_size)
        self.keepsake = Keepsake()
        self.badge = Badge(session)
        self.surface: Surface | None = None
        self.paint_box: PaintBox | None = None
        self.live: Live | None = None
        self._autosave = autosave
        self._start: Pixels | None = None
        self._unsaved = False
        self._display_id = uuid.uuid4().hex
        columns: list[Any] = []
        if any(TASK_UI[task].picture for task in tasks):
            self.surface = Surface(self.notice)
            self.surface.pad.kept = autosave is not None
            self.paint_box = PaintBox(self.surface, self.notice)
            self.live = Live(self.surface, self.runner, self.notice, self.run_from)
            self.surface.on_action(self._on_action)
        self.results = ResultTools(
            self.runner, self.notice, session.model, self._use if self.surface is not None else None
        )
        if self.paint_box is not None:
            columns.append(ipywidgets.VBox([self.paint_box.widget, self.results.strip_widget]))
        self.task_buttons = ipywidgets.ToggleButtons(
            options=[(TASK_UI[task].label, task) for task in tasks],
            value=tasks[0],
            tooltips=[TASK_UI[task].hint for task in tasks],
            style={"button_width": "110px"},
            layout={"margin": "0 0 10px 0"},
        )
        self.task_buttons.observe(lambda _: self._show_task(), "value")
        self.hint = ipywidgets.HTML()
        self._stack = ipywidgets.VBox()
        columns += [self._middle(), self.runner.view]
        for column in columns:
            column.layout.margin = "0 12px 8px 0"
        rows: list[Any] = [ipywidgets.HBox(columns, layout={"flex_flow": "row wrap", "align_items": "flex-start"})]
        if len(tasks) > 1:
            rows.insert(0, self.task_buttons)
        super().__init__(rows)
        self.add_class("rw-studio")
        self._show_task()
        self._bring_back(picture)
        if self.surface is not None:
            self.surface.on_change(self._on_change)
        self.results.on_save(self._on_save)
        self.runner.on_branch(lambda trace, step: self.run_from(trace[min(step, len(trace) - 1)].pixels))
        self.runner.on_end(self._on_end)
        session.on_loaded(self.notice.guard(self._on_loaded))

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

    @property
    def unsaved(self) -> bool:
        """Whether something was painted or run since the last save to a file."""
        return self._unsaved

    def run(self) -> None:
        """Run at once, as the widgets are set in the kernel; the result grows in ``trace``."""
        self.runner.run()

    def run_from(self, start: Pixels | None) -> None:
        """Run the task with its class and parameters, but from these pictures, uint8 (n, h, w, 3)."""
        self._start = start
        try:
            self.runner.run()
        finally:
            self._start = None

    def stop(self) -> None:
        """As if Stop was pressed."""
        self.runner.stop()

    def adopt(self, other: StudioWidget, picture: Pixels | None = None) -> None:
        """Take over another studio's painting, runs and settings, and close it; a new picture goes under the paint."""
        if self.surface is not None and other.surface is not None and self.paint_box is not None:
            self.surface.restore(other.surface.raster)
            for setting in ("tool", "layer", "color", "brush_size", "softness", "opacity"):
                setattr(self.surface.pad, setting, getattr(other.surface.pad, setting))
            self.paint_box.refresh()
            if picture is not None:
                self.notice.guard(self.surface.set_picture)(picture)
        self._unsaved = self._unsaved or other.unsaved
        self.runner.adopt(other.runner)
        for task, controls in other.controls.made.items():
            if task in self.controls:
                self.controls[task].set(controls.values())
        if other.task in self.controls:
            self.task_buttons.value = other.task
        if other.picker.list.value in self.picker.classes:
            self.picker.value = other.picker.list.value
        if other.session is self.session:
            other.stop()
            ipywidgets.VBox.close(other)
        else:
            other.close()

    def take(self, trace: Trace) -> None:
        """Show a recorded run as if it was made here, with its task, class, parameters, and picture if the canvas is blank.

        Raises:
            ParameterError: the run has no frames.
        """
        if not len(trace):
            raise StateError("This run has no frames yet; let it make at least one.")
        unsaved = self._unsaved
        if trace.task in self.controls:
            self.task_buttons.value = trace.task
            self.controls[trace.task].set(trace.parameters)
            if trace.target in self.picker.classes:
                self.picker.value = trace.target
        if self.surface is not None and self.surface.raster.is_blank and "picture" in trace.inputs:
            self.surface.set_picture(trace.inputs["picture"])
            self.surface.set_mask(trace.inputs.get("mask"))
        self.runner.take(trace)
        self.keepsake.update(self.traces)
        self._unsaved = unsaved

    @property
    def closed(self) -> bool:
        """Whether it was closed; then nothing on the page answers any more."""
        return self.comm is None

    def close(self) -> None:
        """End the session and take the widget off the page."""
        self.runner.stop()
        self.session.close()
        super().close()

    def detach(self) -> None:
        """Move the studio from its cell to a tab of JupyterLab, with its painting, its runs and a run going on.

        It is the same studio of the same kernel. Closing the tab brings it back to its cell, and so does *Bring it
        back* there; called again, this shows the tab. Where JupyterLab's extension is missing, the studio stays in its
        cell, and a sentence says so.

        Raises:
            ParameterError: the studio was closed.
        """
        from robust_widgets.widgets.studio.detached import move_to_tab

        if self.closed or self.model_id is None:
            raise StateError("This studio was closed; run its cell again, and detach the studio that it then shows.")
        move_to_tab(self._bundle(), self.model_id, self._display_id, self.session.model)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self.badge.refresh()  # it may have been measured since, on photographs
        display(self._bundle(), raw=True, display_id=self._display_id)
        self.keepsake.show()

    def _bundle(self) -> dict[str, Any]:
        view = cast("dict[str, Any]", self._repr_mimebundle_())
        return {**view, "text/plain": "A robust-widgets studio. Run this cell to paint."}

    def _middle(self) -> ipywidgets.VBox:
        buttons: list[Any] = [self.runner.run_button, self.runner.stop_button]
        for button in buttons:
            button.layout.width = "82px"
        if self.live is not None:
            buttons.append(self.live.button)
        children: list[ipywidgets.Widget] = [
            self.hint,
            self.target.widget,
            self._stack,
            ipywidgets.HBox(buttons, layout={"flex_flow": "row wrap"}),
            self.notice.widget,
            self.results.widget,
            self.badge.widget,
        ]
        return ipywidgets.VBox(children, layout={"width": f"{MIDDLE}px", "flex": "0 0 auto"})

    def _show_task(self) -> None:
        face = TASK_UI[self.task]
        self.hint.value = f"<div style='line-height:1.35;margin-bottom:4px'>{html.escape(face.hint)}</div>"
        self.target.show_for(self.task)
        self._stack.children = [self.controls[self.task].widget]
        if self.paint_box is not None and self.surface is not None:
            self.paint_box.show_mask_tools(face.mask)
            if face.mask and not self.surface.has_mask:
                self.surface.layer = "mask"

    def _request(self) -> RunRequest:
        parameters = self.controls[self.task].values()
        request = make_request(self.task, self.target.value(self.task), parameters, self.surface, self._start)
        if self.live is not None:
            self.live.began()
        return request

    def _on_action(self, name: str) -> None:
        if name == "run":
            self.runner.press()
        elif name == "stop":
            self.runner.stop()

    def _on_end(self, trace: Trace, ended: RunEnded) -> None:
        self.keepsake.update(self.traces)
        self._unsaved = self._unsaved or len(trace) > 0
        if ended.state == "failed" or not len(trace) or not TASK_UI[trace.task].shows_class:
            return
        seen = trace.mean("probability", 0)
        if seen < SURELY_NOT:
            self.notice.say(
                f"The model saw almost no {trace.target} in this picture ({seen:.1%}); the result will be better with "
                "a class that the picture shows.",
                "warning",
            )

    def _on_loaded(self, loaded: ModelLoaded) -> None:
        self.badge.name_model()
        self.runner.view.device = self.session.model.device
        if loaded.message:
            self.notice.say(loaded.message, "error", loaded.details)

    def _use(self, picture: Pixels, frame: Frame) -> None:
        assert self.surface is not None
        self.surface.flatten(picture)
        self.notice.say(f"Step {frame.step} is on the canvas now; undo brings your sketch back.")

    def _bring_back(self, picture: Pixels | None) -> None:
        if self.surface is None:
            return
        kept = self._autosave.load() if self._autosave is not None else None
        raster = kept.raster() if kept is not None else None
        if kept is not None and raster is not None and (raster.has_mask or not raster.is_blank):
            self.surface.restore(raster)
            self._unsaved = True
            self.notice.say(f"Your painting of {kept.when} is back.")
        elif picture is not None:
            self.surface.set_picture(picture)
        if self.paint_box is not None:
            self.paint_box.refresh()

    def _on_save(self) -> None:
        self._unsaved = False

    def _on_change(self) -> None:
        self._unsaved = True
        if self._autosave is not None and self.surface is not None:
            self._autosave.save(self.surface.raster)
