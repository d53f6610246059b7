"""The exception tree::

    RobustWidgetsError
    ├── UnknownNameError      a class, model or task that does not exist
    │   └── UnknownParameterError  a keyword that no parameter of the task has
    ├── ParameterError             a number outside its allowed range
    ├── PictureError          something that cannot be read as a picture
    ├── WeightsError          a weights file that is missing, damaged or foreign
    ├── TraceError            a saved run that is missing, damaged or foreign
    ├── SaveError             a result that could not be written
    ├── DataError             a folder of pictures that cannot be trained on
    ├── DeviceError           a device that this machine does not have
    ├── TrainingError         a training run that cannot go on
    └── NotYetError           an exercise's answer is missing or wrong

Every message is one sentence or two: what was given, what is allowed, what to do.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable, Sequence
from typing import Any


class RobustWidgetsError(Exception):
    """Base class of every error this package raises on purpose."""


class UnknownNameError(RobustWidgetsError, ValueError):
    """A name that is not in the list of allowed names."""


class UnknownParameterError(UnknownNameError, TypeError):
    """A keyword that no parameter has; also a TypeError, as for any Python function."""


class ParameterError(RobustWidgetsError, ValueError):
    """A parameter's value is outside its range or of the wrong kind."""


class PictureError(RobustWidgetsError, ValueError):
    """Something was given that cannot be read as a picture."""


class WeightsError(RobustWidgetsError, ValueError):
    """A weights file is missing, damaged or of another format."""


class TraceError(RobustWidgetsError, ValueError):
    """A saved run is missing, damaged or of another format."""


class SaveError(RobustWidgetsError, OSError):
    """A file could not be written; what should have been saved is still in memory."""


class DataError(RobustWidgetsError, ValueError):
    """A data set that cannot be used for training or evaluation."""


class DeviceError(RobustWidgetsError, ValueError):
    """A compute device was asked for that torch does not offer here."""


class TrainingError(RobustWidgetsError, RuntimeError):
    """A training run that cannot go on; the last good weights are kept."""


class NotYetError(RobustWidgetsError, AssertionError):
    """An exercise's answer is missing or wrong; the message is a hint."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in the place of a traceback, which would only show the check."""
        return [f"Not yet. {self}"]


def quoted(names: Iterable[str]) -> str:
    """``'a', 'b' or 'c'``."""
    items = [f"'{name}'" for name in names]
    if len(items) <= 1:
        return "".join(items)
    return ", ".join(items[:-1]) + " or " + items[-1]


def nearest(name: str, allowed: Sequence[str], count: int = 3) -> list[str]:
    """The ``count`` allowed names that look most like ``name``, best first."""
    by_folded = {candidate.casefold(): candidate for candidate in allowed}
    wanted = name.casefold()
    close = difflib.get_close_matches(wanted, list(by_folded), n=count, cutoff=0.0)
    inside = [folded for folded in by_folded if wanted and (wanted in folded or folded in wanted)]
    inside.sort(key=lambda folded: abs(len(folded) - len(wanted)))
    ranked = list(dict.fromkeys(inside + close))[:count]
    return [by_folded[folded] for folded in ranked]


def unknown_name(kind: str, name: object, allowed: Sequence[str]) -> str:
    """The sentence for a name that does not exist, naming its nearest neighbours."""
    near = nearest(str(name), allowed)
    if not near:
        return f"There is no {kind} {name!r}; none is available."
    all_of_them = "" if len(allowed) <= len(near) else f" ({len(allowed)} in all)"
    return f"There is no {kind} {name!r}; the nearest are {quoted(near)}{all_of_them}."


def first_line(error: BaseException, limit: int = 200) -> str:
    """The first line of another library's error, to quote in a sentence: at most ``limit`` characters, no full stop.

    The error's type where it has no message.
    """
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".")[:limit] if lines else type(error).__name__


def whole_number(value: Any) -> int | None:
    """An int, or anything that Python accepts as an index, as an int; None for a bool and for everything else."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory is full, in Python's words, numpy's, CUDA's, torch's or ONNX Runtime's."""
    kind = type(error).__name__  # torch need not be loaded to tell
    said = any(words in str(error) for words in ("can't allocate memory", "Failed to allocate memory", "bad_alloc"))
    return isinstance(error, MemoryError) or kind == "OutOfMemoryError" or said
