"""The snapshot of a training run in the notebook."""

from __future__ import annotations

import base64
import io
import json

from PIL import Image

from robust_widgets.interface.training_session import TrainingEnded
from robust_widgets.testing import FakeTrainingSession
from robust_widgets.widgets.training import TrainingMonitorWidget
from robust_widgets.widgets.training.history import TrainingHistory
from robust_widgets.widgets.training.snapshot import TrainingSnapshot, static_report
from tests.widgets.page import Page
from tests.widgets.player.test_snapshot import Notebook
from tests.widgets.training.test_history import epoch, plan, step

SECONDS = 300  # the first plot of a machine looks for its fonts


def test_a_run_that_has_ended_leaves_its_static_report(page: Page) -> None:
    del page
    monitor = TrainingMonitorWidget(FakeTrainingSession(plan()))
    notebook = Notebook()
    monitor.snapshot = TrainingSnapshot(monitor._copy_history, notebook)
    monitor.snapshot.show()
    assert "No training monitor here? Run this cell.</p>" in notebook.last["text/html"]
    session = monitor.session
    assert isinstance(session, FakeTrainingSession)
    monitor.start()
    for number in range(1, 21):
        session.emit(step(number))
    session.emit(epoch(1, clean=0.5))
    session.emit(epoch(2, clean=0.6))
    assert len(notebook.got) == 1
    session.emit(TrainingEnded("stopped", "Stopped."))
    assert monitor.snapshot.flush(SECONDS)
    data, _, update = notebook.got[-1]
    assert update and data["text/plain"] == "m: stopped at step 20 of 100. Epoch 2 of 10: loss 0.5, clean 60 %."
    assert 'class="rw-keepsake"' in data["text/html"] and data["image/jpeg"] in data["text/html"]
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))
    assert picture.format == "JPEG" and picture.width > picture.height / 2 > 100


def test_a_long_run_stays_small() -> None:
    history = TrainingHistory()
    history.add(plan(5000, 100))
    for number in range(1, 5001):
        history.add(step(number, steps=5000, epochs=100))
    for number in range(1, 101):
        history.add(epoch(number, done=50 * number, pictures=10, clean=0.5, attacked=0.3))
    history.add(TrainingEnded("done", "Done."))
    file = static_report(history, "m")
    assert len(json.dumps(base64.b64encode(file).decode())) < 300_000


def test_a_run_without_epochs_has_its_loss_only() -> None:
    history = TrainingHistory()
    history.add(plan())
    history.add(step(1))
    history.add(TrainingEnded("stopped", "Stopped."))
    assert Image.open(io.BytesIO(static_report(history, "m"))).height < 400
