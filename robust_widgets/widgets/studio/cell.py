"""The running cell: studios belong to the cell that makes or shows them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook, while it runs.

    Attributes:
        key: identifies the notebook and the cell.
        execution: identifies this run of it.
        has_id: whether the front end told the cell's id; otherwise the cell is known by its code.
    """

    key: str
    execution: str
    has_id: bool = True


def shell() -> Any:
    """IPython's shell; None outside of IPython."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def running_cell() -> Cell | None:
    """The running cell; None outside a notebook."""
    try:
        parent: dict[str, Any] = shell().get_parent()
        metadata, execution = parent["metadata"], str(parent["header"]["msg_id"])
        cell = metadata.get("cellId") or hashlib.sha256(parent["content"]["code"].encode()).hexdigest()
    except (AttributeError, KeyError, TypeError):
        return None
    notebook = os.environ.get("JPY_SESSION_NAME", str(Path.cwd()))
    return Cell(f"{notebook}\n{cell}", execution, bool(metadata.get("cellId")))
