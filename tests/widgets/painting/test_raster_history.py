"""Undo and redo on the raster: equal to the bit, whatever was done, strokes that were interrupted included."""

from __future__ import annotations

import random

import numpy as np
import pytest

from robust_widgets.trace import Pixels
from robust_widgets.widgets.painting.raster import Point, Raster, Stroke
from tests.widgets.page import noise

SIDE = 20
Layers = tuple[Pixels, Pixels]


def layers(raster: Raster) -> Layers:
    return raster.image.copy(), raster.sketch.copy()


def assert_is(raster: Raster, expected: Layers) -> None:
    np.testing.assert_array_equal(raster.image, expected[0])
    np.testing.assert_array_equal(raster.sketch, expected[1])


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

    def begin(self) -> Stroke:
        tool = self.random.choice(["brush", "brush", "eraser"])
        return self.raster.begin(tool, self.color(), self.random.uniform(1, 12), self.random.random())

    def change(self) -> bool:
        """One change; whether it can be undone."""
        kind = self.random.choice(["stroke"] * 5 + ["outside", "fill", "fill", "clear", "picture"])
        if kind == "stroke":
            stroke = self.begin()
            for _ in range(self.random.randint(1, 3)):
                self.raster.extend(stroke, self.points())
            return self.raster.finish(stroke)
        if kind == "outside":
            return self.raster.fill(-1, 5, "#000000") is not None
        if kind == "fill":
            point = self.random.uniform(0, SIDE - 0.01), self.random.uniform(0, SIDE - 0.01)
            return self.raster.fill(*point, self.color()) is not None
        if kind == "clear":
            self.raster.clear()
        else:
            self.raster.set_image(noise(SIDE, SIDE, 3, seed=self.random.randrange(1000)))
        return True


@pytest.mark.parametrize("seed", range(4))
def test_every_undo_and_redo_is_equal_to_the_bit_over_200_actions(seed: int) -> None:
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
def test_strokes_that_are_interrupted_are_undone_to_the_bit_too(seed: int) -> None:
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


def test_undo_tells_the_rectangle_that_changed() -> None:
    raster = Raster(SIDE)
    stroke = raster.begin("brush", "#ff0000", 4, 0)
    box = raster.extend(stroke, [(8, 8, 1)])
    assert raster.finish(stroke) and box is not None and box != raster.whole
    assert raster.undo() == box == raster.redo()
    raster.clear()
    assert raster.undo() == raster.whole


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
    given = picture.copy()
    raster.set_image(given)
    given[...] = 0
    np.testing.assert_array_equal(raster.image, picture)
    raster.undo()
    raster.redo()
    np.testing.assert_array_equal(raster.image, picture)


def test_undo_while_the_pen_is_down_takes_the_stroke_so_far_and_the_pen_goes_on_without_a_gap() -> None:
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
