"""Flatten a value into tensors and numbers plus a hashable structure (a pytree).

Tensors and floats are leaves: a recorded step reads them from buffers, so another run may have other ones. All else is
structure: a run with another structure is recorded separately. Objects are flattened by their attributes, whoever wrote
their class, so a loss, ball or stepper of your own is recorded like ours. A dataclass field with ``compare=False`` is
neither.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Mapping
from enum import Enum
from typing import Any, TypeAlias, TypeVar, cast

import torch
from torch import Tensor, nn

from robust_widgets.synthesis.objectives.base import changed

Leaf: TypeAlias = "float | Tensor"
T = TypeVar("T")

CONSTANTS = (type(None), bool, int, str, bytes, Enum, torch.dtype, torch.device)
HEAP_TYPE = 1 << 9  # CPython's flag of classes written in Python; others may hide state


class UnsupportedNodeError(Exception):
    """A value that may change from step to step unseen."""


def tree_flatten(
    tree: object, *, integers_are_leaves: bool = False, prefix: str = ""
) -> tuple[dict[str, Leaf], Hashable]:
    """The leaves of a tree in order, each by where it is, and the tree's structure.

    Args:
        tree: a value.
        integers_are_leaves: for state, in which an integer is a count. Elsewhere it is structure, such as the size of
            a kernel, unless it is in a dataclass field annotated as float.
        prefix: where the tree itself is; attributes, keys and indices follow with dots between them.

    Raises:
        UnsupportedNodeError: a part is of a kind that may change unseen, such as a generator or a network.
    """
    leaves: dict[str, Leaf] = {}

    def flatten(node: object, place: str) -> Hashable:
        if isinstance(node, Tensor):
            leaves[place] = node
            is_number = node.dim() == 0 and node.is_floating_point()  # of whatever precision, as in a recorded step
            return float if is_number else (tuple(node.shape), node.dtype)
        if _is_number(node, integers_are_leaves):
            leaves[place] = float(cast(float, node))
            return float
        if isinstance(node, CONSTANTS):
            return type(node), node
        dot = f"{place}." if place else ""
        return type(node), tuple((name, flatten(part, f"{dot}{name}")) for name, part in _parts(node))

    return leaves, flatten(tree, prefix)


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
    return changed(tree, **cast("dict[str, Any]", parts))


def _is_number(node: object, integers_are_leaves: bool) -> bool:
    return isinstance(node, float) or (integers_are_leaves and type(node) is int)


def _parts(node: object) -> list[tuple[Hashable, object]]:
    """The parts of a container or object, by index, key or name."""
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return list(zip(cast(Any, node)._fields, cast("tuple[object, ...]", node), strict=True))
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
