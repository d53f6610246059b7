"""What is done with results in the studio: paint on them, save them, and take everything over into a new studio."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from robust_widgets._files import clean_name
from robust_widgets.runs.record import LoadSpec
from robust_widgets.runs.trace import load_trace
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.painting.surface import Surface
from robust_widgets.widgets.studio import StudioWidget
from tests.widgets.page import Page, decoded, is_sentence, noise

SIDE = 256


class Desk:
    """A studio with a painting, and a finished run of four steps."""

    def __init__(self, page: Page, session: FakeSession) -> None:
        self.session = session
        self.studio = StudioWidget(session)
        assert self.studio.surface is not None
        self.surface: Surface = self.studio.surface
        page.stroke(self.surface.pad, [(40, 40), (200, 180)])
        self.studio.controls["sketch_to_image"].set({"steps": 4})
        self.studio.run()
        session.advance(4)

    def save(self, page: Page, name: str) -> None:
        page.set(self.studio.results.save_name, value=name)
        page.click(self.studio.results.save_button)


@pytest.fixture
def desk(page: Page) -> Desk:
    return Desk(page, FakeSession(input_size=SIDE))


def test_the_step_shown_is_put_on_the_canvas_and_undo_restores_the_sketch(page: Page, desk: Desk) -> None:
    sketch = desk.surface.raster.sketch.copy()
    page.tell(desk.studio.runner.view, {"kind": "step", "step": 2})
    page.click(desk.studio.results.use_button)
    assert desk.studio.trace is not None
    np.testing.assert_array_equal(desk.surface.raster.image, desk.studio.trace[2].pixels[0])
    assert not desk.surface.raster.sketch.any() and page.shows(desk.surface.canvas, desk.surface.raster)
    assert is_sentence(desk.studio.status.text, "Step 2", "undo restores")
    page.act(desk.surface.pad, "undo")
    np.testing.assert_array_equal(desk.surface.raster.sketch, sketch)
    assert (desk.surface.raster.image == 255).all() and page.shows(desk.surface.canvas, desk.surface.raster)


def test_without_scrubbing_the_last_step_is_put_on_the_canvas(page: Page, desk: Desk) -> None:
    page.click(desk.studio.results.use_button)
    assert desk.studio.trace is not None and is_sentence(desk.studio.status.text, "Step 4")
    np.testing.assert_array_equal(desk.surface.raster.image, desk.studio.trace[-1].pixels[0])


def test_a_step_the_run_does_not_have_is_its_last(page: Page, desk: Desk) -> None:
    page.tell(desk.studio.runner.view, {"kind": "step", "step": 99})
    page.click(desk.studio.results.use_button)
    assert "Step 4" in desk.studio.status.text


def test_the_result_can_be_run_on_from_again(page: Page, desk: Desk) -> None:
    page.click(desk.studio.results.use_button)
    page.click(desk.studio.runner.run_button)
    assert desk.studio.traces[0] is not desk.studio.trace
    np.testing.assert_array_equal(desk.session.requests[1].picture, desk.studio.traces[0][-1].pixels[0])


def test_without_a_run_there_is_nothing_to_paint_on_or_save(page: Page, tmp_path: Path) -> None:
    studio = StudioWidget(FakeSession())
    page.click(studio.results.use_button)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "no run to use")
    page.set(studio.results.save_name, value=str(tmp_path / "a.png"))
    page.click(studio.results.save_button)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, "no run to save")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["fish.png", "fish.gif", "fish.npz", "fish.PNG ", "fish"])
def test_the_suffix_determines_how_a_run_is_saved(page: Page, tmp_path: Path, name: str) -> None:
    desk = Desk(page, FakeSession(input_size=8))
    desk.save(page, f" {tmp_path}/{name}")
    (file,) = tmp_path.iterdir()
    assert file.name == (name.strip() if "." in name else "fish.png")
    assert desk.studio.status.kind == "info" and str(file) in desk.studio.status.text
    assert desk.studio.trace is not None
    if file.suffix == ".npz":
        np.testing.assert_array_equal(load_trace(file).frames, desk.studio.trace.frames)
    elif file.suffix.lower() == ".png":
        np.testing.assert_array_equal(decoded(file.read_bytes()), desk.studio.trace[-1].pixels[0])
    else:
        assert file.read_bytes()[:6] == b"GIF89a"


def test_a_run_without_a_name_is_saved_under_its_class(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    desk = Desk(page, FakeSession(input_size=8))
    desk.save(page, "   ")
    assert [file.name for file in tmp_path.iterdir()] == ["goldfish.png"]


def test_save_replaces_nothing(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    desk = Desk(page, FakeSession(input_size=8))
    for name in ("goldfish.png", "own.gif", "own"):
        (tmp_path / name).write_text("of the user")
    for name in ("", "own.gif", "own", ""):
        desk.save(page, name)
        assert desk.studio.status.kind == "info", desk.studio.status.text
    assert is_sentence(desk.studio.status.text, "goldfish-3.png", "because goldfish.png exists")
    saved = ["goldfish-2.png", "goldfish-3.png", "goldfish.png", "own", "own-2.gif", "own.gif", "own.png"]
    assert sorted(file.name for file in tmp_path.iterdir()) == saved
    assert all((tmp_path / name).read_text() == "of the user" for name in ("goldfish.png", "own.gif", "own"))


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("../elsewhere/x", "elsewhere-x.png"),
        ("and/or", "and-or.png"),
        ("..", "picture.png"),
        ("a" * 300, "a" * 120),
        ("St. Bernard", "St.-Bernard"),
    ],
)
def test_a_name_from_a_run_leads_nowhere_else(
    target: str, name: str, page: Page, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert desk.studio.trace is not None
    desk.studio.take(dataclasses.replace(desk.studio.trace, target=target))
    desk.save(page, "")
    assert desk.studio.status.kind == "info", desk.studio.status.text
    assert [file.stem for file in (tmp_path / "here").iterdir()] == [name.removesuffix(".png")]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["pictures", "pictures/", "pictures/."])
def test_a_run_is_saved_into_a_folder_under_its_class(name: str, page: Page, desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for file in ("goldfish.png", "goldfish-2.png"):
        desk.save(page, f"{tmp_path}/{name}")
        assert str(tmp_path / "pictures" / file) in desk.studio.status.text
    assert len(list((tmp_path / "pictures").iterdir())) == 2


@pytest.mark.parametrize("name", ["fish.jpg", "missing folder/fish.png", "file/fish.npz"])
def test_an_unwritable_file_is_reported_and_the_run_can_be_saved_elsewhere(
    page: Page, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    desk = Desk(page, FakeSession(input_size=8))
    desk.save(page, f"{tmp_path}/{name}")
    assert desk.studio.status.kind == "error" and is_sentence(desk.studio.status.text, name)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    desk.save(page, f"{tmp_path}/fish.png")
    assert (tmp_path / "fish.png").exists() and desk.studio.status.kind == "info"


def test_a_new_studio_adopts_the_painting_its_history_the_runs_and_the_settings(page: Page, desk: Desk) -> None:
    old = desk.studio
    desk.surface.pad.tool, desk.surface.pad.color, desk.surface.pad.brush_size = "eraser", "#102030", 50
    old.picker.value = "cat"
    old.controls["generate"].set({"n": 5})
    old.task_buttons.value = "generate"
    sketch = desk.surface.raster.sketch.copy()
    session = FakeSession(("lynx", "cat"))
    new = StudioWidget(session)
    new.adopt(old)
    assert new.surface is not None and new.paint_box is not None
    np.testing.assert_array_equal(new.surface.raster.sketch, sketch)
    assert page.shows(new.surface.canvas, new.surface.raster)
    assert new.traces == old.traces and new.trace is old.trace and new.trace is not None
    assert [controls.values() for controls in new.controls.values()] == [
        controls.values() for controls in old.controls.values()
    ]
    assert new.controls["generate"].values()["n"] == 5 and new.controls["sketch_to_image"].values()["steps"] == 4
    assert (new.task, new.picker.value) == ("generate", "cat")
    assert (new.surface.pad.tool, new.surface.pad.color, new.paint_box.size.value) == ("eraser", "#102030", 50)
    assert desk.session.closed and old.closed and not session.closed
    page.click(new.paint_box.undo)
    assert new.surface.raster.is_blank and page.shows(new.surface.canvas, new.surface.raster)


def test_a_class_the_new_model_does_not_know_is_not_adopted(page: Page, desk: Desk) -> None:
    del page
    new = StudioWidget(FakeSession(("lynx", "puma")))
    new.adopt(desk.studio)
    assert new.picker.value == "lynx"


def test_adopting_during_a_run_stops_it_and_keeps_its_frames(page: Page, desk: Desk) -> None:
    desk.studio.run()
    desk.session.advance(2)
    new = StudioWidget(FakeSession())
    new.adopt(desk.studio)
    assert not desk.session.running and [len(trace) for trace in new.traces] == [5, 3]
    page.click(new.runner.run_button)
    assert len(new.traces) == 3 and len(desk.studio.traces) == 2


def test_a_new_picture_goes_under_the_adopted_paint(page: Page, desk: Desk) -> None:
    sketch, picture = desk.surface.raster.sketch.copy(), noise(SIDE, SIDE, 3)
    new = StudioWidget(FakeSession(), picture=picture)
    new.adopt(desk.studio, picture)
    assert new.surface is not None
    np.testing.assert_array_equal(new.surface.raster.image, picture)
    np.testing.assert_array_equal(new.surface.raster.sketch, sketch)
    page.act(new.surface.pad, "undo")
    assert (new.surface.raster.image == 255).all() and new.surface.raster.sketch.any()


def test_a_session_that_both_studios_use_is_not_closed(page: Page, desk: Desk) -> None:
    desk.studio.run()
    new = StudioWidget(desk.session)
    new.adopt(desk.studio)
    assert desk.studio.closed and not desk.session.closed and not desk.session.running
    page.click(new.runner.run_button)
    assert desk.session.running and new.status.kind != "error"


def test_the_code_of_a_loaded_run_loads_the_studios_model_in_the_same_way(
    page: Page, desk: Desk, tmp_path: Path
) -> None:
    desk.save(page, str(tmp_path / "run.rwtrace"))
    trace = load_trace(tmp_path / "run.rwtrace")
    session = FakeSession(input_size=SIDE)
    loading = LoadSpec("theirs.pt", {"input_size": 16})
    session._model = dataclasses.replace(session.model, source="theirs.pt", loading=loading)
    studio = StudioWidget(session)
    for name, loaded in (("fake", "rw.load_model('theirs.pt', input_size=16)"), ("another", "create it here")):
        studio.take(dataclasses.replace(trace, model=name))
        studio.results.show_code()
        assert loaded in studio.results.code.value
        studio.results.show_code()


def test_save_waits_for_the_name_that_the_page_held_back(page: Page, desk: Desk, tmp_path: Path) -> None:
    view = desk.studio.runner.view
    page.tell(view, {"kind": "hello"})
    desk.save(page, str(tmp_path / "fis"))
    assert not list(tmp_path.iterdir())
    page.set(desk.studio.results.save_name, value=str(tmp_path / "fish.png"))
    page.tell(view, {"kind": "flushed", "press": page.sent(view, "flush")[-1].content["press"]})
    assert [file.name for file in tmp_path.iterdir()] == ["fish.png"]


def test_save_that_waits_is_not_forgotten_for_another_press(page: Page, desk: Desk, tmp_path: Path) -> None:
    view = desk.studio.runner.view
    page.tell(view, {"kind": "hello"})
    desk.save(page, str(tmp_path / "fish.png"))
    page.click(desk.studio.results.code_button)
    page.click(desk.studio.runner.run_button)
    for message in page.sent(view, "flush"):
        page.tell(view, {"kind": "flushed", "press": message.content["press"]})
    assert (tmp_path / "fish.png").exists() and desk.studio.results.code.value and desk.studio.runner.running


def test_all_runs_are_saved_as_a_sheet_or_side_by_side(page: Page, desk: Desk, tmp_path: Path) -> None:
    desk.studio.run()
    desk.session.advance(2)
    desk.studio.stop()
    results = desk.studio.results

    def save_all(name: str) -> Path:
        page.set(results.save_name, value=str(tmp_path / name))
        page.click(results.save_all_button)
        assert desk.studio.status.text.startswith("Saved to"), desk.studio.status.text
        return tmp_path / name

    sheet = Image.open(save_all("all.png"))
    assert sheet.width > 2 * 144 and sheet.height > 144
    animation = Image.open(save_all("all.gif"))
    assert getattr(animation, "n_frames", 0) == 5, "as long as the longest run"
    assert animation.size == (2 * 192 + 4, 192)
    av = pytest.importorskip("av")
    with av.open(str(save_all("all.mp4"))) as video:
        assert (video.streams.video[0].width, video.streams.video[0].height) == (2 * 192 + 4, 192)
    page.set(results.save_name, value=str(tmp_path / "all.rwtrace"))
    page.click(results.save_all_button)
    assert desk.studio.status.kind == "error" and ".mp4" in desk.studio.status.text


def test_the_folder_is_remembered_and_no_file_is_replaced(
    page: Page, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    desk.save(page, str(tmp_path / "pictures" / "a.png"))
    later = Desk(page, FakeSession(input_size=SIDE))
    assert later.studio.results.save_name.value == str(tmp_path / "pictures") + os.sep
    page.click(later.studio.results.save_button)
    page.click(later.studio.results.save_button)
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    target = clean_name(later.studio.results.trace("save").target)
    assert names == sorted(["a.png", f"{target}.png", f"{target}-2.png"])
    monkeypatch.chdir(tmp_path)
    assert Desk(page, FakeSession(input_size=SIDE)).studio.results.save_name.value == "", "of another folder"
