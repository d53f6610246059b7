"""Convert a checkpoint to safetensors, a format that can be read without trusting its source."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors.torch import save as serialize

from robust_widgets._files import atomic_write
from robust_widgets.errors import WeightsError
from robust_widgets.models.loading.file_format import detect_format
from robust_widgets.models.loading.safe_load import read_checkpoint
from robust_widgets.models.loading.state_dicts import Weights, weights_in

WORKER = "robust_widgets.models.loading.unsafe_load_worker"


def convert(source: Path, out: Path, *, trust: bool = False) -> Weights:
    """Write a checkpoint's weights and normalisation as safetensors, atomically; float64 becomes float32.

    Args:
        source: a weights file in any known format.
        out: the file to write.
        trust: unpickle the file without restrictions, in a separate process. This can run any code in the file, with
            your rights.

    Returns:
        What was written.

    Raises:
        WeightsError: the file cannot be read, or holds more than weights and is not trusted.
        SaveError: the file cannot be written.
    """
    weights = weights_in(source, _read_unsafely(source) if trust else read_checkpoint(source))
    tensors = {name: value.contiguous().clone() for name, value in weights.as_state_dict().items()}
    atomic_write(out, lambda file: file.write(serialize(tensors, {"format": "pt"})))
    return weights


def _read_unsafely(source: Path) -> object:
    """The tensors of a file that is unpickled in another process; only safetensors come back from there."""
    detect_format(source)
    with tempfile.TemporaryDirectory(prefix="robust-widgets-") as folder:
        tensors = Path(folder) / "tensors.safetensors"
        command = [sys.executable, "-I", "-c", _start_worker(), str(source), str(tensors)]
        environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
        process = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if process.returncode != 0 or not tensors.is_file():
            lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
            raise WeightsError(f"The file {str(source)!r} could not be converted ({lines[-1].rstrip('.')[:300]}).")
        return read_checkpoint(tensors)


def _start_worker() -> str:
    """Code for an isolated interpreter: a ``torch.py`` or ``dill.py`` in the current folder is not imported.

    It looks for modules where this process does, but for the current folder, which Python may have added.
    """
    here, own = Path.cwd(), Path(__file__).parents[3]
    folders = [Path(path) for path in sys.path if Path(path).is_absolute()]
    paths = [str(folder) for folder in folders if folder.resolve() != here or folder.resolve() == own.resolve()]
    return f"import sys, runpy; sys.path[:] = {paths!r}; runpy.run_module({WORKER!r}, run_name='__main__')"
