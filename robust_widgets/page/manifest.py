"""What a page says of itself: the manifest, which ``frontend/page/src/manifest.ts`` reads."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps
from torch import Tensor

from robust_widgets import __version__, units
from robust_widgets._bundled import is_bundled
from robust_widgets.errors import PictureError, WeightsError
from robust_widgets.interface import examples
from robust_widgets.interface.parameters import (
    BRUSH_SIZE,
    OPACITY,
    PAPER_PENALTY,
    SIZE,
    SOFTNESS,
    AnyParameter,
    Choice,
)
from robust_widgets.interface.tasks import TaskSpec, task_specs
from robust_widgets.models.class_pictures import known_class_pictures
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.features import has_features, model_features
from robust_widgets.models.networks.separable import SMOOTHING
from robust_widgets.models.registry import source_of
from robust_widgets.page.structures import RecordedTasks
from robust_widgets.page.weights import WeightStore
from robust_widgets.pictures import harmonic, masks
from robust_widgets.pictures import weights as step_weights
from robust_widgets.tasks.running.problems import FINER_EPSILON, FINER_STEPS, LARGEST_SHIFT, NOISE

VERSION = 1
WEIGHTS, SEEDS, PICTURES, PICTURE = "weights.bin", "seeds.bin", "pictures.json", "picture.png"
THUMBNAIL_QUALITY = 80
EXAMPLE_SIDE = 256  # of the canvas


def tasks_of(recorded: RecordedTasks) -> list[dict[str, Any]]:
    """The tasks of a page, with their parameters and the structure of each combination of choices."""
    specs = task_specs()
    return [
        {
            **_declaration(specs[name], recorded.sizes),
            "uses": [{"choices": choices, "structure": structure} for choices, structure in uses],
        }
        for name, uses in recorded.uses.items()
    ]


def _declaration(spec: TaskSpec, sizes: tuple[int, ...]) -> dict[str, Any]:
    # A graph is for one size of pictures.
    fixed = ("size",) if len(sizes) < 2 else ()
    return {
        "name": spec.name,
        "label": spec.label,
        "hint": spec.hint,
        "summary": spec.summary,
        "takesPicture": spec.takes_picture,
        "takesMask": spec.takes_mask,
        "target": spec.target,
        "showsClass": spec.shows_class,
        "parameters": [
            _parameter(parameter) | ({"among": sizes} if parameter.name == "size" else {})
            for parameter in spec.parameters
            if parameter.name not in fixed
        ],
        "fixed": {parameter.name: parameter.default for parameter in spec.parameters if parameter.name in fixed},
    }


def _parameter(parameter: AnyParameter) -> dict[str, Any]:
    kind = "choice" if isinstance(parameter, Choice) else "number"
    values = {_camel_case(field.name): getattr(parameter, field.name) for field in dataclasses.fields(parameter)}
    finite = {name: None if isinstance(value, float) and math.isinf(value) else value for name, value in values.items()}
    return {"kind": kind, **finite}


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def model_of(model: RobustClassifier, recorded: RecordedTasks) -> dict[str, Any]:
    """What a page says of its model."""
    card = model.card
    return {
        "name": card.name,
        "classes": card.classes,
        "synonyms": model.synonyms,
        "inputSize": card.input_size,
        "description": card.architecture,
        "claim": card.claim,
        "source": _public_source(model),
        "fingerprint": model.fingerprint,
        "licence": [card.data] if card.data else [],
        "units": _unit_count(model),
        "missing": recorded.missing,
    }


def _public_source(model: RobustClassifier) -> str:
    """What ``load_model`` loads it by, without the folders of whoever made the page."""
    source = source_of(model)
    is_file = model.source is not None and not is_bundled(model.source)
    return Path(source).name if is_file or "/" in source or "\\" in source else source


def _unit_count(model: RobustClassifier) -> int:
    size = (1, 3, model.input_size, model.input_size)
    with suppress(WeightsError), torch.no_grad():
        return model.uncompiled().features(torch.zeros(size, dtype=torch.float32)).shape[1]
    return 0


def pictures_of(model: RobustClassifier) -> dict[str, Any]:
    """The model's features and class pictures, and the examples that suit it, as addresses that hold their data.

    Each of them is empty if there are none.
    """
    classes = known_class_pictures(model.source, len(model.classes), model.fingerprint)
    return {
        "features": _features(model),
        "classPictures": [_address(pixels) for pixels in classes],
        "examples": [*_sketches(model.classes), *_photographs(model.classes)],
    }


def _sketches(classes: tuple[str, ...]) -> list[dict[str, str]]:
    return [
        {
            "task": "sketch_to_image",
            "name": name,
            "target": examples.class_of(name, classes),
            "picture": _address(examples.sketch(name, EXAMPLE_SIDE), "PNG"),
        }
        for name in examples.sketch_names(classes)
    ]


def _photographs(classes: tuple[str, ...]) -> list[dict[str, str]]:
    """The photograph of the studio, where this machine has it."""
    with suppress(PictureError):
        whole = Image.fromarray(examples.photograph())
        fitted = ImageOps.fit(whole, (EXAMPLE_SIDE, EXAMPLE_SIDE), Image.Resampling.BICUBIC)
        target = examples.photograph_target(classes)
        return [{"task": "translate", "name": "photo", "target": target, "picture": _address(np.asarray(fitted))}]
    return []


def _features(model: RobustClassifier) -> list[dict[str, Any]]:
    if not has_features(model):
        return []
    return [
        {
            "name": feature.name,
            "unit": feature.unit,
            "classes": feature.classes,
            "thumbnail": _address(feature.thumbnail),
        }
        for feature in model_features(model)
    ]


def _address(pixels: npt.NDArray[np.uint8], form: Literal["JPEG", "PNG"] = "JPEG") -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, quality=THUMBNAIL_QUALITY, optimize=True)
    return f"data:image/{form.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def seeds_of(seeds: Mapping[str, Tensor] | None) -> tuple[dict[str, Any] | None, bytes]:
    """Where a file holds the seed distributions, and its content; None and nothing for a model without."""
    if seeds is None:
        return None, b""
    entries: dict[str, Any] = {}
    data = bytearray()
    for name, tensor in seeds.items():
        values = tensor.detach().cpu().float().numpy()
        half = values.astype(np.float16)
        stored = half if np.array_equal(half.astype(np.float32), values) else values
        entries[name] = {"at": len(data), "dtype": stored.dtype.name, "shape": list(stored.shape)}
        data += stored.astype(stored.dtype.newbyteorder("<")).tobytes()
        data += bytes(-len(data) % 4)
    return {"file": SEEDS, **entries}, bytes(data)


def manifest_of(
    model: RobustClassifier,
    recorded: RecordedTasks,
    weights: WeightStore,
    seeds: dict[str, Any] | None,
    *,
    title: str,
    task: str,
    picture: str,
) -> dict[str, Any]:
    """The whole manifest, without its list of files.

    Args:
        model: the page's model.
        recorded: its tasks.
        weights: with the constants of all their structures.
        seeds: where the file of seed distributions holds what; None if the model has none.
        title: of the page.
        task: that the page opens with.
        picture: the file that it opens with; ``""`` for none.
    """
    return {
        "version": VERSION,
        "madeBy": f"robust-widgets {__version__}",
        "title": title,
        "task": task,
        "picture": picture,
        "model": model_of(model, recorded),
        "tasks": tasks_of(recorded),
        "brush": [_parameter(parameter) for parameter in (BRUSH_SIZE, SOFTNESS, OPACITY)],
        "structures": {
            name: {"file": step_file(name), "inputs": [dataclasses.asdict(entry) for entry in structure.inputs]}
            for name, structure in recorded.structures.items()
        },
        "weights": weights_of(weights),
        "seeds": seeds,
        "numbers": {
            "referenceSize": units.REFERENCE_SIZE,
            "levels": units.LEVELS,
            "noise": NOISE,
            "largestShift": LARGEST_SHIFT,
            "finerSteps": FINER_STEPS,
            "finerEpsilon": FINER_EPSILON,
            "smallestSize": SIZE.minimum,
            "smoothing": list(SMOOTHING.taps),
            "paperPenalty": PAPER_PENALTY,
            "maskMiddle": masks.MIDDLE,
            "maskThin": masks.THIN,
            "groundTolerance": step_weights.TOLERANCE,
            "groundSoftened": step_weights.SOFTENED,
            "groundSmallest": step_weights.SMALLEST,
            "edge": step_weights.EDGE,
            "edgeWidth": step_weights.EDGE_WIDTH,
            "harmonicTolerance": harmonic.TOLERANCE,
            "harmonicIterations": harmonic.MAX_ITERATIONS,
        },
    }


def weights_of(weights: WeightStore) -> dict[str, Any]:
    """How the browser makes the graphs' constants of the file of weights."""
    return {
        "file": WEIGHTS,
        "length": weights.length,
        "stored": [dataclasses.asdict(stored) for stored in weights.stored],
        "constants": [dataclasses.asdict(constant) for constant in weights.constants],
    }


def step_file(structure: str) -> str:
    """The file of a structure's graph."""
    return f"steps/{structure}.onnx"
