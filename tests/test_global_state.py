"""What a notebook has set for its process stays: threads, torch's flags, the environment and random generators."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SNAPSHOT = """
import json, os, random, signal, sys, warnings
import numpy as np
import torch

def snapshot():
    keys = np.random.get_state(legacy=False)
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    return {
        "environment": {name: value for name, value in os.environ.items()
                        if name.split("_")[0] in ("OMP", "GOMP", "KMP", "MKL", "CUDA", "CUBLAS", "TORCH", "PYTORCH")},
        "threads": [torch.get_num_threads(), torch.get_num_interop_threads()],
        "default": [str(torch.get_default_dtype()), str(torch.empty(0).device)],
        "gradients": [torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()],
        "autocast": [torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")],
        "deterministic": [torch.are_deterministic_algorithms_enabled(), cudnn.deterministic, cudnn.benchmark],
        "precision": [torch.get_float32_matmul_precision(), cudnn.allow_tf32, matmul.allow_tf32],
        "onednn": [torch.backends.mkldnn.enabled],
        "denormals are kept": bool((torch.tensor([1e-310], dtype=torch.float64) / 2 != 0).all()),
        "random": [torch.get_rng_state().tolist(), keys["state"]["key"].tolist(), list(random.getstate()[1])],
        "warnings": len(warnings.filters),
        "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
        "recursion": sys.getrecursionlimit(),
    }
"""

WORK = """
import tempfile, threading
from pathlib import Path
torch.manual_seed(5); np.random.seed(6); random.seed(7)
torch.set_num_threads(2)
before = {"at the start": snapshot()}
import robust_widgets as rw
from robust_widgets.interface.session import RunEnded, RunRequest
from robust_widgets.robustness.pgd import pgd
from robust_widgets.session.local import LocalSession
from robust_widgets.training.settings import TrainingSettings
from tests.helpers import noise_patterns, trained_on
after = {"importing": snapshot()}
model = rw.load_model("tiny", device="cpu")
after["loading"] = snapshot()
for _ in range(2):
    rw.generate("lion", model=model, steps=2)
after["painting"] = snapshot()
list(rw.stream_pictures("generate", "lion", n=4, batch_size=2, steps=2, model=model))
after["a stream"] = snapshot()
session, ended = LocalSession(model), threading.Event()
session.submit(RunRequest("generate", "lion", {"steps": 3, "constraint": "linf"}),
               lambda event: ended.set() if isinstance(event, RunEnded) else None)
assert ended.wait(120)
session.close()
session.join()
after["a studio"] = snapshot()
pictures = torch.full((2, 3, 64, 64), 0.5)
pgd(model, pictures, torch.tensor([0, 1]), norm="l2", epsilon=1.0, steps=2)
rw.measure_robustness(model, pictures, count=1)
after["attacking"] = snapshot()
with tempfile.TemporaryDirectory() as folder:
    settings = TrainingSettings(epochs=1, batch_size=12, architecture="smoothresnet-tiny", inner_steps=1)
    trained_on(noise_patterns(4, seed=1), noise_patterns(2, seed=2), Path(folder) / "model.safetensors", settings)
after["training"] = snapshot()
threads = [thread.name for thread in threading.enumerate()]
Path(sys.argv[1]).write_text(json.dumps({"before": before["at the start"], "after": after, "threads": threads}))
"""


@pytest.mark.parametrize("fast", ["0", "1"])
def test_importing_painting_attacking_and_training_leave_it_as_it_was(fast: str, tmp_path: Path) -> None:
    file = tmp_path / "states.json"
    environment = {**os.environ, "ROBUST_WIDGETS_FAST": fast, "ROBUST_WIDGETS_CACHE": str(tmp_path)}
    environment |= {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "10000"}
    root = str(Path(__file__).parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    command = [sys.executable, "-c", SNAPSHOT + WORK, str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    states = json.loads(file.read_text())
    for moment, after in states["after"].items():
        for name, value in after.items():
            if name == "warnings" and moment == "importing":
                continue  # other packages add theirs when they are imported
            if name != "warnings":
                assert value == states["before"][name], f"{name} after {moment}"
    assert states["before"]["threads"][0] == 2, "the number that was set, not that of the environment"
    assert not [name for name in states["threads"] if name.startswith("robust-widgets")]
