"""Tasks over many pictures, in batches, in memory and in a folder."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robust_widgets.errors import ParameterError, PictureError, RunError, SaveError, UnknownNameError
from robust_widgets.pictures import folder as picture_folder
from robust_widgets.pictures.folder import LINES, SETTINGS, PictureFolder, SavedPicture
from robust_widgets.tasks.generate import generate
from robust_widgets.tasks.running import batch
from robust_widgets.tasks.running.batch import (
    LONGEST,
    TRIED,
    BatchSizes,
    batch_size_for,
    bytes_per_picture,
    free_memory,
    stream_pictures,
)
from robust_widgets.tasks.translate import translate
from tests.helpers import CompiledModule, raises_sentence, smooth_model, tiny_model

PARAMETERS: dict[str, Any] = {"steps": 3, "epsilon": 60.0, "step_size": 8.0}


def same(found: list[SavedPicture], wanted: list[SavedPicture]) -> None:
    """Check that pictures are equal up to rounding."""
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1
        assert (one.index, one.seed, one.target, one.source) == (other.index, other.seed, other.target, other.source)
        assert one.probability == pytest.approx(other.probability, abs=1e-4)
        assert one.distance == pytest.approx(other.distance, rel=1e-4)
        assert one.loss == pytest.approx(other.loss, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("size", [None, 24])
def test_a_picture_does_not_depend_on_the_batch_size(size: int | None) -> None:
    model = smooth_model()
    options = {"model": model, "n": 5, "seed": 7, "size": size, **PARAMETERS}
    alone, threes = (list(stream_pictures("generate", "cat", batch_size=many, **options)) for many in (1, 3))
    same(threes, alone)
    trace = generate("cat", **options)
    for index, one in enumerate(threes):
        assert (one.index, one.seed, one.target) == (index, 7 + index, "cat")
        assert np.abs(one.pixels.astype(int) - trace[-1].pixels[index]).max() <= 1
        assert one.probability == pytest.approx(trace[-1].probability[index], abs=1e-4)
        assert one.distance == pytest.approx(trace[-1].distance[index], rel=1e-4)
    assert np.abs(threes[0].pixels.astype(int) - threes[1].pixels).max() > 20


def test_pictures_are_computed_lazily() -> None:
    model = tiny_model()
    passes = CompiledModule(model)
    made = stream_pictures("generate", "dog", n=100_000, batch_size=2, model=model, **PARAMETERS)
    assert passes.forwards == 0
    next(made)
    next(made)
    assert passes.forwards == PARAMETERS["steps"] + 1


def test_pictures_of_a_folder_are_translated_one_by_one(tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.png" for name in "abc"]
    for shade, file in enumerate(files):
        Image.new("RGB", (30, 20), (80 * shade, 100, 200)).save(file)
    options = {"model": smooth_model(), "seed": 3, **PARAMETERS}
    made = list(stream_pictures("translate", 1, pictures=files, batch_size=2, **options))
    wanted = translate(files, 1, **options)
    assert [one.source for one in made] == ["a.png", "b.png", "c.png"]
    for one, pixels in zip(made, wanted[-1].pixels, strict=True):
        assert np.abs(one.pixels.astype(int) - pixels).max() <= 1


def test_an_interrupted_run_continues_in_its_folder(tmp_path: Path) -> None:
    model, said = tiny_model(), list[str]()
    options = {"model": model, "out": tmp_path / "new" / "cats", "batch_size": 2, "say": said.append, **PARAMETERS}
    begun = stream_pictures("generate", "cat", n=5, **options)
    assert next(begun).index == 0
    begun.close()
    folder = tmp_path / "new" / "cats"
    assert sorted(path.name for path in folder.glob("*.png")) == ["000000.png", "000001.png"]
    written = (folder / "000001.png").stat().st_mtime_ns
    (folder / "000000.png").unlink()  # a line without its file counts for nothing
    resumed = list(stream_pictures("generate", "cat", n=5, **options))
    assert said == ["1 of 5 pictures already exist."]
    assert (folder / "000001.png").stat().st_mtime_ns == written
    same(resumed, list(stream_pictures("generate", "cat", n=5, model=model, batch_size=1, **PARAMETERS)))
    same(list(stream_pictures("generate", "cat", n=7, **options))[:5], resumed)
    assert len(list(folder.glob("*.png"))) == 7
    lines = [json.loads(line) for line in (folder / LINES).read_text().splitlines()]
    last = lines[-1]
    assert (last["file"], last["index"], last["seed"], last["target"]) == ("000006.png", 6, 6, "cat")
    assert 0 <= last["probability"] <= 1 and last["distance"] > 0


def shades(folder: Path, **named: int) -> list[Path]:
    """A picture of one shade of grey for each name, in folders where the name has slashes as underscores."""
    paths: list[Path] = []
    for name, shade in named.items():
        paths.append(folder / f"{name.replace('_', '/')}.png")
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 16), (shade, 100, 200)).save(paths[-1])
    return paths


def sources(folder: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in (folder / LINES).read_text().splitlines()]
    return [(line["file"], line["source"]) for line in lines]


def test_pictures_are_recognised_by_their_content_and_not_by_their_names(tmp_path: Path) -> None:
    cat, dog = shades(tmp_path, cats_1=0, dogs_1=255)
    options = {"model": smooth_model(), "out": tmp_path / "out", **PARAMETERS}
    (of_cat,) = stream_pictures("translate", "dog", pictures=[cat], **options)
    (of_dog,) = stream_pictures("translate", "dog", pictures=[dog], **options)
    wanted = translate(dog, "dog", model=options["model"], **PARAMETERS)
    assert np.abs(of_dog.pixels.astype(int) - wanted[-1].pixels[0]).max() <= 1
    assert (of_cat.index, of_dog.index) == (0, 1) and np.abs(of_cat.pixels.astype(int) - of_dog.pixels).max() > 20
    moved = tmp_path / "moved.png"
    dog.rename(moved)
    again = list(stream_pictures("translate", "dog", pictures=[moved, cat], **options))
    same(again, [of_dog, of_cat])
    assert sources(tmp_path / "out") == [("000000.png", "1.png"), ("000001.png", "1.png")]


def test_new_pictures_join_a_folder_that_was_begun(tmp_path: Path) -> None:
    a, b, c, d = shades(tmp_path, a=0, b=80, c=160, d=240)
    said = list[str]()
    options = {"model": smooth_model(), "out": tmp_path / "out", "say": said.append, "seed": 3, **PARAMETERS}
    list(stream_pictures("translate", "dog", pictures=[a, b], **options))
    made = list(stream_pictures("translate", "dog", pictures=[d, b, c, a, c], **options))
    assert [one.source for one in made] == ["d.png", "b.png", "c.png", "a.png", "c.png"]
    assert [one.index for one in made] == [5, 1, 2, 0, 4] and said == ["2 of 5 pictures already exist."]
    assert [one.seed for one in made] == [one.index + 3 for one in made]
    assert len(list((tmp_path / "out").glob("*.png"))) == 5


@pytest.mark.filterwarnings("ignore:Picture 4 of 5")
@pytest.mark.parametrize("stored", [True, False])
def test_one_bad_picture_of_many_is_left_out_and_told(stored: bool, tmp_path: Path) -> None:
    good = shades(tmp_path, a=0, c=160, e=240)
    bad, gone = tmp_path / "b.png", tmp_path / "d.png"
    bad.write_text("junk")
    mixed: list[Any] = [good[0], bad, good[1], gone, good[2]]
    options = {"model": smooth_model(), "batch_size": 2, **PARAMETERS}
    options |= {"out": tmp_path / "out"} if stored else {}
    wanted = translate(good, "dog", **{name: options[name] for name in ("model", *PARAMETERS)})
    for order in (mixed, [bad, *mixed]):
        said = list[str]()
        made = list(stream_pictures("translate", "dog", pictures=order, say=said.append, **options))
        assert [one.source for one in made] == ["a.png", "c.png", "e.png"]
        told = [sentence for sentence in said if "left out" in sentence]
        assert len(told) == len(order) - 3 and "b.png" in told[0] and "d.png" in told[-1]
    for one, pixels in zip(made, wanted[-1].pixels, strict=True):
        assert np.abs(one.pixels.astype(int) - pixels).max() <= 1
    with pytest.warns(UserWarning, match=r"Picture 2 of 5 was left out.*b\.png"):
        list(stream_pictures("translate", "dog", pictures=mixed, **options))
    with raises_sentence(PictureError, "b.png"):
        stream_pictures("translate", "dog", pictures=[bad, gone], **options)
    if stored:
        Image.new("RGB", (20, 16), (9, 9, 9)).save(bad)
        assert [one.index for one in stream_pictures("translate", "dog", pictures=mixed[:3], **options)] == [0, 1, 2]


def test_two_that_fill_one_folder_write_each_picture_once(tmp_path: Path) -> None:
    options = {"model": tiny_model(), "out": tmp_path / "both", "n": 6, "batch_size": 2, **PARAMETERS}
    first, second = (stream_pictures("generate", "cat", **options) for _ in range(2))
    made = [(next(first), next(second)) for _ in range(6)]
    for one, other in made:
        same([one], [other])
    assert [name for name, _ in sources(tmp_path / "both")] == [f"{index:06}.png" for index in range(6)]


def test_two_with_other_pictures_fill_one_folder(tmp_path: Path) -> None:
    pictures = shades(tmp_path, a=0, b=80, c=160, d=240)
    options = {"model": smooth_model(), "out": tmp_path / "both", "batch_size": 1, **PARAMETERS}
    begun = [stream_pictures("translate", "dog", pictures=part, **options) for part in (pictures[:2], pictures[2:])]
    made = [next(one) for one in (*begun, *begun)]
    assert [one.source for one in made] == ["a.png", "c.png", "b.png", "d.png"]
    assert sorted(source for _, source in sources(tmp_path / "both")) == ["a.png", "b.png", "c.png", "d.png"]
    assert len({name for name, _ in sources(tmp_path / "both")}) == 4
    for one in made:
        saved = np.asarray(Image.open(tmp_path / "both" / f"{one.index:06}.png"))
        np.testing.assert_array_equal(saved, one.pixels)


def test_two_that_begin_a_folder_at_once_agree_on_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = PictureFolder._begin

    def late(folder: PictureFolder, settings: dict[str, Any]) -> None:
        monkeypatch.setattr(PictureFolder, "_begin", begin)
        PictureFolder(tmp_path, {"steps": 1})
        begin(folder, settings)

    monkeypatch.setattr(PictureFolder, "_begin", late)
    with raises_sentence(SaveError, "steps 1 and not 2"):
        PictureFolder(tmp_path, {"steps": 2})
    assert json.loads((tmp_path / SETTINGS).read_text()) == {"steps": 1}


@pytest.mark.parametrize("line", ['{"file": "../x.png", "index": "../x"}', "[]", "7", '{"file": 1}', "{", "\u00e9"])
def test_lines_of_something_else_count_for_nothing(line: str, tmp_path: Path) -> None:
    PictureFolder(tmp_path, {})
    (tmp_path / LINES).write_text(line + "\n")
    assert len(PictureFolder(tmp_path, {})) == 0


def test_a_truncated_line_is_computed_again(tmp_path: Path) -> None:
    options = {"model": tiny_model(), "out": tmp_path, "n": 3, "batch_size": 1, **PARAMETERS}
    whole = list(stream_pictures("generate", "cat", **options))
    lines = tmp_path / LINES
    lines.write_bytes(lines.read_bytes()[:-20])
    assert len(PictureFolder(tmp_path, json.loads((tmp_path / SETTINGS).read_text()))) == 2
    same(list(stream_pictures("generate", "cat", **options)), whole)
    assert [json.loads(line)["index"] for line in lines.read_text().splitlines()] == [0, 1, 2]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"steps": 4}, "steps 3 and not 4"),
        ({"target": "dog"}, "target 'cat' and not 'dog'"),
        ({"model": tiny_model(seed=1)}, "fingerprint"),
        ({"seed": 1}, "seed 0 and not 1"),
    ],
)
def test_other_settings_are_refused(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    options = {"task": "generate", "target": "cat", "model": tiny_model(), "out": tmp_path, "n": 1, **PARAMETERS}
    list(stream_pictures(**options))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with raises_sentence(SaveError, words):
        stream_pictures(**options | changed)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_unsuitable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").touch()
    with raises_sentence(SaveError, "other files"):
        PictureFolder(other, {})
    with raises_sentence(SaveError, "letter.txt"):
        PictureFolder(other / "letter.txt" / "new", {})
    (other / "letter.txt").rename(other / SETTINGS)
    with raises_sentence(SaveError, SETTINGS):
        PictureFolder(other, {})
    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(picture_folder.os, "access", lambda *_: False)  # root may write anywhere
    with raises_sentence(SaveError, "closed"):
        PictureFolder(tmp_path / "closed", {})


def test_a_full_disk_is_reported_and_loses_nothing_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"model": tiny_model(), "out": tmp_path, "n": 4, "batch_size": 2, **PARAMETERS}
    save, left = Image.Image.save, iter([True, True, True, False])

    def full(picture: Image.Image, *arguments: Any) -> None:
        if not next(left):
            raise OSError(errno.ENOSPC, "No space left on device")
        save(picture, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Image.Image, "save", full)
        with raises_sentence(SaveError, "No space left", "the 3 pictures"):
            list(stream_pictures("generate", "cat", **options))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"00000{i}.png" for i in range(3)] + [LINES, SETTINGS]
    passes = CompiledModule(options["model"])
    assert len(list(stream_pictures("generate", "cat", **options))) == 4
    assert len(passes.inputs[-1]) == 1, "only what is missing is made"


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    options = {"model": tiny_model(), "out": tmp_path, "n": 1, **PARAMETERS}
    list(stream_pictures("generate", "cat", **options))
    (tmp_path / "000000.png").write_bytes(b"no picture")
    with raises_sentence(SaveError, "000000.png"):
        list(stream_pictures("generate", "cat", **options))


def test_batches_are_halved_when_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    said, sizes = list[str](), list[int]()
    minimize = batch.compiled_minimize

    def small(problem: Any, *given: Any) -> Any:
        sizes.append(len(problem.start))
        if len(problem.start) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return minimize(problem, *given)

    options = {"model": smooth_model(), "n": 5, **PARAMETERS}
    wanted = list(stream_pictures("generate", "cat", **options))
    monkeypatch.setattr(batch, "compiled_minimize", small)
    same(list(stream_pictures("generate", "cat", batch_size=9, say=said.append, **options)), wanted)
    assert sizes == [5, 2, 2, 1] and len(said) == 1

    def none(*_: Any) -> Any:
        raise RuntimeError("Failed to allocate memory for requested buffer of size 99")

    monkeypatch.setattr(batch, "compiled_minimize", none)
    with raises_sentence(ParameterError, "single picture"):
        list(stream_pictures("generate", "cat", batch_size=3, **options))


def test_other_errors_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(batch, "compiled_minimize", broken)
    with pytest.raises(RuntimeError, match="do not fit"):
        list(stream_pictures("generate", "cat", model=smooth_model(), n=2, **PARAMETERS))


class TestBatchSizes:
    def taken(self, sizes: BatchSizes, seconds: dict[int, float], turns: int) -> list[int]:
        used: list[int] = []
        for _ in range(turns):
            used.append(size := sizes.next())
            sizes.record(size, seconds[size])
        return used

    def test_each_size_is_tried_and_the_fastest_is_used(self) -> None:
        tries = 3 * TRIED
        used = self.taken(BatchSizes(8, 16, 32), {8: 0.8, 16: 1.2, 32: 3.2}, tries + 10)
        assert sorted(used[:tries]) == [8] * TRIED + [16] * TRIED + [32] * TRIED and set(used[tries:]) == {16}

    def test_after_a_long_batch_no_larger_ones_are_tried(self) -> None:
        used = self.taken(BatchSizes(8, 16, 32), {8: LONGEST / 2, 16: 1.5 * LONGEST, 32: LONGEST}, 12)
        assert 32 not in used and {8, 16} <= set(used)

    def test_a_last_batch_that_is_smaller_does_not_count(self) -> None:
        sizes = BatchSizes(8, 16)
        sizes.record(3, 0.001)
        assert set(self.taken(sizes, {8: 1.0, 16: 1.0}, 2)) == {8, 16}

    def test_a_stream_uses_them_and_makes_the_same_pictures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batch, "SIZES_ON_CPU", (1, 2, 4))
        counts: list[int] = []
        minimize = batch.compiled_minimize

        def noting(problem: Any, *given: Any) -> Any:
            counts.append(len(problem.start))
            return minimize(problem, *given)

        monkeypatch.setattr(batch, "compiled_minimize", noting)
        options = {"model": smooth_model(), "n": 30, **PARAMETERS}
        found = list(stream_pictures("generate", "cat", **options))
        assert counts[:3] == [1, 2, 4] and sum(counts) == 30
        same(found, list(stream_pictures("generate", "cat", batch_size=30, **options)))


def test_memory_per_picture_is_what_autograd_saves() -> None:
    model = smooth_model()  # tanh keeps its answer, a convolution what it is given
    side = 12
    first, second = 8 * side * side, 12 * (side // 2) ** 2
    picture = 3 * side * side
    assert (
        2 * 4 * (picture + first + second)
        <= bytes_per_picture(model, side)
        <= 2 * 4 * (2 * picture + first + second + 32)
    )
    assert bytes_per_picture(model, 4 * side) == pytest.approx(16 * bytes_per_picture(model, side), rel=0.05)


def test_the_batch_size_follows_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model = smooth_model()
    each = bytes_per_picture(model, 12)
    for free, wanted in (
        (0, 1),
        (each, 1),
        (10 * each, 5),
        (10**15, batch.SIZES_ON_CPU[-1]),
        (None, batch.DEFAULT_BATCH),
    ):
        monkeypatch.setattr(batch, "free_memory", lambda _, free=free: free)
        assert batch_size_for(model, 12) == wanted


def test_free_memory_respects_a_containers_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.setattr(batch, "CGROUP", tmp_path)
    monkeypatch.setattr(batch, "MEMINFO", tmp_path / "meminfo")
    assert free_memory(cpu) is None
    (tmp_path / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:  4000 kB\n")
    assert free_memory(cpu) == 4_096_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(cpu) == 4_096_000
    for name, text in (("max", "3000000\n"), ("current", "2500000\n"), ("stat", "anon 9\ninactive_file 400000\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert free_memory(cpu) == 900_000


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        ({"task": "inpaint"}, UnknownNameError, "'sketch_to_image', 'generate', 'translate' or 'super_resolve'"),
        ({"n": None}, ParameterError, "needs n"),
        ({"n": 0}, ParameterError, "is 0;"),
        ({"n": 2.5}, ParameterError, "is 2.5;"),
        ({"task": "translate"}, ParameterError, "needs pictures"),
        ({"pictures": []}, ParameterError, "nothing else"),
        ({"task": "translate", "n": None, "pictures": []}, ParameterError, "is 0;"),
        ({"task": "translate", "n": None, "pictures": ["no.png"]}, PictureError, "no.png"),
        ({"batch_size": 0}, ParameterError, "batch_size is 0"),
        ({"seed": 2**31 - 2}, ParameterError, "for 3 pictures"),
        ({"stesp": 3}, UnknownNameError, "'steps'"),
        ({"target": "cta"}, UnknownNameError, "'cat'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    changed: dict[str, Any], kind: Any, words: str, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"task": "generate", "target": "cat", "n": 3, "model": smooth_model()}
    with pytest.raises(kind) as caught:
        stream_pictures(**options | {"out": tmp_path / "new"} | changed)
    assert words in str(caught.value) and str(caught.value).endswith(".")
    assert not (tmp_path / "new").exists()


def test_every_setting_of_a_task_is_saved(tmp_path: Path) -> None:
    next(
        stream_pictures(
            "super_resolve", "dog", pictures=[np.zeros((9, 9, 3), np.uint8)], out=tmp_path, model=tiny_model()
        )
    )
    kept = json.loads((tmp_path / SETTINGS).read_text())
    assert {"task", "target", "model", "fingerprint", "factor", "steps", "enlargement"} <= set(kept)


def test_numbers_of_every_kind() -> None:
    model = tiny_model()
    found = list(stream_pictures("generate", "cat", n=np.int64(2), batch_size=np.uint8(2), model=model, **PARAMETERS))  # type: ignore[arg-type]
    same(found, list(stream_pictures("generate", "cat", n=2, model=model, **PARAMETERS)))
    for n in (0, 1.5, "2", True, 10**5000):
        with raises_sentence(ParameterError, "number of pictures"):
            stream_pictures("generate", "cat", n=n, model=model)  # type: ignore[arg-type]


def test_pictures_are_one_or_several_or_those_of_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.gif"):
        Image.new("RGB", (20, 20), (50, 100, 200)).save(folder / name)
    for name in ("._a.png", ".DS_Store", "notes.txt"):
        (folder / name).touch()
    (folder / "x.png").mkdir()
    options: dict[str, Any] = {"model": tiny_model(), **PARAMETERS}
    heard: list[str] = []
    both = list(stream_pictures("translate", "cat", pictures=folder, say=heard.append, **options))
    assert [one.source for one in both] == ["a.png", "b.gif"]
    assert len(heard) == 1 and "1 .txt" in heard[0]
    with pytest.warns(UserWarning, match="1 .txt"):
        stream_pictures("translate", "cat", pictures=folder, **options)
    files = [folder / "a.png", folder / "b.gif"]
    same(list(stream_pictures("translate", "cat", pictures=(file for file in files), **options)), both)
    for one in (files[0], str(files[0])):
        same(list(stream_pictures("translate", "cat", pictures=one, **options)), both[:1])
    pixels = np.asarray(Image.open(files[0]))
    for one in (pixels, Image.open(files[0]), pixels[None]):
        (found,) = stream_pictures("translate", "cat", pictures=one, **options)
        np.testing.assert_array_equal(found.pixels, both[0].pixels)


def test_a_loss_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    model = smooth_model()
    with torch.no_grad():
        model.network.head.weight.fill_(torch.nan)  # type: ignore[union-attr]
    with raises_sentence(RunError, "picture 0", "nan"):
        list(stream_pictures("generate", "cat", n=2, out=tmp_path, model=model, **PARAMETERS))
    assert not list(tmp_path.glob("*.png"))
