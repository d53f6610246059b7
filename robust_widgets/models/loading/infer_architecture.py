"""Where the weights and the normalisation lie in what others save.

Known layouts: a bare state dict; a checkpoint with the state dict as one of its entries; each of these from inside
DataParallel or torch.compile; the robustness library's attacker model (MIT licence), which holds the weights twice and
a normaliser; RobustBench's networks (MIT licence), which hold a mean and a deviation beside their weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeAlias, cast

import torch
from torch import Tensor, nn

from robust_widgets.errors import WeightsError
from robust_widgets.models.loading.safe_load import checked_weights
from robust_widgets.models.networks.cifar import VGG_STAGES, PreActResNet, SmallDenseNet, SmallResNet, SmallVGG
from robust_widgets.models.networks.wide_resnet import ACTIVATIONS, DeepMindPreActResNet, DeepMindWideResNet, WideResNet

Colour: TypeAlias = tuple[float, float, float]

# Where a checkpoint keeps its state dict, the likeliest first.
ENTRIES = ("model", "state_dict", "model_state_dict", "net", "last", "best")
WRAPPERS = ("module.", "_orig_mod.", "model.")
# Beside the weights: a mean and a deviation for each channel.
NORMALISERS = (
    ("normalizer.new_mean", "normalizer.new_std"),
    ("normalize.new_mean", "normalize.new_std"),
    ("normalize.mean", "normalize.std"),
    ("normalizer.mean", "normalizer.std"),
    ("mu", "sigma"),
    ("mean", "std"),
)
DEEPEST = 4


@dataclass(frozen=True)
class Weights:
    """A network's weights, and the normalisation that was saved with them.

    Attributes:
        state: float16, bfloat16 or float32 tensors (and integer counters) under the names that the network gives them.
        mean, std: per channel, pictures in [0, 1]; None where the file says nothing.
    """

    state: dict[str, Tensor]
    mean: Colour | None = None
    std: Colour | None = None

    def as_state(self) -> dict[str, Tensor]:
        """All of it as one state dict, which `weights_in` reads back."""
        found = {f"model.{name}": value for name, value in self.state.items()}
        if self.mean is not None and self.std is not None:
            for name, values in zip(NORMALISERS[0], (self.mean, self.std), strict=True):
                found[name] = torch.tensor(values).view(3, 1, 1)
        return found


def weights_in(path: Path, content: object) -> Weights:
    """The weights in what was read from a file.

    Args:
        path: the file, to be named in an error.
        content: what it held, unchecked.

    Raises:
        WeightsError: there is no state dict in it, or it holds what no weight can be.
    """
    state = _unwrapped(_state_dict(path, content))
    mean, std = _take_normaliser(path, state)
    inner = {name: value for name, value in state.items() if not name.startswith(("attacker.", "normalize"))}
    return Weights(checked_weights(path, _unwrapped(inner)), mean, std)


def _state_dict(path: Path, content: object, depth: int = 0) -> dict[str, object]:
    if isinstance(content, Mapping) and depth < DEEPEST:
        entries = cast("Mapping[object, object]", content)
        for entry in ENTRIES:
            if isinstance(entries.get(entry), Mapping):
                return _state_dict(path, entries[entry], depth + 1)
        if any(isinstance(value, Tensor) for value in entries.values()):
            return {str(name): value for name, value in entries.items() if isinstance(value, Tensor)}
    raise WeightsError(
        f"There is no state dict in {str(path)!r}; give a file with one, bare or as its entry "
        f"{' or '.join(map(repr, ENTRIES[:2]))}."
    )


def _unwrapped(state: dict[str, object]) -> dict[str, object]:
    """The state dict without the prefixes that a wrapper puts before every name."""
    for wrapper in WRAPPERS:
        if state and all(name.startswith(wrapper) for name in state):
            return _unwrapped({name.removeprefix(wrapper): value for name, value in state.items()})
    return state


def _take_normaliser(path: Path, state: dict[str, object]) -> tuple[Colour, Colour] | tuple[None, None]:
    """Take the mean and the deviation out of a state dict."""
    for names in NORMALISERS:
        if all(name in state for name in names):
            taken = checked_weights(path, {name: state.pop(name) for name in names})
            if any(value.numel() != 3 for value in taken.values()):
                shapes = " and ".join(str(tuple(value.shape)) for value in taken.values())
                raise WeightsError(
                    f"{names[0]!r} and {names[1]!r} in {str(path)!r} have the shapes {shapes}; a normalisation has "
                    "three values, for red, green and blue."
                )
            mean, std = (cast(Colour, tuple(value.flatten().tolist())) for value in taken.values())
            if min(std) <= 0:
                raise WeightsError(f"The deviation in {str(path)!r} is {std}; it must be above 0 in each channel.")
            return mean, std
    return None, None


Shapes = Mapping[str, tuple[int, ...]]

# torchvision's families beside its residual networks, by the first weight and the last one that only they have.
TORCHVISION: dict[tuple[str, str], tuple[str, ...]] = {
    ("features.conv0.weight", "classifier.weight"): tuple(f"densenet{depth}" for depth in (121, 161, 169, 201)),
    ("features.0.weight", "classifier.6.weight"): (
        "alexnet",
        *(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
    ),
    ("features.0.0.weight", "classifier.1.weight"): (
        "mobilenet_v2",
        *(f"efficientnet_{size}" for size in ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "v2_s", "v2_m", "v2_l")),
    ),
    ("features.0.0.weight", "classifier.3.weight"): ("mobilenet_v3_small", "mobilenet_v3_large"),
    ("features.0.0.weight", "classifier.2.weight"): tuple(
        f"convnext_{size}" for size in ("tiny", "small", "base", "large")
    ),
    ("features.0.0.weight", "head.weight"): tuple(f"swin_{kind}" for kind in ("t", "s", "b", "v2_t", "v2_s", "v2_b")),
    ("layers.0.weight", "classifier.1.weight"): tuple(f"mnasnet{width}" for width in ("0_5", "0_75", "1_0", "1_3")),
    ("conv5.0.weight", "fc.weight"): tuple(f"shufflenet_v2_x{width}" for width in ("0_5", "1_0", "1_5", "2_0")),
    ("class_token", "heads.head.weight"): ("vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14"),
}


@dataclass(frozen=True)
class Candidate:
    """A network that a state dict may be of.

    Attributes:
        name: what `load_model` calls its architecture.
        make: a freshly initialised one.
        small: made for pictures of 32 x 32.
    """

    name: str
    make: Callable[[], nn.Module]
    small: bool


def candidates(state: Mapping[str, Tensor]) -> list[Candidate]:
    """The known networks that have these names and shapes, in no order of likelihood."""
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    return list(_small(shapes)) or list(_torchvision(shapes))


def read_by_network(name: str) -> bool:
    """Whether the network uses a weight of this name; TRADES' files have a block that its network never calls."""
    return not name.startswith("sub_block1.")


def _small(shapes: Shapes) -> Iterator[Candidate]:
    if "init_conv.weight" in shapes and "logits.weight" in shapes:
        depth, factor = _count(shapes, r"layer\.0\.block\.(\d+)\."), shapes["logits.weight"][1] // 64
        classes = shapes["logits.weight"][0]
        for activation in ACTIVATIONS:
            yield Candidate(
                f"wide-resnet-{6 * depth + 4}-{factor}-{activation}",
                lambda activation=activation: DeepMindWideResNet(classes, depth, factor, activation),
                True,
            )
    elif "conv_2d.weight" in shapes and "logits.weight" in shapes:
        depths, classes = _depths(shapes, "layer_{}", range(4)), shapes["logits.weight"][0]
        for activation in ACTIVATIONS:
            yield Candidate(
                f"preact-resnet-{2 * sum(depths) + 2}-{activation}",
                lambda activation=activation: DeepMindPreActResNet(classes, depths, activation),
                True,
            )
    elif "block1.layer.0.conv1.weight" in shapes and "fc.weight" in shapes:
        depth, (classes, width) = _count(shapes, r"block1\.layer\.(\d+)\."), shapes["fc.weight"]
        factor, bias = width // 64, "fc.bias" in shapes
        name = f"wide-resnet-{6 * depth + 4}-{factor}"
        yield Candidate(name, lambda: WideResNet(classes, depth, factor, bias), True)
    elif "classifier.weight" in shapes and "features.0.weight" in shapes:
        classes = shapes["classifier.weight"][0]
        for name, stages in VGG_STAGES.items():
            if (
                _count(shapes, r"features\.(\d+)\.") == sum(3 * stage + 1 for stage in stages) - 2
            ):  # a ReLU and a pooling come last
                yield Candidate(f"small-{name}", lambda stages=stages: SmallVGG(classes, stages), True)
    elif "linear.weight" in shapes and "dense1.0.conv1.weight" in shapes:
        depths, growth = _depths(shapes, "dense{}", range(1, 5)), shapes["conv1.weight"][0] // 2
        classes = shapes["linear.weight"][0]
        name = f"small-densenet-{2 * sum(depths) + 5}-{growth}"
        yield Candidate(name, lambda: SmallDenseNet(classes, depths, growth), True)
    elif "linear.weight" in shapes and "layer4.0.conv1.weight" in shapes:
        yield from _small_residual(shapes)


def _small_residual(shapes: Shapes) -> Iterator[Candidate]:
    classes, depths = shapes["linear.weight"][0], _depths(shapes, "layer{}", range(1, 5))
    if "bn1.weight" in shapes:
        bottleneck, width = "layer1.0.conv3.weight" in shapes, shapes["conv1.weight"][0]
        name = f"small-resnet-{(3 if bottleneck else 2) * sum(depths) + 2}"
        yield Candidate(name, lambda: SmallResNet(classes, depths, bottleneck, width), True)
        return
    last_norm = "bn.weight" in shapes
    for activated in (False, True):
        yield Candidate(
            f"preact-resnet-{2 * sum(depths) + 2}" + ("-activated-shortcut" if activated else ""),
            lambda activated=activated: PreActResNet(classes, depths, activated, last_norm),
            True,
        )


def _torchvision(shapes: Shapes) -> Iterator[Candidate]:
    """torchvision's networks; a residual one of any width and depth, the others by comparing all that could be."""
    if "fc.weight" in shapes and "layer4.0.conv1.weight" in shapes:
        from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

        depths, bottleneck = _depths(shapes, "layer{}", range(1, 5)), "layer1.0.conv3.weight" in shapes
        inner, per_group = shapes["layer1.0.conv2.weight"][:2]
        groups, classes = inner // per_group, shapes["fc.weight"][0]
        make = lambda: ResNet(  # noqa: E731
            Bottleneck if bottleneck else BasicBlock,
            list(depths),
            classes,
            groups=groups,
            width_per_group=inner // groups,
        )
        kind = {(1, 64): "resnet"}.get((groups, inner), f"resnet-{groups}x{inner // groups}")
        yield Candidate(f"{kind}-{(3 if bottleneck else 2) * sum(depths) + 2}", make, False)
        return
    for own, names in TORCHVISION.items():
        classes = _head(shapes, own)
        if classes is None:
            continue
        wanted = {name: shape for name, shape in shapes.items() if not name.endswith("num_batches_tracked")}
        for name in names:
            if _torchvision_shapes(name, classes) == wanted:
                yield Candidate(f"torchvision:{name}", partial(make_torchvision, name, classes), False)
                return  # no two of them have the same shapes


def _head(shapes: Shapes, own: tuple[str, str]) -> int | None:
    """The classes of a state dict that has a family's own first weight and last one."""
    first, last = own
    return shapes[last][0] if first in shapes and len(shapes.get(last, ())) == 2 else None


def make_torchvision(name: str, classes: int | None = None) -> nn.Module:
    """A network of torchvision without weights; with its own number of classes where none is given."""
    from torchvision.models import get_model

    return get_model(name, weights=None, **({} if classes is None else {"num_classes": classes}))


@lru_cache(maxsize=256)
def _torchvision_shapes(name: str, classes: int) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        state = make_torchvision(name, classes).state_dict()
    return {key: tuple(value.shape) for key, value in state.items() if not key.endswith("num_batches_tracked")}


def _count(shapes: Shapes, pattern: str) -> int:
    """One more than the highest number that a name has in the place of the pattern's group."""
    found = [int(match.group(1)) for name in shapes if (match := re.match(pattern, name))]
    return 1 + max(found, default=-1)


def _depths(shapes: Shapes, stage: str, numbers: range) -> tuple[int, ...]:
    return tuple(_count(shapes, re.escape(stage.format(number)) + r"\.(\d+)\.") for number in numbers)
