"""The kernel's functions for a studio's tab."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from robust_widgets.jupyter import kernel_api as lab
from robust_widgets.jupyter import studio as app
from robust_widgets.models.registry import choose_device, load_model
from robust_widgets.runs.notebook import MIME, mime_bundle
from robust_widgets.runs.trace import load_trace
from robust_widgets.session.local import LocalSession
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from tests.helpers import check_sentence, tiny_model
from tests.runs.test_notebook_page import grown, runs_of
from tests.runs.test_trace import recorded
from tests.widgets.page import Page, noise

PICTURE = noise(256, 256, 3)


class Tab:
    """A tab whose kernel has a tiny model; the same code runs again after a reload of the page."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.displayed: list[dict[str, Any]] = []
        self._executions = 0
        self._weights = tiny_model()
        monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: self)
        monkeypatch.setattr(lab, "display", lambda bundle, raw: self.displayed.append(bundle))
        monkeypatch.setattr(app, "_session", self._session)

    def _session(self, name: str | None, device: str | None) -> LocalSession:
        choose_device(device)
        return LocalSession(self._weights if name in (None, "tiny") else load_model(name))

    def get_parent(self) -> dict[str, object]:
        return {"metadata": {"cellId": "a tab"}, "header": {"msg_id": f"execution {self._executions}"}}

    def show(self, file: object = None, model: str | None = None, **settings: Any) -> StudioWidget:
        self._executions += 1
        lab.show(None if file is None else str(file), model=model, **settings)
        (studio,) = app.open_studios()
        view = self.displayed[-1]["application/vnd.jupyter.widget-view+json"]
        assert view["model_id"] == studio.model_id and "text/html" not in self.displayed[-1]
        return studio

    def restart(self) -> None:
        app._places.clear()
        app._calls.clear()


@pytest.fixture
def tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tab]:
    monkeypatch.setenv("ROBUST_WIDGETS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(app, "_places", {})
    monkeypatch.setattr(app, "_calls", {})
    yield Tab(monkeypatch)
    for studio in app.open_studios():
        studio.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(PICTURE).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    trace = recorded(4, n=1)
    trace.parameters.update(steps=30, seed=9)
    trace.inputs["picture"] = PICTURE
    trace.task, trace.target, trace.classes = "translate", "cat", ("dog", "cat", "goldfish")
    trace.save(tmp_path / "fish.rwtrace")
    return tmp_path / "fish.rwtrace"


def paint(studio: StudioWidget) -> None:
    assert studio.surface is not None
    Page().stroke(studio.surface.pad, [(40, 100), (200, 100)])


def test_a_reload_of_the_page_shows_the_same_studio(tab: Tab, photo: Path) -> None:
    first = tab.show(photo)
    paint(first)
    assert tab.show(photo) is first and len(tab.displayed) == 2
    assert first.surface is not None and first.surface.raster.sketch.any()
    np.testing.assert_array_equal(first.surface.raster.image, PICTURE)


def test_after_a_restart_the_painting_is_restored(tab: Tab) -> None:
    before = tab.show()
    paint(before)
    tab.restart()
    after = tab.show()
    assert after is not before and after.surface is not None and before.surface is not None
    np.testing.assert_array_equal(after.surface.raster.sketch, before.surface.raster.sketch)
    assert lab.unsaved(), "it is not in a file of the user yet"


def test_a_saved_run_is_continued(tab: Tab, run: Path) -> None:
    studio = tab.show(run)
    assert len(studio.traces) == 1 and studio.runner.shown_trace is studio.trace
    assert (studio.task, studio.picker.value) == ("translate", "cat")
    values = studio.controls["translate"].values()
    assert (values["steps"], values["seed"]) == (30, 9)
    assert studio.surface is not None
    np.testing.assert_array_equal(studio.surface.raster.image, PICTURE)
    assert not lab.unsaved()
    assert tab.show(run) is studio and len(studio.traces) == 1, "a reload does not add it again"


@pytest.mark.parametrize("name", ["gone.png", "broken.png", "gone.rwtrace", "broken.rwtrace"])
def test_an_unusable_file_is_reported_in_the_studio(name: str, tab: Tab, tmp_path: Path) -> None:
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"not what it is called")
    studio = tab.show(tmp_path / name)
    assert studio.status.kind == "error" and name in studio.status.text
    paint(studio)
    assert tab.show(tmp_path / name) is studio


def test_an_unknown_model_is_reported_once_and_the_picture_is_kept(tab: Tab, photo: Path) -> None:
    studio = tab.show(photo, model="nonsense")
    assert studio.status.kind == "error" and studio.status.text.count("'nonsense'") == 1
    assert studio.surface is not None
    np.testing.assert_array_equal(studio.surface.raster.image, PICTURE)


def test_a_missing_device_is_reported_and_the_rest_is_kept(tab: Tab, photo: Path) -> None:
    studio = tab.show(photo, model="tiny", device="cuda:99")
    assert studio.status.kind == "error" and studio.status.text.count("cuda:99") == 1
    assert studio.surface is not None
    np.testing.assert_array_equal(studio.surface.raster.image, PICTURE)
    assert tab.show(photo, model="tiny", device="cuda:99") is studio


def test_the_settings_reach_the_studio(tab: Tab) -> None:
    studio = tab.show(device="cpu", frames_per_second=5)
    assert studio.runner.frames_per_second == 5 and not studio.status.text
    assert tab.displayed[-1][lab.STATUS_MIME] == {"model": studio.session.model.name}
    assert studio.runner.view.device == "cpu"
    assert tab.show(device="cpu", frames_per_second=9) is studio and studio.runner.frames_per_second == 9
    lab.set_frame_rate(3)
    assert studio.runner.frames_per_second == 3


def bring(name: str, content: bytes, most: int) -> None:
    pieces = [content[start : start + most] for start in range(0, len(content), most)]
    for index, piece in enumerate(pieces):
        lab.bring(name, index, len(pieces), base64.b64encode(piece).decode())


@pytest.mark.parametrize("most", [100, 10**9])
def test_a_picture_from_a_notebook_arrives_unchanged(tab: Tab, photo: Path, most: int) -> None:
    studio = tab.show()
    lab.bring("another", 0, 2, "an aborted transfer")
    bring("picture", photo.read_bytes(), most)
    assert studio.surface is not None and lab.painted()
    np.testing.assert_array_equal(studio.surface.raster.image, PICTURE)
    tab.restart()
    again = tab.show().surface
    assert again is not None
    np.testing.assert_array_equal(again.raster.image, PICTURE, "it is saved like a painting")


def test_a_run_from_a_notebook_arrives_unchanged(tab: Tab, run: Path) -> None:
    studio = tab.show()
    bring("run.rwtrace", run.read_bytes(), 1000)
    assert studio.trace is not None and len(studio.trace) == len(load_trace(run))
    np.testing.assert_array_equal(studio.trace.frames, load_trace(run).frames)
    assert studio.task == "translate" and not studio.status.text


@pytest.mark.parametrize("cell", [0, 1], ids=["run", "studio"])
def test_a_run_in_an_output_saved_by_version_0_1_is_read(tab: Tab, cell: int) -> None:
    notebook = json.loads((Path(__file__).parents[1] / "data" / "v0.1" / "outputs.ipynb").read_text())
    outputs = [output["data"] for output in notebook["cells"][cell]["outputs"]]
    bundle = next(data for data in outputs if MIME in data)
    output = {"told": bundle[MIME]["runs"][0], "run": runs_of(bundle["text/html"])[0]}
    studio = tab.show()
    bring("run.json", json.dumps(output).encode(), 5000)
    assert studio.trace is not None and len(studio.trace) == 4 and studio.status.kind == "warning"
    assert (studio.trace.task, studio.trace.target, studio.trace.seed) == ("sketch_to_image", "cat", 7)
    assert studio.controls["sketch_to_image"].values()["steps"] == 3


def test_a_run_rebuilt_from_an_output_is_announced_as_such(tab: Tab) -> None:
    bundle = mime_bundle([grown(90, 32)])
    output = {"told": bundle[MIME]["runs"][0], "run": runs_of(bundle["text/html"])[0]}
    studio = tab.show()
    bring("run.json", json.dumps(output).encode(), 5000)
    assert studio.trace is not None and len(studio.trace) == 61
    assert studio.status.kind == "warning" and "61 of its 91 pictures" in studio.status.text


@pytest.mark.parametrize("name", ["picture", "run.rwtrace"])
def test_unreadable_content_is_reported_in_the_studio(name: str, tab: Tab) -> None:
    studio = tab.show()
    bring(name, b"not what it is called", 8)
    assert studio.status.kind == "error" and studio.status.text.endswith(".") and not studio.traces


def test_whether_there_is_a_painting_to_restore(tab: Tab) -> None:
    assert not lab.painted()
    studio = tab.show()
    assert not lab.painted()
    paint(studio)
    assert lab.painted()


def test_a_painting_is_unsaved(tab: Tab, tmp_path: Path) -> None:
    assert not lab.unsaved()
    studio = tab.show()
    assert not lab.unsaved()
    paint(studio)
    assert lab.unsaved()


def test_a_run_is_unsaved_until_it_is_saved_to_a_file(tmp_path: Path) -> None:
    session = FakeSession()
    studio = StudioWidget(session)
    assert not studio.unsaved
    studio.controls["sketch_to_image"].set({"steps": 2})
    paint(studio)
    studio.run()
    session.advance(2)
    assert studio.unsaved
    studio.results.save_name.value = str(tmp_path / "missing" / "fish.rwtrace")
    studio.results.save_button.click()
    assert studio.status.kind == "error" and studio.unsaved
    studio.results.save_name.value = str(tmp_path / "fish.rwtrace")
    studio.results.save_button.click()
    assert (tmp_path / "fish.rwtrace").exists() and not studio.unsaved
    session.cancel()
    studio.close()


@pytest.mark.parametrize(
    "content", [b" ", b"{}", b"[" * 50_000, b'{"told": 1, "run": 2}', b'{"told": {}, "run": []}', b"\xff"]
)
def test_an_output_that_is_no_run_is_said_in_the_open_studio(tab: Tab, content: bytes) -> None:
    studio = tab.show()
    bring("run.json", content, 100_000)
    assert studio.status.kind == "error" and not studio.traces
    check_sentence(studio.status.text, "run its cell again")


@pytest.mark.parametrize(("ending", "reader"), [(".png", (app, "to_square_pixels")), (".rwtrace", (lab, "load_trace"))])
def test_a_tab_shows_a_studio_whatever_is_wrong_with_its_file(
    tab: Tab, ending: str, reader: tuple[Any, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(*reader, fail)
    studio = tab.show(tmp_path / f"odd{ending}")
    assert studio.status.text == "Unexpected error: RuntimeError: broken." and not studio.closed
