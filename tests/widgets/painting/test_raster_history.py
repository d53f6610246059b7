"""Undo and redo on the raster: bit-exact, including interrupted strokes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.layers import PaintLayer
from robust_widgets.widgets.painting.raster import Raster
from robust_widgets.widgets.painting.strokes import Point, Stroke
from tests.widgets.page import noise

SIDE = 20
Layers = tuple[Pixels, Pixels, Pixels]


def layers(raster: Raster) -> Layers:
    return raster.image.copy(), raster.sketch.copy(), raster.mask.copy()


def assert_is(raster: Raster, expected: Layers) -> None:
    for layer, expected_layer in zip(layers(raster), expected, strict=True):
        np.testing.assert_array_equal(layer, expected_layer)


class Painter:
    """Paints at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.raster = Raster(SIDE)

    def points(self) -> list[Point]:
        def anywhere() -> float:
            return self.random.uniform(-6, SIDE + 6)

        return [(anywhere(), anywhere(), self.random.uniform(0.1, 1)) for _ in range(self.random.randint(1, 4))]

    def color(self) -> str:
        return f"#{self.random.randrange(2**24):06x}"

    def layer(self) -> PaintLayer:
        return self.random.choice(["sketch", "sketch", "mask"])

    def begin(self) -> Stroke:
        tool = self.random.choice(["brush", "brush", "eraser"])
        size, softness, opacity = self.random.uniform(1, 12), self.random.random(), self.random.random()
        return self.raster.begin(tool, self.color(), size, softness, opacity, self.layer())

    def change(self) -> bool:
        """One change; whether it can be undone."""
        kinds = ["outside", "fill", "fill", "area", "area", "clear", "picture", "flatten", "invert", "clear_mask"]
        kind = self.random.choice(["stroke"] * 8 + kinds)
        if kind == "stroke":
            stroke = self.begin()
            for _ in range(self.random.randint(1, 3)):
                self.raster.extend(stroke, self.points())
            return self.raster.finish(stroke)
        if kind == "outside":
            return self.raster.fill(-1, 5, "#000000") is not None
        if kind == "fill":
            point = self.random.uniform(0, SIDE - 0.01), self.random.uniform(0, SIDE - 0.01)
            return self.raster.fill(*point, self.color(), self.random.random(), self.layer()) is not None
        if kind == "area":
            corners = [(x, y) for x, y, _ in self.points()]
            return self.raster.paint_area(corners, self.color(), self.random.random(), self.layer()) is not None
        picture = noise(SIDE, SIDE, 3, seed=self.random.randrange(1000))
        changes = {
            "clear": self.raster.clear,
            "flatten": lambda: self.raster.flatten(self.random.choice([None, picture])),
            "invert": self.raster.invert_mask,
            "clear_mask": self.raster.clear_mask,
            "picture": lambda: self.raster.set_image(picture),
        }
        changes[kind]()
        return True


@pytest.mark.parametrize("seed", range(4))
def test_every_undo_and_redo_is_equal_exactly_over_200_actions(seed: int) -> None:
    painter = Painter(seed)
    raster = painter.raster
    past, future = [layers(raster)], []
    for _ in range(200):
        action = painter.random.choice(["change", "change", "change", "undo", "redo"])
        if action == "change":
            if painter.change():
                past.append(layers(raster))
                future.clear()
        elif action == "undo":
            assert (raster.undo() is not None) == (len(past) > 1)
            if len(past) > 1:
                future.append(past.pop())
        else:
            assert (raster.redo() is not None) == bool(future)
            if future:
                past.append(future.pop())
        assert_is(raster, past[-1])
        assert (raster.can_undo, raster.can_redo) == (len(past) > 1, bool(future))
    final = layers(raster)
    undone = 0
    while raster.undo() is not None:
        undone += 1
        assert_is(raster, past[-1 - undone])
    assert undone == len(past) - 1 and undone > 20
    assert raster.is_blank and not raster.can_undo
    assert_is(raster, layers(Raster(SIDE)))
    for _ in range(undone):
        assert raster.redo() is not None
    assert_is(raster, final)
    assert len(future) == sum(raster.redo() is not None for _ in future)
    assert raster.redo() is None


@pytest.mark.parametrize("seed", range(4))
def test_strokes_that_are_interrupted_are_undone_exactly_too(seed: int) -> None:
    """Two browser tabs, a reload in the middle of a stroke, undo while the pen is down: strokes lie across changes."""
    painter = Painter(100 + seed)
    raster, strokes = painter.raster, []
    for _ in range(150):
        action = painter.random.choice(["begin", "extend", "extend", "finish", "lose", "change", "undo", "redo"])
        if action == "begin":
            strokes.append(painter.begin())
        elif action == "extend" and strokes:
            raster.extend(painter.random.choice(strokes), painter.points())
        elif action == "finish" and strokes:
            raster.finish(strokes.pop(painter.random.randrange(len(strokes))))
        elif action == "lose" and strokes:
            strokes.pop()
        elif action == "change":
            painter.change()
        elif action == "undo":
            raster.undo()
        elif action == "redo":
            raster.redo()
    while raster.redo() is not None:
        pass
    way_up = [layers(raster)]
    while raster.undo() is not None:
        way_up.append(layers(raster))
    assert len(way_up) > 10
    assert_is(raster, layers(Raster(SIDE)))
    for expected in reversed(way_up[:-1]):
        assert raster.redo() is not None
        assert_is(raster, expected)
    assert raster.redo() is None


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**9), count=st.integers(0, 30))
def test_all_undone_is_the_blank_raster_and_all_redone_the_same_bits(seed: int, count: int) -> None:
    painter = Painter(seed)
    changes = sum(painter.change() for _ in range(count))
    final, undone, redone = layers(painter.raster), 0, 0
    while painter.raster.undo() is not None:
        undone += 1
    assert_is(painter.raster, layers(Raster(SIDE)))
    while painter.raster.redo() is not None:
        redone += 1
    assert_is(painter.raster, final)
    assert undone == redone == changes


def test_the_history_of_five_hundred_strokes_takes_a_few_megabytes() -> None:
    raster, chance = Raster(), random.Random(0)
    for _ in range(500):
        stroke = raster.begin("brush", f"#{chance.randrange(2**24):06x}", chance.uniform(8, 60), 0.3)
        x, y = chance.uniform(0, 256), chance.uniform(0, 256)
        for _ in range(6):
            x, y = x + chance.uniform(-40, 40), y + chance.uniform(-40, 40)
            raster.extend(stroke, [(x, y, 1)])
        raster.finish(stroke)
    assert raster.history.size < 8e6
    final = layers(raster)
    while raster.undo() is not None:
        pass
    assert_is(raster, layers(Raster()))
    while raster.redo() is not None:
        pass
    assert_is(raster, final)


def test_undo_tells_the_rectangle_that_changed() -> None:
    raster = Raster(SIDE)
    stroke = raster.begin("brush", "#ff0000", 4, 0)
    box = raster.extend(stroke, [(8, 8, 1)])
    assert raster.finish(stroke) and box is not None and box != raster.whole
    undone, redone = raster.undo(), raster.redo()
    assert undone is not None and redone is not None and undone.box == box == redone.box
    assert undone.layers == {"sketch"}
    raster.clear()
    cleared = raster.undo()
    assert cleared is not None and cleared.box == raster.whole


def test_there_is_nothing_to_undo_or_redo_at_first() -> None:
    raster = Raster(SIDE)
    assert raster.undo() is None and raster.redo() is None
    assert not raster.can_undo and not raster.can_redo


def test_a_new_change_after_undo_leaves_nothing_to_redo() -> None:
    raster = Raster(SIDE)
    raster.fill(3, 3, "#ff0000")
    raster.fill(3, 3, "#00ff00")
    raster.undo()
    assert raster.can_redo
    raster.fill(3, 3, "#0000ff")
    assert not raster.can_redo and raster.redo() is None
    raster.undo()
    assert (raster.sketch == (255, 0, 0, 255)).all()


def test_the_history_keeps_its_own_copies() -> None:
    raster, picture = Raster(SIDE), noise(SIDE, SIDE, 3)
    pixels = picture.copy()
    raster.set_image(pixels)
    pixels[...] = 0
    np.testing.assert_array_equal(raster.image, picture)
    raster.undo()
    raster.redo()
    np.testing.assert_array_equal(raster.image, picture)


def test_undo_during_a_stroke_reverts_it_and_the_pen_continues_without_a_gap() -> None:
    raster = Raster(SIDE)
    stroke = raster.begin("brush", "#ff0000", 4, 0)
    raster.extend(stroke, [(3, 10, 1), (10, 10, 1)])
    assert raster.undo() is not None and raster.is_blank
    raster.extend(stroke, [(17, 10, 1)])
    assert raster.finish(stroke)
    only_the_rest = Raster(SIDE)
    only_the_rest.extend(only_the_rest.begin("brush", "#ff0000", 4, 0), [(10, 10, 1), (17, 10, 1)])
    np.testing.assert_array_equal(raster.sketch, only_the_rest.sketch)
    raster.undo()
    assert raster.is_blank and not raster.can_undo
