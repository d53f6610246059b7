"""The history of a training run, its ETA, and its texts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from robust_widgets.interface.training_session import (
    TrainingEnded,
    TrainingEpoch,
    TrainingNote,
    TrainingPlan,
    TrainingStep,
)
from robust_widgets.widgets.training import formatting
from robust_widgets.widgets.training.formatting import duration, speed
from robust_widgets.widgets.training.history import MAX_STEPS, EtaEstimator, TrainingHistory, rows_to_show
from robust_widgets.widgets.training.view import MAX_POINTS, SentPictures, accuracy_curves, loss_curve


def plan(steps: int = 100, epochs: int = 10, first_step: int = 0) -> TrainingPlan:
    return TrainingPlan("m", ("dog", "cat"), 50, epochs, steps, first_step, "tiny, l2 1", "m.safetensors")


def step(number: int, seconds: float = 0.0, steps: int = 100, epochs: int = 10) -> TrainingStep:
    return TrainingStep(number, steps, math.ceil(number * epochs / steps), 1 / number, 0.1, 32, seconds)


def epoch(number: int, seconds: float = 0.0, done: int = 0, pictures: int = 2, **accuracies: float) -> TrainingEpoch:
    painted = np.full((pictures, 8, 8, 3), number, np.uint8) if pictures else None
    return TrainingEpoch(
        number, 10, done or number * 10, 0.5, accuracies or {"clean": 0.5}, painted, ("dog", "cat"), seconds
    )


def test_a_hundred_thousand_steps_stay_few_and_even_and_the_first_and_the_newest_are_there() -> None:
    history = TrainingHistory()
    history.add(plan(100_000))
    for number in range(1, 100_001):
        history.add(step(number, steps=100_000))
        if number % 997 == 0:
            assert history.steps[-1].step == number and len(history.steps) <= MAX_STEPS
    sampled = [row.step for row in history.steps]
    assert MAX_STEPS / 4 < len(sampled) <= MAX_STEPS and sampled[0] == 1 and sampled[-1] == 100_000
    assert sampled == sorted(set(sampled))
    gaps = np.diff(sampled[:-1])
    assert gaps.max() <= 3 * np.median(gaps)
    curve = loss_curve(history)
    assert len(curve["steps"]) == len(curve["values"]) == len(curve["epochs"]) <= MAX_POINTS
    assert curve["steps"][0] == 1 and curve["steps"][-1] == 100_000


def test_few_steps_are_all_kept() -> None:
    history = TrainingHistory(max_steps=50)
    history.add(plan())
    for number in range(1, 50):
        history.add(step(number))
    assert [row.step for row in history.steps] == list(range(1, 50))


def test_continuing_from_a_checkpoint_forgets_the_repeated_steps() -> None:
    history = TrainingHistory()
    history.add(plan())
    for number in range(1, 46):
        history.add(step(number))
        if number % 10 == 0:
            history.add(epoch(number // 10))
    history.add(TrainingNote("One file was left out."))
    history.add(TrainingEnded("failed", "It broke."))
    history.add(plan(first_step=30))
    assert [row.step for row in history.steps] == list(range(1, 31)) and [row.epoch for row in history.epochs] == [
        1,
        2,
        3,
    ]
    assert history.ended is None and history.notes == ["One file was left out."]
    history.add(step(31))
    assert history.steps[-1].step == 31 and history.step == 31


def test_a_copy_does_not_grow() -> None:
    history = TrainingHistory()
    history.add(plan())
    history.add(step(1))
    copied = history.copy()
    history.add(step(2))
    history.add(epoch(1))
    assert len(copied.steps) == 1 and copied.epochs == []


def test_history_is_rows_of_plain_numbers() -> None:
    history = TrainingHistory()
    history.add(plan())
    history.add(step(1, 2.5))
    history.add(epoch(1, 3.0, clean=0.5, attacked=0.25))
    history = history.table()
    assert history["steps"] == [
        {"step": 1, "steps": 100, "epoch": 1, "loss": 1.0, "learning_rate": 0.1, "side": 32, "seconds": 2.5}
    ]
    assert history["epochs"] == [{"epoch": 1, "step": 10, "loss": 0.5, "seconds": 3.0, "clean": 0.5, "attacked": 0.25}]


@pytest.mark.parametrize("reported_late", [True, False])
def test_the_time_left_includes_the_steps_and_the_ends_of_epochs(reported_late: bool) -> None:
    history = TrainingHistory()
    history.add(plan())
    assert history.seconds_left is None
    seconds = 0.0
    for number in range(1, 22):
        seconds += 2
        history.add(step(number, seconds))
        if number % 10 == 0:
            history.add(epoch(number // 10, seconds + 30 * reported_late))
            seconds += 30
    assert history.seconds_left == pytest.approx(79 * 2 + 8 * 30)
    assert history.eta.elapsed == pytest.approx(21 * 2 + 2 * 30)


def test_pauses_and_a_slow_start_and_a_machine_that_slept_do_not_count() -> None:
    eta = EtaEstimator()
    eta.begin(0)
    seconds = 40.0
    eta.step(1, seconds)
    for number in range(2, 10):
        seconds += 1
        eta.step(number, seconds)
    assert eta.step_seconds == pytest.approx(1) and eta.elapsed == pytest.approx(48)
    eta.pause()
    eta.step(10, seconds + 1)
    eta.pause()
    seconds += 10_000
    for number in range(11, 15):
        seconds += 1
        eta.step(number, seconds)
    assert eta.step_seconds == pytest.approx(1) and eta.elapsed < 60
    eta.step(15, seconds + 5000)
    assert eta.left(10, 0) == pytest.approx(10)


def test_elapsed_time_adds_up_over_starts() -> None:
    eta = EtaEstimator()
    for first in (0, 5):
        eta.begin(first)
        for number in range(1, 6):
            eta.step(first + number, float(number))
    assert eta.elapsed == pytest.approx(10)


def test_unreported_steps_count_too() -> None:
    eta = EtaEstimator()
    eta.begin(0)
    for number in range(10, 60, 10):
        eta.step(number, number * 0.5)
    assert eta.step_seconds == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (1850, "30 min"),
        (3600, "1 h"),
        (7_860, "2 h 11 min"),
        (100_000, "1 d 3 h"),
    ],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_speeds_in_words() -> None:
    assert (speed(2.5), speed(0.4), speed(0.01)) == ("2.5 s/step", "2.5 steps/s", "100 steps/s")


def test_a_run_in_words() -> None:
    history = TrainingHistory()
    assert formatting.progress(history, "idle") == ""
    history.add(plan(2000))
    assert formatting.describe(plan()) == "2 classes (dog, cat) · 50 pictures · tiny, l2 1 · writes m.safetensors"
    for number in range(1, 1201):
        history.add(step(number, number * 0.5, 2000))
    line = formatting.progress(history, "running")
    assert line == "step 1,200 of 2,000 · epoch 6 of 10 · 2.0 steps/s · 10 min so far · about 6 min 40 s left"
    assert "left" not in formatting.progress(history, "stopped") and "steps/s" not in formatting.progress(
        history, "paused"
    )
    assert formatting.epoch_sentence(epoch(3, clean=0.614)) == "Epoch 3 of 10: loss 0.5, clean 61 %."
    assert "not a number" in formatting.epoch_sentence(TrainingEpoch(1, 1, 1, math.nan, {}))


def test_rows_are_chosen_evenly_with_the_first_and_the_newest() -> None:
    assert rows_to_show(0, 4) == [] and rows_to_show(1, 4) == [0] and rows_to_show(4, 4) == [0, 1, 2, 3]
    shown: set[int] = set()
    for count in range(1, 300):
        rows = rows_to_show(count, 16)
        assert len(rows) <= 16 and rows[0] == 0 and rows[-1] == count - 1
        assert set(rows) <= shown | {count - 1}, "what is shown was shown before, or is the newest"
        assert max(np.diff(rows[:-1]), default=1) == min(np.diff(rows[:-1]), default=1)
        shown = set(rows)


def test_the_gallery_sends_each_row_once() -> None:
    gallery, epochs = SentPictures(), [epoch(1), epoch(2, pictures=0)]
    content, files = gallery.message(epochs)
    assert content["fresh"] == [{"epoch": 1, "count": 2}] and len(files) == 2 and len(content["rows"]) == 1
    content, files = gallery.message([*epochs, epoch(3)])
    assert [row["epoch"] for row in content["rows"]] == [1, 3] and content["fresh"] == [{"epoch": 3, "count": 2}]
    gallery.forget()
    content, files = gallery.message(epochs)
    assert len(content["fresh"]) == 1 and content["rows"][0]["labels"] == ["dog", "cat"]


def test_a_hundred_epochs_are_a_few_rows() -> None:
    content, files = SentPictures().message([epoch(number) for number in range(1, 101)])
    assert len(content["rows"]) <= 16 and content["left_out"] == 100 - len(content["rows"])
    assert sum(map(len, files)) < 100_000


def test_accuracies_that_come_and_go() -> None:
    history = TrainingHistory()
    history.epochs = [epoch(1, clean=0.5), epoch(2, clean=math.nan, attacked=0.25)]
    curves = accuracy_curves(history)
    assert curves["epochs"] == [1, 2] and curves["steps"] == [10, 20]
    assert curves["series"] == [
        {"name": "clean", "values": [0.5, None]},
        {"name": "attacked", "values": [None, 0.25]},
    ]
