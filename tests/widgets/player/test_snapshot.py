"""The snapshot in the notebook: updated from any thread, and within its budget."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from robust_widgets.runs.notebook import MOST_BYTES
from robust_widgets.runs.trace import Trace
from robust_widgets.widgets.player.snapshot import MOST_BYTES_ALL, Snapshot
from tests.runs.test_notebook_page import grown, runs_of
from tests.runs.test_trace import recorded


class Notebook:
    """Records what is published, as the outputs of a cell."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], str, bool]] = []
        self.gate: threading.Event | None = None

    def __call__(self, data: dict[str, str], *, transient: dict[str, Any], update: bool = False) -> None:
        if update and self.gate is not None:
            assert self.gate.wait(10)
        self.got.append((data, transient["display_id"], update))

    @property
    def last(self) -> dict[str, str]:
        return self.got[-1][0]


def new_snapshot() -> tuple[Notebook, Snapshot]:
    notebook = Notebook()
    snapshot = Snapshot(publisher=notebook)
    snapshot.show()
    return notebook, snapshot


def test_before_the_first_run_it_says_what_to_do() -> None:
    notebook = Notebook()
    Snapshot("Cut & run this cell.", publisher=notebook).show()
    ((data, display, update),) = notebook.got
    assert ">Cut &amp; run this cell.</p></div>" in data["text/html"] and display and not update
    assert "image/png" not in data


def test_each_run_is_added_to_the_same_output() -> None:
    notebook, snapshot = new_snapshot()
    traces: list[Trace] = []
    for steps in (3, 5):
        traces.append(recorded(steps))
        snapshot.update(traces)
        assert snapshot.flush()
    assert [update for _, _, update in notebook.got] == [False, True, True]
    assert len({display for _, display, _ in notebook.got}) == 1
    assert [run["last"] for run in runs_of(notebook.last["text/html"])] == [3, 5]
    assert Image.open(io.BytesIO(base64.b64decode(notebook.last["image/png"]))).format == "PNG"
    assert "5 steps" in notebook.last["text/plain"]


def test_a_cell_run_again_gets_the_runs_at_once() -> None:
    notebook, snapshot = new_snapshot()
    snapshot.update([recorded(3)])
    assert snapshot.flush()
    snapshot.show()
    data, display, update = notebook.got[-1]
    assert not update and display != notebook.got[0][1] and len(runs_of(data["text/html"])) == 1


def test_updates_come_from_any_thread_and_the_newest_wins() -> None:
    notebook, snapshot = new_snapshot()
    notebook.gate = threading.Event()
    traces: list[Trace] = []
    for _ in range(6):
        traces.append(recorded(2))
        worker = threading.Thread(target=snapshot.update, args=(list(traces),))
        worker.start()
        worker.join()
    notebook.gate.set()
    assert snapshot.flush()
    assert len(runs_of(notebook.last["text/html"])) == 6
    assert len(notebook.got) <= 3, "what came meanwhile was not sent one by one"


def test_runs_made_before_it_is_shown_appear_then() -> None:
    notebook = Notebook()
    snapshot = Snapshot(publisher=notebook)
    snapshot.update([recorded(2), Trace("generate", {})])
    assert notebook.got == [] and snapshot.flush()
    snapshot.show()
    assert len(runs_of(notebook.last["text/html"])) == 1


def test_fifty_runs_stay_within_the_budget() -> None:
    notebook, snapshot = new_snapshot()
    traces = [grown(60, 64, seed=seed) for seed in range(50)]
    for count in (1, 2, 3, 10, 11, 50):
        snapshot.update(traces[:count])
        assert snapshot.flush()
        size = len(json.dumps(notebook.last))
        assert size <= min(MOST_BYTES_ALL, count * MOST_BYTES), (count, size)
        assert len(runs_of(notebook.last["text/html"])) == count


def test_runs_that_have_not_changed_are_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from robust_widgets.widgets.player import snapshot as module

    encoded: list[Trace] = []
    encode = module.encode_run
    monkeypatch.setattr(module, "encode_run", lambda trace, most: encoded.append(trace) or encode(trace, most))
    _, snapshot = new_snapshot()
    traces = [recorded(2) for _ in range(16)]
    for count in range(9, 17):
        snapshot.update(traces[:count])
        assert snapshot.flush()
    assert len(encoded) == 16


def test_a_publisher_that_fails_is_logged_only(caplog: pytest.LogCaptureFixture) -> None:
    def fail(data: object, *, transient: object, update: bool = False) -> None:
        if update:
            raise OSError("gone")

    snapshot = Snapshot(publisher=fail)
    snapshot.show()
    snapshot.update([recorded(1)])
    assert snapshot.flush() and "gone" in caplog.text


@pytest.mark.parametrize("shell", ["", "from IPython.core.interactiveshell import InteractiveShell as S; S.instance()"])
def test_outside_a_notebook_nothing_happens(shell: str) -> None:
    code = f"""
{shell}
from robust_widgets.widgets.player.snapshot import Snapshot
snapshot = Snapshot()
snapshot.show()
snapshot.update([])
assert snapshot.flush()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr


def test_a_program_that_runs_a_notebook_records_the_runs_of_later_cells_each_time() -> None:
    show = "from robust_widgets.widgets.player.snapshot import Snapshot\nsnapshot = Snapshot()\nsnapshot.show()"
    run = """
import numpy as np, robust_widgets as rw
trace, one = rw.Trace("generate", {}), np.ones(1)
trace.append(rw.Frame(0, np.zeros((1, 8, 8, 3), np.uint8), one, one, one, 0.0))
snapshot.update([trace])
snapshot.flush()
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (show, run)])
    for _ in range(2):
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
        ((output,), (flushed,)) = (cell.outputs for cell in notebook.cells)
        assert len(runs_of(output.data["text/html"])) == 1 and output.data["image/png"]
        assert flushed.data["text/plain"] == "True"
    nbformat.validate(notebook)
