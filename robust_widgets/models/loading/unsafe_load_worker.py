"""Read a file that its owner trusts, with Python's whole unpickler, and keep its tensors only.

`conversion.convert` runs it in a process of its own, so that whatever else the file does, it does not do to the kernel:
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

from robust_widgets.errors import WeightsError
from robust_widgets.models.loading.infer_architecture import weights_in


def main(source: Path, out: Path) -> str:
    """Write the tensors of a file; the answer is a sentence if that cannot be done, else empty."""
    has_dill = importlib.util.find_spec("dill") is not None
    unpickler: Any = importlib.import_module("dill") if has_dill else pickle
    try:
        content = torch.load(source, map_location="cpu", weights_only=False, pickle_module=unpickler)
    except ModuleNotFoundError as error:
        return f"it needs the module {error.name!r}; install that and convert again"
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    if isinstance(content, torch.nn.Module):
        content = content.state_dict()
    elif isinstance(content, dict):
        content = {
            name: value.state_dict() if isinstance(value, torch.nn.Module) else value for name, value in content.items()
        }
    try:
        state = weights_in(source, content).as_state()
    except WeightsError as error:
        return str(error)
    save_file({name: value.contiguous().clone() for name, value in state.items()}, out)
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])) or 0)
