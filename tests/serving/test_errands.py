"""Questions and pictures of classes on a server: everybody's runs keep the device, and nobody asks too much."""

from __future__ import annotations

import numpy as np
import pytest

from robust_widgets.errors import StateError
from robust_widgets.interface.explanation import Answer, ExplainRequest
from robust_widgets.serving import errands
from robust_widgets.serving.errands import Errands
from tests.helpers import raises_sentence
from tests.serving.pretended import PretendedDevice
from tests.serving.test_batcher import People

QUESTION = ExplainRequest(np.zeros((4, 4, 3), np.uint8), target="dog")


def wanted() -> bool:
    return True


def test_answers_take_at_most_half_of_the_time_while_there_are_runs() -> None:
    people, answers = People(), list[Answer]()
    people.submit(steps=900)
    for owner in range(40):
        people.batcher.ask(f"owner {owner}", QUESTION, answers.append)
    people.turns(1 + 60)
    steps, answered = len(people.device.batches), len(people.device.answered)
    assert answered == len(answers) and steps + answered == 60 and answered == pytest.approx(30, abs=1)
    people.batcher.stop_all()
    before = len(people.device.batches)
    people.turns(40 - answered)
    assert len(answers) == 40 and len(people.device.batches) == before, "at once where nobody runs anything"


def test_pictures_of_classes_take_a_twentieth_and_are_painted_once() -> None:
    people = People()
    shown: list[tuple[int, bytes]] = []
    people.submit(steps=900)
    for _ in range(3):
        people.batcher.paint_classes(range(50), lambda *picture: shown.append(picture))
    people.turns(1 + 200)
    assert len(people.device.painted) == pytest.approx(10, abs=1)
    assert people.device.painted == list(range(len(people.device.painted)))
    assert shown == [(index, bytes([index])) for index in people.device.painted if index for _ in range(3)]


def test_without_runs_pictures_come_at_once_until_somebody_runs_something() -> None:
    people = People()
    shown: list[int] = []
    people.batcher.paint_classes([1, 2, 3], lambda index, _: shown.append(index))
    people.batcher._changed.clear()
    people.turns(2)
    assert shown == [1, 2]
    people.batcher._changed.set()  # as by a run that was submitted meanwhile
    people.turns(1)
    assert shown == [1, 2], "interrupted"
    people.batcher._changed.clear()
    people.turns(1)
    assert shown == [1, 2, 3] and people.batcher.turn() is None


def test_nobody_waits_for_an_errand_longer_than_it_is_due() -> None:
    people = People()
    ticket = people.submit(steps=900)
    people.batcher.ask("ann", QUESTION, print, wanted)
    people.turns(2)  # the start and the answer
    people.batcher.stop(ticket)
    people.batcher.ask("ann", QUESTION, print, wanted)
    assert people.batcher.turn() == 0.0 and len(people.device.answered) == 2


def test_who_is_gone_is_not_answered() -> None:
    device, answers = PretendedDevice(), list[Answer]()
    work = Errands(device, lambda: 0.0)
    work.ask("ann", QUESTION, answers.append, lambda: False)
    work.paint_classes([1], print, lambda: False)
    assert not work.do_one(busy=False, go_on=wanted) and work.delay() is None
    assert not device.answered and not device.painted


def test_nobody_asks_too_much_at_a_time() -> None:
    work, answers = Errands(PretendedDevice(), lambda: 0.0), list[Answer]()
    for owner in range(errands.MOST_WAITING // 2):
        for _ in range(2):
            work.ask(f"owner {owner}", QUESTION, answers.append, wanted)
    with raises_sentence(StateError, "2 questions"):
        work.ask("owner 1", QUESTION, answers.append, wanted)
    with raises_sentence(StateError, "100 questions"):
        work.ask("bob", QUESTION, answers.append, wanted)
    for _ in range(3):
        work.do_one(busy=False, go_on=wanted)
    work.ask("bob", QUESTION, answers.append, wanted)


def test_a_listener_that_raises_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> None:
        raise ValueError("the connection is gone")

    answers: list[Answer] = []
    work = Errands(PretendedDevice(), lambda: 0.0)
    work.ask("ann", QUESTION, fail, wanted)
    work.ask("ann", QUESTION, answers.append, wanted)
    work.paint_classes([1], fail, wanted)
    for _ in range(3):
        assert work.do_one(busy=False, go_on=wanted)
    assert len(answers) == 1 and capsys.readouterr().err.count("ValueError: the connection is gone") == 2
