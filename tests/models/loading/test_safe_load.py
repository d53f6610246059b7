"""Weights files of others: what is read, and everything that is refused before it can do harm."""

from __future__ import annotations

import json
import os
import pickle
import time
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from robust_widgets.errors import WeightsError
from robust_widgets.models.loading import safe_load as reading
from robust_widgets.models.loading.safe_load import read_checkpoint
from robust_widgets.models.loading.state_dicts import Weights, weights_in
from tests.helpers import raises_sentence

STATE = OrderedDict([("conv.weight", torch.arange(12.0).view(4, 3, 1, 1)), ("bn.num_batches_tracked", torch.tensor(7))])


def weights_of(path: Path) -> Weights:
    """What is read, which may not take long whatever a file claims."""
    begun = time.process_time()
    try:
        return weights_in(path, read_checkpoint(path))
    finally:
        assert time.process_time() - begun < 2


def saved(folder: Path, content: object, name: str = "model.pt", **how: Any) -> Path:
    torch.save(content, folder / name, **how)
    return folder / name


class Runs:
    """Something that runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("entry", ["state_dict", "beside"])
def test_a_file_that_would_run_a_command_does_not_run_it(zipped: bool, entry: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    evil = Runs(f"touch {ran}")
    content = {"state_dict": {**STATE, "evil": evil} if entry == "state_dict" else STATE, "beside": evil}
    path = saved(tmp_path, content, "evil model.ckpt", _use_new_zipfile_serialization=zipped)
    command = f"robust-widgets convert '{path}' --trust --out '{path.with_suffix('.safetensors')}'"
    with raises_sentence(WeightsError, "system", repr(str(path)), command):
        weights_of(path)
    assert not ran.exists()
    torch.load(path, weights_only=False)
    assert ran.exists(), "the file is as harmful as it is meant to be"


def test_a_bare_pickle_that_would_run_a_command_does_not_run_it(tmp_path: Path) -> None:
    path, ran = tmp_path / "evil.pt", tmp_path / "ran"
    path.write_bytes(pickle.dumps(Runs(f"touch {ran}"), protocol=2))
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)
    assert not ran.exists()


def test_a_whole_network_is_more_than_weights(tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "torch.nn.modules", "convert"):
        weights_of(saved(tmp_path, torch.nn.Conv2d(3, 4, 1)))


@pytest.mark.parametrize("version", ["2.6.0", "2.9.1+cpu"])
def test_a_torch_with_a_known_hole_reads_no_pickles(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, STATE)
    save_file(STATE, tmp_path / "model.safetensors")
    monkeypatch.setattr(reading.torch, "__version__", version)
    with raises_sentence(WeightsError, version, "2.10"):
        weights_of(path)
    assert weights_of(tmp_path / "model.safetensors").state.keys() == STATE.keys()


def wrapped(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in STATE.items()}


def attacker_model(prefix: str) -> dict[str, Tensor]:
    """The names that the robustness library gives a model: its normaliser twice, and its weights twice."""
    mean, std = torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1), torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)
    normaliser = {"new_mean": mean, "new_std": std}
    return {
        **{f"{prefix}normalizer.{name}": value for name, value in normaliser.items()},
        **wrapped(f"{prefix}model."),
        **{f"{prefix}attacker.normalize.{name}": value for name, value in normaliser.items()},
        **wrapped(f"{prefix}attacker.model."),
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        STATE,
        wrapped("module."),
        {"state_dict": wrapped("module.model."), "epoch": torch.tensor(3)},
        {"model": wrapped("_orig_mod."), "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}, "epoch": 3},
        {"last": {"model_state_dict": STATE}, "best": {}},
    ],
)
def test_weights_are_found_wherever_they_lie(content: dict[str, Any], zipped: bool, tmp_path: Path) -> None:
    found = weights_of(saved(tmp_path, content, _use_new_zipfile_serialization=zipped))
    assert found.state.keys() == STATE.keys() and found.mean is None
    assert all(torch.equal(found.state[name], value) for name, value in STATE.items())


@pytest.mark.parametrize("entry", ["model", "state_dict"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_attacker_model_of_the_robustness_library(entry: str, prefix: str, tmp_path: Path) -> None:
    found = weights_of(saved(tmp_path, {entry: attacker_model(prefix), "epoch": 90, "schedule": None}))
    assert found.state.keys() == STATE.keys()
    assert found.mean == pytest.approx((0.1, 0.2, 0.3)) and found.std == pytest.approx((0.4, 0.5, 0.6))


@pytest.mark.parametrize("names", [("mu", "sigma"), ("mean", "std"), ("normalize.mean", "normalize.std")])
def test_a_normalisation_beside_the_weights(names: tuple[str, str], tmp_path: Path) -> None:
    mean, std = torch.full((1, 3, 1, 1), 0.25), torch.full((1, 3, 1, 1), 0.5)
    found = weights_of(saved(tmp_path, {**STATE, names[0]: mean, names[1]: std}))
    assert (found.mean, found.std, found.state.keys()) == ((0.25,) * 3, (0.5,) * 3, STATE.keys())


def test_what_was_found_can_be_saved_and_found_again(tmp_path: Path) -> None:
    found = weights_of(saved(tmp_path, attacker_model("module.")))
    save_file(found.as_state_dict(), tmp_path / "again.safetensors")
    again = weights_of(tmp_path / "again.safetensors")
    assert (again.mean, again.std, again.state.keys()) == (found.mean, found.std, found.state.keys())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_half_precision_is_kept_and_double_becomes_single(dtype: torch.dtype, tmp_path: Path) -> None:
    found = weights_of(saved(tmp_path, {"w": torch.ones(3, dtype=dtype), "n": torch.tensor(1)}))
    assert found.state["w"].dtype == (torch.float32 if dtype == torch.float64 else dtype)
    assert found.state["n"].dtype == torch.int64


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2, dtype=torch.complex64),
        torch.ones(2, dtype=torch.bool),
        torch.ones(2, 2).to_sparse(),
        torch.ones(2, device="meta"),
    ],
    ids=["complex", "bool", "sparse", "meta"],
)
def test_what_is_no_weight(value: Tensor, tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "'layer.weight'", "model.pt"):
        weights_of(saved(tmp_path, {"layer.weight": value}))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["conv.weight", "mu"])
def test_values_that_are_not_finite(value: float, name: str, tmp_path: Path) -> None:
    odd = {**STATE, "mu": torch.zeros(3), "sigma": torch.ones(3)}
    odd[name] = odd[name].clone().flatten().index_fill(0, torch.tensor([1]), value)
    with raises_sentence(WeightsError, repr(name), "not finite"):
        weights_of(saved(tmp_path, odd))


@pytest.mark.parametrize("sigma", [[0.1, 0.0, 0.1], [0.1, 0.1]])
def test_a_normalisation_that_cannot_be(sigma: list[float], tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "model.pt"):
        weights_of(saved(tmp_path, {**STATE, "mu": torch.zeros(3), "sigma": torch.tensor(sigma)}))


def test_a_tensor_that_claims_more_than_it_has(tmp_path: Path) -> None:
    for shape in ((10**6, 10**6), (100_000,)):
        with raises_sentence(WeightsError, "'w'", "more values than the file holds"):
            weights_of(saved(tmp_path, {"w": torch.zeros(1).expand(shape)}))


def test_a_thousand_names_for_one_tensor_are_too_many(tmp_path: Path) -> None:
    many = torch.zeros(100_000)
    with raises_sentence(WeightsError, "more values than the file holds"):
        weights_of(saved(tmp_path, {f"w{index}": many for index in range(1000)}))


def rezipped(path: Path, compression: int = zipfile.ZIP_STORED, **extra: bytes) -> Path:
    with zipfile.ZipFile(path) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", compression) as new:
        for name, value in (entries | extra).items():
            new.writestr(name, value)
    return path


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = saved(tmp_path, {"w": torch.zeros(4_000_000)})
    rezipped(path, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1_000_000
    with raises_sentence(WeightsError, "unpacks to more"):
        weights_of(path)


def test_a_description_that_is_absurdly_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robust_widgets.models.loading.file_format.MAX_PICKLE", 100)
    with raises_sentence(WeightsError, "describes its weights"):
        weights_of(saved(tmp_path, STATE))


@pytest.mark.parametrize("claimed", [10 * 2**30, 2**63, 90_000_000])
def test_a_safetensors_header_that_is_absurdly_long(claimed: int, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(claimed.to_bytes(8, "little") + b'{"a": 1}')
    with raises_sentence(WeightsError, f"{claimed:,}", repr(str(path))):
        weights_of(path)
    with path.open("r+b") as file:
        file.truncate(20 * 2**30)  # a hole: it takes no room on the disk
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)


def test_a_safetensors_tensor_beyond_the_end(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 64)
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("keep", [0, 3, 9, 100, 0.5, -1])
def test_truncated(zipped: bool, keep: float, tmp_path: Path) -> None:
    path = saved(tmp_path, {"w": torch.zeros(1000)}, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)


def test_a_legacy_file_that_claims_an_absurd_storage(tmp_path: Path) -> None:
    path = saved(tmp_path, {"w": torch.zeros(1000)}, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    assert b"M\xe8\x03" in content
    path.write_bytes(content.replace(b"M\xe8\x03", b"\x8a\x06\x00\x00\x00\x00\x00\x40"))  # 70 trillion values
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)


@pytest.mark.parametrize(
    "content",
    [b"these are no weights\n" * 50, b"", b"<!DOCTYPE html><html>", b"\x93NUMPY" + b"\0" * 100],
    ids=["text", "empty", "web page", "numpy"],
)
def test_files_of_another_kind(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)


def test_an_archive_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no weights")
    with raises_sentence(WeightsError, repr(str(path)), "torch.save"):
        weights_of(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.pt", tmp_path):
        with raises_sentence(WeightsError, repr(str(path))):
            read_checkpoint(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1.0], 5, {"model": {"model": {"epoch": 3}}}, {"model": {}}])
def test_no_weights_in_it(content: object, tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "model.pt"):
        weights_of(saved(tmp_path, content))
