"""Draw the ten subjects of the paper's sketches, and turn them into pictures: python docs/make_subjects.py

The paper (Figure 7) shows hand-drawn sketches next to what they became. These are our own drawings of the same
subjects, made with the studio's brushes; the class is the nearest that the bundled model has. Nothing is picked out:
seed 0 and the task's defaults, at 128 pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from make_pictures import INK, font
from PIL import Image, ImageDraw

import robust_widgets as rw
from robust_widgets.pictures import Pixels
from robust_widgets.widgets.painting.raster import Raster

PICTURES = Path(__file__).parent / "pictures"
TILE, GAP, HEAD, COLUMNS = 168, 6, 44, 5
Points = Sequence[tuple[float, float]]


class Sketch:
    """A canvas of 256 x 256 pixels with the studio's tools; coordinates are in pixels."""

    def __init__(self, ground: str) -> None:
        self.raster = Raster()
        self.raster.fill(1, 1, ground)

    def area(self, color: str, *corners: tuple[float, float]) -> None:
        """A filled polygon with rounded corners."""
        points = np.array(corners, float)
        for _ in range(3):  # each corner is cut twice (Chaikin)
            following = np.roll(points, -1, axis=0)
            points = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], 1).reshape(-1, 2)
        self.raster.paint_area([(float(x), float(y)) for x, y in points], color)

    def oval(self, color: str, x: float, y: float, width: float, height: float) -> None:
        turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        corners = [(x + width / 2 * np.cos(turn), y + height / 2 * np.sin(turn)) for turn in turns]
        self.raster.paint_area(corners, color)

    def rectangle(self, color: str, left: float, top: float, right: float, bottom: float) -> None:
        self.raster.paint_area([(left, top), (right, top), (right, bottom), (left, bottom)], color)

    def line(self, color: str, size: float, *points: tuple[float, float]) -> None:
        stroke = self.raster.begin("brush", color, size, 0.2)
        self.raster.extend(stroke, [(x, y, 1.0) for x, y in points])
        self.raster.finish(stroke)

    @property
    def pixels(self) -> Pixels:
        return self.raster.composite()


def plain_dog(sketch: Sketch) -> None:
    sketch.area("#8a5a2b", (70, 262), (62, 190), (80, 130), (128, 104), (176, 130), (194, 190), (186, 262))
    sketch.oval("#a9713a", 128, 110, 124, 132)
    sketch.area("#5e3a1b", (60, 70), (86, 52), (92, 110), (70, 158), (48, 130))
    sketch.area("#5e3a1b", (196, 70), (170, 52), (164, 110), (186, 158), (208, 130))
    sketch.oval("#e3c9a2", 128, 146, 66, 56)
    sketch.oval("#1c1512", 128, 128, 28, 20)
    for x in (102, 154):
        sketch.oval("#1c1512", x, 94, 18, 20)


def dog(sketch: Sketch) -> None:
    plain_dog(sketch)
    for x in (102, 154):
        sketch.oval("#ffffff", x + 4, 90, 5, 5)
    sketch.line("#3a2416", 4, (128, 138), (128, 156), (112, 164))
    sketch.line("#3a2416", 4, (128, 156), (144, 164))


def turtle_like_frog(sketch: Sketch) -> None:
    sketch.area("#5a7d32", (38, 186), (58, 118), (124, 88), (196, 112), (222, 184), (130, 208))
    sketch.oval("#7ea343", 66, 124, 84, 70)
    for x in (46, 82):
        sketch.oval("#cdbf4a", x, 94, 26, 26)
        sketch.oval("#141a0c", x, 94, 13, 15)
    for corners in (((70, 190), (40, 236), (96, 228), (108, 196)), ((186, 186), (178, 234), (238, 232), (222, 190))):
        sketch.area("#6d9138", *corners)
    for x, y in ((128, 128), (162, 120), (186, 150), (146, 160)):
        sketch.oval("#42601f", x, y, 24, 20)
    sketch.line("#34491a", 4, (34, 138), (66, 148), (98, 140))


def two_fish(sketch: Sketch) -> None:
    for x, y, flip in ((112, 86, 1), (146, 174, -1)):
        sketch.area(
            "#e8731c", (x + flip * 46, y), (x + flip * 100, y - 40), (x + flip * 82, y), (x + flip * 100, y + 40)
        )
        sketch.oval("#f08a24", x, y, 124, 66)
        sketch.area("#e8731c", (x - 20, y - 28), (x + 4, y - 54), (x + flip * 34, y - 24))
        sketch.oval("#f8c068", x - flip * 8, y + 16, 74, 22)
        sketch.oval("#ffffff", x - flip * 42, y - 8, 17, 17)
        sketch.oval("#101010", x - flip * 43, y - 8, 9, 9)


def dog_on_grass(sketch: Sketch) -> None:
    sketch.area("#4f8a34", (-60, 150), (316, 150), (316, 330), (-60, 330))
    for x in (84, 108, 158, 182):
        sketch.line("#caa063", 17, (x, 150), (x, 212))
    sketch.area("#d7b078", (66, 106), (190, 102), (204, 138), (188, 166), (76, 166), (58, 138))
    sketch.line("#caa063", 14, (196, 112), (224, 84), (228, 66))
    sketch.oval("#d7b078", 62, 92, 66, 60)
    sketch.area("#9a7038", (66, 64), (92, 62), (94, 112), (76, 116))
    sketch.oval("#e6cda3", 38, 104, 34, 26)
    sketch.oval("#1b1410", 26, 98, 13, 11)
    sketch.oval("#1b1410", 54, 84, 10, 11)


def insect(sketch: Sketch) -> None:
    for start, middle, end in (
        ((104, 128), (64, 96), (34, 112)),
        ((108, 142), (58, 142), (26, 168)),
        ((116, 154), (80, 184), (64, 226)),
        ((152, 128), (192, 96), (222, 112)),
        ((148, 142), (198, 142), (230, 168)),
        ((140, 154), (176, 184), (192, 226)),
    ):
        sketch.line("#241a10", 7, start, middle, end)
    sketch.oval("#5a2f12", 128, 178, 66, 92)
    sketch.oval("#6e3b16", 128, 118, 50, 50)
    sketch.oval("#3d2210", 128, 78, 42, 38)
    sketch.line("#241a10", 5, (118, 64), (98, 34), (78, 26))
    sketch.line("#241a10", 5, (138, 64), (158, 34), (178, 26))
    for y in (160, 180, 200):
        sketch.line("#2f190a", 5, (100, y), (128, y + 5), (156, y))


def monkey_on_a_branch(sketch: Sketch) -> None:
    sketch.area("#2f6b2c", (-50, -40), (300, -40), (300, 52), (180, 66), (90, 44), (-50, 72))
    sketch.line("#5b3d1f", 22, (0, 196), (120, 202), (256, 186))
    sketch.line("#4a2f1a", 12, (164, 178), (206, 200), (204, 236), (178, 240))
    sketch.area("#6b4424", (92, 196), (84, 140), (112, 110), (156, 116), (172, 160), (164, 200))
    sketch.oval("#6b4424", 124, 84, 78, 74)
    for x in (84, 164):
        sketch.oval("#c99b6c", x, 84, 22, 28)
    sketch.oval("#d9ae80", 124, 92, 54, 50)
    for x in (112, 136):
        sketch.oval("#17100b", x, 84, 10, 11)
    sketch.line("#51301a", 4, (110, 106), (124, 111), (138, 106))
    sketch.line("#5a381e", 17, (98, 150), (80, 176), (92, 200))
    sketch.line("#5a381e", 17, (156, 150), (168, 180), (150, 202))


def cat(sketch: Sketch) -> None:
    sketch.area("#8f8578", (60, 256), (56, 196), (84, 150), (172, 150), (200, 196), (196, 256))
    sketch.area("#8f8578", (62, 96), (60, 26), (112, 66))
    sketch.area("#8f8578", (194, 96), (196, 26), (144, 66))
    sketch.area("#d8a79b", (72, 76), (70, 46), (96, 66))
    sketch.area("#d8a79b", (184, 76), (186, 46), (160, 66))
    sketch.oval("#9c9285", 128, 116, 140, 116)
    for x in (98, 158):
        sketch.oval("#b9c94f", x, 108, 32, 28)
        sketch.oval("#12120c", x, 108, 11, 26)
    sketch.area("#d08b80", (118, 132), (138, 132), (128, 144))
    for side in (-1, 1):
        sketch.line("#3c362f", 4, (128, 142), (128 + side * 16, 154))
        for dy in (-6, 4):
            sketch.line("#efece6", 3, (128 + side * 26, 140), (128 + side * 84, 140 + 2 * dy))
    for x in (112, 128, 144):
        sketch.line("#5b5349", 7, (x, 64), (x, 88))


def bird_on_a_branch(sketch: Sketch) -> None:
    sketch.line("#5d4326", 18, (0, 196), (110, 188), (256, 206))
    sketch.line("#5d4326", 9, (186, 198), (222, 164))
    sketch.oval("#4f8a34", 228, 158, 34, 22)
    sketch.area("#3d5f99", (178, 150), (244, 196), (232, 214), (160, 176))
    sketch.area("#4a74b8", (78, 96), (126, 78), (176, 110), (190, 158), (146, 184), (96, 164))
    sketch.area("#e8e2d0", (84, 124), (124, 132), (146, 180), (100, 164))
    sketch.oval("#4a74b8", 92, 84, 66, 62)
    sketch.area("#e0a02e", (64, 76), (30, 88), (64, 96))
    sketch.oval("#0e1016", 84, 78, 12, 12)
    sketch.area("#2f4c80", (124, 108), (176, 128), (196, 172), (146, 158))
    for x in (118, 138):
        sketch.line("#c98a28", 5, (x, 178), (x, 194))


def frog(sketch: Sketch) -> None:
    sketch.area("#3f8f3a", (48, 214), (46, 150), (84, 108), (172, 108), (210, 150), (208, 214), (128, 226))
    for x in (84, 172):
        sketch.oval("#4ba345", x, 88, 54, 52)
        sketch.oval("#e8d24a", x, 84, 34, 34)
        sketch.oval("#101408", x, 84, 20, 15)
    sketch.oval("#d6e39a", 128, 190, 104, 56)
    sketch.line("#1f4f1e", 6, (66, 148), (128, 164), (190, 148))
    for side in (-1, 1):
        sketch.area(
            "#378033", (128 + side * 60, 190), (128 + side * 108, 182), (128 + side * 112, 232), (128 + side * 56, 236)
        )


def crab(sketch: Sketch) -> None:
    for side in (-1, 1):
        for dy in (0, 22, 44):
            sketch.line(
                "#a8321c", 9, (128 + side * 50, 146 + dy / 2), (128 + side * 88, 150 + dy), (128 + side * 104, 176 + dy)
            )
        sketch.line("#b83a20", 16, (128 + side * 48, 128), (128 + side * 88, 104), (128 + side * 84, 70))
        sketch.oval("#cc4526", 128 + side * 84, 58, 46, 50)
        sketch.line("#e6d9b8", 10, (128 + side * 84, 30), (128 + side * 84, 62))
        sketch.line("#a8321c", 6, (128 + side * 20, 116), (128 + side * 24, 94))
        sketch.oval("#140d0a", 128 + side * 24, 90, 13, 13)
    sketch.oval("#d24a28", 128, 148, 130, 84)
    sketch.line("#8c2514", 4, (96, 168), (128, 178), (160, 168))


SUBJECTS: dict[str, tuple[Callable[[Sketch], None], str, str]] = {
    "dog": (dog, "#9db8cf", "dog"),
    "turtle-like frog": (turtle_like_frog, "#c9c09a", "frog"),
    "two fish": (two_fish, "#2f7fb0", "goldfish"),
    "dog on grass": (dog_on_grass, "#a8cbe6", "dog"),
    "insect": (insect, "#b7c98a", "insect"),
    "monkey on a branch": (monkey_on_a_branch, "#bcd6c2", "primate"),
    "cat": (cat, "#c2a98c", "cat"),
    "bird on a branch": (bird_on_a_branch, "#cfe0ea", "bird"),
    "frog": (frog, "#8a9a5c", "frog"),
    "crab": (crab, "#dcc79a", "lobster"),
}


def main() -> None:
    sheet(rw.load_model("default", device="cpu")).save(PICTURES / "subjects.jpg", quality=90)


def sheet(model: rw.RobustClassifier) -> Image.Image:
    """Two rows of pairs: each sketch, and below it the picture it became."""
    width, height = TILE + GAP, HEAD + 2 * TILE + GAP
    picture = Image.new("RGB", (COLUMNS * width - GAP, 2 * height - GAP), "white")
    draw = ImageDraw.Draw(picture)
    for place, (name, (paint, ground, target)) in enumerate(SUBJECTS.items()):
        sketch = Sketch(ground)
        paint(sketch)
        trace = rw.sketch_to_image(sketch.pixels, target, size=128, model=model)
        x, y = place % COLUMNS * width, place // COLUMNS * height
        draw.text((x + 2, y + 12), name, fill=INK, font=font(14), anchor="lm")
        draw.text((x + 2, y + 31), f"class {target!r}", fill=INK, font=font(12), anchor="lm")
        for row, pixels in enumerate((sketch.pixels, trace[-1].pixels[0])):
            tile = Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.BICUBIC)
            picture.paste(tile, (x, y + HEAD + row * TILE))
    return picture


if __name__ == "__main__":
    main()
