"""The architectures that this package trains, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from robust_widgets.errors import UnknownNameError, unknown_name
from robust_widgets.models.networks.base import PaintableNetwork
from robust_widgets.models.networks.plainnet import PlainConfig
from robust_widgets.models.networks.smoothresnet import ResNetConfig
from robust_widgets.pictures.tensors import plain_torch

SIZES: dict[str, ResNetConfig] = {
    "smoothresnet-tiny": ResNetConfig(stem=8, widths=(16, 32, 64, 128)),
    "smoothresnet-small": ResNetConfig(stem=16, widths=(32, 64, 128, 256)),
    "smoothresnet": ResNetConfig(stem=16, widths=(48, 96, 192, 384)),
}

# The three sizes, and variants with one change each, to see what it does to the pictures.
ARCHITECTURES: dict[str, ResNetConfig | PlainConfig] = {
    **SIZES,
    **{f"{name}-relu": replace(config, activation="relu") for name, config in SIZES.items()},
    **{f"{name}-gelu": replace(config, activation="gelu") for name, config in SIZES.items()},
    **{f"{name}-strided": replace(config, downsampling="stride") for name, config in SIZES.items()},
    **{name.replace("smooth", "blur"): replace(config, smooth_input=False) for name, config in SIZES.items()},
    "plainnet": PlainConfig(),
}


def architecture_names() -> Sequence[str]:
    """The names that :func:`build` and ``robust-widgets train`` accept."""
    return tuple(ARCHITECTURES)


def build(name: str, classes: int) -> PaintableNetwork:
    """A freshly initialised network.

    Args:
        name: one of :func:`architecture_names`.
        classes: number of logits.

    Raises:
        UnknownNameError: no such architecture.
    """
    if name not in ARCHITECTURES:
        raise UnknownNameError(unknown_name("architecture", name, architecture_names()))
    with plain_torch():
        return ARCHITECTURES[name].build(classes).float()
