"""Sliders made from knobs."""

from __future__ import annotations

from typing import Any

import ipywidgets

from robust_widgets.knobs import TASK_KNOBS, Knob

LABEL_WIDTH = "60px"
# Canvas, controls and result stand side by side in the 848 px that JupyterLab leaves a notebook on a 1280 px screen.
SIDE = 280
MIDDLE = 248


def slider(knob: Knob, width: int = MIDDLE) -> ipywidgets.IntSlider | ipywidgets.FloatSlider:
    """A slider for one knob; its value is shown beside it and can be typed."""
    kind = ipywidgets.IntSlider if knob.whole else ipywidgets.FloatSlider
    number = int if knob.whole else float
    shown: Any = (
        {} if knob.whole else {"readout_format": ".2f" if knob.step < 0.1 else ".1f" if knob.step < 1 else ".0f"}
    )
    return kind(
        value=number(knob.default),
        min=number(knob.low),
        max=number(knob.high),
        step=number(knob.step),
        description=knob.label,
        tooltip=f"{knob.help} ({knob.unit})" if knob.unit else knob.help,
        continuous_update=True,
        style={"description_width": LABEL_WIDTH},
        layout={"width": f"{width - 4}px"},
        **shown,
    )


class TaskControls:
    """The sliders of one task.

    Args:
        task: a task of :data:`robust_widgets.knobs.TASK_KNOBS`.
    """

    def __init__(self, task: str, width: int = MIDDLE) -> None:
        self.task = task
        self.sliders = {knob.name: slider(knob, width) for knob in TASK_KNOBS[task]}
        self.widget = ipywidgets.VBox(list(self.sliders.values()))

    def values(self) -> dict[str, Any]:
        """The knobs by name, as a run takes them."""
        return {name: round(control.value, 6) for name, control in self.sliders.items()}

    def set(self, values: dict[str, Any]) -> None:
        """Move the sliders; names without a slider are left out."""
        for name, value in values.items():
            if name in self.sliders and value is not None:
                self.sliders[name].value = value
