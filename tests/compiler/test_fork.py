"""A forked process inherits a model whose threads it does not have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FORKING = """
import multiprocessing, os
import numpy as np
import robust_widgets as rw

model = rw.load_model("tiny", device="cpu", fast=True)
expected = rw.generate("lion", model=model, n=2, steps=2)

def paint(seed):
    return rw.generate("lion", model=model, n=2, steps=2, seed=seed).frames

def load_and_paint(seed):
    return rw.generate("lion", model="tiny", device="cpu", n=2, steps=2, seed=seed).frames

with multiprocessing.get_context("fork").Pool(2) as pool:
    for function in (paint, load_and_paint):
        first, second = pool.map(function, [0, 2], chunksize=1)
        difference = abs(first.astype(int) - expected.frames)
        assert difference.max() <= 3, difference.max()
        assert (first != second).any()
again = rw.generate("lion", model=model, n=2, steps=2)
assert (again.frames == expected.frames).all(), "the parent goes on compiled"
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("fast", ["0", "1"])
def test_forked_workers_paint_with_a_model_that_was_used_before(fast: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "2",
        "ROBUST_WIDGETS_FAST": fast,
        "ROBUST_WIDGETS_CACHE": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0 and done.stdout.strip() == "done", done.stderr
