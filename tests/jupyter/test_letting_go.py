"""A closed studio leaves nothing behind, and a cell leaves no studio behind that it no longer shows."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ipywidgets.widgets import widget as ipywidgets_widget

import robust_widgets as rw
from robust_widgets.interface.tasks import task_names
from robust_widgets.jupyter import studio as app
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from tests.helpers import noise_patterns, tiny_model


def widgets() -> set[str]:
    return set(ipywidgets_widget._instances)


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("robust-widgets")}


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


class Events:
    def __init__(self) -> None:
        self.callbacks: dict[str, list[Callable[..., object]]] = {"post_run_cell": []}

    def register(self, name: str, callback: Callable[..., object]) -> None:
        self.callbacks[name].append(callback)


class Notebook:
    """A kernel's shell, as far as a studio uses it."""

    def __init__(self) -> None:
        self.events = Events()
        self.user_ns: dict[str, object] = {}
        self._parent: dict[str, Any] = {}
        self._executions = 0

    def get_parent(self) -> dict[str, Any]:
        return self._parent

    def run(
        self, cell: str | None, code: Callable[[], Any], *, text: str = "", show: bool = True, name: str = ""
    ) -> Any:
        """Run a cell whose value is shown, and kept under a name, if any."""
        self._executions += 1
        metadata = {} if cell is None else {"cellId": cell}
        header = {"msg_id": f"execution {self._executions}"}
        self._parent = {"metadata": metadata, "header": header, "content": {"code": text}}
        success = False
        value = None
        try:
            value = code()
            success = True
        finally:
            if show and isinstance(value, StudioWidget):
                value._ipython_display_()
            if name:
                self.user_ns[name] = value
            for callback in self.events.callbacks["post_run_cell"]:
                callback(SimpleNamespace(success=success))
        return value


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Notebook]:
    monkeypatch.setenv("ROBUST_WIDGETS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(app, "_places", {})
    monkeypatch.setattr(app, "_calls", {})
    notebook = Notebook()
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: notebook)
    yield notebook
    for place in app._places.values():
        place.studio.close()


def used(model: Any) -> StudioWidget:
    """A studio of which everything was shown once, after a run."""
    studio = rw.Studio(model=model)
    for task in (*task_names(), "generate"):
        studio.task_buttons.value = task
    studio.controls["generate"].set({"steps": 1})
    studio.run()
    until(lambda: not studio.runner.running)
    studio.results.show_code()
    assert len(studio.traces) == 1
    return studio


def test_a_closed_studio_leaves_no_widgets_no_threads_and_no_memory() -> None:
    model = tiny_model()
    before, running = widgets(), threads()
    left: list[weakref.ref[Any]] = []
    for _ in range(3):
        studio = used(model)
        assert len(widgets() - before) > 150
        left += [weakref.ref(studio), weakref.ref(studio.session), weakref.ref(studio.traces[0])]
        studio.close()
        assert studio.closed and widgets() == before
        del studio
    until(lambda: threads() <= running)
    gc.collect()
    assert [reference() for reference in left] == [None] * len(left)


def test_a_studio_that_shares_its_session_lets_go_of_its_widgets(notebook: Notebook) -> None:
    session, before = FakeSession(), widgets()
    first = notebook.run("a", lambda: rw.Studio(session=session))
    count = len(widgets() - before)
    second = notebook.run("a", lambda: rw.Studio(np.full((8, 8, 3), 90, np.uint8), session=session))
    assert first.closed and not session.closed and len(widgets() - before) == count
    second.close()
    assert widgets() == before


def test_the_training_monitor_and_compared_runs_let_go_of_their_widgets(tmp_path: Path) -> None:
    before = widgets()
    data = noise_patterns(2)
    made = [rw.TrainingMonitor(data, tmp_path / "mine.safetensors", device="cpu") for _ in range(3)]
    assert made[0].closed and made[1].closed and not made[2].closed, "its cell was run again"
    trace = rw.generate("cat", model=tiny_model(), steps=1)
    both = rw.Compare(trace, trace)
    assert len(widgets() - before) > 4
    both.close()
    made[2].close()
    assert widgets() == before


@pytest.mark.parametrize("cell", ["an id", None], ids=["a cell with an id", "a cell that is known by its code"])
def test_a_cell_that_is_run_again_keeps_one_studio(notebook: Notebook, cell: str | None) -> None:
    session, before = FakeSession(), widgets()
    first = notebook.run(cell, lambda: rw.Studio(session=session), text="rw.Studio()")
    count = len(widgets() - before)
    for _ in range(7):
        assert notebook.run(cell, lambda: rw.Studio(session=session), text="rw.Studio()") is first
    assert len(widgets() - before) == count
    other = notebook.run(cell and "another", lambda: rw.Studio(session=session), text="rw.Studio(  )")
    assert other is not first and not first.closed


def test_a_cell_whose_model_is_made_anew_keeps_one_studio(notebook: Notebook) -> None:
    before, running, made = widgets(), threads(), []
    for _ in range(4):
        made.append(notebook.run("a", lambda: rw.Studio(model=tiny_model())))
    assert [studio.closed for studio in made] == [True, True, True, False]
    made[0] = made[1] = made[2] = None
    count = len(widgets() - before)
    made[3].close()
    assert widgets() == before and count < 300
    until(lambda: threads() <= running)


def test_only_a_cell_with_an_id_saves_its_painting(notebook: Notebook) -> None:
    with_id = notebook.run("a", lambda: rw.Studio(session=FakeSession()), text="rw.Studio()")
    without = notebook.run(None, lambda: rw.Studio(session=FakeSession()), text="rw.Studio()")
    assert with_id.surface.pad.autosaved and not without.surface.pad.autosaved


def test_a_studio_that_its_cell_no_longer_makes_is_closed(notebook: Notebook) -> None:
    old = notebook.run("a", lambda: rw.Studio(session=FakeSession()))
    new = notebook.run("a", lambda: rw.Studio(task="inpaint", session=FakeSession()))
    assert old.closed and not new.closed and app.open_studios() == [new]
    notebook.run("b", lambda: None)
    assert not new.closed, "another cell says nothing about it"
    notebook.run("a", lambda: None)
    assert new.closed and app.open_studios() == []


def test_a_studio_that_can_still_be_reached_stays_open(notebook: Notebook) -> None:
    named = notebook.run("a", lambda: rw.Studio(session=FakeSession()), name="studio")
    elsewhere = notebook.run("b", lambda: rw.Studio(session=FakeSession()))
    notebook.run("c", lambda: elsewhere)
    detached = notebook.run("d", lambda: rw.Studio(session=FakeSession()))
    detached.detach()
    failed = notebook.run("e", lambda: rw.Studio(session=FakeSession()))
    two = notebook.run("f", lambda: [rw.Studio(session=FakeSession()), rw.Studio(session=FakeSession())][1])
    for cell in "abd":
        notebook.run(cell, lambda: None)
    with pytest.raises(ZeroDivisionError):
        notebook.run("e", lambda: 1 / 0)
    for studio in (named, elsewhere, detached, failed, two):
        assert not studio.closed
    notebook.run("a", lambda: named)
    notebook.user_ns.clear()
    notebook.run("c", lambda: None)
    notebook.run("a", lambda: None)
    notebook.run("b", lambda: None)
    assert named.closed and elsewhere.closed
