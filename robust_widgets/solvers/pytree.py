"""Flatten a value into tensors and numbers plus a hashable structure (a pytree), and models of zeros to try one on.

Tensors and floats are leaves: a recorded step reads them from buffers, so another run may have other ones. All else is
structure: a run with another structure is recorded separately. Objects are flattened by their attributes, whoever wrote
their class, so a loss, ball or stepper of your own is recorded like ours. A dataclass field with ``compare=False`` is
neither.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Hashable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeAlias, TypeVar, cast

import torch
from torch import Tensor, nn

from robust_widgets.synthesis.objectives import Classifier
from robust_widgets.synthesis.objectives.layers import no_features, no_layers

Leaf: TypeAlias = "float | Tensor"
T = TypeVar("T")

CONSTANTS = (type(None), bool, int, str, bytes, Enum, torch.dtype, torch.device)
HEAP_TYPE = 1 << 9  # CPython's flag of classes written in Python; others may hide state


class UnsupportedNodeError(Exception):
    """A value that may change from step to step unseen."""


def tree_flatten(tree: object, *, integers_are_leaves: bool = False) -> tuple[list[Leaf], Hashable]:
    """The leaves of a tree in order, and its structure.

    Args:
        tree: a value.
        integers_are_leaves: for state, in which an integer is a count. Elsewhere it is structure, such as the size of
            a kernel, unless it is in a dataclass field annotated as float.

    Raises:
        UnsupportedNodeError: a part is of a kind that may change unseen, such as a generator or a network.
    """
    leaves: list[Leaf] = []
    return leaves, _flatten(tree, leaves, integers_are_leaves)


def _flatten(node: object, leaves: list[Leaf], integers_are_leaves: bool) -> Hashable:
    if isinstance(node, Tensor):
        leaves.append(node)
        is_number = node.dim() == 0 and node.is_floating_point()  # of whatever precision, as in a recorded step
        return float if is_number else (tuple(node.shape), node.dtype)
    if _is_number(node, integers_are_leaves):
        leaves.append(float(cast(float, node)))
        return float
    if isinstance(node, CONSTANTS):
        return type(node), node
    return type(node), tuple((name, _flatten(part, leaves, integers_are_leaves)) for name, part in _parts(node))


def leaf_paths(tree: object, *, integers_are_leaves: bool = False, prefix: str = "") -> list[str]:
    """Where each leaf is, in the order of `tree_flatten`: attributes, keys and indices with dots between them."""
    if isinstance(tree, Tensor) or _is_number(tree, integers_are_leaves):
        return [prefix]
    if isinstance(tree, CONSTANTS):
        return []
    names = dict(enumerate(getattr(tree, "_fields", ())))  # of a named tuple
    paths: list[str] = []
    for name, part in _parts(tree):
        own = str(names.get(cast(int, name), name))
        place = f"{prefix}.{own}" if prefix else own
        paths += leaf_paths(part, integers_are_leaves=integers_are_leaves, prefix=place)
    return paths


def tree_unflatten(tree: T, leaves: Iterator[Any], *, integers_are_leaves: bool = False) -> T:
    """A tree of the same structure with other leaves, in the order of `tree_flatten`. No constructor is called."""
    if isinstance(tree, Tensor) or _is_number(tree, integers_are_leaves):
        return next(leaves)
    if isinstance(tree, CONSTANTS):
        return tree
    parts = {name: tree_unflatten(part, leaves, integers_are_leaves=integers_are_leaves) for name, part in _parts(tree)}
    if isinstance(tree, tuple):
        values = list(parts.values())
        kind = cast(Any, type(tree))
        return kind(*values) if hasattr(tree, "_fields") else kind(values)
    if isinstance(tree, (list, dict)):
        return cast(T, list(parts.values()) if isinstance(tree, list) else parts)
    other = copy.copy(tree)
    for name, part in parts.items():
        object.__setattr__(other, cast(str, name), part)
    return other


def _is_number(node: object, integers_are_leaves: bool) -> bool:
    return isinstance(node, float) or (integers_are_leaves and type(node) is int)


def _parts(node: object) -> list[tuple[Hashable, object]]:
    """The parts of a container or object, by index, key or name."""
    if isinstance(node, (tuple, list)):
        return list(enumerate(cast("list[object]", node)))
    if type(node) is dict:
        return list(cast("dict[Hashable, object]", node).items())
    kind = type(node)
    is_python = all(base.__flags__ & HEAP_TYPE for base in kind.__mro__ if base is not object)
    if not is_python or isinstance(node, nn.Module):
        raise UnsupportedNodeError(f"{kind.__module__}.{kind.__qualname__}")
    return [*_attributes(node).items()]


def _attributes(node: object) -> Mapping[str, object]:
    fields = dataclasses.fields(node) if dataclasses.is_dataclass(node) else ()
    attributes = {field.name: getattr(node, field.name) for field in fields} | getattr(node, "__dict__", {})
    for field in fields:
        if not field.compare:
            del attributes[field.name]
        elif field.type in ("float", float) and type(attributes[field.name]) is int:
            attributes[field.name] = float(attributes[field.name])
    return attributes


Shape: TypeAlias = "tuple[int, ...]"


class ZeroModel:
    """Outputs zeros of a model's shapes, so that an objective checks its classes and units without a forward pass.

    Args:
        model: whose names count; it is run once for the shape of each kind of output.
        shapes: those known, of one picture, by kind of output; updated.
    """

    def __init__(self, model: Classifier, shapes: dict[Hashable, Shape]) -> None:
        self._model = model
        self._shapes = shapes

    def __call__(self, x: Tensor) -> Tensor:
        return self._zeros("logits", self._model, x)

    def features(self, x: Tensor, *, straight_through: bool = False) -> Tensor:
        features = getattr(self._model, "features", None)
        if features is None:
            raise no_features()
        return self._zeros("features", cast("Callable[[Tensor], Tensor]", features), x)

    def activations(self, x: Tensor, layer: str, *, straight_through: bool = False) -> Tensor:
        activations = getattr(self._model, "activations", None)
        if activations is None:
            raise no_layers()
        return self._zeros((layer, *x.shape[2:]), lambda x: activations(x, layer), x)

    def _zeros(self, kind: Hashable, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        if kind not in self._shapes:
            self._shapes[kind] = tuple(function(x[:1]).shape[1:])
        return torch.zeros(len(x), *self._shapes[kind], dtype=x.dtype, device=x.device)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
