"""Shards as Ray tasks, with a stand-in for Ray's few calls; one test starts a real Ray where that is wanted.

The stand-in sends everything through pickle, as Ray does, and runs a task when it is waited for.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from robust_widgets.cluster import on_ray
from robust_widgets.cluster.on_ray import RETRIES, RayEngine, Work
from robust_widgets.interface.shards import Shard
from tests.cli.shell import call, refusal
from tests.tasks.test_shards import contents, lines

ROOT = Path(__file__).parents[2]
PAINT = ["generate", "lion", "--model", "tiny", "--steps", 1]


class RayTaskError(Exception):
    def __init__(self, cause: Exception) -> None:
        super().__init__("a traceback of another machine")
        self.cause = cause


class Task:
    def __init__(self, ray: StandIn, function: Callable[..., Any]) -> None:
        self.ray, self.function = ray, function

    def options(self, **needs: Any) -> Task:
        self.ray.needs = needs
        return self

    def remote(self, *arguments: Any) -> bytes:
        handle = pickle.dumps((self.function, arguments))
        self.ray.pending.append(handle)
        return handle


class StandIn:
    """Ray, as far as it is used."""

    class exceptions:  # noqa: N801 - a module's name
        RayTaskError = RayTaskError

    def __init__(self, **resources: float) -> None:
        self.resources = resources or {"CPU": 2.0, "memory": 1e9}
        self.pending: list[bytes] = []
        self.cancelled: list[bytes] = []
        self.needs: dict[str, Any] = {}
        self.started = False
        self.results: dict[bytes, Any] = {}

    def is_initialized(self) -> bool:
        return self.started

    def init(self, **options: Any) -> None:
        self.started = True

    def cluster_resources(self) -> dict[str, float]:
        return dict(self.resources)

    def remote(self, function: Callable[..., Any]) -> Task:
        return Task(self, function)

    def wait(self, handles: list[bytes], num_returns: int) -> tuple[list[bytes], list[bytes]]:
        assert num_returns == 1
        handle = handles[-1]
        self.pending.remove(handle)
        function, arguments = pickle.loads(handle)
        before = Path.cwd()
        os.chdir(ROOT)  # a task runs elsewhere
        try:
            self.results[handle] = function(*arguments)
        except Exception as error:
            self.results[handle] = RayTaskError(error)
        finally:
            os.chdir(before)
        return [handle], [other for other in handles if other != handle]

    def get(self, handle: bytes) -> Any:
        result = self.results[handle]
        if isinstance(result, Exception):
            raise result
        return result

    def cancel(self, handle: bytes, force: bool) -> None:
        assert force
        self.cancelled.append(handle)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr(on_ray, "_ray", lambda: stand_in)
    return stand_in


def test_the_joined_shards_are_what_one_process_makes(
    ray: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call(*PAINT, "--n", 5, "--seed", 3, "--out", "whole")
    said = call(*PAINT, "--n", 5, "--seed", 3, "--out", "parts", "--on", "ray", "--shards", 3)
    assert "wrote 3 shards in parts" in said.output and "5/5" in said.output
    assert "5 pictures" in call("merge", "parts", "joined").output
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole") != {}
    assert [line["seed"] for line in lines(tmp_path / "joined")] == [3, 4, 5, 6, 7]


def test_what_is_there_already_is_not_made_again(ray: StandIn, tmp_path: Path) -> None:
    arguments = [*PAINT, "--n", 4, "--out", tmp_path / "parts"]
    call(*arguments, "--shard", "1/2")
    (first,) = (tmp_path / "parts/shard-1-of-2").glob("000000.png")
    before = first.stat().st_mtime_ns
    call(*arguments, "--on", "ray", "--shards", 2)
    assert first.stat().st_mtime_ns == before and len(list(tmp_path.glob("parts/*/*.png"))) == 4


def test_a_folder_of_pictures_and_a_class_by_its_index(ray: StandIn, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for index in range(2):
        Image.fromarray(np.full((64, 64, 3), 60 * index, np.uint8)).save(tmp_path / f"photos/{index}.png")
    options = ["--model", "tiny", "--steps", 1, "--on", "ray", "--out", tmp_path / "parts"]
    call("translate", tmp_path / "photos", "3", *options)
    assert [line["source"] for line in lines(tmp_path / "parts/shard-1-of-1")] == ["0.png", "1.png"]


@pytest.mark.parametrize(
    ("resources", "options", "needs", "places"),
    [
        ({"CPU": 8.0}, {}, (1, 0), 8),
        ({"CPU": 8.0}, {"cpus": 3}, (3, 0), 2),
        ({"CPU": 64.0, "GPU": 4.0}, {"cpus": 4}, (4, 1), 4),
        ({"CPU": 64.0, "GPU": 4.0}, {"gpus": 0.5}, (1, 0.5), 8),
        ({"CPU": 6.0, "GPU": 4.0}, {"gpus": 0}, (1, 0), 6),
        ({}, {}, (1, 0), 0),
        ({"CPU": 8.0}, {"cpus": 0}, (0, 0), 1),
    ],
)
def test_what_a_shard_takes_and_how_many_fit(
    ray: StandIn, resources: dict[str, float], options: dict[str, Any], needs: tuple[float, float], places: int
) -> None:
    ray.resources = resources
    engine = RayEngine(Work("generate", "lion", "out", 4), **options)
    assert ray.started and engine.places == places
    assert ray.needs == {"num_cpus": needs[0], "num_gpus": needs[1], "max_retries": RETRIES}


def test_paths_are_whole_for_other_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.safetensors").write_bytes(b"")
    work = Work("translate", "lion", "out", None, "photos", "mine.safetensors").with_whole_paths()
    here = Path.cwd()
    assert (work.out, work.pictures, work.model) == (
        str(here / "out"),
        str(here / "photos"),
        str(here / "mine.safetensors"),
    )
    assert Work("generate", "lion", "out", 3).with_whole_paths().model == "default"


def test_a_mistake_is_told_once_and_not_tried_everywhere(ray: StandIn, tmp_path: Path) -> None:
    spread = ["--n", 40, "--out", tmp_path / "parts", "--on", "ray", "--shards", 40]
    sentence = refusal("generate", "lyon", *PAINT[2:], *spread)
    assert "'lion'" in sentence and "37 were not tried" in sentence
    assert len(ray.results) == 3 and len(ray.cancelled) == len(ray.pending) > 0


def test_a_shard_of_other_settings_fails_and_the_others_are_made(ray: StandIn, tmp_path: Path) -> None:
    arguments = [*PAINT, "--n", 6, "--out", tmp_path / "parts"]
    call(*arguments, "--shard", "2/3", "--epsilon", 3)
    sentence = refusal(*arguments, "--on", "ray", "--shards", 3)
    assert "Shard 2/3 failed" in sentence and len(list(tmp_path.glob("parts/shard-[13]-of-3/*.png"))) == 4


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--on", "dask"], "'ray'"),
        (["--shards", 3], "--on ray"),
        (["--gpus", 1], "--on ray"),
        (["--on", "ray", "--shard", "1/2"], "no --shard"),
        (["--on", "ray", "--steps", 0], "steps is 0"),
        (["--on", "ray", "--shards", 1_000_000], "100,000"),
    ],
)
def test_what_cannot_be_spread_is_refused(ray: StandIn, tmp_path: Path, options: list[Any], named: str) -> None:
    assert named in refusal("generate", "lion", "--n", 4, "--out", tmp_path / "parts", *options)
    assert not ray.pending and not (tmp_path / "parts").exists()


def test_one_picture_is_not_spread(ray: StandIn) -> None:
    assert "--out" in refusal("generate", "lion", "--on", "ray")


def test_without_ray_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "robust-widgets[cluster]" in refusal(*PAINT, "--n", 4, "--out", tmp_path / "parts", "--on", "ray")


def test_a_ray_that_does_not_start_says_so(ray: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("the raylet ended\nafter 15 s")

    monkeypatch.setattr(ray, "init", fail)
    assert "(the raylet ended)" in refusal(*PAINT, "--n", 4, "--out", tmp_path / "parts", "--on", "ray")


@pytest.mark.skipif(
    "ROBUST_WIDGETS_TRY_RAY" not in os.environ,
    reason="set ROBUST_WIDGETS_TRY_RAY to the Python of an environment with Ray and without JupyterLab",
)
def test_a_real_ray_makes_the_same(tmp_path: Path) -> None:
    """Optional: beside JupyterLab, about half of Ray's starts fail (its issue 65983), so this gates nothing."""
    command = [os.environ["ROBUST_WIDGETS_TRY_RAY"], "-m", "robust_widgets.cli", *map(str, PAINT)]
    options = ["--n", "6", "--out", str(tmp_path / "parts"), "--on", "ray", "--shards", "3"]
    for _ in range(3):
        done = subprocess.run([*command, *options], cwd=ROOT, text=True, capture_output=True, check=False, timeout=300)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stderr
    call(*PAINT, "--n", 6, "--out", tmp_path / "whole")
    call("merge", tmp_path / "parts", tmp_path / "joined")
    assert contents(tmp_path / "joined") == contents(tmp_path / "whole")
    assert Shard(1, 3).folder(tmp_path / "parts").is_dir()
