"""`robust-widgets convert`: unsafe files are read only if trusted, and never in this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from robust_widgets.models.loading import unsafe_load_worker
from robust_widgets.models.loading.conversion import convert
from robust_widgets.models.loading.safe_load import read_checkpoint
from robust_widgets.models.loading.state_dicts import weights_in
from tests.cli.shell import call, refusal

STATE = {"conv.weight": torch.arange(12.0).view(4, 3, 1, 1), "bn.num_batches_tracked": torch.tensor(7)}


class RecordsProcess:
    """An object that records which process unpickled it."""

    def __init__(self, note: Path) -> None:
        self.note = note

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"echo $PPID > {self.note}",)


def test_a_trusted_file_is_read_in_a_separate_process(tmp_path: Path) -> None:
    note, out = tmp_path / "note", tmp_path / "out.safetensors"
    normaliser = {"normalizer.new_mean": torch.full((3, 1, 1), 0.5), "normalizer.new_std": torch.full((3, 1, 1), 0.25)}
    weights = {f"module.model.{name}": value for name, value in STATE.items()}
    weights |= {f"module.{name}": value for name, value in normaliser.items()}
    torch.save({"model": weights, "schedule": RecordsProcess(note)}, tmp_path / "old.ckpt")
    assert "--trust" in refusal("convert", tmp_path / "old.ckpt", "--out", out)
    assert not note.exists() and not out.exists()
    text = call("convert", tmp_path / "old.ckpt", "--trust", "--out", out).stdout
    assert str(out) in text and "2 tensors" in text and "13 values" in text and "with its normalisation" in text
    assert int(note.read_text()) != os.getpid()
    converted = weights_in(out, read_checkpoint(out))
    assert converted.mean == (0.5,) * 3 and converted.std == (0.25,) * 3
    assert all(torch.equal(converted.state[name], value) for name, value in STATE.items())


def test_a_pickled_network_becomes_its_weights(tmp_path: Path) -> None:
    network, out = torch.nn.Conv2d(3, 4, 1), tmp_path / "out.safetensors"
    for content in (network, {"model": network}):
        torch.save(content, tmp_path / "network.pt")
        assert unsafe_load_worker.main(tmp_path / "network.pt", out) == ""
        assert torch.equal(weights_in(out, read_checkpoint(out)).state["weight"], network.weight)


def test_no_file_is_replaced_without_force(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "model.pt")
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"another model")
    assert "--force" in refusal("convert", tmp_path / "model.pt", "--out", out)
    assert out.read_bytes() == b"another model"
    call("convert", tmp_path / "model.pt", "--out", out, "--force")
    assert "was made from" in refusal("convert", out, "--out", out)


def test_a_file_of_weights_needs_no_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    torch.save(STATE, tmp_path / "model.pt")
    text = call("convert", tmp_path / "model.pt", "--out", tmp_path / "out.safetensors").stdout
    assert "without a normalisation" in text and (tmp_path / "out.safetensors").is_file()


def test_a_missing_module_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = ModuleType("elsewhere")
    elsewhere.Schedule = type("Schedule", (), {"__module__": "elsewhere"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "elsewhere", elsewhere)
    torch.save({"model": STATE, "schedule": elsewhere.Schedule()}, tmp_path / "model.pt")
    monkeypatch.delitem(sys.modules, "elsewhere")
    out = tmp_path / "out.safetensors"
    assert "'elsewhere.Schedule'" in refusal("convert", tmp_path / "model.pt", "--out", out)
    assert "needs the module 'elsewhere'" in unsafe_load_worker.main(tmp_path / "model.pt", out)
    assert not out.exists()


def test_files_that_cannot_be_converted(tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    torch.save({"w": torch.tensor([1.0, float("nan")])}, tmp_path / "nan.pt")
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    (tmp_path / "text.pt").write_text("no weights at all")
    for name, word in (("nan.pt", "not finite"), ("empty.pt", "no state dict"), ("text.pt", "no weights")):
        assert word in refusal("convert", tmp_path / name, "--out", out)
    assert "not finite" in unsafe_load_worker.main(tmp_path / "nan.pt", out)
    assert "could not be converted" in refusal("convert", tmp_path / "empty.pt", "--trust", "--out", out)
    assert "gone.pt" in refusal("convert", tmp_path / "gone.pt", "--trust", "--out", out)
    assert ".safetensors" in refusal("convert", tmp_path / "nan.pt", "--out", tmp_path / "out.pt")
    assert not out.exists()


def test_a_trusted_file_is_read_without_modules_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of downloads may hold a torch.py beside the checkpoint."""
    for name in ("torch", "safetensors", "dill", "pickle", "runpy", "robust_widgets"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    torch.save({"model": STATE}, tmp_path / "model.pt")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    for path in ("", str(tmp_path)):
        monkeypatch.syspath_prepend(path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    convert(Path("model.pt"), Path("out.safetensors"), trust=True)
    assert not (tmp_path / "ran").exists()
    assert torch.equal(read_checkpoint(tmp_path / "out.safetensors")["model.conv.weight"], STATE["conv.weight"])  # type: ignore[index]
