"""Which known networks a state dict may belong to, inferred from the names and shapes of its weights."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import Tensor, nn

from robust_widgets.models.networks.cifar import VGG_STAGES, PreActResNet, SmallDenseNet, SmallResNet, SmallVGG
from robust_widgets.models.networks.wide_resnet import ACTIVATIONS, DeepMindPreActResNet, DeepMindWideResNet, WideResNet
from robust_widgets.pictures.limits import MOST_BLOCKS

Shapes = Mapping[str, tuple[int, ...]]

# torchvision's families besides ResNets, by the first and the last weight that only they have, and by how many weights
# they have: making a network to see its shapes takes a tenth of a second.
TORCHVISION: dict[tuple[str, str], dict[int, tuple[str, ...]]] = {
    ("features.conv0.weight", "classifier.weight"): {
        **{606: ("densenet121",), 806: ("densenet161",), 846: ("densenet169",), 1006: ("densenet201",)},
    },
    ("features.0.weight", "classifier.6.weight"): {
        **{16: ("alexnet",), 22: ("vgg11",), 26: ("vgg13",), 32: ("vgg16",), 38: ("vgg19",)},
        **{54: ("vgg11_bn",), 66: ("vgg13_bn",), 84: ("vgg16_bn",), 102: ("vgg19_bn",)},
    },
    ("features.0.0.weight", "classifier.1.weight"): {
        **{262: ("mobilenet_v2",), 311: ("efficientnet_b0",), 439: ("efficientnet_b1", "efficientnet_b2")},
        **{496: ("efficientnet_b3",), 610: ("efficientnet_b4",), 738: ("efficientnet_b5",), 852: ("efficientnet_b6",)},
        **{1037: ("efficientnet_b7",), 672: ("efficientnet_v2_s",), 963: ("efficientnet_v2_m",)},
        1331: ("efficientnet_v2_l",),
    },
    ("features.0.0.weight", "classifier.3.weight"): {210: ("mobilenet_v3_small",), 266: ("mobilenet_v3_large",)},
    ("features.0.0.weight", "classifier.2.weight"): {
        **{182: ("convnext_tiny",), 344: ("convnext_small", "convnext_base", "convnext_large")},
    },
    ("features.0.0.weight", "head.weight"): {
        **{185: ("swin_t",), 353: ("swin_s", "swin_b"), 233: ("swin_v2_t",), 449: ("swin_v2_s", "swin_v2_b")},
    },
    ("layers.0.weight", "classifier.1.weight"): {
        262: tuple(f"mnasnet{width}" for width in ("0_5", "0_75", "1_0", "1_3")),
    },
    ("conv5.0.weight", "fc.weight"): {
        282: tuple(f"shufflenet_v2_x{width}" for width in ("0_5", "1_0", "1_5", "2_0")),
    },
    ("class_token", "heads.head.weight"): {
        **{152: ("vit_b_16", "vit_b_32"), 296: ("vit_l_16", "vit_l_32"), 392: ("vit_h_14",)},
    },
}


@dataclass(frozen=True)
class Candidate:
    """A network that a state dict may belong to.

    Attributes:
        name: the architecture's name for `load_model`.
        build: makes a freshly initialised network.
        small: whether it is made for pictures of 32 x 32.
    """

    name: str
    build: Callable[[], nn.Module]
    small: bool


def candidates(state: Mapping[str, Tensor]) -> list[Candidate]:
    """The known networks with these names and shapes, in no particular order."""
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    try:
        return list(_cifar_networks(shapes)) or list(_torchvision_networks(shapes))
    except (ArithmeticError, IndexError, KeyError, TypeError, ValueError):  # weights of a network have other shapes
        return []


def is_used(name: str) -> bool:
    """Whether the network uses a weight of this name; files of TRADES hold a block that its network never calls."""
    return not name.startswith("sub_block1.")


def _cifar_networks(shapes: Shapes) -> Iterator[Candidate]:
    if "init_conv.weight" in shapes and "logits.weight" in shapes:
        depth, factor = _count(shapes, r"layer\.0\.block\.(\d+)\."), shapes["logits.weight"][1] // 64
        classes = shapes["logits.weight"][0]
        for activation in ACTIVATIONS:
            yield Candidate(
                f"wide-resnet-{6 * depth + 4}-{factor}-{activation}",
                partial(DeepMindWideResNet, classes, depth, factor, activation),
                True,
            )
    elif "conv_2d.weight" in shapes and "logits.weight" in shapes:
        depths, classes = _depths(shapes, "layer_{}", range(4)), shapes["logits.weight"][0]
        for activation in ACTIVATIONS:
            yield Candidate(
                f"preact-resnet-{2 * sum(depths) + 2}-{activation}",
                partial(DeepMindPreActResNet, classes, depths, activation),
                True,
            )
    elif "block1.layer.0.conv1.weight" in shapes and "fc.weight" in shapes:
        depth, (classes, width) = _count(shapes, r"block1\.layer\.(\d+)\."), shapes["fc.weight"]
        factor, bias = width // 64, "fc.bias" in shapes
        name = f"wide-resnet-{6 * depth + 4}-{factor}"
        yield Candidate(name, partial(WideResNet, classes, depth, factor, bias), True)
    elif "classifier.weight" in shapes and "features.0.weight" in shapes:
        layers, classes = 1 + max(_numbers(shapes, r"features\.(\d+)\.")), shapes["classifier.weight"][0]
        for name, stages in VGG_STAGES.items():
            # A convolution is three layers, a stage ends in pooling; the last ReLU and pooling have no weights.
            if layers == sum(3 * stage + 1 for stage in stages) - 2:
                yield Candidate(f"small-{name}", partial(SmallVGG, classes, stages), True)
    elif "linear.weight" in shapes and "dense1.0.conv1.weight" in shapes:
        depths, growth = _depths(shapes, "dense{}", range(1, 5)), shapes["conv1.weight"][0] // 2
        classes = shapes["linear.weight"][0]
        name = f"small-densenet-{2 * sum(depths) + 5}-{growth}"
        yield Candidate(name, partial(SmallDenseNet, classes, depths, growth), True)
    elif "linear.weight" in shapes and "layer4.0.conv1.weight" in shapes:
        yield from _cifar_resnets(shapes)


def _cifar_resnets(shapes: Shapes) -> Iterator[Candidate]:
    classes, depths = shapes["linear.weight"][0], _depths(shapes, "layer{}", range(1, 5))
    if "bn1.weight" in shapes:
        bottleneck, width = "layer1.0.conv3.weight" in shapes, shapes["conv1.weight"][0]
        name = f"small-resnet-{(3 if bottleneck else 2) * sum(depths) + 2}"
        yield Candidate(name, partial(SmallResNet, classes, depths, bottleneck, width), True)
        return
    last_norm = "bn.weight" in shapes
    for activated in (False, True):
        name = f"preact-resnet-{2 * sum(depths) + 2}" + ("-activated-shortcut" if activated else "")
        yield Candidate(name, partial(PreActResNet, classes, depths, activated, last_norm), True)


def _torchvision_networks(shapes: Shapes) -> Iterator[Candidate]:
    """torchvision's networks: a ResNet of any width and depth; of the others, the one with exactly these shapes."""
    if "fc.weight" in shapes and "layer4.0.conv1.weight" in shapes:
        yield _torchvision_resnet(shapes)
        return
    expected = {name: shape for name, shape in shapes.items() if not name.endswith("num_batches_tracked")}
    for (first, last), family in TORCHVISION.items():
        if first not in shapes or len(shapes.get(last, ())) != 2:
            continue
        classes = shapes[last][0]
        for name in family.get(len(expected), ()):
            if _torchvision_shapes(name, last) == {**expected, **_head(expected, last, 1)}:
                yield Candidate(f"torchvision:{name}", partial(build_torchvision, name, classes), False)
                return  # no two of them have the same shapes


def _torchvision_resnet(shapes: Shapes) -> Candidate:
    from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

    depths, bottleneck = _depths(shapes, "layer{}", range(1, 5)), "layer1.0.conv3.weight" in shapes
    inner, per_group = shapes["layer1.0.conv2.weight"][:2]
    groups, classes = inner // per_group, shapes["fc.weight"][0]
    family = "resnet" if (groups, inner) == (1, 64) else f"resnet-{groups}x{inner // groups}"
    build = partial(
        ResNet,
        Bottleneck if bottleneck else BasicBlock,
        list(depths),
        classes,
        groups=groups,
        width_per_group=inner // groups,
    )
    return Candidate(f"{family}-{(3 if bottleneck else 2) * sum(depths) + 2}", build, False)


def build_torchvision(name: str, classes: int | None = None) -> nn.Module:
    """A network of torchvision without pretrained weights.

    Args:
        name: torchvision's name.
        classes: how many logits it has; None for torchvision's own number.
    """
    from torchvision.models import get_model

    return get_model(name, weights=None, **({} if classes is None else {"num_classes": classes}))


@lru_cache(maxsize=64)
def _torchvision_shapes(name: str, last: str) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's weights with one class, as its last weight is then."""
    with torch.device("meta"):
        state = build_torchvision(name).state_dict()
    shapes = {key: tuple(value.shape) for key, value in state.items() if not key.endswith("num_batches_tracked")}
    return {**shapes, **_head(shapes, last, 1)}


def _head(shapes: Shapes, last: str, classes: int) -> dict[str, tuple[int, ...]]:
    """The shapes of the last layer's weights for a number of classes."""
    bias = last.removesuffix("weight") + "bias"
    return {name: (classes, *shapes[name][1:]) for name in (last, bias) if name in shapes}


def _numbers(shapes: Shapes, pattern: str) -> set[int]:
    """The numbers that the pattern's group matches in any name."""
    return {int(match.group(1)) for name in shapes if (match := re.match(pattern, name)) and len(match.group(1)) < 5}


def _count(shapes: Shapes, pattern: str) -> int:
    """How many blocks a stage has, from their numbers; 0 if they are not numbered from 0, or are absurdly many."""
    numbers = _numbers(shapes, pattern)
    return len(numbers) if numbers == set(range(len(numbers))) and len(numbers) <= MOST_BLOCKS else 0


def _depths(shapes: Shapes, stage: str, numbers: range) -> tuple[int, ...]:
    return tuple(_count(shapes, re.escape(stage.format(number)) + r"\.(\d+)\.") for number in numbers)
