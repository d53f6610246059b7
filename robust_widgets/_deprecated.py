"""Old names that keep working for one release, with a DeprecationWarning that names the new one.

A module's old names go through `renamed_names`, a function's old keywords through `renamed_keywords`, and a class's old
attributes through `renamed_attribute`. Remove the call in the next release, and the old name is gone.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def warn_renamed(old: str, new: str, stacklevel: int = 1) -> None:
    """Warn that a name has changed.

    Args:
        old, new: the names as the caller would write them.
        stacklevel: 1 blames the caller of the function that calls this, 2 the caller of that, and so on.
    """
    message = f"{old} is deprecated and will be removed in the next release; use {new}."
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel + 2)


def renamed_names(module: str, new_names: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` for old names.

    Args:
        module: the module's ``__name__``.
        new_names: each old name and the name of the same module that replaces it.
    """

    def get(name: str) -> Any:
        if name not in new_names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_renamed(f"{module}.{name}", f"{module}.{new_names[name]}")
        return getattr(sys.modules[module], new_names[name])

    return get


def renamed_keywords(**new_names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator that accepts a function's old keywords: ``@renamed_keywords(side="size")``.

    It also works on a class's ``__init__``. Type checkers see the new keywords only.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for old, new in new_names.items():
                if old in kwargs:
                    if new in kwargs:
                        raise TypeError(f"{function.__name__}() got both {new!r} and its old name {old!r}")
                    warn_renamed(f"{function.__name__}({old}=...)", f"{new}=")
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


def renamed_attribute(old: str, new: str) -> Any:
    """A read-only property for an attribute's old name: ``side = renamed_attribute("side", "size")``."""

    def get(self: Any) -> Any:
        kind = type(self).__name__
        warn_renamed(f"{kind}.{old}", f"{kind}.{new}")
        return getattr(self, new)

    get.__doc__ = f"Deprecated; use ``{new}``."
    return property(get)
