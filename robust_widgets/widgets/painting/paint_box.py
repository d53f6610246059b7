"""The paint box: tools, colours, brush, undo and redo."""

from __future__ import annotations

from typing import Any

import ipywidgets

from robust_widgets.knobs import BRUSH_SIZE, SOFTNESS
from robust_widgets.widgets.controls import SIDE, slider
from robust_widgets.widgets.notice import Notice
from robust_widgets.widgets.painting.surface import Surface

TOOLS = {
    "brush": ("paint-brush", "Brush (B)"),
    "eraser": ("eraser", "Eraser (E): removes paint and shows the picture below"),
    "fill": ("tint", "Fill (G): fills an area of one colour"),
    "eyedropper": ("crosshairs", "Eyedropper (I): takes a colour from the canvas; Alt-click does too"),
}
PALETTE = {
    "orange": "#f28c28",
    "red": "#c8321e",
    "yellow": "#f2d23c",
    "green": "#4f8a3c",
    "blue": "#2f6fb7",
    "dark blue": "#16324f",
    "brown": "#7a4a25",
    "sand": "#e0b48c",
    "white": "#ffffff",
    "black": "#141414",
}
START_COLOR = "#f28c28"


class PaintBox:
    """Controls of a surface; ``widget`` is what is shown.

    Args:
        surface: what is painted on.
        notice: where errors are said.
    """

    def __init__(self, surface: Surface, notice: Notice, width: int = SIDE) -> None:
        self._surface = surface
        pad = surface.pad
        self.tools = {name: _tool_button(*TOOLS[name]) for name in TOOLS}
        for name, button in self.tools.items():
            button.observe(notice.guard(lambda change, name=name: self._pressed(name, change)), "value")
        pad.observe(notice.guard(lambda _change: self._show_tool()), "tool")
        self._show_tool()

        self.undo = _action_button("undo", "Undo (Ctrl-Z)")
        self.redo = _action_button("repeat", "Redo (Ctrl-Shift-Z)")
        self.clear = _action_button("trash", "Clear all paint; can be undone")
        self.undo.on_click(notice.guard(lambda _: surface.undo()))
        self.redo.on_click(notice.guard(lambda _: surface.redo()))
        self.clear.on_click(notice.guard(lambda _: surface.clear()))
        surface.on_change(self.refresh)

        self.color = ipywidgets.ColorPicker(value=START_COLOR, concise=True, layout={"width": "34px"})
        self.color.tooltip = "Colour of the brush"
        ipywidgets.link((pad, "color"), (self.color, "value"))
        self.color.value = START_COLOR
        self.swatches = [_swatch(name, color) for name, color in PALETTE.items()]
        for swatch, color in zip(self.swatches, PALETTE.values(), strict=True):
            swatch.on_click(notice.guard(lambda _, color=color: self._take(color)))

        self.size = slider(BRUSH_SIZE, width)
        self.softness = slider(SOFTNESS, width)
        pad.brush_size, pad.softness = self.size.value, self.softness.value
        ipywidgets.link((self.size, "value"), (pad, "brush_size"))
        ipywidgets.link((self.softness, "value"), (pad, "softness"))

        row: dict[str, Any] = {"width": f"{width + 2}px", "align_items": "center", "flex_flow": "row wrap"}
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([*self.tools.values(), _gap(), self.undo, self.redo, self.clear], layout=row),
                ipywidgets.HBox([self.color, _gap("4px"), *self.swatches], layout=row),
                surface.widget,
                self.size,
                self.softness,
            ],
            layout={"width": f"{width + 2}px", "flex": "0 0 auto"},
        )
        self.refresh()
        surface.on_action(self._on_action)

    def refresh(self) -> None:
        """Undo and redo can be pressed only where there is something to undo or redo."""
        self.undo.disabled = not self._surface.raster.can_undo
        self.redo.disabled = not self._surface.raster.can_redo

    def _on_action(self, name: str) -> None:
        if name in TOOLS:
            self._surface.pad.tool = name
        elif name in ("smaller", "larger"):
            now, factor = self.size.value, 0.8 if name == "smaller" else 1.25
            size = min(now - 1, round(now * factor)) if name == "smaller" else max(now + 1, round(now * factor))
            self.size.value = min(BRUSH_SIZE.high, max(BRUSH_SIZE.low, size))

    def _pressed(self, name: str, change: Any) -> None:
        if change["new"]:
            self._surface.pad.tool = name
        self._show_tool()

    def _show_tool(self) -> None:
        for name, button in self.tools.items():
            button.value = name == self._surface.pad.tool

    def _take(self, color: str) -> None:
        self._surface.pad.color = color
        if self._surface.pad.tool in ("eraser", "eyedropper"):
            self._surface.pad.tool = "brush"


def _tool_button(icon: str, tooltip: str) -> ipywidgets.ToggleButton:
    return ipywidgets.ToggleButton(
        icon=icon, tooltip=tooltip, layout={"width": "32px", "margin": "2px", "padding": "0"}
    )


def _action_button(icon: str, tooltip: str) -> ipywidgets.Button:
    return ipywidgets.Button(icon=icon, tooltip=tooltip, layout={"width": "32px", "margin": "2px", "padding": "0"})


def _swatch(name: str, color: str) -> ipywidgets.Button:
    swatch = ipywidgets.Button(
        tooltip=f"Paint {name}",
        layout={
            "width": "20px",
            "height": "20px",
            "margin": "1px",
            "border": "1px solid var(--jp-border-color1, #999)",
        },
    )
    swatch.style.button_color = color
    return swatch


def _gap(width: str = "12px") -> ipywidgets.Box:
    return ipywidgets.Box(layout={"width": width})
