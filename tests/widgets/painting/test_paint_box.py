"""The paint box: its buttons, keys and sliders, and the pad, agree on tool, colour and brush."""

from __future__ import annotations

import pytest

from robust_widgets.interface.parameters import BRUSH_SIZE, OPACITY, SOFTNESS
from robust_widgets.widgets.painting.paint_box import PALETTE, START_COLOR, TOOLS, PaintBox
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.status_line import StatusLine
from tests.widgets.page import Page

SIDE = 32


class Desk:
    """A surface with its paint box."""

    def __init__(self) -> None:
        self.status = StatusLine()
        self.surface = Surface(self.status, side=SIDE)
        self.pad = self.surface.pad
        self.box = PaintBox(self.surface, self.status)

    @property
    def pressed(self) -> list[str]:
        return [name for name, button in self.box.tools.items() if button.value]

    @property
    def undo_redo(self) -> tuple[bool, bool]:
        """Whether undo and redo can be pressed."""
        return not self.box.undo.disabled, not self.box.redo.disabled


@pytest.fixture
def desk(page: Page) -> Desk:
    del page
    return Desk()


def test_at_first_the_brush_is_pressed(desk: Desk) -> None:
    assert desk.pressed == ["brush"] and desk.pad.tool == "brush"


def test_exactly_the_pads_tool_is_pressed(page: Page, desk: Desk) -> None:
    for name in (*TOOLS, "brush", "fill"):
        page.set(desk.box.tools[name], value=True)
        assert desk.pressed == [name] and desk.pad.tool == name


def test_a_pressed_tool_stays_pressed(page: Page, desk: Desk) -> None:
    page.set(desk.box.tools["fill"], value=True)
    page.set(desk.box.tools["fill"], value=False)
    assert desk.pressed == ["fill"] and desk.pad.tool == "fill"


@pytest.mark.parametrize("name", TOOLS)
def test_a_key_changes_the_tool(page: Page, desk: Desk, name: str) -> None:
    desk.pad.tool = "brush" if name == "fill" else "fill"
    page.act(desk.pad, name)
    assert desk.pressed == [name] and desk.pad.tool == name


def test_the_buttons_follow_the_pad(page: Page, desk: Desk) -> None:
    page.set(desk.pad, tool="eyedropper")
    assert desk.pressed == ["eyedropper"]


@pytest.mark.parametrize(("key", "end"), [("larger", BRUSH_SIZE.high), ("smaller", BRUSH_SIZE.low)])
def test_keys_change_the_size_with_each_press_up_to_the_knobs_end(page: Page, desk: Desk, key: str, end: float) -> None:
    desk.box.size.value = BRUSH_SIZE.low if key == "larger" else BRUSH_SIZE.high
    sizes = [desk.box.size.value]
    while sizes[-1] != end:
        page.act(desk.pad, key)
        sizes.append(desk.box.size.value)
        assert desk.pad.brush_size == sizes[-1] != sizes[-2]
    assert len(sizes) in range(8, 40) and sizes == sorted(sizes, reverse=key == "smaller")
    assert all(BRUSH_SIZE.low <= size <= BRUSH_SIZE.high for size in sizes)
    page.act(desk.pad, key)
    assert desk.box.size.value == end


def test_the_sliders_are_the_knobs_and_move_the_pad(page: Page, desk: Desk) -> None:
    box = desk.box
    for control, parameter in ((box.size, BRUSH_SIZE), (box.softness, SOFTNESS), (box.opacity, OPACITY)):
        assert (control.min, control.max, control.step, control.value, control.description) == (
            parameter.low,
            parameter.high,
            parameter.step,
            parameter.default,
            parameter.label,
        )
    pad = desk.pad
    assert (pad.brush_size, pad.softness, pad.opacity) == (BRUSH_SIZE.default, SOFTNESS.default, OPACITY.default)
    page.set(desk.box.size, value=11)
    page.set(desk.box.softness, value=0.75)
    page.set(desk.box.opacity, value=0.4)
    assert (pad.brush_size, pad.softness, pad.opacity) == pytest.approx((11, 0.75, 0.4))


def test_the_colour_is_the_same_in_the_picker_and_on_the_pad(page: Page, desk: Desk) -> None:
    assert desk.pad.color == desk.box.color.value == START_COLOR
    page.set(desk.box.color, value="#0a141e")
    assert desk.pad.color == "#0a141e"
    page.set(desk.pad, color="#abcdef")
    assert desk.box.color.value == "#abcdef"


@pytest.mark.parametrize("index", range(len(PALETTE)), ids=list(PALETTE))
def test_a_swatch_gives_the_colour_it_shows(page: Page, desk: Desk, index: int) -> None:
    swatch = desk.box.swatches[index]
    page.click(swatch)
    assert desk.pad.color == swatch.style.button_color == list(PALETTE.values())[index]
    assert list(PALETTE)[index] in swatch.tooltip


@pytest.mark.parametrize(("tool", "then"), [("eraser", "brush"), ("eyedropper", "brush"), ("fill", "fill")])
def test_with_a_swatch_one_can_paint_at_once(page: Page, desk: Desk, tool: str, then: str) -> None:
    page.set(desk.box.tools[tool], value=True)
    page.click(desk.box.swatches[0])
    assert desk.pressed == [then]


def test_undo_and_redo_can_be_pressed_where_there_is_something_to_do(page: Page, desk: Desk) -> None:
    assert desk.undo_redo == (False, False)
    page.part(desk.pad, "begin", [(9, 9)])
    assert desk.undo_redo == (False, False)
    page.part(desk.pad, "end", [(20, 20)])
    assert desk.undo_redo == (True, False)
    page.click(desk.box.undo)
    assert desk.undo_redo == (False, True) and desk.surface.raster.is_blank
    page.click(desk.box.redo)
    assert desk.undo_redo == (True, False) and not desk.surface.raster.is_blank
    page.click(desk.box.clear)
    assert desk.undo_redo == (True, False) and desk.surface.raster.is_blank
    page.act(desk.pad, "undo")
    assert desk.undo_redo == (True, True)
    page.stroke(desk.pad, [(20, 9)])
    assert desk.undo_redo == (True, False)


def test_the_layer_buttons_and_the_pad_agree(page: Page, desk: Desk) -> None:
    layers = desk.box.layers
    assert layers["sketch"].value and not layers["mask"].value
    page.set(layers["mask"], value=True)
    assert desk.surface.layer == "mask" and not layers["sketch"].value
    page.act(desk.pad, "layer")
    assert layers["sketch"].value and not layers["mask"].value
    page.set(layers["sketch"], value=False)
    assert layers["sketch"].value, "a pressed one stays pressed"


def test_the_mask_is_inverted_and_cleared_by_buttons(page: Page, desk: Desk) -> None:
    assert desk.box.clear_mask.disabled
    page.click(desk.box.invert)
    assert (desk.surface.mask() == 255).all() and not desk.box.clear_mask.disabled
    page.click(desk.box.clear_mask)
    assert not desk.surface.has_mask and desk.box.clear_mask.disabled
    page.click(desk.box.undo)
    assert desk.surface.has_mask and not desk.box.clear_mask.disabled


def test_without_mask_tools_the_mask_is_hidden_and_kept(page: Page, desk: Desk) -> None:
    page.click(desk.box.invert)
    desk.surface.layer = "mask"
    desk.box.show_mask_tools(False)
    assert desk.surface.layer == "sketch" and not desk.pad.masking and desk.surface.has_mask
    assert desk.box.mask_tools.layout.display == "none"
    page.stroke(desk.pad, [(9, 9)])
    assert desk.surface.raster.sketch.any()
    desk.box.show_mask_tools(True)
    assert desk.pad.masking and desk.box.mask_tools.layout.display is None and desk.surface.has_mask


def test_colours_painted_with_are_at_hand_newest_first(page: Page, desk: Desk) -> None:
    recent = desk.box.recent_swatches
    assert all(swatch.disabled for swatch in recent)
    for number, color in enumerate(("#010203", "#040506", "#040506", "#010203")):
        desk.pad.color = color
        page.stroke(desk.pad, [(9, 9)], number=number)
    assert desk.box.recent == ["#010203", "#040506"]
    assert [swatch.disabled for swatch in recent[:3]] == [False, False, True]
    desk.pad.tool = "eraser"
    page.click(recent[1])
    assert desk.pad.color == "#040506" and desk.pad.tool == "brush"
    for number in range(20):
        desk.pad.color = f"#0000{number:02x}"
        page.stroke(desk.pad, [(9, 9)], number=100 + number)
    assert len(desk.box.recent) == len(recent) and desk.box.recent[0] == "#000013"
    assert [swatch.style.button_color for swatch in recent] == desk.box.recent


def test_an_error_of_a_button_is_reported(page: Page, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the raster is gone")

    monkeypatch.setattr(desk.surface, "clear", fail)
    page.click(desk.box.clear)
    assert desk.status.kind == "error" and "the raster is gone" in desk.status.text


def test_every_button_says_what_it_does(desk: Desk) -> None:
    box = desk.box
    buttons = [*box.tools.values(), *box.layers.values(), *box.swatches]
    buttons += [box.undo, box.redo, box.clear, box.invert, box.clear_mask]
    assert len({button.tooltip for button in buttons}) == len(buttons) and all(button.tooltip for button in buttons)
