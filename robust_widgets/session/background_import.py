"""Import torch and load a model on a background thread, while other threads may import parts of torch.

torch is full of circular imports. When one thread imports ``torch`` and another enters it from a submodule, such as
``from torch.utils.data import DataLoader`` in a cell, each ends up waiting for the other. Python breaks that
deadlock by handing one of them a partially initialized module: its import fails, and torch stays broken until the
kernel restarts.
"""

from __future__ import annotations

import builtins
import importlib
import threading
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from robust_widgets.errors import RobustWidgetsError
from robust_widgets.interface.session import ModelLoaded
from robust_widgets.models.bundled import BundledModel
from robust_widgets.session.listeners import reason_of

if TYPE_CHECKING:
    from robust_widgets.session.worker import ModelWorker

_one_at_a_time = threading.Lock()


def import_whole(package: str) -> None:
    """Import a package; until that is done, other threads that import one of its submodules wait.

    Meanwhile ``builtins.__import__`` imports the package before any of its submodules. A thread then blocks on Python's
    own lock of the package, holding no lock of a submodule that the import may need. This covers import statements on
    every thread, but not a direct call of `importlib.import_module` with a submodule.
    """
    with _one_at_a_time:
        original = builtins.__import__

        def import_package_first(
            name: str,
            globals: Mapping[str, object] | None = None,
            locals: Mapping[str, object] | None = None,
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> Any:
            if level == 0 and name.startswith(f"{package}."):
                original(package)
            return original(name, globals, locals, fromlist, level)

        builtins.__import__ = import_package_first
        try:
            importlib.import_module(package)
        finally:
            # If a tool has wrapped it in the meantime, leave that alone: importing the package first does no harm.
            if builtins.__import__ is import_package_first:
                builtins.__import__ = original


def load_worker(bundled: BundledModel) -> tuple[ModelWorker | None, ModelLoaded]:
    """Import torch and load a bundled model: its worker, or None and why there is none."""
    try:
        import_whole("torch")
        from robust_widgets.session.worker import ModelWorker

        return ModelWorker(bundled.load()), ModelLoaded()
    except RobustWidgetsError as error:
        return None, ModelLoaded(str(error), traceback.format_exc())
    except Exception as error:
        sentence = f"The model could not be loaded ({reason_of(error)}); restart the kernel to try again."
        return None, ModelLoaded(sentence, traceback.format_exc())
