"""A session whose server does not answer: it says so, tries again with each run, and moves here when asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import robust_widgets as rw
from robust_widgets.errors import SetupError, StateError
from robust_widgets.interface.explanation import ExplainRequest, NoAnswer
from robust_widgets.interface.session import ModelInfo, MovableSession, RunEnded, RunRequest, Session
from robust_widgets.session.local import LocalSession
from robust_widgets.session.remote import RemoteSession
from robust_widgets.session.server_or_here import ServerOrHere
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.studio import StudioWidget
from tests.helpers import check_sentence, raises_sentence
from tests.session.test_contract import EventRecorder

AWAY = "The server 'gpu' does not answer (nobody is there); try again later, or paint on this machine."
INFO = FakeSession().model
REQUEST = RunRequest("generate", "cat", {"steps": 2})


class Server:
    """A server that answers or does not.

    Attributes:
        answers: whether it does.
        session: what it gives who connects.
    """

    def __init__(self, answers: bool = False) -> None:
        self.answers = answers
        self.session: Any = FakeSession()

    def connect(self) -> Session:
        if not self.answers:
            raise SetupError(AWAY)
        return self.session


def opened(server: Server, here: Callable[[], Session] = FakeSession) -> ServerOrHere:
    return ServerOrHere(server.connect, here, INFO)


def test_it_is_the_servers_session_where_that_answers() -> None:
    server = Server(answers=True)
    session, recorder = opened(server), EventRecorder()
    assert isinstance(session, MovableSession) and session.problem == "" and session.model is server.session.model
    number = session.submit(REQUEST, recorder)
    server.session.advance(2)
    assert recorder.ended(number) == RunEnded(number, "done") and recorder.frames == [0, 1, 2]
    session.submit(REQUEST, recorder)
    session.cancel()
    session.close()
    assert server.session.closed and recorder.ended(2).state == "stopped"


def test_a_server_that_does_not_answer_is_asked_again_by_each_run() -> None:
    server = Server()
    session, recorder = opened(server), EventRecorder()
    assert session.problem == AWAY and session.model == INFO and not session.loading
    ended = recorder.ended(session.submit(REQUEST, recorder))
    assert ended.state == "failed" and ended.message == AWAY
    server.answers = True
    number = session.submit(REQUEST, recorder)
    recorder.wait(lambda r: len(r.frames) == 1)
    server.session.advance(2)
    assert recorder.ended(number).state == "done" and session.problem == ""


def test_a_server_that_comes_back_with_other_classes_is_not_used() -> None:
    server = Server()
    session, recorder = opened(server), EventRecorder()
    server.answers, server.session = True, FakeSession(classes=("a", "b"))
    ended = recorder.ended(session.submit(REQUEST, recorder))
    check_sentence(ended.message, "other classes")
    assert server.session.closed


def test_painting_here_is_for_good() -> None:
    server, local = Server(), FakeSession()
    session, recorder = opened(server, lambda: local), EventRecorder()
    heard: list[Any] = []
    session.on_loaded(heard.append)
    session.measure(heard.append)
    assert heard[0].message == AWAY
    session.paint_here()
    session.paint_here()
    assert session.problem == "" and heard[1].message == "" and local.measure_listeners == [heard.append]
    server.answers = True
    number = session.submit(REQUEST, recorder)
    local.advance(2)
    assert recorder.ended(number).state == "done" and not server.session.requests


def test_questions_and_class_pictures_go_to_whoever_answers() -> None:
    server, local, heard = Server(), FakeSession(), list[Any]()
    session = opened(server, lambda: local)
    question = ExplainRequest(np.zeros((4, 4, 3), np.uint8))
    session.ask(question, heard.append)
    assert heard == [NoAnswer(AWAY)]
    session.paint_classes([2, 0], lambda *picture: heard.append(picture))
    session.paint_here()
    session.ask(question, heard.append)
    assert local.questions == [(question, heard.append)]
    assert [index for index, _ in local.class_requests] == [2, 0]
    for index, show in local.class_requests:
        show(index, b"jpeg")
    assert heard[1:] == [(2, b"jpeg"), (0, b"jpeg")]


def test_a_model_of_other_classes_does_not_take_over() -> None:
    local = FakeSession(classes=("a", "b"))
    session = opened(Server(), lambda: local)
    with raises_sentence(StateError, "other classes", "device='cpu'"):
        session.paint_here()
    assert local.closed and session.problem == AWAY


def test_a_closed_session_takes_no_more() -> None:
    session = opened(Server())
    session.close()
    with raises_sentence(StateError, "closed"):
        session.submit(REQUEST, EventRecorder())


def test_the_studio_offers_to_paint_here() -> None:
    local = FakeSession()
    session: Any = opened(Server(), lambda: local)
    studio = StudioWidget(session, ["generate"])
    assert studio.status.text == AWAY and studio.here_button.layout.display != "none"
    studio.here_button.click()
    assert studio.here_button.layout.display == "none"
    check_sentence(studio.status.text, "this machine")
    studio.run()
    assert local.requests and studio.trace is not None
    studio.close()


def test_a_studio_offers_it_when_the_server_is_lost_in_a_run() -> None:
    server = Server(answers=True)
    session: Any = opened(server)
    studio = StudioWidget(session, ["generate"])
    assert studio.here_button.layout.display == "none"
    studio.run()
    server.session.is_away = True
    server.session.fail(AWAY)
    assert studio.here_button.layout.display != "none" and studio.status.text == AWAY
    studio.close()


@pytest.mark.parametrize(
    ("options", "kind"),
    [({}, ServerOrHere), ({"model": "tiny"}, ServerOrHere), ({"device": "cpu"}, LocalSession)],
)
def test_the_environment_decides_where_a_studio_paints(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], kind: type[Session]
) -> None:
    monkeypatch.setenv("ROBUST_WIDGETS_SERVER", "http://localhost:1")
    studio = rw.Studio(task="generate", **options)
    assert type(studio.session) is kind
    if kind is ServerOrHere:
        check_sentence(studio.status.text, "localhost:1")
    studio.close()


def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUST_WIDGETS_SERVER", "gpu")
    with raises_sentence(rw.ParameterError, "'gpu'"):
        rw.Studio(task="generate")


def test_a_remote_session_is_public() -> None:
    assert rw.RemoteSession is RemoteSession and isinstance(INFO, ModelInfo)
