"""What a training monitor leaves in the notebook."""

from __future__ import annotations

import base64
import io
import json

from PIL import Image

from robust_widgets.interface.training_session import TrainingEnded
from robust_widgets.testing import FakeTrainingSession
from robust_widgets.widgets.training import TrainingMonitorWidget
from robust_widgets.widgets.training.history import TrainingRecord
from robust_widgets.widgets.training.snapshot import TrainingKeepsake, sheet
from tests.widgets.page import Page
from tests.widgets.player.test_snapshot import Notebook
from tests.widgets.training.test_history import epoch, plan, step

SECONDS = 300  # the first plot of a machine looks for its fonts


def test_a_run_that_has_ended_leaves_its_sheet(page: Page) -> None:
    del page
    monitor = TrainingMonitorWidget(FakeTrainingSession(plan()))
    notebook = Notebook()
    monitor.keepsake = TrainingKeepsake(monitor._snapshot, notebook)
    monitor.keepsake.show()
    assert notebook.last["text/html"] == '<div class="rw-keepsake"></div>'
    session = monitor.session
    assert isinstance(session, FakeTrainingSession)
    monitor.start()
    for number in range(1, 21):
        session.emit(step(number))
    session.emit(epoch(1, clean=0.5))
    session.emit(epoch(2, clean=0.6))
    assert len(notebook.got) == 1
    session.emit(TrainingEnded("stopped", "Stopped."))
    assert monitor.keepsake.flush(SECONDS)
    data, _, update = notebook.got[-1]
    assert update and data["text/plain"] == "m: stopped at step 20 of 100. Epoch 2 of 10: loss 0.5, clean 60 %."
    assert 'class="rw-keepsake"' in data["text/html"] and data["image/jpeg"] in data["text/html"]
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))
    assert picture.format == "JPEG" and picture.width > picture.height / 2 > 100


def test_a_long_run_stays_small() -> None:
    record = TrainingRecord()
    record.take(plan(5000, 100))
    for number in range(1, 5001):
        record.take(step(number, steps=5000, epochs=100))
    for number in range(1, 101):
        record.take(epoch(number, done=50 * number, pictures=10, clean=0.5, attacked=0.3))
    record.take(TrainingEnded("done", "Done."))
    file = sheet(record, "m")
    assert len(json.dumps(base64.b64encode(file).decode())) < 300_000


def test_a_run_without_epochs_has_its_loss_only() -> None:
    record = TrainingRecord()
    record.take(plan())
    record.take(step(1))
    record.take(TrainingEnded("stopped", "Stopped."))
    assert Image.open(io.BytesIO(sheet(record, "m"))).height < 400
