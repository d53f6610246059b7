"""Controls for parameters."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ipywidgets
import traitlets

from robust_widgets.interface.parameters import AnyParameter, Choice, Parameter
from robust_widgets.interface.tasks import task_spec

LABEL_PIXELS = 60
LABEL_WIDTH = f"{LABEL_PIXELS}px"
# Canvas, controls and result fit side by side into the 848 px that JupyterLab leaves a notebook on a 1280 px screen.
SIDE = 280
MIDDLE = 248


class Headings:
    """Makes panels that fold on the page, without the kernel; their headings share one layout and one style."""

    def __init__(self) -> None:
        self._layout = ipywidgets.Layout()
        self._style = ipywidgets.ButtonStyle()

    def panel(self, title: str, *children: ipywidgets.Widget) -> ipywidgets.VBox:
        """A panel with a heading, which the start panel's page folds."""
        panel = ipywidgets.VBox([self.heading(title), *children])
        panel.add_class("rw-panel")
        return panel

    def heading(self, title: str) -> ipywidgets.Button:
        """The heading of a panel, for a box of its own with the class "rw-panel"."""
        heading = ipywidgets.Button(description=title, layout=self._layout, style=self._style)
        heading.add_class("rw-fold")
        return heading


class Control(ABC):
    """The control of one parameter; ``widget`` is shown."""

    widget: Any

    @property
    @abstractmethod
    def value(self) -> Any:
        """The parameter's value, as a run takes it."""

    @value.setter
    @abstractmethod
    def value(self, value: Any) -> None: ...


class _InOrder(ipywidgets.Widget):
    """Sends the range and the step of a slider before its value; the page would cut the value to the old ones."""

    def send_state(self, key: Any = None) -> None:
        super().send_state(sorted(key) if isinstance(key, (set, frozenset)) else key)


class IntSlider(_InOrder, ipywidgets.IntSlider):
    """A slider of whole numbers."""


class FloatSlider(_InOrder, ipywidgets.FloatSlider):
    """A slider of numbers, which has only values that the page's slider has, too.

    ipywidgets answers a value of Python's with what its slider makes of it. The answer to 20 was 19.999999999999996,
    and replaced the 25 that was set meanwhile.
    """

    @traitlets.validate("value")
    def _validate_value(self, proposal: Any) -> float:
        return on_slider(super()._validate_value(proposal), self.min, self.max, self.step)


def on_slider(value: float, low: float, high: float, step: float | None) -> float:
    """A value as the page's slider gives it back, to the bit: computed as noUiSlider does, in per cent."""
    if value >= high or high <= low:
        return float(value)
    percent = (value - low) * 100 / (high - low)
    if step:
        percent_of_step = step * 100 / (high - low)
        percent = math.floor(percent / percent_of_step + 0.5) * percent_of_step
    return high if percent >= 100 else max(percent, 0.0) * (high - low) / 100 + low


DIGITS = 6


def show_value(slider: Any, parameter: Parameter, value: float) -> None:
    """Show a value on a slider, also one beyond its ends or between its steps."""
    with slider.hold_sync():
        slider.min, slider.max = min(slider.min, value), max(slider.max, value)
        if not parameter.whole:
            steps = (parameter.step / 10**digits for digits in range(DIGITS))
            fits = (step for step in steps if abs(on_slider(value, slider.min, slider.max, step) - value) < 10**-DIGITS)
            slider.step = next(fits, parameter.step / 10**DIGITS)
            slider.readout_format = _readout(slider.step, value)
        slider.value = value


def _readout(step: float, value: float = 0) -> str:
    """As many digits as a step and a value have."""
    digits = (digits for digits in range(DIGITS) if all(round(number, digits) == number for number in (step, value)))
    return f".{next(digits, DIGITS)}f"


def slider(parameter: Parameter, width: int = MIDDLE) -> IntSlider | FloatSlider:
    """A slider for one parameter, with its value next to it, which can also be typed."""
    kind = IntSlider if parameter.whole else FloatSlider
    number = int if parameter.whole else float
    readout: Any = {} if parameter.whole else {"readout_format": _readout(parameter.step)}
    return kind(
        value=number(parameter.low if parameter.default is None else parameter.default),
        min=number(parameter.low),
        max=number(parameter.high),
        step=number(parameter.step),
        description=parameter.label,
        tooltip=_tooltip(parameter),
        continuous_update=True,
        style={"description_width": LABEL_WIDTH},
        layout={"width": f"{width - 4}px"},
        **readout,
    )


class SliderControl(Control):
    """A number."""

    def __init__(self, parameter: Parameter, width: int) -> None:
        self.widget = slider(parameter, width)
        self._parameter = parameter

    @property
    def value(self) -> Any:
        return round(self.widget.value, DIGITS)

    @value.setter
    def value(self, value: Any) -> None:
        show_value(self.widget, self._parameter, value)


class OptionalControl(Control):
    """A number or None: a checkbox next to the slider switches it on."""

    def __init__(self, parameter: Parameter, width: int) -> None:
        self.slider = slider(parameter, width - 28)
        self._parameter = parameter
        self.slider.style.description_width = f"{LABEL_PIXELS - 28}px"
        self.check = ipywidgets.Checkbox(
            value=parameter.default is not None,
            indent=False,
            tooltip=f"Set the {parameter.label}. {parameter.help}",
            layout={"width": "24px"},
        )
        self.check.observe(self._show, "value")
        self.widget = ipywidgets.HBox([self.check, self.slider], layout={"width": f"{width - 4}px"})
        self._show()

    @property
    def value(self) -> Any:
        return round(self.slider.value, DIGITS) if self.check.value else None

    @value.setter
    def value(self, value: Any) -> None:
        self.check.value = value is not None
        if value is not None:
            show_value(self.slider, self._parameter, value)

    def _show(self, _change: Any = None) -> None:
        self.slider.disabled = not self.check.value


NOTHING = ""  # stands for None, which ipywidgets takes for "no option is chosen", and shows as an empty field


class ChoiceControl(Control):
    """One of a few values."""

    def __init__(self, parameter: AnyParameter, options: list[tuple[str, Any]], width: int) -> None:
        self.widget = ipywidgets.Dropdown(
            options=[(text, NOTHING if value is None else value) for text, value in options],
            value=NOTHING if parameter.default is None else parameter.default,
            description=parameter.label,
            tooltip=_tooltip(parameter),
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{width - 4}px"},
        )

    @property
    def value(self) -> Any:
        return None if self.widget.value == NOTHING else self.widget.value

    @value.setter
    def value(self, value: Any) -> None:
        value = NOTHING if value is None else value
        known = [option[1] for option in self.widget.options]
        if value not in known:
            self.widget.options = [*self.widget.options, (f"{value:g}", value)]
        self.widget.value = value


def control(parameter: AnyParameter, input_size: int, width: int = MIDDLE) -> Control:
    """The control for one parameter.

    Args:
        parameter: which parameter.
        input_size: the model's, in pixels; the smallest size on offer.
        width: of the control, in CSS pixels.
    """
    if isinstance(parameter, Choice):
        options: list[tuple[str, Any]] = [(text.partition(":")[0], name) for name, text in parameter.options.items()]
        if parameter.optional:
            options.insert(0, (parameter.none_label, None))
        return ChoiceControl(parameter, options, width)
    if parameter.name == "size":
        sizes = sorted({size for size in (128, 192, 256, 2 * input_size) if size > input_size})
        options = [(f"{input_size} px, the model's", None), *((f"{size} px", size) for size in sizes)]
        return ChoiceControl(parameter, options, width)
    return OptionalControl(parameter, width) if parameter.optional else SliderControl(parameter, width)


class TaskControls:
    """The controls of one task; the advanced ones are collapsed by default.

    Args:
        task: its name.
        width: in CSS pixels.
        input_size: the model's, in pixels.
    """

    def __init__(self, task: str, width: int = MIDDLE, input_size: int = 64) -> None:
        self.task = task
        spec = task_spec(task)
        parameters = spec.parameters
        self.controls = {
            parameter.name: control(parameter, input_size, width - 36 if parameter.advanced else width)
            for parameter in parameters
        }
        for parameter in parameters:
            _explain(self.controls[parameter.name].widget, parameter, spec.paper.get(parameter.name))
        basic = [self.controls[parameter.name].widget for parameter in parameters if not parameter.advanced]
        advanced = [self.controls[parameter.name].widget for parameter in parameters if parameter.advanced]
        self.more = ipywidgets.Accordion(
            [ipywidgets.VBox(advanced)], titles=["More"], selected_index=None, layout={"width": f"{width - 4}px"}
        )
        self.more.add_class("rw-more")
        self.widget = ipywidgets.VBox([*basic, self.more] if advanced else basic)

    def fit_channels(self, count: int) -> None:
        """Let the sliders of channels reach all of a layer's, of which there are ``count``."""
        channel, channels = self.controls.get("channel"), self.controls.get("channels")
        if isinstance(channel, OptionalControl) and isinstance(channels, SliderControl):
            channel.slider.max = count - 1
            channels.widget.max = count

    def values(self) -> dict[str, Any]:
        """The parameters by name, as a run takes them."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, values: dict[str, Any]) -> None:
        """Set the controls; names without a control are ignored."""
        for name, value in values.items():
            if name in self.controls:
                self.controls[name].value = value


class ControlsByTask(Mapping[str, TaskControls]):
    """The controls of several tasks, each created on first use: only one task's are visible at a time.

    Args:
        tasks: their names, in order.
        input_size: the model's, in pixels.
    """

    def __init__(self, tasks: Sequence[str], input_size: int) -> None:
        self._tasks, self._input_size = tuple(tasks), input_size
        self.created: dict[str, TaskControls] = {}

    def __getitem__(self, task: str) -> TaskControls:
        if task not in self._tasks:
            raise KeyError(task)
        if task not in self.created:
            self.created[task] = TaskControls(task, input_size=self._input_size)
        return self.created[task]

    def __contains__(self, task: object) -> bool:
        return task in self._tasks

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)


def _explain(widget: Any, parameter: AnyParameter, paper: float | None) -> None:
    """Have the page show a word of help below a control, and mark the paper's value on its slider."""
    widget.add_class("rw-parameter")
    if paper is None:
        return
    sliders = [part for part in (widget, *getattr(widget, "children", ())) if hasattr(part, "readout")]
    for part in sliders:
        part.tooltip = f"{_tooltip(parameter)} Paper: {paper:g}."
        if isinstance(parameter, Parameter) and part.min <= paper <= part.max:
            # The page has no other way to learn a number of a widget that is not its own.
            widget.add_class(f"rw-paper-{round(100 * (paper - part.min) / (part.max - part.min))}")


def _tooltip(parameter: AnyParameter) -> str:
    return f"{parameter.help} ({parameter.unit})" if parameter.unit else parameter.help
