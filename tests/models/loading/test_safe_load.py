"""Reading a weights file never runs code in it, and malicious or damaged files are refused."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from robust_widgets.errors import WeightsError
from robust_widgets.models.loading import safe_load
from robust_widgets.models.loading.conversion import convert
from robust_widgets.models.loading.safe_load import read_checkpoint
from tests.helpers import raises_sentence
from tests.models.loading.checkpoints import STATE, save_checkpoint, weights_of


class RunsCommand:
    """An object that runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("entry", ["state_dict", "other"])
def test_a_command_in_a_checkpoint_does_not_run(zipped: bool, entry: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    evil = RunsCommand(f"touch {ran}")
    content = {"state_dict": {**STATE, "evil": evil} if entry == "state_dict" else STATE, "other": evil}
    path = save_checkpoint(tmp_path, content, "evil model.ckpt", _use_new_zipfile_serialization=zipped)
    command = f"robust-widgets convert '{path}' --trust --out '{path.with_suffix('.safetensors')}'"
    with raises_sentence(WeightsError, "system", repr(str(path)), command):
        weights_of(path)
    assert not ran.exists()
    torch.load(path, weights_only=False)
    assert ran.exists(), "without the checks it would have run"


def test_a_command_in_a_bare_pickle_does_not_run(tmp_path: Path) -> None:
    path, ran = tmp_path / "evil.pt", tmp_path / "ran"
    path.write_bytes(pickle.dumps(RunsCommand(f"touch {ran}"), protocol=2))
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)
    assert not ran.exists()


def test_a_pickled_network_is_refused(tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "torch.nn.modules", "convert"):
        weights_of(save_checkpoint(tmp_path, torch.nn.Conv2d(3, 4, 1)))


@pytest.mark.parametrize("version", ["2.6.0", "2.9.1+cpu"])
def test_a_vulnerable_version_of_torch_reads_no_pickles(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_checkpoint(tmp_path, STATE)
    save_file(STATE, tmp_path / "model.safetensors")
    monkeypatch.setattr(safe_load.torch, "__version__", version)
    with raises_sentence(WeightsError, version, "2.10"):
        weights_of(path)
    assert weights_of(tmp_path / "model.safetensors").state.keys() == STATE.keys()


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
def test_values_that_cannot_be_weights(value: Tensor, tmp_path: Path) -> None:
    with raises_sentence(WeightsError, "'layer.weight'", "model.pt"):
        weights_of(save_checkpoint(tmp_path, {"layer.weight": value}))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["conv.weight", "mu"])
def test_values_that_are_not_finite(value: float, name: str, tmp_path: Path) -> None:
    odd = {**STATE, "mu": torch.zeros(3), "sigma": torch.ones(3)}
    odd[name] = odd[name].clone().flatten().index_fill(0, torch.tensor([1]), value)
    with raises_sentence(WeightsError, repr(name), "not finite"):
        weights_of(save_checkpoint(tmp_path, odd))


def test_a_tensor_larger_than_its_storage(tmp_path: Path) -> None:
    for shape in ((10**6, 10**6), (100_000,)):
        with raises_sentence(WeightsError, "'w'", "more values than the file holds"):
            weights_of(save_checkpoint(tmp_path, {"w": torch.zeros(1).expand(shape)}))


def test_a_thousand_names_for_one_tensor(tmp_path: Path) -> None:
    many = torch.zeros(100_000)
    with raises_sentence(WeightsError, "more values than the file holds"):
        weights_of(save_checkpoint(tmp_path, {f"w{index}": many for index in range(1000)}))


def rezipped(path: Path, compression: int = zipfile.ZIP_STORED, **extra: bytes) -> Path:
    with zipfile.ZipFile(path) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", compression) as new:
        for name, value in (entries | extra).items():
            new.writestr(name, value)
    return path


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, {"w": torch.zeros(4_000_000)})
    rezipped(path, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1_000_000
    with raises_sentence(WeightsError, "unpacks to more"):
        weights_of(path)


def test_a_pickle_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robust_widgets.models.loading.file_format.MAX_PICKLE", 100)
    with raises_sentence(WeightsError, "describes its weights"):
        weights_of(save_checkpoint(tmp_path, STATE))


@pytest.mark.parametrize("claimed", [10 * 2**30, 2**63, 90_000_000])
def test_a_safetensors_header_that_is_too_long(claimed: int, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(claimed.to_bytes(8, "little") + b'{"a": 1}')
    with raises_sentence(WeightsError, f"{claimed:,}", repr(str(path))):
        weights_of(path)
    with path.open("r+b") as file:
        file.truncate(20 * 2**30)  # sparse: it takes no space on the disk
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)


def test_a_safetensors_tensor_beyond_the_end_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 64)
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("keep", [0, 3, 9, 100, 0.5, -1])
def test_truncated_files(zipped: bool, keep: float, tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, {"w": torch.zeros(1000)}, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)


HUGE = b"\x8a\x06\x00\x00\x00\x00\x00\x40"  # 70 trillion
HEAD = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
FEW = b"M\xe8\x03"
STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x001X\x03\x00\x00\x00cpu"
MODULE = b"(X\x06\x00\x00\x00moduleNNNt"


def test_an_old_file_that_claims_a_huge_storage(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, {"w": torch.zeros(1000)}, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    assert FEW in content
    path.write_bytes(content.replace(FEW, HUGE))
    for trust in (False, True):
        with raises_sentence(WeightsError, repr(str(path)), "claims to hold 70,368,744,177,664 values"):
            convert(path, tmp_path / "out.safetensors", trust=trust)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (STORAGE + HUGE + b"NtQ.", "70,368,744,177,664"),
        (STORAGE + HUGE + MODULE + b"0NtQ.", "unknown way"),  # what is claimed stands before another tuple
        (STORAGE + HUGE + b"Ntq\x050h\x05Q.", "unknown way"),
        (b"]q\x01" + HUGE + b"q\x02" + STORAGE + b"h\x02NtQ.", "70,368,744,177,664"),
        (b"P1\n.", "unknown way"),
        (b"X\xff\xff\xff\x7fx", "more than 2,097,152 bytes"),
        (b"N0" * 200_000 + b"N.", "250,000 operations"),
        (b"N" * 3_000_000, "operations"),
    ],
    ids=range(8),
)
def test_an_old_file_made_to_take_much(content: bytes, named: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(HEAD + b"\x80\x02" + content + pickle.dumps([], 2))
    with raises_sentence(WeightsError, repr(str(path)), named):
        weights_of(path)


def test_old_files_that_torch_writes_are_read(tmp_path: Path) -> None:
    whole = torch.arange(2000.0)
    state = {"conv.weight": torch.ones(4, 3, 1, 1), "a": whole[:900], "b": whole[900:], "half": torch.ones(7).half()}
    content = {"state_dict": state, "optimizer": {"momentum": [torch.zeros(3)], "lr": 0.1}}
    path = save_checkpoint(tmp_path, content, _use_new_zipfile_serialization=False)
    found = weights_of(path).state
    assert all(torch.equal(found[name], value) for name, value in state.items())
    network, kind = torch.nn.Conv2d(3, 4, 1), {"_use_new_zipfile_serialization": False, "pickle_protocol": 4}
    trusted = convert(save_checkpoint(tmp_path, network, "net.pt", **kind), tmp_path / "out.safetensors", trust=True)
    assert set(trusted.state) == {"weight", "bias"}


@pytest.mark.parametrize(
    "content",
    [b"these are no weights\n" * 50, b"", b"<!DOCTYPE html><html>", b"\x93NUMPY" + b"\0" * 100],
    ids=["text", "empty", "web page", "numpy"],
)
def test_files_in_other_formats(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with raises_sentence(WeightsError, repr(str(path))):
        weights_of(path)


def test_an_archive_that_torch_did_not_write(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no weights")
    with raises_sentence(WeightsError, repr(str(path)), "torch.save"):
        weights_of(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.pt", tmp_path):
        with raises_sentence(WeightsError, repr(str(path))):
            read_checkpoint(path)
