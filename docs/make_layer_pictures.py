"""Paint the pictures of docs/how-to/see-what-the-network-sees.md with the bundled models.

Run ``python docs/make_layer_pictures.py``; it needs the extra ``explain``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import robust_widgets as rw

PICTURES = Path(__file__).parent / "pictures"
LAYERS = ("stem", "stage1", "stage2", "stage3", "stage4")
COUNT = 8
SEED = 3


def main() -> None:
    model = rw.load_model(device="cpu")
    dreams(model).save(PICTURES / "dreams.jpg", quality=90)
    lion = rw.generate("lion", seed=SEED, model=model).pixels[0]
    standard = rw.load_model("standard", device="cpu")
    rw.explanation_sheet(lion, "lion", models=[model, standard]).save(PICTURES / "why.jpg", quality=92)
    changes = [rw.counterfactual(lion, "bear", model=each).image(144) for each in (model, standard)]
    stacked = np.concatenate([np.asarray(fit(change, max(c.width for c in changes))) for change in changes])
    Image.fromarray(stacked).save(PICTURES / "smallest-change.jpg", quality=92)
    weights = [{"lion": 1 - share, "bear": share} for share in (0, 0.25, 0.5, 0.75, 1)]
    between = rw.sweep("generate", x=("target", weights), y=("seed", [SEED, SEED + 1]), model=model)
    between.image().save(PICTURES / "between.jpg", quality=92)


def dreams(model: rw.RobustClassifier) -> Image.Image:
    """A row for each layer, a column for each of its first channels."""
    pictures = [pixels for layer in LAYERS for pixels in rw.dream(layer, channels=COUNT, model=model).pixels]
    captions = [f"{layer}, channel {channel}" for layer in LAYERS for channel in range(COUNT)]
    return rw.gallery(pictures, captions, columns=COUNT, size=104)


def fit(picture: Image.Image, width: int) -> Image.Image:
    """A picture on white of this width."""
    page = Image.new("RGB", (width, picture.height), "white")
    page.paste(picture)
    return page


if __name__ == "__main__":
    main()
