"""Paint with a robust classifier inside Jupyter.

Conventionally imported as ``rw``. Importing this package imports neither torch nor NumPy: each name is loaded on first
use. The public names are listed in ``__init__.pyi``.
"""

from __future__ import annotations

import ast
import importlib
import os
from pathlib import Path
from typing import Any

from robust_widgets._deprecated import warn_renamed
from robust_widgets.errors import explain_missing_torch

# OpenMP workers spin while they wait. On a busy machine that turns a 4 ms pass into 200 ms, so spin a tenth as long,
# which costs about 3 % on an idle one. Set before torch is loaded; respect values the user has set.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

explain_missing_torch()

__version__ = "0.1.0"

_FOLDER = Path(__file__).parent
_RENAMED = {
    "chain": "chain_problems",
    "check": "check_exercise",
    "code": "to_code",
    "features": "model_features",
    "problem": "make_problem",
    "stream": "stream_pictures",
}
_OLD_STUDIOS = ("Generate", "Inpaint", "PaintFeatures", "SketchToImage", "SuperResolve", "Translate")


def _public_names() -> dict[str, str]:
    """The module of each public name."""
    stub = ast.parse((_FOLDER / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


_HOMES = _public_names()

__all__ = ["__version__", *sorted(_HOMES)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        warn_renamed(f"robust_widgets.{name}", f"robust_widgets.{_RENAMED[name]}")
        return globals().get(_RENAMED[name]) or __getattr__(_RENAMED[name])
    home = _HOMES.get(name)
    if home is None and name in _OLD_STUDIOS:
        home = "robust_widgets.jupyter.studio"
    if home is None and name[0] != "_" and (_FOLDER / "tasks" / f"{name}.py").is_file():
        home = f"robust_widgets.tasks.{name}"  # a task is public as soon as its file is there
    if home is None:
        raise AttributeError(f"module 'robust_widgets' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
