"""A file of weights as a safetensors file, which nobody after that has to trust."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors.torch import save as serialize

from robust_widgets._files import atomic_write
from robust_widgets.errors import WeightsError
from robust_widgets.models.loading.infer_architecture import Weights, weights_in
from robust_widgets.models.loading.safe_load import checked_kind, read_checkpoint


def convert(source: Path, out: Path, *, trust: bool = False) -> Weights:
    """Write a file's weights and normalisation as safetensors, whole or not at all; float64 becomes float32.

    Args:
        source: any file of weights.
        out: the file to write.
        trust: read the file with Python's whole unpickler, in a process of its own. This may run whatever its maker
            put into it, with your rights.

    Returns:
        What was written.

    Raises:
        WeightsError: the file cannot be read, or holds more than weights and is not trusted.
        SaveError: the file cannot be written.
    """
    weights = weights_in(source, _trusted(source) if trust else read_checkpoint(source))
    tensors = {name: value.contiguous().clone() for name, value in weights.as_state().items()}
    atomic_write(out, lambda file: file.write(serialize(tensors, {"format": "pt"})))
    return weights


def _trusted(source: Path) -> object:
    """What the whole unpickler finds, handed over as safetensors, so that nothing of it but tensors comes here."""
    checked_kind(source)
    with tempfile.TemporaryDirectory(prefix="robust-widgets-") as folder:
        between = Path(folder) / "between.safetensors"
        command = [sys.executable, "-m", "robust_widgets.models.loading.unsafe_load_worker", str(source), str(between)]
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or not between.is_file():
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise WeightsError(f"The file {str(source)!r} could not be converted ({said[-1].rstrip('.')[:300]}).")
        return read_checkpoint(between)
