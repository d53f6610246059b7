"""The tasks as commands."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

import robust_widgets as rw
from robust_widgets.cli import app
from robust_widgets.cli.options import default_name, parameter_values
from robust_widgets.interface.parameters import AnyParameter, Choice
from robust_widgets.interface.session import Feature
from robust_widgets.interface.tasks import check_parameters, task_spec, task_specs
from robust_widgets.models import registry
from robust_widgets.models.feature_catalogue import catalogue_path, write_catalogue
from robust_widgets.models.model_file import save_model
from robust_widgets.runs import files as files
from robust_widgets.runs.files import endings
from tests.cli.shell import call, refusal
from tests.helpers import tiny_model

ENDINGS = endings()
COMMANDS = {task: task.replace("_", "-") for task in task_specs()}
PARAMETERS = [
    pytest.param(task, parameter, id=f"{task}-{parameter.name}")
    for task, spec in task_specs().items()
    for parameter in spec.parameters
]


@pytest.fixture
def sketch_file(tmp_path: Path) -> Path:
    picture = Image.new("RGB", (40, 30), (20, 60, 200))
    picture.paste((240, 120, 20), (12, 10, 28, 20))
    picture.save(tmp_path / "sketch.png")
    return tmp_path / "sketch.png"


@pytest.fixture
def mask_file(tmp_path: Path) -> Path:
    """White in the left half of a picture of the sketch's shape."""
    mask = Image.new("L", (40, 30))
    mask.paste(255, (0, 0, 20, 30))
    mask.save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


@pytest.fixture
def begun(sketch_file: Path, mask_file: Path, tiny: Path) -> dict[str, list[object]]:
    """For each task, a command without its parameters and output."""
    subjects: dict[str, list[object]] = {
        "generate": ["cat"],
        "sketch_to_image": [sketch_file, "cat"],
        "translate": [sketch_file, "cat"],
        "super_resolve": [sketch_file, "cat"],
        "inpaint": [sketch_file, mask_file, "cat"],
        "paint_features": [sketch_file, "--mask", mask_file, "--feature", 3],
        "dream": ["stage1", "--picture", sketch_file],
    }
    return {task: [COMMANDS[task], *subjects[task], "--model", tiny, "--device", "cpu"] for task in COMMANDS}


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A weights file of a random model of 16 px with the classes dog, cat and goldfish."""
    save_model(tiny_model(), tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def test_sketch_to_image_writes_every_file_format(sketch_file: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / f"fish{ending}" for ending in ENDINGS]
    result = call("sketch-to-image", sketch_file, "goldfish", "--steps", 2, *(f"--out={path}" for path in outputs))
    side = rw.load_model().input_size
    with Image.open(outputs[0]) as png, Image.open(outputs[1]) as gif:
        assert png.size == (side, side)
        assert getattr(gif, "n_frames", 1) == 3
    assert b"ftypisom" in outputs[2].read_bytes()[:32]
    trace = rw.load_trace(outputs[3])
    assert (trace.task, trace.target, len(trace)) == ("sketch_to_image", "goldfish", 3)
    assert [line.removeprefix("wrote ") for line in result.stdout.splitlines()] == [str(path) for path in outputs]
    assert "2/2" in result.stderr and "probability=" in result.stderr


def test_generate_gives_the_same_run_as_the_function(tmp_path: Path) -> None:
    call("generate", "MUSHROOM", "--n", 2, "--seed", 5, "--steps", 2, "--device", "cpu", "--out", tmp_path / "a.npz")
    expected = rw.generate("mushroom", n=2, seed=5, steps=2, device="cpu")
    np.testing.assert_array_equal(rw.load_trace(tmp_path / "a.npz").frames, expected.frames)


def test_a_class_can_be_an_index(tiny: Path, tmp_path: Path) -> None:
    call("generate", 2, "--model", tiny, "--steps", 1, "--out", tmp_path / "a.npz")
    assert rw.load_trace(tmp_path / "a.npz").target == "goldfish"


def test_the_picture_is_named_after_the_class_by_default(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call("generate", "dog", "--model", tiny, "--steps", 1)
    assert (tmp_path / "dog.png").is_file()
    assert default_name("school bus/tram") == Path("school-bus-tram.png")


@pytest.mark.parametrize(("task", "parameter"), PARAMETERS)
def test_every_parameter_is_an_option_with_its_default_and_help(task: str, parameter: AnyParameter) -> None:
    (option,) = [p for p in options_of(task) if p.name == parameter.name]
    assert option.opts == [f"--{parameter.name.replace('_', '-')}"]
    assert parameter_values(task_spec(task), {parameter.name: option.default}) == {parameter.name: parameter.default}
    assert parameter.help in option.help and parameter.unit in option.help


def test_a_command_has_only_options_for_parameters_and_files() -> None:
    files_and_places = {
        "target",
        "class_",
        "picture",
        "mask",
        "feature",
        "layer",
        "out",
        "strip",
        "model",
        "device",
        "help",
        "force",
        "shard",
        "shards",
        "on",
        "cpus",
        "gpus",
    }
    for task, spec in task_specs().items():
        names = {parameter.name for parameter in spec.parameters}
        assert {p.name for p in options_of(task)} - files_and_places == names


def test_the_old_name_of_a_command_works_for_this_release(sketch_file: Path, tiny: Path, tmp_path: Path) -> None:
    result = call("sketch", sketch_file, "cat", "--model", tiny, "--steps", 1, "--out", tmp_path / "a.npz")
    assert rw.load_trace(tmp_path / "a.npz").task == "sketch_to_image"
    assert result.stderr.splitlines()[0].startswith("'sketch' is now 'sketch-to-image'")
    assert "  sketch  " not in call("--help").stdout and "  sketch-to-image  " in call("--help").stdout
    assert "sketch-to-image" in call("sketch", "--help").stdout
    assert "'no.png'" in refusal("sketch", "no.png", "cat")


def options_of(task: str) -> list[Any]:
    command: Any = typer.main.get_command(app)
    return command.commands[COMMANDS[task]].params


@pytest.mark.parametrize(("task", "parameter"), PARAMETERS)
def test_every_option_reaches_its_parameter(
    task: str, parameter: AnyParameter, begun: dict[str, list[object]], tmp_path: Path
) -> None:
    for value in other_values(parameter):
        flags = {"--steps": "1", f"--{parameter.name.replace('_', '-')}": "none" if value is None else str(value)}
        call(*begun[task], "--force", "--out", tmp_path / "a.npz", *(part for flag in flags.items() for part in flag))
        expected = check_parameters(task, {"steps": 1} | {parameter.name: value})
        assert rw.load_trace(tmp_path / "a.npz").parameters == expected


def other_values(parameter: AnyParameter) -> list[object]:
    """Values other than the default, of each allowed kind."""
    none: list[object] = [None] if parameter.optional and parameter.default is not None else []
    if isinstance(parameter, Choice):
        return [
            *none,
            *(word for word in parameter.options if word != parameter.default),
            *([0.75] if parameter.weight else []),
        ]
    return [*none, 24 if parameter.name == "size" else 3 if parameter.whole else parameter.minimum + 0.75]


@pytest.mark.parametrize("task", COMMANDS)
def test_a_command_gives_the_same_run_as_the_function(
    task: str, begun: dict[str, list[object]], sketch_file: Path, mask_file: Path, tiny: Path, tmp_path: Path
) -> None:
    call(*begun[task], "--steps", 2, "--seed", 5, "--out", tmp_path / "a.npz")
    subject = {
        "generate": ["cat"],
        "inpaint": [sketch_file, mask_file, "cat"],
        "paint_features": [sketch_file, mask_file, 3],
        "dream": ["stage1", sketch_file],
    }.get(task, [sketch_file, "cat"])
    expected = getattr(rw, task)(*subject, steps=2, seed=5, model=str(tiny), device="cpu")
    made = rw.load_trace(tmp_path / "a.npz")
    assert made.task == task and made.target == expected.target
    np.testing.assert_array_equal(made.frames, expected.frames)


def test_features_are_painted_one_after_the_other(
    begun: dict[str, list[object]], sketch_file: Path, mask_file: Path, tiny: Path, tmp_path: Path
) -> None:
    right = tmp_path / "right.png"
    Image.open(mask_file).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(right)
    more = ["--mask", right, "--feature", 1, "--steps", 2]
    result = call(*begun["paint_features"], *more, "--out", tmp_path / "a.npz")
    expected = rw.paint_features(sketch_file, [mask_file, right], [3, 1], steps=2, model=str(tiny), device="cpu")
    np.testing.assert_array_equal(rw.load_trace(tmp_path / "a.npz").frames, expected.frames)
    assert "4/4" in result.stderr


def test_super_resolve_prints_its_error_and_writes_a_strip(begun: dict[str, list[object]], tmp_path: Path) -> None:
    files_wanted = ["--strip", tmp_path / "strip.png", "--out", tmp_path / "a.npz"]
    result = call(*begun["super_resolve"], "--factor", 2, "--steps", 1, *files_wanted)
    trace = rw.load_trace(tmp_path / "a.npz")
    assert f"low resolution error {rw.report(trace)['low_resolution_error']:.4f}" in result.stdout
    assert f"wrote {tmp_path / 'strip.png'}" in result.stdout
    with Image.open(tmp_path / "strip.png") as strip:
        np.testing.assert_array_equal(np.asarray(strip), np.asarray(rw.comparison_strip(trace)))


def test_the_seed_none_adds_no_noise(begun: dict[str, list[object]], tmp_path: Path) -> None:
    call(*begun["sketch_to_image"], "--steps", 1, "--seed", "none", "--out", tmp_path / "a.npz")
    assert rw.load_trace(tmp_path / "a.npz").seed is None
    assert parameter_values(task_spec("sketch_to_image"), {"seed": "7"}) == {"seed": 7}


def test_the_help_lists_every_file_name_extension() -> None:
    for task in COMMANDS:
        (option,) = [p for p in options_of(task) if p.name == "out"]
        assert task_spec(task).target == "feature" or all(ending in option.help for ending in ENDINGS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_extensions_are_those_of_trace_save(ending: str, tmp_path: Path) -> None:
    rw.generate("dog", model=tiny_model(), steps=1).save(tmp_path / f"a{ending}")
    with pytest.raises(rw.RobustWidgetsError, match=ending):
        rw.generate("dog", model=tiny_model(), steps=1).save(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", "goldfsh"], "'goldfish'"),
        (["generate", "99"], "99"),
        (["generate", "dog", "--steps", "0"], "steps is 0"),
        (["generate", "dog", "--steps", "-3"], "steps is -3"),
        (["generate", "dog", "--epsilon", "-1"], "epsilon is -1"),
        (["generate", "dog", "--epsilon", "inf"], "epsilon is inf"),
        (["generate", "dog", "--step-size", "nan"], "step_size is nan"),
        (["generate", "dog", "--n", "0"], "n is 0"),
        (["generate", "dog", "--device", "abacus"], "'abacus'"),
        (["generate", "dog", "--model", "defolt"], "'default'"),
        (["generate", "dog", "--model", "no.safetensors"], "no.safetensors"),
        (["generate", "dog", "--out", "a.jpg"], "'.png', '.gif', '.mp4', '.rwtrace' or '.npz'"),
        (["generate", "dog", "--out", "missing/a.png"], "'missing'"),
        (["sketch-to-image", "no.png", "dog"], "'no.png'"),
        (["sketch-to-image", "no.png", "dog", "--seed", "many"], "seed is 'many'"),
        (["translate", "no.png", "dog", "--constraint", "l3"], "'l2', 'linf' or 'none'"),
        (["inpaint", "no.png", "no.png", "dog", "--penalty", "papre"], "'paper'"),
        (["inpaint", "no.png", "no.png", "dog", "--penalty", "-1"], "penalty is -1"),
        (["super-resolve", "no.png", "dog", "--factor", "1"], "factor is 1"),
        (["super-resolve", "no.png", "dog", "--strip", "a.gif"], "'.png'"),
        (["paint-features", "no.png", "--mask", "no.png", "--feature", "0", "--feature", "1"], "1 masks"),
        (["paint-features", "no.png", "--mask", "no.png", "--feature", "0"], "'no.png'"),
    ],
)
def test_bad_input_is_answered_in_one_sentence(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refusal(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_masks_that_cannot_be_used_are_refused(begun: dict[str, list[object]], mask_file: Path, tmp_path: Path) -> None:
    out = ["--out", tmp_path / "out.png"]
    for lightness, words in ((0, "empty"), (255, "whole")):
        Image.new("L", (40, 30), lightness).save(mask_file)
        for task in ("inpaint", "paint_features"):
            assert words in refusal(*begun[task], *out)
    Image.new("L", (50, 10)).save(mask_file)
    assert "50 x 10" in refusal(*begun["inpaint"], *out)
    assert not (tmp_path / "out.png").exists()


def test_a_feature_is_looked_up_in_the_catalogue(
    begun: dict[str, list[object]], sketch_file: Path, mask_file: Path, tiny: Path, tmp_path: Path
) -> None:
    named = ["paint-features", sketch_file, "--mask", mask_file, "--feature", "cat 1", "--model", tiny]
    assert "robust-widgets features" in refusal(*named, "--out", tmp_path / "a.npz")
    model = rw.load_model(tiny)
    entry = Feature("cat 1", 5, ("cat",), np.zeros((8, 8, 3), np.uint8))
    write_catalogue(catalogue_path(tiny), model.fingerprint, [entry])
    call(*named, "--steps", 1, "--device", "cpu", "--out", tmp_path / "a.npz")
    expected = rw.paint_features(sketch_file, mask_file, 5, steps=1, model=model)
    np.testing.assert_array_equal(rw.load_trace(tmp_path / "a.npz").frames, expected.frames)
    assert "'cat 1'" in refusal(*named, "--mask", mask_file, "--feature", "cta 1")


def test_an_option_that_is_not_a_number_is_bad_input_too() -> None:
    result = call("generate", "dog", "--steps", "many", code=2)
    assert "--steps" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("kind", ["text", "truncated", "dot", "wide", "empty", "folder", "nan"])
def test_an_unusable_picture_is_refused(kind: str, sketch_file: Path, tiny: Path, tmp_path: Path) -> None:
    bad = tmp_path / ("bad.tiff" if kind == "nan" else "bad.png")
    match kind:
        case "text":
            bad.write_text("not a picture")
        case "truncated":
            bad.write_bytes(sketch_file.read_bytes()[:60])
        case "dot":
            Image.new("RGB", (1, 1)).save(bad)
        case "wide":
            Image.new("L", (20_000, 8)).save(bad)
        case "empty":
            bad.touch()
        case "folder":
            bad.mkdir()
        case _:
            Image.fromarray(np.full((8, 8), np.nan, dtype=np.float32)).save(bad)
    refusal("sketch-to-image", bad, "dog", "--model", tiny, "--out", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16", "P"])
def test_every_mode_of_picture_can_be_a_sketch(mode: str, tiny: Path, tmp_path: Path) -> None:
    Image.new(mode, (20, 20)).save(tmp_path / "sketch.png")
    call(
        "sketch-to-image", tmp_path / "sketch.png", "dog", "--model", tiny, "--steps", 1, "--out", tmp_path / "out.png"
    )
    assert (tmp_path / "out.png").is_file()


@pytest.mark.parametrize("out", ["a.jpg", "missing/a.png", "folder.png", "plain"])
def test_outputs_are_checked_before_the_run(out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load_model", lambda *_, **__: pytest.fail("the work was begun"))
    (tmp_path / "folder.png").mkdir()
    refusal("generate", "dog", "--out", tmp_path / "good.png", "--out", tmp_path / out)


def test_if_one_output_cannot_be_written_the_others_still_are(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_gif", disk_full)
    names = [tmp_path / name for name in ("a.png", "a.gif", "a.npz")]
    sentence = refusal("generate", "dog", "--model", tiny, "--steps", 1, *(f"--out={name}" for name in names))
    assert "a.gif" in sentence and "No space left" in sentence
    assert sorted(path.name for path in tmp_path.glob("a.*")) == ["a.npz", "a.png"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: ...")])
def test_out_of_memory_is_reported_in_a_sentence(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(registry, "load_model", too_much)
    assert "Out of memory" in refusal("generate", "dog")


def test_an_operating_system_error_is_reported_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "weights")

    monkeypatch.setattr(registry, "load_model", unreadable)
    assert "'weights'" in refusal("generate", "dog")


def test_an_unexpected_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(registry, "load_model", broken)
    with pytest.raises(ZeroDivisionError):
        call("generate", "dog")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to a child")
def test_ctrl_c_ends_a_run_with_a_short_message(tiny: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "robust_widgets.cli", "generate", "dog", "--model", str(tiny), "--steps", "100000"]
    # A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, inherited)
    with process:
        assert process.stderr is not None
        assert process.stderr.read(4).strip() == "dog"  # the progress bar: the steps have begun
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "Stopped." and "Traceback" not in rest
    assert not (tmp_path / "dog.png").exists()


@pytest.mark.parametrize("task", [task for task, spec in task_specs().items() if spec.target == "class"])
def test_every_command_takes_its_class_as_an_option_too(
    task: str, begun: dict[str, list[object]], tmp_path: Path
) -> None:
    *command, target = begun[task][: 1 + len(task_spec(task).arguments)]
    rest = [*begun[task][1 + len(task_spec(task).arguments) :], "--steps", 1]
    call(*command, target, *rest, "--out", tmp_path / "a.npz")
    call(*command, "--class", target, *rest, "--out", tmp_path / "b.npz")
    one, other = (rw.load_trace(tmp_path / name) for name in ("a.npz", "b.npz"))
    assert one.target == other.target
    np.testing.assert_array_equal(one.frames, other.frames)
    assert "once" in refusal(*command, target, "--class", target, *rest) and "once" in refusal(*command, *rest)


def test_a_video_that_cannot_be_written_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(registry, "load_model", lambda *_, **__: pytest.fail("the work was begun"))
    sentence = refusal("generate", "dog", "--out", tmp_path / "a.png", "--out", tmp_path / "a.mp4")
    assert "pip install 'robust-widgets[video]'" in sentence and "nothing is lost" not in sentence


def test_a_class_of_5000_digits_is_answered_in_a_sentence(tiny: Path, tmp_path: Path) -> None:
    assert "There is no class" in refusal("generate", "9" * 5000, "--model", tiny, "--out", tmp_path / "a.png")


def test_warnings_are_sentences_without_code(tiny: Path, tmp_path: Path) -> None:
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20) * 10).save(tmp_path / "deep.tif")
    result = call("translate", tmp_path / "deep.tif", "cat", "--model", tiny, "--steps", 1, "--out", tmp_path / "a.png")
    assert (
        "A picture holds values up to 3,990; it is read as 12-bit, with 4,095 as white." in result.stderr.splitlines()
    )
    assert "Warning" not in result.stderr


def test_the_home_folder_may_be_written_as_a_tilde(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    options = ["--model", "~/tiny.safetensors", "--steps", 1]
    call("generate", "cat", *options, "--out=~/a.png")
    call("generate", "cat", *options, "--out=~/many")
    assert (tmp_path / "a.png").is_file() and (tmp_path / "many" / "000000.png").is_file()
