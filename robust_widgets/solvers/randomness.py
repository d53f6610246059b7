"""The global random generators, which belong to whoever uses the process."""

from __future__ import annotations

import pickle
import random
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def keep_randomness() -> Generator[None]:
    """What is drawn inside counts for nothing: the global generators on the CPU continue where they were."""
    of_python, of_numpy, of_torch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
        torch.set_rng_state(of_torch)


def random_states() -> bytes:
    """The states of the global generators on the CPU."""
    return pickle.dumps((random.getstate(), np.random.get_state(), torch.get_rng_state().numpy()))
