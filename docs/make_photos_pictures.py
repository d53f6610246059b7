"""Paint the pictures of the bundled model "photos": python docs/make_photos_pictures.py

A sketch of each class, drawn with the studio's brushes, and what it became; and pictures from noise. Nothing is picked
out: seed 0 (0 to 2 from noise) and the tasks' defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from make_pictures import INK, animate, font, shown
from make_subjects import Sketch, plain_dog
from PIL import Image, ImageDraw

import robust_widgets as rw
from robust_widgets.pictures import Pixels

PICTURES = Path(__file__).parent / "pictures"
TILE, GAP, HEAD, COLUMNS = 168, 6, 26, 7


def buildings(sketch: Sketch) -> None:
    for x, top, width, color in ((20, 96, 62, "#8d8f98"), (92, 40, 58, "#6f7d92"), (160, 74, 74, "#a08d7c")):
        sketch.rectangle(color, x, top, x + width, 256)
        for row in range(top + 16, 240, 26):
            for column in range(x + 10, x + width - 10, 18):
                sketch.rectangle("#39424f", column, row, column + 9, row + 13)


def forest(sketch: Sketch) -> None:
    sketch.rectangle("#4a6b34", 0, 170, 256, 256)
    for x, size in ((30, 120), (82, 160), (140, 130), (196, 170), (240, 120)):
        sketch.rectangle("#4a3420", x - 6, 150, x + 6, 206)
        sketch.area("#24502a", (x, 186 - size), (x - 42, 186), (x + 42, 186))


def glacier(sketch: Sketch) -> None:
    sketch.area("#7d8796", (-40, 120), (50, 40), (110, 110), (180, 30), (300, 110), (300, 180), (-40, 180))
    sketch.area("#e9f1f7", (60, 110), (200, 100), (256, 190), (300, 300), (-60, 300), (-20, 190))
    for x in (60, 120, 180):
        sketch.line("#a9c8de", 5, (x, 140), (x - 14, 190), (x - 8, 246))


def mountain(sketch: Sketch) -> None:
    sketch.area("#5b6675", (-60, 220), (90, 46), (160, 150), (200, 96), (320, 220))
    sketch.area("#f2f5f8", (64, 80), (90, 46), (116, 86), (92, 98))
    sketch.area("#f2f5f8", (184, 118), (200, 96), (218, 120), (200, 128))
    sketch.rectangle("#51753f", 0, 196, 256, 256)


def sea(sketch: Sketch) -> None:
    sketch.rectangle("#1f5f86", 0, 128, 256, 256)
    sketch.oval("#ffd27a", 176, 112, 44, 44)
    sketch.rectangle("#1f5f86", 130, 128, 230, 140)
    for y, x in ((150, 60), (172, 150), (196, 40), (220, 170)):
        sketch.line("#d7e7ef", 6, (x, y), (x + 36, y - 5), (x + 70, y))


def street(sketch: Sketch) -> None:
    sketch.area("#6d6a68", (110, 130), (146, 130), (256, 280), (0, 280))
    sketch.area("#a5785a", (-20, 20), (60, 60), (106, 120), (106, 140), (-20, 240))
    sketch.area("#8f8a84", (276, 20), (200, 60), (150, 120), (150, 140), (276, 240))
    for x, y in ((20, 90), (52, 104), (204, 104), (236, 90)):
        sketch.rectangle("#3d3a3a", x - 8, y - 14, x + 8, y + 14)
    sketch.line("#e6e2da", 5, (128, 160), (128, 190))
    sketch.line("#e6e2da", 7, (128, 210), (128, 252))


def cat(sketch: Sketch) -> None:
    sketch.area("#8a6b4a", (60, 262), (56, 196), (84, 150), (172, 150), (200, 196), (196, 262))
    sketch.area("#8a6b4a", (62, 96), (60, 26), (112, 66))
    sketch.area("#8a6b4a", (194, 96), (196, 26), (144, 66))
    sketch.oval("#9c7d58", 128, 116, 140, 116)
    for x in (98, 158):
        sketch.oval("#c3cf5a", x, 108, 32, 28)
        sketch.oval("#12120c", x, 108, 12, 26)
    sketch.area("#d08b80", (116, 130), (140, 130), (128, 146))
    sketch.oval("#e9dcc6", 128, 156, 54, 30)
    sketch.line("#3c2f24", 4, (128, 142), (128, 156))


def church(sketch: Sketch) -> None:
    sketch.rectangle("#5b7d45", 0, 206, 256, 256)
    sketch.rectangle("#c9b28f", 108, 126, 228, 216)
    sketch.area("#7d4a3a", (100, 130), (124, 84), (216, 84), (238, 130))
    sketch.rectangle("#d6c29f", 54, 92, 112, 216)
    sketch.area("#5a4038", (46, 96), (83, 8), (120, 96))
    for x in (136, 168, 200):
        sketch.rectangle("#4a4d5c", x, 150, x + 14, 186)
    sketch.rectangle("#4f3626", 72, 176, 94, 216)


def golf_ball(sketch: Sketch) -> None:
    sketch.oval("#f4f5f2", 128, 150, 108, 108)
    for x in range(96, 164, 16):
        for y in range(120, 184, 16):
            sketch.oval("#d3d7d3", x + (y // 16 % 2) * 8, y, 7, 7)
    sketch.line("#2f6f2f", 9, (0, 214), (256, 214))


def parachute(sketch: Sketch) -> None:
    sketch.area("#d8392b", (38, 108), (60, 44), (128, 20), (196, 44), (218, 108), (128, 92))
    sketch.area("#f2c230", (96, 98), (106, 34), (128, 20), (150, 34), (160, 98), (128, 92))
    for x in (48, 98, 158, 208):
        sketch.line("#2b2b2b", 3, (x, 100), (128, 204))
    sketch.oval("#2b2b2b", 128, 212, 16, 30)


def truck(sketch: Sketch) -> None:
    sketch.rectangle("#77756f", 0, 200, 256, 256)
    sketch.area("#3f8f4f", (24, 84), (156, 84), (160, 186), (24, 186))
    sketch.area("#e8e8e4", (162, 104), (212, 104), (236, 146), (236, 188), (162, 188))
    sketch.area("#39506a", (176, 114), (206, 114), (222, 146), (176, 146))
    for x in (62, 112, 200):
        sketch.oval("#1d1d1d", x, 194, 40, 40)
        sketch.oval("#9c9c9c", x, 194, 16, 16)


def gas_pump(sketch: Sketch) -> None:
    sketch.rectangle("#8b8a86", 0, 218, 256, 256)
    sketch.rectangle("#c93a2c", 76, 44, 176, 224)
    sketch.rectangle("#e9ece6", 90, 62, 162, 116)
    sketch.rectangle("#20242a", 100, 74, 152, 90)
    sketch.rectangle("#20242a", 100, 96, 152, 108)
    sketch.line("#1c1c1c", 10, (176, 84), (216, 100), (214, 190), (188, 204))
    sketch.rectangle("#1c1c1c", 170, 76, 190, 110)


def horn(sketch: Sketch) -> None:
    sketch.line("#c9982f", 18, (128, 70), (184, 92), (192, 150), (146, 192), (92, 176), (74, 128), (100, 86), (140, 78))
    sketch.line("#b5852a", 12, (112, 120), (150, 112), (160, 142), (130, 158), (108, 140))
    sketch.area("#dcb045", (60, 150), (104, 190), (72, 244), (20, 210), (22, 168))
    sketch.line("#b5852a", 9, (132, 72), (84, 44), (60, 40))


SKETCHES: dict[str, tuple[Callable[[Sketch], None], str]] = {
    "mountain": (mountain, "#9cc3e6"),
    "sea": (sea, "#f2b98a"),
    "forest": (forest, "#b9d2de"),
    "glacier": (glacier, "#a9cbe8"),
    "church": (church, "#8fbbe4"),
    "street": (street, "#bcd3e4"),
    "buildings": (buildings, "#a8c8e2"),
    "dog": (plain_dog, "#8fae7c"),
    "cat": (cat, "#b4a08c"),
    "parachute": (parachute, "#7db4ea"),
    "golf ball": (golf_ball, "#5d9a49"),
    "truck": (truck, "#a9c9e4"),
    "gas pump": (gas_pump, "#b3cbd9"),
    "horn": (horn, "#4d4640"),
}


def main() -> None:
    model = rw.load_model("photos", device="cpu")
    sketches(model).save(PICTURES / "photos-sketches.jpg", quality=90)
    generated(model).save(PICTURES / "photos-generated.jpg", quality=90)
    run = rw.sketch_to_image(drawn("street"), "street", model=model)
    animate(run, PICTURES / "sketch-to-street.gif", columns=2)


def drawn(name: str) -> Pixels:
    """The sketch of a class, uint8 (256, 256, 3)."""
    paint, ground = SKETCHES[name]
    sketch = Sketch(ground)
    paint(sketch)
    return sketch.pixels


def sketches(model: rw.RobustClassifier) -> Image.Image:
    """Two rows of pairs: each sketch, and below it the picture it became."""
    columns = {name: [drawn(name)] for name in SKETCHES}
    for name, pictures in columns.items():
        pictures.append(rw.sketch_to_image(pictures[0], name, model=model)[-1].pixels[0])
    return sheet(columns, TILE)


def generated(model: rw.RobustClassifier) -> Image.Image:
    """Three pictures of each class, from noise."""
    return sheet({name: list(rw.generate(name, n=3, model=model)[-1].pixels) for name in model.classes}, TILE * 2 // 3)


def sheet(pictures: Mapping[str, Sequence[Pixels]], tile: int) -> Image.Image:
    """Pictures under the name of their class, `COLUMNS` classes a row."""
    count = len(next(iter(pictures.values())))
    width, height = tile + GAP, HEAD + count * tile + GAP
    whole = Image.new("RGB", (COLUMNS * width - GAP, -(-len(pictures) // COLUMNS) * height - GAP), "white")
    draw = ImageDraw.Draw(whole)
    for place, (name, column) in enumerate(pictures.items()):
        x, y = place % COLUMNS * width, place // COLUMNS * height
        draw.text((x + 2, y + HEAD / 2), name, fill=INK, font=font(14), anchor="lm")
        for row, pixels in enumerate(column):
            whole.paste(shown(pixels, tile), (x, y + HEAD + row * tile))
    return whole


if __name__ == "__main__":
    main()
