"""Studios belong to a cell: running it again returns the same studio, and paintings survive the kernel."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import robust_widgets as rw
from robust_widgets.errors import ParameterError, PictureError, SaveError, UnknownNameError
from robust_widgets.interface.tasks import task_names
from robust_widgets.jupyter import studio as app
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from tests.helpers import noise_patterns, raises_sentence, tiny_model
from tests.widgets.page import Page, noise

SIDE = 256
PICTURE = noise(SIDE, SIDE, 3)


class Notebook:
    """The parts of a kernel that the studio uses; `run` runs a cell."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._executions = 0
        self._cell: str | None = None
        self._monkeypatch = monkeypatch
        monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: self)
        self.rename("paint.ipynb")

    def get_parent(self) -> dict[str, object]:
        metadata = {} if self._cell is None else {"cellId": self._cell}
        return {"metadata": metadata, "header": {"msg_id": f"execution {self._executions}"}}

    def run(self, cell: str | None, code: Callable[[], StudioWidget]) -> StudioWidget:
        self._executions += 1
        self._cell = cell
        return code()

    def rename(self, name: str) -> None:
        self._monkeypatch.setenv("JPY_SESSION_NAME", name)

    def restart(self) -> None:
        app._places.clear()
        app._calls.clear()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of saved paintings, outside the real home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ROBUST_WIDGETS_STATE", str(tmp_path / "state"))
    paintings = tmp_path / "state" / "paintings"
    assert app.Autosave("here").path.parent == paintings
    return paintings


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.setattr(app, "_places", {})
    monkeypatch.setattr(app, "_calls", {})
    yield Notebook(monkeypatch)
    for place in app._places.values():
        place.studio.close()


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


def paint(studio: StudioWidget, y: float = 100) -> None:
    assert studio.surface is not None
    Page().stroke(studio.surface.pad, [(40, y), (200, y)])


def sketch_of(studio: StudioWidget) -> np.ndarray:
    assert studio.surface is not None
    return studio.surface.raster.sketch


def until(condition: Callable[[], object], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_running_a_cell_again_returns_the_same_studio(notebook: Notebook, session: FakeSession) -> None:
    first = notebook.run("a", lambda: rw.Studio(session=session))
    paint(first)
    assert notebook.run("a", lambda: rw.Studio(session=session)) is first
    assert not first.closed and not session.closed and sketch_of(first).any()


def test_running_a_cell_again_during_a_run_returns_the_same_studio(notebook: Notebook) -> None:
    model = tiny_model()
    studio = notebook.run("a", lambda: rw.Studio(model=model))
    paint(studio)
    studio.controls["sketch_to_image"].controls["steps"].widget.max = 100_000
    studio.controls["sketch_to_image"].set({"steps": 100_000})
    studio.run()
    until(lambda: studio.trace is not None and len(studio.trace) > 1)
    assert notebook.run("a", lambda: rw.Studio(model=model)) is studio
    assert studio.runner.running
    studio.stop()
    until(lambda: not studio.runner.running)
    assert studio.trace is not None and len(studio.trace) < 100_001 and studio.status.text == ""


def test_another_model_in_the_cell_opens_a_new_studio_with_the_paint_and_runs(notebook: Notebook) -> None:
    first_model, second_model = tiny_model(), tiny_model(seed=1)
    old = notebook.run("a", lambda: rw.Studio(model=first_model))
    paint(old)
    old.controls["sketch_to_image"].set({"steps": 2})
    old.run()
    until(lambda: not old.runner.running)
    new = notebook.run("a", lambda: rw.Studio(model=second_model))
    assert new is not old and old.closed and not new.closed
    np.testing.assert_array_equal(sketch_of(new), sketch_of(old))
    assert new.traces == old.traces and len(new.traces) == 1
    assert new.controls["sketch_to_image"].values()["steps"] == 2
    new.run()
    until(lambda: not new.runner.running)
    assert new.trace is not None and new.trace.fingerprint == second_model.fingerprint != old.traces[0].fingerprint
    assert new.status.kind != "error"
    assert notebook.run("a", lambda: rw.Studio(model=second_model)) is new


def test_two_studios_in_one_cell_both_come_back(notebook: Notebook, session: FakeSession) -> None:
    made: list[StudioWidget] = []

    def code() -> StudioWidget:
        made.extend([rw.Studio(session=session), rw.Studio(session=session)])
        return made[-1]

    notebook.run("a", code)
    notebook.run("a", code)
    assert made[0] is not made[1] and made[2] is made[0] and made[3] is made[1]
    assert len(app._calls) == 1, "counters of earlier executions are dropped"


def test_studios_for_different_tasks_in_one_cell_are_separate(notebook: Notebook, session: FakeSession) -> None:
    made: list[StudioWidget] = []

    def code() -> StudioWidget:
        made.extend(rw.Studio(task=task, session=session) for task in (None, "sketch_to_image", "generate", None))
        return made[-1]

    notebook.run("a", code)
    notebook.run("a", code)
    assert len({id(studio) for studio in made[:4]}) == 4 and made[4:] == made[:4]


def test_each_cell_and_notebook_has_its_own_studio(notebook: Notebook, session: FakeSession) -> None:
    first = notebook.run("a", lambda: rw.Studio(session=session))
    other_cell = notebook.run("b", lambda: rw.Studio(session=session))
    notebook.rename("other.ipynb")
    other_notebook = notebook.run("a", lambda: rw.Studio(session=session))
    assert len({id(studio) for studio in (first, other_cell, other_notebook)}) == 3


def test_a_new_picture_in_the_cell_is_laid_under_the_paint(notebook: Notebook, session: FakeSession) -> None:
    old = notebook.run("a", lambda: rw.Studio(session=session))
    paint(old)
    new = notebook.run("a", lambda: rw.Studio(PICTURE, session=session))
    assert new is not old and old.closed and new.surface is not None
    np.testing.assert_array_equal(new.surface.raster.image, PICTURE)
    np.testing.assert_array_equal(sketch_of(new), sketch_of(old))
    new.run()
    assert session.running, "the shared session keeps running"


def test_the_same_picture_again_is_the_same_studio(notebook: Notebook, session: FakeSession, tmp_path: Path) -> None:
    file = tmp_path / "photo.png"
    Image.fromarray(PICTURE).save(file)
    first = notebook.run("a", lambda: rw.Studio(PICTURE, session=session))
    assert notebook.run("a", lambda: rw.Studio(PICTURE.copy(), session=session)) is first
    assert notebook.run("a", lambda: rw.Studio(file, session=session)) is first
    assert first.surface is not None
    np.testing.assert_array_equal(first.surface.raster.image, PICTURE)


def test_a_closed_studio_is_replaced_by_one_with_its_painting(notebook: Notebook) -> None:
    model = tiny_model()
    old = notebook.run("a", lambda: rw.Studio(model=model))
    paint(old)
    old.close()
    new = notebook.run("a", lambda: rw.Studio(model=model))
    assert new is not old and not new.closed
    np.testing.assert_array_equal(sketch_of(new), sketch_of(old))
    new.controls["sketch_to_image"].set({"steps": 1})
    new.run()
    until(lambda: not new.runner.running)
    assert new.trace is not None and len(new.trace) == 2


@pytest.mark.parametrize("where", ["no IPython", "terminal", "no cell"])
def test_outside_a_cell_a_studio_is_always_new_and_not_saved(
    notebook: Notebook, session: FakeSession, monkeypatch: pytest.MonkeyPatch, state: Path, where: str
) -> None:
    if where != "no cell":
        shell = None if where == "no IPython" else object()
        monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    first = notebook.run(None, lambda: rw.Studio(session=session))
    paint(first)
    second = notebook.run(None, lambda: rw.Studio(session=session))
    assert second is not first and not first.closed and not sketch_of(second).any()
    assert not state.exists()


def test_after_a_kernel_restart_the_painting_is_restored(notebook: Notebook, state: Path) -> None:
    before = notebook.run("a", lambda: rw.Studio(session=FakeSession()))
    other = notebook.run("b", lambda: rw.Studio(task="sketch_to_image", session=FakeSession()))
    paint(before, y=60)
    paint(other, y=180)
    assert len(list(state.iterdir())) == 2
    notebook.restart()
    after = notebook.run("a", lambda: rw.Studio(session=FakeSession()))
    assert after is not before and after.status.text.startswith("Restored your painting from ")
    np.testing.assert_array_equal(sketch_of(after), sketch_of(before))
    np.testing.assert_array_equal(
        sketch_of(notebook.run("b", lambda: rw.Studio(task="sketch_to_image", session=FakeSession()))), sketch_of(other)
    )
    new_cell = notebook.run("c", lambda: rw.Studio(session=FakeSession()))
    assert not sketch_of(new_cell).any() and new_cell.status.text == ""


def test_an_invalid_argument_leaves_the_studio_unchanged(notebook: Notebook, session: FakeSession) -> None:
    studio = notebook.run("a", lambda: rw.Studio(session=session))
    paint(studio)
    with raises_sentence(UnknownNameError, "nonsense"):
        notebook.run("a", lambda: rw.Studio(model="nonsense"))
    with raises_sentence(PictureError, "missing.png"):
        notebook.run("a", lambda: rw.Studio("missing.png", session=session))
    assert notebook.run("a", lambda: rw.Studio(session=session)) is studio
    assert not studio.closed and not session.closed and sketch_of(studio).any()


def test_if_paintings_cannot_be_saved_the_cell_still_runs(
    notebook: Notebook, session: FakeSession, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("not a folder")
    studio = notebook.run("a", lambda: rw.Studio(session=session))
    paint(studio)
    assert studio.status.kind == "error" and sketch_of(studio).any()
    again = notebook.run("a", lambda: rw.Studio(PICTURE, session=session))
    assert again.status.kind == "error" and sketch_of(again).any() and not again.closed


def test_a_studio_offers_all_tasks_or_those_asked_for(session: FakeSession) -> None:
    assert tuple(rw.Studio(session=session).controls) == task_names()
    for task in task_names():
        studio = rw.Studio(None if task == "generate" else PICTURE, task=task, session=session)
        assert list(studio.controls) == [task]
        if task == "generate":
            assert studio.surface is None, "it starts from no picture"
        else:
            assert studio.surface is not None
            np.testing.assert_array_equal(studio.surface.raster.image, PICTURE)
    both = rw.Studio(task=["inpaint", "translate"], session=session)
    assert list(both.controls) == ["inpaint", "translate"] and both.task == "inpaint"


@pytest.mark.parametrize("task", ["inpant", ["inpant"], [], ""])
def test_a_studio_for_a_task_that_does_not_exist(session: FakeSession, task: Any) -> None:
    with raises_sentence(UnknownNameError, "There is no task"):
        rw.Studio(task=task, session=session)


@pytest.mark.parametrize("name", ["Generate", "Inpaint", "PaintFeatures", "SketchToImage", "SuperResolve", "Translate"])
def test_the_functions_that_opened_a_studio_for_one_task_work_for_this_release(session: FakeSession, name: str) -> None:
    task = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
    with pytest.warns(
        DeprecationWarning, match=rf"{name} is deprecated .* use robust_widgets.Studio\(task='{task}'\)"
    ) as caught:
        studio = getattr(rw, name)(session=session)
    assert list(studio.controls) == [task] and caught[0].filename == __file__


def test_a_studio_uses_its_model(notebook: Notebook) -> None:
    model = tiny_model()
    studio = notebook.run("a", lambda: rw.Studio(task="generate", model=model))
    studio.controls["generate"].set({"steps": 2, "n": 2})
    studio.picker.value = "cat"
    studio.run()
    until(lambda: not studio.runner.running)
    assert studio.status.text == "" and studio.trace is not None
    assert (studio.trace.target, studio.trace.fingerprint) == ("cat", model.fingerprint)
    assert studio.trace.frames.shape == (3, 2, 16, 16, 3)


QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 12, "architecture": "smoothresnet-tiny", "learning_rate": 0.05}


def test_a_monitor_trains_after_start_and_continues_after_a_restart(tmp_path: Path) -> None:
    out = tmp_path / "mine.safetensors"
    data, val = noise_patterns(12, seed=1), noise_patterns(3, seed=2)
    monitor = rw.TrainingMonitor(data, out, val=val, pictures=3, device="cpu", **QUICK)
    assert monitor.state == "idle" and list(tmp_path.iterdir()) == []
    monitor.start()
    while not monitor.steps and monitor.state in ("reading", "running"):
        time.sleep(0.01)
    monitor.pause()
    assert rw.TrainingMonitor(data, out, val=val, device="cpu", **QUICK) is monitor, "its cell was run again"
    monitor.close()
    assert not out.exists() and out.with_suffix(".checkpoint.pt").exists()

    again = rw.TrainingMonitor(data, out, val=val, pictures=3, device="cpu", **QUICK)
    again.start()
    assert again.wait(120) and again.state == "done"
    assert again.plan is not None and again.plan.first_step >= 1
    last = again.epochs[-1]
    assert last.pictures is not None and last.pictures.shape == (3, 16, 16, 3) and last.labels == data.classes
    assert rw.load_model(out, device="cpu").classes == data.classes


def test_a_monitor_does_not_replace_a_finished_model_unless_one_says_so(tmp_path: Path) -> None:
    data, val, out = noise_patterns(12), noise_patterns(4, seed=1), tmp_path / "mine.safetensors"
    out.write_bytes(b"a finished model")
    monitor = rw.TrainingMonitor(data, out, val=val, device="cpu", **QUICK)
    monitor.start()
    assert monitor.wait(120) and monitor.state == "failed"
    assert list(tmp_path.iterdir()) == [out] and out.read_bytes() == b"a finished model"
    again = rw.TrainingMonitor(data, out, val=val, device="cpu", overwrite=True, **QUICK)
    again.start()
    assert again.wait(120) and again.state == "done"
    assert rw.load_model(out, device="cpu").classes == data.classes


def test_a_monitor_refuses_bad_settings_at_once(tmp_path: Path) -> None:
    data = noise_patterns(12)
    with raises_sentence(ParameterError, "epochs is 0"):
        rw.TrainingMonitor(data, tmp_path / "mine.safetensors", epochs=0)
    with raises_sentence(SaveError, "mine.pt", ".safetensors"):
        rw.TrainingMonitor(data, tmp_path / "mine.pt")
    with raises_sentence(UnknownNameError, "'defualt'", "'default'"):
        rw.TrainingMonitor(data, tmp_path / "mine.safetensors", init="defualt")
