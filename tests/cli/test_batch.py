"""Commands that write many pictures into a folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import robust_widgets as rw
from robust_widgets.models.model_file import save_model
from robust_widgets.pictures.folder import LINES
from tests.cli.shell import call, refusal
from tests.helpers import tiny_model
from tests.kills import killed, partials


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    save_model(tiny_model(), tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of three pictures and a text file."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for shade, name in enumerate(("a.png", "b.JPG", "c.webp")):
        Image.new("RGB", (20, 16), (100 * shade, 60, 200)).save(folder / name)
    (folder / "notes.txt").touch()
    return folder


def near(file: Path, pixels: np.ndarray) -> bool:
    return bool(np.abs(np.asarray(Image.open(file)).astype(int) - pixels).max() <= 1)


def test_more_pictures_are_added_to_a_folder(tiny: Path, tmp_path: Path) -> None:
    command = ("generate", "--class", "goldfish", "--model", tiny, "--steps", 2, "--out", tmp_path / "fish")
    result = call(*command, "--n", 3)
    assert f"wrote {tmp_path / 'fish'}" in result.stdout and "3/3" in result.stderr
    result = call(*command, "--n", 12)
    assert "3 of 12 pictures already exist." in result.output
    made = sorted((tmp_path / "fish").glob("*.png"))
    assert [made[0].name, made[-1].name, len(made)] == ["000000.png", "000011.png", 12]
    for index in (0, 4, 11):
        wanted = rw.generate("goldfish", seed=index, steps=2, model=str(tiny))
        assert near(made[index], wanted[-1].pixels[0])
    assert "steps 2 and not 3" in refusal(*command[:-3], 3, *command[-2:], "--n", 3)


@pytest.mark.parametrize("task", ["sketch-to-image", "translate", "super-resolve"])
def test_a_command_takes_a_folder_of_pictures(task: str, photographs: Path, tiny: Path, tmp_path: Path) -> None:
    call(task, photographs, "cat", "--model", tiny, "--steps", 1, "--out", tmp_path / "cats")
    assert len(list((tmp_path / "cats").glob("*.png"))) == 3
    names = ["a.png", "b.JPG", "c.webp"]
    assert all(f'"source": "{name}"' in (tmp_path / "cats" / LINES).read_text() for name in names)
    function = {"sketch-to-image": rw.sketch_to_image, "translate": rw.translate}.get(task, rw.super_resolve)
    wanted = function([photographs / name for name in names], "cat", steps=1, model=str(tiny))
    assert all(near(tmp_path / "cats" / f"00000{i}.png", pixels) for i, pixels in enumerate(wanted[-1].pixels))


def test_options_that_do_not_go_with_a_folder_are_refused(photographs: Path, tiny: Path, tmp_path: Path) -> None:
    rest = ("--model", tiny, "--steps", 1)
    picture = photographs / "a.png"
    assert "folder" in refusal("translate", photographs, "cat", *rest, "--out", tmp_path / "cat.png")
    assert "alone" in refusal("generate", "cat", *rest, "--out", tmp_path / "cats", "--out", tmp_path / "cat.png")
    assert "--strip" in refusal(
        "super-resolve", photographs, "cat", *rest, "--out", tmp_path / "cats", "--strip", tmp_path / "strip.png"
    )
    assert "extension" in refusal("inpaint", picture, picture, "cat", *rest, "--out", tmp_path / "cats")
    (tmp_path / "empty").mkdir()
    assert "no pictures" in refusal("translate", tmp_path / "empty", "cat", *rest, "--out", tmp_path / "cats")
    assert "other files" in refusal("generate", "cat", *rest, "--out", photographs)
    assert "once" in refusal("generate", *rest) and "once" in refusal("generate", "cat", "--class", "cat", *rest)
    assert "is 0;" in refusal("generate", "cat", "--n", 0, *rest, "--out", tmp_path / "cats")
    assert "steps is 0" in refusal("generate", "cat", "--model", tiny, "--steps", 0, "--out", tmp_path / "cats")
    assert not (tmp_path / "cats").exists()


def test_one_bad_picture_of_a_folder_is_told_and_the_others_are_made(
    photographs: Path, tiny: Path, tmp_path: Path
) -> None:
    (photographs / "b.png").write_text("junk")
    command = ("translate", photographs, "cat", "--model", tiny, "--steps", 1, "--out", tmp_path / "cats")
    for _ in range(2):
        result = call(*command, code=2)
        assert "b.png" in result.output and "was left out" in result.output
        assert result.stderr.splitlines()[-1].startswith("1 of 4 pictures could not be read")
        assert len(list((tmp_path / "cats").glob("*.png"))) == 3
    (photographs / "b.png").unlink()
    call(*command)


def test_two_commands_fill_one_folder(tiny: Path, tmp_path: Path) -> None:
    command = ["generate", "cat", "--model", str(tiny), "--device", "cpu", "--steps", "3", "--n", "40"]
    program = [sys.executable, "-m", "robust_widgets.cli", *command, "--out", str(tmp_path / "both")]
    processes = [subprocess.Popen(program, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said
    lines = (tmp_path / "both" / LINES).read_text().splitlines()
    assert sorted(json.loads(line)["index"] for line in lines) == list(range(40))
    assert len(list((tmp_path / "both").glob("*.png"))) == 40 and partials(tmp_path / "both") == []


def test_many_pictures_survive_kills(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "cats"
    command = ["generate", "cat", "--model", str(tiny), "--device", "cpu", "--steps", "20", "--out", str(out)]
    program = [sys.executable, "-m", "robust_widgets.cli", *command, "--n", "100000"]
    kept: dict[Path, bytes] = {}

    def begun() -> bool:
        return len(list(out.glob("*.png"))) > len(kept) + 3

    for _ in killed(program, begun):
        with (out / LINES).open("rb") as file:
            whole = [json.loads(line)["file"] for line in file if line.endswith(b"\n")]
        assert len(whole) == len(set(whole)) and all((out / name).read_bytes() == old for name, old in kept.items())
        kept = {name: (out / name).read_bytes() for name in whole}
    call(*command, "--n", len(kept) + 2)
    assert len((out / LINES).read_text().splitlines()) == len(kept) + 2 and partials(out) == []
    assert all((out / name).read_bytes() == old for name, old in kept.items())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_an_interrupted_run_continues(how: str, tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "cats"
    command = ["generate", "cat", "--model", str(tiny), "--device", "cpu", "--steps", "20", "--out", str(out)]
    # A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        program = [sys.executable, "-m", "robust_widgets.cli", *command, "--n", "100000"]
        process = subprocess.Popen(program, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, inherited)
    with process:
        while process.poll() is None and len(list(out.glob("*.png"))) < 11:
            time.sleep(0.001)
        process.send_signal(signal.Signals[how])
        _, said = process.communicate()
    if how == "SIGINT":
        assert process.returncode == 130 and said.splitlines()[-1] == "Stopped." and "Traceback" not in said
    lines = len((out / LINES).read_bytes().splitlines())
    assert lines >= 10
    before = {file: file.stat().st_mtime_ns for file in sorted(out.glob("*.png"))[:lines]}
    result = call(*command, "--n", lines + 12)
    assert f"{lines} of {lines + 12} pictures already exist." in result.output
    assert {file: file.stat().st_mtime_ns for file in before} == before
    wanted = rw.generate("cat", n=lines + 12, steps=20, model=str(tiny), device="cpu")
    for index, pixels in enumerate(wanted[-1].pixels):
        assert near(out / f"{index:06}.png", pixels)
    assert len(list(out.glob("*.png"))) == lines + 12 and not list(out.glob(".*"))
