"""The studio: choose a task, paint, choose a class, run, watch, and use the result as the next input."""

from __future__ import annotations

import html
import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import ipywidgets

from robust_widgets.errors import InputError, PictureError, StateError
from robust_widgets.interface import examples
from robust_widgets.interface.explanation import Explainer
from robust_widgets.interface.session import ModelLoaded, MovableSession, RunEnded, RunRequest, Session
from robust_widgets.interface.tasks import task_names, task_spec
from robust_widgets.pictures import Pixels
from robust_widgets.runs.record import Frame
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.controls import ControlsByTask, Headings
from robust_widgets.widgets.page_widget import WholeBox
from robust_widgets.widgets.painting.paint_box import PaintBox
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.player.snapshot import Snapshot
from robust_widgets.widgets.runner import Runner
from robust_widgets.widgets.status_line import StatusLine
from robust_widgets.widgets.studio.autosave import Autosave
from robust_widgets.widgets.studio.badge import ModelBadge
from robust_widgets.widgets.studio.cell import running_cell
from robust_widgets.widgets.studio.engine import BrowserEngine
from robust_widgets.widgets.studio.requests import SURELY_NOT, LiveMode, make_request
from robust_widgets.widgets.studio.results import ResultTools
from robust_widgets.widgets.studio.start import (
    ExampleEvent,
    PhotographEvent,
    StartEvent,
    StartPanel,
    SurpriseEvent,
    surprise,
)
from robust_widgets.widgets.studio.why import WhyPanel
from robust_widgets.widgets.target_picker import TargetPicker

BLANK_HINT = "Paint here, drop a picture, or begin with an example above"


class StudioWidget(WholeBox):
    """A painting studio over a session.

    Args:
        session: computes the runs; closed with the widget.
        tasks: names of the tasks it offers; all by default. It has a canvas if one of them starts from a picture.
        picture: the initial picture under the sketch, uint8 (h, w, 3).
        autosave: saves the painting, so it survives a kernel restart; by default it is not saved.
        engine: has the session's runs computed by the browser, if they are.

    Attributes:
        trace: the newest run.
        traces: all runs, oldest first; a new run never replaces one.
        shown_in: the cells that show it, and in which run each of them did so last.
        was_detached: whether it was ever moved to a tab.
    """

    def __init__(
        self,
        session: Session,
        tasks: Sequence[str] | None = None,
        *,
        picture: Pixels | None = None,
        autosave: Autosave | None = None,
        engine: BrowserEngine | None = None,
    ) -> None:
        specs = [task_spec(task) for task in tasks or task_names()]
        tasks = [spec.name for spec in specs]
        self.status = StatusLine()
        self.session = session
        self.runner = Runner(session, self.status, self._request)
        self.target = TargetPicker(session)
        self.picker = self.target.classes
        self.controls = ControlsByTask(tasks, session.model.input_size)
        self.snapshot = Snapshot("No studio here? Run this cell to paint.")
        self.badge = ModelBadge(session)
        self.engine = engine
        away, here = ("the server", "on this machine") if engine is None else ("this browser", "in the kernel")
        self._here = here
        self.here_button = ipywidgets.Button(
            description="Paint here" if engine is None else "Paint in the kernel",
            icon="laptop",
            tooltip=f"Run {here} instead of {away}, from now on",
            layout={"display": "none", "width": "auto"},
        )
        self.here_button.on_click(self.status.guard(lambda _: self.paint_here()))
        self.surface: Surface | None = None
        self.paint_box: PaintBox | None = None
        self.live: LiveMode | None = None
        self._autosave = autosave
        self._start: Pixels | None = None
        self._unsaved = False
        self._display_id = uuid.uuid4().hex
        self.shown_in: dict[str, str] = {}
        self.was_detached = False
        columns: list[Any] = []
        if any(spec.takes_picture for spec in specs):
            self.surface = Surface(self.status, hint=BLANK_HINT)
            self.surface.pad.autosaved = autosave is not None
            self.paint_box = PaintBox(self.surface, self.status)
            self.live = LiveMode(self.surface, self.runner, self.status, self.run_from)
            self.surface.on_action(self._on_action)
        self.results = ResultTools(
            self.runner,
            self.status,
            session.model,
            None if self.surface is None else self._use,
            None if self.surface is None else self.surface.drawing,
        )
        self.why: WhyPanel | None = None
        if isinstance(session, Explainer):
            picked = self.target.classes
            self.why = WhyPanel(session, self.status, self._current_picture, lambda: picked.value, self._show_path)
        if self.paint_box is not None:
            columns.append(ipywidgets.VBox([self.paint_box.widget, self.results.strip_widget]))
        self.task_buttons = ipywidgets.ToggleButtons(
            options=[(spec.label, spec.name) for spec in specs],
            value=tasks[0],
            tooltips=[spec.hint for spec in specs],
            style={"button_width": "auto"},
        )
        self.task_buttons.add_class("rw-tasks")
        self.task_buttons.observe(lambda _: self._show_task(), "value")
        self.hint = ipywidgets.HTML()
        self._stack = ipywidgets.VBox()
        columns += [self._middle(), self.runner.view]
        self.runner.view.add_class("rw-watch-column")
        self.start = StartPanel(session.model.classes, has_canvas=self.surface is not None)
        box = ipywidgets.HBox(columns)
        box.add_class("rw-columns")
        rows: list[Any] = [self.start, box, *([] if engine is None else [engine])]
        if len(tasks) > 1:
            rows.insert(1, self.task_buttons)
        super().__init__(rows)
        self.add_class("rw-studio")
        self._show_task()
        self._restore(picture)
        if self.surface is not None:
            self.surface.on_change(self._on_change)
        self.results.on_save(self._on_save)
        self.target.layers.on_pick(self._fit_channels)
        self.start.on_event(self.status.guard(self._on_start))
        self.runner.on_branch(lambda trace, step: self.run_from(trace[min(step, len(trace) - 1)].pixels))
        self.runner.on_end(self._on_end)
        self.runner.on_failed(self._offer_here)
        session.on_loaded(self.status.guard(self._on_loaded))
        self._offer_here()

    @property
    def task(self) -> str:
        """The selected task."""
        return str(self.task_buttons.value)

    @property
    def trace(self) -> Trace | None:
        return self.runner.trace

    @property
    def traces(self) -> list[Trace]:
        return self.runner.traces

    @property
    def unsaved(self) -> bool:
        """Whether anything was painted or run since the last save to a file."""
        return self._unsaved

    def run(self) -> None:
        """Start a run with the current settings; the result grows in ``trace``."""
        self.runner.run()

    def run_from(self, start: Pixels | None) -> None:
        """Start a run with the current settings, but from these pictures, uint8 (n, h, w, 3)."""
        self._start = start
        try:
            self.runner.run()
        finally:
            self._start = None

    def stop(self) -> None:
        """Stop the current run, as the Stop button does."""
        self.runner.stop()

    def paint_here(self) -> None:
        """Run on this machine from now on, where the studio's server does not answer, or its browser can't compute.

        Raises:
            StateError: this machine's model has other classes than the server's.
        """
        if isinstance(self.session, MovableSession):
            self.session.paint_here()
            self.status.show(f"This studio paints {self._here} now.")
            self.badge.name_model()
        self._offer_here()

    def _offer_here(self) -> None:
        """Show the button where the server does not answer, or the browser can't compute."""
        is_away = isinstance(self.session, MovableSession) and bool(self.session.problem)
        self.here_button.layout.display = "" if is_away else "none"

    def adopt(self, other: StudioWidget, picture: Pixels | None = None) -> None:
        """Take over another studio's painting, runs and settings, and close it; set the picture, if any."""
        if self.surface is not None and other.surface is not None and self.paint_box is not None:
            self.surface.restore(other.surface.raster)
            for setting in ("tool", "layer", "color", "brush_size", "softness", "opacity", "hidden", "locked"):
                setattr(self.surface.pad, setting, getattr(other.surface.pad, setting))
            self.paint_box.refresh()
            if picture is not None:
                self.status.guard(self.surface.set_picture)(picture)
        self._unsaved = self._unsaved or other.unsaved
        self.runner.adopt(other.runner)
        for task, controls in other.controls.created.items():
            if task in self.controls:
                self.controls[task].set(controls.values())
        if other.task in self.controls:
            self.task_buttons.value = other.task
        if other.picker.selected in self.picker.classes:
            self.picker.value = other.picker.selected
        if other.session is self.session:
            other.stop()
            WholeBox.close(other)
        else:
            other.close()

    def take(self, trace: Trace) -> None:
        """Show a recorded run as if it had been made here: with its task, class and parameters, and its picture if the
        canvas is blank.

        Raises:
            ParameterError: the run has no frames.
        """
        if not len(trace):
            raise StateError("This run has no frames yet; wait until it has made one.")
        unsaved = self._unsaved
        self.runner.take(trace)
        if trace.task in self.controls:
            self.task_buttons.value = trace.task
            with suppress(InputError):  # of another version, which had other parameters
                checked = task_spec(trace.task).check(trace.parameters)
                self.controls[trace.task].set({name: checked[name] for name in trace.parameters})
            if trace.target in self.picker.classes:
                self.picker.value = trace.target
            self.target.layers.value = trace.target
        if self.surface is not None and self.surface.raster.is_blank and "picture" in trace.inputs:
            self.surface.set_picture(trace.inputs["picture"])
            self.surface.set_mask(trace.inputs.get("mask"))
        self.snapshot.update(self.traces)
        self._unsaved = unsaved

    @property
    def closed(self) -> bool:
        """Whether the widget was closed; nothing on the page responds any more."""
        return self.comm is None

    def close(self) -> None:
        """Close the session, and remove the widget from the page and from memory, with all its parts."""
        self.runner.stop()
        self.session.close()
        super().close()

    def detach(self) -> None:
        """Move the studio from its cell to a tab of JupyterLab, with its painting, its runs and its current run.

        It stays the same studio of the same kernel. Closing the tab brings it back to its cell, as does *Bring it
        back* there; called again, this shows the tab. Without the JupyterLab extension, the studio stays in its cell
        and says so.

        Raises:
            ParameterError: the studio was closed.
        """
        from robust_widgets.widgets.studio.detached import move_to_tab

        if self.closed or self.model_id is None:
            raise StateError("This studio was closed; run its cell again, and detach the studio that it then shows.")
        self.was_detached = True
        move_to_tab(self._bundle(), self.model_id, self._display_id, self.session.model)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self.badge.refresh()  # it may have been measured on photographs since
        cell = running_cell()
        if cell is not None:
            self.shown_in[cell.key] = cell.execution
        display(self._bundle(), raw=True, display_id=self._display_id)
        self.snapshot.show()

    def _bundle(self) -> dict[str, Any]:
        view = cast("dict[str, Any]", self._repr_mimebundle_())
        return {**view, "text/plain": "A robust-widgets studio. Run this cell to paint."}

    def _middle(self) -> ipywidgets.VBox:
        buttons: list[Any] = [self.runner.run_button, self.runner.stop_button]
        self.runner.run_button.add_class("rw-run")
        if self.live is not None:
            buttons.append(self.live.button)
        row = ipywidgets.HBox(buttons)
        row.add_class("rw-buttons")
        headings = Headings()
        children: list[ipywidgets.Widget] = [
            self.hint,
            headings.panel("Class", self.target.widget),
            row,
            self.status.widget,
            self.here_button,
            headings.panel("Parameters", self._stack),
            headings.panel("Use and save", self.results.widget),
            *([] if self.why is None else [self.why.widget]),
            self.badge.widget,
        ]
        middle = ipywidgets.VBox(children)
        middle.add_class("rw-middle")
        return middle

    def _show_task(self) -> None:
        spec = task_spec(self.task)
        self.hint.value = f"<div style='line-height:1.35;margin-bottom:4px'>{html.escape(spec.hint)}</div>"
        self.target.show(spec.target)
        self._fit_channels()
        self._stack.children = [self.controls[self.task].widget]
        if self.paint_box is not None and self.surface is not None:
            self.paint_box.show_mask_tools(spec.takes_mask)
            if spec.takes_mask and not self.surface.has_mask:
                self.surface.layer = "mask"

    def _fit_channels(self) -> None:
        if task_spec(self.task).target == "layer":
            self.controls[self.task].fit_channels(self.target.layers.count)

    def _request(self) -> RunRequest:
        parameters = self.controls[self.task].values()
        request = make_request(self.task, self.target.value, parameters, self.surface, self._start)
        if self.live is not None:
            self.live.run_started()
        return request

    def _show_path(self, trace: Trace) -> None:
        """Show a run that answers a question, among the others; task and parameters stay as they are set."""
        self.runner.take(trace)
        self.snapshot.update(self.traces)
        self._unsaved = True

    def _current_picture(self) -> Pixels:
        """The picture of the run that is shown; without a run, the canvas."""
        trace = self.runner.shown_trace
        if trace is not None and len(trace):
            frame = self.results.frame(trace)
            return frame.pixels[min(self.results.which.value, len(frame.pixels)) - 1]
        if self.surface is None or self.surface.raster.shows_nothing:
            raise PictureError("There is no picture to explain; run a task, or paint or load one, first.")
        return self.surface.picture()

    def _on_action(self, name: str) -> None:
        if name == "run":
            self.runner.press()
        elif name == "stop":
            self.runner.stop()

    def _on_start(self, event: StartEvent) -> None:
        """Begin with an example, and run at once."""
        if isinstance(event, ExampleEvent):
            assert self.surface is not None
            self._choose_task("sketch_to_image")
            self.surface.begin_with(examples.sketch(event.name, self.surface.raster.side))
            self.picker.value = self.start.class_of(event.name)
        elif isinstance(event, PhotographEvent):
            assert self.surface is not None
            self._choose_task("translate")
            self.surface.clear()
            self.surface.set_picture(examples.photograph())
            self.picker.value = self.start.photograph_target() or self.picker.value
        elif isinstance(event, SurpriseEvent):
            self._surprise()
            return
        else:
            return
        self.runner.press()

    def _surprise(self) -> None:
        """Generate a class from a seed drawn at random; a model of others paints a sketch, for it has no seeds."""
        if "generate" in self.controls and self.session.model.loading is None:
            name, seed = surprise(self.picker.classes)
            self._choose_task("generate")
            self.controls["generate"].set({"seed": seed})
            self.picker.value = name
            self.runner.press()
        elif self.start.sketches:
            self._on_start(ExampleEvent(surprise(self.start.sketches)[0]))
        else:
            self.picker.value = surprise(self.picker.classes)[0]
            self.runner.press()

    def _choose_task(self, task: str) -> None:
        """Choose a task, or another one that begins with a picture and needs no mask."""
        if task not in self.controls:
            others = [name for name in self.controls if task_spec(name).takes_picture]
            task = next((name for name in others if not task_spec(name).takes_mask), self.task)
        self.task_buttons.value = task

    def _on_end(self, trace: Trace, ended: RunEnded) -> None:
        self.snapshot.update(self.traces)
        self._unsaved = self._unsaved or len(trace) > 0
        self.start.folded = True
        if ended.state == "failed" or not len(trace) or not task_spec(trace.task).shows_class:
            return
        probability = trace.mean("probability", 0)
        if probability < SURELY_NOT:
            self.status.show(
                f"The model gives {trace.target} a probability of only {probability:.1%} in this picture; for a better "
                "result, choose a class that the picture shows.",
                "warning",
            )

    def _on_loaded(self, loaded: ModelLoaded) -> None:
        self.badge.name_model()
        self.runner.view.device = self.session.model.device
        self.target.layers.show(self.session.model.layers)
        if loaded.message:
            self.status.show(loaded.message, "error", loaded.details)

    def _use(self, picture: Pixels, frame: Frame) -> None:
        assert self.surface is not None
        self.surface.flatten(picture)
        self.status.show(f"Step {frame.step} is on the canvas now; undo restores your sketch.")

    def _restore(self, picture: Pixels | None) -> None:
        if self.surface is None:
            return
        saved = self._autosave.load() if self._autosave is not None else None
        raster = saved.raster() if saved is not None else None
        if saved is not None and raster is not None and (raster.has_mask or not raster.is_blank):
            self.surface.restore(raster)
            self._unsaved = True
            self.status.show(f"Restored your painting from {saved.when}.")
        elif picture is not None:
            self.surface.set_picture(picture)
        if self.paint_box is not None:
            self.paint_box.refresh()
        self.start.folded = not self.surface.raster.is_blank

    def _on_save(self) -> None:
        self._unsaved = False

    def _on_change(self) -> None:
        self._unsaved = True
        self.start.folded = True
        if self._autosave is not None and self.surface is not None:
            self._autosave.save(self.surface.raster)
