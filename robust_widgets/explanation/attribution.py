"""Attributions: how much each value of a picture speaks for a class, computed by captum.

A robust classifier's gradients follow what people see; a standard one's look like noise. `explanation_sheet` shows
both.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from robust_widgets.errors import PictureError, SetupError, UnknownNameError, unknown_name
from robust_widgets.interface.explanation import DEFAULT_METHOD, METHODS, Explanation
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.pictures.grid import gallery
from robust_widgets.pictures.tensors import Picture, plain_torch, to_batch, to_pixels
from robust_widgets.tasks.running.run import resolve_model

GREY = 0.5  # what stands for nothing: black would hide the dark parts of a picture
LINE_POINTS = 32
NOISY_COPIES, NOISE = 32, 0.1
AT_ONCE = 16  # pictures in a forward pass
PATCHES = 8  # of a row


@plain_torch()
def explain(
    picture: Picture,
    target: str | int | None = None,
    *,
    model: RobustClassifier | str | None = None,
    method: str = DEFAULT_METHOD,
    device: str | torch.device | None = None,
) -> Explanation:
    """What speaks for a class in a picture, according to the model.

    Needs captum: ``pip install 'robust-widgets[explain]'``. The attribution is that of the class's logit.

    Args:
        picture: one picture, as :func:`robust_widgets.to_batch` takes it.
        target: the class, by name or index; by default the one that the model finds most probable.
        model: a model, or what :func:`load_model` loads: a name or a file. By default the bundled ``"default"``.
        method: ``"gradient"``; ``"integrated gradients"``, from grey, over 32 points; ``"smoothed gradient"``, over 32
            copies with noise of deviation 0.1, seeded; or ``"occlusion"``, by grey patches of an eighth of the width.
        device: where to compute; by default the fastest device.

    Raises:
        SetupError: captum is not installed.
        PictureError: the picture cannot be read, or there are several.
        UnknownNameError: no such class or method.
    """
    if not isinstance(method, str) or method not in METHODS:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UnknownNameError(unknown_name("method", method, tuple(METHODS)))
    captum = _captum()
    classifier = resolve_model(model, device)
    x = to_batch(picture, classifier.input_size).to(classifier.device)
    if len(x) != 1:
        raise PictureError(f"There are {len(x)} pictures to explain; give one.")
    network = classifier.uncompiled()
    with torch.no_grad():
        probabilities = network(x).softmax(1)[0]
    index = int(probabilities.argmax()) if target is None else classifier.class_index(target)
    devices = [classifier.device] if classifier.device.type == "cuda" else []
    with torch.enable_grad(), torch.random.fork_rng(devices):
        torch.manual_seed(0)
        attribution = _attribute(captum, method, network, x, index)
    return Explanation(
        picture=to_pixels(x)[0],
        attribution=attribution.detach()[0].permute(1, 2, 0).float().cpu().numpy(),
        target=classifier.classes[index],
        probability=float(probabilities[index]),
        method=method,
        model=classifier.card.name,
    )


def explanation_sheet(
    picture: Picture,
    target: str | int | None = None,
    *,
    models: Sequence[RobustClassifier | str] = ("default", "standard"),
    methods: Sequence[str] = tuple(METHODS),
    device: str | torch.device | None = None,
    size: int = 144,
    on_explained: Callable[[Explanation], object] | None = None,
) -> Image.Image:
    """A row for each model: the picture, then what each method says; robust next to standard by default.

    Args:
        picture, target, device: as for `explain`; without a target, all rows are of the first model's class.
        models: the models, each as for `explain`.
        methods: the methods of `explain`.
        size: height of each picture in pixels.
        on_explained: called with each explanation.

    Raises:
        SetupError, PictureError, UnknownNameError: as for `explain`.
    """
    pictures: list[Any] = []
    captions: list[str] = []
    for model in models:
        for method in methods:
            explanation = explain(picture, target, model=model, method=method, device=device)
            target = explanation.target if target is None else target
            if method == methods[0]:
                pictures.append(explanation.picture)
                captions.append(f"{explanation.model}\n{explanation.target} {explanation.probability:.0%}")
            pictures.append(explanation.overlay)
            captions.append(method)
            if on_explained is not None:
                on_explained(explanation)
    return gallery(pictures, captions, columns=len(methods) + 1, size=size)


def _captum() -> Any:
    try:
        return importlib.import_module("captum.attr")
    except ImportError:
        raise SetupError(
            "Attributions are computed by captum, which is not installed; pip install 'robust-widgets[explain]'."
        ) from None


def _attribute(captum: Any, method: str, network: RobustClassifier, x: Tensor, index: int) -> Tensor:
    """The attribution of a class's logit, (1, 3, h, w)."""
    x, grey = x.clone().requires_grad_(), torch.full_like(x, GREY)
    if method == "gradient":
        return captum.Saliency(network).attribute(x, target=index, abs=False)
    if method == "integrated gradients":
        return captum.IntegratedGradients(network).attribute(
            x, grey, target=index, n_steps=LINE_POINTS, internal_batch_size=AT_ONCE
        )
    if method == "smoothed gradient":
        return captum.NoiseTunnel(captum.Saliency(network)).attribute(
            x, nt_type="smoothgrad", nt_samples=NOISY_COPIES, nt_samples_batch_size=AT_ONCE, stdevs=NOISE,
            target=index, abs=False,
        )  # fmt: skip
    patch = max(1, x.shape[-1] // PATCHES)
    return captum.Occlusion(network).attribute(
        x.detach(), (3, patch, patch), (3, max(1, patch // 2), max(1, patch // 2)), grey, target=index,
        perturbations_per_eval=AT_ONCE,
    )  # fmt: skip
