"""A judge, trained without an attack, recognises what the bundled model paints.

It is in ``tests/data``, and was trained on the same data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import robust_widgets as rw
from robust_widgets.compiler.engine import SWITCH
from robust_widgets.evaluation.evaluator import Evaluator
from robust_widgets.evaluation.tasks import generation

JUDGE = Path(__file__).parents[1] / "data" / "judge.safetensors"
RECOGNISED = 0.8


@pytest.fixture
def all_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Also compile models: this is the longest computation of all tests."""
    monkeypatch.setenv(SWITCH, "1")
    before = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("all_cores")
def test_the_judge_recognises_what_is_generated() -> None:
    model, judge = (rw.load_model(name, device="cpu", fast=True) for name in ("default", JUDGE))
    assert judge.classes == model.classes and judge.fingerprint != model.fingerprint
    assert judge.card.norm == "" and judge.card.accuracies["clean"] > 0.7
    result = generation(Evaluator(model, judge, batch_size=27, progress=False), seeds=4)
    assert len(result) == 4 * len(model.classes) and result.within
    missed = [model.classes[label] for label in result.targets[~result.after].tolist()]
    assert float(result.after.double().mean()) >= RECOGNISED, f"not recognised: {missed}"
    assert float(result.before.double().mean()) < 0.4, "the judge sees classes before anything is painted"
