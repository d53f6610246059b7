"""Controls made from parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ipywidgets

from robust_widgets.interface.parameters import TASK_PARAMETERS, AnyParameter, Choice, Parameter

LABEL_PIXELS = 60
LABEL_WIDTH = f"{LABEL_PIXELS}px"
# Canvas, controls and result stand side by side in the 848 px that JupyterLab leaves a notebook on a 1280 px screen.
SIDE = 280
MIDDLE = 248
# Seldom turned, and folded away.
RARE = ("penalty", "enlargement", "constraint", "size")


class Control(ABC):
    """One parameter on the page; ``widget`` is what is shown."""

    widget: Any

    @property
    @abstractmethod
    def value(self) -> Any:
        """The parameter's value as a run takes it."""

    @value.setter
    @abstractmethod
    def value(self, value: Any) -> None: ...


def slider(parameter: Parameter, width: int = MIDDLE) -> ipywidgets.IntSlider | ipywidgets.FloatSlider:
    """A slider for one parameter; its value is shown beside it and can be typed."""
    kind = ipywidgets.IntSlider if parameter.whole else ipywidgets.FloatSlider
    number = int if parameter.whole else float
    shown: Any = (
        {}
        if parameter.whole
        else {"readout_format": ".2f" if parameter.step < 0.1 else ".1f" if parameter.step < 1 else ".0f"}
    )
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
        **shown,
    )


class SliderControl(Control):
    """A parameter that always has a number."""

    def __init__(self, parameter: Parameter, width: int) -> None:
        self.widget = slider(parameter, width)

    @property
    def value(self) -> Any:
        return round(self.widget.value, 6)

    @value.setter
    def value(self, value: Any) -> None:
        self.widget.value = value


class OptionalControl(Control):
    """A parameter that may be None: a check box beside its slider says whether it has a number."""

    def __init__(self, parameter: Parameter, width: int) -> None:
        self.slider = slider(parameter, width - 28)
        self.slider.style.description_width = f"{LABEL_PIXELS - 28}px"
        self.check = ipywidgets.Checkbox(
            value=parameter.default is not None,
            indent=False,
            tooltip=f"Use a {parameter.label}. {parameter.help}",
            layout={"width": "24px"},
        )
        self.check.observe(self._show, "value")
        self.widget = ipywidgets.HBox([self.check, self.slider], layout={"width": f"{width - 4}px"})
        self._show()

    @property
    def value(self) -> Any:
        return round(self.slider.value, 6) if self.check.value else None

    @value.setter
    def value(self, value: Any) -> None:
        self.check.value = value is not None
        if value is not None:
            self.slider.value = value

    def _show(self, _change: Any = None) -> None:
        self.slider.disabled = not self.check.value


class ChoiceControl(Control):
    """A parameter that is one of a few values."""

    def __init__(self, parameter: AnyParameter, options: list[tuple[str, Any]], width: int) -> None:
        self.widget = ipywidgets.Dropdown(
            options=options,
            value=parameter.default,
            description=parameter.label,
            tooltip=_tooltip(parameter),
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"{width - 4}px"},
        )

    @property
    def value(self) -> Any:
        return self.widget.value

    @value.setter
    def value(self, value: Any) -> None:
        known = [option[1] for option in self.widget.options]
        if value not in known:
            self.widget.options = [*self.widget.options, (f"{value:g}", value)]
        self.widget.value = value


def control(parameter: AnyParameter, input_size: int, width: int = MIDDLE) -> Control:
    """The control for one parameter.

    Args:
        parameter: which parameter.
        input_size: the model's, which the choice of a picture's side starts from.
        width: of the control, in CSS pixels.
    """
    if isinstance(parameter, Choice):
        options: list[tuple[str, Any]] = [(text.partition(":")[0], name) for name, text in parameter.options.items()]
        if parameter.optional:
            options.insert(0, ("stays exactly", None))
        return ChoiceControl(parameter, options, width)
    if parameter.name == "size":
        sides = sorted({side for side in (128, 192, 256, 2 * input_size) if side > input_size})
        return ChoiceControl(
            parameter, [(f"{input_size} px, the model's", None), *((f"{s} px", s) for s in sides)], width
        )
    return OptionalControl(parameter, width) if parameter.optional else SliderControl(parameter, width)


class TaskControls:
    """The controls of one task; those seldom turned are folded away.

    Args:
        task: a task of :data:`robust_widgets.interface.parameters.TASK_PARAMETERS`.
        input_size: the model's, in pixels.
    """

    def __init__(self, task: str, width: int = MIDDLE, input_size: int = 64) -> None:
        self.task = task
        self.controls = {
            parameter.name: control(parameter, input_size, width - 36 if parameter.name in RARE else width)
            for parameter in TASK_PARAMETERS[task]
        }
        usual = [one.widget for name, one in self.controls.items() if name not in RARE]
        rare = [one.widget for name, one in self.controls.items() if name in RARE]
        self.more = ipywidgets.Accordion(
            [ipywidgets.VBox(rare)], titles=["More"], selected_index=None, layout={"width": f"{width - 4}px"}
        )
        self.widget = ipywidgets.VBox([*usual, self.more])

    def values(self) -> dict[str, Any]:
        """The parameters by name, as a run takes them."""
        return {name: one.value for name, one in self.controls.items()}

    def set(self, values: dict[str, Any]) -> None:
        """Move the controls; names without one are left out."""
        for name, value in values.items():
            if name in self.controls:
                self.controls[name].value = value


class ControlsByTask(Mapping[str, TaskControls]):
    """The controls of several tasks, each made when it is first asked for: only one task's are seen at a time.

    Args:
        tasks: in their order.
        input_size: the model's, in pixels.
    """

    def __init__(self, tasks: Sequence[str], input_size: int) -> None:
        self._tasks, self._input_size = tuple(tasks), input_size
        self.made: dict[str, TaskControls] = {}

    def __getitem__(self, task: str) -> TaskControls:
        if task not in self._tasks:
            raise KeyError(task)
        if task not in self.made:
            self.made[task] = TaskControls(task, input_size=self._input_size)
        return self.made[task]

    def __contains__(self, task: object) -> bool:
        return task in self._tasks

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)


def _tooltip(parameter: AnyParameter) -> str:
    return f"{parameter.help} ({parameter.unit})" if parameter.unit else parameter.help
