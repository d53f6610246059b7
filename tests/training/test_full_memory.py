"""A batch that does not fit into memory is computed in chunks, with the same result."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from robust_widgets.errors import TrainingError, is_out_of_memory
from robust_widgets.models.networks.base import PaintableNetwork
from robust_widgets.training.settings import TrainingSettings
from tests.helpers import noise_patterns, raises_sentence, trained_on

TRAIN, VAL = noise_patterns(16, seed=1), noise_patterns(4, seed=2)
SETTINGS = TrainingSettings(
    architecture="blurresnet-tiny", epochs=2, batch_size=24, learning_rate=0.05, precision="float32", progressive=False
)
CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:1] . DefaultCPUAllocator: can't allocate memory: you tried")


def holds(monkeypatch: pytest.MonkeyPatch, count: int, error: Exception) -> list[int]:
    """Limit the pictures that fit into memory in training; returns the sizes that were tried."""
    asked: list[int] = []
    real = PaintableNetwork.forward

    def forward(self: PaintableNetwork, x: Tensor) -> Tensor:
        if self.training:
            asked.append(len(x))
            if len(x) > count:
                raise error
        return real(self, x)

    monkeypatch.setattr(PaintableNetwork, "forward", forward)
    return asked


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), CPU, MemoryError()])
def test_a_batch_is_halved_until_it_fits(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    asked = holds(monkeypatch, 10, error)
    trained_on(TRAIN, VAL, tmp_path / "m.safetensors", SETTINGS, log=said.append)
    assert asked == [24, 12, *[6] * 16], "tried whole, in two, then in four from there on"
    notes = [text for text in said if "Memory ran out" in text]
    assert len(notes) == 2 and all("step 1;" in note for note in notes)
    assert "chunks of 12 pictures" in notes[0] and "chunks of 6 pictures" in notes[1]


def test_chunks_learn_the_same_as_the_whole_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def losses(name: str) -> list[float]:
        said: list[str] = []
        trained_on(TRAIN, VAL, tmp_path / f"{name}.safetensors", SETTINGS, log=said.append)
        return [float(text.split("loss ")[1].split(",")[0]) for text in said if "loss" in text]

    whole = losses("whole")
    holds(monkeypatch, 12, CPU)
    assert losses("parts") == pytest.approx(whole, rel=0.1), "batch statistics and random starts differ, no more"


def test_a_single_picture_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holds(monkeypatch, 0, CPU)
    with raises_sentence(TrainingError, "'cpu'", "--batch-size"):
        trained_on(TRAIN, VAL, tmp_path / "m.safetensors", SETTINGS)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("no memory of it")])
def test_other_errors_are_raised(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_out_of_memory(error)
    holds(monkeypatch, 0, error)
    with pytest.raises(type(error), match=str(error)):
        trained_on(TRAIN, VAL, tmp_path / "m.safetensors", SETTINGS)
