"""Parts of a large piece of work: joined, they are what one process would have made, whatever was killed meanwhile."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import robust_widgets as rw
from robust_widgets.errors import DataError, ParameterError, SaveError
from robust_widgets.interface.shards import Shard
from robust_widgets.pictures.folder import PictureFolder
from robust_widgets.tasks.running.shards import merge_pictures
from tests.cli.shell import call, refusal
from tests.helpers import raises_sentence, smooth_model

OPTIONS: dict[str, Any] = {"steps": 2, "batch_size": 2}


def make(out: Path, total: int, shard: str | None = None, **options: Any) -> int:
    model = smooth_model(12)
    return len(
        list(rw.stream_pictures("generate", "dog", n=total, out=out, model=model, shard=shard, **OPTIONS | options))
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def lines(folder: Path) -> list[dict[str, Any]]:
    return sorted(map(json.loads, (folder / "pictures.jsonl").read_text().splitlines()), key=lambda line: line["index"])


@given(st.integers(1, 200), st.integers(0, 3000))
def test_every_position_is_in_one_part(count: int, total: int) -> None:
    parts = [Shard(number, count).positions(total) for number in range(1, count + 1)]
    assert [position for part in parts for position in part] == list(range(total))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "1/0", "x/3", "1/3/4", "-1/3", "1/1000000", "slurm", ""])
def test_what_is_no_part(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID", raising=False)
    with raises_sentence(ParameterError, "3/64"):
        Shard.of(text)


@pytest.mark.parametrize(
    ("task", "first", "count", "step", "expected"),
    [(1, 1, 64, 1, "1/64"), (0, 0, 64, 1, "1/64"), (63, 0, 64, 1, "64/64"), (15, 5, 3, 5, "3/3")],
)
def test_a_task_of_a_job_array_knows_its_part(task: int, first: int, count: int, step: int, expected: str) -> None:
    values = {"ID": task, "MIN": first, "COUNT": count, "STEP": step}
    environment = {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}
    assert Shard.of("slurm", environment) == Shard.of(expected)


def test_joined_parts_are_what_one_process_makes(tmp_path: Path) -> None:
    make(tmp_path / "whole", 7, seed=4)
    assert [make(tmp_path / "parts", 7, f"{number}/3", seed=4) for number in (1, 2, 3)] == [2, 2, 3]
    assert merge_pictures(tmp_path / "parts", tmp_path / "joined") == 7
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")
    assert [line["seed"] for line in lines(tmp_path / "joined")] == list(range(4, 11))
    settings = [json.loads((tmp_path / name / "settings.json").read_text()) for name in ("joined", "whole")]
    assert settings[0] == settings[1]
    assert make(tmp_path / "joined", 8, seed=4) == 8, "the joined folder can be continued"
    assert merge_pictures(tmp_path / "parts", tmp_path / "joined") == 8, "joining again changes nothing"


def test_parts_of_a_folder_of_pictures(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    dice = np.random.default_rng(0)
    for index in range(5):
        Image.fromarray(dice.integers(0, 256, (12, 12, 3), np.uint8)).save(tmp_path / "photos" / f"{index}.png")
    options: dict[str, Any] = {"pictures": tmp_path / "photos", "model": smooth_model(12), "seed": 3, **OPTIONS}
    list(rw.stream_pictures("translate", "cat", out=tmp_path / "whole", **options))
    for number in (2, 1):
        list(rw.stream_pictures("translate", "cat", out=tmp_path / "parts", shard=f"{number}/2", **options))
    merge_pictures(tmp_path / "parts", tmp_path / "joined")
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")
    assert [line["source"] for line in lines(tmp_path / "joined")] == [f"{index}.png" for index in range(5)]
    assert lines(tmp_path / "joined") == lines(tmp_path / "whole")


def test_more_parts_than_pictures(tmp_path: Path) -> None:
    assert [make(tmp_path / "parts", 2, f"{number}/4") for number in range(1, 5)] == [0, 1, 0, 1]
    assert merge_pictures(tmp_path / "parts", tmp_path / "joined") == 2


def test_a_part_that_lacks_pictures_is_named(tmp_path: Path) -> None:
    said: list[str] = []
    make(tmp_path / "parts", 6, "1/3")
    make(tmp_path / "parts", 6, "3/3")
    with raises_sentence(DataError, "2 of 6", "--allow-missing"):
        merge_pictures(tmp_path / "parts", tmp_path / "joined", say=said.append)
    assert said == ["Shard 2/3 lacks 2 of its 2 pictures."] and not (tmp_path / "joined").exists()
    assert merge_pictures(tmp_path / "parts", tmp_path / "joined", allow_missing=True) == 4
    make(tmp_path / "parts", 6, "2/3")
    assert merge_pictures(tmp_path / "parts", tmp_path / "joined") == 6


def test_parts_of_other_work_are_not_mixed(tmp_path: Path) -> None:
    make(tmp_path / "parts", 6, "1/3")
    with raises_sentence(SaveError, "shard_of", "another folder"):
        make(tmp_path / "parts", 9, "1/3")
    make(tmp_path / "parts", 6, "2/3", epsilon=3)
    make(tmp_path / "parts", 6, "3/3")
    with raises_sentence(DataError, "Shard 2", "other settings"):
        merge_pictures(tmp_path / "parts", tmp_path / "joined")
    make(tmp_path / "parts", 6, "1/2")
    with raises_sentence(DataError, "of 2 and of 3"):
        merge_pictures(tmp_path / "parts", tmp_path / "joined")
    for nothing in (tmp_path / "nowhere", tmp_path):
        with raises_sentence(DataError, str(nothing)):
            merge_pictures(nothing, tmp_path / "joined")


def test_where_a_disk_allows_no_links_pictures_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "parts", 4, "1/1")

    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    merge_pictures(tmp_path / "parts", tmp_path / "joined")
    assert contents(tmp_path / "joined") == contents(tmp_path / "parts" / "shard-1-of-1")


def test_joining_that_was_interrupted_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        make(tmp_path / "parts", 4, f"{number}/2")
    take = PictureFolder.take
    taken: list[Path] = []

    def interrupted(self: PictureFolder, other: PictureFolder, first: int) -> int:
        if taken:
            raise KeyboardInterrupt
        taken.append(other.path)
        return take(self, other, first)

    monkeypatch.setattr(PictureFolder, "take", interrupted)
    with pytest.raises(KeyboardInterrupt):
        merge_pictures(tmp_path / "parts", tmp_path / "joined")
    monkeypatch.undo()
    assert len(contents(tmp_path / "joined")) == 2
    assert merge_pictures(tmp_path / "parts", tmp_path / "joined") == 4
    assert [line["index"] for line in lines(tmp_path / "joined")] == [0, 1, 2, 3]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_no_picture_is_lost_or_made_twice_when_processes_are_killed(tmp_path: Path) -> None:
    total, shards = 40, 2
    context = multiprocessing.get_context("spawn")

    def start(number: int) -> Any:
        process = context.Process(target=make, args=(tmp_path / "parts", total, f"{number}/{shards}"))
        process.start()
        return process

    for number in range(1, shards + 1):
        process = start(number)
        folder = Shard(number, shards).folder(tmp_path / "parts")
        while process.is_alive() and len(list(folder.glob("*.png"))) < 4:
            time.sleep(0.01)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        again = start(number)
        again.join()
        assert again.exitcode == 0
    assert merge_pictures(tmp_path / "parts", tmp_path / "joined") == total
    make(tmp_path / "whole", total)
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")
    assert [line["index"] for line in lines(tmp_path / "joined")] == list(range(total))


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["generate", "lion", "--model", "tiny", "--n", 3, "--steps", 1, "--out", tmp_path / "parts"]
    first = call(*arguments, "--shard", "1/2")
    assert f"wrote {tmp_path / 'parts' / 'shard-1-of-2'}" in first.output
    for name, value in {"ID": 2, "MIN": 1, "COUNT": 2, "STEP": 1}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", str(value))
    call(*arguments, "--shard", "slurm")
    assert "3 pictures" in call("merge", tmp_path / "parts", tmp_path / "joined").output
    assert len(contents(tmp_path / "joined")) == 3
    assert "--out" in refusal("generate", "lion", "--shard", "1/2")
    assert "'9/2'" in refusal(*arguments, "--shard", "9/2") or "9/2" in refusal(*arguments, "--shard", "9/2")
