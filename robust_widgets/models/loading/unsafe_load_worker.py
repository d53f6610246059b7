"""Unpickle a trusted checkpoint without restrictions, and keep only its tensors.

This runs any code in the file. `conversion.convert` therefore starts it as a separate process:
``python -m robust_widgets.models.loading.unsafe_load_worker SOURCE OUT``.
"""

from __future__ import annotations

import importlib.util
import pickle
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from robust_widgets.errors import WeightsError, first_line
from robust_widgets.models.loading.state_dicts import weights_in


def main(source: Path, out: Path) -> str:
    """Write a file's tensors as safetensors; returns an error message, empty on success."""
    has_dill = importlib.util.find_spec("dill") is not None
    unpickler: Any = importlib.import_module("dill") if has_dill else pickle
    try:
        content = torch.load(source, map_location="cpu", weights_only=False, pickle_module=unpickler)
    except ModuleNotFoundError as error:
        return f"it needs the module {error.name!r}; install that and convert again"
    except Exception as error:
        return f"{type(error).__name__}: {first_line(error)}"
    if isinstance(content, torch.nn.Module):
        content = content.state_dict()
    elif isinstance(content, dict):
        content = {
            name: value.state_dict() if isinstance(value, torch.nn.Module) else value for name, value in content.items()
        }
    try:
        state = weights_in(source, content).as_state_dict()
    except WeightsError as error:
        return str(error)
    save_file({name: value.contiguous().clone() for name, value in state.items()}, out)
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])) or 0)
