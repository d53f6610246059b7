"""The charts of a model card."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image

from robust_widgets.evaluation.charts import classes_chart, contact_sheet, reliability_chart, spectrum_chart
from robust_widgets.evaluation.scores import Calibration, Ratio


def opened(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB")).astype(int)


def test_charts_depend_on_their_data() -> None:
    names = ["cat", "dog", "goldfish"]
    few = opened(classes_chart(names, {"clean": [0.9, float("nan"), 0.7], "l2 1": [0.5, float("nan"), 0.2]}))
    many = opened(classes_chart(names * 9, {"clean": [0.5] * 27}))
    assert many.shape[0] > 2 * few.shape[0]
    calm, wild = (Calibration((0, 5, 5), (0, 0.5, 0.9), (0, right, 1.0)) for right in (0.5, 0.1))
    assert not np.array_equal(opened(reliability_chart(calm)), opened(reliability_chart(wild)))
    flat, steep = Ratio((1.0,) * 11), Ratio(tuple(10.0**-i for i in range(11)))
    charts = [opened(spectrum_chart({"generated": (one, Ratio(one.values[:8]))}, 16)) for one in (flat, steep)]
    assert not np.array_equal(*charts)


def test_a_contact_sheet_shows_the_first_pictures_of_each_class_and_its_name() -> None:
    colours = np.array([[200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)
    labels = torch.tensor([0, 1, 2] * 6)
    pixels = np.broadcast_to(colours[labels.numpy()][:, None, None], (18, 32, 32, 3))
    sheet = opened(contact_sheet(pixels, labels, ("cat", "dog", "goldfish")))
    assert sheet.shape[0] == 64
    for colour in colours:
        assert (sheet == colour).all(2).sum() == 4 * 64 * 64
    assert (sheet.sum(2) < 200).any(), "the names are written"
