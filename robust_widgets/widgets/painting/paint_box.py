"""The paint box: tools, layers, colours, brush, undo and redo. Its style is in the pad's style sheet."""

from __future__ import annotations

from typing import Any

import ipywidgets

from robust_widgets.interface.parameters import BRUSH_SIZE, OPACITY, SOFTNESS
from robust_widgets.widgets.controls import SIDE, Headings, slider
from robust_widgets.widgets.page_widget import thread_safe_link
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.status_line import StatusLine

# Named icons are Font Awesome's; the style sheet draws the others.
TOOLS = {
    "brush": ("paint-brush", "Brush (B)"),
    "eraser": ("eraser", "Eraser (E): removes paint and shows the picture below"),
    "line": ("", "Line (U); hold Shift for steps of 45 degrees"),
    "rectangle": ("", "Rectangle (R); hold Shift for a square"),
    "lasso": ("", "Lasso (L): draw around an area to fill it"),
    "fill": ("tint", "Fill (G): fills an area of similar colour"),
    "eyedropper": ("eyedropper", "Eyedropper (I): picks a colour from the canvas; Alt-click works too"),
}
LAYERS = {
    "sketch": ("pencil", "Sketch", "Paint on the sketch (M switches)"),
    "mask": ("th", "Mask", "Paint the mask, where the picture may change (M switches)"),
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
    """The controls of a surface; ``widget`` shows them.

    Args:
        surface: the surface they control.
        status: shows errors.

    Attributes:
        recent: recently used colours, newest first.
    """

    def __init__(self, surface: Surface, status: StatusLine, width: int = SIDE) -> None:
        self._surface = surface
        self._status = status
        # Shared by all buttons: separate layouts would take a tenth of the time to show a studio.
        self._layout = ipywidgets.Layout()
        pad = surface.pad
        self.tools = {
            name: self._toggle(icon, tooltip, f"rw-choose-tool-{name}") for name, (icon, tooltip) in TOOLS.items()
        }
        self.layers = {
            name: self._toggle(icon, tooltip, f"rw-choose-layer-{name}", text)
            for name, (icon, text, tooltip) in LAYERS.items()
        }
        self._link_to_trait(self.tools, "tool")
        self._link_to_trait(self.layers, "layer")

        self.undo = self._button("undo", "Undo (Ctrl-Z)", surface.undo)
        self.redo = self._button("repeat", "Redo (Ctrl-Shift-Z)", surface.redo)
        self.clear = self._button("trash", "Clear all paint (can be undone)", lambda: surface.clear())
        self.invert = self._button("adjust", "Invert the mask (X)", surface.invert_mask)
        self.clear_mask = self._button("times", "Clear the mask (can be undone)", surface.clear_mask)
        surface.on_change(self.refresh)

        self.color = ipywidgets.ColorPicker(value=START_COLOR, concise=True)
        self.color.tooltip = "Brush colour"
        self.color.add_class("rw-color")
        thread_safe_link(pad, "color", self.color, "value")
        self.color.value = START_COLOR
        self.swatches = [self._swatch(f"Paint {name}", color) for name, color in PALETTE.items()]
        self.recent: list[str] = []
        self.recent_swatches = [self._swatch("No recent colour yet", None) for _ in PALETTE]
        surface.on_color(self._add_recent)

        self.size, self.softness, self.opacity = (
            slider(parameter, width) for parameter in (BRUSH_SIZE, SOFTNESS, OPACITY)
        )
        for control, trait in ((self.size, "brush_size"), (self.softness, "softness"), (self.opacity, "opacity")):
            setattr(pad, trait, control.value)
            thread_safe_link(control, "value", pad, trait)

        self.mask_tools = _row("rw-mask-tools", *self.layers.values(), self.invert, self.clear_mask)
        colors = ipywidgets.GridBox([*self.swatches, *self.recent_swatches])
        colors.add_class("rw-swatches")
        sliders = Headings().panel("Brush", self.size, self.softness, self.opacity)
        sliders.add_class("rw-sliders")
        self.widget = ipywidgets.VBox(
            [
                _row("rw-tools", *self.tools.values(), _gap(), self.undo, self.redo, self.clear),
                self.mask_tools,
                _row("rw-colors", self.color, colors),
                surface.widget,
                sliders,
            ],
            layout={"width": f"{width + 2}px", "flex": "0 0 auto", "overflow": "visible"},
        )
        self.widget.add_class("rw-paint-box")
        self.refresh()
        surface.on_action(self._on_action)

    def refresh(self) -> None:
        """Enable the buttons that have something to do."""
        raster = self._surface.raster
        self.undo.disabled = not raster.can_undo
        self.redo.disabled = not raster.can_redo
        self.clear_mask.disabled = not raster.mask.any()

    def show_mask_tools(self, show: bool) -> None:
        """Show or hide the mask and its tools; while hidden, the mask is kept and all tools paint on the sketch."""
        if not show:
            self._surface.layer = "sketch"
        self._surface.pad.masking = show
        self.mask_tools.layout.display = None if show else "none"

    def _on_action(self, name: str) -> None:
        if name in TOOLS:
            self._surface.pad.tool = name
        elif name in ("smaller", "larger"):
            current, factor = self.size.value, 0.8 if name == "smaller" else 1.25
            size = (
                min(current - 1, round(current * factor))
                if name == "smaller"
                else max(current + 1, round(current * factor))
            )
            self.size.value = min(BRUSH_SIZE.high, max(BRUSH_SIZE.low, size))

    def _link_to_trait(self, buttons: dict[str, ipywidgets.ToggleButton], trait: str) -> None:
        """Keep the button of the trait's value pressed, and set the trait when one is pressed."""
        pad = self._surface.pad

        def show() -> None:
            for name, button in buttons.items():
                button.value = name == getattr(pad, trait)

        def press(name: str, pressed: bool) -> None:
            if pressed:
                setattr(pad, trait, name)
            show()

        for name, button in buttons.items():
            button.observe(self._status.guard(lambda change, name=name: press(name, change["new"])), "value")
        pad.observe(self._status.guard(lambda _change: show()), trait)
        show()

    def _use_color(self, color: str) -> None:
        self._surface.pad.color = color
        if self._surface.pad.tool in ("eraser", "eyedropper"):
            self._surface.pad.tool = "brush"

    def _add_recent(self, color: str) -> None:
        if self.recent[:1] == [color]:
            return
        self.recent = [color, *(other for other in self.recent if other != color)][: len(self.recent_swatches)]
        for swatch, recent in zip(self.recent_swatches, self.recent, strict=False):
            swatch.style.button_color = recent
            swatch.tooltip = f"Paint {recent} again"
            swatch.disabled = False

    def _swatch(self, tooltip: str, color: str | None) -> ipywidgets.Button:
        swatch = ipywidgets.Button(tooltip=tooltip, disabled=color is None, layout=self._layout)
        swatch.style.button_color = color
        swatch.add_class("rw-swatch")
        swatch.on_click(self._status.guard(lambda _: self._use_color(swatch.style.button_color)))
        return swatch

    def _button(self, icon: str, tooltip: str, action: Any) -> ipywidgets.Button:
        button = ipywidgets.Button(icon=icon, tooltip=tooltip, layout=self._layout)
        button.add_class("rw-tool")
        button.on_click(self._status.guard(lambda _: action()))
        return button

    def _toggle(self, icon: str, tooltip: str, style: str, text: str = "") -> ipywidgets.ToggleButton:
        button = ipywidgets.ToggleButton(icon=icon, description=text, tooltip=tooltip, layout=self._layout)
        button.add_class("rw-tool")
        button.add_class(style)
        if not icon:
            button.add_class("rw-drawn")
        return button


def _row(style: str, *children: ipywidgets.Widget) -> ipywidgets.HBox:
    row = ipywidgets.HBox(children)
    row.add_class("rw-row")
    row.add_class(style)
    return row


def _gap() -> ipywidgets.Box:
    gap = ipywidgets.Box()
    gap.add_class("rw-gap")
    return gap
