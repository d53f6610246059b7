"""The tree of errors::

    RobustWidgetsError
    ├── InputError                  a value that cannot be used
    │   ├── UnknownNameError        a class, model, task or file format that does not exist
    │   │   └── UnknownParameterError   a keyword that the task does not have
    │   ├── ParameterError          a value out of range, or values that do not go together
    │   ├── PictureError            something that cannot be read as a picture
    │   └── DataError               a data set that cannot be used
    ├── FileError                   a file that cannot be used
    │   ├── WeightsError            a model file that is missing, damaged or unknown
    │   ├── TraceError              a saved run that is missing, damaged or unknown
    │   └── SaveError               a file that could not be written
    ├── StateError                  an action that is not possible now
    │   ├── RunError                a run that cannot continue
    │   └── TrainingError           a training run that cannot continue
    ├── SetupError                  something that this machine or installation lacks
    │   ├── DeviceError             a device that this machine does not have
    │   └── NotInstalledError       PyTorch, in an installation that has none
    └── NotYetError                 an exercise's answer that is missing or wrong

Every message is one or two sentences: what was given, what is allowed, what to do.
"""

from __future__ import annotations

import difflib
import math
import operator
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from robust_widgets._deprecated import renamed_names


class RobustWidgetsError(Exception):
    """Base class of every error that this package raises on purpose."""


class InputError(RobustWidgetsError, ValueError):
    """A value that was passed cannot be used."""


class UnknownNameError(InputError):
    """A name that is not among the allowed ones."""


class UnknownParameterError(UnknownNameError, TypeError):
    """A keyword that the task does not have; also a TypeError, as for any Python function."""


class ParameterError(InputError):
    """A value is out of range or of the wrong type, or does not go together with another."""


class PictureError(InputError):
    """Something that cannot be read as a picture."""


class DataError(InputError):
    """A data set that cannot be used for training or evaluation."""


class FileError(RobustWidgetsError):
    """A file cannot be used."""


class WeightsError(FileError, ValueError):
    """A model file is missing, damaged or of an unknown format, or the model lacks what a task needs."""


class TraceError(FileError, ValueError):
    """A saved run is missing, damaged or of an unknown format."""


class SaveError(FileError, OSError):
    """A file could not be written; its content is still in memory."""


class StateError(RobustWidgetsError, RuntimeError):
    """An action is not possible in the present state: a run has no frames yet, a studio is closed."""


class RunError(StateError):
    """A run cannot continue; the frames that it has made are kept."""


class TrainingError(StateError):
    """A training run cannot continue; its last good weights are kept."""


class SetupError(RobustWidgetsError, RuntimeError):
    """This machine or installation lacks something."""


class DeviceError(SetupError, ValueError):
    """A compute device that torch does not offer here."""


class NotInstalledError(SetupError, ModuleNotFoundError):
    """PyTorch is needed and is not installed, as in ``robust-widgets-client``; also a ModuleNotFoundError."""


class NotYetError(RobustWidgetsError, AssertionError):
    """An exercise's answer is missing or wrong; the message is a hint."""

    def _render_traceback_(self) -> list[str]:
        """Lines that IPython shows instead of a traceback, which would only show the check."""
        return [f"Not yet. {self}"]


__getattr__ = renamed_names(__name__, {"KnobError": "ParameterError", "UnknownKnobError": "UnknownParameterError"})


class _MissingTorch:
    """Python's last finder of modules: says what to do where a module of ours imports PyTorch and there is none."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        frame = sys._getframe(1) if name in ("torch", "torchvision") else None  # pyright: ignore[reportPrivateUsage]
        while frame is not None:  # up to who imports it, through modules that are being imported themselves
            module = str(frame.f_globals.get("__name__", ""))
            if module.partition(".")[0] == "robust_widgets":
                error = NotInstalledError(
                    "This needs PyTorch, which is not installed here; to paint on a server, set ROBUST_WIDGETS_SERVER "
                    "to its address, and to compute here, run 'pip install robust-widgets'."
                )
                error.name = name
                raise error
            is_import = module.startswith(("importlib", "_frozen_importlib")) or frame.f_code.co_name == "<module>"
            frame = frame.f_back if is_import else None


def explain_missing_torch() -> None:
    """From now on, say in a sentence that PyTorch is missing, where it is and this package needs it."""
    if not any(type(finder).__qualname__ == _MissingTorch.__qualname__ for finder in sys.meta_path):
        sys.meta_path.append(_MissingTorch())


def quoted(names: Iterable[str]) -> str:
    """``'a', 'b' or 'c'``."""
    items = [f"'{name}'" for name in names]
    if len(items) <= 1:
        return "".join(items)
    return ", ".join(items[:-1]) + " or " + items[-1]


def nearest(name: str, allowed: Sequence[str], count: int = 3) -> list[str]:
    """The ``count`` allowed names most similar to ``name``, best first."""
    by_folded = {candidate.casefold(): candidate for candidate in allowed}
    wanted = name.casefold()
    close = difflib.get_close_matches(wanted, list(by_folded), n=count, cutoff=0.0)
    inside = [folded for folded in by_folded if wanted and (wanted in folded or folded in wanted)]
    inside.sort(key=lambda folded: abs(len(folded) - len(wanted)))
    ranked = list(dict.fromkeys(inside + close))[:count]
    return [by_folded[folded] for folded in ranked]


LARGEST = 2**31 - 1  # of a whole number, where nothing smaller is natural
LONGEST_SHOWN = 200  # characters of a name in a message


def unknown_name(kind: str, name: object, allowed: Sequence[str]) -> str:
    """The sentence for a name that does not exist, with the nearest allowed ones."""
    near = nearest(name[:LONGEST_SHOWN] if isinstance(name, str) else short_repr(name, LONGEST_SHOWN), allowed)
    words = short_repr(name, LONGEST_SHOWN)
    if not near:
        return f"There is no {kind} {words}; none is available."
    all_of_them = "" if len(allowed) <= len(near) else f" ({len(allowed)} in all)"
    return f"There is no {kind} {words}; the nearest are {quoted(near)}{all_of_them}."


def first_line(error: BaseException, limit: int = 200) -> str:
    """The first line of another library's error, to quote in a sentence: at most ``limit`` characters, no full stop.

    The error's type where it has no message.
    """
    lines = str(getattr(error, "strerror", None) or error).strip().splitlines()
    return shortened(lines[0].rstrip("."), limit) if lines else type(error).__name__


def shortened(text: str, limit: int = 200) -> str:
    """At most ``limit`` characters of a text, cut between words."""
    if len(text) <= limit:
        return text
    words = textwrap.shorten(text, limit, placeholder=" ...")
    return words if words != "..." else text[:limit]  # a single long word


def whole_number(value: Any) -> int | None:
    """An int, or anything that Python accepts as an index, as an int; None for a bool and for everything else."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def at_least(least: int, **named: Any) -> int:
    """One named value as an int: ``at_least(1, size=size)``.

    Raises:
        ParameterError: it is not a whole number of at least ``least``.
    """
    ((name, value),) = named.items()
    number = whole_number(value)
    if number is None or not least <= number <= LARGEST:
        raise ParameterError(
            f"{name} is {short_repr(value)}; give a whole number of at least {least} and at most {LARGEST:,}."
        )
    return number


def real_number(value: Any) -> float | None:
    """A number of any kind as a float; None for a bool, a string, and everything else."""
    is_bool = isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool")
    if is_bool or isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None


LONGEST_NUMBER = 40  # digits of a whole number that are shown


def short_repr(value: object, limit: int = 500) -> str:
    """A value's ``repr`` for a sentence: on one line, and cut off where it is long."""
    return _bounded(repr, value, limit)


def short_text(value: object, limit: int = 500) -> str:
    """A value as text, such as a caption; on the lines that it has, and cut off where it is long."""
    return _bounded(str, value, limit)


def _bounded(write: Callable[[object], str], value: object, limit: int) -> str:
    if isinstance(value, int) and abs(value) >= 10**LONGEST_NUMBER:  # Python writes none of more than 4,300 digits
        return f"a number of {_digits(value):,} digits"
    try:
        text = write(value)
    except ValueError:  # such a number inside of something
        return f"a {type(value).__name__} with a number that is too long to be shown"
    text = " ".join(text.split()) if write is repr else text
    return text if len(text) <= limit else f"{text[:limit]}…"


def _digits(number: int) -> int:
    digits = int(abs(number).bit_length() * math.log10(2))
    return digits + (abs(number) >= 10**digits)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means out of memory: Python's, NumPy's, CUDA's, torch's or ONNX Runtime's."""
    kind = type(error).__name__  # by name, to need no torch
    named = any(words in str(error) for words in ("can't allocate memory", "Failed to allocate memory", "bad_alloc"))
    return isinstance(error, MemoryError) or kind == "OutOfMemoryError" or named
