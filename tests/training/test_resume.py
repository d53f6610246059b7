"""A stopped training run resumes as if it had never stopped."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from robust_widgets._files.locks import held
from robust_widgets.errors import SaveError, TrainingError
from robust_widgets.interface.training_session import TrainingNote
from robust_widgets.models.classifier import RobustClassifier
from robust_widgets.models.model_file import save_model
from robust_widgets.models.registry import load_model
from robust_widgets.training import trainer as training
from robust_widgets.training.data import PictureSet
from robust_widgets.training.settings import TrainingSettings
from robust_widgets.training.trainer import TrainingRun
from tests.full_disk import fill_after
from tests.helpers import check_sentence, noise_patterns, raises_sentence, trained_on
from tests.kills import partials

TRAIN, VAL = noise_patterns(32, seed=1), noise_patterns(4, seed=2)
SETTINGS = TrainingSettings(
    architecture="blurresnet-tiny", epochs=3, batch_size=24, learning_rate=0.1, margin=2, precision="float32", seed=4
)
STEPS = 12  # 96 pictures, 24 a batch, 3 epochs
NAME = "run.safetensors"


class PowerCutError(Exception):
    """The run is stopped from outside."""


def go(folder: Path, **options: Any) -> RobustClassifier:
    return trained_on(TRAIN, VAL, folder / NAME, SETTINGS, **{"log": str, **options})


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> RobustClassifier:
    return go(tmp_path_factory.mktemp("whole"))


def assert_equal(one: RobustClassifier, other: RobustClassifier) -> None:
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    assert one.seeds is not None and other.seeds is not None
    assert all(torch.equal(one.seeds[name], other.seeds[name]) for name in one.seeds)
    assert one.card == other.card


def epochs_logged(folder: Path) -> list[int]:
    return [json.loads(line)["epoch"] for line in (folder / "run.log.jsonl").read_text().splitlines()]


def stop_at(monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    """Fail at the batch after this many steps."""
    real = training.make_batch

    def cut(data: PictureSet, order: Any, settings: TrainingSettings, step: int, *rest: Any) -> Any:
        if step == last:
            raise PowerCutError
        return real(data, order, settings, step, *rest)

    monkeypatch.setattr(training, "make_batch", cut)


def checkpoint(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "run.checkpoint.pt", weights_only=True)


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_stopped_after_an_epoch(epoch: int, uninterrupted: RobustClassifier, tmp_path: Path) -> None:
    def stop(line: str) -> None:
        if line.startswith(f"epoch {epoch} of"):
            raise PowerCutError

    with pytest.raises(PowerCutError):
        go(tmp_path, log=stop)
    assert not (tmp_path / NAME).exists() and checkpoint(tmp_path)["step"] == 4 * epoch
    assert_equal(go(tmp_path, resume=True), uninterrupted)
    assert epochs_logged(tmp_path) == [1, 2, 3]
    assert not (tmp_path / "run.checkpoint.pt").exists()


@pytest.mark.parametrize(("last", "saved"), [(3, 2), (7, 6), (11, 10)])
def test_stopped_within_an_epoch(
    last: int, saved: int, uninterrupted: RobustClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        stop_at(patched, last)
        with pytest.raises(PowerCutError):
            go(tmp_path, checkpoint_every=2)
    assert checkpoint(tmp_path)["step"] == saved
    torch.rand(7)  # other random numbers in between don't matter
    assert_equal(go(tmp_path, resume=True), uninterrupted)
    assert epochs_logged(tmp_path) == [1, 2, 3]


def test_stopped_twice(uninterrupted: RobustClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for last, resume in ((5, False), (10, True)):
        with monkeypatch.context() as patched:
            stop_at(patched, last)
            with pytest.raises(PowerCutError):
                go(tmp_path, resume=resume)
    assert_equal(go(tmp_path, resume=True), uninterrupted)


def test_a_diverged_run_keeps_its_last_good_checkpoint(
    uninterrupted: RobustClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        real = training.learning_rate
        patched.setattr(training, "learning_rate", lambda step, *rest: real(step, *rest) if step < 6 else 1e30)
        with raises_sentence(TrainingError, "not a number", "--resume", str(tmp_path / "run.checkpoint.pt")):
            go(tmp_path)
    assert checkpoint(tmp_path)["step"] == 4
    assert_equal(go(tmp_path, resume=True), uninterrupted)


def stopped(folder: Path) -> Path:
    """A run stopped after its first epoch."""

    def stop(_: str) -> None:
        raise PowerCutError

    with pytest.raises(PowerCutError):
        go(folder, log=stop)
    return folder / "run.checkpoint.pt"


def test_nothing_to_resume_from(tmp_path: Path) -> None:
    with raises_sentence(TrainingError, str(tmp_path / "run.checkpoint.pt"), "--resume"):
        go(tmp_path, resume=True)


@pytest.mark.parametrize(
    "change", [{"epochs": 4}, {"seed": 5}, {"epsilon": 0.5, "inner_steps": 2}, {"architecture": "blurresnet-small"}]
)
def test_a_checkpoint_of_other_settings_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    before = stopped(tmp_path).read_bytes()
    with raises_sentence(
        TrainingError, "other settings", ", ".join(name for name in dataclasses.asdict(SETTINGS) if name in change)
    ):
        trained_on(TRAIN, VAL, tmp_path / NAME, replace(SETTINGS, **change), resume=True, log=str)
    assert (tmp_path / "run.checkpoint.pt").read_bytes() == before, "and it is kept"


def test_only_the_learning_rate_may_change(tmp_path: Path) -> None:
    stopped(tmp_path)
    trained_on(TRAIN, VAL, tmp_path / NAME, replace(SETTINGS, learning_rate=0.01), resume=True, log=str)


def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    stopped(tmp_path)
    two = PictureSet(TRAIN.pictures[:64], TRAIN.labels[:64], TRAIN.classes[:2])
    with raises_sentence(TrainingError, "other data", str(tmp_path / "run.checkpoint.pt")):
        trained_on(two, two, tmp_path / NAME, SETTINGS, resume=True, log=str)


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_damaged_checkpoint_is_refused(keep: float, tmp_path: Path) -> None:
    path = stopped(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with raises_sentence(TrainingError, "damaged", str(path)):
        go(tmp_path, resume=True)


@pytest.mark.parametrize("content", [b"a text", {"weights": 1}, [1, 2], 3])
def test_a_file_of_another_format_is_refused(content: object, tmp_path: Path) -> None:
    path = tmp_path / "run.checkpoint.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with raises_sentence(TrainingError, "not a checkpoint", str(path)):
        go(tmp_path, resume=True)


@pytest.mark.parametrize("line", ["", '{"epoch": '])
def test_killed_between_the_checkpoint_and_the_log_no_epoch_is_lost(
    line: str, uninterrupted: RobustClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patched:
        patched.setattr(training.TrainingRun, "_measure", cut)
        with pytest.raises(PowerCutError):
            go(tmp_path)
    assert checkpoint(tmp_path)["step"] == 4 and not (tmp_path / "run.log.jsonl").exists()
    (tmp_path / "run.log.jsonl").write_text(line)
    assert_equal(go(tmp_path, resume=True), uninterrupted)
    rows = [json.loads(row) for row in (tmp_path / "run.log.jsonl").read_text().splitlines() if row != line]
    assert [row["epoch"] for row in rows] == [1, 2, 3] and all(0 < row["loss"] < 10 for row in rows)


def test_two_processes_do_not_train_into_one_file(uninterrupted: RobustClassifier, tmp_path: Path) -> None:
    with held(tmp_path / "run.log.jsonl"), raises_sentence(TrainingError, "Another process", NAME):
        go(tmp_path)
    before, log = stopped(tmp_path).read_bytes(), (tmp_path / "run.log.jsonl").read_bytes()
    with held(tmp_path / "run.log.jsonl"), raises_sentence(TrainingError, "Another process", NAME):
        go(tmp_path, resume=True)
    assert checkpoint(tmp_path)["step"] == 4 and (tmp_path / "run.checkpoint.pt").read_bytes() == before
    assert (tmp_path / "run.log.jsonl").read_bytes() == log
    assert_equal(go(tmp_path, resume=True), uninterrupted)


@pytest.mark.parametrize("room", [0, 1000, 200_000])
def test_a_disk_that_is_full_in_the_middle_of_a_checkpoint_keeps_the_last(
    room: int, uninterrupted: RobustClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, said = stopped(tmp_path).read_bytes(), list[str]()

    def free_some_space(text: str) -> None:
        if "No checkpoint" in text:
            said.append(text)
            assert (tmp_path / "run.checkpoint.pt").read_bytes() == before and partials(tmp_path) == []
            monkeypatch.undo()

    fill_after(monkeypatch, room)
    assert_equal(go(tmp_path, resume=True, log=free_some_space), uninterrupted)
    (sentence,) = said
    check_sentence(sentence, "step 8", os.strerror(errno.ENOSPC), "the previous one is kept")


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_on_a_full_disk_training_continues_and_the_last_checkpoint_is_kept(
    uninterrupted: RobustClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, said = stopped(tmp_path).read_bytes(), list[str]()

    def told(text: str) -> None:
        said.append(text)
        if "No checkpoint" in text:
            assert (tmp_path / "run.checkpoint.pt").read_bytes() == before

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", full)
        assert_equal(go(tmp_path, resume=True, log=told), uninterrupted)
    (first, second) = [text for text in said if "No checkpoint" in text]
    check_sentence(first, "step 8", os.strerror(errno.ENOSPC))
    check_sentence(second, "step 12")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.log.jsonl", "run.safetensors"]


def test_a_stop_on_a_full_disk_saves_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, said = torch.save, list[str]()

    def mostly_full(state: object, file: Any) -> None:
        full() if Path(file.name).is_relative_to(tmp_path / "runs") else real(state, file)

    monkeypatch.setattr(torch, "save", mostly_full)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = TrainingRun(TRAIN, VAL, tmp_path / "runs" / NAME, SETTINGS)
    (tmp_path / "runs").mkdir()
    events = run.events()
    while run.step < 2:
        next(events)
    events.close()
    said = [note.text for note in run.take_notes() if isinstance(note, TrainingNote)]
    (kept,) = tmp_path.glob("robust-widgets-*/run.checkpoint.pt")
    assert repr(str(kept)) in said[-1]
    assert torch.load(kept, weights_only=True)["step"] == 2


def test_a_model_that_does_not_fit_on_the_disk_is_saved_elsewhere(
    uninterrupted: RobustClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, said = training.save_model, list[str]()

    def refuse(model: RobustClassifier, path: Path) -> None:
        if path.parent == tmp_path:
            raise SaveError("The disk is full today.")
        real(model, path)

    with monkeypatch.context() as patched:
        patched.setattr(training, "save_model", refuse)
        assert_equal(go(tmp_path, log=said.append), uninterrupted)
    place = Path(said[-1].split("'")[-2])
    check_sentence(said[-1], str(tmp_path / NAME))
    found = load_model(place, device="cpu")
    assert found.fingerprint == load_saved(uninterrupted, tmp_path).fingerprint
    assert checkpoint(tmp_path)["step"] == STEPS, "and the checkpoint stays"
    shutil.rmtree(place.parent)


def load_saved(model: RobustClassifier, folder: Path) -> RobustClassifier:
    """A model after a round trip through a file."""
    save_model(model, folder / "saved.safetensors")
    return load_model(folder / "saved.safetensors", device="cpu")


def test_a_model_that_cannot_be_written_at_the_end_is_not_lost(
    uninterrupted: RobustClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SaveError("The disk is full today.")

    with monkeypatch.context() as patched:
        patched.setattr(training, "save_model", refuse)
        with raises_sentence(SaveError, "full today"):
            go(tmp_path)
    assert checkpoint(tmp_path)["step"] == STEPS
    assert_equal(go(tmp_path, resume=True), uninterrupted)
